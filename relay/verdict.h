/*
 * verdict.h
 *	  How an operation ended, and what its SQLSTATE means to clients.
 *
 * docs/errors.md has the same table for people.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "protocol.h"

typedef struct Verdict
{
	bool is_done; /* applied, now or before */
	bool is_replayed;
	const char *result; /* of what is done: the rows, as JSON of the database */

	/* Of what is not done. */
	ErrorCode code;
	const char *message;
	const char *detail; /* the database's; NULL: none */
	int64_t retry_after_ms;
	const char *key; /* NULL, or the key to ask again with, since the outcome is not known */
} Verdict;

/* The code of a SQLSTATE. */
ErrorCode verdict_code(const char *sqlstate);

/* The HTTP status of a code. */
int verdict_status(ErrorCode code);

/* Whether a failed call may succeed when it is simply repeated. */
bool verdict_is_passing(const char *sqlstate);

/* Appends the details of a refusal as a JSON object; nothing when there are none. */
void verdict_append_details(Buf *buf, const Verdict *verdict);

#endif
