/*
 * doorbell.h
 *	  Wakes the publisher when a transaction that wrote events has committed.
 */
#ifndef INV_DOORBELL_H
#define INV_DOORBELL_H

extern void inv_doorbell_init(void);

/* This transaction has events: ring when, and only if, it commits. */
extern void inv_doorbell_ring_at_commit(void);

/* Ring now; for COMMIT PREPARED, whose commit has no callback of ours. */
extern void inv_doorbell_ring(void);

#endif
