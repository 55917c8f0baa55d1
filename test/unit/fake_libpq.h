/*
 * fake_libpq.h
 *	  A libpq that does what a test tells it.
 *
 * Stands in for the library, so that every way a connection can fail is had
 * without a server.
 */
#ifndef FAKE_LIBPQ_H
#define FAKE_LIBPQ_H

#include <libpq-fe.h>
#include <stdbool.h>

typedef struct FakeServer
{
	bool refuses_start;					 /* PQconnectStartParams gives a bad connection */
	PostgresPollingStatusType next_step; /* what PQconnectPoll answers */
	bool is_broken;						 /* PQconsumeInput fails */
	bool refuses_queries;				 /* sending fails */
	int unsent_rounds;					 /* PQflush leaves bytes so often */
	int notification_count;				 /* waiting to be taken */
	bool has_answer;					 /* the query in flight can be read */
	ExecStatusType answers[4];			 /* its results; PGRES_EMPTY_QUERY ends them */
	const char *sqlstate;				 /* of the error among them */
	const char *message;				 /* PQerrorMessage */

	/* What was seen. */
	int connection_count; /* opened and not finished */
	int started_count;
	char last_sql[200];
	char conninfo[400]; /* keyword=value of the last start */
} FakeServer;

extern FakeServer fake_server;

#endif
