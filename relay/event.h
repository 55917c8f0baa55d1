/*
 * event.h
 *	  One row of the event log, as it travels through the relay.
 *
 * The data of an event is JSON text from the database.  It is copied byte for
 * byte into the frames that receivers share, and never parsed or written
 * again.  Routing uses the columns beside it.
 *
 * There are two dialects, and a frame of each is made when the first receiver
 * wants it:
 *
 *	  plain   {"type":…,"data":…}
 *	  one     {"type":…,"id":…,"position":…,"op":…,"data":…}
 *
 * A mark is an event without a type: a position of the log at which nothing
 * happened.  It is on the ring, so that a client which stood there can go on.
 */
#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "frame.h"

typedef enum Dialect
{
	DIALECT_PLAIN,
	DIALECT_ONE,
	DIALECT_COUNT
} Dialect;

/* Strings are borrowed; those marked may be NULL. */
typedef struct EventRow
{
	const char *position;
	const char *organization;
	const char *type;
	const char *product;   /* may be NULL */
	const char *warehouse; /* may be NULL */
	const char *subject;   /* may be NULL */
	const char *op;		   /* may be NULL */
	const char *data;
	int64_t tick;
	int64_t id;
	int64_t created_at_us; /* of the Unix epoch */
} EventRow;

typedef struct Event
{
	unsigned reference_count;
	int64_t tick;
	int64_t id;
	int64_t created_at_us;
	uint64_t item_hash; /* of product and warehouse */
	char *position;
	char *organization;
	char *type;		 /* "" for a mark */
	char *product;	 /* NULL when the event is about no item */
	char *warehouse; /* likewise */
	char *subject;	 /* whose rights changed; NULL for everybody's.  Of presence: warehouses, as a JSON array */
	char *op;		 /* idempotency key of the operation; NULL without one */
	char *data;
	size_t size;				  /* memory held, with one frame */
	size_t cost;				  /* bytes it takes in a queue, about those of its frame */
	Frame *frames[DIALECT_COUNT]; /* NULL until wanted */
} Event;

/* Copies everything.  NULL without memory.  The caller holds one reference. */
Event *event_new(const EventRow *row);

/* A mark; NULL without memory. */
Event *event_new_mark(const char *position, int64_t tick);

Event *event_share(Event *event);
void event_release(Event *event);

bool event_is_mark(const Event *event);

/*
 * Whether an event is for clients at all: changes of rights are for relays,
 * and presence is not stock.
 */
bool event_is_for_clients(const Event *event);

/* Whether somebody has come, does something else, or has left. */
bool event_is_presence(const Event *event);

/* Whether somebody's rights have changed. */
bool event_is_access(const Event *event);

/* Whether a newer event of the same item says all that this one does. */
bool event_is_state(const Event *event);

/* Whether nothing of the item may be moved from behind this event to before it. */
bool event_is_fence(const Event *event);

bool event_is_same_item(const Event *event, const Event *other);

/* The frame that receivers share; the event keeps it.  NULL without memory. */
Frame *event_frame(Event *event, Dialect dialect);

/*
 * Appends the event as an object.  It may stand at another position than its
 * own, and for several versions of its item (conflated > 1).
 */
void event_append(Buf *buf, const Event *event, Dialect dialect, const char *position, unsigned conflated);

#endif
