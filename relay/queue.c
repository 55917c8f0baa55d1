/*
 * queue.c
 *	  What waits to be sent to one client.
 *
 * The ring is allocated with the first entry and given back when a burst is
 * over.  A short one is kept, so that a steady stream of single entries does
 * not allocate at all.
 *
 * Entries are numbered as they come.  The table of slots finds, by the hash of
 * an item, the number of the entry where its newest state waits; a number below
 * that of the front entry means that it has gone out.
 */
#include "queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define RING_FIRST_CAPACITY 4
#define RING_KEPT_CAPACITY 16
#define SLOT_FIRST_CAPACITY 64

/* No entry has it: the slot's item waits nowhere. */
#define NUMBER_GONE 1
#define NUMBER_FIRST 2

static QueueEntry *
entry_at(const Queue *queue, size_t index)
{
	return &queue->ring[(queue->first + index) & (queue->capacity - 1)];
}

const QueueEntry *
queue_entry(const Queue *queue, size_t index)
{
	return entry_at(queue, index);
}

static size_t
cost_of(const QueueEntry *entry)
{
	assert(entry->frame || entry->event);
	return entry->frame ? entry->frame->size : entry->event->cost;
}

static void
account(Queue *queue, size_t more, size_t less)
{
	queue->size += more - less;
	if (queue->total_size)
		*queue->total_size += more - less;
}

static void
entry_release(QueueEntry *entry)
{
	frame_release(entry->frame);
	event_release(entry->event);
	free(entry->position);
	*entry = (QueueEntry){0};
}

/* Makes room for one more entry, unrolling the ring into the larger one. */
static bool
ring_reserve(Queue *queue)
{
	size_t capacity = queue->capacity ? queue->capacity * 2 : RING_FIRST_CAPACITY;
	QueueEntry *ring;

	if (!queue->first_number)
		queue->first_number = NUMBER_FIRST;
	if (queue->count < queue->capacity)
		return true;
	ring = malloc(capacity * sizeof *ring);
	if (!ring)
		return false;
	for (size_t i = 0; i < queue->count; i++)
		ring[i] = *entry_at(queue, i);
	free(queue->ring);
	queue->ring = ring;
	queue->capacity = capacity;
	queue->first = 0;
	return true;
}

static bool
append(Queue *queue, QueueEntry entry)
{
	if (!ring_reserve(queue))
		return false;
	*entry_at(queue, queue->count++) = entry;
	account(queue, cost_of(&entry), 0);
	return true;
}

/* Slots */

/* The waiting entry of a slot, NULL when it has gone out. */
static QueueEntry *
slot_entry(const Queue *queue, const QueueSlot *slot)
{
	if (slot->number < queue->first_number || slot->number - queue->first_number >= queue->count)
		return NULL;
	return entry_at(queue, (size_t) (slot->number - queue->first_number));
}

/* The slot of an item, or the one where it would be. */
static QueueSlot *
find_slot(const Queue *queue, const Event *event)
{
	size_t at = (size_t) event->item_hash;
	QueueSlot *spare = NULL;

	for (;; at++)
	{
		QueueSlot *slot = &queue->slots[at & (queue->slot_capacity - 1)];
		QueueEntry *entry;

		if (!slot->number)
			return spare ? spare : slot;
		if (slot->hash != event->item_hash)
			continue;
		entry = slot_entry(queue, slot);
		if (entry && entry->event && event_is_same_item(entry->event, event))
			return slot;
		if (!entry && !spare)
			spare = slot;
	}
}

static void
set_slot(Queue *queue, const Event *event, uint64_t number)
{
	QueueSlot *slot = find_slot(queue, event);

	if (!slot->number)
		queue->slot_count++;
	*slot = (QueueSlot){event->item_hash, number};
}

