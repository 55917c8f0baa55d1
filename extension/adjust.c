/*
 * adjust.c
 *	  inventory_adjust(): the main verb, one change of one item.
 *
 * Without a key, the change is tried optimistically first (stock.c); what
 * needs the row locked goes the way of all operations.
 */
#include "postgres.h"

#include "catalog.h"
#include "change.h"
#include "execute.h"
#include "judge.h"

#include "fmgr.h"
#include "utils/timestamp.h"

/* The arguments in the order of the install script. */
enum
{
	ARG_PRODUCT_ID,
	ARG_WAREHOUSE_ID,
	ARG_QUANTITY,
	ARG_MOVEMENT_TYPE,
	ARG_REASON,
	ARG_PERFORMED_BY,
	ARG_EXPECTED_VERSION,
	ARG_BATCH_NUMBER,
	ARG_EXPIRES_AT,
	ARG_ON_SHORTAGE,
	ARG_REFERENCE,
	ARG_IDEMPOTENCY_KEY,
	ARG_OCCURRED_AT
};

static InvOperation *
read_operation(FunctionCallInfo fcinfo, const InvScope *scope)
{
	InvOperation *operation = inv_operation_new(INV_VERB_ADJUST, scope);
	InvLine *line = inv_operation_add_line(operation, inv_arg_text(fcinfo, ARG_PRODUCT_ID),
										   inv_arg_text(fcinfo, ARG_WAREHOUSE_ID));

	inv_arg_tail(fcinfo, ARG_REASON, ARG_PERFORMED_BY, ARG_REFERENCE, ARG_IDEMPOTENCY_KEY, ARG_OCCURRED_AT,
				 &operation->tail);
	inv_line_set_movement(line, inv_arg_text(fcinfo, ARG_MOVEMENT_TYPE),
						  inv_arg_number(fcinfo, ARG_QUANTITY, "quantity"));
	inv_line_set_shortage(line, inv_arg_text(fcinfo, ARG_ON_SHORTAGE));
	inv_line_set_version(line, !PG_ARGISNULL(ARG_EXPECTED_VERSION),
						 PG_ARGISNULL(ARG_EXPECTED_VERSION) ? 0 : PG_GETARG_INT64(ARG_EXPECTED_VERSION));
	inv_line_set_batch(line, inv_arg_text(fcinfo, ARG_BATCH_NUMBER), inv_arg_time(fcinfo, ARG_EXPIRES_AT));
	inv_operation_seal(operation);
	return operation;
}

/* False: it has to go the way of all operations. */
static bool
try_optimistically(InvStock *stock, InvOperation *operation)
{
	const InvLine *line = linitial(operation->lines);
	InvChange change;

	if (operation->tail.idempotency_key != NULL)
		return false;
	inv_judge_fill_change(operation, line, &change);
	if (inv_stock_try(stock, &line->key, &change) == NULL)
		return false;
	operation->movements = stock->movements;
	return true;
}

PG_FUNCTION_INFO_V1(inventory_adjust);

Datum
inventory_adjust(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvOperation *operation;
	InvStock stock;
	Datum row;

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(&scope);
	operation = read_operation(fcinfo, &scope);
	inv_stock_begin(&stock);
	if (!try_optimistically(&stock, operation))
		inv_execute(&stock, &operation, 1, INV_RAISE);
	row = inv_change_answer(fcinfo, &stock, operation);
	inv_stock_end(&stock);
	return row;
}
