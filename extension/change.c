/*
 * change.c
 *	  The row every writer answers with: inventory_change.
 *
 * previous_quantity and new_quantity are of what is available.  The retries
 * are those of the call, not of the item.
 */
#include "postgres.h"

#include "change.h"
#include "json.h"
#include "statement.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/* The attributes of type inventory_change in the order of the install script. */
enum
{
	COL_INVENTORY_ID,
	COL_ORGANIZATION_ID,
	COL_PRODUCT_ID,
	COL_WAREHOUSE_ID,
	COL_PREVIOUS_QUANTITY,
	COL_NEW_QUANTITY,
	COL_QUANTITY_RESERVED,
	COL_VERSION,
	COL_MOVEMENT_ID,
	COL_MOVEMENT_TYPE,
	COL_SHORTFALL,
	COL_RETRIES,
	COL_REPLAYED,
	COL_CREATED_AT,
	COL_RESERVATION_ID,
	COL_EXPIRES_AT,
	COL_COUNT
};

static TupleDesc
change_descriptor(FunctionCallInfo fcinfo)
{
	TupleDesc descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE ||
		descriptor->natts != COL_COUNT)
		elog(ERROR, "return type must be inventory_change");
	return BlessTupleDesc(descriptor);
}

static Datum
row_of(TupleDesc descriptor, const InvMovement *movement, int retries)
{
	const InvItemKey *key = &movement->item->key;
	Datum values[COL_COUNT];
	bool nulls[COL_COUNT] = {false};

	values[COL_INVENTORY_ID] = Int64GetDatum(movement->item->inventory_id);
	values[COL_ORGANIZATION_ID] = CStringGetTextDatum(key->organization_id);
	values[COL_PRODUCT_ID] = CStringGetTextDatum(key->product_id);
	values[COL_WAREHOUSE_ID] = CStringGetTextDatum(key->warehouse_id);
	values[COL_PREVIOUS_QUANTITY] = Int64GetDatum(movement->available_after - movement->delta_available);
	values[COL_NEW_QUANTITY] = Int64GetDatum(movement->available_after);
	values[COL_QUANTITY_RESERVED] = Int64GetDatum(movement->reserved_after);
	values[COL_VERSION] = Int64GetDatum(movement->version);
	values[COL_MOVEMENT_ID] = Int64GetDatum(movement->movement_id);
	nulls[COL_MOVEMENT_ID] = movement->is_unchanged;
	values[COL_MOVEMENT_TYPE] = CStringGetTextDatum(inv_movement_type_name(movement->type));
	nulls[COL_MOVEMENT_TYPE] = movement->is_unchanged;
	values[COL_SHORTFALL] = Int64GetDatum(movement->shortfall);
	values[COL_RETRIES] = Int32GetDatum(retries);
	values[COL_REPLAYED] = BoolGetDatum(false);
	values[COL_CREATED_AT] = TimestampTzGetDatum(movement->created_at);
	nulls[COL_RESERVATION_ID] = nulls[COL_EXPIRES_AT] = movement->reservation == NULL;
	if (movement->reservation != NULL)
	{
		values[COL_RESERVATION_ID] = CStringGetTextDatum(movement->reservation->reservation_id);
		values[COL_EXPIRES_AT] = TimestampTzGetDatum(movement->reservation->expires_at);
	}
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	(void) pushJsonbValue(state, WJB_KEY, &value);
}

static void
push_text(JsonbParseState **state, const char *key, const char *text)
{
	JsonbValue value = {.type = jbvString};

	push_key(state, key);
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_number(JsonbParseState **state, const char *key, int64 number)
{
	JsonbValue value = {.type = jbvNumeric};

	push_key(state, key);
	value.val.numeric = int64_to_numeric(number);
	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_time(JsonbParseState **state, const char *key, TimestampTz time)
{
	push_text(state, key, inv_json_instant(time));
}

/* In the order in which jsonb keeps keys, shorter ones first: so it has nothing to sort. */
static void
push_movement(JsonbParseState **state, const InvMovement *movement, int retries)
{
	const InvItemKey *key = &movement->item->key;

	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_number(state, "retries", retries);
	push_number(state, "version", movement->version);
	push_number(state, "shortfall", movement->shortfall);
	push_time(state, "created_at", movement->created_at);
	if (movement->reservation != NULL)
		push_time(state, "expires_at", movement->reservation->expires_at);
	push_text(state, "product_id", key->product_id);
	if (!movement->is_unchanged)
		push_number(state, "movement_id", movement->movement_id);
	push_number(state, "inventory_id", movement->item->inventory_id);
	push_number(state, "new_quantity", movement->available_after);
	push_text(state, "warehouse_id", key->warehouse_id);
	if (!movement->is_unchanged)
		push_text(state, "movement_type", inv_movement_type_name(movement->type));
	if (movement->reservation != NULL)
		push_text(state, "reservation_id", movement->reservation->reservation_id);
	push_text(state, "organization_id", key->organization_id);
	push_number(state, "previous_quantity", movement->available_after - movement->delta_available);
	push_number(state, "quantity_reserved", movement->reserved_after);
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

Datum
inv_change_make_answer(const InvStock *stock, InvOperation *operation)
{
	JsonbParseState *state = NULL;
	ListCell *cell;

	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach (cell, operation->movements)
		push_movement(&state, lfirst(cell), stock->retries);
	operation->answer = JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL)));
	return operation->answer;
}

static InvStatement replay_statement = {
	.sql = "SELECT inventory_id, organization_id, product_id, warehouse_id, previous_quantity, new_quantity,"
		   " quantity_reserved, version, movement_id, movement_type, shortfall, retries, true, created_at, reservation_id, expires_at"
		   " FROM pg_catalog.jsonb_populate_recordset(NULL::@schema@.inventory_change, $1)",
	.arg_count = 1,
	.arg_types = {JSONBOID}};

static Datum
replayed_row(TupleDesc descriptor, Datum answer)
{
	Datum values[1] = {answer};
	HeapTupleHeader row;

	inv_statement_connect();
	inv_statement_run(&replay_statement, values, NULL);
	if (SPI_processed < 1)
		elog(ERROR, "a stored operation has no result");
	row = SPI_returntuple(SPI_tuptable->vals[0], descriptor);
	inv_statement_finish();
	return HeapTupleHeaderGetDatum(row);
}

static void
put_replayed(ReturnSetInfo *result, Datum answer)
{
	Datum values[1] = {answer};

	inv_statement_connect();
	inv_statement_run(&replay_statement, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[row]);
	inv_statement_finish();
}

Datum
inv_change_answer(FunctionCallInfo fcinfo, const InvStock *stock, const InvOperation *operation)
{
	TupleDesc descriptor = change_descriptor(fcinfo);

	if (operation->is_replayed)
		return replayed_row(descriptor, operation->answer);
	return row_of(descriptor, linitial(operation->movements), stock->retries);
}

void
inv_change_answers(FunctionCallInfo fcinfo, const InvStock *stock, const InvOperation *operation)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	if (operation->is_replayed)
		put_replayed(result, operation->answer);
	else
		foreach (cell, operation->movements)
		{
			Datum row = row_of(result->setDesc, lfirst(cell), stock->retries);
			HeapTupleData tuple = {.t_data = DatumGetHeapTupleHeader(row)};

			tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
			tuplestore_puttuple(result->setResult, &tuple);
		}
}
