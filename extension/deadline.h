/*
 * deadline.h
 *	  Bounds how long one call waits for row locks altogether.
 *
 * The server's lock_timeout bounds one wait; a call that takes several rows
 * would wait several times as long.  So before each row lock lock_timeout is
 * set to what is left of inventory.lock_timeout, or stays at the session's own
 * value where that is shorter.
 */
#ifndef INV_DEADLINE_H
#define INV_DEADLINE_H

#include "postgres.h"

#include "pg_inventory.h"

#include "datatype/timestamp.h"

typedef struct InvDeadline
{
	TimestampTz started_at;
	TimestampTz ends_at;
	bool is_over;		   /* nothing waits any more; see inv_deadline_end_waiting() */
	int guc_level;		   /* what inv_deadline_end() unwinds to */
	MemoryContext context; /* where an error is raised from */
} InvDeadline;

extern void inv_deadline_begin(InvDeadline *deadline);

/* Sets lock_timeout to what is left; raises IV409 when nothing is. */
extern void inv_deadline_arm(InvDeadline *deadline);

/*
 * From now on no wait takes longer than a millisecond, which is as short as
 * lock_timeout goes, and what has been locked can still be written.
 */
extern void inv_deadline_end_waiting(InvDeadline *deadline);

/* Gives lock_timeout back.  Not needed on error: the transaction does it. */
extern void inv_deadline_end(InvDeadline *deadline);

extern int inv_deadline_waited_ms(const InvDeadline *deadline);

/*
 * To be called in PG_CATCH() around a row lock: turns "lock not available"
 * into IV409 and gives a serialization failure its hint; does not return.
 */
extern INV_NORETURN void inv_deadline_rethrow(const InvDeadline *deadline);

extern INV_NORETURN void inv_deadline_raise(const InvDeadline *deadline);

#endif
