/*
 * event.h
 *	  One row of the event log, as it travels through the relay.
 *
 * The data of an event is JSON text from the database.  It is copied once,
 * into the frame that every receiver shares, and never parsed or written
 * again.  Routing uses the columns beside it.
 */
#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

/* Strings are borrowed; those marked may be NULL. */
typedef struct EventRow
{
	const char *position;
	const char *organization;
	const char *type;
	const char *product;   /* may be NULL */
	const char *warehouse; /* may be NULL */
	const char *subject;   /* may be NULL */
	const char *data;
	int64_t tick;
	int64_t created_at_us; /* of the Unix epoch */
} EventRow;

typedef struct Event
{
	unsigned reference_count;
	int64_t tick;
	int64_t created_at_us;
	char *position;
	char *organization;
	char *type;
	char *product;	 /* NULL when the event is about no item */
	char *warehouse; /* likewise */
	char *subject;	 /* whose rights changed; else NULL */
	size_t size;	 /* memory held, the frame included */
	Frame *frame;	 /* {"type":…,"data":…} */
} Event;

/* Copies everything.  NULL without memory.  The caller holds one reference. */
Event *event_new(const EventRow *row);

Event *event_share(Event *event);
void event_release(Event *event);

/*
 * Whether an event is for clients at all: changes of rights are for relays,
 * and presence is not stock.
 */
bool event_is_for_clients(const Event *event);

#endif
