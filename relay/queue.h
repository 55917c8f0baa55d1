/*
 * queue.h
 *	  What waits to be sent to one client.
 *
 * Frames and events, first in, first out.  While the queue conflates, a state
 * event takes the place of the one of its item that still waits: the newest
 * state goes out at the older one's turn and with that one's position, and the
 * entry counts how many versions it stands for.  Positions therefore go out
 * in the order of the log, and never ahead of an event that still waits.
 * Alerts are never conflated, and nothing is moved across the retirement of
 * its item, or across a frame that is a barrier (a snapshot: what is newer must
 * not come before it).
 *
 * An idle queue holds no memory but this struct.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "frame.h"

typedef struct QueueEntry
{
	Frame *frame;	 /* a reply; else NULL */
	Event *event;	 /* else */
	char *position;	 /* where the event stands, NULL for its own */
	unsigned count;	 /* versions it stands for */
	bool is_barrier; /* no event behind it takes a place before it */
} QueueEntry;

typedef struct QueueSlot
{
	uint64_t hash;
	uint64_t number; /* of the entry; 0: never used */
} QueueSlot;

typedef struct Queue
{
	QueueEntry *ring;
	size_t capacity; /* a power of two, or 0 */
	size_t first;
	size_t count;
	size_t size;		   /* bytes that wait */
	uint64_t first_number; /* of the front entry */
	size_t *total_size;	   /* bytes of all queues; NULL when nobody asks */

	/* Where the newest state of each item waits, while conflating. */
	bool is_conflating;
	QueueSlot *slots;
	size_t slot_capacity; /* a power of two, or 0 */
	size_t slot_count;
} Queue;

/* Shares the frame or event.  False without memory, and nothing was queued. */
bool queue_add_frame(Queue *queue, Frame *frame, bool is_barrier);
bool queue_add_event(Queue *queue, Event *event);

/*
 * Conflates what waits, and what comes until the queue has run empty.  Returns
 * how many events were saved.  Without memory it saves what it can.
 */
size_t queue_conflate(Queue *queue);

/* The entry at an index, the front one at 0. */
const QueueEntry *queue_entry(const Queue *queue, size_t index);

/* Drops the front entry. */
void queue_pop(Queue *queue);

/* Drops everything, and the memory with it. */
void queue_clear(Queue *queue);

#endif
