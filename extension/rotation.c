/*
 * rotation.c
 *	  Keeps the event log from growing: by age and by size, a part at a time.
 *
 * Events are written to one of three tables.  When that one is full or has
 * covered half of the retention, the next takes over, if it is empty.  The
 * oldest is emptied when nothing in it is to be kept any longer.  So between
 * one and one and a half retentions of events are kept, and freeing them costs
 * a TRUNCATE instead of a DELETE and a vacuum.
 *
 * What may go is decided by ticks, never by an event's time: an event of a
 * transaction that stayed open for hours is new to every reader.  The floor
 * moves first: the ticks before the new oldest one are deleted and committed,
 * so that positions there are refused.  Then a part is emptied if, under its
 * lock, the new oldest tick's snapshot sees every transaction in it.  TRUNCATE
 * is not MVCC-safe, hence readers check at their end that their tick is still
 * there (log.c).  Holding the exclusive lock means that no writer has
 * uncommitted events in the part; one that comes late and still writes to it
 * does no harm.
 *
 * Which part is written to is kept in shared memory only: after a restart it
 * is the one with the newest transaction.
 */
#include "postgres.h"

#include "catalog.h"
#include "rotation.h"
#include "settings.h"
#include "statement.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* How long TRUNCATE may queue for its lock, and readers behind it. */
#define TRUNCATE_LOCK_TIMEOUT "100ms"

/* Ticks deleted in one transaction. */
#define TICK_BATCH 10000

#define BYTES_PER_MB (INT64CONST(1024) * 1024)

typedef struct Part
{
	bool is_empty;
	int64 newest_xid;
	bool has_aged; /* its oldest event is older than half the retention */
	int64 size;
} Part;

static InvStatement part_statements[INV_EVENT_PARTITIONS] = {
#define PART_STATEMENT(n)                                                                                                 \
	{                                                                                                                     \
		.sql = "SELECT newest.xid::text::bigint, oldest.created_at < pg_catalog.clock_timestamp() - $1 * interval '1 s'," \
			   " pg_catalog.pg_total_relation_size('@schema@.inventory_event_" #n "'::regclass)"                          \
			   " FROM (SELECT xid FROM @schema@.inventory_event_" #n " ORDER BY xid DESC LIMIT 1) newest,"                \
			   " (SELECT created_at FROM @schema@.inventory_event_" #n " ORDER BY xid, id LIMIT 1) oldest",               \
		.arg_count = 1,                                                                                                   \
		.arg_types = { INT4OID }                                                                                          \
	}
	PART_STATEMENT(0),
	PART_STATEMENT(1),
	PART_STATEMENT(2),
};

/*
 * The first tick to keep so that everything in a part is before it: its
 * snapshot is past the part's newest transaction, and none of those it saw in
 * progress has written there.  A transaction that stays open elsewhere is in
 * every snapshot, and holds up nothing.
 */
static InvStatement floor_statements[INV_EVENT_PARTITIONS] = {
#define FLOOR_STATEMENT(n)                                                                     \
	{                                                                                          \
		.sql = "SELECT id FROM @schema@.inventory_tick t"                                      \
			   " WHERE pg_catalog.pg_snapshot_xmax(snapshot)::text::bigint > $1"               \
			   "  AND ($2 OR created_at < pg_catalog.clock_timestamp() - $3 * interval '1 s')" \
			   "  AND NOT EXISTS (SELECT FROM @schema@.inventory_event_" #n                    \
			   "   WHERE xid = ANY (ARRAY(SELECT pg_catalog.pg_snapshot_xip(t.snapshot))))"    \
			   " ORDER BY id LIMIT 1",                                                         \
		.arg_count = 3,                                                                        \
		.arg_types = { INT8OID,                                                                \
					   BOOLOID,                                                                \
					   INT4OID }                                                               \
	}
	FLOOR_STATEMENT(0),
	FLOOR_STATEMENT(1),
	FLOOR_STATEMENT(2),
};

/* Is anything in a part that a tick's snapshot does not see? */
static InvStatement unseen_statements[INV_EVENT_PARTITIONS] = {
#define UNSEEN_STATEMENT(n)                                                                           \
	{                                                                                                 \
		.sql = "WITH floor AS (SELECT snapshot FROM @schema@.inventory_tick WHERE id = $1)"           \
			   " SELECT EXISTS (SELECT FROM @schema@.inventory_event_" #n                             \
			   "   WHERE xid >= (SELECT pg_catalog.pg_snapshot_xmax(snapshot) FROM floor))"           \
			   " OR EXISTS (SELECT FROM @schema@.inventory_event_" #n                                 \
			   "   WHERE xid = ANY (ARRAY(SELECT pg_catalog.pg_snapshot_xip(snapshot) FROM floor)))", \
		.arg_count = 1,                                                                               \
		.arg_types = { INT8OID }                                                                      \
	}
	UNSEEN_STATEMENT(0),
	UNSEEN_STATEMENT(1),
	UNSEEN_STATEMENT(2),
};

static InvStatement delete_statement = {
	.sql = "DELETE FROM @schema@.inventory_tick WHERE id IN"
		   " (SELECT id FROM @schema@.inventory_tick WHERE id < $1 ORDER BY id LIMIT $2)",
	.arg_count = 2,
	.arg_types = {INT8OID, INT4OID}};

