/*
 * json_tree.c
 *	  JSON from outside, as a tree that has been checked.
 *
 * The only file that knows json-c.
 */
#include "json_tree.h"

#include <json-c/json.h>
#include <string.h>

#include "json_guard.h"

/* Members of all objects of a tree. */
static size_t
count_members(json_object *value)
{
	size_t count = 0;

	if (json_object_is_type(value, json_type_object))
	{
		json_object_object_foreach(value, name, member)
		{
			(void) name;
			count += 1 + count_members(member);
		}
	}
	else if (json_object_is_type(value, json_type_array))
	{
		for (size_t i = 0; i < json_object_array_length(value); i++)
			count += count_members(json_object_array_get_idx(value, i));
	}
	return count;
}

Json *
json_parse(const char *bytes, size_t size, const char **wrong)
{
	size_t member_count;
	json_tokener *tokener;
	json_object *object = NULL;

	*wrong = json_guard(bytes, size, &member_count);
	if (*wrong)
		return NULL;
	tokener = json_tokener_new_ex(JSON_MAX_DEPTH + 1);
	if (tokener)
	{
		/* not JSON_TOKENER_STRICT: with it json-c 0.18 refuses what is not ASCII, and the guard is stricter */
		json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
		object = json_tokener_parse_ex(tokener, bytes, (int) size);
		json_tokener_free(tokener);
	}
	if (!json_object_is_type(object, json_type_object))
		*wrong = "no JSON object";
	else if (count_members(object) != member_count)
		*wrong = "a name is repeated";
	else
		return object;
	json_object_put(object);
	return NULL;
}

void
json_free(Json *root)
{
	json_object_put(root);
}

Json *
json_member(Json *object, const char *name)
{
	json_object *member = NULL;

	json_object_object_get_ex(object, name, &member);
	return member;
}

bool
json_each(Json *object, bool (*visit)(void *owner, const char *name, Json *value), void *owner)
{
	json_object_object_foreach(object, name, member)
	{
		if (!visit(owner, name, member))
			return false;
	}
	return true;
}

bool
json_is_object(Json *value)
{
	return json_object_is_type(value, json_type_object);
}

size_t
json_member_count(Json *object)
{
	return json_is_object(object) ? (size_t) json_object_object_length(object) : 0;
}

bool
json_is_array(Json *value)
{
	return json_object_is_type(value, json_type_array);
}

size_t
json_count(Json *array)
{
	return json_is_array(array) ? json_object_array_length(array) : 0;
}

Json *
json_item(Json *array, size_t index)
{
	return json_object_array_get_idx(array, index);
}

const char *
json_string(Json *value)
{
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

bool
json_integer(Json *value, int64_t *number)
{
	if (!json_object_is_type(value, json_type_int))
		return false;
	*number = json_object_get_int64(value);
	return true;
}

bool
json_number(Json *value, double *number)
{
	if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
		return false;
	*number = json_object_get_double(value);
	return true;
}

bool
json_boolean(Json *value, bool *is_true)
{
	if (!json_object_is_type(value, json_type_boolean))
		return false;
	*is_true = json_object_get_boolean(value);
	return true;
}

const char *
json_text(Json *value)
{
	return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

void
json_append(Buf *buf, Json *value)
{
	buf_append_text(buf, json_text(value));
}
