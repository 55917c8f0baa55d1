/*
 * worker.c
 *	  What the background workers of a database have in common.
 *
 * A worker runs as the bootstrap superuser.  So it resolves everything by
 * OID or with its schema, its search_path holds nothing of the user's, and
 * settings that an administrator may have given the database are put back to
 * what the worker relies on.
 */
#include "postgres.h"

#include "catalog.h"
#include "pg_inventory.h"
#include "worker.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/ps_status.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* How often an error that repeats itself is logged. */
#define REPEAT_LOG_MS 60000

/* How long a probe waits for somebody who has locked the database's catalogs. */
#define PROBE_LOCK_TIMEOUT "5s"

static const struct
{
	const char *type;
	const char *function;
} kinds[INV_WORKER_KINDS] = {
	[INV_PUBLISHER] = {INV_PUBLISHER_TYPE, "inv_publisher_main"},
	[INV_JANITOR] = {INV_JANITOR_TYPE, "inv_janitor_main"},
};

static bool
launch(const char *type, const char *function, Oid database, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {0};

	snprintf(worker.bgw_name, BGW_MAXLEN, "%s of database %u", type, database);
	snprintf(worker.bgw_type, BGW_MAXLEN, "%s", type);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "%s", INV_EXTENSION_NAME);
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "%s", function);
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

bool
inv_worker_launch(InvWorkerKind kind, Oid database, BackgroundWorkerHandle **handle)
{
	return launch(kinds[kind].type, kinds[kind].function, database, handle);
}

bool
inv_worker_launch_probe(Oid database, BackgroundWorkerHandle **handle)
{
	return launch(INV_PROBE_TYPE, "inv_probe_main", database, handle);
}

void
inv_worker_signals(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
}

static void
set_session(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"synchronous_commit", "on"},
		{"statement_timeout", "0"},
		{"lock_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"row_security", "off"},
		{"session_replication_role", "origin"},
		{"jit", "off"},
		/* The log's tables change faster than their statistics. */
		{"enable_seqscan", "off"},
	};

	for (size_t i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_SESSION);
}

static void
detach(int code, Datum arg)
{
	InvWorkerState *state = (InvWorkerState *) DatumGetPointer(arg);

	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	if (state->pid == MyProcPid)
	{
		state->pid = 0;
		state->latch = NULL;
	}
	LWLockRelease(inv_shared->lock);
	inv_shared_wake_launcher();
}

static void
attach(InvWorker *worker)
{
	InvWorkerState *state = &worker->database->workers[worker->kind];
	bool is_double;

	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	is_double = state->pid != 0;
	if (!is_double)
	{
		state->pid = MyProcPid;
		state->latch = MyLatch;
		state->started_at = GetCurrentTimestamp();
	}
	LWLockRelease(inv_shared->lock);
	if (is_double)
		proc_exit(0);
	before_shmem_exit(detach, PointerGetDatum(state));
}

void
inv_worker_begin(InvWorker *worker, InvWorkerKind kind, Oid database)
{
	inv_worker_signals();
	worker->kind = kind;
	worker->item_table = InvalidOid;
	worker->database = inv_shared_find(database);
	if (worker->database == NULL)
		proc_exit(0);
	attach(worker);
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	pgstat_report_appname(kinds[kind].type);
	set_session();
	worker->round_context = AllocSetContextCreate(TopMemoryContext, "pg_inventory round", ALLOCSET_DEFAULT_SIZES);
}

static void
report_error(InvWorker *worker, const char *message)
{
	InvWorkerState *state = &worker->database->workers[worker->kind];
	int size = pg_mbcliplen(message, strlen(message), INV_ERROR_SIZE - 1);

	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	strlcpy(state->last_error, message, size + 1);
	LWLockRelease(inv_shared->lock);
}

/* A full disk fails every round: the log is told once a minute. */
static bool
is_worth_logging(const char *message)
{
	static char last_message[INV_ERROR_SIZE];
	static TimestampTz last_time = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (strncmp(message, last_message, INV_ERROR_SIZE - 1) == 0 &&
		!TimestampDifferenceExceeds(last_time, now, REPEAT_LOG_MS))
		return false;
	strlcpy(last_message, message, INV_ERROR_SIZE);
	last_time = now;
	return true;
}

