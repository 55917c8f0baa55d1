/*
 * operation.c
 *	  One wanted operation, from whatever caller: the verb and its arguments.
 */
#include "postgres.h"

#include "batch.h"
#include "errors.h"
#include "fields.h"
#include "operation.h"
#include "pg_inventory.h"
#include "settings.h"

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

/* A hold is for a payment or a visit, not for ever. */
#define MAX_TTL_MS (INT64CONST(366) * 24 * 3600 * 1000)

static const char *const verb_names[INV_VERBS] = {
	[INV_VERB_DEFINE] = "define",
	[INV_VERB_RETIRE] = "retire",
	[INV_VERB_ADJUST] = "adjust",
	[INV_VERB_APPLY] = "apply",
	[INV_VERB_SET] = "set",
	[INV_VERB_BATCH_SET] = "batch_set",
	[INV_VERB_RESERVE] = "reserve",
	[INV_VERB_COMMIT] = "commit",
	[INV_VERB_RELEASE] = "release",
	[INV_VERB_TRANSFER] = "transfer",
};

const char *
inv_verb_name(InvVerb verb)
{
	return verb_names[verb];
}

static InvRole
role_for(InvVerb verb)
{
	switch (verb)
	{
		case INV_VERB_DEFINE:
		case INV_VERB_RETIRE:
		case INV_VERB_BATCH_SET:
			return INV_ROLE_MANAGER;
		default:
			return INV_ROLE_OPERATOR;
	}
}

InvOperation *
inv_operation_new(InvVerb verb, const InvScope *scope)
{
	InvOperation *operation = palloc0(sizeof(InvOperation));

	operation->verb = verb;
	operation->scope = scope;
	operation->tail.occurred_at = DT_NOBEGIN;
	operation->counted_at = DT_NOBEGIN;
	return operation;
}

InvLine *
inv_operation_add_line(InvOperation *operation, const char *product_id, const char *warehouse_id)
{
	InvLine *line = palloc0(sizeof(InvLine));

	inv_check_id("product_id", product_id);
	inv_check_id("warehouse_id", warehouse_id);
	inv_scope_require(operation->scope, role_for(operation->verb), warehouse_id);
	line->key.organization_id = operation->scope->organization;
	line->key.product_id = product_id;
	line->key.warehouse_id = warehouse_id;
	line->expected_version = INV_ANY_VERSION;
	line->expires_at = DT_NOBEGIN;
	operation->lines = lappend(operation->lines, line);
	return line;
}

static InvMovementType
movement_type_of(const char *name)
{
	static const InvMovementType allowed[] = {INV_MOVEMENT_IN, INV_MOVEMENT_OUT, INV_MOVEMENT_ADJUSTMENT};

	for (size_t i = 0; name != NULL && i < lengthof(allowed); i++)
	{
		if (strcmp(name, inv_movement_type_name(allowed[i])) == 0)
			return allowed[i];
	}
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("movement_type must be \"in\", \"out\" or \"adjustment\", not %s",
				   name == NULL ? "null" : psprintf("\"%s\"", name)));
	return INV_MOVEMENT_ADJUSTMENT;
}

static void
check_not_zero(int64 quantity)
{
	if (quantity == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("quantity must not be zero"));
}

static void
check_positive(const char *name, int64 value)
{
	if (value <= 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must be positive", name));
}

static void
check_not_negative(const char *name, int64 value)
{
	if (value < 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not be negative", name));
}

/*
 * "in" adds and "out" takes the magnitude of the quantity, so that a caller
 * who writes -10, 'out' and one who writes 10, 'out' both take ten; an
 * adjustment keeps its sign.
 */
void
inv_line_set_movement(InvLine *line, const char *movement_type, int64 quantity)
{
	int64 magnitude = quantity < 0 ? -quantity : quantity;

	check_not_zero(quantity);
	line->type = movement_type_of(movement_type);
	line->quantity = quantity;
	line->delta = line->type == INV_MOVEMENT_IN ? magnitude : line->type == INV_MOVEMENT_OUT ? -magnitude
																							 : quantity;
}

void
inv_line_set_shortage(InvLine *line, const char *on_shortage)
{
	if (on_shortage != NULL && strcmp(on_shortage, "reject") == 0)
		line->on_shortage = INV_SHORTAGE_REJECT;
	else if (on_shortage != NULL && strcmp(on_shortage, "partial") == 0)
		line->on_shortage = INV_SHORTAGE_PARTIAL;
	else if (on_shortage != NULL && strcmp(on_shortage, "force") == 0)
		line->on_shortage = INV_SHORTAGE_FORCE;
	else
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("on_shortage must be \"reject\", \"partial\" or \"force\", not %s",
					   on_shortage == NULL ? "null" : psprintf("\"%s\"", on_shortage)));
}

void
inv_line_set_batch(InvLine *line, const char *batch_number, TimestampTz expires_at)
{
	if (batch_number != NULL)
		inv_check_id("batch_number", batch_number);
	else if (expires_at != DT_NOBEGIN)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("expires_at needs a batch_number"));
	line->batch_number = batch_number;
	line->expires_at = expires_at;
}

