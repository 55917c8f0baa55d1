/*
 * execute.c
 *	  Does operations: claims their keys, locks, judges, writes.
 *
 * One call is one pass over the lock order: keys, then reservations, then the
 * union of all items.  Everything an operation needs is locked before the
 * first is judged, so no two calls can deadlock, and judging touches memory
 * only.  That is why a refused operation needs no subtransaction to be undone:
 * the items and the reservation it touched are put back as they were, and the
 * error is taken as its verdict.  Only errors of ours are taken so; any other
 * ends the call.
 *
 * Whoever wants verdicts must not fail as a whole because one row is locked
 * elsewhere.  A wait that times out is an error, so the locks of such a call are
 * taken in one subtransaction (attempt.c); if the deadline passes in it, it is
 * undone, and what can be had without waiting is taken.  The rest is busy.
 */
#include "postgres.h"

#include "attempt.h"
#include "batch.h"
#include "catalog.h"
#include "errors.h"
#include "execute.h"
#include "idempotency.h"
#include "judge.h"
#include "statement.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

static bool
is_pending(const InvOperation *operation)
{
	return operation->refusal == NULL && !operation->is_replayed && operation->duplicate_of == NULL;
}

/* ---- reservations ---- */

static int
compare_reservations(const void *a, const void *b)
{
	const InvOperation *left = *(InvOperation *const *) a;
	const InvOperation *right = *(InvOperation *const *) b;
	int order = strcmp(left->scope->organization, right->scope->organization);

	return order != 0 ? order : strcmp(left->reservation_id, right->reservation_id);
}

/* Does anything in this call make the reservation, should it not exist? */
static bool
may_create(InvOperation **sorted, int from, int count)
{
	for (int i = from; i < count && compare_reservations(&sorted[i], &sorted[from]) == 0; i++)
	{
		if (sorted[i]->verb == INV_VERB_RESERVE)
			return true;
	}
	return false;
}

static void
lock_reservation(InvStock *stock, InvOperation *operation, bool is_wanted, LockWaitPolicy policy)
{
	const char *organization = operation->scope->organization;

	if (policy == LockWaitBlock)
		operation->reservation =
			inv_reservation_lock(organization, operation->reservation_id, is_wanted, &stock->deadline);
	else
		operation->reservation = inv_reservation_try_lock(organization, operation->reservation_id, is_wanted,
														  &stock->deadline, &operation->is_busy);
	if (operation->reservation != NULL)
		stock->reservations = lappend(stock->reservations, operation->reservation);
}

static void
lock_reservations(InvStock *stock, InvOperation **operations, int count, LockWaitPolicy policy)
{
	InvOperation **sorted = palloc(count * sizeof(InvOperation *));
	int found = 0;

	stock->reservations = NIL;
	for (int i = 0; i < count; i++)
	{
		if (is_pending(operations[i]) && operations[i]->reservation_id != NULL)
			sorted[found++] = operations[i];
	}
	qsort(sorted, found, sizeof(InvOperation *), compare_reservations);
	for (int i = 0; i < found; i++)
	{
		if (i == 0 || compare_reservations(&sorted[i - 1], &sorted[i]) != 0)
			lock_reservation(stock, sorted[i], may_create(sorted, i, found), policy);
		else
		{
			sorted[i]->reservation = sorted[i - 1]->reservation;
			sorted[i]->is_busy = sorted[i - 1]->is_busy;
		}
	}
}

/* ---- items ---- */

/* The items of an operation: those of its lines, and those its reservation holds. */
static List *
keys_of(const InvOperation *operation)
{
	List *keys = NIL;
	ListCell *cell;

	foreach (cell, operation->lines)
		keys = lappend(keys, &((InvLine *) lfirst(cell))->key);
	if (operation->reservation == NULL)
		return keys;
	foreach (cell, operation->reservation->holds)
		keys = lappend(keys, &((InvHold *) lfirst(cell))->key);
	return keys;
}

