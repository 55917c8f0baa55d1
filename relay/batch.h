/*
 * batch.h
 *	  Frames that carry several events, shared by those who get the same ones.
 *
 *	  {"type":"batch","position":…,"events":[…]}
 *
 * Sessions with the same channels have the same events waiting, and take them
 * one after the other.  So the batches made last are kept, with references to
 * their events, and a session whose queue begins with just those gets the frame
 * that is there.  A state that has been conflated is its session's own; a batch
 * with one is made for it alone.
 */
#ifndef BATCH_H
#define BATCH_H

#include <stddef.h>

#include "event.h"
#include "frame.h"
#include "queue.h"

/* The most events of one. */
#define BATCH_MAX_COUNT 200

/*
 * The frame of the first entries of a queue, all of them events.  It is the
 * caller's to release.  NULL without memory.
 */
Frame *batch_frame(const Queue *queue, size_t count, Dialect dialect);

/* Lets go of all that is kept. */
void batch_forget(void);

#endif
