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
#include "statement.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
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
	inv_json_string(&json, "performedBy", shorten(movement->performed_by, INV_EVENT_LABEL_SIZE));
	inv_json_string(&json, "operationId", movement->operation_id);
	inv_json_number(&json, "movementId", movement->movement_id);
	inv_json_time(&json, "timestamp", movement->created_at);
	return inv_json_end(&json);
}

static void
set_text(Datum *values, bool *nulls, int column, const char *value)
{
	nulls[column] = value == NULL;
	values[column] = value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
}

/* What routes an event; all but type and organization may be NULL. */
typedef struct Route
{
	const char *type;
	const char *organization_id;
	const char *product_id;
	const char *warehouse_id;
	const char *subject;
	const char *op;
} Route;

static void
append(InvTable *table, const Route *route, Datum data)
{
	Datum values[COL_COUNT];
	bool nulls[COL_COUNT] = {false};

	values[COL_ID] = Int64GetDatum(nextval_internal(inv_catalog()->event_sequence, false));
	values[COL_XID] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	set_text(values, nulls, COL_ORGANIZATION_ID, route->organization_id);
	set_text(values, nulls, COL_TYPE, route->type);
	set_text(values, nulls, COL_PRODUCT_ID, route->product_id);
	set_text(values, nulls, COL_WAREHOUSE_ID, route->warehouse_id);
	set_text(values, nulls, COL_SUBJECT, route->subject);
	set_text(values, nulls, COL_OP, route->op);
	values[COL_DATA] = data;
	values[COL_CREATED_AT] = TimestampTzGetDatum(GetCurrentTimestamp());
	inv_table_insert(table, values, nulls);
	inv_doorbell_ring_at_commit();
}

/* For events that come alone. */
static void
append_one(const Route *route, char *data)
{
	InvTable table;

	inv_event_log_open(&table);
	append(&table, route, CStringGetTextDatum(data));
	inv_table_close(&table);
}

static void
write_event(InvTable *table, const char *type, const InvMovement *movement, Datum data)
{
	const InvItemKey *key = &movement->item->key;
	const Route route = {.type = type,
						 .organization_id = key->organization_id,
						 .product_id = key->product_id,
						 .warehouse_id = key->warehouse_id,
						 .op = movement->tail->idempotency_key};

	append(table, &route, data);
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
}

/* Whole days, so that "expires in 1 day" is not said of an hour. */
static int64
days_left(TimestampTz expires_at)
{
	int64 left = expires_at - GetCurrentTimestamp();

	return left <= 0 ? 0 : left / USECS_PER_DAY;
}

void
inv_event_write_batch(const char *type, const InvItem *item, const InvBatch *batch, int64 quantity)
{
	const Route route = {.type = type,
						 .organization_id = item->key.organization_id,
						 .product_id = item->key.product_id,
						 .warehouse_id = item->key.warehouse_id};
	InvJson json;

	inv_json_begin(&json);
	inv_json_number(&json, "batchId", batch->batch_id);
	inv_json_string(&json, "batchNumber", batch->number);
	inv_json_string(&json, "productId", item->key.product_id);
	inv_json_string(&json, "warehouseId", item->key.warehouse_id);
	inv_json_number(&json, "quantity", quantity);
	inv_json_time(&json, "expiresAt", batch->expires_at);
	inv_json_number(&json, "daysLeft", days_left(batch->expires_at));
	inv_json_number(&json, "version", batch->version);
	inv_json_time(&json, "timestamp", GetCurrentTimestamp());
	append_one(&route, inv_json_end(&json));
}

static InvStatement lines_statement = {
	.sql = "SELECT r.reference, l.product_id, l.warehouse_id, l.quantity"
		   " FROM @schema@.inventory_reservation r JOIN @schema@.inventory_reservation_line l"
		   "  ON l.organization_id = r.organization_id AND l.reservation_id = r.reservation_id"
		   " WHERE r.organization_id = $1 AND r.reservation_id = $2"
		   " ORDER BY l.product_id, l.warehouse_id LIMIT $3",
	.arg_count = 3,
	.arg_types = {TEXTOID, TEXTOID, INT4OID}};

