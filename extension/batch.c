/*
 * batch.c
 *	  Batches of an item that tracks them: number, expiry, quantity.
 */
#include "postgres.h"

#include "batch.h"
#include "catalog.h"
#include "counters.h"
#include "errors.h"
#include "json.h"
#include "statement.h"

#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static const char *const status_names[] = {"active", "quarantined", "expired"};

static InvStatement load_statement = {
	.sql = "SELECT batch_id, batch_number, quantity, expires_at, received_at, status, alerted_at IS NOT NULL, version"
		   " FROM @schema@.inventory_batch WHERE inventory_id = $1 ORDER BY batch_id",
	.arg_count = 1,
	.arg_types = {INT8OID}};

static InvStatement insert_statement = {
	.sql = "INSERT INTO @schema@.inventory_batch (batch_id, inventory_id, organization_id, product_id, warehouse_id,"
		   "  batch_number, quantity, expires_at, received_at, status, last_modified_at)"
		   " OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9)",
	.arg_count = 10,
	.arg_types = {INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID}};

static InvStatement update_statement = {
	.sql = "UPDATE @schema@.inventory_batch SET quantity = $2, expires_at = $3, status = $4,"
		   "  alerted_at = CASE WHEN $5 THEN coalesce(alerted_at, $6) END, version = version + 1, last_modified_at = $6"
		   " WHERE batch_id = $1",
	.arg_count = 6,
	.arg_types = {INT8OID, INT8OID, TIMESTAMPTZOID, TEXTOID, BOOLOID, TIMESTAMPTZOID}};

static InvStatement split_statement = {
	.sql = "INSERT INTO @schema@.inventory_movement_batch (movement_id, batch_id, delta) VALUES ($1, $2, $3)",
	.arg_count = 3,
	.arg_types = {INT8OID, INT8OID, INT8OID}};

const char *
inv_batch_status_name(InvBatchStatus status)
{
	return status_names[status];
}

InvBatchStatus
inv_batch_status_of(const char *name)
{
	for (size_t i = 0; i < lengthof(status_names); i++)
	{
		if (strcmp(name, status_names[i]) == 0)
			return (InvBatchStatus) i;
	}
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("status must be \"active\" or \"quarantined\", not \"%s\"", name));
	return INV_BATCH_ACTIVE;
}

void
inv_batch_load(InvItem *item)
{
	Datum values[1] = {Int64GetDatum(item->inventory_id)};
	MemoryContext context = CurrentMemoryContext;

	item->batches = NIL;
	inv_statement_connect();
	inv_statement_run(&load_statement, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		InvBatch *batch = MemoryContextAllocZero(context, sizeof(InvBatch));
		MemoryContext in_spi;
		bool is_null;
		Datum expires_at = inv_statement_value(row, 4, &is_null);

		batch->batch_id = DatumGetInt64(inv_statement_value(row, 1, NULL));
		batch->number = inv_statement_text(row, 2);
		batch->quantity = DatumGetInt64(inv_statement_value(row, 3, NULL));
		batch->expires_at = is_null ? DT_NOEND : DatumGetTimestampTz(expires_at);
		batch->received_at = DatumGetTimestampTz(inv_statement_value(row, 5, NULL));
		batch->status = inv_batch_status_of(inv_statement_text(row, 6));
		batch->is_alerted = DatumGetBool(inv_statement_value(row, 7, NULL));
		batch->version = DatumGetInt64(inv_statement_value(row, 8, NULL));
		in_spi = MemoryContextSwitchTo(context);
		item->batches = lappend(item->batches, batch);
		MemoryContextSwitchTo(in_spi);
	}
	inv_statement_finish();
}

InvBatch *
inv_batch_find(const InvItem *item, const char *number)
{
	ListCell *cell;

	foreach (cell, item->batches)
	{
		InvBatch *batch = lfirst(cell);

		if (strcmp(batch->number, number) == 0)
			return batch;
	}
	return NULL;
}

int64
inv_batch_quantity(const InvItem *item, const char *number, int64 otherwise)
{
	const InvBatch *batch = inv_batch_find(item, number);

	return batch == NULL ? otherwise : batch->quantity;
}

static bool
is_sellable(const InvBatch *batch, TimestampTz now)
{
	return batch->status == INV_BATCH_ACTIVE && batch->expires_at > now;
}

static int64
sellable_at(const InvItem *item, TimestampTz now)
{
	int64 sum = 0;
	ListCell *cell;

	foreach (cell, item->batches)
	{
		const InvBatch *batch = lfirst(cell);

		if (is_sellable(batch, now))
			sum += batch->quantity;
	}
	return sum;
}

