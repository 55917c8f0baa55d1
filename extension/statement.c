/*
 * statement.c
 *	  Prepared statements of the session, for everything but the hot path.
 */
#include "postgres.h"

#include "catalog.h"
#include "statement.h"

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define SCHEMA_MARK "@schema@"

void
inv_statement_connect(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
inv_statement_finish(void)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

static char *
with_schema(const char *sql, const char *schema_name)
{
	StringInfoData text;
	const char *mark;

	initStringInfo(&text);
	while ((mark = strstr(sql, SCHEMA_MARK)) != NULL)
	{
		appendBinaryStringInfo(&text, sql, mark - sql);
		appendStringInfoString(&text, schema_name);
		sql = mark + strlen(SCHEMA_MARK);
	}
	appendStringInfoString(&text, sql);
	return text.data;
}

static bool
is_prepared(const InvStatement *statement, const char *schema_name)
{
	return statement->plan != NULL && strcmp(statement->schema_name, schema_name) == 0;
}

static void
prepare(InvStatement *statement, const char *schema_name)
{
	SPIPlanPtr plan = SPI_prepare_cursor(with_schema(statement->sql, schema_name),
										 statement->arg_count, statement->arg_types,
										 CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL)
		elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
	SPI_keepplan(plan);
	if (statement->plan != NULL)
	{
		SPI_freeplan(statement->plan);
		pfree(statement->schema_name);
		statement->plan = NULL;
	}
	statement->schema_name = MemoryContextStrdup(TopMemoryContext, schema_name);
	statement->plan = plan;
}

static void
run(InvStatement *statement, Datum *values, const char *nulls, bool read_only)
{
	const char *schema_name = inv_catalog()->schema_name;
	MemoryContext context = CurrentMemoryContext;
	int result;

	if (!is_prepared(statement, schema_name))
		prepare(statement, schema_name);
	result = SPI_execute_plan(statement->plan, values, nulls, read_only, 0);
	/* SPI leaves us in its own context, whatever the caller had chosen */
	MemoryContextSwitchTo(context);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
}

void
inv_statement_run(InvStatement *statement, Datum *values, const char *nulls)
{
	run(statement, values, nulls, false);
}

void
inv_statement_run_within(InvStatement *statement, Datum *values, const char *nulls, InvDeadline *deadline)
{
	inv_deadline_arm(deadline);
	PG_TRY();
	{
		run(statement, values, nulls, false);
	}
	PG_CATCH();
	{
		inv_deadline_rethrow(deadline);
	}
	PG_END_TRY();
}

/* The leader of a parallel query may take no other but a catalogue's snapshot; it is as new. */
static Snapshot
latest_snapshot(void)
{
	if (!IsInParallelMode())
		return GetLatestSnapshot();
	InvalidateCatalogSnapshot();
	return GetCatalogSnapshot(InvalidOid);
}

void
inv_statement_run_latest(InvStatement *statement, Datum *values)
{
	PushActiveSnapshot(latest_snapshot());
	run(statement, values, NULL, true);
	PopActiveSnapshot();
}

Datum
inv_statement_value(uint64 row, int column, bool *is_null)
{
	bool ignored;

	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column,
						 is_null == NULL ? &ignored : is_null);
}

char *
inv_statement_text(uint64 row, int column)
{
	bool is_null;
	Datum value = inv_statement_value(row, column, &is_null);
	char *in_spi;
	char *copy;

	if (is_null)
		return NULL;
	in_spi = TextDatumGetCString(value);
	copy = SPI_palloc(strlen(in_spi) + 1);
	strcpy(copy, in_spi);
	return copy;
}