void
inv_line_set_version(InvLine *line, bool is_given, int64 expected_version)
{
	if (is_given)
		check_positive("expected_version", expected_version);
	line->expected_version = is_given ? expected_version : INV_ANY_VERSION;
}

/* A line of a cart: {product_id, warehouse_id, quantity, movement_type, ...}. */
static void
add_change_line(InvOperation *operation, InvFields *fields)
{
	const char *product_id = inv_field_text(fields, "product_id");
	const char *warehouse_id = inv_field_text(fields, "warehouse_id");
	const char *movement_type = inv_field_text(fields, "movement_type");
	const char *on_shortage = inv_field_text(fields, "on_shortage");
	InvLine *line = inv_operation_add_line(operation, product_id, warehouse_id);
	TimestampTz expires_at = DT_NOBEGIN;
	int64 number = 0;
	bool has_version;

	if (!inv_field_number(fields, "quantity", &number))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("quantity of %s must not be null", fields->what));
	inv_line_set_movement(line, movement_type == NULL ? "adjustment" : movement_type, number);
	if (on_shortage != NULL)
		inv_line_set_shortage(line, on_shortage);
	has_version = inv_field_number(fields, "expected_version", &number);
	inv_line_set_version(line, has_version, number);
	(void) inv_field_time(fields, "expires_at", &expires_at);
	inv_line_set_batch(line, inv_field_text(fields, "batch_number"), expires_at);
}

/* A line of a reservation: {product_id, warehouse_id, quantity}. */
static void
add_hold_line(InvOperation *operation, InvFields *fields)
{
	const char *product_id = inv_field_text(fields, "product_id");
	const char *warehouse_id = inv_field_text(fields, "warehouse_id");
	InvLine *line = inv_operation_add_line(operation, product_id, warehouse_id);

	if (!inv_field_number(fields, "quantity", &line->quantity))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("quantity of %s must not be null", fields->what));
	check_positive("quantity", line->quantity);
	line->delta = -line->quantity;
	line->type = operation->verb == INV_VERB_RESERVE ? INV_MOVEMENT_RESERVE : INV_MOVEMENT_COMMIT;
}

void
inv_operation_add_lines(InvOperation *operation, const JsonbValue *elements, int count)
{
	for (int i = 0; i < count; i++)
	{
		InvFields fields;

		inv_fields_begin(&fields, &elements[i], psprintf("line %d", i + 1));
		if (operation->verb == INV_VERB_APPLY)
			add_change_line(operation, &fields);
		else
			add_hold_line(operation, &fields);
		inv_fields_end(&fields);
	}
}

/*
 * As text, which is what everybody who looks at the item is sent, they may be
 * much more than as stored: 1e131071 has twelve bytes, and 131,072 digits.
 */
static void
check_attributes(Jsonb *attributes)
{
	StringInfoData text;

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
	initStringInfo(&text);
	(void) JsonbToCString(&text, &attributes->root, VARSIZE(attributes));
	if (text.len > INV_MAX_ATTRIBUTES_TEXT_SIZE)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("attributes are too large"),
				errdetail("They have %d bytes as text, and at most %d are allowed.",
						  text.len, INV_MAX_ATTRIBUTES_TEXT_SIZE));
	pfree(text.data);
}

