/*
 * judge.c
 *	  What each verb does to the stock, in memory.
 *
 * A function a verb.  Each turns the operation into changes of its items and
 * gives them to the core, which checks and applies them.
 */
#include "postgres.h"

#include "batch.h"
#include "counters.h"
#include "errors.h"
#include "judge.h"
#include "json.h"
#include "settings.h"
#include "statement.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

void
inv_judge_fill_change(const InvOperation *operation, const InvLine *line, InvChange *change)
{
	memset(change, 0, sizeof(InvChange));
	change->type = line->type;
	change->quantity = line->quantity;
	change->delta_available = line->delta;
	change->on_shortage = line->on_shortage;
	change->expected_version = line->expected_version;
	change->batch_number = line->batch_number;
	change->expires_at = line->expires_at;
	change->scope = operation->scope;
	change->tail = &operation->tail;
	change->operation_id = operation->operation_id;
	change->reservation = operation->reservation;
}

/* A change of an item that the operation has no line for. */
static void
fill_plain_change(const InvOperation *operation, InvMovementType type, int64 quantity, InvChange *change)
{
	const InvLine line = {.type = type,
						  .quantity = quantity,
						  .expected_version = INV_ANY_VERSION,
						  .expires_at = DT_NOBEGIN};

	inv_judge_fill_change(operation, &line, change);
}

static InvItem *
item_of(const InvStock *stock, const InvItemKey *key)
{
	InvItem *item = inv_stock_item(stock, key);

	if (item == NULL)
		inv_item_raise_not_found(key);
	return item;
}

/* ---- adjust, apply ---- */

static void
clear_planned(const InvStock *stock, const InvOperation *operation)
{
	ListCell *cell;

	foreach (cell, operation->lines)
		item_of(stock, &((InvLine *) lfirst(cell))->key)->planned = 0;
}

/*
 * One short line says what it lacks; a cart says it of all its lines at once.
 * Each line is held against what those before it would leave.
 */
static void
raise_all_short(InvStock *stock, const InvOperation *operation)
{
	StringInfoData detail;
	int count = 0;
	ListCell *cell;

	initStringInfo(&detail);
	clear_planned(stock, operation);
	foreach (cell, operation->lines)
	{
		const InvLine *line = lfirst(cell);
		InvItem *item = item_of(stock, &line->key);
		InvChange change;

		inv_judge_fill_change(operation, line, &change);
		change.delta_available += item->planned;
		if (line->delta >= 0 || line->on_shortage == INV_SHORTAGE_PARTIAL || !inv_stock_is_short(item, &change))
		{
			item->planned += line->delta;
			continue;
		}
		appendStringInfo(&detail, "%s%s", count++ > 0 ? "," : "",
						 inv_stock_shortage(item, &change, item->planned));
	}
	if (count < 2)
		return;
	inv_counter_add(INV_COUNTER_SHORTAGES, 1);
	ereport(ERROR,
			errcode(INV_ERRCODE_SHORT),
			errmsg("insufficient stock of %d items", count),
			errdetail_internal("[%s]", detail.data));
}

static void
judge_lines(InvStock *stock, InvOperation *operation)
{
	ListCell *cell;

	raise_all_short(stock, operation);
	foreach (cell, operation->lines)
	{
		const InvLine *line = lfirst(cell);
		InvChange change;

		inv_judge_fill_change(operation, line, &change);
		(void) inv_stock_change(stock, item_of(stock, &line->key), &change);
	}
}

/* ---- define, retire ---- */

static bool
jsonb_differs(Datum a, Datum b)
{
	return DatumGetBool(DirectFunctionCall2(jsonb_ne, a, b));
}

static bool
changes_item(const InvDefinition *definition, const InvItem *item)
{
	return item->retired_at != DT_NOBEGIN ||
		   (definition->has_minimum_stock && definition->minimum_stock != item->minimum_stock) ||
		   (definition->has_stock_floor && definition->stock_floor != item->stock_floor) ||
		   (definition->has_track_batches && definition->track_batches != item->track_batches) ||
		   (definition->has_attributes &&
			(!item->has_attributes || jsonb_differs(definition->attributes, item->attributes)));
}

