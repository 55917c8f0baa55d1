/*
 * sync.c
 *	  inventory_sync() and inventory_relay_sync(): many independent operations,
 *	  a verdict each.
 *
 * For the queue of a device that was offline.  Every operation needs a key, or
 * a retry after a lost answer would apply it twice.  An operation that cannot
 * even be read is refused like any other and harms none of the rest.
 */
#include "postgres.h"

#include "catalog.h"
#include "change.h"
#include "errors.h"
#include "execute.h"
#include "fields.h"
#include "level.h"
#include "settings.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* The columns of the result in the order of the install script. */
enum
{
	COL_SEQ,
	COL_IDEMPOTENCY_KEY,
	COL_STATUS,
	COL_SQLSTATE,
	COL_MESSAGE,
	COL_DETAIL,
	COL_RESULT,
	COL_COUNT
};

static InvVerb
verb_of(const char *name)
{
	for (int i = 0; name != NULL && i < INV_VERBS; i++)
	{
		if (strcmp(name, inv_verb_name((InvVerb) i)) == 0)
			return (InvVerb) i;
	}
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("the kind of an operation must be one of the verbs, not %s",
				   name == NULL ? "null" : psprintf("\"%s\"", name)),
			errhint("define, retire, adjust, apply, set, batch_set, reserve, commit, release or transfer."));
	return INV_VERB_ADJUST;
}

static void
read_tail(InvFields *fields, InvTail *tail)
{
	tail->reason = inv_field_text(fields, "reason");
	tail->performed_by = inv_field_text(fields, "performed_by");
	tail->reference = inv_field_text(fields, "reference");
	tail->idempotency_key = inv_field_text(fields, "idempotency_key");
	tail->occurred_at = DT_NOBEGIN;
	(void) inv_field_time(fields, "occurred_at", &tail->occurred_at);
	inv_check_tail(tail);
}

static InvLine *
read_item(InvFields *fields, InvOperation *operation)
{
	const char *product_id = inv_field_text(fields, "product_id");

	return inv_operation_add_line(operation, product_id, inv_field_text(fields, "warehouse_id"));
}

static int64
require_number(InvFields *fields, const char *name)
{
	int64 value = 0;

	if (!inv_field_number(fields, name, &value))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not be null", name));
	return value;
}

static void
read_lines(InvFields *fields, InvOperation *operation, bool is_required)
{
	JsonbValue array;
	JsonbValue *elements;
	int count;

	if (!inv_field_value(fields, "lines", &array))
	{
		if (is_required)
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("lines must not be null"));
		return;
	}
	elements = inv_json_elements_of(&array, "lines", inv_max_lines, &count);
	inv_operation_add_lines(operation, elements, count);
}

static void
read_batch(InvFields *fields, InvLine *line)
{
	TimestampTz expires_at = DT_NOBEGIN;

	(void) inv_field_time(fields, "expires_at", &expires_at);
	inv_line_set_batch(line, inv_field_text(fields, "batch_number"), expires_at);
}

static void
read_version(InvFields *fields, InvLine *line)
{
	int64 version = 0;
	bool is_given = inv_field_number(fields, "expected_version", &version);

	inv_line_set_version(line, is_given, version);
}

static void
read_adjust(InvFields *fields, InvOperation *operation)
{
	InvLine *line = read_item(fields, operation);
	const char *movement_type = inv_field_text(fields, "movement_type");
	const char *on_shortage = inv_field_text(fields, "on_shortage");

	inv_line_set_movement(line, movement_type == NULL ? "adjustment" : movement_type,
						  require_number(fields, "quantity"));
	if (on_shortage != NULL)
		inv_line_set_shortage(line, on_shortage);
	read_version(fields, line);
	read_batch(fields, line);
}

static void
read_define(InvFields *fields, InvOperation *operation)
{
	InvDefinition *definition = &operation->definition;
	JsonbValue attributes;

	(void) read_item(fields, operation);
	definition->has_minimum_stock = inv_field_number(fields, "minimum_stock", &definition->minimum_stock);
	definition->has_stock_floor = inv_field_number(fields, "stock_floor", &definition->stock_floor);
	definition->has_track_batches = inv_field_bool(fields, "track_batches", &definition->track_batches);
	definition->has_attributes = inv_field_value(fields, "attributes", &attributes);
	if (definition->has_attributes)
		definition->attributes = JsonbPGetDatum(JsonbValueToJsonb(&attributes));
	(void) inv_field_number(fields, "initial_quantity", &definition->initial_quantity);
	inv_definition_check(definition);
}

static void
read_set(InvFields *fields, InvOperation *operation)
{
	InvLine *line = read_item(fields, operation);
	TimestampTz counted_at = DT_NOBEGIN;

	(void) inv_field_time(fields, "counted_at", &counted_at);
	inv_operation_set_count(operation, require_number(fields, "quantity"), counted_at);
	operation->has_expected_quantity =
		inv_field_number(fields, "expected_quantity", &operation->expected_quantity);
	read_version(fields, line);
	read_batch(fields, line);
}

