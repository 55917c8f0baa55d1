/*
 * counters.c
 *	  Counts what inventory_status() reports, in shared memory.
 */
#include "postgres.h"

#include "counters.h"
#include "shared.h"

void
inv_counter_add(InvCounter counter, uint64 n)
{
	InvDatabase *mine = inv_shared_mine();

	if (mine != NULL)
		pg_atomic_fetch_add_u64(&mine->counters[counter], n);
}
