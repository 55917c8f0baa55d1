/*
 * session_test.c
 *	  A session's queue, its limits, and how it ends.
 */
#include "session.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static int wakes;
static int closes;
static Reason last_reason;

static void
count_wake(void *line)
{
	(void) line;
	wakes++;
}

static void
count_close(void *line, Reason reason)
{
	(void) line;
	closes++;
	last_reason = reason;
}

static SessionLimits limits = {
	.conflate_size = 500,
	.queue_size = 1000,
	.channel_count = 4,
	.messages_per_second = 10,
	.message_burst = 20,
};

static Session *
open_session(void)
{
	SessionSink sink = {NULL, count_wake, count_close};

	wakes = closes = 0;
	return session_new("127.0.0.1", &limits, sink);
}

static Frame *
numbered(int number)
{
	return frame_of(&number, sizeof number);
}

static int
take_number(Session *session)
{
	int number;

	memcpy(&number, frame_bytes(session_next(session)), sizeof number);
	session_pop(session);
	return number;
}

static void
test_order(void)
{
	Session *session = open_session();
	int next_in = 0;
	int next_out = 0;
	bool is_ordered = true;

	for (int round = 0; round < 200; round++)
	{
		for (int i = 0; i < round % 7; i++)
		{
			Frame *frame = numbered(next_in++);

			session_send(session, frame);
			frame_release(frame);
		}
		for (int i = 0; i < round % 5 && session_next(session); i++)
			is_ordered = is_ordered && take_number(session) == next_out++;
	}
	while (session_next(session))
		is_ordered = is_ordered && take_number(session) == next_out++;
	ok(is_ordered && next_in == next_out, "frames come out once each, in the order they went in");
	is_number(session->queue.size, 0, "an empty queue holds no bytes");
	session_free(session);
}

static void
test_wake(void)
{
	Session *session = open_session();
	Frame *frame = numbered(1);

	session_send(session, frame);
	session_send(session, frame);
	is_number(wakes, 1, "the transport is woken once for a filling queue");
	is_number(frame->reference_count, 3, "the queue shares the frame");
	while (session_next(session))
		session_pop(session);
	is_number(frame->reference_count, 1, "and gives it back when it was written");
	session_send(session, frame);
	is_number(wakes, 2, "and woken again after it ran empty");
	session_free(session);
	is_number(frame->reference_count, 1, "a freed session gives back what it still held");
	frame_release(frame);
}

static void
test_slow_reader(void)
{
	Session *session = open_session();
	Frame *frame = frame_new(400);

	session_send(session, frame);
	session_send(session, frame);
	is_number(closes, 0, "a session below its limit stays open");
	ok(!session_send(session, frame), "a frame that would pass the limit is not queued");
	is_number(closes, 1, "it closes the session");
	is_number(last_reason, REASON_SLOW_READER, "as a slow reader");
	is_number(reason_code(last_reason), 4101, "with the code 4101");
	ok(!session_next(session), "whose queue is thrown away");
	is_number(frame->reference_count, 1, "with its references");
	ok(!session_send(session, frame), "a closing session takes no more frames");
	session_close(session, REASON_DRAIN);
	is_number(session->reason, REASON_SLOW_READER, "the first reason counts");
	is_number(closes, 1, "and is told once");
	frame_release(frame);
	session_free(session);
}

static void
test_drain(void)
{
	Session *session = open_session();
	Frame *frame = numbered(1);

	session_send(session, frame);
	session_close(session, REASON_DRAIN);
	ok(session_next(session), "a session closed for a restart still sends what it holds");
	frame_release(frame);
	session_free(session);
}

static Event *
make_event(int number, const char *type, const char *product)
{
	char position[16];
	EventRow row = {
		.position = position,
		.organization = "",
		.type = type,
		.product = product,
		.warehouse = "w",
		.data = "{}",
		.id = number,
	};

	snprintf(position, sizeof position, "1.%d", number);
	return event_new(&row);
}

static void
give(Session *session, int number, const char *type, const char *product)
{
	Event *event = make_event(number, type, product);

	session_send_event(session, event);
	event_release(event);
}

/* The next frame as text, taken; "" when there is none. */
static const char *
take_text(Session *session)
{
	static char text[2000];
	Frame *frame = session_next(session);

	text[0] = '\0';
	if (!frame)
		return text;
	memcpy(text, frame_bytes(frame), frame->size);
	text[frame->size] = '\0';
	session_pop(session);
	return text;
}

