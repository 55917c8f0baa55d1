/*
 * pg.c
 *	  One connection to PostgreSQL that keeps itself up.
 *
 * The only file that knows libpq.  The states:
 *
 *	  PG_CLOSED      before pg_open()
 *	  PG_PAUSING     the retry timer runs
 *	  PG_CONNECTING  PQconnectPoll() goes step by step; the deadline runs
 *	  PG_UP          a query is in flight (deadline runs) or none
 *
 * The loop owns the descriptors it watches, so it gets a dup() of libpq's
 * socket.  A step of connecting may change the socket: the watch is renewed
 * after each.
 *
 * A cut cable says nothing.  Keepalives find it when we are idle, the TCP user
 * timeout when we wait for an acknowledgement, and the deadline of each query
 * finds a server that is alive but stuck.
 */
#include "pg.h"

#include <libpq-fe.h>
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "log.h"

/* Short enough that the first event comes within seconds of a restart. */
#define PAUSE_FIRST_MS 100
#define PAUSE_LONGEST_MS 2000

typedef enum PgState
{
	PG_CLOSED,
	PG_PAUSING,
	PG_CONNECTING,
	PG_UP
} PgState;

struct Pg
{
	Loop *loop;
	char *name;
	char *dsn;
	int64_t connect_timeout_ms;
	int64_t query_timeout_ms;
	const PgHandlers *handlers;
	void *owner;

	PgState state;
	PGconn *connection;
	LoopWatch *watch;
	LoopTimer *retry;
	LoopTimer *deadline;
	unsigned attempt;	 /* since the connection last settled */
	unsigned first_host; /* of those in the connection string, the one to begin with */
	unsigned generation; /* of connections; tells a handler's caller that it was lost */
	LogGate gate;

	bool is_busy;
	PgAnswer answer;
	void *answer_owner;
	PGresult *result; /* the first error, or the last result, of the query in flight */
};

struct PgResult
{
	PGresult *result;
};

static void connect_step(void *owner);
static void begin_connecting(void *owner);
static void receive(void *owner);
static void flush_output(void *owner);
static void miss_deadline(void *owner);

bool
pg_check_dsn(const char *dsn, Buf *error)
{
	char *why = NULL;
	PQconninfoOption *options = PQconninfoParse(dsn, &why);

	if (!options)
		buf_printf(error, "option dsn: %.*s", (int) strcspn(why ? why : "out of memory", "\n"), why ? why : "out of memory");
	PQconninfoFree(options);
	PQfreemem(why);
	return options != NULL;
}

Pg *
pg_new(Loop *loop, const PgOptions *options, const PgHandlers *handlers, void *owner)
{
	Pg *pg = calloc(1, sizeof *pg);

	if (!pg)
		return NULL;
	pg->loop = loop;
	pg->name = strdup(options->name);
	pg->dsn = strdup(options->dsn);
	pg->connect_timeout_ms = options->connect_timeout_ms;
	pg->query_timeout_ms = options->query_timeout_ms;
	pg->handlers = handlers;
	pg->owner = owner;
	pg->retry = loop_timer_new(loop, begin_connecting, pg);
	pg->deadline = loop_timer_new(loop, miss_deadline, pg);
	if (pg->name && pg->dsn && pg->retry && pg->deadline)
		return pg;
	pg_free(pg);
	return NULL;
}

static void
drop_connection(Pg *pg)
{
	loop_watch_free(pg->watch);
	pg->watch = NULL;
	loop_timer_stop(pg->deadline);
	PQclear(pg->result);
	pg->result = NULL;
	PQfinish(pg->connection);
	pg->connection = NULL;
	pg->generation++;
}

void
pg_free(Pg *pg)
{
	if (!pg)
		return;
	if (pg->deadline)
		drop_connection(pg);
	loop_timer_free(pg->retry);
	loop_timer_free(pg->deadline);
	free(pg->name);
	free(pg->dsn);
	free(pg);
}

/* Coming up and going down */

/* Half fixed, half random, so that many relays do not come back in step. */
static int64_t
next_pause_ms(Pg *pg)
{
	int64_t pause = PAUSE_FIRST_MS;
	uint32_t random = 0;

	for (unsigned i = 0; i < pg->attempt && pause < PAUSE_LONGEST_MS; i++)
		pause *= 2;
	if (pause > PAUSE_LONGEST_MS)
		pause = PAUSE_LONGEST_MS;
	pg->attempt++;
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
		random = 0;
	return pause / 2 + random % (pause / 2 + 1);
}

