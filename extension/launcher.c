/*
 * launcher.c
 *	  The background worker that starts the others.
 *
 * The launcher is connected to no database.  It learns which databases have
 * the extension from one short probe of each, at server start and when a
 * database appears; CREATE EXTENSION tells it directly (lifecycle.c).  Probes
 * run one at a time, and the launcher does not wait for them: one that cannot
 * get at its database gives up, and is tried again after a pause.  It keeps
 * the workers of those databases running: one that ended in an error comes
 * back after a pause that doubles from one second up to a minute, one that
 * ended because it was told to does not come back.  A database that no longer
 * exists, or lets nobody in, is forgotten, so nothing tries for ever to connect
 * to it; one that has become known again is probed again.
 */
#include "postgres.h"

#include "pg_inventory.h"
#include "worker.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define RESTART_PAUSE_MS 1000
#define RESTART_PAUSE_MAX_MS 60000

/* How long to wait for a free slot of max_worker_processes. */
#define SLOT_PAUSE_MS 10000

/* The workers that are kept running. */
static const InvWorkerKind kept_kinds[] = {INV_PUBLISHER, INV_JANITOR};

/* Handles of the workers we started, by entry and kind. */
static BackgroundWorkerHandle *(*handles)[INV_WORKER_KINDS];

/* What is known of a database that has no entry. */
typedef struct Probed
{
	Oid database;
	bool has_answered; /* it has no extension */
	int failure_count;
	TimestampTz next_probe; /* after failures */
} Probed;

static List *probed = NIL;

/* The probe that is running, or NULL, and its database. */
static BackgroundWorkerHandle *probe = NULL;
static Oid probe_database;

/* The present round has found no room for something. */
static bool is_short_of_slots;

static void
detach(int code, Datum arg)
{
	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	inv_shared->launcher_pid = 0;
	inv_shared->launcher_latch = NULL;
	LWLockRelease(inv_shared->lock);
}

static void
attach(void)
{
	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	inv_shared->launcher_pid = MyProcPid;
	inv_shared->launcher_latch = MyLatch;
	LWLockRelease(inv_shared->lock);
	before_shmem_exit(detach, (Datum) 0);
}

/* One whose DROP DATABASE was interrupted lets nobody in either. */
static bool
is_open(Form_pg_database form)
{
#ifdef DATCONNLIMIT_INVALID_DB
	if (form->datconnlimit == DATCONNLIMIT_INVALID_DB)
		return false;
#endif
	return form->datallowconn;
}

/* The databases that can be connected to, in memory of the caller. */
static List *
list_databases(void)
{
	MemoryContext context = CurrentMemoryContext;
	List *databases = NIL;
	Relation relation;
	TableScanDesc scan;
	HeapTuple tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old = MemoryContextSwitchTo(context);

		if (is_open(form))
			databases = lappend_oid(databases, form->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return databases;
}

/* While a probe runs, who finds no room may only have to wait for its end. */
static void
tell_of_slots(void)
{
	bool is_short = is_short_of_slots;
	bool was_short;

	if (probe != NULL)
		return;

	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	was_short = inv_shared->is_short_of_slots;
	inv_shared->is_short_of_slots = is_short;
	LWLockRelease(inv_shared->lock);
	if (is_short && !was_short)
		ereport(WARNING,
				errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				errmsg("pg_inventory has no room for its background workers"),
				errhint("Raise max_worker_processes (now %d): one for the server and two for each database with the extension.",
						max_worker_processes));
}

/* How long to wait after so many failures in a row. */
static int
pause_ms(int failure_count)
{
	return failure_count < 6 ? RESTART_PAUSE_MS << failure_count : RESTART_PAUSE_MAX_MS;
}

/* A worker that has gone although nobody wanted it to pauses before its next start. */
static void
note_end_of_worker(InvWorkerState *state)
{
	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	state->is_starting = false;
	state->next_start = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pause_ms(state->failure_count++));
	LWLockRelease(inv_shared->lock);
}

static void
check_worker(InvDatabase *entry, int index, InvWorkerKind kind)
{
	BackgroundWorkerHandle *handle = handles[index][kind];
	InvWorkerState *state = &entry->workers[kind];
	pid_t pid;

	if (handle == NULL)
		return;
	switch (GetBackgroundWorkerPid(handle, &pid))
	{
		case BGWH_STARTED:
			state->is_starting = false;
			break;
		case BGWH_STOPPED:
			pfree(handle);
			handles[index][kind] = NULL;
			note_end_of_worker(state);
			break;
		default:
			break;
	}
}

/* Starts one worker that is due; returns how long to wait for one that is not. */
static long
keep_worker(InvDatabase *entry, int index, InvWorkerKind kind)
{
	InvWorkerState *state = &entry->workers[kind];
	Oid database = pg_atomic_read_u32(&entry->database);
	long early_ms;

	check_worker(entry, index, kind);
	/* one without a handle is of a launcher before us, and wakes us when it ends */
	if (handles[index][kind] != NULL || state->pid != 0 || entry->leave_requests > 0 || entry->is_forgotten)
		return RESTART_PAUSE_MAX_MS;
	early_ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), state->next_start);
	if (early_ms > 0)
		return early_ms;
	state->is_starting = true;
	if (inv_worker_launch(kind, database, &handles[index][kind]))
		return RESTART_PAUSE_MAX_MS;
	state->is_starting = false;
	handles[index][kind] = NULL;
	is_short_of_slots = true;
	return SLOT_PAUSE_MS;
}