static void
set_track_batches(InvItem *item, bool track_batches)
{
	if (track_batches != item->track_batches && (item->available != 0 || item->reserved != 0))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("track_batches of product \"%s\" in warehouse \"%s\" cannot change while there is stock",
					   item->key.product_id, item->key.warehouse_id),
				errhint("Take the stock out, change the setting, and bring it in again."));
	/* it may have tracked them before */
	if (track_batches && item->batches == NIL)
		inv_batch_load(item);
	item->track_batches = track_batches;
}

static void
set_settings(InvItem *item, const InvDefinition *definition)
{
	if (definition->has_track_batches)
		set_track_batches(item, definition->track_batches);
	if (definition->has_minimum_stock)
		item->minimum_stock = definition->minimum_stock;
	if (definition->has_stock_floor)
		item->stock_floor = definition->stock_floor;
	if (definition->has_attributes)
	{
		item->has_attributes = true;
		item->attributes = definition->attributes;
	}
	item->retired_at = DT_NOBEGIN;
}

static void
judge_define(InvStock *stock, InvOperation *operation)
{
	const InvLine *line = linitial(operation->lines);
	InvItem *item = item_of(stock, &line->key);
	InvChange change;

	fill_plain_change(operation, INV_MOVEMENT_SETTINGS, 0, &change);
	if (item->is_unborn)
	{
		change.type = INV_MOVEMENT_CREATED;
		change.quantity = item->available;
		(void) inv_stock_birth(stock, item, &change);
		return;
	}
	if (!changes_item(&operation->definition, item))
	{
		(void) inv_stock_unchanged(stock, item, &change);
		return;
	}
	set_settings(item, &operation->definition);
	(void) inv_stock_change(stock, item, &change);
}

static void
judge_retire(InvStock *stock, InvOperation *operation)
{
	const InvLine *line = linitial(operation->lines);
	InvItem *item = item_of(stock, &line->key);
	InvChange change;

	fill_plain_change(operation, INV_MOVEMENT_RETIRED, 0, &change);
	if (item->retired_at != DT_NOBEGIN)
	{
		(void) inv_stock_unchanged(stock, item, &change);
		return;
	}
	if (item->available != 0 || item->reserved != 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("product \"%s\" in warehouse \"%s\" still has stock",
					   item->key.product_id, item->key.warehouse_id),
				errdetail_internal("%s", inv_item_to_json(item)),
				errhint("Transfer or write off what is on hand, and release what is reserved."));
	(void) inv_stock_change(stock, item, &change);
}

/* ---- set, batch_set ---- */

/*
 * Kept far from what overflows, and yet out of range: an error inside of a
 * statement could not be taken for a verdict, for it leaves the statement open.
 */
static InvStatement moved_statement = {
	.sql = "SELECT least(greatest(coalesce(sum(delta_available + delta_reserved), 0), -1e18), 1e18)::bigint"
		   " FROM @schema@.inventory_movement"
		   " WHERE inventory_id = $1 AND coalesce(occurred_at, created_at) > $2"
		   "  AND movement_type NOT IN ('created', 'count')",
	.arg_count = 2,
	.arg_types = {INT8OID, TIMESTAMPTZOID}};

static InvStatement batch_moved_statement = {
	.sql = "SELECT least(greatest(coalesce(sum(b.delta), 0), -1e18), 1e18)::bigint FROM @schema@.inventory_movement m"
		   " JOIN @schema@.inventory_movement_batch b ON b.movement_id = m.movement_id"
		   " WHERE m.inventory_id = $1 AND coalesce(m.occurred_at, m.created_at) > $2 AND b.batch_id = $3"
		   "  AND m.movement_type NOT IN ('created', 'count')",
	.arg_count = 3,
	.arg_types = {INT8OID, TIMESTAMPTZOID, INT8OID}};

/*
 * What has been sold and received since the shelf was counted.  The first
 * figure of an item, and a count that came in meanwhile, moved no goods.
 */
