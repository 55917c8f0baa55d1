/*
 * adjust.c
 *	  inventory_adjust(): the main verb, one change of one item.
 *
 * "in" adds and "out" takes the magnitude of the quantity, so that a caller
 * who writes -10, 'out' and one who writes 10, 'out' both take ten; an
 * adjustment keeps its sign.
 */
#include "postgres.h"

#include "arguments.h"
#include "catalog.h"
#include "change.h"
#include "operation.h"
#include "stock.h"

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

static InvShortage
shortage_of(const char *name)
{
	if (name != NULL && strcmp(name, "reject") == 0)
		return INV_SHORTAGE_REJECT;
	if (name != NULL && strcmp(name, "partial") == 0)
		return INV_SHORTAGE_PARTIAL;
	if (name != NULL && strcmp(name, "force") == 0)
		return INV_SHORTAGE_FORCE;
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("on_shortage must be \"reject\", \"partial\" or \"force\", not %s",
				   name == NULL ? "null" : psprintf("\"%s\"", name)));
	return INV_SHORTAGE_REJECT;
}

static int64
signed_quantity(InvMovementType type, int64 quantity)
{
	int64 magnitude = quantity < 0 ? -quantity : quantity;

	if (type == INV_MOVEMENT_IN)
		return magnitude;
	return type == INV_MOVEMENT_OUT ? -magnitude : quantity;
}

static void
read_change(FunctionCallInfo fcinfo, InvChange *change, InvTail *tail)
{
	inv_arg_tail(fcinfo, ARG_REASON, ARG_PERFORMED_BY, ARG_REFERENCE, ARG_IDEMPOTENCY_KEY, ARG_OCCURRED_AT, tail);
	memset(change, 0, sizeof(InvChange));
	change->quantity = inv_arg_number(fcinfo, ARG_QUANTITY, "quantity");
	if (change->quantity == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("quantity must not be zero"));
	change->type = movement_type_of(inv_arg_text(fcinfo, ARG_MOVEMENT_TYPE));
	change->delta_available = signed_quantity(change->type, change->quantity);
	change->on_shortage = shortage_of(inv_arg_text(fcinfo, ARG_ON_SHORTAGE));
	change->expected_version = PG_ARGISNULL(ARG_EXPECTED_VERSION) ? INV_ANY_VERSION
																  : PG_GETARG_INT64(ARG_EXPECTED_VERSION);
	if (!PG_ARGISNULL(ARG_EXPECTED_VERSION) && change->expected_version < 1)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("expected_version must be positive"));
	change->tail = tail;
	change->operation_id = tail->idempotency_key;
}

static void
read_batch(FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(ARG_BATCH_NUMBER) || !PG_ARGISNULL(ARG_EXPIRES_AT))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("batch_number and expires_at are for items that track batches"));
}

static void
describe(InvRequest *request, const InvScope *scope, const InvItemKey *key, const InvChange *change)
{
	inv_request_begin(request, "adjust", scope);
	inv_request_add_text(request, key->product_id);
	inv_request_add_text(request, key->warehouse_id);
	inv_request_add_text(request, inv_movement_type_name(change->type));
	inv_request_add_number(request, change->delta_available);
	inv_request_add_number(request, change->on_shortage);
	inv_request_add_number(request, change->expected_version);
	inv_request_add_tail(request, change->tail);
}

PG_FUNCTION_INFO_V1(inventory_adjust);

Datum
inventory_adjust(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvItemKey key;
	InvTail tail;
	InvChange change;
	InvRequest request;
	InvStock stock;
	Datum row;

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(&scope);
	key.organization_id = scope.organization;
	key.product_id = inv_arg_id(fcinfo, ARG_PRODUCT_ID, "product_id");
	key.warehouse_id = inv_arg_id(fcinfo, ARG_WAREHOUSE_ID, "warehouse_id");
	read_change(fcinfo, &change, &tail);
	read_batch(fcinfo);
	describe(&request, &scope, &key, &change);

	inv_stock_begin(&stock, &scope);
	if (inv_operation_begin(&stock, &tail, &request))
	{
		inv_stock_change_one(&stock, &key, &change);
		inv_operation_end(&stock, &tail);
	}
	row = inv_change_answer(fcinfo, &stock);
	inv_stock_end(&stock);
	return row;
}
