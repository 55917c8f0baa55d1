/*
 * janitor.c
 *	  The background worker that cleans up what nobody waits for.
 *
 * Latency is the publisher's; whatever may take a while is done here, in
 * small transactions that can be interrupted.
 */
#include "postgres.h"

#include "catalog.h"
#include "rotation.h"
#include "settings.h"
#include "sweep.h"
#include "worker.h"

#include "access/xact.h"
#include "pgstat.h"
#include "utils/snapmgr.h"

/* Rows of each kind in one transaction. */
#define BATCH 100

static int
sweep_once(InvWorker *worker)
{
	InvSwept swept;

	pgstat_report_activity(STATE_RUNNING, "sweeping");
	inv_worker_transaction(worker, XACT_READ_COMMITTED);
	PushActiveSnapshot(GetTransactionSnapshot());
	inv_sweep(BATCH, &swept);
	PopActiveSnapshot();
	CommitTransactionCommand();
	return swept.reservations_expired + swept.batches_expired + swept.batches_alerted + swept.operations_pruned;
}

static void
sweep(InvWorker *worker)
{
	int64 swept = 0;
	int n;

	do
	{
		n = sweep_once(worker);
		swept += n;
	} while (n >= BATCH);
	pgstat_report_activity(STATE_RUNNING, "rotating the event log");
	swept += inv_rotation_step(worker->database);
	inv_worker_report(worker, swept);
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
	for (;;)
	{
		(void) inv_worker_round(&worker, sweep);
		inv_worker_wait(&worker, inv_janitor_interval_ms);
	}
}
