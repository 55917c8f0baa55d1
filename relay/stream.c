/*
 * stream.c
 *	  Where the relay stands in the event log, and the last events it read.
 *
 * The ring is contiguous: it holds every event between `floor`, the position
 * just before its oldest entry, and the position reached.  Whatever breaks
 * that (no memory, a new log) empties it, because a gap would be served as if
 * it were history.
 *
 * Many clients coming back at once look for their positions at once, so each
 * place keeps the hash of its position: a search compares numbers.
 */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#define RING_FIRST_CAPACITY 256

typedef struct Place
{
	Event *event;
	uint64_t hash; /* of its position */
} Place;

struct Stream
{
	char position[POSITION_SIZE + 1];
	char floor[POSITION_SIZE + 1];
	int64_t tick;
	int64_t floor_tick;
	uint64_t life;
	Place *ring;
	size_t capacity; /* a power of two, or 0 */
	size_t first;
	size_t count;
	uint64_t first_number;
	size_t size; /* bytes held by the entries */
	size_t max_size;
};

Stream *
stream_new(size_t ring_size)
{
	Stream *stream = calloc(1, sizeof *stream);

	if (!stream)
		return NULL;
	stream->max_size = ring_size;
	stream->life = 1;
	return stream;
}

static Place *
place_at(const Stream *stream, size_t index)
{
	return &stream->ring[(stream->first + index) & (stream->capacity - 1)];
}

static void
drop_oldest(Stream *stream)
{
	Event *event = place_at(stream, 0)->event;

	strcpy(stream->floor, event->position);
	stream->floor_tick = event->tick;
	stream->size -= event->size;
	stream->first = (stream->first + 1) & (stream->capacity - 1);
	stream->first_number++;
	stream->count--;
	event_release(event);
}

/* The floor is then the position reached. */
static void
empty_ring(Stream *stream)
{
	while (stream->count)
		drop_oldest(stream);
	strcpy(stream->floor, stream->position);
	stream->floor_tick = stream->tick;
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

int64_t
stream_tick(const Stream *stream)
{
	return stream->tick;
}

bool
stream_is_position(const char *text)
{
	size_t size = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz.-");

	return size > 0 && size <= POSITION_SIZE && !text[size];
}

static uint64_t
hash_position(const char *position)
{
	uint64_t hash = 14695981039346656037u;

	for (; *position; position++)
		hash = (hash ^ (unsigned char) *position) * 1099511628211u;
	return hash;
}

static bool
ring_reserve(Stream *stream)
{
	size_t capacity = stream->capacity ? stream->capacity * 2 : RING_FIRST_CAPACITY;
	Place *ring;

	if (stream->count < stream->capacity)
		return true;
	ring = malloc(capacity * sizeof *ring);
	if (!ring)
		return false;
	for (size_t i = 0; i < stream->count; i++)
		ring[i] = *place_at(stream, i);
	free(stream->ring);
	stream->ring = ring;
	stream->capacity = capacity;
	stream->first = 0;
	return true;
}

/* Lays an entry whose position has been reached on the ring. */
static void
lay(Stream *stream, Event *event)
{
	if (event->size > stream->max_size || !ring_reserve(stream))
	{
		empty_ring(stream);
		stream->first_number++;
		return;
	}
	*place_at(stream, stream->count) = (Place){event_share(event), hash_position(event->position)};
	stream->count++;
	stream->size += event->size;
	while (stream->size > stream->max_size)
		drop_oldest(stream);
}

bool
stream_begin_past(Stream *stream, const char *position)
{
	if (*stream->position || !stream_is_position(position))
		return false;
	empty_ring(stream);
	strcpy(stream->floor, position);
	stream->floor_tick = INT64_MAX;
	return true;
}

/* Between the floor and its first event lies the rest of the ticks before that one's. */
bool
stream_lay_past(Stream *stream, Event *event)
{
	if (!stream_is_position(event->position))
		return false;
	if (!stream->count && *stream->floor)
		stream->floor_tick = event->tick - 1;
	lay(stream, event);
	return true;
}

bool
stream_append(Stream *stream, Event *event)
{
	if (!stream_is_position(event->position))
		return false;
	strcpy(stream->position, event->position);
	stream->tick = event->tick;
	lay(stream, event);
	return true;
}

bool
stream_advance(Stream *stream, const char *position, int64_t tick)
{
	bool is_first = !*stream->position && !*stream->floor;
	Event *mark;

	if (!stream_is_position(position))
		return false;
	stream->tick = tick;
	if (strcmp(position, stream->position) == 0)
		return true;
	strcpy(stream->position, position);
	mark = is_first ? NULL : event_new_mark(position, tick);
	if (mark)
		lay(stream, mark);
	else
		empty_ring(stream);
	event_release(mark);
	return true;
}

void
stream_restart(Stream *stream)
{
	stream->position[0] = '\0';
	stream->tick = 0;
	empty_ring(stream);
	stream_doubt(stream);
}

void
stream_doubt(Stream *stream)
{
	stream->life++;
}

uint64_t
stream_life(const Stream *stream)
{
	return stream->life;
}

uint64_t
stream_end(const Stream *stream)
{
	return stream->first_number + stream->count;
}

bool
stream_has(const Stream *stream, uint64_t number)
{
	return number >= stream->first_number;
}

Event *
stream_entry(const Stream *stream, uint64_t number)
{
	if (number < stream->first_number || number >= stream_end(stream))
		return NULL;
	return place_at(stream, (size_t) (number - stream->first_number))->event;
}

bool
stream_find(const Stream *stream, const char *position, uint64_t *number)
{
	uint64_t hash = hash_position(position);

	*number = stream_end(stream);
	if (strcmp(position, stream->position) == 0)
		return *position;
	for (; *number > stream->first_number; --*number)
	{
		const Place *place = place_at(stream, (size_t) (*number - 1 - stream->first_number));

		if (place->hash == hash && strcmp(place->event->position, position) == 0)
			return true;
	}
	return *position && strcmp(position, stream->floor) == 0;
}

bool
stream_find_tick(const Stream *stream, int64_t tick, uint64_t *number)
{
	*number = stream_end(stream);
	if (!*stream->position || tick < stream->floor_tick)
		return false;
	while (*number > stream->first_number &&
		   place_at(stream, (size_t) (*number - 1 - stream->first_number))->event->tick > tick)
		--*number;
	return true;
}

/* Marks of positions between events have no time. */
int64_t
stream_ring_age_us(const Stream *stream, int64_t now_us)
{
	for (size_t i = 0; i < stream->count; i++)
		if (place_at(stream, i)->event->created_at_us)
			return now_us - place_at(stream, i)->event->created_at_us;
	return 0;
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
