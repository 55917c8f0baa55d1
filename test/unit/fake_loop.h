/*
 * fake_loop.h
 *	  A loop in which time stands still and nothing happens by itself.
 *
 * Stands in for loop.c.  The test says what becomes readable and when timers
 * are due.
 */
#ifndef FAKE_LOOP_H
#define FAKE_LOOP_H

#include <stdbool.h>

#include "loop.h"

/* The one watch that is there; false when there is none. */
bool fake_readable(void);
bool fake_writable(void);
bool fake_closed(void);
bool fake_is_watching(void);
bool fake_wants_write(void);

/* Lets the earliest started timer come due; its delay, or -1 without one. */
long long fake_next_timer(void);

#endif
