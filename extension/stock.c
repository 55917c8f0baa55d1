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

#include "batch.h"
#include "catalog.h"
#include "counters.h"
#include "errors.h"
#include "event.h"
#include "json.h"
#include "pg_inventory.h"
#include "settings.h"
#include "stock.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "common/int.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

void
inv_stock_begin(InvStock *stock)
{
	/* the executor checks this for statements, and we write without it */
	PreventCommandIfReadOnly("a change of stock");
	PreventCommandIfParallelMode("a change of stock");
	memset(stock, 0, sizeof(InvStock));
	inv_deadline_begin(&stock->deadline);
	inv_take_snapshot();
	inv_table_open(&stock->item_table, inv_catalog()->item_table);
}

void
inv_stock_end(InvStock *stock)
{
	inv_table_close(&stock->item_table);
	PopActiveSnapshot();
	inv_deadline_end(&stock->deadline);
	CommandCounterIncrement();
}

InvItem *
inv_stock_item(const InvStock *stock, const InvItemKey *key)
{
	int low = 0;
	int high = stock->item_count - 1;

	while (low <= high)
	{
		int middle = (low + high) / 2;
		int order = inv_item_key_compare(key, &stock->items[middle]->key);

		if (order == 0)
			return stock->items[middle];
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return NULL;
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

/* Does the floor bind it?  A count or a write-off says what is, whatever the floor. */
static bool
is_bound_by_floor(InvMovementType type)
{
	switch (type)
	{
		case INV_MOVEMENT_OUT:
		case INV_MOVEMENT_ADJUSTMENT:
		case INV_MOVEMENT_RESERVE:
		case INV_MOVEMENT_COMMIT:
		case INV_MOVEMENT_TRANSFER_OUT:
			return true;
		default:
			return false;
	}
}

/* How much the available quantity may go down: to the floor, by what can be sold. */
static int64
room_of(const InvItem *item, const InvChange *change)
{
	int64 room = item->available - item->stock_floor;

	if (!item->track_batches)
		return room;
	/* what is held must stay in batches that can be sold, whichever one is named */
	if (change->batch_number == NULL || inv_batch_is_sellable(item, change->batch_number))
		room = Min(room, inv_batch_sellable(item) - item->reserved - item->stock_floor);
	if (change->batch_number != NULL)
		room = Min(room, inv_batch_quantity(item, change->batch_number, room));
	return room;
}

bool
inv_stock_is_short(const InvItem *item, const InvChange *change)
{
	return change->delta_available < 0 && is_bound_by_floor(change->type) &&
		   change->on_shortage != INV_SHORTAGE_FORCE && -change->delta_available > room_of(item, change);
}

/* Of a tracked item, what is quarantined or expired is not available. */
static int64
available_for(const InvItem *item, const InvChange *change)
{
	int64 available = item->available;

	if (item->track_batches)
		available = room_of(item, change) + item->stock_floor;
	if (item->track_batches && change->batch_number != NULL)
		available = Min(available, inv_batch_quantity(item, change->batch_number, available));
	return available;
}

char *
inv_stock_shortage(const InvItem *item, const InvChange *change, int64 planned)
{
	InvJson json;

	inv_json_begin(&json);
	inv_json_string(&json, "productId", item->key.product_id);
	inv_json_string(&json, "warehouseId", item->key.warehouse_id);
	if (change->batch_number != NULL)
		inv_json_string(&json, "batchNumber", change->batch_number);
	inv_json_number(&json, "requested", planned - change->delta_available);
	inv_json_number(&json, "available", available_for(item, change) + planned);
	inv_json_number(&json, "stockFloor", item->stock_floor);
	return inv_json_end(&json);
}

/*
 * How much of the wanted decrease may happen.  Returns the delta to apply;
 * what was asked in excess is the shortfall.
 */
static int64
limit_decrease(const InvItem *item, const InvChange *change)
{
	int64 room;

	if (!inv_stock_is_short(item, change))
		return change->delta_available;
	room = room_of(item, change);
	if (change->on_shortage == INV_SHORTAGE_PARTIAL && room > 0)
		return -room;
	inv_counter_add(INV_COUNTER_SHORTAGES, 1);
	ereport(ERROR,
			errcode(INV_ERRCODE_SHORT),
			errmsg("insufficient stock of product \"%s\" in warehouse \"%s\"",
				   item->key.product_id, item->key.warehouse_id),
			errdetail_internal("[%s]", inv_stock_shortage(item, change, 0)));
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

static InvRole
role_for(const InvChange *change)
{
	return change->on_shortage == INV_SHORTAGE_FORCE || change->type == INV_MOVEMENT_SETTINGS ||
				   change->type == INV_MOVEMENT_CREATED || change->type == INV_MOVEMENT_RETIRED
			   ? INV_ROLE_MANAGER
			   : INV_ROLE_OPERATOR;
}

static void
check_batch_arguments(const InvItem *item, const InvChange *change)
{
	if (!item->track_batches && (change->batch_number != NULL || change->expires_at != DT_NOBEGIN))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("product \"%s\" in warehouse \"%s\" does not track batches",
					   item->key.product_id, item->key.warehouse_id));
	if (item->track_batches && change->on_shortage == INV_SHORTAGE_FORCE)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("stock of an item that tracks batches cannot be forced below zero"));
}

static void
check_change(const InvItem *item, const InvChange *change)
{
	inv_scope_require(change->scope, role_for(change), item->key.warehouse_id);
	if (item->is_unborn)
		inv_item_raise_not_found(&item->key);
	if (item->retired_at != DT_NOBEGIN && change->type != INV_MOVEMENT_SETTINGS &&
		change->type != INV_MOVEMENT_RETIRED)
		ereport(ERROR,
				errcode(INV_ERRCODE_NOT_FOUND),
				errmsg("product \"%s\" in warehouse \"%s\" is retired",
					   item->key.product_id, item->key.warehouse_id),
				errhint("inventory_define takes it into use again."));
	check_batch_arguments(item, change);
	check_expected_version(item, change->expected_version);
}

static bool
is_sale(InvMovementType type)
{
	return type == INV_MOVEMENT_OUT || type == INV_MOVEMENT_COMMIT || type == INV_MOVEMENT_TRANSFER_OUT;
}

static List *
put_arriving(InvItem *item, const List *arriving)
{
	List *splits = NIL;
	ListCell *cell;

	foreach (cell, arriving)
	{
		const InvBatchSplit *split = lfirst(cell);

		splits = list_concat(splits, inv_batch_put(item, -split->delta, split->batch->number, split->batch->expires_at,
												   true));
	}
	return splits;
}

/* Which batches the change goes out of or into; they are changed by it. */
static List *
split_over_batches(InvItem *item, const InvChange *change, int64 delta_on_hand)
{
	if (!item->track_batches || delta_on_hand == 0)
		return NIL;
	if (change->arriving != NIL)
		return put_arriving(item, change->arriving);
	if (delta_on_hand < 0)
		return inv_batch_take(item, -delta_on_hand, change->batch_number, is_sale(change->type));
	if (change->batch_number == NULL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("batch_number is needed: product \"%s\" in warehouse \"%s\" tracks batches",
					   item->key.product_id, item->key.warehouse_id));
	return inv_batch_put(item, delta_on_hand, change->batch_number, change->expires_at,
						 change->type == INV_MOVEMENT_IN);
}

static InvMovement *
new_movement(InvStock *stock, const InvItem *item, const InvChange *change)
{
	InvMovement *movement = palloc0(sizeof(InvMovement));

	movement->item = item;
	movement->type = change->type;
	movement->quantity = change->quantity;
	movement->tail = change->tail;
	movement->operation_id = change->operation_id;
	movement->reservation = change->reservation;
	movement->performed_by = change->tail->performed_by != NULL ? change->tail->performed_by
																: change->scope->actor;
	movement->alert_before = movement->alert_after = item->alert_state;
	movement->version = item->version;
	movement->available_after = item->available;
	movement->reserved_after = item->reserved;
	movement->created_at = item->last_modified_at;
	stock->movements = lappend(stock->movements, movement);
	return movement;
}

/* The item, and the ledger's entry, after a change that has been judged. */
static void
apply_change(InvItem *item, InvMovement *movement, const InvChange *change, int64 delta_available)
{
	movement->delta_available = delta_available;
	movement->delta_reserved = change->delta_reserved;
	movement->shortfall = delta_available - change->delta_available;
	item->available = movement->available_after = item->available + delta_available;
	item->reserved = movement->reserved_after = item->reserved + change->delta_reserved;
	movement->is_oversold = delta_available < 0 && item->available < item->stock_floor;
	movement->alert_before = item->alert_state;
	item->alert_state = movement->alert_after = inv_item_alert_state(item);
	item->version = movement->version = item->version + 1;
	movement->created_at = Max(GetCurrentTimestamp(), item->last_modified_at);
	item->last_modified_at = movement->created_at;
	if (change->type == INV_MOVEMENT_IN || change->type == INV_MOVEMENT_TRANSFER_IN)
		item->last_restocked_at = movement->created_at;
	if (change->type == INV_MOVEMENT_RETIRED)
		item->retired_at = movement->created_at;
}

static void
check_range(const InvItem *item, int64 delta_available, int64 delta_reserved)
{
	int64 available = add_in_range(item->available, delta_available, "the available quantity");
	int64 reserved = add_in_range(item->reserved, delta_reserved, "the reserved quantity");

	(void) add_in_range(available, reserved, "the quantity on hand");
}

InvMovement *
inv_stock_change(InvStock *stock, InvItem *item, const InvChange *change)
{
	int64 delta_available;
	List *splits;
	InvMovement *movement;

	check_change(item, change);
	delta_available = limit_decrease(item, change);
	check_range(item, delta_available, change->delta_reserved);
	splits = split_over_batches(item, change, delta_available + change->delta_reserved);
	movement = new_movement(stock, item, change);
	movement->splits = splits;
	apply_change(item, movement, change, delta_available);
	return movement;
}

InvMovement *
inv_stock_unchanged(InvStock *stock, InvItem *item, const InvChange *change)
{
	InvMovement *movement = new_movement(stock, item, change);

	movement->is_unchanged = true;
	return movement;
}

/* Being born low or empty is no edge: a shop that moves in wants no thousand alarms. */
InvMovement *
inv_stock_birth(InvStock *stock, InvItem *item, const InvChange *change)
{
	InvMovement *movement = new_movement(stock, item, change);

	item->is_unborn = false;
	movement->delta_available = item->available;
	return movement;
}

void
inv_stock_correct(InvStock *stock, InvItem *item, const InvScope *scope, const InvTail *tail,
				  int64 available, int64 reserved, int64 ledger_available, int64 ledger_reserved)
{
	const InvChange change = {.type = INV_MOVEMENT_ADJUSTMENT,
							  .quantity = available - ledger_available,
							  .delta_available = available - item->available,
							  .delta_reserved = reserved - item->reserved,
							  .scope = scope,
							  .tail = tail};
	InvMovement *movement = new_movement(stock, item, &change);

	apply_change(item, movement, &change, change.delta_available);
	movement->delta_available = available - ledger_available;
	movement->delta_reserved = reserved - ledger_reserved;
}

/* Nobody but the clock has done it, whoever happens to need the stock. */
void
inv_stock_take_overdue(InvStock *stock, InvItem *item)
{
	List *list = inv_reservation_take_overdue(item, stock->reservations);
	InvScope *scope = palloc(sizeof(InvScope));
	ListCell *cell;

	inv_scope_of_system(item->key.organization_id, INV_SYSTEM_ACTOR, scope);
	foreach (cell, list)
	{
		const InvOverdue *overdue = lfirst(cell);
		InvTail *tail = palloc0(sizeof(InvTail));
		const InvChange change = {.type = INV_MOVEMENT_RELEASE,
								  .quantity = overdue->quantity,
								  .delta_available = overdue->quantity,
								  .delta_reserved = -overdue->quantity,
								  .expected_version = INV_ANY_VERSION,
								  .expires_at = DT_NOBEGIN,
								  .scope = scope,
								  .tail = tail,
								  .operation_id = overdue->reservation_id};

		tail->reason = "reservation expired";
		tail->reference = overdue->reference;
		tail->occurred_at = DT_NOBEGIN;
		(void) inv_stock_change(stock, item, &change);
		if (overdue->is_last)
			stock->expired = lappend(stock->expired, unconstify(InvOverdue *, overdue));
	}
}

/* Behind the items' rows: everything that says how they came to be so. */
static void
write_movements(InvStock *stock)
{
	InvTable movements;
	InvTable events;
	int written = 0;
	ListCell *cell;

	inv_table_open(&movements, inv_catalog()->movement_table);
	inv_event_log_open(&events);
	foreach (cell, stock->movements)
	{
		InvMovement *movement = lfirst(cell);

		if (movement->is_unchanged)
			continue;
		written++;
		inv_movement_write(&movements, movement);
		inv_event_write_movement(&events, movement);
		if (movement->splits != NIL)
			inv_batch_write_splits(movement);
	}
	inv_table_close(&events);
	inv_table_close(&movements);
	foreach (cell, stock->expired)
	{
		const InvOverdue *overdue = lfirst(cell);

		inv_event_write_reservation_expired(overdue->organization_id, overdue->reservation_id);
	}
	inv_counter_add(INV_COUNTER_CHANGES, written);
}

void
inv_stock_write(InvStock *stock)
{
	for (int i = 0; i < stock->item_count; i++)
	{
		InvItem *item = stock->items[i];

		if (item->version == item->stored_version)
			continue;
		if (!inv_item_write(&stock->item_table, item, &stock->deadline))
			elog(ERROR, "a locked row of inventory has changed");
		item->stored_version = item->version;
	}
	inv_batch_write(stock->items, stock->item_count);
	write_movements(stock);
}

static void
note_retry(InvStock *stock, const InvItemKey *key)
{
	if (stock->retries >= inv_max_retries)
		ereport(ERROR,
				errcode(INV_ERRCODE_CONFLICT),
				errmsg("product \"%s\" in warehouse \"%s\" was changed by somebody else at the same moment",
					   key->product_id, key->warehouse_id),
				errdetail("{\"waited_ms\": %d}", inv_deadline_waited_ms(&stock->deadline)),
				errhint("inventory.max_retries allows no further attempt: retry with the same idempotency key."));
	stock->retries++;
	inv_counter_add(INV_COUNTER_RETRIES, 1);
}

/* Batches and other people's holds are read under the item's lock only. */
static bool
needs_lock(const InvItem *item, const InvChange *change)
{
	return item->track_batches || (item->reserved > 0 && inv_stock_is_short(item, change));
}

InvMovement *
inv_stock_try(InvStock *stock, const InvItemKey *key, const InvChange *change)
{
	InvItem *item = palloc(sizeof(InvItem));
	InvMovement *movement;

	if (!inv_item_find(&stock->item_table, key, item))
		inv_item_raise_not_found(key);
	if (needs_lock(item, change))
		return NULL;
	movement = inv_stock_change(stock, item, change);
	if (!inv_item_write(&stock->item_table, item, &stock->deadline))
	{
		note_retry(stock, key);
		stock->movements = NIL;
		return NULL;
	}
	write_movements(stock);
	return movement;
}
