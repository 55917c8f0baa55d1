/*
 * fake_libpq.c
 *	  A libpq that does what a test tells it.
 */
#include "fake_libpq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FakeServer fake_server;

struct pg_conn
{
	int next_answer;
};

struct pg_result
{
	ExecStatusType status;
};

/* Words divided by spaces, keyword=value. */
PQconninfoOption *
PQconninfoParse(const char *text, char **why)
{
	PQconninfoOption *options = calloc(8, sizeof *options);
	char *copy = strdup(text);
	char *rest;
	int count = 0;

	for (char *word = strtok_r(copy, " ", &rest); word && strchr(word, '='); word = strtok_r(NULL, " ", &rest))
	{
		options[count].keyword = strndup(word, strcspn(word, "="));
		options[count++].val = strdup(strchr(word, '=') + 1);
	}
	free(copy);
	if (count)
		return options;
	free(options);
	if (why)
		*why = strdup("missing \"=\" after what stands here\n");
	return NULL;
}

void
PQconninfoFree(PQconninfoOption *options)
{
	for (PQconninfoOption *option = options; option && option->keyword; option++)
	{
		free(option->keyword);
		free(option->val);
	}
	free(options);
}

PGconn *
PQconnectStartParams(const char *const *keywords, const char *const *values, int expand_dbname)
{
	(void) expand_dbname;
	fake_server.started_count++;
	fake_server.connection_count++;
	fake_server.conninfo[0] = '\0';
	for (int i = 0; keywords[i]; i++)
		snprintf(fake_server.conninfo + strlen(fake_server.conninfo),
				 sizeof fake_server.conninfo - strlen(fake_server.conninfo), "%s=%s;", keywords[i], values[i]);
	return calloc(1, sizeof(PGconn));
}

void
PQfinish(PGconn *connection)
{
	fake_server.connection_count -= connection != NULL;
	free(connection);
}

ConnStatusType
PQstatus(const PGconn *connection)
{
	(void) connection;
	return fake_server.refuses_start ? CONNECTION_BAD : CONNECTION_STARTED;
}

PostgresPollingStatusType
PQconnectPoll(PGconn *connection)
{
	(void) connection;
	return fake_server.next_step;
}

int
PQsocket(const PGconn *connection)
{
	(void) connection;
	return 0;
}

char *
PQerrorMessage(const PGconn *connection)
{
	(void) connection;
	return (char *) (fake_server.message ? fake_server.message : "");
}

PQnoticeProcessor
PQsetNoticeProcessor(PGconn *connection, PQnoticeProcessor processor, void *owner)
{
	(void) connection, (void) processor, (void) owner;
	return NULL;
}

int
PQsetnonblocking(PGconn *connection, int is_nonblocking)
{
	(void) connection, (void) is_nonblocking;
	return 0;
}

int
PQbackendPID(const PGconn *connection)
{
	(void) connection;
	return 4711;
}

int
PQconsumeInput(PGconn *connection)
{
	(void) connection;
	return !fake_server.is_broken;
}

int
PQisBusy(PGconn *connection)
{
	(void) connection;
	return !fake_server.has_answer;
}

PGresult *
PQgetResult(PGconn *connection)
{
	ExecStatusType status = fake_server.answers[connection->next_answer++];
	PGresult *result;

	if (status == PGRES_EMPTY_QUERY)
	{
		connection->next_answer = 0;
		fake_server.has_answer = false;
		return NULL;
	}
	result = calloc(1, sizeof *result);
	result->status = status;
	return result;
}

void
PQclear(PGresult *result)
{
	free(result);
}

ExecStatusType
PQresultStatus(const PGresult *result)
{
	return result ? result->status : PGRES_FATAL_ERROR;
}

char *
PQresultErrorField(const PGresult *result, int field)
{
	if (PQresultStatus(result) != PGRES_FATAL_ERROR)
		return NULL;
	return field == PG_DIAG_SQLSTATE ? (char *) fake_server.sqlstate : "it failed";
}

PGnotify *
PQnotifies(PGconn *connection)
{
	(void) connection;
	return fake_server.notification_count-- > 0 ? calloc(1, sizeof(PGnotify)) : (fake_server.notification_count = 0, NULL);
}

void
PQfreemem(void *memory)
{
	free(memory);
}

int
PQflush(PGconn *connection)
{
	(void) connection;
	return fake_server.unsent_rounds > 0 ? fake_server.unsent_rounds--, 1 : 0;
}

static int
send_query(const char *sql)
{
	snprintf(fake_server.last_sql, sizeof fake_server.last_sql, "%s", sql);
	return !fake_server.refuses_queries;
}

int
PQsendQuery(PGconn *connection, const char *sql)
{
	(void) connection;
	return send_query(sql);
}

int
PQsendQueryParams(PGconn *connection, const char *sql, int count, const Oid *types, const char *const *values,
				  const int *lengths, const int *formats, int result_format)
{
	(void) connection, (void) count, (void) types, (void) values, (void) lengths, (void) formats, (void) result_format;
	return send_query(sql);
}

int
PQsendPrepare(PGconn *connection, const char *name, const char *sql, int count, const Oid *types)
{
	(void) connection, (void) name, (void) count, (void) types;
	return send_query(sql);
}

int
PQsendQueryPrepared(PGconn *connection, const char *name, int count, const char *const *values, const int *lengths,
					const int *formats, int result_format)
{
	(void) connection, (void) count, (void) values, (void) lengths, (void) formats, (void) result_format;
	return send_query(name);
}

char *
PQescapeIdentifier(PGconn *connection, const char *text, size_t size)
{
	char *quoted = malloc(size + 3);

	(void) connection;
	sprintf(quoted, "\"%s\"", text);
	return quoted;
}

int
PQntuples(const PGresult *result)
{
	(void) result;
	return 0;
}

int
PQgetisnull(const PGresult *result, int row, int column)
{
	(void) result, (void) row, (void) column;
	return 1;
}

char *
PQgetvalue(const PGresult *result, int row, int column)
{
	(void) result, (void) row, (void) column;
	return "";
}