static void
read_batch_set(InvFields *fields, InvOperation *operation)
{
	InvLine *line = read_item(fields, operation);

	read_batch(fields, line);
	inv_check_id("batch_number", line->batch_number);
	inv_operation_set_batch_status(operation, inv_field_text(fields, "status"));
}

static void
read_ttl(InvFields *fields, InvOperation *operation)
{
	const char *ttl = inv_field_text(fields, "ttl");
	Interval *interval = NULL;

	if (ttl != NULL)
		interval = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(ttl),
														 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	inv_operation_set_ttl(operation, ttl != NULL, ttl == NULL ? 0 : inv_interval_ms(interval));
}

static void
read_transfer(InvFields *fields, InvOperation *operation)
{
	const char *product_id = inv_field_text(fields, "product_id");
	const char *from = inv_field_text(fields, "from_warehouse_id");
	const char *to = inv_field_text(fields, "to_warehouse_id");
	int64 quantity = require_number(fields, "quantity");

	inv_operation_set_transfer(operation, product_id, from, to, quantity, inv_field_text(fields, "batch_number"));
}

static const char *
require_reservation(InvFields *fields)
{
	const char *reservation_id = inv_field_text(fields, "reservation_id");

	inv_check_id("reservation_id", reservation_id);
	return reservation_id;
}

static void
read_arguments(InvFields *fields, InvOperation *operation)
{
	switch (operation->verb)
	{
		case INV_VERB_DEFINE:
			read_define(fields, operation);
			break;
		case INV_VERB_RETIRE:
			(void) read_item(fields, operation);
			break;
		case INV_VERB_ADJUST:
			read_adjust(fields, operation);
			break;
		case INV_VERB_APPLY:
			read_lines(fields, operation, true);
			break;
		case INV_VERB_SET:
			read_set(fields, operation);
			break;
		case INV_VERB_BATCH_SET:
			read_batch_set(fields, operation);
			break;
		case INV_VERB_RESERVE:
			read_lines(fields, operation, true);
			read_ttl(fields, operation);
			inv_operation_set_reservation(operation, inv_field_text(fields, "reservation_id"));
			break;
		case INV_VERB_COMMIT:
			inv_operation_set_reservation(operation, require_reservation(fields));
			read_lines(fields, operation, false);
			break;
		case INV_VERB_RELEASE:
			inv_operation_set_reservation(operation, require_reservation(fields));
			break;
		default:
			read_transfer(fields, operation);
			break;
	}
}

/* Somebody on whose behalf operations are done. */
typedef struct Caller
{
	InvScope scope;
	InvRefusal *refusal; /* his claims give him nothing */
} Caller;

typedef struct Callers
{
	Caller *list;
	int count;
	bool is_named; /* operations say whose they are; a relay's, which calls no verb */
} Callers;

static const Caller *
caller_of(InvFields *fields, const Callers *callers)
{
	int64 n = 0;

	if (callers->is_named && !inv_field_number(fields, "caller", &n))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("caller must not be null"));
	if (n < 0 || n >= callers->count)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("there is no caller %lld", (long long) n));
	return &callers->list[n];
}

/* Who calls the verb needs the right to execute it, and gets no other by this way. */
static void
require_verb(InvVerb verb)
{
	const char *function = psprintf("inventory_%s", inv_verb_name(verb));

	if (!inv_level_gives(function, "inventory_sync"))
		ereport(ERROR,
				errcode(INV_ERRCODE_FORBIDDEN),
				errmsg("\"%s\" needs the right to execute %s, and role \"%s\" does not have it",
					   inv_verb_name(verb), function, inv_level_role()));
}

/* False: the caller himself is refused. */
static bool
read_operation(const JsonbValue *value, const Callers *callers, InvOperation *operation)
{
	InvFields fields;
	const Caller *caller;

	inv_fields_begin(&fields, value, psprintf("operation %d", operation->seq));
	/* the key first, so that even a refusal can be told by it */
	read_tail(&fields, &operation->tail);
	caller = caller_of(&fields, callers);
	operation->scope = &caller->scope;
	operation->refusal = caller->refusal;
	if (caller->refusal != NULL)
		return false;
	operation->verb = verb_of(inv_field_text(&fields, "kind"));
	if (!callers->is_named)
		require_verb(operation->verb);
	if (operation->tail.idempotency_key == NULL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("an operation needs an idempotency_key"),
				errhint("Without one, a retry after a lost answer would apply it twice."));
	read_arguments(&fields, operation);
	inv_fields_end(&fields);
	inv_operation_seal(operation);
	return true;
}

