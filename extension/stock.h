/*
 * stock.h
 *	  The one core that changes stock.
 *
 * Every function that changes stock is a sequence of the same steps:
 * inv_stock_begin(), find or lock the items, inv_stock_change() for each
 * change, inv_stock_write(), inv_stock_end().  A change is judged and applied
 * in memory; inv_stock_write() then writes each item's row once, and behind it
 * the movements and events of all its changes.  So counter, ledger, version
 * and events cannot drift apart.
 *
 * Lock order everywhere: idempotency keys (sorted), reservations, items
 * (sorted by inv_item_key_compare), batches.
 */
#ifndef INV_STOCK_H
#define INV_STOCK_H

#include "postgres.h"

#include "arguments.h"
#include "deadline.h"
#include "item.h"
#include "movement.h"
#include "nodes/pg_list.h"
#include "scope.h"
#include "table.h"

typedef enum InvShortage
{
	INV_SHORTAGE_REJECT,
	INV_SHORTAGE_PARTIAL,
	INV_SHORTAGE_FORCE
} InvShortage;

#define INV_ANY_VERSION (-1)

/* What is wanted of one item. */
typedef struct InvChange
{
	InvMovementType type;
	int64 quantity; /* as asked, for the ledger */
	int64 delta_available;
	int64 delta_reserved;
	InvShortage on_shortage;
	int64 expected_version; /* or INV_ANY_VERSION */
	const char *batch_number;
	TimestampTz expires_at; /* of the batch; DT_NOBEGIN = not given */
	const List *arriving;	/* transfer_in: the splits that left the other item */
	const InvScope *scope;
	const InvTail *tail; /* kept by reference until written */
	const char *operation_id;
	const InvReservation *reservation;
} InvChange;

typedef struct InvStock
{
	InvDeadline deadline;
	InvTable item_table;
	InvItem **items; /* the locked items, sorted by key */
	int item_count;
	List *reservations; /* the locked reservations */
	List *movements;	/* of InvMovement, in the order they were applied */
	List *expired;		/* of InvOverdue: reservations that have ended by the way */
	int retries;
} InvStock;

extern void inv_stock_begin(InvStock *stock);
extern void inv_stock_end(InvStock *stock);

/* The locked item of this key, or NULL. */
extern InvItem *inv_stock_item(const InvStock *stock, const InvItemKey *key);

/* Would this change be refused, or cut, for want of stock? */
extern bool inv_stock_is_short(const InvItem *item, const InvChange *change);

/*
 * One line of the DETAIL of IV422.  Of the change's delta, planned is what
 * earlier lines of the same operation do to the item.
 */
extern char *inv_stock_shortage(const InvItem *item, const InvChange *change, int64 planned);

/*
 * Judges one change and applies it to *item in memory.  Raises 22023, IV403,
 * IV404, IV412, IV422 or IV423 and leaves *item as it was.  Touches memory
 * only.
 */
extern InvMovement *inv_stock_change(InvStock *stock, InvItem *item, const InvChange *change);

/* Answers for an item that has been left as it is. */
extern InvMovement *inv_stock_unchanged(InvStock *stock, InvItem *item, const InvChange *change);

/* The ledger's entry for an item that has just been inserted. */
extern InvMovement *inv_stock_birth(InvStock *stock, InvItem *item, const InvChange *change);

/*
 * Sets the figures of an item, with a movement that says what the ledger
 * lacked of them: for inventory_reconcile().
 */
extern void inv_stock_correct(InvStock *stock, InvItem *item, const InvScope *scope, const InvTail *tail,
							  int64 available, int64 reserved, int64 ledger_available, int64 ledger_reserved);

/*
 * Takes back the overdue holds on a locked item that is short, so that a
 * janitor who is late never causes a false "sold out".
 */
extern void inv_stock_take_overdue(InvStock *stock, InvItem *item);

/*
 * Tries one change of one item without locking first: see stock.c.  NULL: the
 * row has to be locked (stock->retries says whether somebody was faster), and
 * nothing has been done.  Otherwise everything is written.
 */
extern InvMovement *inv_stock_try(InvStock *stock, const InvItemKey *key, const InvChange *change);

/* Writes the changed items, each once, then batches, movements and events. */
extern void inv_stock_write(InvStock *stock);

#endif
