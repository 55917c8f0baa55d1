/*
 * fields.c
 *	  Reads the fields of a JSON object that a caller has sent.
 */
#include "postgres.h"

#include "arguments.h"
#include "fields.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

static void
raise_type(const InvFields *fields, const char *name, const char *expected)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s of %s must be %s", name, fields->what, expected));
}

void
inv_fields_begin(InvFields *fields, const JsonbValue *value, const char *what)
{
	fields->what = what;
	fields->used = 0;
	fields->object = value->type == jbvBinary ? value->val.binary.data : NULL;
	if (fields->object == NULL || !JsonContainerIsObject(fields->object))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must be a JSON object", what));
}

void
inv_fields_end(InvFields *fields)
{
	if (fields->used == (int) JsonContainerSize(fields->object))
		return;
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s has a field that is not known", fields->what),
			errdetail_internal("%s", JsonbToCString(NULL, fields->object, -1)));
}

static void
to_camel_case(const char *name, char *camel)
{
	for (; *name != '\0'; name++)
	{
		if (*name == '_' && name[1] != '\0')
			*camel++ = pg_toupper((unsigned char) *++name);
		else
			*camel++ = *name;
	}
	*camel = '\0';
}

static bool
find_field(InvFields *fields, const char *name, JsonbValue *value)
{
	char camel[NAMEDATALEN];
	bool is_found = getKeyJsonValueFromContainer(fields->object, name, strlen(name), value) != NULL;

	if (!is_found && strchr(name, '_') != NULL)
	{
		to_camel_case(name, camel);
		is_found = getKeyJsonValueFromContainer(fields->object, camel, strlen(camel), value) != NULL;
	}
	fields->used += is_found;
	return is_found && value->type != jbvNull;
}

bool
inv_field_value(InvFields *fields, const char *name, JsonbValue *value)
{
	return find_field(fields, name, value);
}

const char *
inv_field_text(InvFields *fields, const char *name)
{
	JsonbValue value;

	if (!find_field(fields, name, &value))
		return NULL;
	if (value.type != jbvString)
		raise_type(fields, name, "a string");
	return pnstrdup(value.val.string.val, value.val.string.len);
}

bool
inv_field_number(InvFields *fields, const char *name, int64 *number)
{
	JsonbValue value;
	Datum rounded;

	if (!find_field(fields, name, &value))
		return false;
	if (value.type != jbvNumeric)
		raise_type(fields, name, "a number");
	rounded = DirectFunctionCall2(numeric_trunc, NumericGetDatum(value.val.numeric), Int32GetDatum(0));
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, rounded, NumericGetDatum(value.val.numeric))))
		raise_type(fields, name, "a whole number");
	*number = DatumGetInt64(DirectFunctionCall1(numeric_int8, rounded));
	inv_check_number(name, *number);
	return true;
}

bool
inv_field_bool(InvFields *fields, const char *name, bool *boolean)
{
	JsonbValue value;

	if (!find_field(fields, name, &value))
		return false;
	if (value.type != jbvBool)
		raise_type(fields, name, "true or false");
	*boolean = value.val.boolean;
	return true;
}

bool
inv_field_time(InvFields *fields, const char *name, TimestampTz *time)
{
	const char *text = inv_field_text(fields, name);

	if (text == NULL)
		return false;
	*time = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
													ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	inv_check_time(*time);
	return true;
}

static JsonbValue *
elements_of(JsonbContainer *container, const char *what, int max, int *count)
{
	JsonbValue *elements;
	JsonbIterator *iterator;
	JsonbValue array;

	if (container == NULL || !JsonContainerIsArray(container) || JsonContainerIsScalar(container))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must be a JSON array", what));
	*count = JsonContainerSize(container);
	if (*count == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not be empty", what));
	if (*count > max)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s are too many", what),
				errdetail("There are %d, and inventory.max_lines allows %d.", *count, max));
	elements = palloc(*count * sizeof(JsonbValue));
	/* an iterator, because finding the n-th element walks over those before */
	iterator = JsonbIteratorInit(container);
	(void) JsonbIteratorNext(&iterator, &array, true);
	for (int i = 0; i < *count; i++)
		(void) JsonbIteratorNext(&iterator, &elements[i], true);
	return elements;
}

JsonbValue *
inv_json_elements(Jsonb *array, const char *what, int max, int *count)
{
	return elements_of(&array->root, what, max, count);
}

JsonbValue *
inv_json_elements_of(const JsonbValue *array, const char *what, int max, int *count)
{
	return elements_of(array->type == jbvBinary ? array->val.binary.data : NULL, what, max, count);
}
