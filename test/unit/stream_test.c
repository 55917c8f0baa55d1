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
	EventRow row = {.position = position, .organization = "", .type = "t", .data = "{}"};

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
	bool is_known;
	size_t cursor;
	Event *event = stream_after(stream, position, &is_known, &cursor);

	text[0] = '\0';
	for (; event; event = stream_next(stream, &cursor))
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", event->position);
	return is_known ? text : "?";
}

static void
test_position(void)
{
	Stream *stream = stream_new(1000);

	is_text(stream_position(stream), "", "a new stream has no position");
	ok(stream_advance(stream, "1-0e044c4697f4e77a.5"), "it moves to a position of the log");
	is_text(stream_position(stream), "1-0e044c4697f4e77a.5", "and stands there");
	ok(!stream_advance(stream, ""), "an empty text is no position");
	ok(!stream_advance(stream, "UPPER"), "nor is one with other characters");
	ok(!stream_advance(stream, "a b"), "nor one with spaces");
	ok(!stream_advance(stream, "00000000000000000000000000000000000000000000000000000000000000000"), "nor one of 65 bytes");
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

	stream_advance(stream, "0");
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
	stream_advance(stream, "6");
	is_text(after(stream, "6"), "", "the end of a tick is known too");
	append(stream, 7);
	is_text(after(stream, "5"), "7 ", "and an event behind it follows on");
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

	stream_advance(stream, "0");
	append(stream, 1);
	is_number(stream_ring_count(stream), 0, "without memory for it an event is not kept");
	is_text(stream_position(stream), "1", "but the position moves");
	is_text(after(stream, "0"), "?", "and no gap is served as history");
	is_text(after(stream, "1"), "", "only the head is known");
	stream_free(stream);
}

int
main(void)
{
	test_position();
	test_ring();
	test_small_ring();
	return tap_done();
}