int64
inv_batch_sellable(const InvItem *item)
{
	return sellable_at(item, GetCurrentTimestamp());
}

bool
inv_batch_is_sellable(const InvItem *item, const char *number)
{
	const InvBatch *batch = inv_batch_find(item, number);

	return batch != NULL && is_sellable(batch, GetCurrentTimestamp());
}

static void
raise_short_batch(const InvItem *item, const char *number, int64 requested, int64 available)
{
	InvJson json;

	inv_json_begin(&json);
	inv_json_string(&json, "productId", item->key.product_id);
	inv_json_string(&json, "warehouseId", item->key.warehouse_id);
	inv_json_string(&json, "batchNumber", number);
	inv_json_number(&json, "requested", requested);
	inv_json_number(&json, "available", available);
	inv_counter_add(INV_COUNTER_SHORTAGES, 1);
	ereport(ERROR,
			errcode(INV_ERRCODE_SHORT),
			errmsg("insufficient stock in batches of product \"%s\" in warehouse \"%s\"",
				   item->key.product_id, item->key.warehouse_id),
			errdetail_internal("[%s]", inv_json_end(&json)));
}

static InvBatch *
require_batch(const InvItem *item, const char *number)
{
	InvBatch *batch = inv_batch_find(item, number);

	if (batch == NULL)
		ereport(ERROR,
				errcode(INV_ERRCODE_NOT_FOUND),
				errmsg("product \"%s\" in warehouse \"%s\" has no batch \"%s\"",
					   item->key.product_id, item->key.warehouse_id, number));
	return batch;
}

static List *
change_batch(List *splits, InvBatch *batch, int64 delta)
{
	InvBatchSplit *split = palloc(sizeof(InvBatchSplit));

	batch->quantity += delta;
	batch->is_changed = true;
	split->batch = batch;
	split->delta = delta;
	return lappend(splits, split);
}

static List *
take_named(InvItem *item, int64 quantity, const char *number, bool is_sale)
{
	InvBatch *batch = require_batch(item, number);

	if (is_sale && !is_sellable(batch, GetCurrentTimestamp()))
		ereport(ERROR,
				errcode(INV_ERRCODE_BATCH_UNAVAILABLE),
				errmsg("batch \"%s\" of product \"%s\" in warehouse \"%s\" is %s",
					   number, item->key.product_id, item->key.warehouse_id,
					   batch->status == INV_BATCH_QUARANTINED ? "quarantined" : "expired"));
	if (batch->quantity < quantity)
		raise_short_batch(item, number, quantity, batch->quantity);
	return change_batch(NIL, batch, -quantity);
}

/* First expired, first out; of two alike, the one that came first. */
static int
compare_expiry(const ListCell *a, const ListCell *b)
{
	const InvBatch *left = lfirst(a);
	const InvBatch *right = lfirst(b);

	if (left->expires_at != right->expires_at)
		return left->expires_at < right->expires_at ? -1 : 1;
	if (left->received_at != right->received_at)
		return left->received_at < right->received_at ? -1 : 1;
	return left->batch_id < right->batch_id ? -1 : left->batch_id > right->batch_id;
}

/* By one reading of the clock: a batch that expired halfway would leave a part untaken. */
static List *
take_first_expiring(InvItem *item, int64 quantity)
{
	TimestampTz now = GetCurrentTimestamp();
	int64 sellable = sellable_at(item, now);
	List *ordered = list_copy(item->batches);
	List *splits = NIL;
	ListCell *cell;

	if (sellable < quantity)
		raise_short_batch(item, NULL, quantity, sellable);
	list_sort(ordered, compare_expiry);
	foreach (cell, ordered)
	{
		InvBatch *batch = lfirst(cell);
		int64 part = Min(quantity, batch->quantity);

		if (part == 0 || !is_sellable(batch, now))
			continue;
		splits = change_batch(splits, batch, -part);
		quantity -= part;
		if (quantity == 0)
			break;
	}
	return splits;
}

List *
inv_batch_take(InvItem *item, int64 quantity, const char *number, bool is_sale)
{
	return number != NULL ? take_named(item, quantity, number, is_sale)
						  : take_first_expiring(item, quantity);
}

static char *
expiry_to_json(const InvBatch *batch)
{
	InvJson json;

	inv_json_begin(&json);
	inv_json_string(&json, "batchNumber", batch->number);
	inv_json_time(&json, "expiresAt", batch->expires_at);
	return inv_json_end(&json);
}

