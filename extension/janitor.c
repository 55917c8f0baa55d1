/*
 * janitor.c
 *	  The background worker that cleans up what nobody waits for.
 *
 * Latency is the publisher's; whatever may take a while is done here, in
 * small transactions that can be interrupted.
 *
 * Leases of presence are judged by the clock of this server, and only when
 * their holders had the time to renew them: not until inventory.presence_timeout
 * after the start, and again after a pause in which the janitor did not run
 * when it should have (the process or the whole machine was stopped, the clock
 * was set), because the holders may have been paused, too.  They come first in
 * a round, right after the wait in which a pause shows.
 */
#include "postgres.h"

#include "attempt.h"
#include "catalog.h"
#include "lease.h"
#include "rotation.h"
#include "settings.h"
#include "sweep.h"
#include "worker.h"

#include "access/xact.h"
#include "pgstat.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Rows of each kind in one transaction. */
#define BATCH 100

static int
sweep_once(InvWorker *worker)
{
	InvSwept found;

	pgstat_report_activity(STATE_RUNNING, "sweeping");
	inv_worker_transaction(worker, XACT_READ_COMMITTED);
	PushActiveSnapshot(GetTransactionSnapshot());
	inv_sweep(BATCH, &found);
	if (found.failure != NULL)
		inv_worker_warn(worker, found.failure);
	PopActiveSnapshot();
	CommitTransactionCommand();
	return found.reservations_expired + found.batches_expired + found.batches_alerted + found.operations_pruned;
}

/* What has been cleaned up since the last wait. */
static int64 swept;

static void
sweep(InvWorker *worker)
{
	int n;

	do
	{
		n = sweep_once(worker);
		swept += n;
	} while (n >= BATCH);
}

/* A round of its own: whatever keeps a sweep from its end must not let the log grow for ever. */
static void
rotate(InvWorker *worker)
{
	pgstat_report_activity(STATE_RUNNING, "rotating the event log");
	swept += inv_rotation_step(worker->database);
}

static void
clean_up(InvWorker *worker)
{
	bool is_swept;

	swept = 0;
	is_swept = inv_worker_round(worker, sweep);
	if (inv_worker_round(worker, rotate) && is_swept)
		inv_worker_report(worker, swept);
}

/* Since when leases could be renewed as far as we know. */
static TimestampTz watched_since;

static List *
overdue_leases(InvWorker *worker)
{
	List *ids;

	inv_worker_transaction(worker, XACT_READ_COMMITTED);
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(worker->round_context);
	ids = inv_lease_overdue(inv_presence_timeout_ms);
	PopActiveSnapshot();
	CommitTransactionCommand();
	return ids;
}

static void
end_lease(void *session_id)
{
	(void) inv_lease_end(session_id, inv_presence_timeout_ms);
}

/*
 * A transaction for each: whoever hangs on it leaves at once, or later; and
 * one that cannot be ended keeps none of the others.
 */
static void
end_leases(InvWorker *worker)
{
	ListCell *cell;

	if (!TimestampDifferenceExceeds(watched_since, GetCurrentTimestamp(), inv_presence_timeout_ms))
		return;
	pgstat_report_activity(STATE_RUNNING, "ending leases of presence");
	foreach (cell, overdue_leases(worker))
	{
		const ErrorData *error;

		inv_worker_transaction(worker, XACT_READ_COMMITTED);
		PushActiveSnapshot(GetTransactionSnapshot());
		error = inv_attempt_one(end_lease, lfirst(cell));
		/* its name is a secret of its holder's */
		if (error != NULL)
			inv_worker_warn(worker, psprintf("could not end a lease of presence: %s", error->message));
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
}

static void
wait_and_watch(InvWorker *worker)
{
	TimestampTz before = GetCurrentTimestamp();
	int interval_ms = inv_janitor_interval_ms;
	TimestampTz now;

	inv_worker_wait(worker, interval_ms);
	now = GetCurrentTimestamp();
	if (now < before || TimestampDifferenceExceeds(before, now, interval_ms + inv_presence_timeout_ms / 2))
		watched_since = now;
}

static void
resume(InvWorker *worker)
{
	inv_worker_transaction(worker, XACT_READ_COMMITTED);
	CommitTransactionCommand();
	inv_rotation_resume(worker->database);
}

void
inv_janitor_main(Datum arg)
{
	InvWorker worker;

	inv_worker_begin(&worker, INV_JANITOR, DatumGetObjectId(arg));
	while (!inv_worker_round(&worker, resume))
		inv_worker_wait(&worker, inv_janitor_interval_ms);
	watched_since = GetCurrentTimestamp();
	for (;;)
	{
		(void) inv_worker_round(&worker, end_leases);
		clean_up(&worker);
		wait_and_watch(&worker);
	}
}
