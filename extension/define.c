/*
 * define.c
 *	  inventory_define(): the only place where an item is born, and where its
 *	  settings change.
 *
 * Being born low or empty is not an edge, so it raises no alert: a shop that
 * moves in with a thousand empty shelves does not want a thousand alarms.
 */
#include "postgres.h"

#include "arguments.h"
#include "catalog.h"
#include "change.h"
#include "operation.h"
#include "pg_inventory.h"
#include "statement.h"
#include "stock.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* The arguments in the order of the install script. */
enum
{
	ARG_PRODUCT_ID,
	ARG_WAREHOUSE_ID,
	ARG_MINIMUM_STOCK,
	ARG_STOCK_FLOOR,
	ARG_TRACK_BATCHES,
	ARG_ATTRIBUTES,
	ARG_INITIAL_QUANTITY,
	ARG_REASON,
	ARG_PERFORMED_BY,
	ARG_REFERENCE,
	ARG_IDEMPOTENCY_KEY,
	ARG_OCCURRED_AT
};

/* What is to be set; an item keeps what is not given. */
typedef struct Definition
{
	bool has_minimum_stock;
	int64 minimum_stock;
	bool has_stock_floor;
	int64 stock_floor;
	bool has_track_batches;
	bool track_batches;
	bool has_attributes;
	Datum attributes;
	int64 initial_quantity;
} Definition;

static bool
read_optional_number(FunctionCallInfo fcinfo, int n, const char *name, int64 *value)
{
	*value = 0;
	if (PG_ARGISNULL(n))
		return false;
	*value = inv_arg_number(fcinfo, n, name);
	return true;
}

static void
check_not_negative(const char *name, int64 value)
{
	if (value < 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not be negative", name));
}

static void
check_attributes(Jsonb *attributes)
{
	if (!JB_ROOT_IS_OBJECT(attributes))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("attributes must be a JSON object"));
	if (VARSIZE(attributes) > INV_MAX_ATTRIBUTES_SIZE)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("attributes are too large"),
				errdetail("They have %u bytes, and at most %d are allowed.",
						  (unsigned) VARSIZE(attributes), INV_MAX_ATTRIBUTES_SIZE));
}

static void
read_definition(FunctionCallInfo fcinfo, Definition *definition)
{
	definition->has_minimum_stock =
		read_optional_number(fcinfo, ARG_MINIMUM_STOCK, "minimum_stock", &definition->minimum_stock);
	check_not_negative("minimum_stock", definition->minimum_stock);
	definition->has_stock_floor =
		read_optional_number(fcinfo, ARG_STOCK_FLOOR, "stock_floor", &definition->stock_floor);
	(void) read_optional_number(fcinfo, ARG_INITIAL_QUANTITY, "initial_quantity", &definition->initial_quantity);
	check_not_negative("initial_quantity", definition->initial_quantity);
	definition->has_track_batches = !PG_ARGISNULL(ARG_TRACK_BATCHES);
	definition->track_batches = definition->has_track_batches && PG_GETARG_BOOL(ARG_TRACK_BATCHES);
	definition->has_attributes = !PG_ARGISNULL(ARG_ATTRIBUTES);
	if (definition->has_attributes)
	{
		Jsonb *attributes = PG_GETARG_JSONB_P(ARG_ATTRIBUTES);

		check_attributes(attributes);
		definition->attributes = JsonbPGetDatum(attributes);
	}
	if (definition->track_batches)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("items cannot track batches yet"));
}

static InvStatement insert_statement = {
	.sql = "INSERT INTO @schema@.inventory (organization_id, product_id, warehouse_id, quantity_available,"
		   " minimum_stock, stock_floor, track_batches, attributes, alert_state, version)"
		   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) ON CONFLICT DO NOTHING",
	.arg_count = 9,
	.arg_types = {TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, BOOLOID, JSONBOID, TEXTOID}};

/* False: somebody else has made the item in the meantime. */
static bool
insert_item(InvStock *stock, const InvItemKey *key, const Definition *definition)
{
	InvItem born = {.available = definition->initial_quantity, .minimum_stock = definition->minimum_stock};
	Datum values[9] = {CStringGetTextDatum(key->organization_id), CStringGetTextDatum(key->product_id),
					   CStringGetTextDatum(key->warehouse_id), Int64GetDatum(definition->initial_quantity),
					   Int64GetDatum(definition->minimum_stock), Int64GetDatum(definition->stock_floor),
					   BoolGetDatum(definition->track_batches), definition->attributes,
					   CStringGetTextDatum(inv_alert_state_name(inv_item_alert_state(&born)))};
	char nulls[9] = "       x ";
	bool is_inserted;

	nulls[7] = definition->has_attributes ? ' ' : 'n';
	inv_statement_connect();
	inv_deadline_arm(&stock->deadline);
	PG_TRY();
	{
		inv_statement_run(&insert_statement, values, nulls);
	}
	PG_CATCH();
	{
		inv_deadline_rethrow(&stock->deadline);
	}
	PG_END_TRY();
	is_inserted = SPI_processed == 1;
	inv_statement_finish();
	return is_inserted;
}

/* The snapshot of the call is older than what has just been inserted. */
static void
find_again(InvStock *stock, const InvItemKey *key, InvItem *item)
{
	bool is_found;

	inv_stock_take_snapshot();
	is_found = inv_item_find(&stock->items, key, item);
	PopActiveSnapshot();
	if (!is_found)
		inv_item_raise_not_found(key);
}

