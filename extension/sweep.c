/*
 * sweep.c
 *	  What is overdue: reservations, batches, idempotency keys.
 *
 * Nothing here is needed for correctness.  An overdue hold is taken back by
 * the first sale that would be short because of it, and an expired batch is
 * not sold whether or not it has been written off.  So rows are locked with
 * SKIP LOCKED only, and a sweep cannot take part in a deadlock.
 *
 * The oldest come first, and some of them may have to stay: somebody has their
 * item in hand, or they are broken, by an edit of a table say.  They must not
 * stop those behind them.  So a sweep goes on from where it has looked until
 * it has done enough, passes over all else of an item that it has found
 * locked, and does each thing in a subtransaction of its own.
 */
#include "postgres.h"

#include "attempt.h"
#include "batch.h"
#include "catalog.h"
#include "event.h"
#include "reservation.h"
#include "settings.h"
#include "statement.h"
#include "stock.h"
#include "sweep.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Sequences come last in a restore, so until then nothing is whole. */
static InvStatement is_used_statement = {
	.sql = "SELECT is_called FROM @schema@.inventory_movement_movement_id_seq"};

/*
 * In a parallel restore a reservation may come before its lines.  The sublink
 * is an aggregate so that it stays one: as a join it might read all lines.
 */
static InvStatement reservations_statement = {
	.sql = "SELECT expires_at, organization_id, reservation_id FROM @schema@.inventory_reservation r"
		   " WHERE status = 'active' AND expires_at <= pg_catalog.clock_timestamp()"
		   "  AND (expires_at, organization_id, reservation_id) > ($1, $2, $3)"
		   "  AND (SELECT pg_catalog.bool_or(l.is_held AND l.inventory_id = ANY ($4))"
		   "   FROM @schema@.inventory_reservation_line l"
		   "   WHERE l.organization_id = r.organization_id AND l.reservation_id = r.reservation_id) IS FALSE"
		   " ORDER BY expires_at, organization_id, reservation_id LIMIT $5 FOR NO KEY UPDATE OF r SKIP LOCKED",
	.arg_count = 5,
	.arg_types = {TIMESTAMPTZOID, TEXTOID, TEXTOID, INT8ARRAYOID, INT4OID}};

static InvStatement batches_statement = {
	.sql = "SELECT expires_at, batch_id, organization_id, product_id, warehouse_id, batch_number, inventory_id"
		   " FROM @schema@.inventory_batch"
		   " WHERE status = 'active' AND expires_at <= pg_catalog.clock_timestamp() + $1 * interval '1 min'"
		   "  AND (expires_at <= pg_catalog.clock_timestamp() OR (alerted_at IS NULL AND quantity > 0))"
		   "  AND (expires_at, batch_id) > ($2, $3) AND inventory_id <> ALL ($4)"
		   " ORDER BY expires_at, batch_id LIMIT $5",
	.arg_count = 5,
	.arg_types = {INT4OID, TIMESTAMPTZOID, INT8OID, INT8ARRAYOID, INT4OID}};

static InvStatement prune_statement = {
	.sql = "DELETE FROM @schema@.inventory_operation WHERE ctid = ANY (ARRAY("
		   "SELECT ctid FROM @schema@.inventory_operation"
		   " WHERE created_at < pg_catalog.clock_timestamp() - $1 * interval '1 min'"
		   " LIMIT $2 FOR UPDATE SKIP LOCKED))",
	.arg_count = 2,
	.arg_types = {INT4OID, INT4OID}};

typedef struct Sweep
{
	InvSwept *swept;
	int max_rows;
	ArrayBuildState *busy; /* inventory_id of the items that others have in hand */
} Sweep;

/* A reservation or a batch that is due. */
typedef struct Due
{
	Sweep *sweep;
	TimestampTz expires_at;
	const char *organization_id;
	const char *reservation_id; /* of a reservation */
	int64 batch_id;				/* the rest: of a batch */
	const char *product_id;
	const char *warehouse_id;
	const char *batch_number;
	int64 inventory_id;
} Due;

