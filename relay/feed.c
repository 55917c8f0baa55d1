/*
 * feed.c
 *	  Follows the event log of the database.
 *
 * After every connect, in this order: find the schema of the extension, LISTEN,
 * prepare, read from the position.  LISTEN before reading, or an event between
 * the two would wait for the next poll.  A notification is only a bell: its
 * content is ignored, and a poll replaces it when it is lost.
 *
 * The connection never holds a transaction open: a listener inside one would
 * pin the server's notification queue.
 *
 * The position lives in the stream, not here and not on disk.  The first read
 * of the process asks for the end of the log (position NULL); from then on the
 * position of the last event handed up is all the state there is.
 */
#include "feed.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "pg.h"

/* The order of the columns of the prepared read. */
enum
{
	COLUMN_POSITION,
	COLUMN_TICK,
	COLUMN_ID,
	COLUMN_ORGANIZATION,
	COLUMN_TYPE,
	COLUMN_PRODUCT,
	COLUMN_WAREHOUSE,
	COLUMN_SUBJECT,
	COLUMN_OP,
	COLUMN_DATA,
	COLUMN_CREATED_AT_US,
	COLUMN_ROUND_AGE_MS,
	COLUMN_MORE,
	COLUMN_PID
};

static const char read_columns[] =
	"SELECT r.position, r.tick, r.id, r.organization_id, r.type, r.product_id, r.warehouse_id, r.subject, r.op, r.data, "
	"(extract(epoch FROM r.created_at) * 1000000)::bigint, r.round_age_ms, r.more, pg_catalog.pg_backend_pid() "
	"FROM ";

static const char find_extension[] =
	"SET search_path TO pg_catalog, pg_temp; "
	"SELECT n.nspname, pg_catalog.current_setting('inventory.notify_channel', true), pg_catalog.pg_backend_pid() "
	"FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace "
	"WHERE e.extname = 'pg_inventory'";

struct Feed
{
	Pg *pg;
	Stream *stream;
	const FeedPace *pace;
	int64_t query_timeout_ms;
	const FeedHandlers *handlers;
	void *owner;
	LoopTimer *poll;

	char *schema; /* quoted */
	int backend_pid;
	bool is_following;	  /* listening and prepared */
	bool wants_read;	  /* the bell rang during a read */
	int64_t read_at_ms;	  /* of the last answer; 0: none on this connection */
	int64_t round_age_ms; /* at that time; -1: no publisher has run */
	LogGate pooler_gate;
};

static void
fail_setup(Feed *feed, const char *what, const PgResult *result)
{
	char why[512];

	snprintf(why, sizeof why, "%s: %s (%s)", what, pg_result_message(result), pg_result_sqlstate(result));
	pg_lose(feed->pg, why);
}

/* Reading */

static void handle_read(void *owner, const PgResult *result);

static void
read_log(Feed *feed)
{
	char batch[24];
	const char *position = stream_position(feed->stream);
	const char *parameters[] = {*position ? position : NULL, batch};

	snprintf(batch, sizeof batch, "%lld", (long long) feed->pace->read_batch);
	feed->wants_read = false;
	loop_timer_stop(feed->poll);
	metrics_add(METRIC_DATABASE_READS, 1);
	pg_execute(feed->pg, "read", 2, parameters, handle_read, feed);
}

static void
handle_bell(void *owner)
{
	Feed *feed = owner;

	if (!feed->is_following || pg_is_busy(feed->pg))
		feed->wants_read = true;
	else
		read_log(feed);
}