void
inv_definition_check(const InvDefinition *definition)
{
	check_not_negative("minimum_stock", definition->minimum_stock);
	check_not_negative("initial_quantity", definition->initial_quantity);
	if (definition->has_attributes)
		check_attributes(DatumGetJsonbP(definition->attributes));
	if (definition->track_batches && definition->initial_quantity > 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("an item that tracks batches cannot have an initial quantity"),
				errhint("Bring its stock in batch by batch, with inventory_adjust(..., 'in', batch_number => ...)."));
}

void
inv_operation_set_count(InvOperation *operation, int64 quantity, TimestampTz counted_at)
{
	InvLine *line = linitial(operation->lines);

	check_not_negative("quantity", quantity);
	line->type = INV_MOVEMENT_COUNT;
	line->quantity = quantity;
	operation->counted_at = counted_at;
}

void
inv_operation_set_ttl(InvOperation *operation, bool is_given, int64 ttl_ms)
{
	operation->has_ttl = is_given;
	operation->ttl_ms = is_given ? ttl_ms : inv_reservation_ttl_s * INT64CONST(1000);
	if (operation->ttl_ms <= 0 || operation->ttl_ms > MAX_TTL_MS)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("ttl must be positive and at most 366 days"));
}

void
inv_operation_set_batch_status(InvOperation *operation, const char *status)
{
	if (status != NULL && inv_batch_status_of(status) == INV_BATCH_EXPIRED)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("status must be \"active\" or \"quarantined\", not \"expired\""),
				errhint("A batch expires by its date: set expires_at."));
	operation->batch_status = status;
}

static bool
is_same_change(const InvLine *a, const InvLine *b)
{
	return inv_item_key_compare(&a->key, &b->key) == 0 && a->type == b->type &&
		   a->on_shortage == b->on_shortage && a->expected_version == b->expected_version &&
		   a->expires_at == b->expires_at && (a->batch_number == NULL) == (b->batch_number == NULL) &&
		   (a->batch_number == NULL || strcmp(a->batch_number, b->batch_number) == 0);
}

static InvLine *
find_same_change(const List *lines, const InvLine *line)
{
	ListCell *cell;

	foreach (cell, lines)
	{
		if (is_same_change(lfirst(cell), line))
			return lfirst(cell);
	}
	return NULL;
}

/*
 * Two lines of a cart that name the same item are one change of it: checked
 * one by one, each would be compared with the same stock.
 */
void
inv_operation_seal(InvOperation *operation)
{
	List *merged = NIL;
	ListCell *cell;

	/* for verbs whose lines, and warehouses, are those of a reservation */
	inv_scope_require_role(operation->scope, role_for(operation->verb));
	inv_scope_check_performer(operation->scope, operation->tail.performed_by);
	if (operation->verb == INV_VERB_TRANSFER)
		return;
	foreach (cell, operation->lines)
	{
		InvLine *line = lfirst(cell);
		InvLine *same = find_same_change(merged, line);

		if (same == NULL)
			merged = lappend(merged, line);
		else
		{
			same->delta += line->delta;
			inv_check_number("quantity", same->delta);
			/* of 3 and -4 "out", seven are asked for */
			same->quantity = same->type == INV_MOVEMENT_ADJUSTMENT || same->delta > 0 ? same->delta : -same->delta;
		}
	}
	operation->lines = merged;
}

/* A value and its length, so that no two lists of values read the same. */
static void
add_text(StringInfo text, const char *value)
{
	if (value == NULL)
		appendStringInfoString(text, "-;");
	else
		appendStringInfo(text, "%zu:%s;", strlen(value), value);
}

static void
add_number(StringInfo text, int64 value)
{
	appendStringInfo(text, INT64_FORMAT ";", value);
}

static void
add_line(StringInfo text, const InvLine *line)
{
	add_text(text, line->key.product_id);
	add_text(text, line->key.warehouse_id);
	add_number(text, line->type);
	add_number(text, line->type == INV_MOVEMENT_COUNT ? line->quantity : line->delta);
	add_number(text, line->on_shortage);
	add_number(text, line->expected_version);
	add_text(text, line->batch_number);
	add_number(text, line->expires_at);
}

static void
add_definition(StringInfo text, const InvDefinition *definition)
{
	add_number(text, definition->has_minimum_stock);
	add_number(text, definition->minimum_stock);
	add_number(text, definition->has_stock_floor);
	add_number(text, definition->stock_floor);
	add_number(text, definition->has_track_batches);
	add_number(text, definition->track_batches);
	add_number(text, definition->initial_quantity);
	add_text(text, definition->has_attributes
					   ? JsonbToCString(NULL, &DatumGetJsonbP(definition->attributes)->root, -1)
					   : NULL);
}

