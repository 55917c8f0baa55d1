/*
 * writer.c
 *	  Brings operations of clients into the database, many at a time.
 *
 * All operations of an item go into one lane while some are there (turns.c).
 * One on several items that are in different lanes is held until it fits into
 * one; what comes after it and touches the same is held behind it.
 *
 * A call waits for nobody: rows that are locked by others are passed over, and
 * their operations come back as busy.  Those go into the last lane, the queue,
 * and with them all that follow on the same item.  It looks at all that is in it
 * and then stands in line for one item, in turns, so that a row that stays
 * locked keeps only its own operations, and a row that many want is had in the
 * end.  What was had goes back to where it belongs.
 */
#include "writer.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "lane.h"
#include "list.h"
#include "metrics.h"
#include "quota.h"
#include "turns.h"

/* Deadlines are looked at so often. */
#define TICK_MS 100

/* How often users are forgotten that send nothing. */
#define SWEEP_MS 10000

/* How long the queue stands in line for one item before it looks at the others. */
#define QUEUE_TURN_MS 200

/* A call on its way is given so much longer, since half an answer is worse than a late one. */
#define GRACE_MS 500

/* When to come again: while the database is away, and within these while there is too much. */
#define AWAY_RETRY_MS 1000
#define OVERLOAD_LEAST_MS 100
#define OVERLOAD_MOST_MS 5000

struct Writer
{
	const Config *config;
	Access *access;
	Quotas *users;
	Turns *turns;
	Lane **lanes; /* one more than can be chosen: the last is the queue */
	unsigned lane_count;
	bool looks;		 /* the queue's next call looks at all */
	List returned;	 /* to the front of the queue */
	bool has_strays; /* orders wait in a lane whose item has gone to the queue */
	List held;		 /* orders that fit nowhere */
	List orders;	 /* all, in the order in which they came */
	int64_t count;
	size_t size;
	int64_t done_count; /* since the last tick */
	double rate;		/* of orders done, a second */
	LoopTimer *tick;
	int64_t swept_at_ms;
};

static Lane *
queue_of(Writer *writer)
{
	return writer->lanes[writer->lane_count];
}

static bool
is_queue(const Writer *writer, const Lane *lane)
{
	return lane == writer->lanes[writer->lane_count];
}

static void
end_order(Writer *writer, Order *order)
{
	const Operation *operation = &order->operation;

	if (order->state == ORDER_HELD)
		turns_unhold(writer->turns, operation->things, operation->thing_count);
	else
		turns_leave(writer->turns, operation->things, operation->thing_count);
	writer->count--;
	writer->done_count++;
	writer->size -= order_size(order);
	order_free(order, writer->access);
}

/* Sending */

/* Brings all that wait for what the first waits for to the front; says how many. */
static size_t
gather(List *waiting)
{
	ListNode *last = list_first(waiting);
	const Order *first = list_object(last, Order, in_list);
	size_t count = 1;
	ListNode *next;

	for (ListNode *node = list_next(waiting, last); node; node = next)
	{
		next = list_next(waiting, node);
		if (!order_is_of_same_thing(first, list_object(node, Order, in_list)))
			continue;
		list_remove(node);
		list_insert_after(last, node);
		last = node;
		count++;
	}
	return count;
}

/* Whoever stood in line last time lets the next one do so. */
static void
rotate(List *waiting)
{
	for (size_t count = gather(waiting); count; count--)
		list_append(waiting, list_take_first(waiting));
}

/* What was in the last call and is still busy, in its order, before what came meanwhile. */
static void
put_back(Writer *writer)
{
	ListNode *node;

	while ((node = list_last(&writer->returned)))
	{
		list_remove(node);
		lane_prepend(queue_of(writer), list_object(node, Order, in_list));
	}
}

static void
send_queue(Writer *writer)
{
	Lane *queue = queue_of(writer);
	List *waiting = lane_waiting(queue);

	put_back(writer);
	if (!lane_is_idle(queue) || list_is_empty(waiting))
		return;
	writer->looks = !writer->looks;
	if (writer->looks)
		lane_send(queue, SIZE_MAX, false);
	else
	{
		rotate(waiting);
		lane_send(queue, gather(waiting), true);
	}
}