static void
record_birth(InvStock *stock, const InvItem *item, const InvTail *tail)
{
	InvMovement *movement = palloc0(sizeof(InvMovement));

	movement->item = item;
	movement->type = INV_MOVEMENT_CREATED;
	movement->version = item->version;
	movement->quantity = item->available;
	movement->delta_available = item->available;
	movement->available_after = item->available;
	movement->alert_before = item->alert_state;
	movement->alert_after = item->alert_state;
	movement->performed_by = tail->performed_by != NULL ? tail->performed_by : stock->scope->actor;
	movement->operation_id = tail->idempotency_key;
	movement->tail = tail;
	movement->created_at = item->last_modified_at;
	stock->movements = lappend(stock->movements, movement);
}

static bool
jsonb_differs(Datum a, Datum b)
{
	return DatumGetBool(DirectFunctionCall2(jsonb_ne, a, b));
}

static bool
changes_item(const Definition *definition, const InvItem *item)
{
	return item->retired_at != DT_NOBEGIN ||
		   (definition->has_minimum_stock && definition->minimum_stock != item->minimum_stock) ||
		   (definition->has_stock_floor && definition->stock_floor != item->stock_floor) ||
		   (definition->has_track_batches && definition->track_batches != item->track_batches) ||
		   (definition->has_attributes &&
			(!item->has_attributes || jsonb_differs(definition->attributes, item->attributes)));
}

static void
set_settings(InvItem *item, const Definition *definition)
{
	if (definition->has_minimum_stock)
		item->minimum_stock = definition->minimum_stock;
	if (definition->has_stock_floor)
		item->stock_floor = definition->stock_floor;
	if (definition->has_attributes)
	{
		item->has_attributes = true;
		item->attributes = definition->attributes;
	}
	item->retired_at = DT_NOBEGIN;
}

/* Settings that are all as they were write nothing, and say so by no movement. */
static void
record_nothing(InvStock *stock, const InvItem *item)
{
	InvMovement *movement = palloc0(sizeof(InvMovement));

	movement->item = item;
	movement->version = item->version;
	movement->available_after = item->available;
	movement->reserved_after = item->reserved;
	movement->created_at = item->last_modified_at;
	movement->is_unchanged = true;
	stock->movements = lappend(stock->movements, movement);
}

static void
change_settings(InvStock *stock, InvItem *item, const Definition *definition, const InvTail *tail)
{
	InvChange change = {.type = INV_MOVEMENT_SETTINGS,
						.expected_version = INV_ANY_VERSION,
						.tail = tail,
						.operation_id = tail->idempotency_key};

	if (!inv_item_lock(&stock->items, item, &stock->deadline))
		inv_item_raise_not_found(&item->key);
	if (!changes_item(definition, item))
	{
		record_nothing(stock, item);
		return;
	}
	set_settings(item, definition);
	inv_stock_change(stock, item, &change);
	inv_stock_write(stock, item, 1);
}

static void
define_item(InvStock *stock, const InvItemKey *key, const Definition *definition, const InvTail *tail)
{
	InvItem *item = palloc(sizeof(InvItem));

	if (!inv_item_find(&stock->items, key, item))
	{
		if (insert_item(stock, key, definition))
		{
			find_again(stock, key, item);
			record_birth(stock, item, tail);
			inv_stock_write(stock, NULL, 0);
			return;
		}
		find_again(stock, key, item);
	}
	change_settings(stock, item, definition, tail);
}

static void
describe(InvRequest *request, const InvScope *scope, const InvItemKey *key,
		 const Definition *definition, const InvTail *tail)
{
	inv_request_begin(request, "define", scope);
	inv_request_add_text(request, key->product_id);
	inv_request_add_text(request, key->warehouse_id);
	inv_request_add_number(request, definition->has_minimum_stock);
	inv_request_add_number(request, definition->minimum_stock);
	inv_request_add_number(request, definition->has_stock_floor);
	inv_request_add_number(request, definition->stock_floor);
	inv_request_add_number(request, definition->has_track_batches);
	inv_request_add_number(request, definition->track_batches);
	inv_request_add_number(request, definition->initial_quantity);
	inv_request_add_text(request, definition->has_attributes ? JsonbToCString(NULL, &DatumGetJsonbP(definition->attributes)->root, -1) : NULL);
	inv_request_add_tail(request, tail);
}

PG_FUNCTION_INFO_V1(inventory_define);

Datum
inventory_define(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvItemKey key;
	InvTail tail;
	Definition definition;
	InvRequest request;
	InvStock stock;
	Datum row;

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(&scope);
	key.organization_id = scope.organization;
	key.product_id = inv_arg_id(fcinfo, ARG_PRODUCT_ID, "product_id");
	key.warehouse_id = inv_arg_id(fcinfo, ARG_WAREHOUSE_ID, "warehouse_id");
	inv_scope_require(&scope, INV_ROLE_MANAGER, key.warehouse_id);
	read_definition(fcinfo, &definition);
	inv_arg_tail(fcinfo, ARG_REASON, ARG_PERFORMED_BY, ARG_REFERENCE, ARG_IDEMPOTENCY_KEY, ARG_OCCURRED_AT, &tail);
	describe(&request, &scope, &key, &definition, &tail);

	inv_stock_begin(&stock, &scope);
	if (inv_operation_begin(&stock, &tail, &request))
	{
		define_item(&stock, &key, &definition, &tail);
		inv_operation_end(&stock, &tail);
	}
	row = inv_change_answer(fcinfo, &stock);
	inv_stock_end(&stock);
	return row;
}