static char *
line_to_json(uint64 row)
{
	InvJson json;

	inv_json_begin(&json);
	inv_json_string(&json, "productId", inv_statement_text(row, 2));
	inv_json_string(&json, "warehouseId", inv_statement_text(row, 3));
	inv_json_number(&json, "quantity", DatumGetInt64(inv_statement_value(row, 4, NULL)));
	return inv_json_end(&json);
}

/* A hold may have a thousand lines, and an event has two kilobytes: the first that fit. */
static char *
lines_to_json(void)
{
	StringInfoData lines;

	initStringInfo(&lines);
	appendStringInfoChar(&lines, '[');
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		char *line = line_to_json(row);

		if (lines.len + strlen(line) > INV_EVENT_LINES_SIZE)
			break;
		appendStringInfo(&lines, "%s%s", row > 0 ? "," : "", line);
	}
	appendStringInfoChar(&lines, ']');
	return lines.data;
}

/* reference and lines of a reservation, in memory of the caller. */
static void
read_lines(const char *organization_id, const char *reservation_id, char **reference, char **lines)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext in_spi;
	Datum values[3] = {CStringGetTextDatum(organization_id), CStringGetTextDatum(reservation_id),
					   Int32GetDatum(INV_EVENT_MAX_LINES)};

	inv_statement_connect();
	inv_statement_run(&lines_statement, values, NULL);
	*reference = SPI_processed == 0 ? NULL : inv_statement_text(0, 1);
	in_spi = MemoryContextSwitchTo(context);
	*lines = lines_to_json();
	MemoryContextSwitchTo(in_spi);
	inv_statement_finish();
}

void
inv_event_write_reservation_expired(const char *organization_id, const char *reservation_id)
{
	const Route route = {.type = "reservation.expired", .organization_id = organization_id};
	InvJson json;
	char *reference;
	char *lines;

	read_lines(organization_id, reservation_id, &reference, &lines);
	inv_json_begin(&json);
	inv_json_string(&json, "reservationId", reservation_id);
	inv_json_string(&json, "reference", reference);
	inv_json_raw(&json, "lines", lines);
	inv_json_time(&json, "timestamp", GetCurrentTimestamp());
	append_one(&route, inv_json_end(&json));
}

void
inv_event_write_presence(const char *type, const InvViewer *viewer, const char *reason)
{
	const Route route = {.type = type, .organization_id = viewer->organization_id, .subject = viewer->warehouses};
	InvJson json;

	inv_json_begin(&json);
	inv_json_string(&json, "id", viewer->id);
	inv_json_string(&json, "clientId", viewer->client_id);
	inv_json_string(&json, "userId", viewer->user_id);
	inv_json_string(&json, "userName", viewer->user_name);
	inv_json_string(&json, "avatarUrl", viewer->avatar_url);
	inv_json_string(&json, "resourceType", viewer->resource_type);
	inv_json_string(&json, "resourceId", viewer->resource_id);
	inv_json_string(&json, "status", viewer->status);
	inv_json_raw(&json, "metadata", viewer->metadata);
	inv_json_time(&json, "since", viewer->created_at);
	if (reason != NULL)
		inv_json_string(&json, "reason", reason);
	inv_json_time(&json, "timestamp", GetCurrentTimestamp());
	append_one(&route, inv_json_end(&json));
}

void
inv_event_write_access(const char *organization_id, const char *subject)
{
	const Route route = {.type = "access.changed", .organization_id = organization_id, .subject = subject};
	InvJson json;

	inv_json_begin(&json);
	inv_json_string(&json, "subject", subject);
	inv_json_time(&json, "timestamp", GetCurrentTimestamp());
	append_one(&route, inv_json_end(&json));
}