static int64
moved_since(const InvItem *item, const InvBatch *batch, TimestampTz counted_at)
{
	Datum values[3] = {Int64GetDatum(item->inventory_id), TimestampTzGetDatum(counted_at)};
	int64 moved;

	inv_statement_connect();
	if (batch != NULL)
	{
		values[2] = Int64GetDatum(batch->batch_id);
		inv_statement_run(&batch_moved_statement, values, NULL);
	}
	else
		inv_statement_run(&moved_statement, values, NULL);
	moved = DatumGetInt64(inv_statement_value(0, 1, NULL));
	inv_statement_finish();
	return moved;
}

static int64
split_of(const InvMovement *movement, const InvBatch *batch)
{
	int64 delta = 0;
	ListCell *cell;

	foreach (cell, movement->splits)
	{
		const InvBatchSplit *split = lfirst(cell);

		if (split->batch == batch)
			delta += split->delta;
	}
	return delta;
}

/* The same for what this very call has done, and not written yet. */
static int64
moved_in_memory(const InvStock *stock, const InvItem *item, const InvBatch *batch, TimestampTz counted_at)
{
	int64 moved = 0;
	ListCell *cell;

	foreach (cell, stock->movements)
	{
		const InvMovement *movement = lfirst(cell);
		TimestampTz time = movement->tail->occurred_at != DT_NOBEGIN ? movement->tail->occurred_at
																	 : movement->created_at;

		if (movement->item == item && time > counted_at &&
			movement->type != INV_MOVEMENT_CREATED && movement->type != INV_MOVEMENT_COUNT)
			moved += batch != NULL ? split_of(movement, batch) : movement->delta_available + movement->delta_reserved;
	}
	return moved;
}

static void
check_expected_quantity(const InvOperation *operation, const InvItem *item, int64 quantity)
{
	if (!operation->has_expected_quantity || operation->expected_quantity == quantity)
		return;
	inv_counter_add(INV_COUNTER_STALE_VERSIONS, 1);
	ereport(ERROR,
			errcode(INV_ERRCODE_STALE),
			errmsg("product \"%s\" in warehouse \"%s\" has %lld on hand, not %lld",
				   item->key.product_id, item->key.warehouse_id,
				   (long long) quantity, (long long) operation->expected_quantity),
			errdetail_internal("%s", inv_item_to_json(item)),
			errhint("Read the item again and decide anew."));
}

/* Judged with the stock and not with the arguments, for a retry may come later than any count. */
static void
check_counted_at(TimestampTz counted_at)
{
	TimestampTz now = GetCurrentTimestamp();

	if (counted_at == DT_NOBEGIN)
		return;
	if (counted_at > now)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("counted_at must not be in the future"),
				errhint("Check the clock of the device that counted."));
	if (counted_at < now - inv_max_count_age_s * USECS_PER_SEC)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("counted_at is too long ago"),
				errdetail("inventory.max_count_age allows %d seconds.", inv_max_count_age_s),
				errhint("Count again."));
}

/* A count says what is there, so neither floor nor holds limit it; it is written even if all agrees. */
static void
judge_set(InvStock *stock, InvOperation *operation)
{
	const InvLine *line = linitial(operation->lines);
	InvItem *item = item_of(stock, &line->key);
	const InvBatch *batch = NULL;
	int64 present = item->available + item->reserved;
	int64 target = line->quantity;
	InvChange change;

	check_counted_at(operation->counted_at);
	if (item->track_batches && line->batch_number == NULL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("batch_number is needed: product \"%s\" in warehouse \"%s\" tracks batches",
					   item->key.product_id, item->key.warehouse_id));
	if (item->track_batches)
	{
		batch = inv_batch_find(item, line->batch_number);
		present = batch == NULL ? 0 : batch->quantity;
	}
	check_expected_quantity(operation, item, present);
	if (operation->counted_at != DT_NOBEGIN && (batch != NULL || !item->track_batches))
		target += moved_since(item, batch, operation->counted_at) +
				  moved_in_memory(stock, item, batch, operation->counted_at);
	inv_judge_fill_change(operation, line, &change);
	change.delta_available = target - present;
	(void) inv_stock_change(stock, item, &change);
}

