/*
 * order.h
 *	  An operation on its way: for whom, under which key, until when.
 *
 * An order is on one list at a time, that of who has it: a lane or the writer.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access.h"
#include "list.h"
#include "operation.h"
#include "verdict.h"

/* See writer.h. */
typedef void (*OrderAnswer)(void *line, const Operation *operation, const Verdict *verdict);

typedef enum OrderState
{
	ORDER_HELD,	   /* waits for its turn */
	ORDER_WAITING, /* in a lane, for the next call */
	ORDER_SENT	   /* in the call that is on its way */
} OrderState;

typedef struct Order
{
	ListNode in_list;
	ListNode in_writer;
	OrderState state;
	Operation operation; /* its things are numbered for all organizations */
	Identity *identity;
	char key[OPERATION_KEY_SIZE + 1];
	int64_t deadline_ms;
	OrderAnswer answer; /* NULL once it is answered */
	void *line;

	size_t company;		 /* of how many a call may be that it is part of */
	unsigned loss_count; /* connections that went down under it */
	bool is_uncertain;	 /* it was sent, and the answer was lost */
	ErrorCode late_code; /* what keeps it, should it be late */
} Order;

/* Takes the operation, and holds the identity.  NULL without memory, and nothing is taken. */
Order *order_new(Identity *identity, Operation *take_operation, OrderAnswer answer, void *line);

/* Takes it off its lists. */
void order_free(Order *order, Access *access);

/* Answers, unless that was done; an answered order may still be on its way. */
void order_answer(Order *order, const Verdict *verdict);

/* The answer that it is not done, in the words given; with the key when nobody knows. */
void order_refuse(Order *order, ErrorCode code, const char *message, int64_t retry_after_ms);

/* Memory that it takes. */
size_t order_size(const Order *order);

/* Whether both touch the same one thing, and no other. */
bool order_is_of_same_thing(const Order *order, const Order *other);

#endif
