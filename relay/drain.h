/*
 * drain.h
 *	  Ends the sessions little by little, before the relay ends.
 *
 * Whoever is closed comes back at once, to another relay or to this one's
 * successor; all of them together would be a storm.  So they are closed over
 * the window, in which the others are served on.
 */
#ifndef DRAIN_H
#define DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "hub.h"
#include "loop.h"

typedef struct Drain Drain;

typedef struct DrainHandlers
{
	bool (*is_idle)(void *owner); /* all have gone: nothing is left to be answered or written */
	void (*on_end)(void *owner);  /* all have gone, or the time is over */
} DrainHandlers;

/* NULL without memory. */
Drain *drain_new(Loop *loop, Hub *hub, const DrainHandlers *handlers, void *owner);
void drain_free(Drain *drain);

/*
 * Begins: sessions are closed over window_ms, and then have timeout_ms to take
 * their last messages.
 */
void drain_begin(Drain *drain, int64_t window_ms, int64_t timeout_ms);

/* Closes all that are left now. */
void drain_hurry(Drain *drain);

bool drain_has_begun(const Drain *drain);

#endif
