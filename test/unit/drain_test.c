/*
 * drain_test.c
 *	  Sessions end little by little.
 */
#include "drain.h"

#include "fake_loop.h"
#include "tap.h"

#define SESSION_COUNT 5000

static const SessionLimits limits = {
	.conflate_size = 1 << 20,
	.queue_size = 1 << 22,
	.channel_count = 64,
	.messages_per_second = 10,
	.message_burst = 20,
};

static Hub *hub;
static Session *sessions[SESSION_COUNT];
static unsigned closed_count;
static unsigned answering_count;
static unsigned end_count;

static void
ignore_wake(void *line)
{
	(void) line;
}

static void
count_close(void *line, Reason reason)
{
	(void) line;
	closed_count += reason == REASON_DRAIN;
}

static bool
is_idle(void *owner)
{
	(void) owner;
	return !answering_count;
}

static void
count_end(void *owner)
{
	(void) owner;
	end_count++;
}

static void
open_sessions(unsigned count)
{
	SessionSink sink = {NULL, ignore_wake, count_close};

	closed_count = end_count = 0;
	for (unsigned i = 0; i < count; i++)
		hub_add(hub, sessions[i] = session_new("127.0.0.1", &limits, sink));
}

static void
remove_sessions(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
	{
		hub_remove(hub, sessions[i]);
		session_free(sessions[i]);
	}
}

/* Lets so many milliseconds of timers pass, or fewer when it has ended. */
static long long
pass(long long wanted_ms)
{
	long long passed_ms = 0;

	while (passed_ms < wanted_ms && !end_count)
		passed_ms += fake_next_timer();
	return passed_ms;
}

static Drain *
begin(unsigned count, int64_t window_ms, int64_t timeout_ms)
{
	static const DrainHandlers handlers = {is_idle, count_end};
	Drain *drain = drain_new(NULL, hub, &handlers, NULL);

	open_sessions(count);
	ok(!drain_has_begun(drain), "it has not begun");
	drain_begin(drain, window_ms, timeout_ms);
	ok(drain_has_begun(drain), "it has");
	return drain;
}

static void
test_spread(void)
{
	Drain *drain = begin(SESSION_COUNT, 10000, 1000);

	is_number(closed_count, 0, "nobody is closed at that moment");
	pass(5000);
	ok(closed_count > 2000 && closed_count < 3000, "half of the sessions are closed in half of the window (%u)", closed_count);
	pass(4000);
	ok(closed_count < SESSION_COUNT, "some are there nearly to its end");
	pass(1500);
	is_number(closed_count, SESSION_COUNT, "then all are closed");
	remove_sessions(SESSION_COUNT);
	pass(100);
	is_number(end_count, 1, "when they have gone, it ends");
	drain_free(drain);
}

static void
test_few(void)
{
	Drain *drain = begin(3, 10000, 1000);
	long long took_ms;

	took_ms = pass(60);
	is_number(closed_count, 3, "few sessions do not take the whole window");
	remove_sessions(3);
	took_ms += pass(1000);
	is_number(end_count, 1, "nor does the end");
	ok(took_ms < 200, "for which nobody waits (%lld ms)", took_ms);
	drain_free(drain);
}

static void
test_hurry(void)
{
	Drain *drain = begin(SESSION_COUNT, 10000, 1000);

	pass(100);
	drain_hurry(drain);
	pass(20);
	is_number(closed_count, SESSION_COUNT, "who is in a hurry closes all");
	pass(800);
	is_number(end_count, 0, "those that do not go are waited for");
	pass(1000);
	is_number(end_count, 1, "but not for ever");
	remove_sessions(SESSION_COUNT);
	drain_free(drain);
}

static void
test_answers(void)
{
	Drain *drain;

	answering_count = 1;
	drain = begin(0, 0, 1000);
	pass(500);
	is_number(end_count, 0, "who waits for an answer is waited for");
	answering_count = 0;
	pass(100);
	is_number(end_count, 1, "and gets it");
	drain_free(drain);
}

int
main(void)
{
	hub = hub_new();
	test_spread();
	test_few();
	test_hurry();
	test_answers();
	hub_free(hub);
	return tap_done();
}