static bool
changes_batch(const InvOperation *operation, const InvLine *line, const InvBatch *batch)
{
	return (line->expires_at != DT_NOBEGIN && line->expires_at != batch->expires_at) ||
		   (operation->batch_status != NULL && inv_batch_status_of(operation->batch_status) != batch->status);
}

static void
judge_batch_set(InvStock *stock, InvOperation *operation)
{
	const InvLine *line = linitial(operation->lines);
	InvItem *item = item_of(stock, &line->key);
	InvBatch *batch;
	InvChange change;

	fill_plain_change(operation, INV_MOVEMENT_SETTINGS, 0, &change);
	batch = inv_batch_find(item, line->batch_number);
	if (batch == NULL)
		ereport(ERROR,
				errcode(INV_ERRCODE_NOT_FOUND),
				errmsg("product \"%s\" in warehouse \"%s\" has no batch \"%s\"",
					   item->key.product_id, item->key.warehouse_id, line->batch_number));
	if (batch->status == INV_BATCH_EXPIRED)
		ereport(ERROR,
				errcode(INV_ERRCODE_BATCH_UNAVAILABLE),
				errmsg("batch \"%s\" of product \"%s\" in warehouse \"%s\" is expired",
					   line->batch_number, item->key.product_id, item->key.warehouse_id),
				errhint("It has been written off: bring it in again under another batch number."));
	if (!changes_batch(operation, line, batch))
	{
		(void) inv_stock_unchanged(stock, item, &change);
		return;
	}
	if (line->expires_at != DT_NOBEGIN && line->expires_at != batch->expires_at)
	{
		batch->expires_at = line->expires_at;
		batch->is_alerted = false;
	}
	if (operation->batch_status != NULL)
		batch->status = inv_batch_status_of(operation->batch_status);
	batch->is_changed = true;
	(void) inv_stock_change(stock, item, &change);
}

/* ---- transfer ---- */

static void
judge_transfer(InvStock *stock, InvOperation *operation)
{
	const InvLine *from_line = linitial(operation->lines);
	const InvLine *to_line = lsecond(operation->lines);
	InvItem *from = item_of(stock, &from_line->key);
	InvItem *to = item_of(stock, &to_line->key);
	InvMovement *out;
	InvChange change;

	if (from->track_batches != to->track_batches)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("product \"%s\" tracks batches in warehouse \"%s\" and not in \"%s\"",
					   from->key.product_id,
					   from->track_batches ? from->key.warehouse_id : to->key.warehouse_id,
					   from->track_batches ? to->key.warehouse_id : from->key.warehouse_id));
	inv_judge_fill_change(operation, from_line, &change);
	out = inv_stock_change(stock, from, &change);
	inv_judge_fill_change(operation, to_line, &change);
	change.arriving = out->splits;
	(void) inv_stock_change(stock, to, &change);
}

/* ---- reserve, commit, release ---- */

static void
raise_closed(const InvReservation *reservation)
{
	ereport(ERROR,
			errcode(INV_ERRCODE_GONE),
			errmsg("reservation \"%s\" is %s", reservation->reservation_id,
				   inv_reservation_status_name(reservation->status)),
			errhint("Reserve again under another id."));
}

/* Before anything is said of a reservation: all of its warehouses must be in reach. */
static void
require_holds_in_scope(const InvOperation *operation)
{
	ListCell *cell;

	foreach (cell, operation->reservation->holds)
	{
		const InvHold *hold = lfirst(cell);

		inv_scope_require(operation->scope, INV_ROLE_OPERATOR, hold->key.warehouse_id);
	}
}

/* Moves quantity between available and reserved: what one hold changes by. */
static void
change_hold(InvStock *stock, InvOperation *operation, InvItem *item, int64 by)
{
	InvChange change;

	fill_plain_change(operation, by < 0 ? INV_MOVEMENT_RELEASE : INV_MOVEMENT_RESERVE, by < 0 ? -by : by, &change);
	change.delta_available = -by;
	change.delta_reserved = by;
	if (by == 0)
		(void) inv_stock_unchanged(stock, item, &change);
	else
		(void) inv_stock_change(stock, item, &change);
}

