/*
 * log_row.h
 *	  Rows of inventory_relay_read(), and what they become.
 *
 * Read in two places: by the feed, which follows the log, and for clients that
 * come back from further behind than the ring reaches.
 */
#ifndef LOG_ROW_H
#define LOG_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "pg.h"

/* The list between SELECT and FROM; the function is to be called r. */
extern const char log_row_columns[];

/* What the closing row of every read says: where the log ends, and how its publisher is. */
typedef struct LogEnd
{
	const char *position; /* NULL when the row is none of ours */
	int64_t tick;
	int64_t round_age_ms; /* -1: no publisher has run */
	bool has_more;
	int backend_pid;
} LogEnd;

/* NULL when the row is malformed, or without memory. */
Event *log_row_event(const PgResult *result, int row);

LogEnd log_row_end(const PgResult *result, int row);

#endif
