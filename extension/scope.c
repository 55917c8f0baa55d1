/*
 * scope.c
 *	  Who the caller is, and what that lets him see and change.
 *
 * Whoever may execute these functions is a trusted application: it names its
 * organization in inventory.organization and works as manager of all its
 * warehouses.
 */
#include "postgres.h"

#include "arguments.h"
#include "errors.h"
#include "scope.h"
#include "settings.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

static const char *const role_names[] = {"viewer", "operator", "manager"};

void
inv_scope_begin(InvScope *scope)
{
	if (inv_require_organization && inv_organization[0] == '\0')
		ereport(ERROR,
				errcode(INV_ERRCODE_FORBIDDEN),
				errmsg("no organization is set"),
				errhint("Set inventory.organization, which inventory.require_organization demands."));
	if (inv_organization[0] != '\0')
		inv_check_id("inventory.organization", inv_organization);
	scope->organization = pstrdup(inv_organization);
	scope->actor = GetUserNameFromId(GetSessionUserId(), false);
	scope->role = INV_ROLE_MANAGER;
}

bool
inv_scope_allows(const InvScope *scope, InvRole role, const char *warehouse_id)
{
	return scope->role >= role;
}

void
inv_scope_require(const InvScope *scope, InvRole role, const char *warehouse_id)
{
	if (!inv_scope_allows(scope, role, warehouse_id))
		ereport(ERROR,
				errcode(INV_ERRCODE_FORBIDDEN),
				errmsg("role \"%s\" is needed in warehouse \"%s\"", role_names[role], warehouse_id));
}

PG_FUNCTION_INFO_V1(inventory_scope);

/* inventory_scope(OUT organization_id, OUT warehouses, OUT role, OUT actor) */
Datum
inventory_scope(PG_FUNCTION_ARGS)
{
	InvScope scope;
	TupleDesc descriptor;
	Datum values[4];
	bool nulls[4] = {false, true, false, false};

	inv_scope_begin(&scope);
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(scope.organization);
	values[1] = (Datum) 0;
	values[2] = CStringGetTextDatum(role_names[scope.role]);
	values[3] = CStringGetTextDatum(scope.actor);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
