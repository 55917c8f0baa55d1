/*
 * queue_test.c
 *	  What goes out of a queue, with and without conflation.
 */
#include "queue.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static void
add(Queue *queue, int number, const char *type, const char *product)
{
	char position[16];
	EventRow row = {
		.position = position,
		.organization = "",
		.type = type,
		.product = product,
		.warehouse = product ? "w" : NULL,
		.data = "{}",
		.id = number,
	};
	Event *event;

	snprintf(position, sizeof position, "%d", number);
	event = event_new(&row);
	queue_add_event(queue, event);
	event_release(event);
}

static void
update(Queue *queue, int number, const char *product)
{
	add(queue, number, "inventory.updated", product);
}

/* What waits, taken: "id@position*count" each, frames as "-". */
static const char *
take_all(Queue *queue)
{
	static char text[2000];

	text[0] = '\0';
	while (queue->count)
	{
		const QueueEntry *entry = queue_entry(queue, 0);
		char *end = text + strlen(text);
		size_t room = sizeof text - (size_t) (end - text);

		if (entry->frame)
			snprintf(end, room, "- ");
		else if (entry->count > 1)
			snprintf(end, room, "%d@%s*%u ", (int) entry->event->id, entry->position, entry->count);
		else
			snprintf(end, room, "%d ", (int) entry->event->id);
		queue_pop(queue);
	}
	return text;
}

static void
test_conflating(void)
{
	Queue queue = {0};
	Frame *reply = frame_of("{}", 2);

	for (int i = 1; i <= 6; i++)
		update(&queue, i, i % 2 ? "p" : "q");
	is_text(take_all(&queue), "1 2 3 4 5 6 ", "without conflation everything goes out");

	for (int i = 1; i <= 6; i++)
		update(&queue, i, i % 2 ? "p" : "q");
	is_number(queue_conflate(&queue), 4, "what waits is conflated per item");
	update(&queue, 7, "p");
	update(&queue, 8, "r");
	is_text(take_all(&queue), "7@1*4 6@2*3 8 ", "the newest at the oldest one's place, with its position and their number");
	is_number(queue.size, 0, "and the bytes are accounted for");
	update(&queue, 9, "p");
	update(&queue, 10, "p");
	is_text(take_all(&queue), "9 10 ", "when it has run empty it conflates no more");

	queue_conflate(&queue);
	update(&queue, 1, "p");
	add(&queue, 2, "inventory.low_stock", "p");
	update(&queue, 3, "p");
	add(&queue, 4, "inventory.low_stock", "p");
	queue_add_frame(&queue, reply, false);
	is_text(take_all(&queue), "3@1*2 2 4 - ", "alerts and replies all go out, in their order");

	queue_conflate(&queue);
	update(&queue, 1, "p");
	add(&queue, 2, "inventory.retired", "p");
	update(&queue, 3, "p");
	update(&queue, 4, "p");
	is_text(take_all(&queue), "1 2 4@3*2 ", "nothing is moved across the retirement of its item");

	update(&queue, 1, "p");
	update(&queue, 2, "p");
	queue_add_frame(&queue, reply, true);
	update(&queue, 3, "p");
	update(&queue, 4, "p");
	queue_conflate(&queue);
	update(&queue, 5, "p");
	queue_add_frame(&queue, reply, true);
	update(&queue, 6, "p");
	is_text(take_all(&queue), "2@1*2 - 5@3*3 - 6 ", "nor across a barrier");

	queue_conflate(&queue);
	add(&queue, 1, "reservation.expired", NULL);
	add(&queue, 2, "reservation.expired", NULL);
	is_text(take_all(&queue), "1 2 ", "events of no item are left alone");

	queue_conflate(&queue);
	update(&queue, 1, "p");
	update(&queue, 2, "q");
	queue_pop(&queue);
	update(&queue, 3, "p");
	is_text(take_all(&queue), "2 3 ", "what has gone out is not given again");
	queue_clear(&queue);
	frame_release(reply);
}

static void
test_many_items(void)
{
	Queue queue = {0};
	char product[16];
	bool is_fine = true;

	queue_conflate(&queue);
	update(&queue, 0, "first");
	for (int round = 0; round < 20; round++)
		for (int i = 0; i < 1000; i++)
		{
			snprintf(product, sizeof product, "%d", i);
			update(&queue, round * 1000 + i, product);
			if (i % 3 == 0 && round % 2)
				queue_pop(&queue);
		}
	for (size_t i = 0; i < queue.count && is_fine; i++)
		for (size_t other = i + 1; other < queue.count && is_fine; other++)
			is_fine = !event_is_same_item(queue_entry(&queue, i)->event, queue_entry(&queue, other)->event);
	ok(is_fine, "no item waits twice");
	ok(queue.count <= 1001 && queue.slot_capacity <= 16384, "and the table does not grow with what has gone out");
	queue_clear(&queue);
	is_number(queue.size, 0, "a cleared queue holds nothing");
}

int
main(void)
{
	test_conflating();
	test_many_items();
	return tap_done();
}
