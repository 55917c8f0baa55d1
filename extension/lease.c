/*
 * lease.c
 *	  Leases: what keeps viewers present.
 *
 * A time that lies in the future by more than the timeout is as overdue as one
 * in the past: the clock has been set back, and who is alive has renewed since.
 */
#include "postgres.h"

#include "catalog.h"
#include "errors.h"
#include "lease.h"
#include "statement.h"
#include "viewer.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#define IS_OVERDUE "(last_seen < pg_catalog.clock_timestamp() - $1 * interval '1 ms'" \
				   " OR last_seen > pg_catalog.clock_timestamp() + $1 * interval '1 ms')"

static InvStatement renew_statement = {
	.sql = "UPDATE @schema@.presence_session SET last_seen = pg_catalog.clock_timestamp() WHERE session_id = $1",
	.arg_count = 1,
	.arg_types = {TEXTOID}};

static InvStatement begin_statement = {
	.sql = "INSERT INTO @schema@.presence_session AS s (session_id, kind) VALUES ($1, $2)"
		   " ON CONFLICT (session_id) DO UPDATE SET last_seen = pg_catalog.clock_timestamp()",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

static InvStatement hold_statement = {
	.sql = "SELECT FROM @schema@.presence_session WHERE session_id = $1 FOR KEY SHARE",
	.arg_count = 1,
	.arg_types = {TEXTOID}};

static InvStatement overdue_statement = {
	.sql = "SELECT session_id FROM @schema@.presence_session WHERE " IS_OVERDUE " ORDER BY last_seen",
	.arg_count = 1,
	.arg_types = {INT4OID}};

static InvStatement lock_statement = {
	.sql = "SELECT FROM @schema@.presence_session WHERE session_id = $2 AND " IS_OVERDUE " FOR UPDATE SKIP LOCKED",
	.arg_count = 2,
	.arg_types = {INT4OID, TEXTOID}};

static InvStatement end_statement = {
	.sql = "DELETE FROM @schema@.presence_session WHERE session_id = $1",
	.arg_count = 1,
	.arg_types = {TEXTOID}};

bool
inv_lease_renew(const char *session_id, const char *kind)
{
	Datum values[2] = {CStringGetTextDatum(session_id), CStringGetTextDatum(kind)};
	bool was_there;

	inv_statement_connect();
	inv_statement_run(&renew_statement, values, NULL);
	was_there = SPI_processed > 0;
	if (!was_there)
		inv_statement_run(&begin_statement, values, NULL);
	inv_statement_finish();
	return was_there;
}

void
inv_lease_hold(const char *session_id, InvDeadline *deadline)
{
	Datum values[1] = {CStringGetTextDatum(session_id)};
	bool is_there;

	inv_statement_connect();
	inv_statement_run_within(&hold_statement, values, NULL, deadline);
	is_there = SPI_processed > 0;
	inv_statement_finish();
	if (!is_there)
		ereport(ERROR,
				errcode(INV_ERRCODE_GONE),
				errmsg("the lease is over"),
				errhint("Begin it with presence_touch(), and track everybody who hangs on it again."));
}

List *
inv_lease_overdue(int timeout_ms)
{
	Datum values[1] = {Int32GetDatum(timeout_ms)};
	MemoryContext context = CurrentMemoryContext;
	MemoryContext in_spi;
	List *ids = NIL;

	inv_statement_connect();
	inv_statement_run(&overdue_statement, values, NULL);
	in_spi = MemoryContextSwitchTo(context);
	for (uint64 row = 0; row < SPI_processed; row++)
		ids = lappend(ids, inv_statement_text(row, 1));
	MemoryContextSwitchTo(in_spi);
	inv_statement_finish();
	return ids;
}

static bool
lock_overdue(const char *session_id, int timeout_ms)
{
	Datum values[2] = {Int32GetDatum(timeout_ms), CStringGetTextDatum(session_id)};
	bool is_locked;

	inv_statement_connect();
	inv_statement_run(&lock_statement, values, NULL);
	is_locked = SPI_processed > 0;
	inv_statement_finish();
	return is_locked;
}

int
inv_lease_end(const char *session_id, int timeout_ms)
{
	Datum values[1] = {CStringGetTextDatum(session_id)};
	int viewers;

	if (!lock_overdue(session_id, timeout_ms))
		return -1;
	viewers = inv_viewer_leave_lease(session_id);
	if (viewers < 0)
		return -1;
	inv_statement_connect();
	inv_statement_run(&end_statement, values, NULL);
	inv_statement_finish();
	return viewers;
}
