/*
 * fake_loop.c
 *	  A loop in which time stands still and nothing happens by itself.
 */
#include "fake_loop.h"

#include <stdlib.h>

#define TIMER_COUNT 8

struct LoopWatch
{
	const WatchHandlers *handlers;
	void *owner;
	bool wants_write;
};

struct LoopTimer
{
	void (*on_due)(void *owner);
	void *owner;
	int64_t delay_ms;
	bool is_started;
};

static LoopWatch *current;
static LoopTimer *timers[TIMER_COUNT];

LoopWatch *
loop_watch(Loop *loop, int fd, const WatchHandlers *handlers, void *owner)
{
	LoopWatch *watch = calloc(1, sizeof *watch);

	(void) loop, (void) fd;
	watch->handlers = handlers;
	watch->owner = owner;
	current = watch;
	return watch;
}

void
loop_watch_want_write(LoopWatch *watch)
{
	watch->wants_write = true;
}

void
loop_watch_free(LoopWatch *watch)
{
	if (watch == current)
		current = NULL;
	free(watch);
}

LoopTimer *
loop_timer_new(Loop *loop, void (*on_due)(void *owner), void *owner)
{
	LoopTimer *timer = calloc(1, sizeof *timer);

	(void) loop;
	timer->on_due = on_due;
	timer->owner = owner;
	for (int i = 0; i < TIMER_COUNT; i++)
		if (!timers[i])
			return timers[i] = timer;
	abort();
}

void
loop_timer_start(LoopTimer *timer, int64_t delay_ms)
{
	timer->delay_ms = delay_ms;
	timer->is_started = true;
}

void
loop_timer_stop(LoopTimer *timer)
{
	timer->is_started = false;
}

bool
loop_timer_is_started(const LoopTimer *timer)
{
	return timer->is_started;
}

void
loop_timer_free(LoopTimer *timer)
{
	for (int i = 0; i < TIMER_COUNT; i++)
		if (timers[i] == timer)
			timers[i] = NULL;
	free(timer);
}

bool
fake_is_watching(void)
{
	return current != NULL;
}

bool
fake_wants_write(void)
{
	return current && current->wants_write;
}

bool
fake_readable(void)
{
	if (current)
		current->handlers->on_readable(current->owner);
	return current != NULL;
}

bool
fake_writable(void)
{
	if (!fake_wants_write())
		return false;
	current->wants_write = false;
	current->handlers->on_writable(current->owner);
	return true;
}

bool
fake_closed(void)
{
	if (!current)
		return false;
	current->handlers->on_closed(current->owner);
	return true;
}

long long
fake_next_timer(void)
{
	LoopTimer *next = NULL;

	for (int i = 0; i < TIMER_COUNT; i++)
		if (timers[i] && timers[i]->is_started && (!next || timers[i]->delay_ms < next->delay_ms))
			next = timers[i];
	if (!next)
		return -1;
	next->is_started = false;
	next->on_due(next->owner);
	return next->delay_ms;
}
