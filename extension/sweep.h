/*
 * sweep.h
 *	  What is overdue: reservations, batches, idempotency keys.
 */
#ifndef INV_SWEEP_H
#define INV_SWEEP_H

#include "postgres.h"

typedef struct InvSwept
{
	int reservations_expired;
	int batches_expired;
	int batches_alerted;
	int operations_pruned;
	const char *failure; /* what became of the first that could not be swept; NULL = all could */
} InvSwept;

/*
 * Sweeps up to max_rows of each in the present transaction.  Never waits: what
 * somebody else has in hand is left for the next time, and so is what cannot be
 * swept; neither is in the way of what comes after it.
 */
extern void inv_sweep(int max_rows, InvSwept *swept);

#endif
