/*
 * json.h
 *	  Writes one flat JSON object, key by key.
 *
 * PostgreSQL's json functions build through Datums and type output
 * functions; an event is written some thousand times a second and its shape
 * is fixed.
 */
#ifndef INV_JSON_H
#define INV_JSON_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

typedef struct InvJson
{
	StringInfoData text;
} InvJson;

extern void inv_json_begin(InvJson *json);

/* Keys are our own constants and need no escaping. */
extern void inv_json_number(InvJson *json, const char *key, int64 value);

/* Writes null for NULL. */
extern void inv_json_string(InvJson *json, const char *key, const char *value);

/* A value that is JSON already. */
extern void inv_json_raw(InvJson *json, const char *key, const char *value);

/* ISO 8601 in UTC with milliseconds; null for DT_NOBEGIN. */
extern void inv_json_time(InvJson *json, const char *key, TimestampTz value);

/* The same alone, with microseconds, so that PostgreSQL reads back the same value. */
extern char *inv_json_instant(TimestampTz value);

/* Closes the object; the text belongs to the caller. */
extern char *inv_json_end(InvJson *json);

#endif
