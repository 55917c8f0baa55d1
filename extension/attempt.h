/*
 * attempt.h
 *	  Does something that may have to wait too long, and undoes it then.
 */
#ifndef INV_ATTEMPT_H
#define INV_ATTEMPT_H

#include "postgres.h"

/*
 * Runs what(arg) in a subtransaction.  False: it ended in IV409, which has
 * been taken, and all that it did and locked in the database is undone; what
 * it did in memory is the caller's.  Any other error goes on.
 */
extern bool inv_attempt(void (*what)(void *arg), void *arg);

/*
 * The same for one thing of many, none of which is to stop the others: takes
 * every error that is of that thing, and returns it; NULL: done.  What is of
 * the whole call goes on: a cancel, a full disk, a serialization failure.
 */
extern ErrorData *inv_attempt_one(void (*what)(void *arg), void *arg);

#endif