/* What the sweep does is done by the janitor, in every organization. */
static InvScope *
janitor_scope(const char *organization_id)
{
	InvScope *scope = palloc(sizeof(InvScope));

	inv_scope_of_system(organization_id, INV_SYSTEM_ACTOR, scope);
	return scope;
}

static InvTail *
tail_of(const char *reason, const char *reference)
{
	InvTail *tail = palloc0(sizeof(InvTail));

	tail->reason = reason;
	tail->reference = reference;
	tail->occurred_at = DT_NOBEGIN;
	return tail;
}

/* Locks one more item of the stock without waiting; NULL: somebody has it. */
static InvItem *
lock_item(Sweep *sweep, InvStock *stock, const InvItemKey *key, int64 inventory_id)
{
	InvItem *item = palloc0(sizeof(InvItem));

	if (!inv_item_find(&stock->item_table, key, item))
		inv_item_raise_not_found(key);
	if (!inv_item_lock(&stock->item_table, item, &stock->deadline, LockWaitSkip))
	{
		if (!item->is_busy)
			inv_item_raise_not_found(key);
		(void) accumArrayResult(sweep->busy, Int64GetDatum(inventory_id), false, INT8OID, CurrentMemoryContext);
		return NULL;
	}
	if (item->track_batches)
		inv_batch_load(item);
	stock->items[stock->item_count++] = item;
	return item;
}

static bool
lock_held_items(Sweep *sweep, InvStock *stock, const InvReservation *reservation)
{
	ListCell *cell;

	stock->items = palloc((list_length(reservation->holds) + 1) * sizeof(InvItem *));
	foreach (cell, reservation->holds)
	{
		const InvHold *hold = lfirst(cell);

		if (hold->is_held && lock_item(sweep, stock, &hold->key, hold->inventory_id) == NULL)
			return false;
	}
	return true;
}

static void
release_holds(InvStock *stock, InvReservation *reservation)
{
	const InvScope *scope = janitor_scope(reservation->organization_id);
	ListCell *cell;

	foreach (cell, reservation->holds)
	{
		InvHold *hold = lfirst(cell);
		int64 quantity = hold->quantity - hold->quantity_committed;
		const InvChange change = {.type = INV_MOVEMENT_RELEASE,
								  .quantity = quantity,
								  .delta_available = quantity,
								  .delta_reserved = -quantity,
								  .expected_version = INV_ANY_VERSION,
								  .expires_at = DT_NOBEGIN,
								  .scope = scope,
								  .tail = tail_of("reservation expired", reservation->reference),
								  .operation_id = reservation->reservation_id};

		if (!hold->is_held)
			continue;
		(void) inv_stock_change(stock, inv_stock_item(stock, &hold->key), &change);
		hold->is_held = false;
		hold->is_changed = true;
	}
}

/* The row is locked already, by the statement that found it. */
static void
expire_reservation(void *arg)
{
	const Due *due = arg;
	InvStock stock;
	InvReservation *reservation;
	bool is_free;

	inv_stock_begin(&stock);
	reservation = inv_reservation_lock(due->organization_id, due->reservation_id, false, &stock.deadline);
	is_free = reservation != NULL && lock_held_items(due->sweep, &stock, reservation);
	if (is_free)
	{
		release_holds(&stock, reservation);
		reservation->status = INV_RESERVATION_EXPIRED;
		reservation->is_changed = true;
		inv_stock_write(&stock);
		inv_reservation_write(reservation);
		inv_event_write_reservation_expired(due->organization_id, due->reservation_id);
	}
	inv_stock_end(&stock);
	due->sweep->swept->reservations_expired += is_free;
}

static void
note_failure(InvSwept *swept, const Due *due, const ErrorData *error)
{
	if (swept->failure != NULL)
		return;
	if (due->reservation_id != NULL)
		swept->failure = psprintf("could not expire reservation \"%s\" of organization \"%s\": %s",
								  due->reservation_id, due->organization_id, error->message);
	else
		swept->failure = psprintf("could not sweep batch \"%s\" of product \"%s\" in warehouse \"%s\" of organization \"%s\": %s",
								  due->batch_number, due->product_id, due->warehouse_id, due->organization_id,
								  error->message);
}

