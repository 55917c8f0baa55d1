/*
 * inventory.h
 *	  Pages of what is in stock now, from the database.
 *
 * A page shows what is visible at the moment it is read, which a crash of the
 * database could still take back.  It comes with the tick that covers it: when
 * the relay has read that tick, the page may be shown.
 */
#ifndef INVENTORY_H
#define INVENTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "channel.h"
#include "desk.h"
#include "scope.h"

typedef struct Inventory Inventory;

typedef struct InventoryQuery
{
	Channel item;	   /* product, warehouse, or both; empty: all */
	Channel after;	   /* rows behind this item only; empty: from the first */
	int64_t max_count; /* of rows */
	size_t max_size;   /* bytes, about: the page ends with the row that reaches it; 0: as many as memory is given for */
} InventoryQuery;

/* Retired items are left out, and large ones fill it, so a page may be short, even empty, and not the last. */
typedef struct InventoryPage
{
	Buf items; /* a JSON array; the receiver's */
	int64_t count;
	int64_t covered_by;
	Channel last; /* the last row, shown or not */
	bool has_more;
} InventoryPage;

typedef enum InventoryVerdict
{
	INVENTORY_DONE,
	INVENTORY_UNAVAILABLE, /* no database */
	INVENTORY_FAILED	   /* logged */
} InventoryVerdict;

/* Called once for each question.  page is NULL unless INVENTORY_DONE. */
typedef void (*InventoryAnswer)(void *line, InventoryVerdict verdict, InventoryPage *page);

/* NULL without memory.  Nothing is asked any more when the desk has gone. */
Inventory *inventory_new(Desk *desk);

/* Questions still open get no answer.  NULL is fine. */
void inventory_free(Inventory *inventory);

/* Asks, together with others who want the same.  The answer may come before this returns. */
void inventory_ask(Inventory *inventory, Scope *scope, const InventoryQuery *query, InventoryAnswer answer,
				   void *line);

/*
 * Asks the publisher again for the ticks that cover what was read before.  It
 * knows of them by shared memory only, which a crash empties, and which is not
 * there while nobody may connect to the database.
 */
void inventory_remind(Inventory *inventory);

/* The line has gone: it gets no answer. */
void inventory_forget(Inventory *inventory, const void *line);

#endif
