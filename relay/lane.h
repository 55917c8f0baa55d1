/*
 * lane.h
 *	  One database connection that does operations, and what waits for it.
 *
 * While a call is on its way, orders gather behind it, and the next call takes
 * them together: the busier it is, the more of them share one transaction and
 * one flush.  There is one call at a time, so what comes later sees what came
 * before.
 */
#ifndef LANE_H
#define LANE_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "list.h"
#include "loop.h"
#include "order.h"

typedef struct Lane Lane;

typedef struct LaneHandlers
{
	/* The database's verdict.  The order is on no list of the lane any more. */
	void (*on_verdict)(void *owner, Lane *lane, Order *order, const Verdict *verdict, bool is_busy);

	/* A call may be sent. */
	void (*on_idle)(void *owner, Lane *lane);
} LaneHandlers;

/*
 * Connects for good.  Rows locked by others are waited for no longer than
 * lock_timeout_ms, in calls that wait at all.  NULL without memory.
 */
Lane *lane_new(Loop *loop, const Config *config, int64_t lock_timeout_ms, const LaneHandlers *handlers, void *owner);

/* The loop is about to go: nothing is sent any more. */
void lane_end(Lane *lane);

/* No order may be in it.  NULL is fine. */
void lane_free(Lane *lane);

bool lane_is_up(const Lane *lane);

/* Whether a call could be sent now. */
bool lane_is_idle(const Lane *lane);

/* Puts an order behind those that wait. */
void lane_append(Lane *lane, Order *order);

/* Puts it before them. */
void lane_prepend(Lane *lane, Order *order);

/* Those that wait; may be taken off. */
List *lane_waiting(Lane *lane);

/* Sends the first of those that wait, at most so many, if it can. */
void lane_send(Lane *lane, size_t most, bool waits);

#endif