void
pg_lose(Pg *pg, const char *why)
{
	bool was_up = pg->state == PG_UP;
	bool was_busy = pg->is_busy;

	if (pg->state == PG_PAUSING)
		return;
	log_gated(&pg->gate, "%s: database connection lost: %s", pg->name, why);
	drop_connection(pg);
	pg->state = PG_PAUSING;
	pg->is_busy = false;
	loop_timer_start(pg->retry, next_pause_ms(pg));
	if (was_busy)
		pg->answer(pg->answer_owner, NULL);
	if (was_up)
		pg->handlers->on_down(pg->owner);
}

/* libpq's message, on one line. */
static void
lose_with_message(Pg *pg)
{
	char text[LOG_LINE_SIZE];
	char *end;

	strncpy(text, PQerrorMessage(pg->connection), sizeof text - 1);
	text[sizeof text - 1] = '\0';
	end = text + strlen(text);
	while (end > text && end[-1] == '\n')
		*--end = '\0';
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = ' ';
	pg_lose(pg, *text ? text : "the server closed the connection");
}

/*
 * libpq goes on to the next host when one refuses, but waits for ever for one
 * that takes the connection and says nothing.  The next attempt begins with
 * the host behind.
 */
static void
miss_deadline(void *owner)
{
	Pg *pg = owner;

	pg->first_host++;
	pg_lose(pg, pg->state == PG_UP ? "no answer within query-timeout" : "not connected within connect-timeout");
}

static void
handle_watch_closed(void *owner)
{
	Pg *pg = owner;

	loop_watch_free(pg->watch);
	pg->watch = NULL;
	if (pg->state == PG_CONNECTING)
		connect_step(pg);
	else
		pg_lose(pg, "the server closed the connection");
}

static bool
watch_socket(Pg *pg, const WatchHandlers *handlers)
{
	loop_watch_free(pg->watch);
	pg->watch = loop_watch(pg->loop, PQsocket(pg->connection), handlers, pg);
	return pg->watch != NULL;
}

static void
ignore_notice(void *owner, const char *message)
{
	(void) owner;
	log_debug("database: %s", message);
}

static void
come_up(Pg *pg)
{
	static const WatchHandlers handlers = {receive, flush_output, handle_watch_closed};

	loop_timer_stop(pg->deadline);
	PQsetNoticeProcessor(pg->connection, ignore_notice, NULL);
	if (PQsetnonblocking(pg->connection, 1) != 0 || !watch_socket(pg, &handlers))
	{
		pg_lose(pg, "the socket cannot be watched");
		return;
	}
	pg->state = PG_UP;
	pg->handlers->on_up(pg->owner);
}

static void
connect_step(void *owner)
{
	static const WatchHandlers handlers = {connect_step, connect_step, handle_watch_closed};
	Pg *pg = owner;

	switch (PQconnectPoll(pg->connection))
	{
		case PGRES_POLLING_OK:
			come_up(pg);
			break;
		case PGRES_POLLING_READING:
			if (!watch_socket(pg, &handlers))
				pg_lose(pg, "the socket cannot be watched");
			break;
		case PGRES_POLLING_WRITING:
			if (!watch_socket(pg, &handlers))
				pg_lose(pg, "the socket cannot be watched");
			else
				loop_watch_want_write(pg->watch);
			break;
		default:
			lose_with_message(pg);
			break;
	}
}

/* The items of a comma-separated list, from the nth on and round; one alone is for all hosts and stays. */
static char *
turn_list(const char *list, unsigned first)
{
	size_t size = strlen(list);
	unsigned count = 1;
	const char *cut = list;
	char *turned = malloc(size + 1);

	for (const char *c = list; *c; c++)
		count += *c == ',';
	for (first %= count; first; first--)
		cut = strchr(cut, ',') + 1;
	if (!turned)
		return NULL;
	if (cut == list)
		memcpy(turned, list, size + 1);
	else
		sprintf(turned, "%s,%.*s", cut, (int) (cut - list - 1), list);
	return turned;
}

