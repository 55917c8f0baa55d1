/*
 * session_test.c
 *	  A session's queue, its limits, and how it ends.
 */
#include "session.h"

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

static const SessionLimits limits = {
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
	return session_new("", "127.0.0.1", &limits, sink);
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

	memcpy(&number, frame_bytes(session_peek(session)->frame), sizeof number);
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

			session_send(session, frame, 0);
			frame_release(frame);
		}
		for (int i = 0; i < round % 5 && session_peek(session); i++)
			is_ordered = is_ordered && take_number(session) == next_out++;
	}
	while (session_peek(session))
		is_ordered = is_ordered && take_number(session) == next_out++;
	ok(is_ordered && next_in == next_out, "frames come out once each, in the order they went in");
	is_number(session->queued_size, 0, "an empty queue holds no bytes");
	session_free(session);
}

static void
test_wake(void)
{
	Session *session = open_session();
	Frame *frame = numbered(1);

	session_send(session, frame, 0);
	session_send(session, frame, 0);
	is_number(wakes, 1, "the transport is woken once for a filling queue");
	is_number(frame->reference_count, 3, "the queue shares the frame");
	session_pop(session);
	session_pop(session);
	is_number(frame->reference_count, 1, "and gives it back when it was written");
	session_send(session, frame, 0);
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

	session_send(session, frame, 0);
	session_send(session, frame, 0);
	is_number(closes, 0, "a session below its limit stays open");
	ok(!session_send(session, frame, 0), "a frame that would pass the limit is not queued");
	is_number(closes, 1, "it closes the session");
	is_number(last_reason, REASON_SLOW_READER, "as a slow reader");
	is_number(reason_code(last_reason), 4101, "with the code 4101");
	ok(!session_peek(session), "whose queue is thrown away");
	is_number(frame->reference_count, 1, "with its references");
	ok(!session_send(session, frame, 0), "a closing session takes no more frames");
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

	session_send(session, frame, 0);
	session_close(session, REASON_DRAIN);
	ok(session_peek(session), "a session closed for a restart still sends what it holds");
	frame_release(frame);
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
	test_bucket();
	test_bucket_forgives();
	return tap_done();
}