static int
compare_keys(const ListCell *a, const ListCell *b)
{
	return inv_item_key_compare(lfirst(a), lfirst(b));
}

static List *
sorted_keys(InvOperation **operations, int count)
{
	List *keys = NIL;
	List *unique = NIL;
	ListCell *cell;

	for (int i = 0; i < count; i++)
	{
		if (is_pending(operations[i]))
			keys = list_concat(keys, keys_of(operations[i]));
	}
	list_sort(keys, compare_keys);
	foreach (cell, keys)
	{
		if (unique == NIL || inv_item_key_compare(llast(unique), lfirst(cell)) != 0)
			unique = lappend(unique, lfirst(cell));
	}
	return unique;
}

static InvStatement insert_statement = {
	.sql = "INSERT INTO @schema@.inventory (organization_id, product_id, warehouse_id, quantity_available,"
		   " minimum_stock, stock_floor, track_batches, attributes, alert_state, version)"
		   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)"
		   " ON CONFLICT (organization_id, product_id, warehouse_id) DO NOTHING",
	.arg_count = 9,
	.arg_types = {TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, BOOLOID, JSONBOID, TEXTOID}};

/* False: somebody else has made the item in the meantime. */
static bool
insert_item(InvStock *stock, const InvItemKey *key, const InvDefinition *definition)
{
	const InvItem born = {.available = definition->initial_quantity, .minimum_stock = definition->minimum_stock};
	Datum values[9] = {CStringGetTextDatum(key->organization_id), CStringGetTextDatum(key->product_id),
					   CStringGetTextDatum(key->warehouse_id), Int64GetDatum(definition->initial_quantity),
					   Int64GetDatum(definition->minimum_stock), Int64GetDatum(definition->stock_floor),
					   BoolGetDatum(definition->track_batches), definition->attributes,
					   CStringGetTextDatum(inv_alert_state_name(inv_item_alert_state(&born)))};
	char nulls[9] = "         ";
	bool is_inserted;

	nulls[7] = definition->has_attributes ? ' ' : 'n';
	inv_statement_connect();
	inv_deadline_arm(&stock->deadline);
	PG_TRY();
	{
		inv_statement_run(&insert_statement, values, nulls);
	}
	PG_CATCH();
	{
		inv_deadline_rethrow(&stock->deadline);
	}
	PG_END_TRY();
	is_inserted = SPI_processed == 1;
	inv_statement_finish();
	return is_inserted;
}

/*
 * The first definition of an item in this call, by somebody who may give it.
 * One that will be refused because its key is busy must not leave a row behind.
 */
static const InvDefinition *
definition_for(const InvItemKey *key, InvOperation **operations, int count)
{
	for (int i = 0; i < count; i++)
	{
		const InvOperation *operation = operations[i];
		const InvLine *line;

		if (operation->verb != INV_VERB_DEFINE || !is_pending(operation) || operation->is_busy ||
			operation->scope->access.role < INV_ROLE_MANAGER)
			continue;
		line = linitial(operation->lines);
		if (inv_item_key_compare(&line->key, key) == 0)
			return &operation->definition;
	}
	return NULL;
}

static bool
find_now(InvStock *stock, const InvItemKey *key, InvItem *item)
{
	bool is_found;

	inv_take_snapshot();
	is_found = inv_item_find(&stock->item_table, key, item);
	PopActiveSnapshot();
	return is_found;
}

typedef struct Birth
{
	InvStock *stock;
	const InvItemKey *key;
	const InvDefinition *definition;
	bool is_made;
} Birth;

static void
bear(void *arg)
{
	Birth *birth = arg;

	birth->is_made = insert_item(birth->stock, birth->key, birth->definition);
}

