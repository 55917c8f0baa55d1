/*
 * item.h
 *	  One row of inventory in memory: find it, lock it, write it back.
 *
 * An item is found without a lock first; writing it is a compare-and-set on
 * the row version found, so an item that somebody else changed in between is
 * not written.  An item that is locked cannot be overtaken any more.
 */
#ifndef INV_ITEM_H
#define INV_ITEM_H

#include "postgres.h"

#include "pg_inventory.h"

#include "access/htup.h"
#include "datatype/timestamp.h"
#include "deadline.h"
#include "nodes/lockoptions.h"
#include "nodes/pg_list.h"
#include "table.h"

typedef enum InvAlertState
{
	INV_ALERT_OK,
	INV_ALERT_LOW,
	INV_ALERT_OUT
} InvAlertState;

typedef struct InvItemKey
{
	const char *organization_id;
	const char *product_id;
	const char *warehouse_id;
} InvItemKey;

typedef struct InvItem
{
	InvItemKey key;
	int64 inventory_id;
	int64 available;
	int64 reserved;
	int64 minimum_stock;
	int64 stock_floor;
	bool track_batches;
	bool has_attributes;
	Datum attributes; /* jsonb, valid while row is */
	InvAlertState alert_state;
	int64 version;
	TimestampTz last_modified_at;
	TimestampTz last_restocked_at; /* DT_NOBEGIN = never */
	TimestampTz retired_at;		   /* DT_NOBEGIN = in use */
	HeapTuple row;				   /* the version this was read from */
	int64 stored_version;		   /* of that row */
	List *batches;				   /* of InvBatch, when tracked and locked */
	bool is_locked;
	bool is_unborn; /* made by this call for an operation yet to come */
	bool is_busy;	/* somebody else holds the row, and waiting is over */
	int64 planned;	/* what the lines of a cart looked at so far would change */
} InvItem;

/* The order in which rows are locked, everywhere. */
extern int inv_item_key_compare(const InvItemKey *a, const InvItemKey *b);

/* Fills *item from the row as it is now, without locking.  False: no such item. */
extern bool inv_item_find(InvTable *table, const InvItemKey *key, InvItem *item);

/*
 * Locks the row of a found item and, where it has changed, fills *item anew.
 * Waits until the deadline and then raises IV409.  False: it has been deleted,
 * or, with LockWaitSkip, is_busy says that somebody else holds it.
 */
extern bool inv_item_lock(InvTable *table, InvItem *item, InvDeadline *deadline, LockWaitPolicy policy);

/* Writes *item back.  False: the row has changed since, and is unwritten. */
extern bool inv_item_write(InvTable *table, InvItem *item, InvDeadline *deadline);

/* Low is below the minimum, not at it; out is nothing left to sell. */
extern InvAlertState inv_item_alert_state(const InvItem *item);
extern const char *inv_alert_state_name(InvAlertState state);

/* The row as a JSON object, for the DETAIL of IV412. */
extern char *inv_item_to_json(const InvItem *item);

extern INV_NORETURN void inv_item_raise_not_found(const InvItemKey *key);

#endif
