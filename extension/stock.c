/*
 * stock.c
 *	  The one core that changes stock.
 *
 * A single change is optimistic.  The row and its version are read without a
 * lock, the change is computed, and the new row is written if, and only if,
 * the row is still the one that was read.  If it is not, somebody was faster:
 * the newest row is locked, the change is computed again from it and written.
 * Nobody can overtake a locked row, so one retry is enough.  Several items are
 * locked first, in order; judging and writing are the same.
 *
 * That is for READ COMMITTED.  Above it the row that would be read again is
 * the same old one, so the serialization failure of the write passes through.
 */
#include "postgres.h"

#include "counters.h"
#include "errors.h"
#include "event.h"
#include "catalog.h"
#include "json.h"
#include "pg_inventory.h"
#include "settings.h"
#include "stock.h"

#include "access/xact.h"
#include "common/int.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

void
inv_stock_take_snapshot(void)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
inv_stock_begin(InvStock *stock, const InvScope *scope)
{
	stock->scope = scope;
	stock->movements = NIL;
	stock->retries = 0;
	stock->replayed = NULL;
	inv_deadline_begin(&stock->deadline);
	inv_stock_take_snapshot();
	inv_table_open(&stock->items, inv_catalog()->item_table);
}

void
inv_stock_end(InvStock *stock)
{
	inv_table_close(&stock->items);
	PopActiveSnapshot();
	inv_deadline_end(&stock->deadline);
	CommandCounterIncrement();
}

static void
check_expected_version(const InvItem *item, int64 expected_version)
{
	if (expected_version == INV_ANY_VERSION || expected_version == item->version)
		return;
	inv_counter_add(INV_COUNTER_STALE_VERSIONS, 1);
	ereport(ERROR,
			errcode(INV_ERRCODE_STALE),
			errmsg("product \"%s\" in warehouse \"%s\" is at version %lld, not %lld",
				   item->key.product_id, item->key.warehouse_id,
				   (long long) item->version, (long long) expected_version),
			errdetail_internal("%s", inv_item_to_json(item)),
			errhint("Read the item again and decide anew."));
}

static void
raise_short(const InvItem *item, int64 requested)
{
	InvJson json;

	inv_json_begin(&json);
	inv_json_string(&json, "productId", item->key.product_id);
	inv_json_string(&json, "warehouseId", item->key.warehouse_id);
	inv_json_number(&json, "requested", requested);
	inv_json_number(&json, "available", item->available);
	inv_json_number(&json, "stockFloor", item->stock_floor);
	inv_counter_add(INV_COUNTER_SHORTAGES, 1);
	ereport(ERROR,
			errcode(INV_ERRCODE_SHORT),
			errmsg("insufficient stock of product \"%s\" in warehouse \"%s\"",
				   item->key.product_id, item->key.warehouse_id),
			errdetail_internal("[%s]", inv_json_end(&json)));
}

/*
 * How much of the wanted decrease may happen: at most down to the floor.
 * Returns the delta to apply; what was asked in excess is the shortfall.
 */
static int64
limit_decrease(const InvItem *item, const InvChange *change)
{
	int64 room = item->available - item->stock_floor;

	if (change->delta_available >= 0 || -change->delta_available <= room ||
		change->on_shortage == INV_SHORTAGE_FORCE)
		return change->delta_available;
	if (change->on_shortage == INV_SHORTAGE_PARTIAL && room > 0)
		return -room;
	raise_short(item, -change->delta_available);
	return 0;
}

static int64
add_in_range(int64 a, int64 b, const char *what)
{
	int64 sum;

	if (pg_add_s64_overflow(a, b, &sum) || sum > INV_MAX_NUMBER || sum < -INV_MAX_NUMBER)
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("%s would be out of range", what),
				errdetail("Quantities stay within plus or minus %lld.", (long long) INV_MAX_NUMBER));
	return sum;
}

static void
check_change(const InvScope *scope, const InvItem *item, const InvChange *change)
{
	inv_scope_require(scope,
					  change->on_shortage == INV_SHORTAGE_FORCE ? INV_ROLE_MANAGER : INV_ROLE_OPERATOR,
					  item->key.warehouse_id);
	if (item->retired_at != DT_NOBEGIN && change->type != INV_MOVEMENT_SETTINGS)
		ereport(ERROR,
				errcode(INV_ERRCODE_NOT_FOUND),
				errmsg("product \"%s\" in warehouse \"%s\" is retired",
					   item->key.product_id, item->key.warehouse_id),
				errhint("inventory_define takes it into use again."));
	check_expected_version(item, change->expected_version);
}

