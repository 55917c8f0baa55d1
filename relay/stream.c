/*
 * stream.c
 *	  Where the relay stands in the event log, and the last events it read.
 *
 * The ring is contiguous: it holds every event between `floor`, the position
 * just before its oldest event, and the position reached.  Whatever breaks
 * that (no memory, a new log) empties it, because a gap would be served as if
 * it were history.
 */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#define RING_FIRST_CAPACITY 256

struct Stream
{
	char position[POSITION_SIZE + 1];
	char floor[POSITION_SIZE + 1];
	Event **ring;
	size_t capacity; /* a power of two, or 0 */
	size_t first;
	size_t count;
	size_t size; /* bytes held by the events */
	size_t max_size;
};

Stream *
stream_new(size_t ring_size)
{
	Stream *stream = calloc(1, sizeof *stream);

	if (stream)
		stream->max_size = ring_size;
	return stream;
}

static Event *
event_at(const Stream *stream, size_t index)
{
	return stream->ring[(stream->first + index) & (stream->capacity - 1)];
}

static void
drop_oldest(Stream *stream)
{
	Event *event = event_at(stream, 0);

	strcpy(stream->floor, event->position);
	stream->size -= event->size;
	stream->first = (stream->first + 1) & (stream->capacity - 1);
	stream->count--;
	event_release(event);
}

static void
empty_ring(Stream *stream)
{
	while (stream->count)
		drop_oldest(stream);
	strcpy(stream->floor, stream->position);
}

void
stream_free(Stream *stream)
{
	if (!stream)
		return;
	empty_ring(stream);
	free(stream->ring);
	free(stream);
}

const char *
stream_position(const Stream *stream)
{
	return stream->position;
}

static bool
is_position(const char *text)
{
	size_t size = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz.-");

	return size > 0 && size <= POSITION_SIZE && !text[size];
}

bool
stream_advance(Stream *stream, const char *position)
{
	if (!is_position(position))
		return false;
	strcpy(stream->position, position);
	if (!stream->count)
		strcpy(stream->floor, position);
	return true;
}

static bool
ring_reserve(Stream *stream)
{
	size_t capacity = stream->capacity ? stream->capacity * 2 : RING_FIRST_CAPACITY;
	Event **ring;

	if (stream->count < stream->capacity)
		return true;
	ring = malloc(capacity * sizeof(Event *));
	if (!ring)
		return false;
	for (size_t i = 0; i < stream->count; i++)
		ring[i] = event_at(stream, i);
	free(stream->ring);
	stream->ring = ring;
	stream->capacity = capacity;
	stream->first = 0;
	return true;
}

bool
stream_append(Stream *stream, Event *event)
{
	if (!is_position(event->position))
		return false;
	strcpy(stream->position, event->position);
	if (event->size > stream->max_size || !ring_reserve(stream))
	{
		empty_ring(stream);
		return true;
	}
	stream->ring[(stream->first + stream->count) & (stream->capacity - 1)] = event_share(event);
	stream->count++;
	stream->size += event->size;
	while (stream->size > stream->max_size)
		drop_oldest(stream);
	return true;
}

void
stream_restart(Stream *stream)
{
	stream->position[0] = '\0';
	empty_ring(stream);
}

Event *
stream_after(const Stream *stream, const char *position, bool *is_known, size_t *cursor)
{
	*is_known = true;
	*cursor = 0;
	if (strcmp(position, stream->floor) == 0)
		return stream_next(stream, cursor);
	for (size_t i = stream->count; i > 0; i--)
		if (strcmp(event_at(stream, i - 1)->position, position) == 0)
		{
			*cursor = i;
			return stream_next(stream, cursor);
		}
	*is_known = strcmp(position, stream->position) == 0;
	return NULL;
}

Event *
stream_next(const Stream *stream, size_t *cursor)
{
	return *cursor < stream->count ? event_at(stream, (*cursor)++) : NULL;
}

size_t
stream_ring_size(const Stream *stream)
{
	return stream->size;
}

size_t
stream_ring_count(const Stream *stream)
{
	return stream->count;
}
