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
#include "statement.h"
#include "worker.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "pgstat.h"
#include "utils/snapmgr.h"

/* Rows removed in one transaction. */
#define BATCH 1000

static InvStatement prune_statement = {
	.sql = "DELETE FROM @schema@.inventory_operation WHERE ctid = ANY (ARRAY("
		   "SELECT ctid FROM @schema@.inventory_operation"
		   " WHERE created_at < pg_catalog.clock_timestamp() - $1 * interval '1 min'"
		   " LIMIT $2 FOR UPDATE SKIP LOCKED))",
	.arg_count = 2,
	.arg_types = {INT4OID, INT4OID}};

/* Forgets idempotency keys nobody will retry any more. */
static uint64
prune_operations(InvWorker *worker)
{
	Datum values[2] = {Int32GetDatum(inv_operation_retention_min), Int32GetDatum(BATCH)};
	uint64 pruned;

	pgstat_report_activity(STATE_RUNNING, "pruning operations");
	inv_worker_transaction(worker, XACT_READ_COMMITTED);
	PushActiveSnapshot(GetTransactionSnapshot());
	inv_statement_connect();
	inv_statement_run(&prune_statement, values, NULL);
	pruned = SPI_processed;
	inv_statement_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	return pruned;
}

static void
sweep(InvWorker *worker)
{
	int64 swept = 0;
	uint64 pruned;

	do
	{
		pruned = prune_operations(worker);
		swept += pruned;
	} while (pruned == BATCH);
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
