/*
 * batch.c
 *	  Frames that carry several events, shared by those who get the same ones.
 *
 * A batch is found by its first and last event and their number, which nearly
 * always tell it; the events between are compared all the same.  A kept batch
 * holds its events, so no address is ever taken for another event's.
 */
#include "batch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

/* Different audiences take turns; a few frames are kept, a power of two. */
#define KEPT_COUNT 16

typedef struct Batch
{
	Frame *frame;
	Dialect dialect;
	size_t count;
	Event *events[BATCH_MAX_COUNT];
} Batch;

static Batch *kept[KEPT_COUNT];

static const char *
position_of(const QueueEntry *entry)
{
	return entry->position ? entry->position : entry->event->position;
}

static Frame *
make(const Queue *queue, size_t count, Dialect dialect)
{
	Buf text = {0};
	Frame *frame;

	buf_printf(&text, "{\"type\":\"batch\",\"position\":\"%s\",\"events\":[", position_of(queue_entry(queue, count - 1)));
	for (size_t i = 0; i < count; i++)
	{
		const QueueEntry *entry = queue_entry(queue, i);

		buf_append_text(&text, i ? "," : "");
		event_append(&text, entry->event, dialect, position_of(entry), entry->count);
	}
	buf_append_text(&text, "]}");
	frame = text.failed ? NULL : frame_of(text.bytes, text.size);
	buf_free(&text);
	return frame;
}

static bool
is_shareable(const Queue *queue, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		const QueueEntry *entry = queue_entry(queue, i);

		if (entry->position || entry->count > 1)
			return false;
	}
	return count <= BATCH_MAX_COUNT;
}

static size_t
place_of(const Queue *queue, size_t count)
{
	uint64_t hash = (uint64_t) queue_entry(queue, 0)->event->id * 31 + (uint64_t) queue_entry(queue, count - 1)->event->id;

	return (size_t) (hash * 31 + count) & (KEPT_COUNT - 1);
}

static bool
is_same(const Batch *batch, const Queue *queue, size_t count, Dialect dialect)
{
	if (batch->count != count || batch->dialect != dialect)
		return false;
	for (size_t i = 0; i < count; i++)
		if (batch->events[i] != queue_entry(queue, i)->event)
			return false;
	return true;
}

static void
forget(Batch *batch)
{
	frame_release(batch->frame);
	for (size_t i = 0; i < batch->count; i++)
		event_release(batch->events[i]);
	batch->frame = NULL;
	batch->count = 0;
}

static void
keep(Batch *batch, const Queue *queue, size_t count, Dialect dialect, Frame *frame)
{
	forget(batch);
	batch->frame = frame_share(frame);
	batch->dialect = dialect;
	batch->count = count;
	for (size_t i = 0; i < count; i++)
		batch->events[i] = event_share(queue_entry(queue, i)->event);
}

Frame *
batch_frame(const Queue *queue, size_t count, Dialect dialect)
{
	Batch **place;
	Frame *frame;

	if (!is_shareable(queue, count))
		return make(queue, count, dialect);
	place = &kept[place_of(queue, count)];
	if (*place && is_same(*place, queue, count, dialect))
		return frame_share((*place)->frame);
	frame = make(queue, count, dialect);
	if (!*place)
		*place = calloc(1, sizeof **place);
	if (frame && *place)
		keep(*place, queue, count, dialect, frame);
	return frame;
}

void
batch_forget(void)
{
	for (size_t i = 0; i < KEPT_COUNT; i++)
	{
		if (kept[i])
			forget(kept[i]);
		free(kept[i]);
		kept[i] = NULL;
	}
}
