/*
 * status.c
 *	  inventory_status(): how the workers, the log and the counters are.
 *
 * One row per component: the launcher, each worker of this database, each
 * relay that is connected, and the database itself with its counters.
 */
#include "postgres.h"

#include "catalog.h"
#include "json.h"
#include "pg_inventory.h"
#include "shared.h"
#include "statement.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

enum
{
	COL_COMPONENT,
	COL_PID,
	COL_STATE,
	COL_STARTED_AT,
	COL_LAST_ROUND_AT,
	COL_LAST_TICK,
	COL_LAG,
	COL_LAST_ERROR,
	COL_DETAILS,
	COL_COUNT
};

typedef struct Row
{
	Datum values[COL_COUNT];
	bool nulls[COL_COUNT];
} Row;

static void
begin_row(Row *row, const char *component, const char *state)
{
	memset(row->nulls, true, sizeof(row->nulls));
	row->values[COL_COMPONENT] = CStringGetTextDatum(component);
	row->values[COL_STATE] = CStringGetTextDatum(state);
	row->nulls[COL_COMPONENT] = row->nulls[COL_STATE] = false;
}

static void
set_value(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static void
put_row(ReturnSetInfo *result, Row *row)
{
	tuplestore_putvalues(result->setResult, result->setDesc, row->values, row->nulls);
}

static void
put_launcher(ReturnSetInfo *result)
{
	Row row;
	pid_t pid;
	bool is_short;

	LWLockAcquire(inv_shared->lock, LW_SHARED);
	pid = inv_shared->launcher_pid;
	is_short = inv_shared->is_short_of_slots;
	LWLockRelease(inv_shared->lock);
	begin_row(&row, "launcher", pid == 0 ? "not running" : "running");
	if (pid != 0)
		set_value(&row, COL_PID, Int32GetDatum(pid));
	if (is_short)
		set_value(&row, COL_LAST_ERROR,
				  CStringGetTextDatum(psprintf("max_worker_processes (%d) leaves no room for the workers", max_worker_processes)));
	put_row(result, &row);
}

static Datum
interval_since(TimestampTz time)
{
	return DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(GetCurrentTimestamp()), TimestampTzGetDatum(time));
}

static void
put_worker(ReturnSetInfo *result, const char *component, InvWorkerKind kind)
{
	InvDatabase *mine = inv_shared_mine();
	InvWorkerState state = {0};
	Row row;

	if (mine != NULL)
	{
		LWLockAcquire(inv_shared->lock, LW_SHARED);
		state = mine->workers[kind];
		LWLockRelease(inv_shared->lock);
	}
	begin_row(&row, component, state.pid != 0 ? "running" : state.is_starting ? "starting"
																			  : "not running");
	if (state.pid != 0)
		set_value(&row, COL_PID, Int32GetDatum(state.pid));
	if (state.started_at != 0)
		set_value(&row, COL_STARTED_AT, TimestampTzGetDatum(state.started_at));
	if (state.last_round != 0)
	{
		set_value(&row, COL_LAST_ROUND_AT, TimestampTzGetDatum(state.last_round));
		set_value(&row, COL_LAG, interval_since(state.last_round));
	}
	if (kind == INV_PUBLISHER && state.last_result > 0)
		set_value(&row, COL_LAST_TICK, Int64GetDatum(state.last_result));
	if (state.last_error[0] != '\0')
		set_value(&row, COL_LAST_ERROR, CStringGetTextDatum(state.last_error));
	put_row(result, &row);
}

static InvStatement relays_statement = {
	.sql = "SELECT pid, state, backend_start, state_change FROM pg_catalog.pg_stat_activity"
		   " WHERE datname = pg_catalog.current_database() AND application_name LIKE 'inventory-relay%'"
		   " ORDER BY backend_start, pid"};

static void
put_relays(ReturnSetInfo *result)
{
	inv_statement_run(&relays_statement, NULL, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *state = inv_statement_text(i, 2);
		bool is_null;
		Row row;

		begin_row(&row, "relay", state == NULL ? "unknown" : state);
		set_value(&row, COL_PID, inv_statement_value(i, 1, &is_null));
		set_value(&row, COL_STARTED_AT, inv_statement_value(i, 3, &is_null));
		set_value(&row, COL_LAST_ROUND_AT, inv_statement_value(i, 4, &is_null));
		put_row(result, &row);
	}
}

/* The oldest transaction still open is what may hide events from the ticks. */
static InvStatement database_statement = {
	.sql = "SELECT (SELECT pg_catalog.max(id) FROM @schema@.inventory_tick),"
		   " (SELECT pg_catalog.min(xact_start) FROM pg_catalog.pg_stat_activity"
		   "   WHERE backend_xid IS NOT NULL AND datname = pg_catalog.current_database()),"
		   " pg_catalog.pg_notification_queue_usage() * 100,"
		   " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xacts"
		   "   WHERE database = pg_catalog.current_database())"};

static char *
details_of_database(TimestampTz oldest)
{
	static const char *const names[INV_COUNTER_COUNT] = {
		[INV_COUNTER_CHANGES] = "changes",
		[INV_COUNTER_RETRIES] = "retries",
		[INV_COUNTER_LOCK_TIMEOUTS] = "lockTimeouts",
		[INV_COUNTER_STALE_VERSIONS] = "staleVersions",
		[INV_COUNTER_SHORTAGES] = "shortages",
	};
	InvDatabase *mine = inv_shared_mine();
	InvJson json;

	inv_json_begin(&json);
	for (int i = 0; i < INV_COUNTER_COUNT; i++)
		inv_json_number(&json, names[i], mine == NULL ? 0 : (int64) pg_atomic_read_u64(&mine->counters[i]));
	inv_json_time(&json, "oldestOpenTransaction", oldest);
	inv_json_number(&json, "preparedTransactions", DatumGetInt64(inv_statement_value(0, 4, NULL)));
	inv_json_number(&json, "notifyQueueUsagePercent", (int64) DatumGetFloat8(inv_statement_value(0, 3, NULL)));
	return inv_json_end(&json);
}

static void
put_database(ReturnSetInfo *result)
{
	Row row;
	bool is_null;
	Datum oldest;

	inv_statement_run(&database_statement, NULL, NULL);
	begin_row(&row, "database", inv_shared_mine() == NULL ? "not served" : "served");
	set_value(&row, COL_LAST_TICK, inv_statement_value(0, 1, NULL));
	oldest = inv_statement_value(0, 2, &is_null);
	set_value(&row, COL_DETAILS,
			  CStringGetTextDatum(details_of_database(is_null ? DT_NOBEGIN : DatumGetTimestampTz(oldest))));
	put_row(result, &row);
}

PG_FUNCTION_INFO_V1(inventory_status);

Datum
inventory_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	(void) inv_catalog_of_function(fcinfo);
	InitMaterializedSRF(fcinfo, 0);
	put_launcher(result);
	put_worker(result, "publisher", INV_PUBLISHER);
	put_worker(result, "janitor", INV_JANITOR);
	inv_statement_connect();
	put_relays(result);
	put_database(result);
	inv_statement_finish();
	return (Datum) 0;
}
