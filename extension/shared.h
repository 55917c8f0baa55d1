/*
 * shared.h
 *	  The shared memory of the extension: one entry per database it serves.
 *
 * Locks: `lock` protects the fields of the launcher and of all entries except
 * those said to be atomic.  It is held for a few instructions only, never
 * across a wait.  An entry belongs to a database from the moment a probe
 * finds the extension there until the workers have seen it gone; entries do
 * not move, so a pointer to one stays good, but its database may change: who
 * keeps a pointer checks `database` again.
 */
#ifndef INV_SHARED_H
#define INV_SHARED_H

#include "postgres.h"

#include "counters.h"
#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#define INV_ERROR_SIZE 256

/* The workers that every served database has. */
typedef enum InvWorkerKind
{
	INV_PUBLISHER,
	INV_JANITOR,
	INV_WORKER_KINDS
} InvWorkerKind;

typedef struct InvWorkerState
{
	pid_t pid;						 /* 0 = not running */
	Latch *latch;					 /* the running process's, else NULL */
	bool is_starting;				 /* registered by the launcher, not yet attached */
	TimestampTz started_at;			 /* of the latest start */
	TimestampTz next_start;			 /* not before this; backs off after failures */
	int failure_count;				 /* starts in a row that ended in an error */
	TimestampTz last_round;			 /* end of the last round of work; 0 = none yet */
	int64 last_result;				 /* publisher: newest tick; janitor: rows swept */
	char last_error[INV_ERROR_SIZE]; /* '' = none since the server started */
} InvWorkerState;

typedef struct InvDatabase
{
	pg_atomic_uint32 database;		  /* its OID; InvalidOid = the entry is free */
	pg_atomic_uint32 is_rung;		  /* something committed since the last round began */
	pg_atomic_uint64 tick_wanted;	  /* a reader waits for this tick, even an empty one */
	pg_atomic_uint32 event_partition; /* where events go now; see event.c */
	pg_atomic_uint64 counters[INV_COUNTER_COUNT];
	int leave_requests; /* > 0: workers are to exit and stay away */
	bool is_forgotten;	/* the extension is gone; free when the workers are, too */
	InvWorkerState workers[INV_WORKER_KINDS];
} InvDatabase;

typedef struct InvShared
{
	LWLock *lock;
	pid_t launcher_pid;
	Latch *launcher_latch;
	Oid without_extension;	/* a probe's answer: this database has none */
	bool is_short_of_slots; /* max_worker_processes left no room */
	int database_count;		/* length of databases */
	InvDatabase databases[FLEXIBLE_ARRAY_MEMBER];
} InvShared;

extern InvShared *inv_shared;

extern void inv_shared_init(void);

/* The entry of a database, or NULL. */
extern InvDatabase *inv_shared_find(Oid database);

/* The entry of a database, made if there is none; NULL when all are taken. */
extern InvDatabase *inv_shared_add(Oid database);

extern void inv_shared_remove(InvDatabase *entry);

/* The entry of the session's own database, or NULL; cheap, for hot paths. */
extern InvDatabase *inv_shared_mine(void);

extern bool inv_shared_has_workers(const InvDatabase *entry);

extern void inv_shared_wake_workers(InvDatabase *entry);
extern void inv_shared_wake_launcher(void);

#endif
