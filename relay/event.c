/*
 * event.c
 *	  One row of the event log, as it travels through the relay.
 *
 * An event and its strings are one block of memory; its frame is another,
 * because a queue may hold the frame longer than the ring holds the event.
 */
#include "event.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

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

static Frame *
build_frame(const EventRow *row)
{
	Buf head = {0};
	size_t data_size = strlen(row->data);
	Frame *frame = NULL;

	buf_append_text(&head, "{\"type\":");
	buf_append_json(&head, row->type);
	buf_append_text(&head, ",\"data\":");
	if (!head.failed)
		frame = frame_new(head.size + data_size + 1);
	if (frame)
	{
		unsigned char *bytes = frame_bytes(frame);

		memcpy(bytes, head.bytes, head.size);
		memcpy(bytes + head.size, row->data, data_size);
		bytes[head.size + data_size] = '}';
	}
	buf_free(&head);
	return frame;
}

Event *
event_new(const EventRow *row)
{
	size_t size = sizeof(Event) + text_size(row->position) + text_size(row->organization) +
				  text_size(row->type) + text_size(row->product) + text_size(row->warehouse) +
				  text_size(row->subject);
	Event *event = calloc(1, size);
	char *room;

	if (!event)
		return NULL;
	event->frame = build_frame(row);
	if (!event->frame)
	{
		free(event);
		return NULL;
	}
	room = (char *) (event + 1);
	event->reference_count = 1;
	event->tick = row->tick;
	event->created_at_us = row->created_at_us;
	event->position = place_text(&room, row->position);
	event->organization = place_text(&room, row->organization);
	event->type = place_text(&room, row->type);
	event->product = place_text(&room, row->product);
	event->warehouse = place_text(&room, row->warehouse);
	event->subject = place_text(&room, row->subject);
	event->size = size + sizeof(Frame) + FRAME_HEADROOM + event->frame->size;
	return event;
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
	frame_release(event->frame);
	free(event);
}

bool
event_is_for_clients(const Event *event)
{
	return strncmp(event->type, "access.", 7) != 0 && strncmp(event->type, "presence.", 9) != 0;
}