static int64
held_quantity(const InvHold *hold)
{
	return hold != NULL && hold->is_held ? hold->quantity - hold->quantity_committed : 0;
}

/* Holds that the new lines no longer name are given back first. */
static void
drop_other_holds(InvStock *stock, InvOperation *operation)
{
	InvReservation *reservation = operation->reservation;
	ListCell *cell;

	foreach (cell, reservation->holds)
	{
		InvHold *hold = lfirst(cell);
		bool is_kept = false;
		ListCell *line_cell;

		foreach (line_cell, operation->lines)
		{
			const InvLine *line = lfirst(line_cell);

			is_kept |= inv_item_key_compare(&line->key, &hold->key) == 0;
		}
		if (is_kept || hold->is_removed)
			continue;
		if (hold->is_held)
			change_hold(stock, operation, item_of(stock, &hold->key), -held_quantity(hold));
		hold->is_held = false;
		hold->is_removed = true;
	}
}

/*
 * Reserving again under the same id replaces the lines and extends the time:
 * only the difference is taken, so a shopper is never in the way of himself.
 */
static void
judge_reserve(InvStock *stock, InvOperation *operation)
{
	InvReservation *reservation = operation->reservation;
	ListCell *cell;

	require_holds_in_scope(operation);
	if (reservation->status == INV_RESERVATION_COMMITTED || reservation->status == INV_RESERVATION_RELEASED)
		raise_closed(reservation);
	reservation->status = INV_RESERVATION_ACTIVE;
	reservation->reference = operation->tail.reference;
	reservation->performed_by = operation->tail.performed_by != NULL ? operation->tail.performed_by
																	 : operation->scope->actor;
	reservation->expires_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), operation->ttl_ms);
	reservation->is_changed = true;
	drop_other_holds(stock, operation);
	foreach (cell, operation->lines)
	{
		InvLine *line = lfirst(cell);

		line->delta = held_quantity(inv_reservation_hold(reservation, &line->key)) - line->quantity;
	}
	raise_all_short(stock, operation);
	foreach (cell, operation->lines)
	{
		const InvLine *line = lfirst(cell);
		InvItem *item = item_of(stock, &line->key);
		InvHold *hold = inv_reservation_hold(reservation, &line->key);

		change_hold(stock, operation, item, -line->delta);
		if (hold == NULL)
			(void) inv_reservation_add_hold(reservation, item, line->quantity);
		else
		{
			hold->quantity = line->quantity;
			hold->quantity_committed = 0;
			hold->is_held = true;
			hold->is_changed = true;
		}
	}
}

static int64
quantity_to_commit(const InvOperation *operation, const InvHold *hold)
{
	ListCell *cell;

	if (operation->lines == NIL)
		return hold->quantity;
	foreach (cell, operation->lines)
	{
		const InvLine *line = lfirst(cell);

		if (inv_item_key_compare(&line->key, &hold->key) == 0)
			return line->quantity;
	}
	return 0;
}

static char *
shortage_of_hold(const InvHold *hold, int64 requested)
{
	InvJson json;

	inv_json_begin(&json);
	inv_json_string(&json, "productId", hold->key.product_id);
	inv_json_string(&json, "warehouseId", hold->key.warehouse_id);
	inv_json_number(&json, "requested", requested);
	inv_json_number(&json, "available", hold->quantity);
	return inv_json_end(&json);
}

static void
check_commit_lines(const InvOperation *operation)
{
	ListCell *cell;

	foreach (cell, operation->lines)
	{
		const InvLine *line = lfirst(cell);
		const InvHold *hold = inv_reservation_hold(operation->reservation, &line->key);

		if (hold == NULL)
			ereport(ERROR,
					errcode(INV_ERRCODE_NOT_FOUND),
					errmsg("reservation \"%s\" does not hold product \"%s\" in warehouse \"%s\"",
						   operation->reservation_id, line->key.product_id, line->key.warehouse_id));
		if (line->quantity > hold->quantity)
			ereport(ERROR,
					errcode(INV_ERRCODE_SHORT),
					errmsg("reservation \"%s\" holds only %lld of product \"%s\" in warehouse \"%s\"",
						   operation->reservation_id, (long long) hold->quantity,
						   line->key.product_id, line->key.warehouse_id),
					errdetail_internal("[%s]", shortage_of_hold(hold, line->quantity)));
	}
}