static void
send_lane(Writer *writer, Lane *lane)
{
	if (is_queue(writer, lane))
		send_queue(writer);
	else
		lane_send(lane, SIZE_MAX, false);
}

/* Follow their item into the queue, behind what was there before them. */
static void
collect_strays(Writer *writer, Lane *lane)
{
	List *waiting = lane_waiting(lane);
	ListNode *next;

	for (ListNode *node = list_first(waiting); node; node = next)
	{
		Order *order = list_object(node, Order, in_list);

		next = list_next(waiting, node);
		if (order->operation.thing_count != 1 ||
			turns_lane(writer->turns, order->operation.things[0]) != writer->lane_count)
			continue;
		list_remove(node);
		lane_append(queue_of(writer), order);
	}
}

/* Those that wait for their turn, in their order. */
static void
release_held(Writer *writer)
{
	ListNode *next;

	turns_begin(writer->turns);
	for (ListNode *node = list_first(&writer->held); node; node = next)
	{
		Order *order = list_object(node, Order, in_list);
		Operation *operation = &order->operation;
		unsigned lane;

		next = list_next(&writer->held, node);
		if (!turns_fit_next(writer->turns, operation->things, operation->thing_count, &lane))
			continue;
		list_remove(node);
		turns_unhold(writer->turns, operation->things, operation->thing_count);
		turns_enter(writer->turns, operation->things, operation->thing_count, lane);
		lane_append(writer->lanes[lane], order);
	}
}

/* A call has been answered, or a connection is there. */
static void
settle(Writer *writer)
{
	if (!list_is_empty(&writer->held))
		release_held(writer);
	for (unsigned i = 0; i < writer->lane_count && writer->has_strays; i++)
		collect_strays(writer, writer->lanes[i]);
	writer->has_strays = false;
	for (unsigned i = 0; i <= writer->lane_count; i++)
		send_lane(writer, writer->lanes[i]);
}

static void
handle_idle(void *owner, Lane *lane)
{
	(void) lane;
	settle(owner);
}

/* Verdicts */

/* Somebody else has it locked. */
static void
queue_order(Writer *writer, Lane *lane, Order *order)
{
	order->late_code = ERROR_CONFLICT;
	order->state = ORDER_WAITING;
	if (is_queue(writer, lane))
	{
		list_append(&writer->returned, &order->in_list);
		return;
	}
	metrics_add(METRIC_OPERATIONS_QUEUED, 1);
	lane_append(queue_of(writer), order);
	if (order->operation.thing_count != 1)
		return;
	turns_move(writer->turns, order->operation.things[0], writer->lane_count);
	writer->has_strays = true;
}

/* The item is not locked any more: the rest need not stand in line. */
static void
bring_home(Writer *writer, const Order *done)
{
	uint64_t thing = done->operation.things[0];
	unsigned home = turns_home(writer->turns, thing);
	List *waiting = lane_waiting(queue_of(writer));
	ListNode *next;

	if (turns_lane(writer->turns, thing) != writer->lane_count)
		return;
	turns_move(writer->turns, thing, home);
	for (ListNode *node = list_first(waiting); node; node = next)
	{
		Order *order = list_object(node, Order, in_list);

		next = list_next(waiting, node);
		if (!order_is_of_same_thing(done, order))
			continue;
		list_remove(node);
		lane_append(writer->lanes[home], order);
	}
}

static void
handle_verdict(void *owner, Lane *lane, Order *order, const Verdict *verdict, bool is_busy)
{
	Writer *writer = owner;

	if (is_busy && order->answer && clock_monotonic_ms() < order->deadline_ms)
	{
		queue_order(writer, lane, order);
		return;
	}
	if (!is_busy && is_queue(writer, lane) && order->operation.thing_count == 1)
		bring_home(writer, order);
	order_answer(order, verdict);
	end_order(writer, order);
}

/* Deadlines */