static Probed *
find_probed(Oid database)
{
	ListCell *cell;

	foreach (cell, probed)
	{
		Probed *known = lfirst(cell);

		if (known->database == database)
			return known;
	}
	return NULL;
}

static void
forget_probed(Probed *known)
{
	if (known == NULL)
		return;
	probed = list_delete_ptr(probed, known);
	pfree(known);
}

static void
forget_missing_databases(const List *databases)
{
	ListCell *cell;

	for (int i = 0; i < inv_shared->database_count; i++)
	{
		InvDatabase *entry = &inv_shared->databases[i];
		Oid database = pg_atomic_read_u32(&entry->database);

		if (OidIsValid(database) && !list_member_oid(databases, database))
			entry->is_forgotten = true;
		if (OidIsValid(database) && entry->is_forgotten && !inv_shared_has_workers(entry))
		{
			inv_shared_remove(entry);
			/* what a probe found before the extension was made is no longer so */
			forget_probed(find_probed(database));
		}
	}
	foreach (cell, probed)
	{
		Probed *known = lfirst(cell);

		if (!list_member_oid(databases, known->database))
		{
			probed = foreach_delete_current(probed, cell);
			pfree(known);
		}
	}
}

/* ---- probes ---- */

/* Notes what the probe has found, if it has ended.  False: it still runs. */
static bool
end_probe(void)
{
	Probed *known = find_probed(probe_database);
	pid_t pid;

	if (probe == NULL)
		return true;
	if (GetBackgroundWorkerPid(probe, &pid) != BGWH_STOPPED)
		return false;
	pfree(probe);
	probe = NULL;
	if (known == NULL)
		return true;
	LWLockAcquire(inv_shared->lock, LW_SHARED);
	known->has_answered = inv_shared->without_extension == probe_database;
	LWLockRelease(inv_shared->lock);
	known->next_probe = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pause_ms(known->failure_count++));
	return true;
}

static Probed *
new_probed(Oid database)
{
	Probed *known = palloc0(sizeof(Probed));

	known->database = database;
	probed = lappend(probed, known);
	return known;
}

/* Starts the probe of a database that is due; how long to wait for another. */
static long
begin_probe(Oid database)
{
	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	inv_shared->without_extension = InvalidOid;
	LWLockRelease(inv_shared->lock);
	probe_database = database;
	if (inv_worker_launch_probe(database, &probe))
		return RESTART_PAUSE_MAX_MS;
	probe = NULL;
	is_short_of_slots = true;
	return SLOT_PAUSE_MS;
}

/*
 * Probes the databases without an entry, one at a time; the end of one wakes
 * us.  One may be there that nobody has told of: it lets connections in again,
 * or was forgotten too early.
 */
static long
probe_databases(const List *databases)
{
	TimestampTz now = GetCurrentTimestamp();
	long wait_ms = RESTART_PAUSE_MAX_MS;
	ListCell *cell;

	if (!end_probe())
		return wait_ms;
	foreach (cell, databases)
	{
		Oid database = lfirst_oid(cell);
		Probed *known = find_probed(database);
		long early_ms;

		if (inv_shared_find(database) != NULL || (known != NULL && known->has_answered))
			continue;
		if (known == NULL)
			known = new_probed(database);
		early_ms = TimestampDifferenceMilliseconds(now, known->next_probe);
		if (early_ms <= 0)
			return begin_probe(database);
		wait_ms = Min(wait_ms, early_ms);
	}
	return wait_ms;
}

/* ---- all of it ---- */

static long
keep_workers(void)
{
	long wait_ms = RESTART_PAUSE_MAX_MS;

	for (int i = 0; i < inv_shared->database_count; i++)
	{
		InvDatabase *entry = &inv_shared->databases[i];

		for (size_t k = 0; k < lengthof(kept_kinds); k++)
		{
			if (OidIsValid(pg_atomic_read_u32(&entry->database)))
				wait_ms = Min(wait_ms, keep_worker(entry, i, kept_kinds[k]));
			else
				check_worker(entry, i, kept_kinds[k]);
		}
	}
	return wait_ms;
}

static long
run_round(void)
{
	List *databases = list_databases();
	long wait_ms;

	is_short_of_slots = false;
	forget_missing_databases(databases);
	wait_ms = probe_databases(databases);
	wait_ms = Min(wait_ms, keep_workers());
	list_free(databases);
	tell_of_slots();
	return wait_ms;
}

void
inv_launcher_main(Datum arg)
{
	inv_worker_signals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname(INV_LAUNCHER_TYPE);
	handles = MemoryContextAllocZero(TopMemoryContext, inv_shared->database_count * sizeof(*handles));
	MemoryContextSwitchTo(TopMemoryContext);
	attach();
	for (;;)
	{
		long wait_ms = run_round();

		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait_ms, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
}

void
inv_launcher_register(void)
{
	BackgroundWorker worker = {0};

	snprintf(worker.bgw_name, BGW_MAXLEN, INV_LAUNCHER_TYPE);
	snprintf(worker.bgw_type, BGW_MAXLEN, INV_LAUNCHER_TYPE);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART_PAUSE_MS / 1000;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, INV_EXTENSION_NAME);
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "inv_launcher_main");
	RegisterBackgroundWorker(&worker);
}
