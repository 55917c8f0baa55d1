/*
 * launcher.c
 *	  The background worker that starts the others.
 *
 * The launcher is connected to no database.  It learns which databases have
 * the extension from one short probe of each, at server start and when a
 * database appears; CREATE EXTENSION tells it directly (lifecycle.c).  It keeps
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

/* Databases probed and found without the extension; rebuilt by each scan. */
static List *without_extension = NIL;

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

		if (form->datallowconn)
			databases = lappend_oid(databases, form->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return databases;
}

static void
set_short_of_slots(bool is_short)
{
	bool was_short;

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

/* False: there was no room, ask again later. */
static bool
probe(Oid database)
{
	BackgroundWorkerHandle *handle;

	if (!inv_worker_launch_probe(database, &handle))
	{
		set_short_of_slots(true);
		return false;
	}
	(void) WaitForBackgroundWorkerShutdown(handle);
	pfree(handle);
	if (inv_shared_find(database) == NULL)
		without_extension = lappend_oid(without_extension, database);
	return true;
}

/* Probes the databases not known yet, and forgets those that are gone. */
static bool
scan_databases(void)
{
	List *databases = list_databases();
	List *known = without_extension;
	bool is_complete = true;
	ListCell *cell;

	without_extension = NIL;
	foreach (cell, databases)
	{
		Oid database = lfirst_oid(cell);

		if (inv_shared_find(database) != NULL)
			continue;
		if (list_member_oid(known, database))
			without_extension = lappend_oid(without_extension, database);
		else if (!probe(database))
			is_complete = false;
	}
	list_free(known);
	list_free(databases);
	return is_complete;
}

static bool
take_rescan_order(void)
{
	bool rescan;

	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	rescan = inv_shared->rescan;
	inv_shared->rescan = false;
	LWLockRelease(inv_shared->lock);
	return rescan;
}

static void
give_rescan_order_back(void)
{
	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	inv_shared->rescan = true;
	LWLockRelease(inv_shared->lock);
}

/* A worker that has gone although nobody wanted it to pauses before its next start. */
static void
note_end_of_worker(InvWorkerState *state)
{
	int pause_ms = RESTART_PAUSE_MAX_MS;

	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	if (state->failure_count < 6)
		pause_ms = RESTART_PAUSE_MS << state->failure_count;
	state->failure_count++;
	state->is_starting = false;
	state->next_start = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pause_ms);
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
	set_short_of_slots(true);
	return SLOT_PAUSE_MS;
}

static void
forget_missing_databases(const List *databases)
{
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
			without_extension = list_delete_oid(without_extension, database);
		}
	}
}

/* One may be there that nobody has told of: it lets connections in again, or was forgotten too early. */
static bool
has_unknown_database(const List *databases)
{
	ListCell *cell;

	foreach (cell, databases)
	{
		if (inv_shared_find(lfirst_oid(cell)) == NULL && !list_member_oid(without_extension, lfirst_oid(cell)))
			return true;
	}
	return false;
}

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
	bool is_ordered = take_rescan_order();
	List *databases = list_databases();
	long wait_ms;

	forget_missing_databases(databases);
	if ((is_ordered || has_unknown_database(databases)) && !scan_databases())
		give_rescan_order_back();
	list_free(databases);
	wait_ms = keep_workers();
	if (wait_ms == RESTART_PAUSE_MAX_MS && !inv_shared->rescan)
		set_short_of_slots(false);
	else if (inv_shared->rescan)
		wait_ms = Min(wait_ms, SLOT_PAUSE_MS);
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