/* Adds what the connection string says of hosts, begun elsewhere. */
static void
turn_hosts(const Pg *pg, const char **keywords, const char **values)
{
	static const char *const lists[] = {"host", "hostaddr", "port"};
	PQconninfoOption *options = pg->first_host ? PQconninfoParse(pg->dsn, NULL) : NULL;

	for (PQconninfoOption *option = options; option && option->keyword; option++)
		for (size_t i = 0; i < 3; i++)
			if (strcmp(option->keyword, lists[i]) == 0 && option->val && (*values = turn_list(option->val, pg->first_host)))
			{
				*keywords++ = lists[i];
				values++;
			}
	PQconninfoFree(options);
}

/*
 * Entries before the expanded "dbname" are defaults that the connection string
 * may override.  tcp_user_timeout also bounds the attempt on each host, which
 * libpq's connect_timeout does not when it is not allowed to block.
 */
static void
begin_connecting(void *owner)
{
	const char *keywords[13] = {"fallback_application_name", "target_session_attrs", "keepalives_idle",
								"keepalives_interval", "keepalives_count", "tcp_user_timeout",
								"connect_timeout", "client_encoding", "dbname"};
	Pg *pg = owner;
	const char *values[13] = {"inventory-relay", "read-write", "10", "5", "3", "5000", "5", "UTF8", pg->dsn};

	pg->state = PG_CONNECTING;
	loop_timer_start(pg->deadline, pg->connect_timeout_ms);
	turn_hosts(pg, keywords + 9, values + 9);
	pg->connection = PQconnectStartParams(keywords, values, 1);
	for (int i = 9; values[i]; i++)
		free((char *) (uintptr_t) values[i]);
	if (!pg->connection)
		pg_lose(pg, "out of memory");
	else if (PQstatus(pg->connection) == CONNECTION_BAD)
		lose_with_message(pg);
	else
	{
		static const WatchHandlers handlers = {connect_step, connect_step, handle_watch_closed};

		if (!watch_socket(pg, &handlers))
			pg_lose(pg, "the socket cannot be watched");
		else
			loop_watch_want_write(pg->watch);
	}
}

void
pg_open(Pg *pg)
{
	assert(pg->state == PG_CLOSED);
	begin_connecting(pg);
}

void
pg_settle(Pg *pg)
{
	pg->attempt = 0;
	pg->first_host = 0;
	pg->gate = (LogGate){0};
}

bool
pg_is_up(const Pg *pg)
{
	return pg->state == PG_UP;
}

bool
pg_is_busy(const Pg *pg)
{
	return pg->is_busy;
}

int
pg_backend_pid(const Pg *pg)
{
	return PQbackendPID(pg->connection);
}

/* Receiving */

static void
finish_query(Pg *pg)
{
	PgResult result = {pg->result};

	pg->result = NULL;
	pg->is_busy = false;
	loop_timer_stop(pg->deadline);
	pg->answer(pg->answer_owner, &result);
	PQclear(result.result);
}

/* Of several statements the first failure counts, else the last result. */
static void
keep_result(Pg *pg, PGresult *result)
{
	if (pg->result && PQresultStatus(pg->result) == PGRES_FATAL_ERROR)
	{
		PQclear(result);
		return;
	}
	PQclear(pg->result);
	pg->result = result;
}

/*
 * When the connection ends in the middle of a query, libpq makes a result that
 * says so.  It is no answer: what became of the query nobody knows, even if a
 * result came before, which the server sends before it commits.  One of the
 * server's has a SQLSTATE.
 */
static bool
is_no_answer(const Pg *pg, const PGresult *result)
{
	return PQstatus(pg->connection) == CONNECTION_BAD && PQresultStatus(result) == PGRES_FATAL_ERROR &&
		   !PQresultErrorField(result, PG_DIAG_SQLSTATE);
}

static void
take_results(Pg *pg)
{
	while (pg->is_busy && !PQisBusy(pg->connection))
	{
		PGresult *result = PQgetResult(pg->connection);

		if (result && is_no_answer(pg, result))
		{
			PQclear(result);
			PQclear(pg->result);
			pg->result = NULL;
			return;
		}
		if (result)
			keep_result(pg, result);
		else
		{
			finish_query(pg);
			return;
		}
	}
}

static bool
take_notifications(Pg *pg)
{
	bool is_notified = false;
	PGnotify *notification;

	while ((notification = PQnotifies(pg->connection)))
	{
		is_notified = true;
		PQfreemem(notification);
	}
	return is_notified;
}