void
inv_worker_warn(InvWorker *worker, const char *message)
{
	if (is_worth_logging(message))
		ereport(WARNING,
				errmsg_internal("%s", message));
	report_error(worker, message);
}

/* Logs the error of a round and leaves its transaction. */
static void
end_failed_round(InvWorker *worker)
{
	ErrorData *error;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(worker->round_context);
	error = CopyErrorData();
	if (is_worth_logging(error->message))
		EmitErrorReport();
	FlushErrorState();
	AbortCurrentTransaction();
	LWLockReleaseAll();
	report_error(worker, error->message);
	RESUME_INTERRUPTS();
}

bool
inv_worker_round(InvWorker *worker, void (*round)(InvWorker *worker))
{
	volatile bool is_done = false;

	MemoryContextSwitchTo(worker->round_context);
	PG_TRY();
	{
		round(worker);
		is_done = true;
	}
	PG_CATCH();
	{
		end_failed_round(worker);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(worker->round_context);
	MemoryContextReset(worker->round_context);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return is_done;
}

static void
exit_if_unwanted(InvWorker *worker)
{
	bool is_leaving;

	CHECK_FOR_INTERRUPTS();
	LWLockAcquire(inv_shared->lock, LW_SHARED);
	is_leaving = worker->database->leave_requests > 0 || worker->database->is_forgotten;
	LWLockRelease(inv_shared->lock);
	if (is_leaving)
		proc_exit(0);
}

void
inv_worker_wait(InvWorker *worker, long timeout_ms)
{
	exit_if_unwanted(worker);
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout_ms,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	exit_if_unwanted(worker);
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/* The extension is gone: so is the reason for this database's entry. */
static void
exit_for_good(InvWorker *worker)
{
	AbortCurrentTransaction();
	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	worker->database->is_forgotten = true;
	LWLockRelease(inv_shared->lock);
	inv_shared_wake_workers(worker->database);
	proc_exit(0);
}

/* What went wrong while an earlier extension was dropped is no news of this one, nor has anybody to wait for its ticks. */
static void
notice_extension(InvWorker *worker, Oid item_table)
{
	bool is_another = OidIsValid(worker->item_table) && worker->item_table != item_table;

	if (is_another)
		report_error(worker, "");
	if (is_another && worker->kind == INV_PUBLISHER)
		pg_atomic_write_u64(&worker->database->tick_wanted, 0);
	worker->item_table = item_table;
}

void
inv_worker_transaction(InvWorker *worker, int isolation)
{
	const InvCatalog *catalog;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	XactIsoLevel = isolation;
	catalog = inv_catalog_of_extension();
	if (catalog)
		notice_extension(worker, catalog->item_table);
	else
		exit_for_good(worker);
}

void
inv_worker_report(InvWorker *worker, int64 result)
{
	InvWorkerState *state = &worker->database->workers[worker->kind];

	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	state->last_round = GetCurrentTimestamp();
	state->failure_count = 0;
	if (result >= 0)
		state->last_result = result;
	LWLockRelease(inv_shared->lock);
}

static void
set_lock_timeout(void)
{
	SetConfigOption("lock_timeout", PROBE_LOCK_TIMEOUT, PGC_SUSET, PGC_S_SESSION);
}

static void
name_database(void *arg)
{
	errcontext("looking for the extension in database %u", *(Oid *) arg);
}

static void
answer_without_extension(Oid database)
{
	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	inv_shared->without_extension = database;
	LWLockRelease(inv_shared->lock);
}

/*
 * A probe finds out whether a database has the extension, makes its entry in
 * shared memory if so, says so if not, and is gone.  Connecting takes locks,
 * too.
 */
void
inv_probe_main(Datum arg)
{
	Oid database = DatumGetObjectId(arg);
	ErrorContextCallback context = {.callback = name_database, .arg = &database, .previous = error_context_stack};
	bool has_extension;

	error_context_stack = &context;
	inv_worker_signals();
	set_lock_timeout();
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	set_session();
	set_lock_timeout();
	StartTransactionCommand();
	has_extension = inv_catalog_has_extension();
	CommitTransactionCommand();
	if (has_extension)
		(void) inv_shared_add(database);
	else
		answer_without_extension(database);
	error_context_stack = context.previous;
}
