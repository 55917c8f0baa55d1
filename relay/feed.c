/*
 * feed.c
 *	  Follows the event log of the database.
 *
 * After every connect, in this order: find the schema of the extension, LISTEN,
 * prepare, read from the position.  LISTEN before reading, or an event between
 * the two would wait for the next poll.  A notification is only a bell: its
 * content is ignored, and a poll replaces it when it is lost.
 *
 * Reads are repeatable, so that the head which a read reports is of the same
 * moment as its events: what is after the one is not before the other.
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
#include "log_row.h"
#include "metrics.h"
#include "pg.h"

static const char find_extension[] =
	"SET search_path TO pg_catalog, pg_temp; "
	"SELECT n.nspname, pg_catalog.current_setting('inventory.notify_channel', true), pg_catalog.pg_backend_pid() "
	"FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace "
	"WHERE e.extname = 'pg_inventory'";

/* What we have prepared is not there: this is another backend. */
#define PREPARED_NOWHERE "26000"

struct Feed
{
	Pg *pg;
	Stream *stream;
	const FeedPace *pace;
	int64_t query_timeout_ms;
	const FeedHandlers *handlers;
	void *owner;
	LoopTimer *poll;

	int64_t recent_count;
	char past[POSITION_SIZE + 1]; /* while the ring is filled with what was: how far; else "" */
	char *schema;				  /* quoted */
	int backend_pid;
	bool is_following;	  /* listening and prepared */
	bool has_more;		  /* the last read did not reach the end */
	bool wants_read;	  /* the bell rang during a read */
	bool is_restarting;	  /* the log begins anew, and its end is not known yet */
	int64_t read_at_ms;	  /* of the last answer; 0: none on this connection */
	int64_t round_age_ms; /* at that time; -1: no publisher has run */
	LogGate pooler_gate;
};

static const char pooler_refused[] = "the backend changed under us: a pooler in transaction mode cannot carry LISTEN, "
									 "connect to PostgreSQL itself";

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
	const char *position = *feed->past ? feed->past : stream_position(feed->stream);
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
	Event *event = log_row_event(result, row);
	bool is_past = *feed->past;
	bool is_fine = event && (is_past ? stream_lay_past(feed->stream, event) : stream_append(feed->stream, event));

	if (is_fine)
		metrics_add(METRIC_EVENTS_READ, 1);
	if (is_fine && (!is_past || event_is_access(event)))
		feed->handlers->on_event(feed->owner, event);
	event_release(event);
	return is_fine;
}

/* The past is read page by page, and over with the last. */
static bool
take_past(Feed *feed, const LogEnd *end)
{
	if (!end->position || !stream_is_position(end->position))
		return false;
	strcpy(feed->past, end->has_more ? end->position : "");
	return true;
}

static bool
take_end(Feed *feed, const LogEnd *end)
{
	feed->round_age_ms = end->round_age_ms;
	feed->read_at_ms = clock_monotonic_ms();
	metrics_set(METRIC_ROUND_AGE, feed->round_age_ms < 0 ? NAN : (double) feed->round_age_ms / 1000);
	feed->has_more = end->has_more;
	if (end->has_more)
		feed->wants_read = true;
	return end->position && stream_advance(feed->stream, end->position, end->tick);
}

/* What could not be said before the new end of the log was known. */
static void
tell_progress(Feed *feed)
{
	if (feed->is_restarting)
	{
		feed->is_restarting = false;
		feed->handlers->on_resync(feed->owner);
	}
	feed->handlers->on_progress(feed->owner);
}