static void
test_dialects(void)
{
	Session *session = open_session();

	give(session, 1, "inventory.updated", "p");
	is_text(take_text(session), "{\"type\":\"inventory.updated\",\"data\":{}}", "the plain dialect has type and data");
	session->dialect = DIALECT_ONE;
	give(session, 2, "inventory.updated", "p");
	is_text(take_text(session), "{\"type\":\"inventory.updated\",\"id\":2,\"position\":\"1.2\",\"data\":{}}",
			"protocol 1 has id and position too");
	session->accepts_batch = true;
	give(session, 3, "inventory.updated", "p");
	is_text(take_text(session), "{\"type\":\"inventory.updated\",\"id\":3,\"position\":\"1.3\",\"data\":{}}",
			"one event is no batch");
	give(session, 4, "inventory.updated", "p");
	give(session, 5, "inventory.low_stock", "p");
	is_text(take_text(session),
			"{\"type\":\"batch\",\"position\":\"1.5\",\"events\":["
			"{\"type\":\"inventory.updated\",\"id\":4,\"position\":\"1.4\",\"data\":{}},"
			"{\"type\":\"inventory.low_stock\",\"id\":5,\"position\":\"1.5\",\"data\":{}}]}",
			"two that wait are one, at the position of the last");
	is_text(take_text(session), "", "and then nothing waits");
	session_free(session);
}

static void
test_fewer_frames(void)
{
	Session *session = open_session();

	session->dialect = DIALECT_ONE;
	session->always_conflates = true;
	give(session, 1, "inventory.updated", "p");
	give(session, 2, "inventory.updated", "p");
	give(session, 3, "inventory.updated", "q");
	give(session, 4, "inventory.updated", "p");
	is_number(session->conflated_count, 2, "a client that asked for fewer frames has its states conflated at once");
	is_text(take_text(session),
			"{\"type\":\"inventory.updated\",\"id\":4,\"position\":\"1.1\",\"conflated\":3,\"data\":{}}",
			"the newest goes out at the oldest one's turn and position, and says for how many it stands");
	is_text(take_text(session), "{\"type\":\"inventory.updated\",\"id\":3,\"position\":\"1.3\",\"data\":{}}",
			"another item keeps its own");
	session_free(session);
}

static void
test_lag(void)
{
	Session *session = open_session();

	session->dialect = DIALECT_ONE;
	limits.is_lagging = true;
	for (int i = 1; i <= 3; i++)
		give(session, i, "inventory.updated", "p");
	is_number(session->queue.count, 1, "while the relay lags the newest state takes the place of the one that waits");
	take_text(session);
	limits.is_lagging = false;
	give(session, 4, "inventory.updated", "p");
	give(session, 5, "inventory.updated", "p");
	is_number(session->queue.count, 2, "and then no more");
	session_free(session);
}

static void
test_long_queue(void)
{
	Session *session = open_session();

	for (int i = 1; i <= 500; i++)
		give(session, i, "inventory.updated", i % 2 ? "p" : "q");
	is_number(session->state, SESSION_OPEN, "a burst of states does not make a reader slow");
	ok(session->queue.size <= limits.conflate_size, "the queue is conflated");
	for (int i = 0; i < 100; i++)
		give(session, 1000 + i, "inventory.low_stock", "p");
	is_number(session->reason, REASON_SLOW_READER, "alerts are never, so too many of them do");
	session_free(session);
}

static void
test_bucket(void)
{
	Session *session = open_session();
	int64_t retry = 0;
	int admitted = 0;

	for (int i = 0; i < 25; i++)
		admitted += session_admit(session, 1000, &retry);
	is_number(admitted, 20, "a burst of 20 messages is admitted");
	ok(retry > 0 && retry <= 101, "the next refusal says to wait a tenth of a second");
	ok(!session_admit(session, 1099, &retry), "just before, it is too early");
	ok(session_admit(session, 1101, &retry), "then one more is admitted");
	ok(!session_admit(session, 1101, &retry), "and only one");

	admitted = 0;
	for (int ms = 2000; ms < 12000; ms += 10)
		admitted += session_admit(session, ms, &retry);
	ok(admitted >= 108 && admitted <= 110, "over ten seconds, 10 a second are admitted (%d)", admitted);
	is_number(session->state, SESSION_CLOSING, "a client that never stops asking is closed");
	is_number(last_reason, REASON_OVERLOADED, "as overloading");
	session_free(session);
}

static void
test_bucket_forgives(void)
{
	Session *session = open_session();
	int64_t retry;

	for (int round = 0; round < 50; round++)
		for (int i = 0; i < 40; i++)
			session_admit(session, 1000 + round * 10000, &retry);
	is_number(session->state, SESSION_OPEN, "a client that pauses after each burst is not");
	session_free(session);
}

int
main(void)
{
	test_order();
	test_wake();
	test_slow_reader();
	test_drain();
	test_dialects();
	test_fewer_frames();
	test_lag();
	test_long_queue();
	test_bucket();
	test_bucket_forgives();
	return tap_done();
}
