/*
 * counters.h
 *	  Counts what inventory_status() reports, in shared memory.
 *
 * Counters belong to a database, are lost at a restart and are not
 * transactional: a rolled back adjustment has been counted.
 */
#ifndef INV_COUNTERS_H
#define INV_COUNTERS_H

#include "postgres.h"

typedef enum InvCounter
{
	INV_COUNTER_CHANGES,
	INV_COUNTER_RETRIES,
	INV_COUNTER_LOCK_TIMEOUTS,
	INV_COUNTER_STALE_VERSIONS,
	INV_COUNTER_SHORTAGES,
	INV_COUNTER_COUNT
} InvCounter;

extern void inv_counter_add(InvCounter counter, uint64 n);

#endif
