/*
 * fields.h
 *	  Reads the fields of a JSON object that a caller has sent.
 *
 * Names are those of the SQL arguments; the camelCase of the wire protocol
 * (productId) is understood as the same name.  JSON null is "not given".  What
 * has the wrong type, and what nobody asked for, raises 22023 with its name.
 */
#ifndef INV_FIELDS_H
#define INV_FIELDS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

typedef struct InvFields
{
	JsonbContainer *object;
	const char *what; /* for messages: "line 3", "operation 7" */
	int used;		  /* keys read so far */
} InvFields;

/* Raises 22023 unless the value is an object. */
extern void inv_fields_begin(InvFields *fields, const JsonbValue *value, const char *what);

/* Raises 22023 when a key has not been asked for. */
extern void inv_fields_end(InvFields *fields);

/* NULL when not given. */
extern const char *inv_field_text(InvFields *fields, const char *name);

/* False when not given; *value is then left alone. */
extern bool inv_field_number(InvFields *fields, const char *name, int64 *value);
extern bool inv_field_bool(InvFields *fields, const char *name, bool *value);
extern bool inv_field_time(InvFields *fields, const char *name, TimestampTz *value);
extern bool inv_field_value(InvFields *fields, const char *name, JsonbValue *value);

/* The elements of a JSON array, at most max of them; raises 22023 otherwise. */
extern JsonbValue *inv_json_elements(Jsonb *array, const char *what, int max, int *count);
extern JsonbValue *inv_json_elements_of(const JsonbValue *array, const char *what, int max, int *count);

#endif