static void
refuse_late(Order *order)
{
	if (order->is_uncertain)
		order_refuse(order, ERROR_UNAVAILABLE, "the connection was lost, and whether it was done is not known", AWAY_RETRY_MS);
	else if (order->late_code == ERROR_CONFLICT)
		order_refuse(order, ERROR_CONFLICT, "somebody else kept the row locked", 0);
	else if (order->late_code == ERROR_UNAVAILABLE)
		order_refuse(order, ERROR_UNAVAILABLE, "the database is not available", AWAY_RETRY_MS);
	else
		order_refuse(order, ERROR_TIMEOUT, "the operation was not done in time", 0);
}

/* What was sent goes on; its client is told that nobody knows. */
static void
refuse_sent(Order *order)
{
	order->is_uncertain = true;
	order_refuse(order, ERROR_TIMEOUT, "there was no answer in time, and whether it was done is not known", 0);
}

static void
check_deadlines(Writer *writer, int64_t now_ms)
{
	ListNode *next;

	for (ListNode *node = list_first(&writer->orders); node; node = next)
	{
		Order *order = list_object(node, Order, in_writer);

		next = list_next(&writer->orders, node);
		if (now_ms < order->deadline_ms)
			continue;
		if (order->state == ORDER_SENT)
		{
			if (order->answer && now_ms >= order->deadline_ms + GRACE_MS)
				refuse_sent(order);
			continue;
		}
		refuse_late(order);
		end_order(writer, order);
	}
}

static void
handle_tick(void *owner)
{
	Writer *writer = owner;
	int64_t now_ms = clock_monotonic_ms();

	loop_timer_start(writer->tick, TICK_MS);
	writer->rate = 0.7 * writer->rate + 0.3 * (double) writer->done_count * 1000 / TICK_MS;
	writer->done_count = 0;
	check_deadlines(writer, now_ms);
	if (!list_is_empty(&writer->held))
		settle(writer);
	if (now_ms - writer->swept_at_ms < SWEEP_MS)
		return;
	writer->swept_at_ms = now_ms;
	quotas_sweep(writer->users, now_ms);
}

/* Taking operations */

bool
writer_is_up(const Writer *writer)
{
	for (unsigned i = 0; i < writer->lane_count; i++)
		if (lane_is_up(writer->lanes[i]))
			return true;
	return false;
}

int64_t
writer_count(const Writer *writer)
{
	return writer->count;
}

/* One more of the user's operations.  Without memory nobody is counted. */
static bool
admit(Writer *writer, const Identity *identity, int64_t *retry_after_ms)
{
	const Config *config = writer->config;
	int64_t now_ms = clock_monotonic_ms();
	Buf key = {0};
	Quota *user;

	buf_append(&key, identity_organization(identity), strlen(identity_organization(identity)) + 1);
	buf_append_text(&key, identity_subject(identity));
	user = key.failed ? NULL : quotas_find(writer->users, key.bytes, key.size, now_ms);
	buf_free(&key);
	return !user || bucket_take(&user->operations, config->operations_per_second, config->operation_burst, now_ms, retry_after_ms);
}

/* When half of what waits will have been done. */
static int64_t
relief_ms(const Writer *writer)
{
	double wait_ms = writer->rate > 1 ? (double) writer->count * 500 / writer->rate : OVERLOAD_MOST_MS;

	return wait_ms < OVERLOAD_LEAST_MS ? OVERLOAD_LEAST_MS : wait_ms > OVERLOAD_MOST_MS ? OVERLOAD_MOST_MS
																						: (int64_t) wait_ms;
}

/* False: it is not even taken, and the verdict says why. */
static bool
may_take(Writer *writer, const Identity *identity, Verdict *verdict)
{
	const Config *config = writer->config;

	*verdict = (Verdict){.code = ERROR_RATE_LIMITED, .message = "too many operations"};
	if (!admit(writer, identity, &verdict->retry_after_ms))
		return false;
	if (writer->count >= config->write_queue || writer->size >= (size_t) config->write_queue_size)
	{
		*verdict = (Verdict){
			.code = ERROR_OVERLOADED, .message = "too many operations are waiting", .retry_after_ms = relief_ms(writer)};
		return false;
	}
	if (!writer_is_up(writer))
	{
		*verdict =
			(Verdict){.code = ERROR_UNAVAILABLE, .message = "the database is not connected", .retry_after_ms = AWAY_RETRY_MS};
		return false;
	}
	return true;
}

