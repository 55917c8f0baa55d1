/*
 * event.c
 *	  Writes the event log: what a committed change tells the world.
 *
 * The log is three tables under one parent, used in turn, so that old events
 * leave by TRUNCATE and not by DELETE.  They inherit and are not declared
 * partitions, because a partition's bound is compiled and checked anew for
 * every insert, which costs more than the insert.  Readers scan the parent,
 * so it does no harm when a writer still uses the part of a moment ago.
 *
 * An event's id is drawn while the item's row is locked, from a sequence
 * without cache: that makes id order the order of versions within an item.
 */
#include "postgres.h"

#include "catalog.h"
#include "doorbell.h"
#include "event.h"
#include "json.h"
#include "pg_inventory.h"
#include "shared.h"

#include "access/xact.h"
#include "commands/sequence.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

/* The columns of inventory_event in the order of the install script. */
enum
{
	COL_ID,
	COL_XID,
	COL_ORGANIZATION_ID,
	COL_TYPE,
	COL_PRODUCT_ID,
	COL_WAREHOUSE_ID,
	COL_SUBJECT,
	COL_OP,
	COL_DATA,
	COL_CREATED_AT,
	COL_COUNT
};

void
inv_event_log_open(InvTable *table)
{
	InvDatabase *mine = inv_shared_mine();
	uint32 part = mine == NULL ? 0 : pg_atomic_read_u32(&mine->event_partition);

	inv_table_open(table, inv_catalog()->event_tables[part % INV_EVENT_PARTITIONS]);
}

static char *
shorten(const char *text, int size)
{
	if (text == NULL)
		return NULL;
	return pnstrdup(text, pg_mbcliplen(text, strlen(text), size));
}

static char *
data_of(const InvMovement *movement)
{
	const InvItem *item = movement->item;
	InvJson json;

	inv_json_begin(&json);
	inv_json_number(&json, "inventoryId", item->inventory_id);
	inv_json_string(&json, "productId", item->key.product_id);
	inv_json_string(&json, "warehouseId", item->key.warehouse_id);
	inv_json_number(&json, "quantityAvailable", movement->available_after);
	inv_json_number(&json, "quantityReserved", movement->reserved_after);
	inv_json_number(&json, "quantityOnHand", movement->available_after + movement->reserved_after);
	inv_json_number(&json, "minimumStock", item->minimum_stock);
	inv_json_number(&json, "version", movement->version);
	inv_json_number(&json, "previousQuantity", movement->available_after - movement->delta_available);
	inv_json_number(&json, "changeAmount", movement->delta_available);
	inv_json_string(&json, "movementType", inv_movement_type_name(movement->type));
	inv_json_string(&json, "alertState", inv_alert_state_name(movement->alert_after));
	inv_json_string(&json, "reason", shorten(movement->tail->reason, INV_EVENT_REASON_SIZE));
	inv_json_string(&json, "performedBy", movement->performed_by);
	inv_json_string(&json, "operationId", movement->operation_id);
	inv_json_number(&json, "movementId", movement->movement_id);
	inv_json_time(&json, "timestamp", movement->created_at);
	return inv_json_end(&json);
}

static void
write_event(InvTable *table, const char *type, const InvMovement *movement, Datum data)
{
	const InvItemKey *key = &movement->item->key;
	const char *op = movement->tail->idempotency_key;
	Datum values[COL_COUNT];
	bool nulls[COL_COUNT] = {false};

	values[COL_ID] = Int64GetDatum(nextval_internal(inv_catalog()->event_sequence, false));
	values[COL_XID] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	values[COL_ORGANIZATION_ID] = CStringGetTextDatum(key->organization_id);
	values[COL_TYPE] = CStringGetTextDatum(type);
	values[COL_PRODUCT_ID] = CStringGetTextDatum(key->product_id);
	values[COL_WAREHOUSE_ID] = CStringGetTextDatum(key->warehouse_id);
	nulls[COL_SUBJECT] = true;
	nulls[COL_OP] = op == NULL;
	values[COL_OP] = op == NULL ? (Datum) 0 : CStringGetTextDatum(op);
	values[COL_DATA] = data;
	values[COL_CREATED_AT] = TimestampTzGetDatum(GetCurrentTimestamp());
	inv_table_insert(table, values, nulls);
}

void
inv_event_write_movement(InvTable *table, const InvMovement *movement)
{
	Datum data = CStringGetTextDatum(data_of(movement));
	InvAlertState before = movement->alert_before;
	InvAlertState after = movement->alert_after;

	write_event(table, "inventory.updated", movement, data);
	if (before == INV_ALERT_OUT && after != INV_ALERT_OUT)
		write_event(table, "inventory.back_in_stock", movement, data);
	if (before != INV_ALERT_LOW && after == INV_ALERT_LOW)
		write_event(table, "inventory.low_stock", movement, data);
	if (before != INV_ALERT_OUT && after == INV_ALERT_OUT)
		write_event(table, "inventory.out_of_stock", movement, data);
	if (movement->is_oversold)
		write_event(table, "inventory.oversold", movement, data);
	if (movement->type == INV_MOVEMENT_RETIRED)
		write_event(table, "inventory.retired", movement, data);
	inv_doorbell_ring_at_commit();
}
