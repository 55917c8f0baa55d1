/*
 * scope.h
 *	  Who the caller is, and what that lets him see and change.
 *
 * Every function asks once, at its start, and checks each warehouse it
 * touches against the answer: rows and events go by the same rule.
 */
#ifndef INV_SCOPE_H
#define INV_SCOPE_H

#include "postgres.h"

typedef enum InvRole
{
	INV_ROLE_VIEWER,
	INV_ROLE_OPERATOR,
	INV_ROLE_MANAGER
} InvRole;

typedef struct InvScope
{
	const char *organization;
	const char *actor; /* who is written down as having done it */
	InvRole role;
} InvScope;

/* The scope of the session; raises IV403 when it has none. */
extern void inv_scope_begin(InvScope *scope);

extern bool inv_scope_allows(const InvScope *scope, InvRole role, const char *warehouse_id);

/* Raises IV403 unless the caller may do what needs this role in a warehouse. */
extern void inv_scope_require(const InvScope *scope, InvRole role, const char *warehouse_id);

#endif