/* Makes room for one more slot, leaving behind those that have gone out. */
static bool
slots_reserve(Queue *queue)
{
	QueueSlot *old = queue->slots;
	size_t old_capacity = queue->slot_capacity;
	size_t live = 0;
	size_t capacity = SLOT_FIRST_CAPACITY;
	QueueSlot *slots;

	if ((queue->slot_count + 1) * 2 <= old_capacity)
		return true;
	for (size_t i = 0; i < old_capacity; i++)
		live += slot_entry(queue, &old[i]) != NULL;
	while (capacity < (live + 1) * 4)
		capacity *= 2;
	slots = calloc(capacity, sizeof *slots);
	if (!slots)
		return false;
	queue->slots = slots;
	queue->slot_capacity = capacity;
	queue->slot_count = 0;
	for (size_t i = 0; i < old_capacity; i++)
	{
		QueueEntry *entry = slot_entry(queue, &old[i]);

		if (entry)
			set_slot(queue, entry->event, old[i].number);
	}
	free(old);
	return true;
}

static void
drop_slots(Queue *queue)
{
	free(queue->slots);
	queue->slots = NULL;
	queue->slot_capacity = queue->slot_count = 0;
}

/* Puts a newer state in the place of the one that waits. */
static bool
supersede(Queue *queue, QueueEntry *entry, Event *event, unsigned count)
{
	if (!entry->position)
		entry->position = strdup(entry->event->position);
	if (!entry->position)
		return false;
	account(queue, event->cost, entry->event->cost);
	event_share(event);
	event_release(entry->event);
	entry->event = event;
	entry->count += count;
	return true;
}

/* Whether the event could take the place of one that waits. */
static bool
absorb(Queue *queue, Event *event, unsigned count)
{
	QueueEntry *entry = queue->slot_capacity ? slot_entry(queue, find_slot(queue, event)) : NULL;

	return entry && entry->event && event_is_state(event) && supersede(queue, entry, event, count);
}

/* Notes where the newest state of an item waits from now on. */
static void
note_state(Queue *queue, const Event *event, uint64_t number)
{
	if (event_is_state(event) && slots_reserve(queue))
		set_slot(queue, event, number);
	else if (event_is_fence(event) && queue->slot_capacity && slot_entry(queue, find_slot(queue, event)))
		set_slot(queue, event, NUMBER_GONE);
}

bool
queue_add_frame(Queue *queue, Frame *frame, bool is_barrier)
{
	if (!append(queue, (QueueEntry){.frame = frame, .is_barrier = is_barrier}))
		return false;
	frame_share(frame);
	if (is_barrier)
		drop_slots(queue);
	return true;
}

bool
queue_add_event(Queue *queue, Event *event)
{
	if (queue->is_conflating && absorb(queue, event, 1))
		return true;
	if (!append(queue, (QueueEntry){.event = event, .count = 1}))
		return false;
	event_share(event);
	if (queue->is_conflating)
		note_state(queue, event, queue->first_number + queue->count - 1);
	return true;
}

size_t
queue_conflate(Queue *queue)
{
	size_t count = queue->count;
	size_t kept = 0;

	if (queue->is_conflating)
		return 0;
	queue->is_conflating = true;
	for (size_t i = 0; i < count; i++)
	{
		QueueEntry entry = *entry_at(queue, i);

		/* Entries up to `kept` are settled; those behind are not in the table. */
		queue->count = kept;
		if (entry.event && absorb(queue, entry.event, entry.count))
		{
			account(queue, 0, entry.event->cost);
			entry_release(&entry);
			continue;
		}
		*entry_at(queue, kept++) = entry;
		queue->count = kept;
		if (entry.event)
			note_state(queue, entry.event, queue->first_number + kept - 1);
		else if (entry.is_barrier)
			drop_slots(queue);
	}
	return count - kept;
}

/* Going out */

static void
end_burst(Queue *queue)
{
	queue->is_conflating = false;
	drop_slots(queue);
	if (queue->capacity <= RING_KEPT_CAPACITY)
		return;
	free(queue->ring);
	queue->ring = NULL;
	queue->capacity = queue->first = 0;
}

void
queue_pop(Queue *queue)
{
	QueueEntry *front = entry_at(queue, 0);

	assert(queue->count > 0);
	account(queue, 0, cost_of(front));
	entry_release(front);
	queue->first = (queue->first + 1) & (queue->capacity - 1);
	queue->first_number++;
	if (--queue->count == 0)
		end_burst(queue);
}

void
queue_clear(Queue *queue)
{
	while (queue->count)
		queue_pop(queue);
	end_burst(queue);
	free(queue->ring);
	queue->ring = NULL;
	queue->capacity = queue->first = 0;
}