/* Does what is due with each; returns the last. */
static Due *
sweep_each(List *list, void (*one)(void *due))
{
	ListCell *cell;

	foreach (cell, list)
	{
		Due *due = lfirst(cell);
		const ErrorData *error = inv_attempt_one(one, due);

		if (error != NULL)
			note_failure(due->sweep->swept, due, error);
		CHECK_FOR_INTERRUPTS();
	}
	return llast(list);
}

/* One of the rows that a statement has found, in memory of the caller. */
static Due *
new_due(Sweep *sweep, uint64 row, List **list, MemoryContext context)
{
	Due *due = MemoryContextAllocZero(context, sizeof(Due));
	MemoryContext in_spi = MemoryContextSwitchTo(context);

	*list = lappend(*list, due);
	MemoryContextSwitchTo(in_spi);
	due->sweep = sweep;
	due->expires_at = DatumGetTimestampTz(inv_statement_value(row, 1, NULL));
	return due;
}

static List *
reservations_after(Sweep *sweep, const Due *last, int count)
{
	MemoryContext context = CurrentMemoryContext;
	Datum values[5] = {TimestampTzGetDatum(last->expires_at), CStringGetTextDatum(last->organization_id),
					   CStringGetTextDatum(last->reservation_id), makeArrayResult(sweep->busy, context),
					   Int32GetDatum(count)};
	List *list = NIL;

	inv_statement_connect();
	inv_statement_run(&reservations_statement, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		Due *due = new_due(sweep, row, &list, context);

		due->organization_id = inv_statement_text(row, 2);
		due->reservation_id = inv_statement_text(row, 3);
	}
	inv_statement_finish();
	return list;
}

static void
sweep_reservations(Sweep *sweep)
{
	const Due first = {.expires_at = DT_NOBEGIN, .organization_id = "", .reservation_id = ""};
	const Due *last = &first;
	List *list;
	int wanted;

	while ((wanted = sweep->max_rows - sweep->swept->reservations_expired) > 0)
	{
		list = reservations_after(sweep, last, wanted);
		if (list == NIL)
			break;
		last = sweep_each(list, expire_reservation);
	}
}

/*
 * Writes off what is left of a batch whose time has come; nothing, where the
 * item tracks batches no longer.
 */
static void
write_off(InvStock *stock, InvItem *item, InvBatch *batch)
{
	int64 quantity = batch->quantity;
	const InvChange change = {.type = INV_MOVEMENT_EXPIRE,
							  .quantity = quantity,
							  .delta_available = -quantity,
							  .expected_version = INV_ANY_VERSION,
							  .batch_number = batch->number,
							  .expires_at = DT_NOBEGIN,
							  .scope = janitor_scope(item->key.organization_id),
							  .tail = tail_of("expired", NULL)};

	if (quantity > 0 && item->track_batches)
		(void) inv_stock_change(stock, item, &change);
	batch->status = INV_BATCH_EXPIRED;
	batch->is_changed = true;
	inv_stock_write(stock);
	if (quantity > 0)
		inv_event_write_batch("batch.expired", item, batch, quantity);
}

static void
alert(InvStock *stock, InvItem *item, InvBatch *batch)
{
	batch->is_alerted = true;
	batch->is_changed = true;
	inv_stock_write(stock);
	inv_event_write_batch("batch.expiring_soon", item, batch, batch->quantity);
}

/* What was read without a lock may have changed: judged again under it. */
static void
sweep_batch(void *arg)
{
	const Due *due = arg;
	const InvItemKey key = {due->organization_id, due->product_id, due->warehouse_id};
	InvSwept *swept = due->sweep->swept;
	InvStock stock;
	InvItem *item;
	InvBatch *batch = NULL;
	TimestampTz now = GetCurrentTimestamp();
	bool is_expired;
	bool is_alerted;

	inv_stock_begin(&stock);
	stock.items = palloc(sizeof(InvItem *));
	item = lock_item(due->sweep, &stock, &key, due->inventory_id);
	/* left from when it tracked them: to be closed too, or they would be found again for ever */
	if (item != NULL && !item->track_batches)
		inv_batch_load(item);
	if (item != NULL)
		batch = inv_batch_find(item, due->batch_number);
	is_expired = batch != NULL && batch->status == INV_BATCH_ACTIVE && batch->expires_at <= now;
	is_alerted = batch != NULL && batch->status == INV_BATCH_ACTIVE && !is_expired && batch->quantity > 0 &&
				 !batch->is_alerted && batch->expires_at <= now + inv_expiring_soon_min * USECS_PER_MINUTE;
	if (is_expired)
		write_off(&stock, item, batch);
	if (is_alerted)
		alert(&stock, item, batch);
	inv_stock_end(&stock);
	swept->batches_expired += is_expired;
	swept->batches_alerted += is_alerted;
}

