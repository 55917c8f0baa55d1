/*
 * item.c
 *	  One row of inventory in memory: find it, lock it, write it back.
 */
#include "postgres.h"

#include "catalog.h"
#include "errors.h"
#include "item.h"
#include "json.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* The columns of inventory in the order of the install script. */
enum
{
	COL_ORGANIZATION_ID,
	COL_PRODUCT_ID,
	COL_WAREHOUSE_ID,
	COL_INVENTORY_ID,
	COL_AVAILABLE,
	COL_RESERVED,
	COL_ON_HAND,
	COL_MINIMUM_STOCK,
	COL_STOCK_FLOOR,
	COL_TRACK_BATCHES,
	COL_ATTRIBUTES,
	COL_ALERT_STATE,
	COL_VERSION,
	COL_LAST_MODIFIED_AT,
	COL_LAST_RESTOCKED_AT,
	COL_RETIRED_AT,
	COL_COUNT
};

static const char *const alert_state_names[] = {"ok", "low", "out"};

const char *
inv_alert_state_name(InvAlertState state)
{
	return alert_state_names[state];
}

static InvAlertState
alert_state_of(Datum name)
{
	char *value = TextDatumGetCString(name);

	for (size_t i = 0; i < lengthof(alert_state_names); i++)
	{
		if (strcmp(value, alert_state_names[i]) == 0)
			return (InvAlertState) i;
	}
	elog(ERROR, "alert state \"%s\" is not known", value);
	return INV_ALERT_OK;
}

InvAlertState
inv_item_alert_state(const InvItem *item)
{
	if (item->available <= 0)
		return INV_ALERT_OUT;
	return item->available < item->minimum_stock ? INV_ALERT_LOW : INV_ALERT_OK;
}

int
inv_item_key_compare(const InvItemKey *a, const InvItemKey *b)
{
	int order = strcmp(a->organization_id, b->organization_id);

	if (order == 0)
		order = strcmp(a->product_id, b->product_id);
	if (order == 0)
		order = strcmp(a->warehouse_id, b->warehouse_id);
	return order;
}

static TimestampTz
timestamp_or_none(Datum value, bool is_null)
{
	return is_null ? DT_NOBEGIN : DatumGetTimestampTz(value);
}

static void
fill_from_row(InvItem *item, HeapTuple row, TupleDesc descriptor)
{
	Datum values[MaxTupleAttributeNumber];
	bool nulls[MaxTupleAttributeNumber];

	StaticAssertStmt(COL_COUNT == INV_ITEM_COLUMNS, "catalog.h counts other columns");
	heap_deform_tuple(row, descriptor, values, nulls);
	item->row = row;
	item->inventory_id = DatumGetInt64(values[COL_INVENTORY_ID]);
	item->available = DatumGetInt64(values[COL_AVAILABLE]);
	item->reserved = DatumGetInt64(values[COL_RESERVED]);
	item->minimum_stock = DatumGetInt64(values[COL_MINIMUM_STOCK]);
	item->stock_floor = DatumGetInt64(values[COL_STOCK_FLOOR]);
	item->track_batches = DatumGetBool(values[COL_TRACK_BATCHES]);
	item->has_attributes = !nulls[COL_ATTRIBUTES];
	item->attributes = values[COL_ATTRIBUTES];
	item->alert_state = alert_state_of(values[COL_ALERT_STATE]);
	item->version = item->stored_version = DatumGetInt64(values[COL_VERSION]);
	item->last_modified_at = DatumGetTimestampTz(values[COL_LAST_MODIFIED_AT]);
	item->last_restocked_at = timestamp_or_none(values[COL_LAST_RESTOCKED_AT], nulls[COL_LAST_RESTOCKED_AT]);
	item->retired_at = timestamp_or_none(values[COL_RETIRED_AT], nulls[COL_RETIRED_AT]);
}

static void
set_timestamp(Datum *value, bool *is_null, TimestampTz timestamp)
{
	*is_null = timestamp == DT_NOBEGIN;
	*value = TimestampTzGetDatum(timestamp);
}

/* The key and the identity keep the values of the row that was read. */
static void
fill_columns(const InvItem *item, TupleDesc descriptor, Datum *values, bool *nulls)
{
	heap_deform_tuple(item->row, descriptor, values, nulls);
	values[COL_AVAILABLE] = Int64GetDatum(item->available);
	values[COL_RESERVED] = Int64GetDatum(item->reserved);
	values[COL_ON_HAND] = Int64GetDatum(item->available + item->reserved);
	values[COL_MINIMUM_STOCK] = Int64GetDatum(item->minimum_stock);
	values[COL_STOCK_FLOOR] = Int64GetDatum(item->stock_floor);
	values[COL_TRACK_BATCHES] = BoolGetDatum(item->track_batches);
	values[COL_ATTRIBUTES] = item->attributes;
	nulls[COL_ATTRIBUTES] = !item->has_attributes;
	values[COL_ALERT_STATE] = CStringGetTextDatum(inv_alert_state_name(item->alert_state));
	values[COL_VERSION] = Int64GetDatum(item->version);
	values[COL_LAST_MODIFIED_AT] = TimestampTzGetDatum(item->last_modified_at);
	set_timestamp(&values[COL_LAST_RESTOCKED_AT], &nulls[COL_LAST_RESTOCKED_AT], item->last_restocked_at);
	set_timestamp(&values[COL_RETIRED_AT], &nulls[COL_RETIRED_AT], item->retired_at);
}

