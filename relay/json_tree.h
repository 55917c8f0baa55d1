/*
 * json_tree.h
 *	  JSON from outside, as a tree that has been checked.
 *
 * Nothing is parsed that json_guard() has not passed; and of an object in which
 * a name is repeated nobody can say what it means, so it is refused.
 */
#ifndef JSON_TREE_H
#define JSON_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

typedef struct json_object Json;

/* The tree of one JSON object; else NULL, and *wrong is a phrase. */
Json *json_parse(const char *bytes, size_t size, const char **wrong);

/* Frees what json_parse() returned, with everything below it.  NULL is fine. */
void json_free(Json *root);

/* The values below are borrowed from the tree. */

/* NULL when there is no such member, or it is null. */
Json *json_member(Json *object, const char *name);

/* Calls visit for each member, with NULL for null, until it answers false.  False when it did. */
bool json_each(Json *object, bool (*visit)(void *owner, const char *name, Json *value), void *owner);

bool json_is_object(Json *value);
size_t json_member_count(Json *object);
bool json_is_array(Json *value);
size_t json_count(Json *array);
Json *json_item(Json *array, size_t index);

/* NULL when the value is NULL or no string. */
const char *json_string(Json *value);

/* False when the value is NULL or of another type. */
bool json_integer(Json *value, int64_t *number);
bool json_number(Json *value, double *number);
bool json_boolean(Json *value, bool *is_true);

/* A value as JSON, on one line; valid until the next change of the tree. */
const char *json_text(Json *value);

/* Appends the same. */
void json_append(Buf *buf, Json *value);

#endif
