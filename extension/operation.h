/*
 * operation.h
 *	  One wanted operation, from whatever caller: the verb and its arguments.
 *
 * SQL functions fill it from their arguments, inventory_sync() from JSON; from
 * then on there is one way for all (execute.c).  Arguments are checked while
 * it is filled, so judging it needs only the stock.
 */
#ifndef INV_OPERATION_H
#define INV_OPERATION_H

#include "postgres.h"

#include "arguments.h"
#include "fmgr.h"
#include "item.h"
#include "movement.h"
#include "nodes/pg_list.h"
#include "reservation.h"
#include "scope.h"
#include "stock.h"
#include "utils/jsonb.h"

typedef enum InvVerb
{
	INV_VERB_DEFINE,
	INV_VERB_RETIRE,
	INV_VERB_ADJUST,
	INV_VERB_APPLY,
	INV_VERB_SET,
	INV_VERB_BATCH_SET,
	INV_VERB_RESERVE,
	INV_VERB_COMMIT,
	INV_VERB_RELEASE,
	INV_VERB_TRANSFER,
	INV_VERBS
} InvVerb;

/* One item of an operation, and what is wanted of it. */
typedef struct InvLine
{
	InvItemKey key;
	InvMovementType type;
	int64 quantity; /* as asked */
	int64 delta;	/* wanted change of the available quantity */
	InvShortage on_shortage;
	int64 expected_version;
	const char *batch_number;
	TimestampTz expires_at; /* DT_NOBEGIN = not given, DT_NOEND = never */
} InvLine;

/* What inventory_define() sets; an item keeps what is not given. */
typedef struct InvDefinition
{
	bool has_minimum_stock;
	int64 minimum_stock;
	bool has_stock_floor;
	int64 stock_floor;
	bool has_track_batches;
	bool track_batches;
	bool has_attributes;
	Datum attributes; /* jsonb */
	int64 initial_quantity;
} InvDefinition;

/* How an operation ended that was refused. */
typedef struct InvRefusal
{
	int sqlstate;
	const char *message;
	const char *detail;
	const char *hint;
} InvRefusal;

typedef struct InvOperation
{
	InvVerb verb;
	int seq; /* place in the call, from 1 */
	const InvScope *scope;
	InvTail tail;
	List *lines; /* of InvLine; none for commit and release of everything */
	InvDefinition definition;
	bool has_expected_quantity;
	int64 expected_quantity;
	TimestampTz counted_at; /* DT_NOBEGIN = now */
	const char *batch_status;
	const char *reservation_id;
	bool has_ttl; /* else it is that of the settings */
	int64 ttl_ms;

	/* filled by idempotency.c */
	bytea *request_hash;
	bool is_claimed;				   /* the key is ours */
	ItemPointerData claim;			   /* its row */
	struct InvOperation *duplicate_of; /* the same key came earlier in this call */

	/* filled by execute.c */
	const char *operation_id; /* the key, or what groups several changes; may be NULL */
	InvReservation *reservation;
	bool is_busy;	  /* somebody else has its key or reservation, and waiting is over */
	List *movements;  /* what it did, of InvMovement */
	Datum answer;	  /* jsonb: its changes, as stored under its key; 0 = not made yet */
	bool is_replayed; /* the key has been used: the answer is that of the first time */
	InvRefusal *refusal;
} InvOperation;

extern const char *inv_verb_name(InvVerb verb);

extern InvOperation *inv_operation_new(InvVerb verb, const InvScope *scope);
extern InvLine *inv_operation_add_line(InvOperation *operation, const char *product_id, const char *warehouse_id);

/* Sets type and delta from what the caller said; raises 22023. */
extern void inv_line_set_movement(InvLine *line, const char *movement_type, int64 quantity);
extern void inv_line_set_shortage(InvLine *line, const char *on_shortage);
extern void inv_line_set_batch(InvLine *line, const char *batch_number, TimestampTz expires_at);
extern void inv_line_set_version(InvLine *line, bool is_given, int64 expected_version);

/* Lines given as JSON: of a cart, or of quantities to reserve or commit. */
extern void inv_operation_add_lines(InvOperation *operation, const JsonbValue *elements, int count);

extern void inv_definition_check(const InvDefinition *definition);
extern void inv_operation_set_count(InvOperation *operation, int64 quantity, TimestampTz counted_at);
extern void inv_operation_set_ttl(InvOperation *operation, bool is_given, int64 ttl_ms);
/* NULL: reserve makes an id. */
extern void inv_operation_set_reservation(InvOperation *operation, const char *reservation_id);
extern void inv_operation_set_transfer(InvOperation *operation, const char *product_id, const char *from_warehouse_id,
									   const char *to_warehouse_id, int64 quantity, const char *batch_number);
extern void inv_operation_set_batch_status(InvOperation *operation, const char *status);

/* The last step of filling: checks who acts, and merges lines of the same item. */
extern void inv_operation_seal(InvOperation *operation);

/* What tells a retry from a key used twice: all arguments, normalized. */
extern char *inv_operation_fingerprint(const InvOperation *operation);

/*
 * To be called in PG_CATCH(): takes an error that is a refusal of ours and
 * clears it; any other (out of memory, a cancel) goes on.
 */
extern InvRefusal *inv_refusal_take(MemoryContext context);

#endif
