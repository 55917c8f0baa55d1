/*
 * worker.h
 *	  What the background workers of a database have in common.
 *
 * A worker is a loop of rounds.  A round is one unit of work in a memory
 * context of its own, which is reset after it; an error ends the round, is
 * logged and shown in inventory_status(), and the loop goes on.  A worker exits
 * when the extension has been dropped, when somebody needs the database for
 * himself (lifecycle.c), or when the server stops.
 */
#ifndef INV_WORKER_H
#define INV_WORKER_H

#include "postgres.h"

#include "pg_inventory.h"
#include "shared.h"

typedef struct InvWorker
{
	InvWorkerKind kind;
	InvDatabase *database;
	Oid item_table;				 /* of the extension that was there in the last round */
	MemoryContext round_context; /* reset after every round */
} InvWorker;

/*
 * Registers a worker for a database; false when max_worker_processes leaves
 * no room.  The caller is notified of its start and end.
 */
struct BackgroundWorkerHandle;
extern bool inv_worker_launch(InvWorkerKind kind, Oid database, struct BackgroundWorkerHandle **handle);
extern bool inv_worker_launch_probe(Oid database, struct BackgroundWorkerHandle **handle);

/* Signals, connection, settings and entry in shared memory.  May not return. */
extern void inv_worker_begin(InvWorker *worker, InvWorkerKind kind, Oid database);

/* Runs one round in the round context.  False: it ended in an error. */
extern bool inv_worker_round(InvWorker *worker, void (*round)(InvWorker *worker));

/* Sleeps until woken or timeout_ms have passed; exits where it must. */
extern void inv_worker_wait(InvWorker *worker, long timeout_ms);

/* Begins a transaction; exits when the extension is no longer there. */
extern void inv_worker_transaction(InvWorker *worker, int isolation);

/* Something is wrong, and the round goes on: logged and shown as an error is. */
extern void inv_worker_warn(InvWorker *worker, const char *message);

/* What inventory_status() is to show of the round just ended. */
extern void inv_worker_report(InvWorker *worker, int64 result);

extern PGDLLEXPORT INV_NORETURN void inv_publisher_main(Datum arg);
extern PGDLLEXPORT INV_NORETURN void inv_janitor_main(Datum arg);
extern PGDLLEXPORT void inv_probe_main(Datum arg);
extern PGDLLEXPORT INV_NORETURN void inv_launcher_main(Datum arg);

/* Signal handlers, as every worker has them. */
extern void inv_worker_signals(void);

extern void inv_launcher_register(void);

#endif