/* What cannot be read is refused; nothing is held here that would have to be let go. */
static InvOperation *
read_for_verdict(const JsonbValue *value, int seq, const Callers *callers)
{
	InvOperation *operation = inv_operation_new(INV_VERB_ADJUST, &callers->list[0].scope);
	MemoryContext context = CurrentMemoryContext;

	operation->seq = seq;
	PG_TRY();
	{
		(void) read_operation(value, callers, operation);
	}
	PG_CATCH();
	{
		operation->refusal = inv_refusal_take(context);
	}
	PG_END_TRY();
	return operation;
}

static char *
sqlstate_text(int sqlstate)
{
	return pstrdup(unpack_sql_state(sqlstate));
}

static void
put_verdict(ReturnSetInfo *result, const InvOperation *operation)
{
	const InvRefusal *refusal = operation->refusal;
	const char *key = operation->tail.idempotency_key;
	Datum values[COL_COUNT] = {0};
	bool nulls[COL_COUNT] = {false};

	values[COL_SEQ] = Int32GetDatum(operation->seq);
	nulls[COL_IDEMPOTENCY_KEY] = key == NULL;
	values[COL_IDEMPOTENCY_KEY] = key == NULL ? (Datum) 0 : CStringGetTextDatum(key);
	nulls[COL_SQLSTATE] = nulls[COL_MESSAGE] = nulls[COL_DETAIL] = true;
	nulls[COL_RESULT] = refusal != NULL;
	if (refusal != NULL)
	{
		values[COL_STATUS] = CStringGetTextDatum("rejected");
		values[COL_SQLSTATE] = CStringGetTextDatum(sqlstate_text(refusal->sqlstate));
		values[COL_MESSAGE] = CStringGetTextDatum(refusal->message);
		nulls[COL_SQLSTATE] = nulls[COL_MESSAGE] = false;
		nulls[COL_DETAIL] = refusal->detail == NULL;
		if (refusal->detail != NULL)
			values[COL_DETAIL] = CStringGetTextDatum(refusal->detail);
	}
	else
	{
		values[COL_STATUS] = CStringGetTextDatum(operation->is_replayed ? "replayed" : "applied");
		values[COL_RESULT] = operation->answer;
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static InvOperation **
read_operations(FunctionCallInfo fcinfo, const Callers *callers, int *count)
{
	JsonbValue *elements;
	InvOperation **operations;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("operations must not be null"));
	elements = inv_json_elements(PG_GETARG_JSONB_P(0), "operations", inv_max_lines, count);
	operations = palloc(*count * sizeof(InvOperation *));
	for (int i = 0; i < *count; i++)
	{
		operations[i] = read_for_verdict(&elements[i], i + 1, callers);
		CHECK_FOR_INTERRUPTS();
	}
	return operations;
}

static void
sync_operations(FunctionCallInfo fcinfo, const Callers *callers, InvMode mode)
{
	InvStock stock;
	InvOperation **operations;
	int count;

	InitMaterializedSRF(fcinfo, 0);
	operations = read_operations(fcinfo, callers, &count);
	inv_stock_begin(&stock);
	inv_execute(&stock, operations, count, mode);
	for (int i = 0; i < count; i++)
		put_verdict((ReturnSetInfo *) fcinfo->resultinfo, operations[i]);
	inv_stock_end(&stock);
}

PG_FUNCTION_INFO_V1(inventory_sync);

/* inventory_sync(operations jsonb) */
Datum
inventory_sync(PG_FUNCTION_ARGS)
{
	Caller caller = {0};
	const Callers callers = {.list = &caller, .count = 1};

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(&caller.scope);
	sync_operations(fcinfo, &callers, INV_VERDICT);
	return (Datum) 0;
}

static void
read_caller(const JsonbValue *value, Caller *caller)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		inv_scope_of_claims(value->type == jbvBinary ? inv_claims_parse(JsonbToCString(NULL, value->val.binary.data, -1)) : NULL,
							&caller->scope);
	}
	PG_CATCH();
	{
		caller->refusal = inv_refusal_take(context);
		inv_scope_of_system("", "nobody", &caller->scope);
	}
	PG_END_TRY();
}

PG_FUNCTION_INFO_V1(inventory_relay_sync);

/* inventory_relay_sync(operations jsonb, callers jsonb, wait boolean) */
Datum
inventory_relay_sync(PG_FUNCTION_ARGS)
{
	Callers callers = {.is_named = true};
	JsonbValue *elements;

	(void) inv_catalog_of_function(fcinfo);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("callers must not be null"));
	elements = inv_json_elements(PG_GETARG_JSONB_P(1), "callers", inv_max_lines, &callers.count);
	callers.list = palloc0(callers.count * sizeof(Caller));
	for (int i = 0; i < callers.count; i++)
		read_caller(&elements[i], &callers.list[i]);
	sync_operations(fcinfo, &callers, !PG_ARGISNULL(2) && PG_GETARG_BOOL(2) ? INV_VERDICT : INV_VERDICT_NOW);
	return (Datum) 0;
}
