/*
 * reservation.c
 *	  One reservation in memory: lock it, change its holds, write it back.
 */
#include "postgres.h"

#include "attempt.h"
#include "reservation.h"
#include "statement.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static const char *const status_names[] = {"active", "committed", "released", "expired"};

static InvStatement create_statement = {
	.sql = "INSERT INTO @schema@.inventory_reservation (organization_id, reservation_id, expires_at)"
		   " VALUES ($1, $2, '-infinity') ON CONFLICT DO NOTHING",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

static InvStatement lock_statement = {
	.sql = "SELECT status, reference, performed_by, expires_at FROM @schema@.inventory_reservation"
		   " WHERE organization_id = $1 AND reservation_id = $2 FOR NO KEY UPDATE",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

static InvStatement try_lock_statement = {
	.sql = "SELECT status, reference, performed_by, expires_at FROM @schema@.inventory_reservation"
		   " WHERE organization_id = $1 AND reservation_id = $2 FOR NO KEY UPDATE SKIP LOCKED",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

static InvStatement exists_statement = {
	.sql = "SELECT FROM @schema@.inventory_reservation WHERE organization_id = $1 AND reservation_id = $2",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

static InvStatement holds_statement = {
	.sql = "SELECT product_id, warehouse_id, inventory_id, quantity, quantity_committed, is_held"
		   " FROM @schema@.inventory_reservation_line WHERE organization_id = $1 AND reservation_id = $2"
		   " ORDER BY product_id, warehouse_id",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

static InvStatement update_statement = {
	.sql = "UPDATE @schema@.inventory_reservation SET status = $3, reference = $4, performed_by = $5, expires_at = $6,"
		   "  closed_at = CASE WHEN $3 <> 'active' THEN pg_catalog.clock_timestamp() END"
		   " WHERE organization_id = $1 AND reservation_id = $2",
	.arg_count = 6,
	.arg_types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};

static InvStatement delete_statement = {
	.sql = "DELETE FROM @schema@.inventory_reservation WHERE organization_id = $1 AND reservation_id = $2",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

static InvStatement insert_hold_statement = {
	.sql = "INSERT INTO @schema@.inventory_reservation_line"
		   " (organization_id, reservation_id, inventory_id, product_id, warehouse_id,"
		   "  quantity, quantity_committed, is_held)"
		   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	.arg_count = 8,
	.arg_types = {TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID, INT8OID, INT8OID, BOOLOID}};

static InvStatement update_hold_statement = {
	.sql = "UPDATE @schema@.inventory_reservation_line SET quantity = $4, quantity_committed = $5, is_held = $6"
		   " WHERE organization_id = $1 AND reservation_id = $2 AND inventory_id = $3",
	.arg_count = 6,
	.arg_types = {TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, BOOLOID}};

static InvStatement delete_hold_statement = {
	.sql = "DELETE FROM @schema@.inventory_reservation_line"
		   " WHERE organization_id = $1 AND reservation_id = $2 AND inventory_id = $3",
	.arg_count = 3,
	.arg_types = {TEXTOID, TEXTOID, INT8OID}};

/* A line is locked through its reservation; who holds that may close it. */
static InvStatement overdue_statement = {
	.sql = "SELECT r.reservation_id, r.reference, l.quantity - l.quantity_committed"
		   " FROM @schema@.inventory_reservation_line l JOIN @schema@.inventory_reservation r"
		   "  ON r.organization_id = l.organization_id AND r.reservation_id = l.reservation_id"
		   " WHERE l.inventory_id = $1 AND l.is_held AND r.status = 'active'"
		   "  AND r.expires_at <= pg_catalog.clock_timestamp()"
		   " ORDER BY r.reservation_id FOR NO KEY UPDATE OF r SKIP LOCKED",
	.arg_count = 1,
	.arg_types = {INT8OID}};

static InvStatement drop_hold_statement = {
	.sql = "UPDATE @schema@.inventory_reservation_line SET is_held = false"
		   " WHERE organization_id = $1 AND reservation_id = $2 AND inventory_id = $3 AND is_held",
	.arg_count = 3,
	.arg_types = {TEXTOID, TEXTOID, INT8OID}};

static InvStatement expire_statement = {
	.sql = "UPDATE @schema@.inventory_reservation r SET status = 'expired', closed_at = pg_catalog.clock_timestamp()"
		   " WHERE organization_id = $1 AND reservation_id = $2 AND status = 'active' AND NOT EXISTS"
		   "  (SELECT FROM @schema@.inventory_reservation_line l WHERE l.organization_id = r.organization_id"
		   "    AND l.reservation_id = r.reservation_id AND l.is_held)",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

const char *
inv_reservation_status_name(InvReservationStatus status)
{
	return status_names[status];
}

static InvReservationStatus
status_of(const char *name)
{
	for (size_t i = 0; i < lengthof(status_names); i++)
	{
		if (strcmp(name, status_names[i]) == 0)
			return (InvReservationStatus) i;
	}
	elog(ERROR, "reservation status \"%s\" is not known", name);
	return INV_RESERVATION_ACTIVE;
}

static void
read_holds(InvReservation *reservation, Datum *key, MemoryContext context)
{
	MemoryContext in_spi;

	inv_statement_run(&holds_statement, key, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		InvHold *hold = MemoryContextAllocZero(context, sizeof(InvHold));

		hold->key.organization_id = reservation->organization_id;
		hold->key.product_id = inv_statement_text(row, 1);
		hold->key.warehouse_id = inv_statement_text(row, 2);
		hold->inventory_id = DatumGetInt64(inv_statement_value(row, 3, NULL));
		hold->quantity = DatumGetInt64(inv_statement_value(row, 4, NULL));
		hold->quantity_committed = DatumGetInt64(inv_statement_value(row, 5, NULL));
		hold->is_held = DatumGetBool(inv_statement_value(row, 6, NULL));
		hold->is_stored = true;
		in_spi = MemoryContextSwitchTo(context);
		reservation->holds = lappend(reservation->holds, hold);
		MemoryContextSwitchTo(in_spi);
	}
}

static void
read_reservation(InvReservation *reservation)
{
	bool is_null;

	reservation->status = status_of(inv_statement_text(0, 1));
	reservation->reference = inv_statement_text(0, 2);
	reservation->performed_by = inv_statement_text(0, 3);
	reservation->expires_at = DatumGetTimestampTz(inv_statement_value(0, 4, &is_null));
}

static InvReservation *
new_reservation(const char *organization_id, const char *reservation_id)
{
	InvReservation *reservation = palloc0(sizeof(InvReservation));

	reservation->organization_id = organization_id;
	reservation->reservation_id = reservation_id;
	reservation->is_stored = true;
	return reservation;
}

/* Locks by a statement and reads what it found.  False: it found nothing. */
static bool
lock_and_read(InvReservation *reservation, InvStatement *statement, InvDeadline *deadline, MemoryContext context)
{
	Datum key[2] = {CStringGetTextDatum(reservation->organization_id),
					CStringGetTextDatum(reservation->reservation_id)};

	inv_statement_run_within(statement, key, NULL, deadline);
	if (SPI_processed == 0)
		return false;
	read_reservation(reservation);
	read_holds(reservation, key, context);
	return true;
}

/* True: it is ours; false: it had been there. */
static bool
create_reservation(const InvReservation *reservation, InvDeadline *deadline)
{
	Datum key[2] = {CStringGetTextDatum(reservation->organization_id),
					CStringGetTextDatum(reservation->reservation_id)};

	inv_statement_run_within(&create_statement, key, NULL, deadline);
	return SPI_processed == 1;
}

InvReservation *
inv_reservation_lock(const char *organization_id, const char *reservation_id, bool may_create, InvDeadline *deadline)
{
	MemoryContext context = CurrentMemoryContext;
	InvReservation *reservation = new_reservation(organization_id, reservation_id);
	bool is_found;

	inv_statement_connect();
	if (may_create)
		reservation->is_stored = !create_reservation(reservation, deadline);
	is_found = lock_and_read(reservation, &lock_statement, deadline, context);
	inv_statement_finish();
	return is_found ? reservation : NULL;
}

typedef struct Creation
{
	InvReservation *reservation;
	InvDeadline *deadline;
} Creation;

static void
attempt_to_create(void *arg)
{
	Creation *creation = arg;

	inv_statement_connect();
	creation->reservation->is_stored = !create_reservation(creation->reservation, creation->deadline);
	inv_statement_finish();
}

static bool
reservation_exists(const InvReservation *reservation)
{
	Datum key[2] = {CStringGetTextDatum(reservation->organization_id),
					CStringGetTextDatum(reservation->reservation_id)};

	inv_statement_run(&exists_statement, key, NULL);
	return SPI_processed == 1;
}

InvReservation *
inv_reservation_try_lock(const char *organization_id, const char *reservation_id, bool may_create,
						 InvDeadline *deadline, bool *is_busy)
{
	MemoryContext context = CurrentMemoryContext;
	InvReservation *reservation = new_reservation(organization_id, reservation_id);
	Creation creation = {.reservation = reservation, .deadline = deadline};
	bool is_found;

	*is_busy = may_create && !inv_attempt(attempt_to_create, &creation);
	if (*is_busy)
		return NULL;
	inv_statement_connect();
	is_found = lock_and_read(reservation, &try_lock_statement, deadline, context);
	*is_busy = !is_found && reservation_exists(reservation);
	inv_statement_finish();
	return is_found ? reservation : NULL;
}

InvHold *
inv_reservation_hold(const InvReservation *reservation, const InvItemKey *key)
{
	ListCell *cell;

	foreach (cell, reservation->holds)
	{
		InvHold *hold = lfirst(cell);

		if (!hold->is_removed && inv_item_key_compare(&hold->key, key) == 0)
			return hold;
	}
	return NULL;
}

InvHold *
inv_reservation_add_hold(InvReservation *reservation, const InvItem *item, int64 quantity)
{
	InvHold *hold = palloc0(sizeof(InvHold));

	hold->key = item->key;
	hold->inventory_id = item->inventory_id;
	hold->quantity = quantity;
	hold->is_held = true;
	hold->is_changed = true;
	reservation->holds = lappend(reservation->holds, hold);
	return hold;
}

InvReservation *
inv_reservation_copy(const InvReservation *reservation)
{
	InvReservation *copy = palloc(sizeof(InvReservation));
	ListCell *cell;

	*copy = *reservation;
	copy->holds = NIL;
	foreach (cell, reservation->holds)
	{
		InvHold *hold = palloc(sizeof(InvHold));

		*hold = *(InvHold *) lfirst(cell);
		copy->holds = lappend(copy->holds, hold);
	}
	return copy;
}

static void
write_hold(const InvReservation *reservation, InvHold *hold)
{
	Datum values[8] = {CStringGetTextDatum(reservation->organization_id),
					   CStringGetTextDatum(reservation->reservation_id),
					   Int64GetDatum(hold->inventory_id)};

	if (hold->is_removed && hold->is_stored)
		inv_statement_run(&delete_hold_statement, values, NULL);
	else if (!hold->is_removed && !hold->is_stored)
	{
		values[3] = CStringGetTextDatum(hold->key.product_id);
		values[4] = CStringGetTextDatum(hold->key.warehouse_id);
		values[5] = Int64GetDatum(hold->quantity);
		values[6] = Int64GetDatum(hold->quantity_committed);
		values[7] = BoolGetDatum(hold->is_held);
		inv_statement_run(&insert_hold_statement, values, NULL);
	}
	else if (!hold->is_removed && hold->is_changed)
	{
		values[3] = Int64GetDatum(hold->quantity);
		values[4] = Int64GetDatum(hold->quantity_committed);
		values[5] = BoolGetDatum(hold->is_held);
		inv_statement_run(&update_hold_statement, values, NULL);
	}
}

void
inv_reservation_write(InvReservation *reservation)
{
	Datum values[6] = {CStringGetTextDatum(reservation->organization_id),
					   CStringGetTextDatum(reservation->reservation_id),
					   CStringGetTextDatum(status_names[reservation->status])};
	char nulls[6] = "      ";
	ListCell *cell;

	if (!reservation->is_changed && reservation->is_stored)
		return;
	inv_statement_connect();
	if (!reservation->is_changed)
		inv_statement_run(&delete_statement, values, NULL);
	else
	{
		values[3] = reservation->reference == NULL ? (Datum) 0 : CStringGetTextDatum(reservation->reference);
		nulls[3] = reservation->reference == NULL ? 'n' : ' ';
		values[4] = reservation->performed_by == NULL ? (Datum) 0 : CStringGetTextDatum(reservation->performed_by);
		nulls[4] = reservation->performed_by == NULL ? 'n' : ' ';
		values[5] = TimestampTzGetDatum(reservation->expires_at);
		inv_statement_run(&update_statement, values, nulls);
		foreach (cell, reservation->holds)
			write_hold(reservation, lfirst(cell));
	}
	inv_statement_finish();
}

static bool
is_known(const List *known, const char *organization_id, const char *reservation_id)
{
	ListCell *cell;

	foreach (cell, known)
	{
		const InvReservation *reservation = lfirst(cell);

		if (strcmp(reservation->reservation_id, reservation_id) == 0 &&
			strcmp(reservation->organization_id, organization_id) == 0)
			return true;
	}
	return false;
}

static List *
read_overdue(const InvItem *item, const List *known, MemoryContext context)
{
	Datum values[1] = {Int64GetDatum(item->inventory_id)};
	List *list = NIL;

	inv_statement_run(&overdue_statement, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		InvOverdue *overdue = MemoryContextAllocZero(context, sizeof(InvOverdue));
		MemoryContext in_spi;

		overdue->organization_id = item->key.organization_id;
		overdue->reservation_id = inv_statement_text(row, 1);
		overdue->reference = inv_statement_text(row, 2);
		overdue->quantity = DatumGetInt64(inv_statement_value(row, 3, NULL));
		if (is_known(known, item->key.organization_id, overdue->reservation_id))
			continue;
		in_spi = MemoryContextSwitchTo(context);
		list = lappend(list, overdue);
		MemoryContextSwitchTo(in_spi);
	}
	return list;
}

List *
inv_reservation_take_overdue(const InvItem *item, const List *known)
{
	MemoryContext context = CurrentMemoryContext;
	List *list;
	ListCell *cell;

	inv_statement_connect();
	list = read_overdue(item, known, context);
	foreach (cell, list)
	{
		InvOverdue *overdue = lfirst(cell);
		Datum values[3] = {CStringGetTextDatum(item->key.organization_id),
						   CStringGetTextDatum(overdue->reservation_id),
						   Int64GetDatum(item->inventory_id)};

		inv_statement_run(&drop_hold_statement, values, NULL);
		inv_statement_run(&expire_statement, values, NULL);
		overdue->is_last = SPI_processed == 1;
	}
	inv_statement_finish();
	return list;
}
