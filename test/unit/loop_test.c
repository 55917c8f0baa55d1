/*
 * loop_test.c
 *	  Descriptors, timers and signals, on both kinds of loop.
 */
#include "loop.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "tap.h"

typedef struct Scene
{
	Loop *loop;
	LoopWatch *watch;
	LoopTimer *first;
	LoopTimer *second;
	int fd;
	char seen[100];
	int writable_count;
} Scene;

static void
add(Scene *scene, const char *text)
{
	strcat(scene->seen, text);
}

static void
stop(void *owner)
{
	loop_stop(((Scene *) owner)->loop);
}

static void
be_late(void *owner)
{
	add(owner, "late ");
	stop(owner);
}

static void
be_early(void *owner)
{
	add(owner, "early ");
}

static void
test_timers(const char *kind)
{
	Scene scene = {.loop = loop_new(kind, 256)};
	int64_t started_ms = clock_monotonic_ms();
	LoopTimer *never = loop_timer_new(scene.loop, be_early, &scene);
	int64_t passed_ms;

	scene.first = loop_timer_new(scene.loop, be_late, &scene);
	scene.second = loop_timer_new(scene.loop, be_early, &scene);
	loop_timer_start(scene.first, 60000);
	loop_timer_start(scene.first, 60);
	loop_timer_start(scene.second, 20);
	loop_timer_start(never, 10);
	loop_timer_stop(never);
	ok(!loop_timer_is_started(never) && loop_timer_is_started(scene.first), "%s: timers know whether they run", kind);
	loop_run(scene.loop);
	passed_ms = clock_monotonic_ms() - started_ms;
	is_text(scene.seen, "early late ", "%s: timers come in the order they are due, stopped ones do not", kind);
	ok(passed_ms >= 60 && passed_ms < 1000, "%s: and on time (%lld ms)", kind, (long long) passed_ms);
	loop_timer_free(scene.first);
	loop_timer_free(scene.second);
	loop_timer_free(never);
	loop_free(scene.loop);
}

static void
read_and_free(void *owner)
{
	Scene *scene = owner;
	char text[16] = {0};

	if (read(scene->fd, text, sizeof text - 1) <= 0)
		add(scene, "nothing");
	add(scene, text);
	loop_watch_free(scene->watch);
	scene->watch = NULL;
	loop_timer_start(scene->first, 20);
}

static void
test_reading(const char *kind)
{
	static const WatchHandlers handlers = {.on_readable = read_and_free};
	Scene scene = {.loop = loop_new(kind, 256)};
	int ends[2];

	if (pipe(ends) < 0)
		return;
	scene.fd = ends[0];
	scene.watch = loop_watch(scene.loop, ends[0], &handlers, &scene);
	scene.first = loop_timer_new(scene.loop, stop, &scene);
	if (write(ends[1], "hello", 5) != 5)
		return;
	loop_run(scene.loop);
	is_text(scene.seen, "hello", "%s: a readable descriptor is reported, and its watch may go at once", kind);
	ok(write(ends[1], "x", 1) == 1 && read(ends[0], scene.seen, 1) == 1, "%s: the caller's descriptor stays open", kind);
	loop_timer_free(scene.first);
	loop_free(scene.loop);
	close(ends[0]);
	close(ends[1]);
}

/* Asks again from inside the handler, which the library would forget. */
static void
write_again(void *owner)
{
	Scene *scene = owner;

	if (++scene->writable_count < 5)
		loop_watch_want_write(scene->watch);
	else
		loop_stop(scene->loop);
}

static void
ignore_readable(void *owner)
{
	(void) owner;
}

static void
test_writing(const char *kind)
{
	static const WatchHandlers handlers = {.on_readable = ignore_readable, .on_writable = write_again};
	Scene scene = {.loop = loop_new(kind, 256)};
	int ends[2];

	if (pipe(ends) < 0)
		return;
	scene.watch = loop_watch(scene.loop, ends[1], &handlers, &scene);
	loop_watch_want_write(scene.watch);
	loop_run(scene.loop);
	is_number(scene.writable_count, 5, "%s: room to write is reported each time it is asked for", kind);
	loop_watch_free(scene.watch);
	loop_free(scene.loop);
	close(ends[0]);
	close(ends[1]);
}

static void
take_signal(void *owner, int signal_number)
{
	Scene *scene = owner;

	snprintf(scene->seen, sizeof scene->seen, "signal %d", signal_number == SIGUSR1 ? 1 : 0);
	loop_stop(scene->loop);
}

static void
test_signals(const char *kind)
{
	static const int signals[] = {SIGUSR1};
	Scene scene = {.loop = loop_new(kind, 256)};

	ok(loop_watch_signals(scene.loop, signals, 1, take_signal, &scene), "%s: signals can be watched", kind);
	raise(SIGUSR1);
	loop_run(scene.loop);
	is_text(scene.seen, "signal 1", "%s: a signal comes through the loop", kind);
	loop_free(scene.loop);
}

int
main(void)
{
	static const char *const kinds[] = {"poll", "ev"};

	log_configure(LOG_ERROR, false);
	for (int i = 0; i < 2; i++)
	{
		test_timers(kinds[i]);
		test_reading(kinds[i]);
		test_writing(kinds[i]);
		test_signals(kinds[i]);
	}
	return tap_done();
}
