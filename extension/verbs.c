/*
 * verbs.c
 *	  The SQL-callable functions that change stock, but for inventory_adjust().
 *
 * A function a verb: its arguments become an operation (operation.c), and
 * execute.c does it.
 */
#include "postgres.h"

#include "catalog.h"
#include "change.h"
#include "execute.h"
#include "fields.h"
#include "settings.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* Most verbs end with these five, in this order. */
static void
read_tail_from(FunctionCallInfo fcinfo, int n, InvTail *tail)
{
	inv_arg_tail(fcinfo, n, n + 1, n + 2, n + 3, n + 4, tail);
}

/* The item that most verbs begin with. */
static InvLine *
read_item(FunctionCallInfo fcinfo, InvOperation *operation)
{
	return inv_operation_add_line(operation, inv_arg_text(fcinfo, 0), inv_arg_text(fcinfo, 1));
}

static void
read_lines(FunctionCallInfo fcinfo, int n, InvOperation *operation)
{
	JsonbValue *elements;
	int count;

	if (PG_ARGISNULL(n))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("lines must not be null"));
	elements = inv_json_elements(PG_GETARG_JSONB_P(n), "lines", inv_max_lines, &count);
	inv_operation_add_lines(operation, elements, count);
}

static void
execute(InvStock *stock, InvOperation *operation)
{
	inv_operation_seal(operation);
	inv_stock_begin(stock);
	inv_execute(stock, &operation, 1, INV_RAISE);
}

/* For verbs of one item. */
static Datum
answer_one(FunctionCallInfo fcinfo, InvOperation *operation)
{
	InvStock stock;
	Datum row;

	execute(&stock, operation);
	row = inv_change_answer(fcinfo, &stock, operation);
	inv_stock_end(&stock);
	return row;
}

/* For verbs of several. */
static Datum
answer_all(FunctionCallInfo fcinfo, InvOperation *operation)
{
	InvStock stock;

	execute(&stock, operation);
	inv_change_answers(fcinfo, &stock, operation);
	inv_stock_end(&stock);
	return (Datum) 0;
}

static InvOperation *
begin(FunctionCallInfo fcinfo, InvVerb verb, InvScope *scope)
{
	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(scope);
	return inv_operation_new(verb, scope);
}

static bool
read_optional_number(FunctionCallInfo fcinfo, int n, const char *name, int64 *value)
{
	*value = 0;
	if (PG_ARGISNULL(n))
		return false;
	*value = inv_arg_number(fcinfo, n, name);
	return true;
}

PG_FUNCTION_INFO_V1(inventory_define);

/* (product_id, warehouse_id, minimum_stock, stock_floor, track_batches, attributes, initial_quantity, tail) */
Datum
inventory_define(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvOperation *operation = begin(fcinfo, INV_VERB_DEFINE, &scope);
	InvDefinition *definition = &operation->definition;

	(void) read_item(fcinfo, operation);
	definition->has_minimum_stock = read_optional_number(fcinfo, 2, "minimum_stock", &definition->minimum_stock);
	definition->has_stock_floor = read_optional_number(fcinfo, 3, "stock_floor", &definition->stock_floor);
	definition->has_track_batches = !PG_ARGISNULL(4);
	definition->track_batches = definition->has_track_batches && PG_GETARG_BOOL(4);
	definition->has_attributes = !PG_ARGISNULL(5);
	if (definition->has_attributes)
		definition->attributes = JsonbPGetDatum(PG_GETARG_JSONB_P(5));
	(void) read_optional_number(fcinfo, 6, "initial_quantity", &definition->initial_quantity);
	inv_definition_check(definition);
	read_tail_from(fcinfo, 7, &operation->tail);
	return answer_one(fcinfo, operation);
}

PG_FUNCTION_INFO_V1(inventory_retire);

/* (product_id, warehouse_id, tail) */
Datum
inventory_retire(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvOperation *operation = begin(fcinfo, INV_VERB_RETIRE, &scope);

	(void) read_item(fcinfo, operation);
	read_tail_from(fcinfo, 2, &operation->tail);
	return answer_one(fcinfo, operation);
}

PG_FUNCTION_INFO_V1(inventory_apply);

