/*
 * batch_test.c
 *	  Who shares a batch frame, and who must not.
 */
#include "batch.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static Event *
event_of(int number, const char *product)
{
	char position[16];
	EventRow row = {
		.position = position,
		.organization = "",
		.type = "inventory.updated",
		.product = product,
		.warehouse = "w",
		.data = "{}",
		.tick = 1,
		.id = number,
	};

	snprintf(position, sizeof position, "1.%d", number);
	return event_new(&row);
}

static void
fill(Queue *queue, Event **events, size_t count)
{
	queue_clear(queue);
	for (size_t i = 0; i < count; i++)
		queue_add_event(queue, events[i]);
}

static const char *
text_of(Frame *frame)
{
	static char text[1000];

	snprintf(text, sizeof text, "%.*s", (int) frame->size, (const char *) frame_bytes(frame));
	return text;
}

int
main(void)
{
	Event *events[] = {event_of(1, "a"), event_of(2, "b"), event_of(3, "c"), event_of(4, "b"), event_of(5, "a")};
	Event *others[] = {events[0], events[3], events[2]};
	Queue one = {0};
	Queue other = {0};
	Frame *frame;
	Frame *second;

	note("the same events");
	fill(&one, events, 3);
	fill(&other, events, 5);
	frame = batch_frame(&one, 3, DIALECT_ONE);
	second = batch_frame(&other, 3, DIALECT_ONE);
	is_text(text_of(frame),
			"{\"type\":\"batch\",\"position\":\"1.3\",\"events\":["
			"{\"type\":\"inventory.updated\",\"id\":1,\"position\":\"1.1\",\"data\":{}},"
			"{\"type\":\"inventory.updated\",\"id\":2,\"position\":\"1.2\",\"data\":{}},"
			"{\"type\":\"inventory.updated\",\"id\":3,\"position\":\"1.3\",\"data\":{}}]}",
			"a batch holds the events of the front and the position of the last");
	ok(frame == second, "two queues that begin alike share the frame");
	frame_release(second);

	note("not quite the same events");
	second = batch_frame(&other, 2, DIALECT_ONE);
	ok(second != frame, "fewer events are another batch");
	frame_release(second);
	second = batch_frame(&one, 3, DIALECT_PLAIN);
	ok(second != frame && !strstr(text_of(second), "\"id\""), "another dialect is another batch");
	frame_release(second);
	frame_release(frame);
	frame = batch_frame(&one, 3, DIALECT_ONE);
	fill(&other, others, 3);
	second = batch_frame(&other, 3, DIALECT_ONE);
	ok(second != frame && strstr(text_of(second), "\"id\":4"),
	   "one that differs in the middle only is another batch");
	frame_release(second);
	frame_release(frame);

	note("conflated states");
	queue_clear(&one);
	fill(&other, events, 5);
	fill(&one, events, 5);
	queue_conflate(&one);
	is_number(one.count, 3, "of five states of three items three are left");
	frame = batch_frame(&one, 3, DIALECT_ONE);
	second = batch_frame(&other, 3, DIALECT_ONE);
	ok(strstr(text_of(frame), "\"conflated\":2") != NULL, "a conflated state says so");
	ok(frame != second && !strstr(text_of(second), "conflated"), "and is not given to who has all of them");
	frame_release(frame);
	frame_release(second);

	note("what is kept");
	is_number(events[1]->reference_count, 3, "an event is held by its maker, a queue and a batch");
	batch_forget();
	is_number(events[1]->reference_count, 2, "and is let go");

	queue_clear(&one);
	queue_clear(&other);
	for (size_t i = 0; i < 5; i++)
		event_release(events[i]);
	return tap_done();
}
