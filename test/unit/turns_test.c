/*
 * turns_test.c
 *	  Operations on a thing keep their order, whatever lanes they are in.
 */
#include "turns.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define LANES 3

static void
test_lanes(void)
{
	Turns *turns = turns_new(LANES);
	uint64_t a = 1;
	uint64_t b = 2;
	uint64_t both[2];
	unsigned lane;

	while (turns_home(turns, b) == turns_home(turns, a))
		b++;
	both[0] = a;
	both[1] = b;
	ok(turns_fit(turns, &a, 1, &lane) && lane == turns_home(turns, a), "a thing nobody has goes home");
	turns_enter(turns, &a, 1, lane);
	ok(turns_fit(turns, both, 2, &lane) && lane == turns_home(turns, a), "two go where one of them is");
	turns_enter(turns, &b, 1, turns_home(turns, b));
	ok(!turns_fit(turns, both, 2, &lane), "but fit nowhere when they are apart");
	turns_hold(turns, both, 2);
	ok(!turns_fit(turns, &a, 1, &lane) && !turns_fit(turns, &b, 1, &lane), "and nothing overtakes them");
	turns_leave(turns, &b, 1);
	turns_begin(turns);
	ok(turns_fit_next(turns, both, 2, &lane) && lane == turns_home(turns, a), "until one of them is done");
	turns_unhold(turns, both, 2);
	turns_enter(turns, both, 2, lane);
	ok(turns_fit(turns, &b, 1, &lane) && lane == turns_home(turns, a), "then others follow");
	turns_move(turns, b, LANES);
	ok(turns_fit(turns, &b, 1, &lane) && lane == LANES, "also into a lane that is nobody's home");
	is_number(turns_lane(turns, b), LANES, "which is where it is");
	turns_leave(turns, both, 2);
	turns_leave(turns, &a, 1);
	is_number((long) turns_count(turns), 0, "in the end nothing is remembered");
	turns_free(turns);
}

/* A model: operations on one to three of ten things come, wait, are done by their lanes in order. */

#define OPERATIONS 20000
#define THINGS 10

typedef struct Op
{
	uint64_t things[3];
	size_t count;
	int lane; /* -1: held */
	bool is_done;
} Op;

static Op ops[OPERATIONS];
static size_t came;
static size_t first_open;
static int done_on[THINGS]; /* the last operation done on each */
static int disorders;

static void
come(Turns *turns)
{
	Op *op = &ops[came++];
	unsigned lane;

	op->count = 1 + (size_t) (random() % 10 == 0) + (size_t) (random() % 20 == 0);
	for (size_t i = 0; i < op->count; i++)
		op->things[i] = (op->things[0] + (i ? i : (uint64_t) random() % THINGS)) % THINGS;
	if (turns_fit(turns, op->things, op->count, &lane))
	{
		op->lane = (int) lane;
		turns_enter(turns, op->things, op->count, lane);
	}
	else
	{
		op->lane = -1;
		turns_hold(turns, op->things, op->count);
	}
}

static void
finish(Turns *turns, size_t number)
{
	Op *op = &ops[number];

	for (size_t i = 0; i < op->count; i++)
	{
		disorders += done_on[op->things[i]] > (int) number;
		done_on[op->things[i]] = (int) number;
	}
	op->is_done = true;
	turns_leave(turns, op->things, op->count);
	while (first_open < came && ops[first_open].is_done)
		first_open++;
	turns_begin(turns);
	for (size_t i = first_open; i < came; i++)
	{
		unsigned lane;

		if (ops[i].lane >= 0 || !turns_fit_next(turns, ops[i].things, ops[i].count, &lane))
			continue;
		turns_unhold(turns, ops[i].things, ops[i].count);
		turns_enter(turns, ops[i].things, ops[i].count, lane);
		ops[i].lane = (int) lane;
	}
}

/*
 * The oldest of a lane; a lane takes its operations in the order in which they
 * entered, which for those on one thing is the order in which they came.
 */
static bool
work(Turns *turns, int lane)
{
	for (size_t i = first_open; i < came; i++)
		if (!ops[i].is_done && ops[i].lane == lane)
		{
			finish(turns, i);
			return true;
		}
	return false;
}

static void
test_order(void)
{
	Turns *turns = turns_new(LANES);

	srandom(7);
	while (first_open < OPERATIONS)
	{
		if (came < OPERATIONS && came - first_open < 50 && random() % 2)
			come(turns);
		else if (!work(turns, (int) (random() % LANES)) && came == OPERATIONS)
			for (int lane = 0; lane < LANES; lane++)
				work(turns, lane);
	}
	is_number(disorders, 0, "%d operations on %d things are done in order", OPERATIONS, THINGS);
	is_number((long) turns_count(turns), 0, "and nothing is left of them");
	turns_free(turns);
}

int
main(void)
{
	test_lanes();
	test_order();
	return tap_done();
}
