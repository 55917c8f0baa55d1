/*
 * event.c
 *	  One row of the event log, as it travels through the relay.
 *
 * An event and its strings are one block of memory; its frames are others,
 * because a queue may hold a frame longer than the ring holds the event.
 */
#include "event.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What stands around the data in a frame, about. */
#define FRAME_OVERHEAD 64

static size_t
text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

/* Copies text to *room and moves *room behind it. */
static char *
place_text(char **room, const char *text)
{
	size_t size = text_size(text);
	char *placed = *room;

	if (!text)
		return NULL;
	memcpy(placed, text, size);
	*room += size;
	return placed;
}

/* FNV-1a, the NUL included, so that (ab, c) and (a, bc) differ. */
static uint64_t
hash_text(uint64_t hash, const char *text)
{
	for (const char *c = text ? text : "";; c++)
	{
		hash = (hash ^ (unsigned char) *c) * 1099511628211u;
		if (!*c)
			return hash;
	}
}

Event *
event_new(const EventRow *row)
{
	size_t size = sizeof(Event) + text_size(row->position) + text_size(row->organization) +
				  text_size(row->type) + text_size(row->product) + text_size(row->warehouse) +
				  text_size(row->subject) + text_size(row->op) + text_size(row->data);
	Event *event = calloc(1, size);
	char *room;

	if (!event)
		return NULL;
	room = (char *) (event + 1);
	event->reference_count = 1;
	event->tick = row->tick;
	event->id = row->id;
	event->created_at_us = row->created_at_us;
	event->item_hash = hash_text(hash_text(14695981039346656037u, row->product), row->warehouse);
	event->position = place_text(&room, row->position);
	event->organization = place_text(&room, row->organization);
	event->type = place_text(&room, row->type);
	event->product = place_text(&room, row->product);
	event->warehouse = place_text(&room, row->warehouse);
	event->subject = place_text(&room, row->subject);
	event->op = place_text(&room, row->op);
	event->data = place_text(&room, row->data);
	event->cost = FRAME_OVERHEAD + strlen(row->type) + strlen(row->data) + strlen(row->position);
	event->size = size + sizeof(Frame) + FRAME_HEADROOM + event->cost;
	return event;
}

Event *
event_new_mark(const char *position, int64_t tick)
{
	EventRow row = {.position = position, .organization = "", .type = "", .data = "", .tick = tick};

	return event_new(&row);
}

Event *
event_share(Event *event)
{
	event->reference_count++;
	return event;
}

void
event_release(Event *event)
{
	if (!event)
		return;
	assert(event->reference_count > 0);
	if (--event->reference_count)
		return;
	for (Dialect dialect = 0; dialect < DIALECT_COUNT; dialect++)
		frame_release(event->frames[dialect]);
	free(event);
}

bool
event_is_mark(const Event *event)
{
	return !*event->type;
}

bool
event_is_access(const Event *event)
{
	return strncmp(event->type, "access.", 7) == 0;
}

bool
event_is_presence(const Event *event)
{
	return strncmp(event->type, "presence.", 9) == 0;
}

bool
event_is_for_clients(const Event *event)
{
	return !event_is_mark(event) && !event_is_access(event) && !event_is_presence(event);
}

bool
event_is_state(const Event *event)
{
	return event->product && event->warehouse && strcmp(event->type, "inventory.updated") == 0;
}

bool
event_is_fence(const Event *event)
{
	return event->product && event->warehouse && strcmp(event->type, "inventory.retired") == 0;
}

static bool
is_equal(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

bool
event_is_same_item(const Event *event, const Event *other)
{
	return event->item_hash == other->item_hash && is_equal(event->product, other->product) &&
		   is_equal(event->warehouse, other->warehouse);
}

void
event_append(Buf *buf, const Event *event, Dialect dialect, const char *position, unsigned conflated)
{
	buf_append_text(buf, "{\"type\":");
	buf_append_json(buf, event->type);
	if (dialect == DIALECT_ONE)
	{
		buf_printf(buf, ",\"id\":%lld,\"position\":\"%s\"", (long long) event->id, position);
		if (event->op)
		{
			buf_append_text(buf, ",\"op\":");
			buf_append_json(buf, event->op);
		}
	}
	if (conflated > 1)
		buf_printf(buf, ",\"conflated\":%u", conflated);
	buf_append_text(buf, ",\"data\":");
	buf_append_text(buf, event->data);
	buf_append_char(buf, '}');
}

Frame *
event_frame(Event *event, Dialect dialect)
{
	Buf text = {0};

	if (event->frames[dialect])
		return event->frames[dialect];
	event_append(&text, event, dialect, event->position, 1);
	if (!text.failed)
		event->frames[dialect] = frame_of(text.bytes, text.size);
	buf_free(&text);
	return event->frames[dialect];
}
