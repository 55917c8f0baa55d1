/*
 * arguments.c
 *	  Reads and checks the arguments of SQL-callable functions.
 */
#include "postgres.h"

#include "arguments.h"
#include "pg_inventory.h"

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* Control characters would break log lines, channel names and CSV alike. */
static bool
has_control_character(const char *value)
{
	for (const unsigned char *p = (const unsigned char *) value; *p != '\0'; p++)
	{
		if (*p < 0x20 || *p == 0x7f)
			return true;
	}
	return false;
}

static void
check_text(const char *name, const char *value, size_t min_size, size_t max_size)
{
	size_t size = strlen(value);

	if (size < min_size)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not be empty", name));
	if (size > max_size)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s is too long", name),
				errdetail("It has %zu bytes, and at most %zu are allowed.", size, max_size));
	if (has_control_character(value))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not contain control characters", name));
}

void
inv_check_id(const char *name, const char *value)
{
	if (value == NULL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not be null", name));
	check_text(name, value, 1, INV_MAX_ID_SIZE);
}

void
inv_check_label(const char *name, const char *value, size_t max_size)
{
	if (value != NULL)
		check_text(name, value, 0, max_size);
}

void
inv_check_number(const char *name, int64 value)
{
	if (value > INV_MAX_NUMBER || value < -INV_MAX_NUMBER)
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("%s is out of range", name),
				errdetail("Quantities stay within plus or minus %lld.", (long long) INV_MAX_NUMBER));
}

/* The first moment of a year, in UTC. */
static TimestampTz
start_of_year(int year)
{
	return (date2j(year, 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

/*
 * -infinity is how the code says "not given".  What is finite must have a year
 * of four digits, or JSON's readers do not take it (RFC 3339, section 1).
 */
void
inv_check_time(TimestampTz value)
{
	if (TIMESTAMP_IS_NOBEGIN(value))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a time must not be -infinity"));
	if (!TIMESTAMP_IS_NOEND(value) && (value < start_of_year(1) || value >= start_of_year(10000)))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a time must be in the years 1 to 9999"));
}

char *
inv_arg_text(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

char *
inv_arg_id(FunctionCallInfo fcinfo, int n, const char *name)
{
	char *value = inv_arg_text(fcinfo, n);

	inv_check_id(name, value);
	return value;
}

int64
inv_arg_number(FunctionCallInfo fcinfo, int n, const char *name)
{
	int64 value;

	if (PG_ARGISNULL(n))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not be null", name));
	value = PG_GETARG_INT64(n);
	inv_check_number(name, value);
	return value;
}

TimestampTz
inv_arg_time(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		return DT_NOBEGIN;
	inv_check_time(PG_GETARG_TIMESTAMPTZ(n));
	return PG_GETARG_TIMESTAMPTZ(n);
}

int64
inv_interval_ms(const Interval *interval)
{
	int64 days = interval->day + interval->month * INT64CONST(30);

	return days * 24 * 3600 * 1000 + interval->time / 1000;
}

void
inv_check_tail(const InvTail *tail)
{
	inv_check_label("reason", tail->reason, INV_MAX_REASON_SIZE);
	inv_check_label("performed_by", tail->performed_by, INV_MAX_LABEL_SIZE);
	inv_check_label("reference", tail->reference, INV_MAX_LABEL_SIZE);
	if (tail->idempotency_key != NULL)
		check_text("idempotency_key", tail->idempotency_key, 1, INV_MAX_LABEL_SIZE);
	if (tail->occurred_at != DT_NOBEGIN && TIMESTAMP_NOT_FINITE(tail->occurred_at))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("occurred_at must be finite"));
}

void
inv_arg_tail(FunctionCallInfo fcinfo, int n_reason, int n_performed_by, int n_reference,
			 int n_idempotency_key, int n_occurred_at, InvTail *tail)
{
	tail->reason = inv_arg_text(fcinfo, n_reason);
	tail->performed_by = inv_arg_text(fcinfo, n_performed_by);
	tail->reference = inv_arg_text(fcinfo, n_reference);
	tail->idempotency_key = inv_arg_text(fcinfo, n_idempotency_key);
	tail->occurred_at = inv_arg_time(fcinfo, n_occurred_at);
	inv_check_tail(tail);
}
