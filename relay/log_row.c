/*
 * log_row.c
 *	  Rows of inventory_relay_read(), and what they become.
 */
#include "log_row.h"

/* The order of the columns. */
enum
{
	COLUMN_POSITION,
	COLUMN_TICK,
	COLUMN_ID,
	COLUMN_ORGANIZATION,
	COLUMN_TYPE,
	COLUMN_PRODUCT,
	COLUMN_WAREHOUSE,
	COLUMN_SUBJECT,
	COLUMN_OP,
	COLUMN_DATA,
	COLUMN_CREATED_AT_US,
	COLUMN_ROUND_AGE_MS,
	COLUMN_MORE,
	COLUMN_HEAD,
	COLUMN_HEAD_TICK,
	COLUMN_PID
};

const char log_row_columns[] =
	"r.position, r.tick, r.id, r.organization_id, r.type, r.product_id, r.warehouse_id, r.subject, r.op, r.data, "
	"(extract(epoch FROM r.created_at) * 1000000)::bigint, r.round_age_ms, r.more, r.head, "
	"pg_catalog.split_part(r.head, '-', 1)::bigint, pg_catalog.pg_backend_pid()";

Event *
log_row_event(const PgResult *result, int row)
{
	const char *data = pg_result_text(result, row, COLUMN_DATA);
	EventRow columns = {
		.position = pg_result_text(result, row, COLUMN_POSITION),
		.organization = pg_result_text(result, row, COLUMN_ORGANIZATION),
		.type = pg_result_text(result, row, COLUMN_TYPE),
		.product = pg_result_text(result, row, COLUMN_PRODUCT),
		.warehouse = pg_result_text(result, row, COLUMN_WAREHOUSE),
		.subject = pg_result_text(result, row, COLUMN_SUBJECT),
		.op = pg_result_text(result, row, COLUMN_OP),
		.data = data ? data : "null",
		.tick = pg_result_number(result, row, COLUMN_TICK),
		.id = pg_result_number(result, row, COLUMN_ID),
		.created_at_us = pg_result_number(result, row, COLUMN_CREATED_AT_US),
	};

	return columns.position && columns.organization && columns.type ? event_new(&columns) : NULL;
}

/*
 * Of a read that was repeatable (feed.c): where to continue is behind the last tick that has events.  When there are
 * no more, everything up to the head has been read, empty ticks included, and
 * a snapshot may wait for one of those.  The tick of the head is only to be
 * had as the first number of its position.
 */
LogEnd
log_row_end(const PgResult *result, int row)
{
	bool has_more = pg_result_is_true(result, row, COLUMN_MORE);

	return (LogEnd){
		.position = pg_result_text(result, row, has_more ? COLUMN_POSITION : COLUMN_HEAD),
		.tick = pg_result_number(result, row, has_more ? COLUMN_TICK : COLUMN_HEAD_TICK),
		.round_age_ms = pg_result_text(result, row, COLUMN_ROUND_AGE_MS)
							? pg_result_number(result, row, COLUMN_ROUND_AGE_MS)
							: -1,
		.has_more = has_more,
		.backend_pid = (int) pg_result_number(result, row, COLUMN_PID),
	};
}
