/*
 * batch.h
 *	  Batches of an item that tracks them: number, expiry, quantity.
 *
 * The item's row is the lock for its batches, so they are loaded only under
 * it.  Their quantities always add up to what is on hand.  What may be sold
 * is in batches that are active and not expired, whether or not the janitor
 * has come by to write the others off; of those the one that expires first
 * goes first (FEFO).
 */
#ifndef INV_BATCH_H
#define INV_BATCH_H

#include "postgres.h"

#include "item.h"
#include "movement.h"
#include "nodes/pg_list.h"

typedef enum InvBatchStatus
{
	INV_BATCH_ACTIVE,
	INV_BATCH_QUARANTINED,
	INV_BATCH_EXPIRED
} InvBatchStatus;

typedef struct InvBatch
{
	int64 batch_id;
	const char *number;
	int64 quantity;
	TimestampTz expires_at; /* DT_NOEND = never */
	TimestampTz received_at;
	InvBatchStatus status;
	bool is_alerted; /* batch.expiring_soon has been sent for this expiry */
	int64 version;	 /* as stored; 0 = not stored yet */
	bool is_changed;
} InvBatch;

/* How a movement split over batches. */
typedef struct InvBatchSplit
{
	InvBatch *batch;
	int64 delta;
} InvBatchSplit;

/* Loads the batches of a locked item. */
extern void inv_batch_load(InvItem *item);

extern InvBatch *inv_batch_find(const InvItem *item, const char *number);

/* What a batch has, or otherwise where there is no such batch. */
extern int64 inv_batch_quantity(const InvItem *item, const char *number, int64 otherwise);

/* On hand in batches that may be sold now; and whether this one may. */
extern int64 inv_batch_sellable(const InvItem *item);
extern bool inv_batch_is_sellable(const InvItem *item, const char *number);

/*
 * Takes a quantity out of batches: out of the one named, or as FEFO says.  For
 * a sale a named batch must be sellable (IV423).  Raises IV404 or IV422 before
 * anything is changed.  Returns a list of InvBatchSplit.
 */
extern List *inv_batch_take(InvItem *item, int64 quantity, const char *number, bool is_sale);

/*
 * Puts a quantity into a batch, which is made if there is none of that
 * number; raises IV412 when it is there with another expiry, and IV423 for a
 * receipt when it has been written off.  A count may find some of it anyway.
 */
extern List *inv_batch_put(InvItem *item, int64 quantity, const char *number, TimestampTz expires_at, bool is_receipt);

/* For inv_item_copy(): a batch list of its own, with the same contents. */
extern List *inv_batch_copy_list(const List *batches);

/* Stores the changed batches of items, and then the splits of movements. */
extern void inv_batch_write(InvItem **items, int count);
extern void inv_batch_write_splits(const InvMovement *movement);

extern const char *inv_batch_status_name(InvBatchStatus status);
extern InvBatchStatus inv_batch_status_of(const char *name);

#endif
