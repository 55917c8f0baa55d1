/*
 * event_test.c
 *	  An event keeps its data byte for byte.
 */
#include "event.h"

#include <string.h>

#include "tap.h"

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
		.tick = 3,
		.created_at_us = 42,
	};
	Event *event = event_new(&row);
	char frame[200] = {0};

	type[0] = 'X';
	memcpy(frame, frame_bytes(event->frame), event->frame->size);
	is_text(frame, "{\"type\":\"inventory.updated\",\"data\":{\"b\" : 1,\n \"a\":\"\\u00e9\",\"n\":1.0}}",
			"the data stands in the frame as the database wrote it");
	is_text(event->type, "inventory.updated", "strings are copied");
	is_text(event->product, "p", "those that are there");
	is_text(event->warehouse, NULL, "and only those");
	is_text(event->position, "3-ab.7", "the position is kept");
	is_number(event->created_at_us, 42, "and the time");
	ok(event->size >= sizeof *event + event->frame->size, "its size counts the frame");
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
