/*
 * member.c
 *	  One connection that looks at something, as others are shown it.
 *
 * A member and its strings are one block of memory.
 */
#include "member.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json_tree.h"

/* json_parse() takes objects only. */
#define LIST_OPENING "{\"list\":"

static Json *
parse_list(const char *text)
{
	Buf object = {0};
	const char *wrong;
	Json *tree = NULL;

	buf_printf(&object, LIST_OPENING "%s}", text);
	if (!object.failed)
		tree = json_parse(object.bytes, object.size, &wrong);
	buf_free(&object);
	if (tree && json_is_array(json_member(tree, "list")))
		return tree;
	json_free(tree);
	return NULL;
}

/* The list as texts, each with its end, and an empty one behind. */
static bool
append_warehouses(Buf *buf, const char *text)
{
	Json *tree = parse_list(text);
	Json *list = tree ? json_member(tree, "list") : NULL;
	bool is_fine = tree != NULL;

	for (size_t i = 0; is_fine && i < json_count(list); i++)
	{
		const char *warehouse = json_string(json_item(list, i));

		is_fine = warehouse != NULL;
		if (is_fine)
			buf_append(buf, warehouse, strlen(warehouse) + 1);
	}
	buf_append_char(buf, '\0');
	json_free(tree);
	return is_fine && !buf->failed;
}

/* Copies a text, NULL for NULL, to *room, and moves *room behind it. */
static char *
place(char **room, const char *text)
{
	size_t size = text ? strlen(text) + 1 : 0;
	char *placed = text ? memcpy(*room, text, size) : NULL;

	*room += size;
	return placed;
}

static size_t
size_of(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static Member *
build(const MemberRow *row, const Buf *warehouses)
{
	size_t size = size_of(row->id) + size_of(row->connection_id) + size_of(row->user_id) + size_of(row->name) +
				  size_of(row->avatar) + size_of(row->status) + size_of(row->metadata) + warehouses->size;
	Member *member = calloc(1, sizeof *member + size);
	char *room;

	if (!member)
		return NULL;
	room = (char *) (member + 1);
	member->reference_count = 1;
	member->since_ms = row->since_ms;
	member->id = place(&room, row->id);
	member->connection_id = place(&room, row->connection_id);
	member->user_id = place(&room, row->user_id);
	member->name = place(&room, row->name);
	member->avatar = place(&room, row->avatar);
	member->status = place(&room, row->status);
	member->metadata = place(&room, row->metadata);
	member->is_for_all = !row->warehouses;
	if (row->warehouses)
		member->warehouses = memcpy(room, warehouses->bytes, warehouses->size);
	return member;
}

Member *
member_new(const MemberRow *row)
{
	Buf warehouses = {0};
	Member *member = NULL;

	if (!row->warehouses || append_warehouses(&warehouses, row->warehouses))
		member = build(row, &warehouses);
	buf_free(&warehouses);
	return member;
}

Member *
member_share(Member *member)
{
	member->reference_count++;
	return member;
}

void
member_release(Member *member)
{
	if (!member)
		return;
	assert(member->reference_count > 0);
	if (--member->reference_count == 0)
		free(member);
}

bool
member_channel(const MemberRow *row, Channel *channel)
{
	*channel = (Channel){.is_presence = true};
	if (strcmp(row->resource_type, "inventory_list") == 0)
		return true;
	if (strcmp(row->resource_type, "inventory_item") != 0 || strlen(row->resource_id) > CHANNEL_ID_SIZE)
		return false;
	strcpy(channel->product, row->resource_id);
	return *channel->product;
}

/* 2026-11-27T12:00:00.000Z, as the database writes times in events; 0 for anything else. */
static int64_t
time_of(const char *text)
{
	struct tm tm = {0};
	int ms;

	if (!text || sscanf(text, "%d-%d-%dT%d:%d:%d.%dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
						&tm.tm_sec, &ms) != 7)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return (int64_t) timegm(&tm) * 1000 + ms;
}

Json *
member_read_event(const char *data, const char *warehouses, MemberRow *row)
{
	const char *wrong;
	Json *tree = json_parse(data, strlen(data), &wrong);
	Json *metadata = tree ? json_member(tree, "metadata") : NULL;

	if (!tree)
		return NULL;
	*row = (MemberRow){
		.resource_type = json_string(json_member(tree, "resourceType")),
		.resource_id = json_string(json_member(tree, "resourceId")),
		.id = json_string(json_member(tree, "id")),
		.connection_id = json_string(json_member(tree, "clientId")),
		.user_id = json_string(json_member(tree, "userId")),
		.name = json_string(json_member(tree, "userName")),
		.avatar = json_string(json_member(tree, "avatarUrl")),
		.warehouses = warehouses,
		.status = json_string(json_member(tree, "status")),
		.metadata = json_is_object(metadata) ? json_text(metadata) : NULL,
		.since_ms = time_of(json_string(json_member(tree, "since"))),
	};
	if (row->resource_type && row->resource_id && row->id && row->connection_id && row->user_id && row->status &&
		row->metadata)
		return tree;
	json_free(tree);
	return NULL;
}

bool
member_is_seen(const Member *member, const Scope *scope)
{
	if (!member || member->is_for_all || scope->has_all_warehouses)
		return member != NULL;
	for (const char *warehouse = member->warehouses; *warehouse; warehouse += strlen(warehouse) + 1)
		if (scope_has_warehouse(scope, warehouse))
			return true;
	return false;
}

static bool
is_same(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

static bool
are_same_warehouses(const Member *member, const Member *other)
{
	const char *one = member->warehouses;
	const char *two = other->warehouses;

	if (member->is_for_all || other->is_for_all)
		return member->is_for_all == other->is_for_all;
	for (; *one && strcmp(one, two) == 0; two += strlen(two) + 1)
		one += strlen(one) + 1;
	return !*one && !*two;
}

bool
member_is_equal(const Member *member, const Member *other)
{
	return member->since_ms == other->since_ms && is_same(member->user_id, other->user_id) &&
		   is_same(member->name, other->name) && is_same(member->avatar, other->avatar) &&
		   is_same(member->status, other->status) && is_same(member->metadata, other->metadata) &&
		   are_same_warehouses(member, other);
}

void
member_append(Buf *buf, const Member *member)
{
	buf_append_text(buf, "{\"connectionId\":");
	buf_append_json(buf, member->connection_id);
	buf_append_text(buf, ",\"userId\":");
	buf_append_json(buf, member->user_id);
	if (member->name)
	{
		buf_append_text(buf, ",\"name\":");
		buf_append_json(buf, member->name);
	}
	if (member->avatar)
	{
		buf_append_text(buf, ",\"avatar\":");
		buf_append_json(buf, member->avatar);
	}
	buf_printf(buf, ",\"status\":\"%s\",\"metadata\":%s,\"since\":%lld}", member->status, member->metadata,
			   (long long) member->since_ms);
}

void
member_append_gone(Buf *buf, const Member *member)
{
	buf_append_text(buf, "{\"connectionId\":");
	buf_append_json(buf, member->connection_id);
	buf_append_text(buf, ",\"userId\":");
	buf_append_json(buf, member->user_id);
	buf_append_char(buf, '}');
}
