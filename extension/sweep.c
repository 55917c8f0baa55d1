/*
 * sweep.c
 *	  What is overdue: reservations, batches, idempotency keys.
 *
 * Nothing here is needed for correctness.  An overdue hold is taken back by
 * the first sale that would be short because of it, and an expired batch is
 * not sold whether or not it has been written off.  So rows are locked with
 * SKIP LOCKED only, and a sweep cannot take part in a deadlock.
 */
#include "postgres.h"

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
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Sequences come last in a restore, so until then nothing is whole. */
static InvStatement is_used_statement = {
	.sql = "SELECT is_called FROM @schema@.inventory_movement_movement_id_seq"};

/* In a parallel restore a reservation may come before its lines. */
static InvStatement reservations_statement = {
	.sql = "SELECT organization_id, reservation_id FROM @schema@.inventory_reservation r"
		   " WHERE status = 'active' AND expires_at <= pg_catalog.clock_timestamp()"
		   "  AND EXISTS (SELECT FROM @schema@.inventory_reservation_line l"
		   "   WHERE l.organization_id = r.organization_id AND l.reservation_id = r.reservation_id)"
		   " ORDER BY expires_at LIMIT $1 FOR NO KEY UPDATE OF r SKIP LOCKED",
	.arg_count = 1,
	.arg_types = {INT4OID}};

static InvStatement batches_statement = {
	.sql = "SELECT organization_id, product_id, warehouse_id, batch_number, expires_at <= pg_catalog.clock_timestamp()"
		   " FROM @schema@.inventory_batch"
		   " WHERE status = 'active' AND expires_at <= pg_catalog.clock_timestamp() + $1 * interval '1 min'"
		   "  AND (expires_at <= pg_catalog.clock_timestamp() OR (alerted_at IS NULL AND quantity > 0))"
		   " ORDER BY expires_at LIMIT $2",
	.arg_count = 2,
	.arg_types = {INT4OID, INT4OID}};

static InvStatement prune_statement = {
	.sql = "DELETE FROM @schema@.inventory_operation WHERE ctid = ANY (ARRAY("
		   "SELECT ctid FROM @schema@.inventory_operation"
		   " WHERE created_at < pg_catalog.clock_timestamp() - $1 * interval '1 min'"
		   " LIMIT $2 FOR UPDATE SKIP LOCKED))",
	.arg_count = 2,
	.arg_types = {INT4OID, INT4OID}};

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
lock_item(InvStock *stock, const InvItemKey *key)
{
	InvItem *item = palloc0(sizeof(InvItem));

	if (!inv_item_find(&stock->item_table, key, item) ||
		!inv_item_lock(&stock->item_table, item, &stock->deadline, LockWaitSkip))
		return NULL;
	if (item->track_batches)
		inv_batch_load(item);
	stock->items[stock->item_count++] = item;
	return item;
}

static bool
lock_held_items(InvStock *stock, const InvReservation *reservation)
{
	ListCell *cell;

	stock->items = palloc((list_length(reservation->holds) + 1) * sizeof(InvItem *));
	foreach (cell, reservation->holds)
	{
		const InvHold *hold = lfirst(cell);

		if (hold->is_held && lock_item(stock, &hold->key) == NULL)
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
static bool
expire_reservation(const char *organization_id, const char *reservation_id)
{
	InvStock stock;
	InvReservation *reservation;
	bool is_free;

	inv_stock_begin(&stock);
	reservation = inv_reservation_lock(organization_id, reservation_id, false, &stock.deadline);
	is_free = reservation != NULL && lock_held_items(&stock, reservation);
	if (is_free)
	{
		release_holds(&stock, reservation);
		reservation->status = INV_RESERVATION_EXPIRED;
		reservation->is_changed = true;
		inv_stock_write(&stock);
		inv_reservation_write(reservation);
		inv_event_write_reservation_expired(organization_id, reservation_id);
	}
	inv_stock_end(&stock);
	return is_free;
}

/* The rows of a statement as texts, before others overwrite SPI's result. */
static char ***
take_texts(int columns, uint64 *count)
{
	char ***rows;

	*count = SPI_processed;
	rows = SPI_palloc(Max(*count, 1) * sizeof(char **));
	for (uint64 i = 0; i < *count; i++)
	{
		rows[i] = SPI_palloc(columns * sizeof(char *));
		for (int c = 0; c < columns; c++)
			rows[i][c] = inv_statement_text(i, c + 1);
	}
	return rows;
}

static int
expire_reservations(int max_rows)
{
	Datum values[1] = {Int32GetDatum(max_rows)};
	int expired = 0;
	char ***rows;
	uint64 count;

	inv_statement_connect();
	inv_statement_run(&reservations_statement, values, NULL);
	rows = take_texts(2, &count);
	inv_statement_finish();
	for (uint64 i = 0; i < count; i++)
	{
		expired += expire_reservation(rows[i][0], rows[i][1]);
		CHECK_FOR_INTERRUPTS();
	}
	return expired;
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
sweep_batch(const InvItemKey *key, const char *number, InvSwept *swept)
{
	InvStock stock;
	InvItem *item;
	InvBatch *batch = NULL;
	TimestampTz now = GetCurrentTimestamp();

	inv_stock_begin(&stock);
	stock.items = palloc(sizeof(InvItem *));
	item = lock_item(&stock, key);
	/* left from when it tracked them: to be closed too, or they would be found again for ever */
	if (item != NULL && !item->track_batches)
		inv_batch_load(item);
	if (item != NULL)
		batch = inv_batch_find(item, number);
	if (batch != NULL && batch->status == INV_BATCH_ACTIVE && batch->expires_at <= now)
	{
		write_off(&stock, item, batch);
		swept->batches_expired++;
	}
	else if (batch != NULL && batch->status == INV_BATCH_ACTIVE && batch->quantity > 0 && !batch->is_alerted &&
			 batch->expires_at <= now + inv_expiring_soon_min * USECS_PER_MINUTE)
	{
		alert(&stock, item, batch);
		swept->batches_alerted++;
	}
	inv_stock_end(&stock);
}

static void
sweep_batches(int max_rows, InvSwept *swept)
{
	Datum values[2] = {Int32GetDatum(inv_expiring_soon_min), Int32GetDatum(max_rows)};
	char ***rows;
	uint64 count;

	inv_statement_connect();
	inv_statement_run(&batches_statement, values, NULL);
	rows = take_texts(4, &count);
	inv_statement_finish();
	for (uint64 i = 0; i < count; i++)
	{
		const InvItemKey key = {rows[i][0], rows[i][1], rows[i][2]};

		sweep_batch(&key, rows[i][3], swept);
		CHECK_FOR_INTERRUPTS();
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
	memset(swept, 0, sizeof(InvSwept));
	if (!is_used())
		return;
	swept->reservations_expired = expire_reservations(max_rows);
	sweep_batches(max_rows, swept);
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
	values[0] = Int32GetDatum(swept.reservations_expired);
	values[1] = Int32GetDatum(swept.batches_expired);
	values[2] = Int32GetDatum(swept.batches_alerted);
	values[3] = Int32GetDatum(swept.operations_pruned);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
