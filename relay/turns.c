/*
 * turns.c
 *	  In which lane the operations on a thing are, so that they keep their order.
 */
#include "turns.h"

#include <assert.h>
#include <stdlib.h>

#include "hash.h"
#include "list.h"

#define CHAIN_COUNT 4096

typedef struct Thing
{
	ListNode in_chain;
	uint64_t number;
	unsigned lane;
	unsigned count;		 /* operations on it in that lane */
	unsigned held_count; /* operations on it that wait for their turn */
	uint64_t passed;	 /* the last time one that waits was passed over */
} Thing;

struct Turns
{
	unsigned lane_count;
	size_t count;
	uint64_t round;
	List chains[CHAIN_COUNT];
};

Turns *
turns_new(unsigned lane_count)
{
	Turns *turns = calloc(1, sizeof *turns);

	if (!turns)
		return NULL;
	turns->lane_count = lane_count;
	for (size_t i = 0; i < CHAIN_COUNT; i++)
		list_init(&turns->chains[i]);
	return turns;
}

static void
thing_free(Turns *turns, Thing *thing)
{
	list_remove(&thing->in_chain);
	free(thing);
	turns->count--;
}

void
turns_free(Turns *turns)
{
	ListNode *node;

	if (!turns)
		return;
	for (size_t i = 0; i < CHAIN_COUNT; i++)
		while ((node = list_take_first(&turns->chains[i])))
			thing_free(turns, list_object(node, Thing, in_chain));
	free(turns);
}

static Thing *
find(Turns *turns, uint64_t number)
{
	List *chain = &turns->chains[hash_mix(number) % CHAIN_COUNT];

	for (ListNode *node = list_first(chain); node; node = list_next(chain, node))
		if (list_object(node, Thing, in_chain)->number == number)
			return list_object(node, Thing, in_chain);
	return NULL;
}

static Thing *
find_or_make(Turns *turns, uint64_t number)
{
	Thing *thing = find(turns, number);

	if (thing || !(thing = calloc(1, sizeof *thing)))
		return thing;
	thing->number = number;
	list_append(&turns->chains[hash_mix(number) % CHAIN_COUNT], &thing->in_chain);
	turns->count++;
	return thing;
}

static void
free_if_unused(Turns *turns, Thing *thing)
{
	if (!thing->count && !thing->held_count)
		thing_free(turns, thing);
}

unsigned
turns_home(const Turns *turns, uint64_t thing)
{
	/* other bits than those that choose the chain */
	return (unsigned) ((hash_mix(thing) >> 32) % turns->lane_count);
}

unsigned
turns_lane(Turns *turns, uint64_t number)
{
	const Thing *thing = find(turns, number);

	return thing && thing->count ? thing->lane : turns_home(turns, number);
}

/* Where all of them are, or the home of the first when they are nowhere. */
static bool
find_lane(Turns *turns, const uint64_t *things, size_t count, unsigned *lane)
{
	bool is_bound = false;

	*lane = count ? turns_home(turns, things[0]) : 0;
	for (size_t i = 0; i < count; i++)
	{
		const Thing *thing = find(turns, things[i]);

		if (!thing || !thing->count)
			continue;
		if (is_bound && thing->lane != *lane)
			return false;
		*lane = thing->lane;
		is_bound = true;
	}
	return true;
}

bool
turns_fit(Turns *turns, const uint64_t *things, size_t count, unsigned *lane)
{
	for (size_t i = 0; i < count; i++)
	{
		const Thing *thing = find(turns, things[i]);

		if (thing && thing->held_count)
			return false;
	}
	return find_lane(turns, things, count, lane);
}

void
turns_enter(Turns *turns, const uint64_t *things, size_t count, unsigned lane)
{
	for (size_t i = 0; i < count; i++)
	{
		Thing *thing = find_or_make(turns, things[i]);

		if (!thing)
			continue;
		if (!thing->count)
			thing->lane = lane;
		thing->count++;
	}
}

void
turns_leave(Turns *turns, const uint64_t *things, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		Thing *thing = find(turns, things[i]);

		if (!thing)
			continue;
		thing->count -= thing->count > 0;
		free_if_unused(turns, thing);
	}
}

void
turns_move(Turns *turns, uint64_t number, unsigned lane)
{
	Thing *thing = find(turns, number);

	if (thing)
		thing->lane = lane;
}

void
turns_hold(Turns *turns, const uint64_t *things, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		Thing *thing = find_or_make(turns, things[i]);

		if (thing)
			thing->held_count++;
	}
}

void
turns_unhold(Turns *turns, const uint64_t *things, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		Thing *thing = find(turns, things[i]);

		if (!thing)
			continue;
		thing->held_count -= thing->held_count > 0;
		free_if_unused(turns, thing);
	}
}

void
turns_begin(Turns *turns)
{
	turns->round++;
}

bool
turns_fit_next(Turns *turns, const uint64_t *things, size_t count, unsigned *lane)
{
	bool fits = find_lane(turns, things, count, lane);

	for (size_t i = 0; i < count && fits; i++)
	{
		const Thing *thing = find(turns, things[i]);

		fits = !thing || thing->passed != turns->round;
	}
	for (size_t i = 0; i < count && !fits; i++)
	{
		Thing *thing = find(turns, things[i]);

		if (thing)
			thing->passed = turns->round;
	}
	return fits;
}

size_t
turns_count(const Turns *turns)
{
	return turns->count;
}