/* NULL: there is no such item, and nobody defines it. */
static InvItem *
find_or_make(InvStock *stock, const InvItemKey *key, InvOperation **operations, int count, LockWaitPolicy policy)
{
	InvItem *item = palloc0(sizeof(InvItem));
	const InvDefinition *definition;
	Birth birth = {.stock = stock, .key = key};

	if (inv_item_find(&stock->item_table, key, item))
		return item;
	definition = definition_for(key, operations, count);
	if (definition == NULL)
		return NULL;
	birth.definition = definition;
	if (policy == LockWaitBlock)
		bear(&birth);
	else if (!inv_attempt(bear, &birth))
	{
		/* somebody else is making it, and has not committed yet */
		item->key = *key;
		item->is_busy = true;
		return item;
	}
	if (!find_now(stock, key, item))
		return NULL;
	item->is_locked = item->is_unborn = birth.is_made;
	return item;
}

static void
lock_item(InvStock *stock, const InvItemKey *key, InvOperation **operations, int count, LockWaitPolicy policy)
{
	InvItem *item = find_or_make(stock, key, operations, count, policy);

	if (item == NULL)
		return;
	if (!item->is_locked && !item->is_busy && !inv_item_lock(&stock->item_table, item, &stock->deadline, policy))
	{
		if (!item->is_busy)
			return;
	}
	if (item->track_batches && !item->is_busy)
		inv_batch_load(item);
	stock->items[stock->item_count++] = item;
}