static bool
hand_up(Feed *feed, const PgResult *result, int row)
{
	const char *data = pg_result_text(result, row, COLUMN_DATA);
	EventRow columns = {
		.position = pg_result_text(result, row, COLUMN_POSITION),
		.organization = pg_result_text(result, row, COLUMN_ORGANIZATION),
		.type = pg_result_text(result, row, COLUMN_TYPE),
		.product = pg_result_text(result, row, COLUMN_PRODUCT),
		.warehouse = pg_result_text(result, row, COLUMN_WAREHOUSE),
		.subject = pg_result_text(result, row, COLUMN_SUBJECT),
		.op = pg_result_text(result, row, COLUMN_OP),
		.data = data ? data : "null",
		.tick = pg_result_number(result, row, COLUMN_TICK),
		.id = pg_result_number(result, row, COLUMN_ID),
		.created_at_us = pg_result_number(result, row, COLUMN_CREATED_AT_US),
	};
	Event *event;
	bool is_fine;

	if (!columns.position || !columns.organization)
		return false;
	event = event_new(&columns);
	is_fine = event && stream_append(feed->stream, event);
	if (is_fine)
	{
		metrics_add(METRIC_EVENTS_READ, 1);
		feed->handlers->on_event(feed->owner, event);
	}
	event_release(event);
	return is_fine;
}

/* The closing row of every read: where the log ends, and how its publisher is. */
static bool
take_state(Feed *feed, const PgResult *result, int row)
{
	const char *position = pg_result_text(result, row, COLUMN_POSITION);

	feed->round_age_ms = pg_result_text(result, row, COLUMN_ROUND_AGE_MS)
							 ? pg_result_number(result, row, COLUMN_ROUND_AGE_MS)
							 : -1;
	feed->read_at_ms = clock_monotonic_ms();
	metrics_set(METRIC_ROUND_AGE, feed->round_age_ms < 0 ? NAN : (double) feed->round_age_ms / 1000);
	if (pg_result_is_true(result, row, COLUMN_MORE))
		feed->wants_read = true;
	return position && stream_advance(feed->stream, position, pg_result_number(result, row, COLUMN_TICK));
}

/*
 * A pooler in transaction mode gives each query to whatever backend is free.
 * Our LISTEN is then on another one, or on none.
 */
static bool
is_same_backend(Feed *feed, const PgResult *result, int row)
{
	return pg_result_number(result, row, COLUMN_PID) == feed->backend_pid;
}

static void
follow_rows(Feed *feed, const PgResult *result)
{
	int last = pg_result_count(result) - 1;

	if (last < 0 || !is_same_backend(feed, result, last))
	{
		pg_lose(feed->pg, "the backend changed under us: a pooler in transaction mode cannot carry LISTEN, "
						  "connect to PostgreSQL itself");
		return;
	}
	for (int row = 0; row < last; row++)
		if (!hand_up(feed, result, row))
		{
			pg_lose(feed->pg, "an event could not be taken in");
			return;
		}
	if (!take_state(feed, result, last))
	{
		pg_lose(feed->pg, "the event log gave a malformed position");
		return;
	}
	if (!metrics_get(METRIC_DATABASE_UP))
		log_info("following the event log from %s", stream_position(feed->stream));
	metrics_set(METRIC_DATABASE_UP, 1);
	pg_settle(feed->pg);
	if (feed->wants_read)
		read_log(feed);
	else
		loop_timer_start(feed->poll, feed->pace->poll_interval_ms);
}

static void
restart_at_head(Feed *feed, const PgResult *result)
{
	log_warning("the position %s is lost (%s); clients must reload", stream_position(feed->stream),
				pg_result_message(result));
	stream_restart(feed->stream);
	metrics_add(METRIC_RESYNCS, 1);
	feed->handlers->on_resync(feed->owner);
	read_log(feed);
}

static void
handle_read(void *owner, const PgResult *result)
{
	Feed *feed = owner;

	if (!result)
		return;
	if (pg_result_is_fine(result))
		follow_rows(feed, result);
	else if (strcmp(pg_result_sqlstate(result), "IV410") == 0 && *stream_position(feed->stream))
		restart_at_head(feed, result);
	else
		fail_setup(feed, "the event log could not be read", result);
}

/* Setting up */

static void
handle_prepared(void *owner, const PgResult *result)
{
	Feed *feed = owner;

	if (!result)
		return;
	if (!pg_result_is_fine(result))
	{
		fail_setup(feed, "the read could not be prepared", result);
		return;
	}
	feed->is_following = true;
	read_log(feed);
}

