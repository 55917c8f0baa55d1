/*
 * claims.h
 *	  Who the caller says he is: the claims of a token that somebody before us
 *	  has verified.
 *
 * Claims are JSON: sub (required), org, inventory: {role, warehouses}, name,
 * picture.  The top-level role belongs to PostgREST and is ignored.
 */
#ifndef INV_CLAIMS_H
#define INV_CLAIMS_H

#include "postgres.h"

typedef enum InvRole
{
	INV_ROLE_VIEWER,
	INV_ROLE_OPERATOR,
	INV_ROLE_MANAGER
} InvRole;

/* What somebody may do, from a token or from a row of inventory_member. */
typedef struct InvAccess
{
	InvRole role;
	bool has_all_warehouses;
	int warehouse_count; /* unless has_all_warehouses */
	char **warehouses;
} InvAccess;

typedef struct InvClaims
{
	char *subject;
	char *organization;
	bool has_access; /* there is an inventory claim */
	InvAccess access;
	char *name;	   /* or NULL */
	char *picture; /* or NULL */
} InvClaims;

/*
 * Parses claims into memory of the current context.  NULL: they are empty,
 * malformed or without a subject, and whoever sent them is denied.
 */
extern InvClaims *inv_claims_parse(const char *text);

/*
 * The claims of the session (request.jwt.claims), valid until the next call.
 * False: none were ever set.  *claims is NULL when they deny.
 */
extern bool inv_claims_of_session(const InvClaims **claims);

extern const char *inv_role_name(InvRole role);
extern bool inv_role_parse(const char *name, InvRole *role);

#endif