static void
receive(void *owner)
{
	Pg *pg = owner;
	unsigned generation = pg->generation;

	if (!PQconsumeInput(pg->connection))
	{
		take_results(pg); /* the server's last words, such as "terminating connection" */
		if (generation == pg->generation)
			lose_with_message(pg);
		return;
	}
	take_results(pg);
	if (generation == pg->generation && PQstatus(pg->connection) == CONNECTION_BAD)
		lose_with_message(pg);
	else if (generation == pg->generation && take_notifications(pg) && pg->handlers->on_notify)
		pg->handlers->on_notify(pg->owner);
}

/* Sending */

static void
flush_output(void *owner)
{
	Pg *pg = owner;

	switch (PQflush(pg->connection))
	{
		case 0:
			break;
		case 1:
			loop_watch_want_write(pg->watch);
			break;
		default:
			lose_with_message(pg);
			break;
	}
}

static void
begin_query(Pg *pg, PgAnswer answer, void *owner)
{
	assert(pg->state == PG_UP && !pg->is_busy);
	pg->is_busy = true;
	pg->answer = answer;
	pg->answer_owner = owner;
	loop_timer_start(pg->deadline, pg->query_timeout_ms);
}

static void
end_sending(Pg *pg, int is_sent)
{
	if (is_sent)
		flush_output(pg);
	else
		lose_with_message(pg);
}

void
pg_run(Pg *pg, const char *sql, PgAnswer answer, void *owner)
{
	begin_query(pg, answer, owner);
	end_sending(pg, PQsendQuery(pg->connection, sql));
}

void
pg_query(Pg *pg, const char *sql, int count, const char *const *parameters, PgAnswer answer, void *owner)
{
	begin_query(pg, answer, owner);
	end_sending(pg, PQsendQueryParams(pg->connection, sql, count, NULL, parameters, NULL, NULL, 0));
}

void
pg_prepare(Pg *pg, const char *name, const char *sql, PgAnswer answer, void *owner)
{
	begin_query(pg, answer, owner);
	end_sending(pg, PQsendPrepare(pg->connection, name, sql, 0, NULL));
}

void
pg_execute(Pg *pg, const char *name, int count, const char *const *parameters, PgAnswer answer, void *owner)
{
	begin_query(pg, answer, owner);
	end_sending(pg, PQsendQueryPrepared(pg->connection, name, count, parameters, NULL, NULL, 0));
}

char *
pg_quote_name(Pg *pg, const char *name)
{
	char *quoted = PQescapeIdentifier(pg->connection, name, strlen(name));
	char *copy = quoted ? strdup(quoted) : NULL;

	PQfreemem(quoted);
	return copy;
}

void
pg_append_array(Buf *buf, size_t count, const char *const *texts)
{
	buf_append_char(buf, '{');
	for (size_t i = 0; i < count; i++)
	{
		buf_append_text(buf, i ? ",\"" : "\"");
		for (const char *c = texts[i]; *c; c++)
		{
			if (*c == '"' || *c == '\\')
				buf_append_char(buf, '\\');
			buf_append_char(buf, *c);
		}
		buf_append_char(buf, '"');
	}
	buf_append_char(buf, '}');
}

/* Results */

bool
pg_result_is_fine(const PgResult *result)
{
	ExecStatusType status = PQresultStatus(result->result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

const char *
pg_result_sqlstate(const PgResult *result)
{
	const char *sqlstate = PQresultErrorField(result->result, PG_DIAG_SQLSTATE);

	return sqlstate ? sqlstate : "";
}

const char *
pg_result_message(const PgResult *result)
{
	const char *message = PQresultErrorField(result->result, PG_DIAG_MESSAGE_PRIMARY);

	return message ? message : "no message";
}

int
pg_result_count(const PgResult *result)
{
	return PQntuples(result->result);
}

const char *
pg_result_text(const PgResult *result, int row, int column)
{
	return PQgetisnull(result->result, row, column) ? NULL : PQgetvalue(result->result, row, column);
}

int64_t
pg_result_number(const PgResult *result, int row, int column)
{
	const char *text = pg_result_text(result, row, column);

	return text ? strtoll(text, NULL, 10) : 0;
}

bool
pg_result_is_true(const PgResult *result, int row, int column)
{
	const char *text = pg_result_text(result, row, column);

	return text && text[0] == 't';
}
