/*
 * drain.c
 *	  Ends the sessions little by little, before the relay ends.
 */
#include "drain.h"

#include <stdlib.h>

#include "log.h"

#define DRAIN_STEP_MS 20

/* A relay with few sessions does not take the whole window: this many a second do no harm. */
#define DRAIN_LEAST_PER_SECOND 100

struct Drain
{
	Hub *hub;
	const DrainHandlers *handlers;
	void *owner;
	LoopTimer *step;
	bool has_begun;
	size_t per_step_count;
	int64_t timeout_ms; /* that is left, once all are closed */
};

static void take_step(void *owner);

Drain *
drain_new(Loop *loop, Hub *hub, const DrainHandlers *handlers, void *owner)
{
	Drain *drain = calloc(1, sizeof *drain);

	if (!drain)
		return NULL;
	drain->hub = hub;
	drain->handlers = handlers;
	drain->owner = owner;
	drain->step = loop_timer_new(loop, take_step, drain);
	if (drain->step)
		return drain;
	free(drain);
	return NULL;
}

void
drain_free(Drain *drain)
{
	if (!drain)
		return;
	loop_timer_free(drain->step);
	free(drain);
}

static void
end(Drain *drain)
{
	size_t left = hub_session_count(drain->hub);

	if (left)
		log_warning("%zu sessions did not take their last messages", left);
	drain->handlers->on_end(drain->owner);
}

static void
take_step(void *owner)
{
	Drain *drain = owner;
	size_t closed_count = hub_close_some(drain->hub, REASON_DRAIN, drain->per_step_count);

	if (closed_count < drain->per_step_count)
	{
		bool is_done = !hub_session_count(drain->hub) && drain->handlers->is_idle(drain->owner);

		if (is_done || drain->timeout_ms <= 0)
		{
			end(drain);
			return;
		}
		drain->timeout_ms -= DRAIN_STEP_MS;
	}
	loop_timer_start(drain->step, DRAIN_STEP_MS);
}

void
drain_begin(Drain *drain, int64_t window_ms, int64_t timeout_ms)
{
	size_t count = hub_session_count(drain->hub);
	size_t step_count = window_ms > DRAIN_STEP_MS ? (size_t) (window_ms / DRAIN_STEP_MS) : 1;
	size_t least = DRAIN_LEAST_PER_SECOND * DRAIN_STEP_MS / 1000;

	drain->has_begun = true;
	drain->timeout_ms = timeout_ms;
	drain->per_step_count = count / step_count + 1;
	if (drain->per_step_count < least)
		drain->per_step_count = least;
	loop_timer_start(drain->step, 0);
}

void
drain_hurry(Drain *drain)
{
	drain->per_step_count = hub_session_count(drain->hub) + 1;
}

bool
drain_has_begun(const Drain *drain)
{
	return drain->has_begun;
}