static int
compare_texts(const InvLine *a, const InvLine *b)
{
	StringInfoData left;
	StringInfoData right;
	int order;

	initStringInfo(&left);
	initStringInfo(&right);
	add_line(&left, a);
	add_line(&right, b);
	order = strcmp(left.data, right.data);
	pfree(left.data);
	pfree(right.data);
	return order;
}

/* By item; lines of the same item, of several batches say, by all that they say. */
static int
compare_lines(const ListCell *a, const ListCell *b)
{
	const InvLine *left = lfirst(a);
	const InvLine *right = lfirst(b);
	int order = inv_item_key_compare(&left->key, &right->key);

	return order != 0 ? order : compare_texts(left, right);
}

char *
inv_operation_fingerprint(const InvOperation *operation)
{
	StringInfoData text;
	List *lines = list_copy(operation->lines);
	ListCell *cell;

	initStringInfo(&text);
	add_text(&text, verb_names[operation->verb]);
	add_text(&text, operation->scope->organization);
	/* a cart is the same in any order of its lines */
	list_sort(lines, compare_lines);
	foreach (cell, lines)
		add_line(&text, lfirst(cell));
	if (operation->verb == INV_VERB_DEFINE)
		add_definition(&text, &operation->definition);
	add_number(&text, operation->has_expected_quantity);
	add_number(&text, operation->expected_quantity);
	add_number(&text, operation->counted_at);
	add_text(&text, operation->batch_status);
	add_text(&text, operation->reservation_id);
	add_number(&text, operation->has_ttl ? operation->ttl_ms : 0);
	add_text(&text, operation->tail.reason);
	add_text(&text, operation->tail.performed_by);
	add_text(&text, operation->tail.reference);
	add_number(&text, operation->tail.occurred_at);
	return text.data;
}

void
inv_operation_set_reservation(InvOperation *operation, const char *reservation_id)
{
	if (reservation_id != NULL)
		inv_check_id("reservation_id", reservation_id);
	operation->reservation_id = reservation_id;
}

void
inv_operation_set_transfer(InvOperation *operation, const char *product_id, const char *from_warehouse_id,
						   const char *to_warehouse_id, int64 quantity, const char *batch_number)
{
	InvLine *from;
	InvLine *to;

	inv_check_id("from_warehouse_id", from_warehouse_id);
	inv_check_id("to_warehouse_id", to_warehouse_id);
	if (strcmp(from_warehouse_id, to_warehouse_id) == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a transfer needs two different warehouses"));
	check_positive("quantity", quantity);
	from = inv_operation_add_line(operation, product_id, from_warehouse_id);
	from->type = INV_MOVEMENT_TRANSFER_OUT;
	from->quantity = quantity;
	from->delta = -quantity;
	inv_line_set_batch(from, batch_number, DT_NOBEGIN);
	to = inv_operation_add_line(operation, product_id, to_warehouse_id);
	to->type = INV_MOVEMENT_TRANSFER_IN;
	to->quantity = quantity;
	to->delta = quantity;
}

/*
 * Ours, or what PostgreSQL itself says of a value: "yesterdya" is no date
 * (22007).  A sequence that has come to its end is of the same class, but
 * leaves its page locked.
 */
static bool
is_refusal(int sqlstate)
{
	if (sqlstate == ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED)
		return false;
	return sqlstate == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE ||
		   ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_DATA_EXCEPTION ||
		   ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_TO_CATEGORY(INV_ERRCODE_NOT_FOUND);
}

InvRefusal *
inv_refusal_take(MemoryContext context)
{
	InvRefusal *refusal;
	ErrorData *error;

	MemoryContextSwitchTo(context);
	if (!is_refusal(geterrcode()))
		PG_RE_THROW();
	error = CopyErrorData();
	FlushErrorState();
	refusal = palloc(sizeof(InvRefusal));
	refusal->sqlstate = error->sqlerrcode;
	refusal->message = error->message;
	refusal->detail = error->detail;
	refusal->hint = error->hint;
	return refusal;
}
