/*
 * operation.h
 *	  Idempotency: a key stands for one operation, done once.
 *
 * The first thing a keyed operation does is to insert its key.  A second
 * session with the same key waits there for the first: if that commits, the
 * second answers with the stored result; if it rolls back, the second does
 * the work.  So there is no "in progress" to get stuck in.  A refused
 * operation rolls its key back too, and a retry is judged anew.
 */
#ifndef INV_OPERATION_H
#define INV_OPERATION_H

#include "postgres.h"

#include "arguments.h"
#include "lib/stringinfo.h"
#include "scope.h"
#include "stock.h"

/* What is hashed to tell whether a key comes with the same arguments again. */
typedef struct InvRequest
{
	const char *kind; /* the verb: adjust, set, ... */
	StringInfoData text;
} InvRequest;

extern void inv_request_begin(InvRequest *request, const char *kind, const InvScope *scope);
extern void inv_request_add_text(InvRequest *request, const char *value);
extern void inv_request_add_number(InvRequest *request, int64 value);
extern void inv_request_add_tail(InvRequest *request, const InvTail *tail);

/*
 * To stand between inv_stock_begin() and the work.  True: do the work, then
 * call inv_operation_end(); so it is for a call without a key, too.  False: it
 * has been done, and stock->replayed is the stored JSON array of
 * inventory_change.  Raises IV400 when the key stands for other arguments,
 * IV409 when another session kept it past the deadline.
 */
extern bool inv_operation_begin(InvStock *stock, const InvTail *tail, const InvRequest *request);
extern void inv_operation_end(InvStock *stock, const InvTail *tail);

#endif
