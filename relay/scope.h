/*
 * scope.h
 *	  What one person may see and do.
 *
 * The database decides it (inventory_relay_scope); here it is only applied.
 * One predicate answers for events, whether they come live, from the ring or
 * from the log: scope_allows().  Pages of a snapshot are cut to the warehouses
 * of the scope by the database.
 */
#ifndef SCOPE_H
#define SCOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "channel.h"
#include "event.h"

typedef struct Scope
{
	unsigned reference_count;
	char *organization;
	char *role;	 /* viewer, operator, manager */
	char *actor; /* whose name stands in the ledger */
	char *name;	 /* NULL: not known */
	char *picture;
	bool has_all_warehouses;
	size_t warehouse_count;
	char **warehouses; /* sorted */
} Scope;

/* Strings are copied; name and picture may be NULL.  NULL without memory. */
Scope *scope_new(const char *organization, const char *role, const char *actor, const char *name, const char *picture);

/* Limits the scope to the warehouses added, before it is shared.  False without memory. */
bool scope_add_warehouse(Scope *scope, const char *warehouse);

/* To no warehouse at all, until one is added. */
void scope_limit(Scope *scope);

Scope *scope_share(Scope *scope);
void scope_release(Scope *scope);

/* What belongs to no warehouse may tell of others: it is for those who see all. */
bool scope_allows(const Scope *scope, const Event *event);

bool scope_has_warehouse(const Scope *scope, const char *warehouse);

/* Whether a channel may be followed.  A product may be sold anywhere, so its channel always may. */
bool scope_allows_channel(const Scope *scope, const Channel *channel);

/* Whether both may see the same items, whoever they are. */
bool scope_sees_same(const Scope *scope, const Scope *other);

bool scope_is_equal(const Scope *scope, const Scope *other);

/* {"organization":…,"role":…,"warehouses":[…] or null} */
void scope_append(Buf *buf, const Scope *scope);

/* {"id":…,"name":…,"picture":…} */
void scope_append_user(Buf *buf, const Scope *scope);

#endif
