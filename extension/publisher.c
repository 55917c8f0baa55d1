/*
 * publisher.c
 *	  The background worker that turns committed events into ticks.
 *
 * A round is two transactions.  The first makes the tick, under REPEATABLE
 * READ so that the snapshot it stores is exactly what it counted, and with
 * synchronous_commit on: a tick on disk has everything before it on disk, so
 * nothing that a crash could take back is ever shown to anybody.  Its id is
 * the previous one plus one as that snapshot sees it, and the primary key is
 * what stops a second publisher.
 *
 * The second transaction notifies.  It carries no authority, readers look for
 * themselves once a second, so it need not be durable and its failure must
 * not stop the ticks: a listener that sits in a transaction can fill the
 * notification queue.
 */
#include "postgres.h"

#include "catalog.h"
#include "settings.h"
#include "statement.h"
#include "tick.h"
#include "worker.h"

#include "access/xact.h"
#include "commands/async.h"
#include "pgstat.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* NOTIFY refuses 8000 bytes and more; some room is kept for the frame. */
#define MAX_EVENTS_SIZE 7900

/* After an error: the disk may be full, and a busy loop would not empty it. */
#define ERROR_PAUSE_MS 1000

/* The newest tick, and whether the round just ended has made it. */
static int64 tick_id;
static int64 tick_events;
static bool is_made;

/* A publisher that has just started knows no tick yet. */
static void
read_head(void)
{
	InvPosition head;

	inv_tick_head(&head);
	tick_id = head.tick;
}

static void
make_tick(InvWorker *worker)
{
	pg_atomic_exchange_u32(&worker->database->is_rung, 0);
	pgstat_report_activity(STATE_RUNNING, "making a tick");
	inv_worker_transaction(worker, XACT_REPEATABLE_READ);
	PushActiveSnapshot(GetTransactionSnapshot());
	inv_statement_connect();
	is_made = inv_tick_make((int64) pg_atomic_read_u64(&worker->database->tick_wanted), &tick_id, &tick_events);
	if (!is_made && tick_id == 0)
		read_head();
	inv_statement_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	inv_worker_report(worker, is_made ? tick_id : -1);
}

/* Events in full as long as they fit; false when some did not. */
static bool
append_events(StringInfo payload)
{
	InvPosition position = {.tick = tick_id, .is_access = true};
	uint64 count = inv_tick_read(&position, NULL, MAX_EVENTS_SIZE / 100);
	int start = payload->len;

	for (uint64 row = 0; row < count; row++)
	{
		InvLoggedEvent event;
		int before = payload->len;

		inv_tick_event(row, &event);
		/* who lost access is for relays, not for everybody who listens */
		if (event.is_access)
			continue;
		appendStringInfoString(payload, payload->len > start ? ",{\"type\":" : "{\"type\":");
		escape_json(payload, TextDatumGetCString(event.values[LOGGED_TYPE]));
		appendStringInfo(payload, ",\"data\":%s}", TextDatumGetCString(event.values[LOGGED_DATA]));
		if (payload->len > MAX_EVENTS_SIZE)
		{
			payload->len = before;
			payload->data[before] = '\0';
			return false;
		}
	}
	return (int64) count == tick_events;
}

static char *
payload_of_tick(void)
{
	StringInfoData payload;

	initStringInfo(&payload);
	appendStringInfo(&payload, "{\"tick\":" INT64_FORMAT ",\"events\":" INT64_FORMAT, tick_id, tick_events);
	if (inv_notify_payload == INV_PAYLOAD_EVENTS)
	{
		bool is_whole;

		appendStringInfoString(&payload, ",\"data\":[");
		inv_statement_connect();
		is_whole = append_events(&payload);
		inv_statement_finish();
		appendStringInfoString(&payload, is_whole ? "]" : "],\"more\":true");
	}
	appendStringInfoChar(&payload, '}');
	return payload.data;
}

static void
notify(InvWorker *worker)
{
	pgstat_report_activity(STATE_RUNNING, "notifying");
	inv_worker_transaction(worker, XACT_READ_COMMITTED);
	(void) set_config_option("synchronous_commit", "off", PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	PushActiveSnapshot(GetTransactionSnapshot());
	Async_Notify(inv_notify_channel, payload_of_tick());
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* The first change after a quiet time ticks at once; under load they are spaced. */
static void
wait_until_due(InvWorker *worker, TimestampTz last_tick)
{
	TimestampTz due = TimestampTzPlusMilliseconds(last_tick, inv_tick_interval_ms);
	long early_ms;

	if (pg_atomic_read_u32(&worker->database->is_rung) == 0 &&
		(int64) pg_atomic_read_u64(&worker->database->tick_wanted) <= tick_id)
		inv_worker_wait(worker, inv_poll_interval_ms);
	while ((early_ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due)) > 0)
		inv_worker_wait(worker, early_ms);
}

void
inv_publisher_main(Datum arg)
{
	InvWorker worker;
	TimestampTz last_tick = 0;

	inv_worker_begin(&worker, INV_PUBLISHER, DatumGetObjectId(arg));
	for (;;)
	{
		is_made = false;
		if (!inv_worker_round(&worker, make_tick))
			inv_worker_wait(&worker, ERROR_PAUSE_MS);
		else if (is_made)
		{
			last_tick = GetCurrentTimestamp();
			(void) inv_worker_round(&worker, notify);
		}
		wait_until_due(&worker, last_tick);
	}
}
