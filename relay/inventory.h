/*
 * inventory.h
 *	  Answers "what is in stock now" from the database.
 *
 * Requests wait in a bounded queue and run one at a time, on a connection of
 * their own: a page full of clients costs the event log nothing.
 */
#ifndef INVENTORY_H
#define INVENTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "channel.h"
#include "frame.h"
#include "loop.h"

typedef struct Inventory Inventory;

typedef struct InventoryOptions
{
	const char *dsn;
	const char *organization;
	int64_t connect_timeout_ms;
	int64_t query_timeout_ms;
} InventoryOptions;

typedef struct InventoryQuery
{
	Channel item;	   /* product, warehouse, or both; empty: all */
	Channel after;	   /* rows behind this item only; empty: from the first */
	int64_t max_count; /* of rows */
} InventoryQuery;

typedef enum InventoryVerdict
{
	INVENTORY_DONE,		   /* rows is a JSON array */
	INVENTORY_UNAVAILABLE, /* no database */
	INVENTORY_OVERLOADED,  /* too many wait */
	INVENTORY_FAILED	   /* logged */
} InventoryVerdict;

/* Called once for each request.  Takes rows, which are NULL unless INVENTORY_DONE. */
typedef void (*InventoryAnswer)(void *line, InventoryVerdict verdict, Frame *take_rows);

/* Copies the options.  NULL without memory. */
Inventory *inventory_new(Loop *loop, const InventoryOptions *options);

/* Requests still waiting get no answer. */
void inventory_free(Inventory *inventory);

/* Asks.  The answer may come before this returns.  At most max_waiting requests wait. */
void inventory_ask(Inventory *inventory, const InventoryQuery *query, int64_t max_waiting,
				   InventoryAnswer answer, void *line);

/* The line has gone: it gets no answer. */
void inventory_forget(Inventory *inventory, const void *line);

#endif
