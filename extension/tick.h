/*
 * tick.h
 *	  Ticks: the batches in which events become visible, and their order.
 *
 * Tick n holds the events visible in its snapshot and not in that of tick
 * n - 1.  That loses nothing, whatever the order in which transactions
 * commit, and no open transaction holds up the others: only its own events
 * wait.  Inside a tick access.changed comes first, then events go by id.
 */
#ifndef INV_TICK_H
#define INV_TICK_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "position.h"
#include "scope.h"

/* The columns of an event as the log's readers return them. */
enum
{
	LOGGED_ORGANIZATION_ID,
	LOGGED_TYPE,
	LOGGED_PRODUCT_ID,
	LOGGED_WAREHOUSE_ID,
	LOGGED_SUBJECT,
	LOGGED_OP,
	LOGGED_DATA,
	LOGGED_CREATED_AT,
	LOGGED_COUNT
};

/* One event as it is read; memory of SPI's current procedure. */
typedef struct InvLoggedEvent
{
	int64 id;
	bool is_access;
	Datum values[LOGGED_COUNT];
	bool nulls[LOGGED_COUNT];
} InvLoggedEvent;

/*
 * Makes a tick of what has committed since the last one.  Must run in a
 * transaction of its own, under REPEATABLE READ.  False: nothing has, and no
 * tick was made; but up to the tick wanted, empty ones are.
 */
extern bool inv_tick_make(int64 wanted, int64 *tick, int64 *event_count);

/* The end of the newest tick. */
extern void inv_tick_head(InvPosition *position);

/* The end of the oldest tick that is kept. */
extern void inv_tick_oldest(InvPosition *position);

/*
 * Can reading go on from this position?  Judged by what is committed now,
 * whatever the isolation level: TRUNCATE does not spare old snapshots.
 */
extern bool inv_tick_is_kept(const InvPosition *position);

/*
 * Finds the next tick after a whole one that holds events, passing over those
 * without; false at the head.
 */
extern bool inv_tick_next(const InvPosition *position, InvPosition *next);

/*
 * Reads up to limit events of the tick of *position that come after it (all
 * of the tick when event_id is 0) into SPI_tuptable; returns how many.  With a
 * scope, only what it covers; NULL is for relays, who see everything and
 * access.changed too.
 */
extern uint64 inv_tick_read(const InvPosition *position, const InvScope *scope, int64 limit);
extern void inv_tick_event(uint64 row, InvLoggedEvent *event);

#endif