static InvStatement truncate_statements[INV_EVENT_PARTITIONS] = {
	{.sql = "TRUNCATE @schema@.inventory_event_0"},
	{.sql = "TRUNCATE @schema@.inventory_event_1"},
	{.sql = "TRUNCATE @schema@.inventory_event_2"},
};

static void
begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) inv_catalog_of_extension();
	PushActiveSnapshot(GetTransactionSnapshot());
	inv_statement_connect();
}

static void
commit(void)
{
	inv_statement_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static void
read_part(int n, Part *part)
{
	Datum values[1] = {Int32GetDatum(inv_event_retention_s / 2)};

	memset(part, 0, sizeof(Part));
	inv_statement_run(&part_statements[n], values, NULL);
	part->is_empty = SPI_processed == 0;
	if (part->is_empty)
		return;
	part->newest_xid = DatumGetInt64(inv_statement_value(0, 1, NULL));
	part->has_aged = DatumGetBool(inv_statement_value(0, 2, NULL));
	part->size = DatumGetInt64(inv_statement_value(0, 3, NULL));
}

static void
read_parts(Part *parts)
{
	begin();
	for (int n = 0; n < INV_EVENT_PARTITIONS; n++)
		read_part(n, &parts[n]);
	commit();
}

void
inv_rotation_resume(InvDatabase *database)
{
	Part parts[INV_EVENT_PARTITIONS];
	int newest = 0;

	read_parts(parts);
	for (int n = 1; n < INV_EVENT_PARTITIONS; n++)
	{
		if (parts[n].newest_xid > parts[newest].newest_xid)
			newest = n;
	}
	pg_atomic_write_u32(&database->event_partition, newest);
}

/* Moves on to the next part, if it is time and that one is empty. */
static void
advance(InvDatabase *database, const Part *parts)
{
	int current = pg_atomic_read_u32(&database->event_partition);
	int next = (current + 1) % INV_EVENT_PARTITIONS;
	bool is_full = parts[current].size >= inv_event_max_size_mb * BYTES_PER_MB / INV_EVENT_PARTITIONS;

	if (parts[next].is_empty && (is_full || parts[current].has_aged))
		pg_atomic_write_u32(&database->event_partition, next);
}

/* The part behind the current one in the ring is the oldest that has events. */
static int
oldest_part(int current, const Part *parts)
{
	for (int i = 1; i < INV_EVENT_PARTITIONS; i++)
	{
		int n = (current + i) % INV_EVENT_PARTITIONS;

		if (!parts[n].is_empty)
			return n;
	}
	return -1;
}

static bool
is_over_size(const Part *parts)
{
	int64 size = 0;

	for (int n = 0; n < INV_EVENT_PARTITIONS; n++)
		size += parts[n].size;
	return size > inv_event_max_size_mb * BYTES_PER_MB * 2 / INV_EVENT_PARTITIONS;
}

/* The new oldest tick when a part goes, or -1: it has to stay for now. */
static int64
floor_without(int n, const Part *part, bool for_size)
{
	Datum values[3] = {Int64GetDatum(part->newest_xid), BoolGetDatum(for_size),
					   Int32GetDatum(inv_event_retention_s)};
	int64 tick = -1;

	begin();
	inv_statement_run(&floor_statements[n], values, NULL);
	if (SPI_processed == 1)
		tick = DatumGetInt64(inv_statement_value(0, 1, NULL));
	commit();
	return tick;
}

static void
move_floor(int64 tick)
{
	Datum values[2] = {Int64GetDatum(tick), Int32GetDatum(TICK_BATCH)};
	uint64 deleted;

	do
	{
		begin();
		inv_statement_run(&delete_statement, values, NULL);
		deleted = SPI_processed;
		commit();
	} while (deleted == TICK_BATCH);
}

/*
 * Empties a part, unless the oldest tick kept has not seen all of it: a writer
 * that came late, or one that was open when the floor was chosen, has
 * committed in the meantime.
 */
static bool
empty_part(int n, int64 floor)
{
	Datum values[1] = {Int64GetDatum(floor)};
	bool has_unseen;

	begin();
	(void) set_config_option("lock_timeout", TRUNCATE_LOCK_TIMEOUT, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	LockRelationOid(inv_catalog()->event_tables[n], AccessExclusiveLock);
	inv_statement_run(&unseen_statements[n], values, NULL);
	has_unseen = DatumGetBool(inv_statement_value(0, 1, NULL));
	if (!has_unseen)
		inv_statement_run(&truncate_statements[n], NULL, NULL);
	commit();
	return !has_unseen;
}

int
inv_rotation_step(InvDatabase *database)
{
	Part parts[INV_EVENT_PARTITIONS];
	int oldest;
	int64 floor;

	read_parts(parts);
	advance(database, parts);
	oldest = oldest_part(pg_atomic_read_u32(&database->event_partition), parts);
	if (oldest < 0)
		return 0;
	floor = floor_without(oldest, &parts[oldest], is_over_size(parts));
	if (floor < 0)
		return 0;
	move_floor(floor);
	return empty_part(oldest, floor) ? 1 : 0;
}
