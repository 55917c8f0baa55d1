/*
 * log.c
 *	  The SQL-callable readers of the event log.
 *
 * Both readers go the same way: the rest of the tick they stand in, then tick
 * by tick, until there is nothing more or enough has been read.  They differ
 * in whose events they show.
 */
#include "postgres.h"

#include "arguments.h"
#include "catalog.h"
#include "doorbell.h"
#include "errors.h"
#include "scope.h"
#include "shared.h"
#include "statement.h"
#include "tick.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* More would build a result of gigabytes: read on from the last position. */
#define MAX_EVENTS 100000

typedef struct Reader
{
	ReturnSetInfo *result;
	InvPosition position;  /* after the last event read */
	const InvScope *scope; /* NULL = a relay's: everything, with subjects */
	int64 limit;		   /* events still wanted */
	bool has_more;
} Reader;

static void
raise_position_lost(void)
{
	ereport(ERROR,
			errcode(INV_ERRCODE_GONE),
			errmsg("the position is no longer in the event log"),
			errdetail("It is older than what is kept, or belongs to another history of this database."),
			errhint("Read the present state, and go on from inventory_position()."));
}

/* The columns of both result types, the last three for relays only. */
static void
put_event(Reader *reader, const InvLoggedEvent *event)
{
	Datum values[14];
	bool nulls[14] = {false};
	int n = 0;

	values[n++] = CStringGetTextDatum(inv_position_text(&reader->position));
	values[n++] = Int64GetDatum(reader->position.tick);
	values[n++] = Int64GetDatum(event->id);
	for (int i = 0; i < LOGGED_COUNT; i++)
	{
		if (i == LOGGED_SUBJECT && reader->scope != NULL)
			continue;
		values[n] = event->values[i];
		nulls[n++] = event->nulls[i];
	}
	while (n < reader->result->setDesc->natts)
		nulls[n++] = true;
	tuplestore_putvalues(reader->result->setResult, reader->result->setDesc, values, nulls);
}

/*
 * The rest of the tick the reader stands in.  One more than wanted is read:
 * without it, an event would not be known as the last of its tick.
 */
static void
read_tick(Reader *reader)
{
	uint64 found = inv_tick_read(&reader->position, reader->scope, reader->limit + 1);
	uint64 taken = Min(found, (uint64) reader->limit);

	for (uint64 row = 0; row < taken; row++)
	{
		InvLoggedEvent event;

		inv_tick_event(row, &event);
		reader->position.is_end = row + 1 == found;
		reader->position.is_access = event.is_access;
		reader->position.event_id = event.id;
		put_event(reader, &event);
	}
	reader->limit -= taken;
	reader->has_more = found > taken;
	if (!reader->has_more)
		reader->position.is_end = true;
}

static void
read_on(Reader *reader)
{
	if (!reader->position.is_end)
		read_tick(reader);
	while (!reader->has_more)
	{
		InvPosition next;

		if (!inv_tick_next(&reader->position, &next))
			return;
		reader->has_more = reader->limit == 0;
		if (reader->has_more)
			return;
		reader->position = next;
		read_tick(reader);
		CHECK_FOR_INTERRUPTS();
	}
}

/* False when the caller gave no position. */
static bool
read_arguments(FunctionCallInfo fcinfo, Reader *reader)
{
	int32 limit;

	memset(reader, 0, sizeof(Reader));
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("max_events must not be null"));
	limit = PG_GETARG_INT32(1);
	if (limit < 1 || limit > MAX_EVENTS)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("max_events must be between 1 and %d, not %d", MAX_EVENTS, limit));
	reader->limit = limit;
	InitMaterializedSRF(fcinfo, 0);
	reader->result = (ReturnSetInfo *) fcinfo->resultinfo;
	if (PG_ARGISNULL(0))
		return false;
	inv_position_parse(inv_arg_text(fcinfo, 0), &reader->position);
	return true;
}

static void
require_kept(const InvPosition *position)
{
	if (!inv_tick_is_kept(position))
		raise_position_lost();
}

/* Checked again at the end: what was read is whole only if it is still kept. */
static void
read_from(Reader *reader)
{
	InvPosition start = reader->position;

	require_kept(&start);
	read_on(reader);
	require_kept(&start);
}

PG_FUNCTION_INFO_V1(inventory_events);

/* inventory_events(after_position text, max_events integer) */
Datum
inventory_events(PG_FUNCTION_ARGS)
{
	InvScope scope;
	Reader reader;
	bool has_position = read_arguments(fcinfo, &reader);

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(&scope);
	reader.scope = &scope;
	inv_statement_connect();
	if (!has_position)
		inv_tick_oldest(&reader.position);
	read_from(&reader);
	inv_statement_finish();
	return (Datum) 0;
}

/* How long ago the publisher looked last, which is how fresh the log is. */
static bool
publisher_round_age_ms(int64 *age_ms)
{
	InvDatabase *mine = inv_shared_mine();
	TimestampTz last_round = 0;

	if (mine != NULL)
	{
		LWLockAcquire(inv_shared->lock, LW_SHARED);
		last_round = mine->workers[INV_PUBLISHER].last_round;
		LWLockRelease(inv_shared->lock);
	}
	if (last_round == 0)
		return false;
	*age_ms = TimestampDifferenceMilliseconds(last_round, GetCurrentTimestamp());
	return true;
}

static void
put_head(Reader *reader)
{
	Datum values[14] = {0};
	bool nulls[14];
	InvPosition head;
	int64 age_ms = 0;

	memset(nulls, true, sizeof(nulls));
	inv_tick_head(&head);
	values[0] = CStringGetTextDatum(inv_position_text(&reader->position));
	values[1] = Int64GetDatum(reader->position.tick);
	values[11] = CStringGetTextDatum(inv_position_text(&head));
	nulls[12] = !publisher_round_age_ms(&age_ms);
	values[12] = Int64GetDatum(age_ms);
	values[13] = BoolGetDatum(reader->has_more);
	nulls[0] = nulls[1] = nulls[11] = nulls[13] = false;
	tuplestore_putvalues(reader->result->setResult, reader->result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(inventory_relay_read);

/* inventory_relay_read(after_position text, max_events integer) */
Datum
inventory_relay_read(PG_FUNCTION_ARGS)
{
	Reader reader;
	bool has_position = read_arguments(fcinfo, &reader);

	(void) inv_catalog_of_function(fcinfo);
	inv_statement_connect();
	if (has_position)
		read_from(&reader);
	else
		inv_tick_head(&reader.position);
	put_head(&reader);
	inv_statement_finish();
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(inventory_position);

Datum
inventory_position(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvPosition head;

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(&scope);
	inv_statement_connect();
	inv_tick_head(&head);
	inv_statement_finish();
	PG_RETURN_TEXT_P(cstring_to_text(inv_position_text(&head)));
}

PG_FUNCTION_INFO_V1(inventory_relay_want_tick);

/*
 * inventory_relay_want_tick(tick bigint): the publisher is to reach this tick,
 * with empty ones if need be.  Returns its argument.
 */
Datum
inventory_relay_want_tick(PG_FUNCTION_ARGS)
{
	InvDatabase *mine = inv_shared_mine();
	uint64 wanted = (uint64) PG_GETARG_INT64(0);
	uint64 before;

	if (mine == NULL)
		PG_RETURN_INT64((int64) wanted);
	before = pg_atomic_read_u64(&mine->tick_wanted);
	while (before < wanted && !pg_atomic_compare_exchange_u64(&mine->tick_wanted, &before, wanted))
		continue;
	inv_doorbell_ring();
	PG_RETURN_INT64((int64) wanted);
}