static void
lock_items(InvStock *stock, List *keys, InvOperation **operations, int count, LockWaitPolicy policy)
{
	ListCell *cell;

	stock->item_count = 0;
	foreach (cell, keys)
	{
		lock_item(stock, lfirst(cell), operations, count, policy);
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---- all rows, waiting or not ---- */

typedef struct Locking
{
	InvStock *stock;
	InvOperation **operations;
	int count;
	LockWaitPolicy policy;
} Locking;

static void
lock_rows(void *arg)
{
	Locking *locking = arg;
	InvStock *stock = locking->stock;
	List *keys;

	lock_reservations(stock, locking->operations, locking->count, locking->policy);
	keys = sorted_keys(locking->operations, locking->count);
	stock->items = palloc(Max(list_length(keys), 1) * sizeof(InvItem *));
	/* what was committed while we waited for keys and reservations is to be seen */
	inv_take_snapshot();
	lock_items(stock, keys, locking->operations, locking->count, locking->policy);
	PopActiveSnapshot();
}

static void
lock_all(InvStock *stock, InvOperation **operations, int count, InvMode mode)
{
	Locking locking = {.stock = stock, .operations = operations, .count = count, .policy = LockWaitBlock};

	if (mode == INV_RAISE)
		lock_rows(&locking);
	else if (stock->deadline.is_over || !inv_attempt(lock_rows, &locking))
	{
		inv_deadline_end_waiting(&stock->deadline);
		locking.policy = LockWaitSkip;
		lock_rows(&locking);
	}
}

/* ---- keys, waiting or not ---- */

static void
claim_keys(void *arg)
{
	Locking *claiming = arg;

	inv_idempotency_claim(claiming->stock, claiming->operations, claiming->count);
}

static void
claim_new_keys(void *arg)
{
	Locking *claiming = arg;

	inv_idempotency_claim_new(claiming->stock, claiming->operations, claiming->count);
}

/*
 * One key that somebody else keeps must not stop the others: when not all can
 * be had in time, they are claimed one by one.
 */
static void
claim_all(InvStock *stock, InvOperation **operations, int count, InvMode mode)
{
	Locking claiming = {.stock = stock, .operations = operations, .count = count};

	if (mode == INV_RAISE)
		claim_keys(&claiming);
	else if (!inv_attempt(claim_new_keys, &claiming) && !inv_attempt(claim_keys, &claiming))
	{
		inv_deadline_end_waiting(&stock->deadline);
		for (int i = 0; i < count; i++)
		{
			Locking one = {.stock = stock, .operations = &operations[i], .count = 1};

			/* a key that comes twice is claimed for the first of them */
			if (operations[i]->duplicate_of == NULL)
				operations[i]->is_busy = !inv_attempt(claim_keys, &one);
		}
	}
}

/* ---- judging, and undoing it ---- */

typedef struct SavedItem
{
	InvItem *item;
	InvItem copy;
	List *batches; /* copies, in the same order */
} SavedItem;

typedef struct Saved
{
	List *items; /* of SavedItem */
	InvReservation *reservation;
	int movement_count;
} Saved;

/* Not inline: beside the caller's PG_TRY gcc 14 takes its variables for some that a longjmp may clobber. */
static pg_noinline void
save(const InvStock *stock, const InvOperation *operation, Saved *saved)
{
	List *keys = keys_of(operation);
	ListCell *cell;

	saved->items = NIL;
	saved->movement_count = list_length(stock->movements);
	saved->reservation = operation->reservation == NULL ? NULL : inv_reservation_copy(operation->reservation);
	foreach (cell, keys)
	{
		InvItem *item = inv_stock_item(stock, lfirst(cell));
		SavedItem *saved_item;

		if (item == NULL)
			continue;
		saved_item = palloc(sizeof(SavedItem));
		saved_item->item = item;
		saved_item->copy = *item;
		saved_item->batches = inv_batch_copy_list(item->batches);
		saved->items = lappend(saved->items, saved_item);
	}
}

/* In place: splits of earlier movements point to these very batches. */
static void
restore_item(const SavedItem *saved)
{
	InvItem *item = saved->item;
	List *batches = item->batches;

	*item = saved->copy;
	item->batches = list_truncate(batches, list_length(saved->batches));
	for (int i = 0; i < list_length(saved->batches); i++)
		*(InvBatch *) list_nth(item->batches, i) = *(InvBatch *) list_nth(saved->batches, i);
}

static void
restore_reservation(InvReservation *reservation, const InvReservation *saved)
{
	List *holds = reservation->holds;

	*reservation = *saved;
	reservation->holds = list_truncate(holds, list_length(saved->holds));
	for (int i = 0; i < list_length(saved->holds); i++)
		*(InvHold *) list_nth(reservation->holds, i) = *(InvHold *) list_nth(saved->holds, i);
}

static void
restore(InvStock *stock, InvOperation *operation, const Saved *saved)
{
	ListCell *cell;

	foreach (cell, saved->items)
		restore_item(lfirst(cell));
	if (saved->reservation != NULL)
		restore_reservation(operation->reservation, saved->reservation);
	stock->movements = list_truncate(stock->movements, saved->movement_count);
}

static void
check_not_busy(const InvStock *stock, const InvOperation *operation)
{
	ListCell *cell;

	if (operation->is_busy)
		inv_deadline_raise(&stock->deadline);
	foreach (cell, keys_of(operation))
	{
		const InvItem *item = inv_stock_item(stock, lfirst(cell));

		if (item != NULL && item->is_busy)
			inv_deadline_raise(&stock->deadline);
	}
}

/* Who named the version that he saw named it before the holds went. */
static void
take_overdue_of(InvStock *stock, const InvOperation *operation, InvLine *line)
{
	InvItem *item = inv_stock_item(stock, &line->key);
	InvChange change;
	int64 version;

	if (item == NULL || item->is_busy || item->is_unborn || item->reserved == 0 ||
		!inv_scope_allows(operation->scope, INV_ROLE_OPERATOR, item->key.warehouse_id))
		return;
	inv_judge_fill_change(operation, line, &change);
	if (!inv_stock_is_short(item, &change))
		return;
	version = item->version;
	inv_stock_take_overdue(stock, item);
	if (line->expected_version == version)
		line->expected_version = item->version;
}

/* Overdue holds of others go before they cause a refusal. */
static void
take_overdue(InvStock *stock, const InvOperation *operation)
{
	ListCell *cell;

	foreach (cell, operation->lines)
		take_overdue_of(stock, operation, lfirst(cell));
	if (operation->verb != INV_VERB_COMMIT || operation->reservation == NULL || operation->lines != NIL)
		return;
	foreach (cell, operation->reservation->holds)
	{
		const InvHold *hold = lfirst(cell);
		InvLine line = {.key = hold->key,
						.type = INV_MOVEMENT_COMMIT,
						.delta = -hold->quantity,
						.expected_version = INV_ANY_VERSION};

		/* what has expired is sold from what is available */
		if (!hold->is_held && !hold->is_removed)
			take_overdue_of(stock, operation, &line);
	}
}

static void
judge(InvStock *stock, InvOperation *operation)
{
	int before = list_length(stock->movements);

	inv_judge(stock, operation);
	operation->movements = list_copy_tail(stock->movements, before);
}

static void
judge_for_verdict(InvStock *stock, InvOperation *operation)
{
	MemoryContext context = CurrentMemoryContext;
	Saved saved;

	save(stock, operation, &saved);
	PG_TRY();
	{
		check_not_busy(stock, operation);
		judge(stock, operation);
	}
	PG_CATCH();
	{
		operation->refusal = inv_refusal_take(context);
		operation->movements = NIL;
		restore(stock, operation, &saved);
	}
	PG_END_TRY();
}

static void
judge_all(InvStock *stock, InvOperation **operations, int count, InvMode mode)
{
	for (int i = 0; i < count; i++)
	{
		if (!is_pending(operations[i]))
			continue;
		/* before the state is saved: what is taken back from others stays so */
		take_overdue(stock, operations[i]);
		if (mode == INV_RAISE)
			judge(stock, operations[i]);
		else
			judge_for_verdict(stock, operations[i]);
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---- all of it ---- */

static bool
changes_several(const InvOperation *operation)
{
	switch (operation->verb)
	{
		case INV_VERB_APPLY:
		case INV_VERB_TRANSFER:
		case INV_VERB_RESERVE:
		case INV_VERB_COMMIT:
		case INV_VERB_RELEASE:
			return true;
		default:
			return false;
	}
}

static void
name_operations(InvOperation **operations, int count)
{
	for (int i = 0; i < count; i++)
	{
		InvOperation *operation = operations[i];

		operation->seq = i + 1;
		if (operation->tail.idempotency_key != NULL)
			operation->operation_id = operation->tail.idempotency_key;
		else if (changes_several(operation))
			operation->operation_id = inv_idempotency_generate();
	}
}

/* A reservation without an id of its own is named as its operation is. */
static void
name_reservations(InvOperation **operations, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (operations[i]->verb == INV_VERB_RESERVE && operations[i]->reservation_id == NULL)
			operations[i]->reservation_id = operations[i]->operation_id;
	}
}

static void
raise_refusal(const InvRefusal *refusal)
{
	ereport(ERROR,
			errcode(refusal->sqlstate),
			errmsg_internal("%s", refusal->message),
			refusal->detail != NULL ? errdetail_internal("%s", refusal->detail) : 0,
			refusal->hint != NULL ? errhint("%s", refusal->hint) : 0);
}

void
inv_execute(InvStock *stock, InvOperation **operations, int count, InvMode mode)
{
	ListCell *cell;

	name_operations(operations, count);
	if (mode == INV_VERDICT_NOW)
		inv_deadline_end_waiting(&stock->deadline);
	claim_all(stock, operations, count, mode);
	for (int i = 0; i < count && mode == INV_RAISE; i++)
	{
		if (operations[i]->refusal != NULL)
			raise_refusal(operations[i]->refusal);
	}
	name_reservations(operations, count);
	lock_all(stock, operations, count, mode);
	judge_all(stock, operations, count, mode);
	inv_stock_write(stock);
	foreach (cell, stock->reservations)
		inv_reservation_write(lfirst(cell));
	inv_idempotency_finish(stock, operations, count);
}
