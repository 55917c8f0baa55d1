/*
 * scope.h
 *	  Who the caller is, and what that lets him see and change.
 *
 * Every function asks once, at its start, and checks each warehouse it
 * touches against the answer before it looks anything up there: so nobody
 * learns, by an error or by its timing, what exists outside his scope.  Rows
 * (row-level security) and events go by the same rule.
 *
 * Scope = claims ∩ member row.  Claims deny when they are set and empty or
 * malformed, and when neither an inventory claim nor a member row gives
 * access.  Without any claims, only a role of level backend gets through, for
 * the organization it names in inventory.organization.
 */
#ifndef INV_SCOPE_H
#define INV_SCOPE_H

#include "postgres.h"

#include "claims.h"

typedef struct InvScope
{
	const char *organization;
	const char *actor; /* who is written down as having done it */
	InvAccess access;
	bool is_backend; /* a trusted application: may act for others */
	const char *name;
	const char *picture;
} InvScope;

/* The scope of the session; raises IV403 when it has none. */
extern void inv_scope_begin(InvScope *scope);

/* The scope of these claims; raises IV403 when they give none. */
extern void inv_scope_of_claims(const InvClaims *claims, InvScope *scope);

/* A scope over everything of an organization, for the janitor. */
extern void inv_scope_of_system(const char *organization_id, const char *actor, InvScope *scope);

extern bool inv_scope_sees(const InvScope *scope, const char *warehouse_id);
extern bool inv_scope_allows(const InvScope *scope, InvRole role, const char *warehouse_id);

/* Raises IV403 unless the caller may do what needs this role, in a warehouse or anywhere. */
extern void inv_scope_require(const InvScope *scope, InvRole role, const char *warehouse_id);
extern void inv_scope_require_role(const InvScope *scope, InvRole role);

/* Raises IV403 when somebody but a backend says that somebody else did it. */
extern void inv_scope_check_performer(const InvScope *scope, const char *performed_by);

/* The warehouses as text[], or false when all are in scope. */
extern bool inv_scope_warehouses(const InvScope *scope, Datum *array);

#endif
