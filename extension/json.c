/*
 * json.c
 *	  Writes one flat JSON object, key by key.
 */
#include "postgres.h"

#include "json.h"

#include "utils/json.h"
#include "utils/timestamp.h"

void
inv_json_begin(InvJson *json)
{
	initStringInfo(&json->text);
	appendStringInfoChar(&json->text, '{');
}

static void
append_key(InvJson *json, const char *key)
{
	if (json->text.len > 1)
		appendStringInfoChar(&json->text, ',');
	appendStringInfoChar(&json->text, '"');
	appendStringInfoString(&json->text, key);
	appendStringInfoString(&json->text, "\":");
}

void
inv_json_number(InvJson *json, const char *key, int64 value)
{
	append_key(json, key);
	appendStringInfo(&json->text, INT64_FORMAT, value);
}

void
inv_json_string(InvJson *json, const char *key, const char *value)
{
	append_key(json, key);
	if (value == NULL)
		appendStringInfoString(&json->text, "null");
	else
		escape_json(&json->text, value);
}

void
inv_json_raw(InvJson *json, const char *key, const char *value)
{
	append_key(json, key);
	appendStringInfoString(&json->text, value);
}

static char *
time_text(TimestampTz value, int digits, int divisor)
{
	struct pg_tm tm;
	fsec_t microseconds;

	if (timestamp2tm(value, NULL, &tm, &microseconds, NULL, NULL) != 0)
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("timestamp out of range"));
	return psprintf("%04d-%02d-%02dT%02d:%02d:%02d.%0*dZ",
					tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
					digits, (int) (microseconds / divisor));
}

void
inv_json_time(InvJson *json, const char *key, TimestampTz value)
{
	inv_json_string(json, key, TIMESTAMP_NOT_FINITE(value) ? NULL : time_text(value, 3, 1000));
}

char *
inv_json_instant(TimestampTz value)
{
	return time_text(value, 6, 1);
}

char *
inv_json_end(InvJson *json)
{
	appendStringInfoChar(&json->text, '}');
	return json->text.data;
}
