/*
 * tick.c
 *	  Ticks: the batches in which events become visible, and their order.
 *
 * The events of a tick are found as PgQ does: those of transactions that
 * began after the older snapshot by a range of the primary key (xid, id), and
 * those of transactions that were in progress then by an explicit list.  The
 * two are joined by UNION ALL: written with OR they cannot use the index, and
 * one long transaction would make every tick scan the log.
 */
#include "postgres.h"

#include "statement.h"
#include "tick.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static InvStatement make_statement = {
	.sql = "WITH last AS (SELECT id, snapshot FROM @schema@.inventory_tick ORDER BY id DESC LIMIT 1),"
		   " fresh AS (SELECT pg_catalog.count(*) AS count FROM ("
		   "  SELECT FROM @schema@.inventory_event"
		   "   WHERE xid >= (SELECT pg_catalog.pg_snapshot_xmax(snapshot) FROM last)"
		   "  UNION ALL"
		   "  SELECT FROM @schema@.inventory_event"
		   "   WHERE xid = ANY (ARRAY(SELECT pg_catalog.pg_snapshot_xip(snapshot) FROM last))) e)"
		   " INSERT INTO @schema@.inventory_tick (id, mark, snapshot, event_count)"
		   " SELECT last.id + 1, $1, pg_catalog.pg_current_snapshot(), fresh.count FROM last, fresh"
		   "  WHERE fresh.count > 0 OR last.id < $2"
		   " RETURNING id, event_count",
	.arg_count = 2,
	.arg_types = {INT8OID, INT8OID}};

static InvStatement head_statement = {
	.sql = "SELECT id, mark FROM @schema@.inventory_tick ORDER BY id DESC LIMIT 1"};

static InvStatement oldest_statement = {
	.sql = "SELECT id, mark FROM @schema@.inventory_tick ORDER BY id LIMIT 1"};

static InvStatement kept_statement = {
	.sql = "SELECT FROM @schema@.inventory_tick t WHERE id = $1 AND mark = $2"
		   " AND ($3 OR EXISTS (SELECT FROM @schema@.inventory_tick p WHERE p.id = t.id - 1))",
	.arg_count = 3,
	.arg_types = {INT8OID, INT8OID, BOOLOID}};

static InvStatement next_statement = {
	.sql = "SELECT id, mark FROM @schema@.inventory_tick WHERE id > $1 AND event_count > 0 ORDER BY id LIMIT 1",
	.arg_count = 1,
	.arg_types = {INT8OID}};

static InvStatement read_statement = {
	.sql = "WITH s AS (SELECT before.snapshot AS before, after.snapshot AS after"
		   "  FROM @schema@.inventory_tick after JOIN @schema@.inventory_tick before ON before.id = after.id - 1"
		   "  WHERE after.id = $1)"
		   " SELECT id, type = 'access.changed', organization_id, type, product_id, warehouse_id,"
		   "  subject, op, data, created_at"
		   " FROM (SELECT * FROM @schema@.inventory_event"
		   "   WHERE xid >= (SELECT pg_catalog.pg_snapshot_xmax(before) FROM s)"
		   "    AND xid < (SELECT pg_catalog.pg_snapshot_xmax(after) FROM s)"
		   "  UNION ALL"
		   "  SELECT * FROM @schema@.inventory_event"
		   "   WHERE xid = ANY (ARRAY(SELECT pg_catalog.pg_snapshot_xip(before) FROM s))) e"
		   " WHERE pg_catalog.pg_visible_in_snapshot(xid, (SELECT after FROM s))"
		   "  AND (type <> 'access.changed', id) > ($2, $3)"
		   "  AND ($4 IS NULL OR (organization_id = $4 AND type <> 'access.changed'))"
		   "  AND ($5 IS NULL OR warehouse_id = ANY ($5)"
		   "   OR CASE WHEN type LIKE 'presence.%' THEN subject IS NULL OR subject::pg_catalog.jsonb ?| $5 END)"
		   " ORDER BY type <> 'access.changed', id LIMIT $6",
	.arg_count = 6,
	.arg_types = {INT8OID, BOOLOID, INT8OID, TEXTOID, TEXTARRAYOID, INT8OID}};

bool
inv_tick_make(int64 wanted, int64 *tick, int64 *event_count)
{
	Datum values[2];
	int64 mark;

	if (!pg_strong_random(&mark, sizeof(mark)))
		elog(ERROR, "could not generate a random mark");
	values[0] = Int64GetDatum(mark);
	values[1] = Int64GetDatum(wanted);
	inv_statement_run(&make_statement, values, NULL);
	if (SPI_processed == 0)
		return false;
	*tick = DatumGetInt64(inv_statement_value(0, 1, NULL));
	*event_count = DatumGetInt64(inv_statement_value(0, 2, NULL));
	return true;
}

static bool
end_of_tick(InvStatement *statement, Datum *values, InvPosition *position)
{
	inv_statement_run(statement, values, NULL);
	if (SPI_processed == 0)
		return false;
	memset(position, 0, sizeof(InvPosition));
	position->tick = DatumGetInt64(inv_statement_value(0, 1, NULL));
	position->mark = DatumGetInt64(inv_statement_value(0, 2, NULL));
	position->is_end = true;
	return true;
}

static void
require_tick(bool is_found)
{
	if (!is_found)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("inventory_tick is empty"),
				errhint("Its first row is made by CREATE EXTENSION and must not be removed."));
}

void
inv_tick_head(InvPosition *position)
{
	require_tick(end_of_tick(&head_statement, NULL, position));
}

void
inv_tick_oldest(InvPosition *position)
{
	require_tick(end_of_tick(&oldest_statement, NULL, position));
}

bool
inv_tick_is_kept(const InvPosition *position)
{
	Datum values[3] = {Int64GetDatum(position->tick), Int64GetDatum(position->mark),
					   BoolGetDatum(position->is_end)};

	inv_statement_run_latest(&kept_statement, values);
	return SPI_processed == 1;
}

bool
inv_tick_next(const InvPosition *position, InvPosition *next)
{
	Datum values[1] = {Int64GetDatum(position->tick)};

	if (!end_of_tick(&next_statement, values, next))
		return false;
	next->is_end = false;
	next->is_access = true;
	return true;
}

uint64
inv_tick_read(const InvPosition *position, const InvScope *scope, int64 limit)
{
	Datum values[6] = {Int64GetDatum(position->tick), BoolGetDatum(!position->is_access),
					   Int64GetDatum(position->event_id), (Datum) 0, (Datum) 0, Int64GetDatum(limit)};
	char nulls[6] = "   nn ";

	if (scope != NULL)
	{
		values[3] = CStringGetTextDatum(scope->organization);
		nulls[3] = ' ';
		/* what belongs to no warehouse may tell of others: for those who see all */
		nulls[4] = inv_scope_warehouses(scope, &values[4]) ? ' ' : 'n';
	}
	inv_statement_run(&read_statement, values, nulls);
	return SPI_processed;
}

void
inv_tick_event(uint64 row, InvLoggedEvent *event)
{
	event->id = DatumGetInt64(inv_statement_value(row, 1, NULL));
	event->is_access = DatumGetBool(inv_statement_value(row, 2, NULL));
	for (int i = 0; i < LOGGED_COUNT; i++)
		event->values[i] = inv_statement_value(row, 3 + i, &event->nulls[i]);
}
