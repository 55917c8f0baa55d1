/*
 * desk.h
 *	  Questions to the database that wait their turn.
 *
 * A desk has some connections, and each answers one question at a time, the
 * longest waiting first.  What is asked here costs the event log nothing.
 */
#ifndef DESK_H
#define DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "pg.h"

#define DESK_PARAMETER_COUNT 8
#define DESK_CONNECTION_COUNT 16

typedef struct Desk Desk;

typedef struct DeskOptions
{
	const char *name; /* for the log */
	unsigned connection_count;
	const char *dsn;
	int64_t connect_timeout_ms;
	int64_t query_timeout_ms;
} DeskOptions;

/* Called once for each question.  result is NULL when the database was not there. */
typedef void (*DeskAnswer)(void *line, const PgResult *result);

/* Copies the options, and connects for good.  NULL without memory. */
Desk *desk_new(Loop *loop, const DeskOptions *options);

/* Questions still waiting get no answer.  NULL is fine. */
void desk_free(Desk *desk);

/*
 * Asks.  "%s" in the statement becomes the schema of the extension; parameters
 * are texts, NULL for null, and copied.  False when the database is not there
 * or there is no memory: the answer then does not come.
 */
bool desk_ask(Desk *desk, const char *sql, int count, const char *const *parameters, DeskAnswer answer, void *line);

/* Whoever asked has gone: no answer comes to that line. */
void desk_forget(Desk *desk, const void *line);

/* Whether the question of that line is still waiting. */
bool desk_is_waiting(const Desk *desk, const void *line);

/* Whether questions can be asked now. */
bool desk_is_up(const Desk *desk);

/* Questions that wait or run. */
int64_t desk_count(const Desk *desk);

#endif