static void
follow_rows(Feed *feed, const PgResult *result)
{
	int last = pg_result_count(result) - 1;
	LogEnd end = {0};

	if (last >= 0)
		end = log_row_end(result, last);

	/*
	 * A pooler in transaction mode gives each query to whatever backend is
	 * free.  Our LISTEN is then on another one, or on none.
	 */
	if (end.backend_pid != feed->backend_pid)
	{
		pg_lose(feed->pg, pooler_refused);
		return;
	}
	for (int row = 0; row < last; row++)
		if (!hand_up(feed, result, row))
		{
			pg_lose(feed->pg, "an event could not be taken in");
			return;
		}
	if (*feed->past && take_past(feed, &end) && *feed->past)
	{
		read_log(feed);
		return;
	}
	if (!take_end(feed, &end))
	{
		pg_lose(feed->pg, "the event log gave a malformed position");
		return;
	}
	if (!metrics_get(METRIC_DATABASE_UP))
		log_info("following the event log from %s", stream_position(feed->stream));
	metrics_set(METRIC_DATABASE_UP, 1);
	pg_settle(feed->pg);
	tell_progress(feed);
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
	metrics_add(METRIC_RESYNCS_LOG, 1);
	feed->is_restarting = true;
	read_log(feed);
}

/* Nothing hangs on the past: without it more clients must be helped by the database. */
static void
forget_past(Feed *feed)
{
	if (!*feed->past)
		return;
	feed->past[0] = '\0';
	stream_restart(feed->stream);
}

static void
handle_read(void *owner, const PgResult *result)
{
	Feed *feed = owner;

	if (!result)
		return;
	if (pg_result_is_fine(result))
		follow_rows(feed, result);
	else if (*feed->past)
	{
		forget_past(feed);
		read_log(feed);
	}
	else if (strcmp(pg_result_sqlstate(result), "IV410") == 0 && *stream_position(feed->stream))
		restart_at_head(feed, result);
	else if (strcmp(pg_result_sqlstate(result), PREPARED_NOWHERE) == 0)
		pg_lose(feed->pg, pooler_refused);
	else
		fail_setup(feed, "the event log could not be read", result);
}

/* Setting up */

/* A database that is older than this function, or does not let us, has no past. */
static void
handle_recent(void *owner, const PgResult *result)
{
	Feed *feed = owner;
	const char *position = NULL;

	if (!result)
		return;
	if (pg_result_is_fine(result) && pg_result_count(result) > 0)
		position = pg_result_text(result, 0, 0);
	else
		log_debug("the ring begins empty: %s", pg_result_message(result));
	if (position && stream_begin_past(feed->stream, position))
		strcpy(feed->past, position);
	read_log(feed);
}

static void
ask_recent(Feed *feed)
{
	char count[24];
	const char *parameters[] = {count};
	Buf sql = {0};

	snprintf(count, sizeof count, "%lld", (long long) feed->recent_count);
	buf_printf(&sql, "SELECT %s.inventory_relay_recent($1::integer)", feed->schema);
	pg_query(feed->pg, buf_text(&sql), 1, parameters, handle_recent, feed);
	buf_free(&sql);
}

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
	if (feed->recent_count && !*stream_position(feed->stream) && !feed->is_restarting)
		ask_recent(feed);
	else
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
	buf_printf(&sql, "SELECT %s FROM ", log_row_columns);
	buf_printf(&sql, "%s.inventory_relay_read($1::text, $2::integer) AS r", feed->schema);
	pg_prepare(feed->pg, "read", buf_text(&sql), handle_prepared, feed);
	buf_free(&sql);
}

static void
listen_on(Feed *feed, const char *channel)
{
	char *quoted = pg_quote_name(feed->pg, channel);
	Buf sql = {0};

	buf_printf(&sql, "SET statement_timeout TO %lld; SET default_transaction_isolation TO 'repeatable read'; "
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
	/* this may be another server, or the same without what it had not put on disk */
	if (*stream_position(feed->stream))
		stream_doubt(feed->stream);
	pg_run(feed->pg, find_extension, handle_extension, feed);
}

static void
handle_down(void *owner)
{
	Feed *feed = owner;

	feed->is_following = false;
	feed->read_at_ms = 0;
	forget_past(feed);
	stream_doubt(feed->stream);
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
	feed->recent_count = options->recent_count;
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
feed_has_more(const Feed *feed)
{
	return feed->has_more;
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