static void
handle_listening(void *owner, const PgResult *result)
{
	Feed *feed = owner;
	Buf sql = {0};

	if (!result)
		return;
	if (!pg_result_is_fine(result))
	{
		fail_setup(feed, "could not listen", result);
		return;
	}
	buf_append_text(&sql, read_columns);
	buf_printf(&sql, "%s.inventory_relay_read($1::text, $2::integer) AS r", feed->schema);
	pg_prepare(feed->pg, "read", buf_text(&sql), handle_prepared, feed);
	buf_free(&sql);
}

static void
listen_on(Feed *feed, const char *channel)
{
	char *quoted = pg_quote_name(feed->pg, channel);
	Buf sql = {0};

	buf_printf(&sql, "SET statement_timeout TO %lld; "
					 "SET idle_in_transaction_session_timeout TO 10000; LISTEN %s",
			   (long long) feed->query_timeout_ms, quoted ? quoted : "pg_inventory");
	pg_run(feed->pg, buf_text(&sql), handle_listening, feed);
	buf_free(&sql);
	free(quoted);
}

static void
handle_extension(void *owner, const PgResult *result)
{
	Feed *feed = owner;
	const char *channel;

	if (!result)
		return;
	if (!pg_result_is_fine(result))
		fail_setup(feed, "the extension could not be looked up", result);
	else if (pg_result_count(result) == 0)
		pg_lose(feed->pg, "the extension pg_inventory is not installed in this database (CREATE EXTENSION pg_inventory)");
	else
	{
		channel = pg_result_text(result, 0, 1);
		feed->backend_pid = (int) pg_result_number(result, 0, 2);
		if (feed->backend_pid != pg_backend_pid(feed->pg))
			log_gated(&feed->pooler_gate, "the database is reached through a pooler; it must not pool by transaction");
		free(feed->schema);
		feed->schema = pg_quote_name(feed->pg, pg_result_text(result, 0, 0));
		listen_on(feed, channel ? channel : "pg_inventory");
	}
}

static void
handle_up(void *owner)
{
	Feed *feed = owner;

	metrics_add(METRIC_DATABASE_CONNECTS, 1);
	feed->is_following = feed->wants_read = false;
	pg_run(feed->pg, find_extension, handle_extension, feed);
}

static void
handle_down(void *owner)
{
	Feed *feed = owner;

	feed->is_following = false;
	feed->read_at_ms = 0;
	metrics_set(METRIC_DATABASE_UP, 0);
	loop_timer_stop(feed->poll);
}

Feed *
feed_new(Loop *loop, const FeedOptions *options, const FeedPace *pace, Stream *stream,
		 const FeedHandlers *handlers, void *owner)
{
	static const PgHandlers pg_handlers = {handle_up, handle_down, handle_bell};
	PgOptions pg_options = {"event log", options->dsn, options->connect_timeout_ms, options->query_timeout_ms};
	Feed *feed = calloc(1, sizeof *feed);

	if (!feed)
		return NULL;
	feed->stream = stream;
	feed->pace = pace;
	feed->query_timeout_ms = options->query_timeout_ms;
	feed->handlers = handlers;
	feed->owner = owner;
	feed->poll = loop_timer_new(loop, handle_bell, feed);
	feed->pg = pg_new(loop, &pg_options, &pg_handlers, feed);
	if (!feed->pg || !feed->poll)
	{
		feed_free(feed);
		return NULL;
	}
	metrics_set(METRIC_ROUND_AGE, NAN);
	pg_open(feed->pg);
	return feed;
}

void
feed_free(Feed *feed)
{
	if (!feed)
		return;
	pg_free(feed->pg);
	loop_timer_free(feed->poll);
	free(feed->schema);
	free(feed);
}

bool
feed_is_fresh(const Feed *feed, const char **why)
{
	int64_t since_read_ms = clock_monotonic_ms() - feed->read_at_ms;

	*why = NULL;
	if (!feed->read_at_ms)
		*why = "the database is not connected";
	else if (feed->round_age_ms < 0)
		*why = "the publisher has not run since the server started";
	else if (feed->round_age_ms > feed->pace->stale_after_ms)
		*why = "the publisher's last round is too old";
	else if (since_read_ms > feed->pace->poll_interval_ms + feed->pace->stale_after_ms)
		*why = "the event log was not read lately";
	return !*why;
}
