/*
 * scope.c
 *	  What one person may see and do.
 */
#include "scope.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

Scope *
scope_new(const char *organization, const char *role, const char *actor, const char *name, const char *picture)
{
	Scope *scope = calloc(1, sizeof *scope);

	if (!scope)
		return NULL;
	scope->reference_count = 1;
	scope->has_all_warehouses = true;
	scope->organization = strdup(organization);
	scope->role = strdup(role);
	scope->actor = strdup(actor);
	scope->name = name ? strdup(name) : NULL;
	scope->picture = picture ? strdup(picture) : NULL;
	if (scope->organization && scope->role && scope->actor && !name == !scope->name && !picture == !scope->picture)
		return scope;
	scope_release(scope);
	return NULL;
}

void
scope_limit(Scope *scope)
{
	scope->has_all_warehouses = false;
}

bool
scope_add_warehouse(Scope *scope, const char *warehouse)
{
	char **grown = realloc(scope->warehouses, (scope->warehouse_count + 1) * sizeof *grown);
	char *copy = strdup(warehouse);
	size_t at = scope->warehouse_count;

	if (grown)
		scope->warehouses = grown;
	if (!grown || !copy)
	{
		free(copy);
		return false;
	}
	scope_limit(scope);
	for (; at > 0 && strcmp(grown[at - 1], warehouse) > 0; at--)
		grown[at] = grown[at - 1];
	grown[at] = copy;
	scope->warehouse_count++;
	return true;
}

Scope *
scope_share(Scope *scope)
{
	scope->reference_count++;
	return scope;
}

void
scope_release(Scope *scope)
{
	if (!scope)
		return;
	assert(scope->reference_count > 0);
	if (--scope->reference_count)
		return;
	for (size_t i = 0; i < scope->warehouse_count; i++)
		free(scope->warehouses[i]);
	free(scope->warehouses);
	free(scope->organization);
	free(scope->role);
	free(scope->actor);
	free(scope->name);
	free(scope->picture);
	free(scope);
}

static int
compare_texts(const void *one, const void *other)
{
	return strcmp(*(char *const *) one, *(char *const *) other);
}

bool
scope_has_warehouse(const Scope *scope, const char *warehouse)
{
	return scope->has_all_warehouses ||
		   (warehouse && scope->warehouse_count &&
			bsearch(&warehouse, scope->warehouses, scope->warehouse_count, sizeof(char *), compare_texts));
}

bool
scope_allows(const Scope *scope, const Event *event)
{
	return event_is_for_clients(event) && strcmp(scope->organization, event->organization) == 0 &&
		   scope_has_warehouse(scope, event->warehouse);
}

bool
scope_allows_channel(const Scope *scope, const Channel *channel)
{
	return !*channel->warehouse || scope_has_warehouse(scope, channel->warehouse);
}

static bool
is_equal(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

bool
scope_sees_same(const Scope *scope, const Scope *other)
{
	if (strcmp(scope->organization, other->organization) != 0 || scope->has_all_warehouses != other->has_all_warehouses ||
		scope->warehouse_count != other->warehouse_count)
		return false;
	for (size_t i = 0; i < scope->warehouse_count; i++)
		if (strcmp(scope->warehouses[i], other->warehouses[i]) != 0)
			return false;
	return true;
}

bool
scope_is_equal(const Scope *scope, const Scope *other)
{
	return scope_sees_same(scope, other) && strcmp(scope->role, other->role) == 0 && strcmp(scope->actor, other->actor) == 0 &&
		   is_equal(scope->name, other->name) && is_equal(scope->picture, other->picture);
}

void
scope_append(Buf *buf, const Scope *scope)
{
	buf_append_text(buf, "{\"organization\":");
	buf_append_json(buf, scope->organization);
	buf_append_text(buf, ",\"role\":");
	buf_append_json(buf, scope->role);
	buf_append_text(buf, ",\"warehouses\":");
	if (scope->has_all_warehouses)
		buf_append_text(buf, "null");
	else
		buf_append_char(buf, '[');
	for (size_t i = 0; i < scope->warehouse_count; i++)
	{
		buf_append_text(buf, i ? "," : "");
		buf_append_json(buf, scope->warehouses[i]);
	}
	buf_append_text(buf, scope->has_all_warehouses ? "}" : "]}");
}

void
scope_append_user(Buf *buf, const Scope *scope)
{
	buf_append_text(buf, "{\"id\":");
	buf_append_json(buf, scope->actor);
	if (scope->name)
	{
		buf_append_text(buf, ",\"name\":");
		buf_append_json(buf, scope->name);
	}
	if (scope->picture)
	{
		buf_append_text(buf, ",\"picture\":");
		buf_append_json(buf, scope->picture);
	}
	buf_append_char(buf, '}');
}