static void
place(Writer *writer, Order *order)
{
	const Operation *operation = &order->operation;
	unsigned lane;

	if (!turns_fit(writer->turns, operation->things, operation->thing_count, &lane))
	{
		order->state = ORDER_HELD;
		list_append(&writer->held, &order->in_list);
		turns_hold(writer->turns, operation->things, operation->thing_count);
		return;
	}
	turns_enter(writer->turns, operation->things, operation->thing_count, lane);
	lane_append(writer->lanes[lane], order);
	send_lane(writer, writer->lanes[lane]);
}

void
writer_submit(Writer *writer, Identity *identity, Operation *take_operation, WriterAnswer answer, void *line)
{
	Verdict verdict;
	Order *order = NULL;

	if (may_take(writer, identity, &verdict))
	{
		order = order_new(identity, take_operation, answer, line);
		verdict = (Verdict){.code = ERROR_OVERLOADED, .message = "out of memory", .retry_after_ms = OVERLOAD_MOST_MS};
	}
	if (order)
	{
		list_append(&writer->orders, &order->in_writer);
		writer->count++;
		writer->size += order_size(order);
		place(writer, order);
		return;
	}
	metrics_add(METRIC_OPERATIONS_REFUSED, 1);
	answer(line, take_operation, &verdict);
	operation_clear(take_operation);
}

/* Beginning and ending */

static bool
open_lanes(Writer *writer, Loop *loop)
{
	static const LaneHandlers handlers = {handle_verdict, handle_idle};
	unsigned count = (unsigned) writer->config->write_connections;

	writer->lanes = calloc(count + 1, sizeof(Lane *));
	writer->lane_count = count;
	for (unsigned i = 0; writer->lanes && i <= count; i++)
	{
		writer->lanes[i] = lane_new(loop, writer->config, QUEUE_TURN_MS, &handlers, writer);
		if (!writer->lanes[i])
			return false;
	}
	return writer->lanes != NULL;
}

Writer *
writer_new(Loop *loop, const Config *config, Access *access)
{
	Writer *writer = calloc(1, sizeof *writer);

	if (!writer)
		return NULL;
	writer->config = config;
	writer->access = access;
	list_init(&writer->returned);
	list_init(&writer->held);
	list_init(&writer->orders);
	writer->users = quotas_new();
	writer->turns = turns_new((unsigned) config->write_connections);
	writer->tick = loop_timer_new(loop, handle_tick, writer);
	if (!writer->users || !writer->turns || !writer->tick || !open_lanes(writer, loop))
	{
		writer_free(writer);
		return NULL;
	}
	loop_timer_start(writer->tick, TICK_MS);
	return writer;
}

void
writer_end(Writer *writer)
{
	for (unsigned i = 0; writer->lanes && i <= writer->lane_count; i++)
		if (writer->lanes[i])
			lane_end(writer->lanes[i]);
	loop_timer_free(writer->tick);
	writer->tick = NULL;
}

void
writer_free(Writer *writer)
{
	ListNode *node;

	if (!writer)
		return;
	writer_end(writer);
	while ((node = list_first(&writer->orders)))
	{
		Order *order = list_object(node, Order, in_writer);

		order->is_uncertain = order->is_uncertain || order->state == ORDER_SENT;
		order_refuse(order, ERROR_UNAVAILABLE, "the relay ends", AWAY_RETRY_MS);
		end_order(writer, order);
	}
	for (unsigned i = 0; writer->lanes && i <= writer->lane_count; i++)
		lane_free(writer->lanes[i]);
	free(writer->lanes);
	turns_free(writer->turns);
	quotas_free(writer->users);
	free(writer);
}
