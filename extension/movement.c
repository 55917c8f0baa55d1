/*
 * movement.c
 *	  Appends rows to the ledger.
 */
#include "postgres.h"

#include "catalog.h"
#include "movement.h"

#include "access/htup_details.h"
#include "commands/sequence.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* The columns of inventory_movement in the order of the install script. */
enum
{
	COL_INVENTORY_ID,
	COL_VERSION,
	COL_MOVEMENT_ID,
	COL_OPERATION_ID,
	COL_ORGANIZATION_ID,
	COL_PRODUCT_ID,
	COL_WAREHOUSE_ID,
	COL_MOVEMENT_TYPE,
	COL_QUANTITY,
	COL_DELTA_AVAILABLE,
	COL_DELTA_RESERVED,
	COL_AVAILABLE_AFTER,
	COL_RESERVED_AFTER,
	COL_REASON,
	COL_REFERENCE,
	COL_PERFORMED_BY,
	COL_DB_USER,
	COL_OCCURRED_AT,
	COL_CREATED_AT,
	COL_COUNT
};

static const char *const type_names[INV_MOVEMENT_TYPES] = {
	[INV_MOVEMENT_CREATED] = "created",
	[INV_MOVEMENT_SETTINGS] = "settings",
	[INV_MOVEMENT_IN] = "in",
	[INV_MOVEMENT_OUT] = "out",
	[INV_MOVEMENT_ADJUSTMENT] = "adjustment",
	[INV_MOVEMENT_COUNT] = "count",
	[INV_MOVEMENT_RESERVE] = "reserve",
	[INV_MOVEMENT_RELEASE] = "release",
	[INV_MOVEMENT_COMMIT] = "commit",
	[INV_MOVEMENT_TRANSFER_IN] = "transfer_in",
	[INV_MOVEMENT_TRANSFER_OUT] = "transfer_out",
	[INV_MOVEMENT_EXPIRE] = "expire",
	[INV_MOVEMENT_RETIRED] = "retired",
};

const char *
inv_movement_type_name(InvMovementType type)
{
	return type_names[type];
}

static void
set_text(Datum *values, bool *nulls, int column, const char *value)
{
	nulls[column] = value == NULL;
	values[column] = value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
}

void
inv_movement_write(InvTable *table, InvMovement *movement)
{
	const InvItemKey *key = &movement->item->key;
	const InvTail *tail = movement->tail;
	Datum values[COL_COUNT];
	bool nulls[COL_COUNT] = {false};

	StaticAssertStmt(COL_COUNT == INV_MOVEMENT_COLUMNS, "catalog.h counts other columns");
	movement->movement_id = nextval_internal(inv_catalog()->movement_sequence, false);
	values[COL_INVENTORY_ID] = Int64GetDatum(movement->item->inventory_id);
	values[COL_VERSION] = Int64GetDatum(movement->version);
	values[COL_MOVEMENT_ID] = Int64GetDatum(movement->movement_id);
	set_text(values, nulls, COL_OPERATION_ID, movement->operation_id);
	set_text(values, nulls, COL_ORGANIZATION_ID, key->organization_id);
	set_text(values, nulls, COL_PRODUCT_ID, key->product_id);
	set_text(values, nulls, COL_WAREHOUSE_ID, key->warehouse_id);
	set_text(values, nulls, COL_MOVEMENT_TYPE, type_names[movement->type]);
	values[COL_QUANTITY] = Int64GetDatum(movement->quantity);
	values[COL_DELTA_AVAILABLE] = Int64GetDatum(movement->delta_available);
	values[COL_DELTA_RESERVED] = Int64GetDatum(movement->delta_reserved);
	values[COL_AVAILABLE_AFTER] = Int64GetDatum(movement->available_after);
	values[COL_RESERVED_AFTER] = Int64GetDatum(movement->reserved_after);
	set_text(values, nulls, COL_REASON, tail->reason);
	set_text(values, nulls, COL_REFERENCE, tail->reference);
	set_text(values, nulls, COL_PERFORMED_BY, movement->performed_by);
	set_text(values, nulls, COL_DB_USER, GetUserNameFromId(GetSessionUserId(), false));
	nulls[COL_OCCURRED_AT] = tail->occurred_at == DT_NOBEGIN;
	values[COL_OCCURRED_AT] = TimestampTzGetDatum(tail->occurred_at);
	values[COL_CREATED_AT] = TimestampTzGetDatum(movement->created_at);
	inv_table_insert(table, values, nulls);
}

/* When a version was made; false: there is no such version. */
static bool
time_of_version(InvTable *table, int64 inventory_id, int64 version, TimestampTz *time)
{
	Datum keys[2] = {Int64GetDatum(inventory_id), Int64GetDatum(version)};
	HeapTuple row = inv_table_find(table, inv_catalog()->movement_pkey, lengthof(keys), keys);
	bool is_null;

	if (row == NULL)
		return false;
	*time = DatumGetTimestampTz(heap_getattr(row, COL_CREATED_AT + 1, RelationGetDescr(table->relation), &is_null));
	heap_freetuple(row);
	return true;
}

PG_FUNCTION_INFO_V1(inventory_version_at);

/*
 * inventory_version_at(inventory_id bigint, version bigint, as_of timestamptz):
 * the last of the versions 1 to version that was made until then; 0 = none.
 * Versions have no gaps and their times never go back, so twenty probes of
 * the primary key find one in a million.
 */
Datum
inventory_version_at(PG_FUNCTION_ARGS)
{
	int64 inventory_id = PG_GETARG_INT64(0);
	int64 low = 0;
	int64 high = PG_GETARG_INT64(1);
	TimestampTz as_of = PG_GETARG_TIMESTAMPTZ(2);
	InvTable table;

	(void) inv_catalog_of_function(fcinfo);
	inv_table_open_to_read(&table, inv_catalog()->movement_table);
	while (low < high)
	{
		int64 middle = low + (high - low + 1) / 2;
		TimestampTz time;

		if (time_of_version(&table, inventory_id, middle, &time) && time <= as_of)
			low = middle;
		else
			high = middle - 1;
	}
	inv_table_close_read(&table);
	PG_RETURN_INT64(low);
}
