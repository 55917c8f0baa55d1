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
	const InvTail *tail;	/* kept by reference until written */
	const char *operation_id;
} InvChange;

typedef struct InvStock
{
	const InvScope *scope;
	InvDeadline deadline;
	InvTable items;
	List *movements; /* of InvMovement, in the order they were applied */
	int retries;
	const char *replayed; /* the stored answer, when the key has been used (operation.c) */
} InvStock;

extern void inv_stock_begin(InvStock *stock, const InvScope *scope);
extern void inv_stock_end(InvStock *stock);

/*
 * Judges one change and applies it to *item in memory.  Raises IV403, IV404,
 * IV412 or IV422 and leaves *item as it was.  Touches memory only.
 */
extern void inv_stock_change(InvStock *stock, InvItem *item, const InvChange *change);

/*
 * Finds one item and changes it, optimistically: see stock.c.  Everything is
 * written when this returns.
 */
extern void inv_stock_change_one(InvStock *stock, const InvItemKey *key, const InvChange *change);

/* Writes items (each once), then movements and events.  All must be locked. */
extern void inv_stock_write(InvStock *stock, InvItem *items, int count);

/* Sees what has committed until now and what this transaction has done. */
extern void inv_stock_take_snapshot(void);

#endif