/* What has been held is sold from the hold; what has expired, from what is available. */
static void
commit_hold(InvStock *stock, InvOperation *operation, InvHold *hold)
{
	InvItem *item = item_of(stock, &hold->key);
	int64 quantity = quantity_to_commit(operation, hold);
	InvChange change;

	fill_plain_change(operation, INV_MOVEMENT_COMMIT, quantity, &change);
	if (hold->is_held)
		change.delta_reserved = -quantity;
	else
		change.delta_available = -quantity;
	if (quantity > 0 && inv_stock_is_short(item, &change))
		ereport(ERROR,
				errcode(INV_ERRCODE_GONE),
				errmsg("reservation \"%s\" has expired, and its stock has been sold", operation->reservation_id),
				errdetail_internal("%s", inv_item_to_json(item)));
	if (quantity > 0)
		(void) inv_stock_change(stock, item, &change);
	if (hold->is_held && quantity < hold->quantity)
		change_hold(stock, operation, item, quantity - hold->quantity);
	hold->quantity_committed = quantity;
	hold->is_held = false;
	hold->is_changed = true;
}

static void
close_reservation(InvReservation *reservation, InvReservationStatus status)
{
	reservation->status = status;
	reservation->is_changed = true;
}

static InvReservation *
require_reservation(const InvOperation *operation)
{
	/* one that an operation yet to come is to make does not exist either */
	if (operation->reservation == NULL || !(operation->reservation->is_stored || operation->reservation->is_changed))
		ereport(ERROR,
				errcode(INV_ERRCODE_NOT_FOUND),
				errmsg("reservation \"%s\" does not exist", operation->reservation_id),
				errdetail("The organization searched is \"%s\".", operation->scope->organization));
	require_holds_in_scope(operation);
	return operation->reservation;
}

static void
judge_commit(InvStock *stock, InvOperation *operation)
{
	InvReservation *reservation = require_reservation(operation);
	ListCell *cell;

	if (reservation->status == INV_RESERVATION_COMMITTED || reservation->status == INV_RESERVATION_RELEASED)
		raise_closed(reservation);
	check_commit_lines(operation);
	foreach (cell, reservation->holds)
	{
		InvHold *hold = lfirst(cell);

		if (!hold->is_removed)
			commit_hold(stock, operation, hold);
	}
	close_reservation(reservation, INV_RESERVATION_COMMITTED);
}

/* Giving back what has been given back is no error: the caller may have lost the answer. */
static void
judge_release(InvStock *stock, InvOperation *operation)
{
	InvReservation *reservation = require_reservation(operation);
	ListCell *cell;

	if (reservation->status == INV_RESERVATION_COMMITTED)
		raise_closed(reservation);
	if (reservation->status != INV_RESERVATION_ACTIVE)
		return;
	foreach (cell, reservation->holds)
	{
		InvHold *hold = lfirst(cell);

		if (!hold->is_held)
			continue;
		change_hold(stock, operation, item_of(stock, &hold->key), -held_quantity(hold));
		hold->is_held = false;
		hold->is_changed = true;
	}
	close_reservation(reservation, INV_RESERVATION_RELEASED);
}

void
inv_judge(InvStock *stock, InvOperation *operation)
{
	static void (*const judges[INV_VERBS])(InvStock *, InvOperation *) = {
		[INV_VERB_DEFINE] = judge_define,
		[INV_VERB_RETIRE] = judge_retire,
		[INV_VERB_ADJUST] = judge_lines,
		[INV_VERB_APPLY] = judge_lines,
		[INV_VERB_SET] = judge_set,
		[INV_VERB_BATCH_SET] = judge_batch_set,
		[INV_VERB_RESERVE] = judge_reserve,
		[INV_VERB_COMMIT] = judge_commit,
		[INV_VERB_RELEASE] = judge_release,
		[INV_VERB_TRANSFER] = judge_transfer,
	};

	judges[operation->verb](stock, operation);
}
