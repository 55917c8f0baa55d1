/*
 * doorbell.c
 *	  Wakes the publisher when a transaction that wrote events has committed.
 *
 * Writers do not NOTIFY: NOTIFY takes a database-wide lock at commit and holds
 * it through the WAL flush.  They set one flag in shared memory and, only if
 * it was clear, the publisher's latch.  The flag is exchanged after the
 * transaction has become visible, and the publisher clears it before it takes
 * its snapshot: if the flag was still set, the coming snapshot sees us.
 */
#include "postgres.h"

#include "doorbell.h"
#include "shared.h"

#include "access/xact.h"

static bool has_events = false;

void
inv_doorbell_ring(void)
{
	InvDatabase *mine = inv_shared_mine();
	Latch *latch;

	if (mine == NULL || pg_atomic_exchange_u32(&mine->is_rung, 1) == 1)
		return;
	latch = *(Latch *volatile *) &mine->workers[INV_PUBLISHER].latch;
	if (latch != NULL)
		SetLatch(latch);
}

static void
on_transaction_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			if (has_events)
				inv_doorbell_ring();
			has_events = false;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			has_events = false;
			break;
		default:
			break;
	}
}

void
inv_doorbell_init(void)
{
	RegisterXactCallback(on_transaction_end, NULL);
}

void
inv_doorbell_ring_at_commit(void)
{
	has_events = true;
}