static InvBatch *
new_batch(InvItem *item, const char *number, TimestampTz expires_at)
{
	InvBatch *batch = palloc0(sizeof(InvBatch));

	batch->batch_id = nextval_internal(inv_catalog()->batch_sequence, false);
	batch->number = number;
	batch->expires_at = expires_at == DT_NOBEGIN ? DT_NOEND : expires_at;
	batch->received_at = GetCurrentTimestamp();
	batch->status = INV_BATCH_ACTIVE;
	item->batches = lappend(item->batches, batch);
	return batch;
}

List *
inv_batch_put(InvItem *item, int64 quantity, const char *number, TimestampTz expires_at, bool is_receipt)
{
	InvBatch *batch = inv_batch_find(item, number);

	if (batch == NULL)
		batch = new_batch(item, number, expires_at);
	else if (batch->status == INV_BATCH_EXPIRED && is_receipt)
		ereport(ERROR,
				errcode(INV_ERRCODE_BATCH_UNAVAILABLE),
				errmsg("batch \"%s\" of product \"%s\" in warehouse \"%s\" is expired",
					   number, item->key.product_id, item->key.warehouse_id),
				errhint("It has been written off: bring it in again under another batch number."));
	else if (expires_at != DT_NOBEGIN && expires_at != batch->expires_at)
		ereport(ERROR,
				errcode(INV_ERRCODE_STALE),
				errmsg("batch \"%s\" of product \"%s\" in warehouse \"%s\" has another expiry",
					   number, item->key.product_id, item->key.warehouse_id),
				errdetail_internal("%s", expiry_to_json(batch)),
				errhint("Correct the expiry with inventory_batch_set, or use another batch number."));
	return change_batch(NIL, batch, quantity);
}

List *
inv_batch_copy_list(const List *batches)
{
	List *copy = NIL;
	ListCell *cell;

	foreach (cell, batches)
	{
		InvBatch *batch = palloc(sizeof(InvBatch));

		*batch = *(InvBatch *) lfirst(cell);
		copy = lappend(copy, batch);
	}
	return copy;
}

static void
insert_batch(const InvItem *item, const InvBatch *batch)
{
	Datum values[10] = {Int64GetDatum(batch->batch_id), Int64GetDatum(item->inventory_id),
						CStringGetTextDatum(item->key.organization_id), CStringGetTextDatum(item->key.product_id),
						CStringGetTextDatum(item->key.warehouse_id), CStringGetTextDatum(batch->number),
						Int64GetDatum(batch->quantity), TimestampTzGetDatum(batch->expires_at),
						TimestampTzGetDatum(batch->received_at), CStringGetTextDatum(status_names[batch->status])};
	char nulls[10] = "          ";

	nulls[7] = batch->expires_at == DT_NOEND ? 'n' : ' ';
	inv_statement_run(&insert_statement, values, nulls);
}

static void
update_batch(const InvBatch *batch)
{
	Datum values[6] = {Int64GetDatum(batch->batch_id), Int64GetDatum(batch->quantity),
					   TimestampTzGetDatum(batch->expires_at), CStringGetTextDatum(status_names[batch->status]),
					   BoolGetDatum(batch->is_alerted), TimestampTzGetDatum(GetCurrentTimestamp())};
	char nulls[6] = "      ";

	nulls[2] = batch->expires_at == DT_NOEND ? 'n' : ' ';
	inv_statement_run(&update_statement, values, nulls);
}

static void
write_batches(InvItem *item)
{
	ListCell *cell;

	foreach (cell, item->batches)
	{
		InvBatch *batch = lfirst(cell);

		if (!batch->is_changed)
			continue;
		if (batch->version == 0)
			insert_batch(item, batch);
		else
			update_batch(batch);
		batch->version++;
		batch->is_changed = false;
	}
}

void
inv_batch_write(InvItem **items, int count)
{
	inv_statement_connect();
	for (int i = 0; i < count; i++)
		write_batches(items[i]);
	inv_statement_finish();
}

void
inv_batch_write_splits(const InvMovement *movement)
{
	ListCell *cell;

	inv_statement_connect();
	foreach (cell, movement->splits)
	{
		const InvBatchSplit *split = lfirst(cell);
		Datum values[3] = {Int64GetDatum(movement->movement_id), Int64GetDatum(split->batch->batch_id),
						   Int64GetDatum(split->delta)};

		inv_statement_run(&split_statement, values, NULL);
	}
	inv_statement_finish();
}