static List *
batches_after(Sweep *sweep, const Due *last, int count)
{
	MemoryContext context = CurrentMemoryContext;
	Datum values[5] = {Int32GetDatum(inv_expiring_soon_min), TimestampTzGetDatum(last->expires_at),
					   Int64GetDatum(last->batch_id), makeArrayResult(sweep->busy, context), Int32GetDatum(count)};
	List *list = NIL;

	inv_statement_connect();
	inv_statement_run(&batches_statement, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		Due *due = new_due(sweep, row, &list, context);

		due->batch_id = DatumGetInt64(inv_statement_value(row, 2, NULL));
		due->organization_id = inv_statement_text(row, 3);
		due->product_id = inv_statement_text(row, 4);
		due->warehouse_id = inv_statement_text(row, 5);
		due->batch_number = inv_statement_text(row, 6);
		due->inventory_id = DatumGetInt64(inv_statement_value(row, 7, NULL));
	}
	inv_statement_finish();
	return list;
}

static void
sweep_batches(Sweep *sweep)
{
	const Due first = {.expires_at = DT_NOBEGIN};
	const Due *last = &first;
	List *list;
	int wanted;

	while ((wanted = sweep->max_rows - sweep->swept->batches_expired - sweep->swept->batches_alerted) > 0)
	{
		list = batches_after(sweep, last, wanted);
		if (list == NIL)
			break;
		last = sweep_each(list, sweep_batch);
	}
}

static int
prune_operations(int max_rows)
{
	Datum values[2] = {Int32GetDatum(inv_operation_retention_min), Int32GetDatum(max_rows)};
	int pruned;

	inv_statement_connect();
	inv_statement_run(&prune_statement, values, NULL);
	pruned = SPI_processed;
	inv_statement_finish();
	return pruned;
}

/* Has stock ever been changed here, by somebody or in the cluster of the dump? */
static bool
is_used(void)
{
	bool is;

	inv_statement_connect();
	inv_statement_run(&is_used_statement, NULL, NULL);
	is = DatumGetBool(inv_statement_value(0, 1, NULL));
	inv_statement_finish();
	return is;
}

void
inv_sweep(int max_rows, InvSwept *swept)
{
	Sweep sweep = {.swept = swept, .max_rows = max_rows};

	memset(swept, 0, sizeof(InvSwept));
	if (!is_used())
		return;
	sweep.busy = initArrayResult(INT8OID, CurrentMemoryContext, false);
	sweep_reservations(&sweep);
	sweep_batches(&sweep);
	swept->operations_pruned = prune_operations(max_rows);
}

PG_FUNCTION_INFO_V1(inventory_sweep);

/* inventory_sweep(max_rows integer) */
Datum
inventory_sweep(PG_FUNCTION_ARGS)
{
	InvSwept swept;
	TupleDesc descriptor;
	Datum values[4];
	bool nulls[4] = {false};

	(void) inv_catalog_of_function(fcinfo);
	if (PG_ARGISNULL(0) || PG_GETARG_INT32(0) < 1)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("max_rows must be positive"));
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	inv_sweep(PG_GETARG_INT32(0), &swept);
	if (swept.failure != NULL)
		ereport(WARNING,
				errmsg_internal("%s", swept.failure));
	values[0] = Int32GetDatum(swept.reservations_expired);
	values[1] = Int32GetDatum(swept.batches_expired);
	values[2] = Int32GetDatum(swept.batches_alerted);
	values[3] = Int32GetDatum(swept.operations_pruned);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
