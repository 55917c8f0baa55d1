/*
 * member.h
 *	  One connection that looks at something, as others are shown it.
 *
 * A member never changes: when its owner does something else, another one
 * takes its place.  It is made from what the database says of it, be it an
 * event or a row of the list.
 */
#ifndef MEMBER_H
#define MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "channel.h"
#include "scope.h"

/* Strings are borrowed; those marked may be NULL. */
typedef struct MemberRow
{
	const char *organization;
	const char *resource_type;
	const char *resource_id;
	const char *id; /* of this presence */
	const char *connection_id;
	const char *user_id;
	const char *name;		/* may be NULL */
	const char *avatar;		/* may be NULL */
	const char *warehouses; /* a JSON array; NULL: all */
	const char *status;
	const char *metadata; /* a JSON object */
	int64_t since_ms;	  /* of the Unix epoch */
} MemberRow;

typedef struct Member
{
	unsigned reference_count;
	int64_t since_ms;
	char *id;
	char *connection_id;
	char *user_id;
	char *name;
	char *avatar;
	char *status;
	char *metadata;
	bool is_for_all;  /* seen by everybody of the organization */
	char *warehouses; /* else by who sees one of these: each ends with NUL, the list with another */
} Member;

/* NULL without memory, and when the warehouses are no list. */
Member *member_new(const MemberRow *row);
Member *member_share(Member *member);
void member_release(Member *member);

/* The channel of a resource; false when there is none, since the relay does not know its kind. */
bool member_channel(const MemberRow *row, Channel *channel);

/* Reads the data of an event presence.*; the strings live as long as the tree, which is to be freed. */
struct json_object *member_read_event(const char *data, const char *warehouses, MemberRow *row);

/* Whether the owner of a scope is shown it; NULL is shown to nobody. */
bool member_is_seen(const Member *member, const Scope *scope);

/* Whether both are shown alike, to the same people; the ids are not shown. */
bool member_is_equal(const Member *member, const Member *other);

/* {"connectionId":…,"userId":…,"name"?,"avatar"?,"status":…,"metadata":{…},"since":…} */
void member_append(Buf *buf, const Member *member);

/* {"connectionId":…,"userId":…}, of one that has left */
void member_append_gone(Buf *buf, const Member *member);

#endif