/* (lines, tail) */
Datum
inventory_apply(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvOperation *operation = begin(fcinfo, INV_VERB_APPLY, &scope);

	read_lines(fcinfo, 0, operation);
	read_tail_from(fcinfo, 1, &operation->tail);
	return answer_all(fcinfo, operation);
}

PG_FUNCTION_INFO_V1(inventory_set);

/* (product_id, warehouse_id, quantity, expected_quantity, expected_version, counted_at, batch_number, expires_at, tail) */
Datum
inventory_set(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvOperation *operation = begin(fcinfo, INV_VERB_SET, &scope);
	InvLine *line = read_item(fcinfo, operation);

	inv_operation_set_count(operation, inv_arg_number(fcinfo, 2, "quantity"), inv_arg_time(fcinfo, 5));
	operation->has_expected_quantity =
		read_optional_number(fcinfo, 3, "expected_quantity", &operation->expected_quantity);
	inv_line_set_version(line, !PG_ARGISNULL(4), PG_ARGISNULL(4) ? 0 : PG_GETARG_INT64(4));
	inv_line_set_batch(line, inv_arg_text(fcinfo, 6), inv_arg_time(fcinfo, 7));
	read_tail_from(fcinfo, 8, &operation->tail);
	return answer_one(fcinfo, operation);
}

PG_FUNCTION_INFO_V1(inventory_batch_set);

/* (product_id, warehouse_id, batch_number, expires_at, status, tail) */
Datum
inventory_batch_set(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvOperation *operation = begin(fcinfo, INV_VERB_BATCH_SET, &scope);
	InvLine *line = read_item(fcinfo, operation);
	char *batch_number = inv_arg_id(fcinfo, 2, "batch_number");

	inv_line_set_batch(line, batch_number, inv_arg_time(fcinfo, 3));
	inv_operation_set_batch_status(operation, inv_arg_text(fcinfo, 4));
	read_tail_from(fcinfo, 5, &operation->tail);
	return answer_one(fcinfo, operation);
}

PG_FUNCTION_INFO_V1(inventory_reserve);

/* (lines, ttl, reservation_id, tail) */
Datum
inventory_reserve(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvOperation *operation = begin(fcinfo, INV_VERB_RESERVE, &scope);

	read_lines(fcinfo, 0, operation);
	inv_operation_set_ttl(operation, !PG_ARGISNULL(1), PG_ARGISNULL(1) ? 0 : inv_interval_ms(PG_GETARG_INTERVAL_P(1)));
	inv_operation_set_reservation(operation, inv_arg_text(fcinfo, 2));
	read_tail_from(fcinfo, 3, &operation->tail);
	return answer_all(fcinfo, operation);
}

PG_FUNCTION_INFO_V1(inventory_commit);

/* (reservation_id, lines, tail) */
Datum
inventory_commit(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvOperation *operation = begin(fcinfo, INV_VERB_COMMIT, &scope);

	inv_operation_set_reservation(operation, inv_arg_id(fcinfo, 0, "reservation_id"));
	if (!PG_ARGISNULL(1))
		read_lines(fcinfo, 1, operation);
	read_tail_from(fcinfo, 2, &operation->tail);
	return answer_all(fcinfo, operation);
}

PG_FUNCTION_INFO_V1(inventory_release);

/* (reservation_id, tail) */
Datum
inventory_release(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvOperation *operation = begin(fcinfo, INV_VERB_RELEASE, &scope);

	inv_operation_set_reservation(operation, inv_arg_id(fcinfo, 0, "reservation_id"));
	read_tail_from(fcinfo, 1, &operation->tail);
	return answer_all(fcinfo, operation);
}

PG_FUNCTION_INFO_V1(inventory_transfer);

/* (product_id, from_warehouse_id, to_warehouse_id, quantity, batch_number, tail) */
Datum
inventory_transfer(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvOperation *operation = begin(fcinfo, INV_VERB_TRANSFER, &scope);

	inv_operation_set_transfer(operation, inv_arg_text(fcinfo, 0), inv_arg_text(fcinfo, 1), inv_arg_text(fcinfo, 2),
							   inv_arg_number(fcinfo, 3, "quantity"), inv_arg_text(fcinfo, 4));
	read_tail_from(fcinfo, 5, &operation->tail);
	return answer_all(fcinfo, operation);
}
