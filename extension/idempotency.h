/*
 * idempotency.h
 *	  A key stands for one operation, done once.
 *
 * The first thing a keyed operation does is to insert its key.  A second
 * session with the same key waits there for the first: if that commits, the
 * second answers with the stored result; if it rolls back, the second does
 * the work.  So there is no "in progress" to get stuck in.  A refused
 * operation gives its key back, and a retry is judged anew.
 */
#ifndef INV_IDEMPOTENCY_H
#define INV_IDEMPOTENCY_H

#include "postgres.h"

#include "operation.h"

/*
 * Claims the keys of operations, in sorted order.  Those that have been done
 * get their stored answer; those whose key stands for other
 * arguments get a refusal (IV400).  Raises IV409 when another session keeps a
 * key past the deadline.
 */
extern void inv_idempotency_claim(InvStock *stock, InvOperation **operations, int count);

/*
 * The same, of keys that are taken to be new; it costs less.  Raises IV409 also
 * when one is not, so whoever calls it must be able to undo it (attempt.c).
 */
extern void inv_idempotency_claim_new(InvStock *stock, InvOperation **operations, int count);

/* Stores the answers, and gives back the keys of what was refused. */
extern void inv_idempotency_finish(InvStock *stock, InvOperation **operations, int count);

/* Something unique to group several changes by, where there is no key. */
extern char *inv_idempotency_generate(void);

#endif
