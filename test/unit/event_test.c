/*
 * event_test.c
 *	  An event keeps its data byte for byte.
 */
#include "event.h"

#include <string.h>

#include "tap.h"

static void
copy_frame(char *text, Frame *frame)
{
	memcpy(text, frame_bytes(frame), frame->size);
	text[frame->size] = '\0';
}

static void
test_frame(void)
{
	static const char data[] = "{\"b\" : 1,\n \"a\":\"\\u00e9\",\"n\":1.0}";
	char type[] = "inventory.updated";
	EventRow row = {
		.position = "3-ab.7",
		.organization = "org",
		.type = type,
		.product = "p",
		.data = data,
		.op = "k\"1",
		.tick = 3,
		.id = 9,
		.created_at_us = 42,
	};
	Event *event = event_new(&row);
	char frame[300] = {0};

	type[0] = 'X';
	ok(!event->frames[DIALECT_PLAIN], "no frame is made before somebody wants it");
	copy_frame(frame, event_frame(event, DIALECT_PLAIN));
	is_text(frame, "{\"type\":\"inventory.updated\",\"data\":{\"b\" : 1,\n \"a\":\"\\u00e9\",\"n\":1.0}}",
			"the data stands in the frame as the database wrote it");
	is_text(event->type, "inventory.updated", "strings are copied");
	is_text(event->product, "p", "those that are there");
	is_text(event->warehouse, NULL, "and only those");
	is_text(event->position, "3-ab.7", "the position is kept");
	is_number(event->created_at_us, 42, "and the time");
	ok(event->size >= sizeof *event + event->frames[DIALECT_PLAIN]->size, "its size counts a frame");
	copy_frame(frame, event_frame(event, DIALECT_ONE));
	is_text(frame,
			"{\"type\":\"inventory.updated\",\"id\":9,\"position\":\"3-ab.7\",\"op\":\"k\\\"1\","
			"\"data\":{\"b\" : 1,\n \"a\":\"\\u00e9\",\"n\":1.0}}",
			"in protocol 1 with id, position and key");
	event_share(event);
	event_release(event);
	is_text(event->organization, "org", "an event lives while somebody holds it");
	event_release(event);
	event_release(NULL);
}

static void
test_audience(void)
{
	static const struct
	{
		const char *type;
		bool is_for_clients;
	} cases[] = {
		{"inventory.updated", true},
		{"batch.expiring_soon", true},
		{"reservation.expired", true},
		{"access.changed", false},
		{"presence.joined", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		EventRow row = {.position = "1", .organization = "", .type = cases[i].type, .data = "{}"};
		Event *event = event_new(&row);

		is_number(event_is_for_clients(event), cases[i].is_for_clients, "%s is %s clients", cases[i].type,
				  cases[i].is_for_clients ? "for" : "not for");
		event_release(event);
	}
}

int
main(void)
{
	test_frame();
	test_audience();
	return tap_done();
}
