/*
 * statement.h
 *	  Prepared statements of the session, for everything but the hot path.
 *
 * A statement is a static variable whose text names the extension's schema
 * as @schema@.  It is prepared at its first use, with a generic plan, and
 * again if the schema is another one by then.  Statements run with the
 * privileges of the function's owner and read what is committed now.
 */
#ifndef INV_STATEMENT_H
#define INV_STATEMENT_H

#include "postgres.h"

#include "deadline.h"

#include "executor/spi.h"

#define INV_STATEMENT_MAX_ARGS 16

typedef struct InvStatement
{
	const char *sql;
	int arg_count;
	Oid arg_types[INV_STATEMENT_MAX_ARGS];
	/* filled at the first use */
	SPIPlanPtr plan;
	char *schema_name;
} InvStatement;

/*
 * Runs a statement and leaves its rows in SPI_tuptable and SPI_processed.
 * Must be called between SPI_connect() and SPI_finish(); nulls as for
 * SPI_execute_plan, NULL = no argument is null.
 */
extern void inv_statement_run(InvStatement *statement, Datum *values, const char *nulls);

/* The same for one that waits for rows of others, within a deadline. */
extern void inv_statement_run_within(InvStatement *statement, Datum *values, const char *nulls, InvDeadline *deadline);

/* The same for a reading statement, with a snapshot of this moment at any isolation level. */
extern void inv_statement_run_latest(InvStatement *statement, Datum *values);

/* One value of the rows of the last statement; *is_null may be NULL. */
extern Datum inv_statement_value(uint64 row, int column, bool *is_null);

/* The same as text in the caller's memory context (not SPI's), or NULL. */
extern char *inv_statement_text(uint64 row, int column);

extern void inv_statement_connect(void);
extern void inv_statement_finish(void);

#endif