bool
inv_item_find(InvTable *table, const InvItemKey *key, InvItem *item)
{
	Datum keys[3] = {CStringGetTextDatum(key->organization_id),
					 CStringGetTextDatum(key->product_id),
					 CStringGetTextDatum(key->warehouse_id)};
	HeapTuple row = inv_table_find(table, inv_catalog()->item_pkey, lengthof(keys), keys);

	if (row == NULL)
		return false;
	memset(item, 0, sizeof(InvItem));
	item->key = *key;
	fill_from_row(item, row, RelationGetDescr(table->relation));
	return true;
}

/* What is wanted of one row version, and what may have to wait for it. */
typedef struct Access
{
	InvTable *table;
	InvItem *item;
	InvDeadline *deadline;
	LockWaitPolicy policy;
	Datum *values; /* to write; NULL = to lock */
	bool *nulls;
	List *queued; /* the versions in whose line we stand */
} Access;

static InvRowFate
use_row(const Access *access)
{
	if (access->values == NULL)
		return inv_table_lock(access->table, access->item->row, access->policy);
	return inv_table_update(access->table, access->item->row, access->values, access->nulls);
}

/* There are two waits in this, and both have what is left of the deadline. */
static InvRowFate
wait_for_row(Access *access)
{
	inv_deadline_arm(access->deadline);
	if (inv_table_queue(access->table, access->item->row))
	{
		access->queued = lappend(access->queued, access->item->row);
		inv_deadline_arm(access->deadline);
	}
	return use_row(access);
}

static void
leave_queues(const Access *access)
{
	ListCell *cell;

	foreach (cell, access->queued)
		inv_table_leave_queue(access->table, lfirst(cell));
}

static InvRowFate
reach_row(Access *access)
{
	volatile InvRowFate fate = INV_ROW_GONE;

	PG_TRY();
	{
		fate = access->policy == LockWaitBlock ? wait_for_row(access) : use_row(access);
	}
	PG_CATCH();
	{
		inv_deadline_rethrow(access->deadline);
	}
	PG_END_TRY();
	return fate;
}

/* The newest version, by a snapshot of its own.  False: it has been deleted. */
static bool
read_newest(InvTable *table, InvItem *item)
{
	const InvItemKey key = item->key;
	bool is_found;

	inv_take_snapshot();
	is_found = inv_item_find(table, &key, item);
	PopActiveSnapshot();
	return is_found;
}

bool
inv_item_lock(InvTable *table, InvItem *item, InvDeadline *deadline, LockWaitPolicy policy)
{
	Access access = {.table = table, .item = item, .deadline = deadline, .policy = policy};
	InvRowFate fate;

	while ((fate = reach_row(&access)) == INV_ROW_CHANGED)
	{
		CHECK_FOR_INTERRUPTS();
		if (!read_newest(table, item))
			break;
	}
	leave_queues(&access);
	item->is_busy = fate == INV_ROW_BUSY;
	item->is_locked = fate == INV_ROW_OK;
	return item->is_locked;
}

bool
inv_item_write(InvTable *table, InvItem *item, InvDeadline *deadline)
{
	Datum values[MaxTupleAttributeNumber];
	bool nulls[MaxTupleAttributeNumber];
	Access access = {.table = table,
					 .item = item,
					 .deadline = deadline,
					 /* nobody else can be at a row that is locked */
					 .policy = item->is_locked ? LockWaitError : LockWaitBlock,
					 .values = values,
					 .nulls = nulls};
	InvRowFate fate;

	fill_columns(item, RelationGetDescr(table->relation), values, nulls);
	fate = reach_row(&access);
	leave_queues(&access);
	return fate == INV_ROW_OK;
}

char *
inv_item_to_json(const InvItem *item)
{
	InvJson json;

	inv_json_begin(&json);
	inv_json_number(&json, "inventoryId", item->inventory_id);
	inv_json_string(&json, "productId", item->key.product_id);
	inv_json_string(&json, "warehouseId", item->key.warehouse_id);
	inv_json_number(&json, "quantityAvailable", item->available);
	inv_json_number(&json, "quantityReserved", item->reserved);
	inv_json_number(&json, "quantityOnHand", item->available + item->reserved);
	inv_json_number(&json, "minimumStock", item->minimum_stock);
	inv_json_string(&json, "alertState", inv_alert_state_name(item->alert_state));
	inv_json_number(&json, "version", item->version);
	inv_json_time(&json, "lastModifiedAt", item->last_modified_at);
	return inv_json_end(&json);
}

void
inv_item_raise_not_found(const InvItemKey *key)
{
	ereport(ERROR,
			errcode(INV_ERRCODE_NOT_FOUND),
			errmsg("product \"%s\" is not stocked in warehouse \"%s\"", key->product_id, key->warehouse_id),
			errdetail("The organization searched is \"%s\".", key->organization_id),
			errhint("Items are made by inventory_define: SELECT * FROM inventory_define(%s, %s);",
					quote_literal_cstr(key->product_id), quote_literal_cstr(key->warehouse_id)));
}
