/*
 * pg.h
 *	  One connection to PostgreSQL that keeps itself up.
 *
 * It connects without blocking, reports when it is up, runs one query at a
 * time, passes notifications on, and after a loss connects again with growing,
 * jittered pauses.  Only a host name in the connection string can block, while
 * it is resolved; addresses and Unix sockets cannot.
 */
#ifndef PG_H
#define PG_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "loop.h"

typedef struct Pg Pg;
typedef struct PgResult PgResult;

typedef struct PgOptions
{
	const char *name; /* for the log: "event log" */
	const char *dsn;
	int64_t connect_timeout_ms;
	int64_t query_timeout_ms;
} PgOptions;

/* Whether a connection string can be read; if not, error gets one sentence. */
bool pg_check_dsn(const char *dsn, Buf *error);

typedef struct PgHandlers
{
	void (*on_up)(void *owner);		/* queries may be sent */
	void (*on_down)(void *owner);	/* it was up; a query in flight has had its answer */
	void (*on_notify)(void *owner); /* something was notified; NULL when nobody listens */
} PgHandlers;

/*
 * Called once for each query.  result is NULL when the connection was lost
 * before the answer; it is valid during the call only.  The handler may send
 * the next query or call pg_lose().
 */
typedef void (*PgAnswer)(void *owner, const PgResult *result);

/* Copies the options.  NULL without memory.  Nothing happens before pg_open(). */
Pg *pg_new(Loop *loop, const PgOptions *options, const PgHandlers *handlers, void *owner);

/* A query in flight gets no answer.  Not to be called from a handler.  NULL is fine. */
void pg_free(Pg *pg);

/* Begins to connect, for good. */
void pg_open(Pg *pg);

/* Ends the pauses' growth: the connection has proved useful. */
void pg_settle(Pg *pg);

/* Gives the connection up, logs why, and connects again after a pause. */
void pg_lose(Pg *pg, const char *why);

bool pg_is_up(const Pg *pg);
bool pg_is_busy(const Pg *pg);

/* The process that the connection was made to; another one answering means a pooler. */
int pg_backend_pid(const Pg *pg);

/*
 * The query functions need a connection that is up and not busy.  A query that
 * cannot be sent loses the connection, so that the answer comes in every case.
 */

/* Several statements without parameters, in one transaction. */
void pg_run(Pg *pg, const char *sql, PgAnswer answer, void *owner);

/* One statement; parameters are text, NULL for null. */
void pg_query(Pg *pg, const char *sql, int count, const char *const *parameters, PgAnswer answer, void *owner);

/* Prepares a statement under a name, and executes it. */
void pg_prepare(Pg *pg, const char *name, const char *sql, PgAnswer answer, void *owner);
void pg_execute(Pg *pg, const char *name, int count, const char *const *parameters, PgAnswer answer, void *owner);

/* {"a","b"}, as PostgreSQL reads arrays of text. */
void pg_append_array(Buf *buf, size_t count, const char *const *texts);

/* An identifier quoted for SQL, to be freed with free(); NULL without memory. */
char *pg_quote_name(Pg *pg, const char *name);

/* Results */
bool pg_result_is_fine(const PgResult *result);
const char *pg_result_sqlstate(const PgResult *result);					 /* "" when there is none */
const char *pg_result_message(const PgResult *result);					 /* primary message of an error */
int pg_result_count(const PgResult *result);							 /* rows */
const char *pg_result_text(const PgResult *result, int row, int column); /* NULL for null */
int64_t pg_result_number(const PgResult *result, int row, int column);	 /* 0 for null */
bool pg_result_is_true(const PgResult *result, int row, int column);

#endif