/* The ledger's entry, and the item, after a change that has been judged. */
static InvMovement *
apply_change(InvItem *item, const InvChange *change, int64 delta_available, int64 available, int64 reserved)
{
	InvMovement *movement = palloc0(sizeof(InvMovement));

	movement->item = item;
	movement->type = change->type;
	movement->quantity = change->quantity;
	movement->delta_available = delta_available;
	movement->delta_reserved = change->delta_reserved;
	movement->shortfall = delta_available - change->delta_available;
	movement->alert_before = item->alert_state;
	movement->is_oversold = delta_available < 0 && available < item->stock_floor;
	movement->tail = change->tail;
	movement->operation_id = change->operation_id;
	movement->created_at = Max(GetCurrentTimestamp(), item->last_modified_at);

	item->available = movement->available_after = available;
	item->reserved = movement->reserved_after = reserved;
	item->alert_state = movement->alert_after = inv_item_alert_state(item);
	item->version = movement->version = item->version + 1;
	item->last_modified_at = movement->created_at;
	if (change->type == INV_MOVEMENT_IN || change->type == INV_MOVEMENT_TRANSFER_IN)
		item->last_restocked_at = movement->created_at;
	return movement;
}

void
inv_stock_change(InvStock *stock, InvItem *item, const InvChange *change)
{
	InvMovement *movement;
	int64 delta_available;
	int64 available;
	int64 reserved;

	check_change(stock->scope, item, change);
	delta_available = limit_decrease(item, change);
	available = add_in_range(item->available, delta_available, "the available quantity");
	reserved = add_in_range(item->reserved, change->delta_reserved, "the reserved quantity");
	(void) add_in_range(available, reserved, "the quantity on hand");
	movement = apply_change(item, change, delta_available, available, reserved);
	movement->performed_by = change->tail->performed_by != NULL ? change->tail->performed_by
																: stock->scope->actor;
	stock->movements = lappend(stock->movements, movement);
}

/* Behind the items' rows: everything that says how they came to be so. */
static void
write_movements(InvStock *stock)
{
	InvTable movements;
	InvTable events;
	ListCell *cell;

	inv_table_open(&movements, inv_catalog()->movement_table);
	inv_event_log_open(&events);
	foreach (cell, stock->movements)
	{
		InvMovement *movement = lfirst(cell);

		if (movement->is_unchanged)
			continue;
		inv_movement_write(&movements, movement);
		inv_event_write_movement(&events, movement);
	}
	inv_table_close(&events);
	inv_table_close(&movements);
	inv_counter_add(INV_COUNTER_CHANGES, list_length(stock->movements));
}

void
inv_stock_write(InvStock *stock, InvItem *items, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (!inv_item_write(&stock->items, &items[i], &stock->deadline))
			elog(ERROR, "a locked row of inventory has changed");
	}
	write_movements(stock);
}

static void
raise_overtaken(const InvItemKey *key)
{
	ereport(ERROR,
			errcode(INV_ERRCODE_CONFLICT),
			errmsg("product \"%s\" in warehouse \"%s\" was changed by somebody else at the same moment",
				   key->product_id, key->warehouse_id),
			errhint("inventory.max_retries allows no further attempt: retry with the same idempotency key."));
}

void
inv_stock_change_one(InvStock *stock, const InvItemKey *key, const InvChange *change)
{
	InvItem *item = palloc(sizeof(InvItem));

	if (!inv_item_find(&stock->items, key, item))
		inv_item_raise_not_found(key);
	inv_stock_change(stock, item, change);
	while (!inv_item_write(&stock->items, item, &stock->deadline))
	{
		if (stock->retries >= inv_max_retries)
			raise_overtaken(key);
		stock->retries++;
		inv_counter_add(INV_COUNTER_RETRIES, 1);
		stock->movements = NIL;
		if (!inv_item_lock(&stock->items, item, &stock->deadline))
			inv_item_raise_not_found(key);
		inv_stock_change(stock, item, change);
	}
	write_movements(stock);
}
