/*
 * order.c
 *	  An operation on its way: for whom, under which key, until when.
 */
#include "order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "hash.h"
#include "metrics.h"

/*
 * A version 7 UUID (RFC 9562, section 5.7): it begins with the time, so that
 * new keys come to the end of the database's index and not all over it.
 */
static bool
make_key(char key[OPERATION_KEY_SIZE + 1])
{
	static const char digits[] = "0123456789abcdef";
	int64_t now_ms = clock_wall_us() / 1000;
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		return false;
	for (int i = 0; i < 6; i++)
		bytes[i] = (unsigned char) (now_ms >> (40 - 8 * i));
	bytes[6] = (unsigned char) ((bytes[6] & 0x0f) | 0x70);
	bytes[8] = (unsigned char) ((bytes[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof bytes; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*key++ = '-';
		*key++ = digits[bytes[i] >> 4];
		*key++ = digits[bytes[i] & 0x0f];
	}
	*key = '\0';
	return true;
}

Order *
order_new(Identity *identity, Operation *take_operation, OrderAnswer answer, void *line)
{
	Order *order = calloc(1, sizeof *order);

	if (!order)
		return NULL;
	strcpy(order->key, take_operation->key);
	if (!*order->key && !make_key(order->key))
	{
		free(order);
		return NULL;
	}
	order->operation = *take_operation;
	*take_operation = (Operation){0};
	for (size_t i = 0; i < order->operation.thing_count; i++)
		order->operation.things[i] = hash_text(order->operation.things[i], identity_organization(identity));
	order->identity = access_share(identity);
	order->deadline_ms = clock_monotonic_ms() + order->operation.timeout_ms;
	order->company = SIZE_MAX;
	order->late_code = ERROR_TIMEOUT;
	order->answer = answer;
	order->line = line;
	return order;
}

void
order_free(Order *order, Access *access)
{
	list_remove(&order->in_list);
	list_remove(&order->in_writer);
	access_leave(access, order->identity);
	operation_clear(&order->operation);
	free(order);
}

static void
count_verdict(const Verdict *verdict)
{
	if (verdict->is_done)
		metrics_add(verdict->is_replayed ? METRIC_OPERATIONS_REPLAYED : METRIC_OPERATIONS_APPLIED, 1);
	else
		metrics_add(METRIC_OPERATIONS_REFUSED, 1);
}

void
order_answer(Order *order, const Verdict *verdict)
{
	OrderAnswer answer = order->answer;

	order->answer = NULL;
	if (!answer)
		return;
	count_verdict(verdict);
	answer(order->line, &order->operation, verdict);
}

void
order_refuse(Order *order, ErrorCode code, const char *message, int64_t retry_after_ms)
{
	Verdict verdict = {
		.code = code,
		.message = message,
		.retry_after_ms = retry_after_ms,
		.key = order->is_uncertain ? order->key : NULL,
	};

	order_answer(order, &verdict);
}

size_t
order_size(const Order *order)
{
	return sizeof *order + order->operation.arguments.size + order->operation.thing_count * sizeof(uint64_t);
}

bool
order_is_of_same_thing(const Order *order, const Order *other)
{
	return order->operation.thing_count == 1 && other->operation.thing_count == 1 &&
		   order->operation.things[0] == other->operation.things[0];
}
