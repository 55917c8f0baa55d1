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

#endif
