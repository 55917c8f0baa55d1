/*
 * stream_test.c
 *	  The position in the log, and the ring of recent events.
 */
#include "stream.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static Event *
make_event(int number)
{
	char position[16];
	EventRow row = {.position = position, .organization = "", .type = "t", .data = "{}", .tick = number};

	snprintf(position, sizeof position, "%d", number);
	return event_new(&row);
}

static void
append(Stream *stream, int number)
{
	Event *event = make_event(number);

	stream_append(stream, event);
	event_release(event);
}

/* Numbers of the events after a position, joined; "?" when the ring does not reach back. */
static const char *
after(const Stream *stream, const char *position)
{
	static char text[256];
	uint64_t number;
	bool is_known = stream_find(stream, position, &number);

	text[0] = '\0';
	for (Event *event; (event = stream_entry(stream, number)); number++)
		snprintf(text + strlen(text), sizeof text - strlen(text), event_is_mark(event) ? "(%s) " : "%s ",
				 event->position);
	return is_known ? text : "?";
}

/* The same after a whole tick. */
static const char *
after_tick(const Stream *stream, int64_t tick)
{
	uint64_t number;

	if (!stream_find_tick(stream, tick, &number))
		return "?";
	return number == stream_end(stream) ? "" : stream_entry(stream, number)->position;
}

static void
test_position(void)
{
	Stream *stream = stream_new(1000);

	is_text(stream_position(stream), "", "a new stream has no position");
	ok(stream_advance(stream, "1-0e044c4697f4e77a.5", 1), "it moves to a position of the log");
	is_text(stream_position(stream), "1-0e044c4697f4e77a.5", "and stands there");
	ok(!stream_advance(stream, "", 2), "an empty text is no position");
	ok(!stream_advance(stream, "UPPER", 2), "nor is one with other characters");
	ok(!stream_advance(stream, "a b", 2), "nor one with spaces");
	ok(!stream_advance(stream, "00000000000000000000000000000000000000000000000000000000000000000", 2), "nor one of 65 bytes");
	is_text(stream_position(stream), "1-0e044c4697f4e77a.5", "what is refused changes nothing");
	stream_restart(stream);
	is_text(stream_position(stream), "", "a restart forgets the position");
	stream_free(stream);
}

static void
test_ring(void)
{
	Event *sample = make_event(1);
	Stream *stream = stream_new(3 * sample->size);

	stream_advance(stream, "0", 0);
	is_text(after(stream, "0"), "", "at the head there is nothing to replay");
	is_text(after(stream, "9"), "?", "of an unknown position nothing can be said");
	append(stream, 1), append(stream, 2), append(stream, 3);
	is_text(after(stream, "0"), "1 2 3 ", "the ring replays from where it began");
	is_text(after(stream, "2"), "3 ", "and from each of its events");
	is_text(after(stream, "3"), "", "and from the newest");
	append(stream, 4), append(stream, 5);
	is_number(stream_ring_count(stream), 3, "the oldest events make room");
	is_text(after(stream, "2"), "3 4 5 ", "the ring still reaches back to the last one dropped");
	is_text(after(stream, "1"), "?", "but not beyond");
	is_text(after_tick(stream, 2), "3", "by its tick the ring is found as well");
	is_text(after_tick(stream, 1), "?", "as far as it reaches");
	stream_advance(stream, "6", 6);
	is_text(after(stream, "6"), "", "the end of a tick without events is known too");
	append(stream, 7);
	is_text(after(stream, "5"), "(6) 7 ", "and an event behind it follows on");
	is_text(after(stream, "6"), "7 ", "also from there");
	is_number(stream_tick(stream), 7, "the tick is that of the newest event");
	ok(!stream_has(stream, 0) && stream_has(stream, stream_end(stream)), "numbers tell what is gone from what is to come");
	stream_restart(stream);
	is_number(stream_ring_count(stream), 0, "a restart empties the ring");
	is_text(after(stream, "5"), "?", "and forgets its positions");
	stream_free(stream);
	event_release(sample);
}

static void
test_small_ring(void)
{
	Stream *stream = stream_new(0);

	stream_advance(stream, "0", 0);
	append(stream, 1);
	is_number(stream_ring_count(stream), 0, "without memory for it an event is not kept");
	is_text(stream_position(stream), "1", "but the position moves");
	is_text(after(stream, "0"), "?", "and no gap is served as history");
	is_text(after(stream, "1"), "", "only the head is known");
	stream_free(stream);
}

static void
lay_past(Stream *stream, int number)
{
	Event *event = make_event(number);

	ok(stream_lay_past(stream, event), "event %d of the past is laid", number);
	event_release(event);
}

static void
test_past(void)
{
	Stream *stream = stream_new(100000);

	ok(!stream_begin_past(stream, "not a position!"), "the past begins at a position");
	ok(stream_begin_past(stream, "10"), "of which there is one");
	lay_past(stream, 12);
	lay_past(stream, 13);
	is_text(stream_position(stream), "", "what was moves nothing");
	stream_advance(stream, "15", 15);
	is_text(stream_position(stream), "15", "until it is known where it ends");
	is_text(after(stream, "10"), "12 13 (15) ", "then who stood at its begin is served");
	is_text(after(stream, "12"), "13 (15) ", "and who stood in its midst");
	is_text(after(stream, "9"), "?", "but nobody before");
	is_text(after_tick(stream, 11), "12", "a whole tick before the first event is known too");
	is_text(after_tick(stream, 12), "13", "as is one within");
	is_text(after_tick(stream, 10), "?", "and none before");
	ok(!stream_begin_past(stream, "1"), "the past begins once");
	append(stream, 16);
	is_text(after(stream, "13"), "(15) 16 ", "what comes goes on from there");
	stream_free(stream);

	stream = stream_new(100000);
	stream_begin_past(stream, "10");
	stream_advance(stream, "10", 10);
	append(stream, 11);
	is_text(after(stream, "10"), "11 ", "a past without events is one");
	stream_free(stream);

	stream = stream_new(100000);
	stream_begin_past(stream, "10");
	lay_past(stream, 11);
	stream_restart(stream);
	stream_advance(stream, "20", 20);
	is_text(after(stream, "10"), "?", "a past that is given up is forgotten");
	is_text(after(stream, "20"), "", "and the ring begins where it is told");
	stream_free(stream);

	stream = stream_new(1);
	stream_begin_past(stream, "10");
	lay_past(stream, 11);
	stream_advance(stream, "12", 12);
	is_text(after(stream, "12"), "", "events too large for the ring are none");
	is_text(after(stream, "10"), "?", "and not a gap");
	stream_free(stream);
}

int
main(void)
{
	test_past();
	test_position();
	test_ring();
	test_small_ring();
	return tap_done();
}
