/*
 * scope.c
 *	  Who the caller is, and what that lets him see and change.
 *
 * The member row is read anew for every call, with what is committed now, so
 * a prepared plan or an open connection keeps no scope of yesterday.
 */
#include "postgres.h"

#include "arguments.h"
#include "catalog.h"
#include "errors.h"
#include "level.h"
#include "pg_inventory.h"
#include "scope.h"
#include "settings.h"
#include "statement.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

static InvStatement member_statement = {
	.sql = "SELECT m.role, m.warehouses, coalesce(o.members_only,"
		   "  EXISTS (SELECT FROM @schema@.inventory_member a WHERE a.organization_id = x.organization_id))"
		   " FROM (SELECT $1 AS organization_id) x"
		   " LEFT JOIN @schema@.inventory_organization o ON o.organization_id = x.organization_id"
		   " LEFT JOIN @schema@.inventory_member m ON m.organization_id = x.organization_id AND m.subject = $2",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

static INV_NORETURN void
raise_no_scope(const char *detail, const char *hint)
{
	ereport(ERROR,
			errcode(INV_ERRCODE_FORBIDDEN),
			errmsg("access to the inventory is denied"),
			errdetail_internal("%s", detail),
			hint == NULL ? 0 : errhint("%s", hint));
}

static void
scope_of_backend(InvScope *scope)
{
	if (!inv_level_is_backend())
		raise_no_scope("The session has no claims, and its role has not the level backend.",
					   "Set request.jwt.claims, or let an administrator call inventory_grant('backend', role).");
	if (inv_require_organization && inv_organization[0] == '\0')
		raise_no_scope("No organization is set, and inventory.require_organization demands one.",
					   "Set inventory.organization.");
	if (inv_organization[0] != '\0')
		inv_check_id("inventory.organization", inv_organization);
	inv_scope_of_system(pstrdup(inv_organization), GetUserNameFromId(GetSessionUserId(), false), scope);
	scope->is_backend = true;
}

void
inv_scope_of_system(const char *organization_id, const char *actor, InvScope *scope)
{
	memset(scope, 0, sizeof(InvScope));
	scope->organization = organization_id;
	scope->actor = actor;
	scope->access.role = INV_ROLE_MANAGER;
	scope->access.has_all_warehouses = true;
}

static void
take_array(Datum array, InvAccess *access)
{
	Datum *elements;
	bool *nulls;
	int count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	access->warehouses = SPI_palloc(Max(count, 1) * sizeof(char *));
	for (int i = 0; i < count; i++)
	{
		char *warehouse_id = TextDatumGetCString(elements[i]);

		access->warehouses[access->warehouse_count] = SPI_palloc(strlen(warehouse_id) + 1);
		strcpy(access->warehouses[access->warehouse_count++], warehouse_id);
	}
}

/* False: the subject has no row. */
static bool
read_member(const char *organization_id, const char *subject, InvAccess *access, bool *members_only)
{
	Datum values[2] = {CStringGetTextDatum(organization_id), CStringGetTextDatum(subject)};
	char *role;
	bool is_null;
	Datum warehouses;

	memset(access, 0, sizeof(InvAccess));
	inv_statement_connect();
	inv_statement_run_latest(&member_statement, values);
	*members_only = DatumGetBool(inv_statement_value(0, 3, NULL));
	role = inv_statement_text(0, 1);
	if (role != NULL && !inv_role_parse(role, &access->role))
		elog(ERROR, "role \"%s\" is not known", role);
	warehouses = inv_statement_value(0, 2, &is_null);
	access->has_all_warehouses = is_null;
	if (!is_null)
		take_array(warehouses, access);
	inv_statement_finish();
	return role != NULL;
}

static bool
has_warehouse(const InvAccess *access, const char *warehouse_id)
{
	if (access->has_all_warehouses)
		return true;
	for (int i = 0; i < access->warehouse_count; i++)
	{
		if (strcmp(access->warehouses[i], warehouse_id) == 0)
			return true;
	}
	return false;
}

/* Narrows an access to what another one allows as well. */
static void
intersect(InvAccess *access, const InvAccess *other)
{
	int kept = 0;

	access->role = Min(access->role, other->role);
	if (access->has_all_warehouses)
	{
		access->has_all_warehouses = other->has_all_warehouses;
		access->warehouses = other->warehouses;
		access->warehouse_count = other->warehouse_count;
		return;
	}
	for (int i = 0; i < access->warehouse_count; i++)
	{
		if (has_warehouse(other, access->warehouses[i]))
			access->warehouses[kept++] = access->warehouses[i];
	}
	access->warehouse_count = kept;
}

/* The claims are shared by calls, their list of warehouses is not to be narrowed. */
static InvAccess
copy_access(const InvAccess *access)
{
	InvAccess copy = *access;

	copy.warehouses = palloc(Max(access->warehouse_count, 1) * sizeof(char *));
	for (int i = 0; i < access->warehouse_count; i++)
		copy.warehouses[i] = pstrdup(access->warehouses[i]);
	return copy;
}

void
inv_scope_of_claims(const InvClaims *claims, InvScope *scope)
{
	InvAccess member;
	bool members_only;
	bool is_member;

	if (claims == NULL)
		raise_no_scope("The claims are empty or malformed, or name no subject.", NULL);
	memset(scope, 0, sizeof(InvScope));
	scope->organization = pstrdup(claims->organization);
	scope->actor = pstrdup(claims->subject);
	scope->name = claims->name == NULL ? NULL : pstrdup(claims->name);
	scope->picture = claims->picture == NULL ? NULL : pstrdup(claims->picture);
	is_member = read_member(claims->organization, claims->subject, &member, &members_only);
	if (!is_member && (members_only || !claims->has_access))
		raise_no_scope(members_only ? "The organization is for its members only, and the subject is none."
									: "The claims give no access, and the subject is not a member of the organization.",
					   NULL);
	scope->access = claims->has_access ? copy_access(&claims->access) : member;
	if (claims->has_access && is_member)
		intersect(&scope->access, &member);
}

void
inv_scope_begin(InvScope *scope)
{
	const InvClaims *claims;

	if (!inv_claims_of_session(&claims))
		scope_of_backend(scope);
	else
	{
		inv_scope_of_claims(claims, scope);
		scope->is_backend = false;
	}
}

bool
inv_scope_sees(const InvScope *scope, const char *warehouse_id)
{
	return has_warehouse(&scope->access, warehouse_id);
}

bool
inv_scope_allows(const InvScope *scope, InvRole role, const char *warehouse_id)
{
	return scope->access.role >= role && inv_scope_sees(scope, warehouse_id);
}

void
inv_scope_require(const InvScope *scope, InvRole role, const char *warehouse_id)
{
	if (!inv_scope_sees(scope, warehouse_id))
		ereport(ERROR,
				errcode(INV_ERRCODE_FORBIDDEN),
				errmsg("warehouse \"%s\" is outside of what \"%s\" may see", warehouse_id, scope->actor));
	inv_scope_require_role(scope, role);
}

void
inv_scope_require_role(const InvScope *scope, InvRole role)
{
	if (scope->access.role < role)
		ereport(ERROR,
				errcode(INV_ERRCODE_FORBIDDEN),
				errmsg("this needs the role %s, and \"%s\" is %s",
					   inv_role_name(role), scope->actor, inv_role_name(scope->access.role)));
}

void
inv_scope_check_performer(const InvScope *scope, const char *performed_by)
{
	if (performed_by != NULL && !scope->is_backend && strcmp(performed_by, scope->actor) != 0)
		ereport(ERROR,
				errcode(INV_ERRCODE_FORBIDDEN),
				errmsg("performed_by must be \"%s\", who is signed in", scope->actor),
				errhint("Only a role of level backend may act for others."));
}

bool
inv_scope_warehouses(const InvScope *scope, Datum *array)
{
	Datum *elements;

	if (scope->access.has_all_warehouses)
		return false;
	elements = palloc(Max(scope->access.warehouse_count, 1) * sizeof(Datum));
	for (int i = 0; i < scope->access.warehouse_count; i++)
		elements[i] = CStringGetTextDatum(scope->access.warehouses[i]);
	*array = PointerGetDatum(construct_array(elements, scope->access.warehouse_count, TEXTOID, -1, false, TYPALIGN_INT));
	return true;
}

/* organization_id, warehouses, role, actor, and for relays name and picture. */
static Datum
scope_row(FunctionCallInfo fcinfo, const InvScope *scope)
{
	TupleDesc descriptor;
	Datum values[6] = {0};
	bool nulls[6] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(scope->organization);
	nulls[1] = !inv_scope_warehouses(scope, &values[1]);
	values[2] = CStringGetTextDatum(inv_role_name(scope->access.role));
	values[3] = CStringGetTextDatum(scope->actor);
	nulls[4] = scope->name == NULL;
	if (scope->name != NULL)
		values[4] = CStringGetTextDatum(scope->name);
	nulls[5] = scope->picture == NULL;
	if (scope->picture != NULL)
		values[5] = CStringGetTextDatum(scope->picture);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

PG_FUNCTION_INFO_V1(inventory_scope);

Datum
inventory_scope(PG_FUNCTION_ARGS)
{
	InvScope scope;

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(&scope);
	return scope_row(fcinfo, &scope);
}

PG_FUNCTION_INFO_V1(inventory_relay_scope);

/* inventory_relay_scope(claims text): the scope of a token that the relay has verified */
Datum
inventory_relay_scope(PG_FUNCTION_ARGS)
{
	InvScope scope;

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_of_claims(PG_ARGISNULL(0) ? NULL : inv_claims_parse(inv_arg_text(fcinfo, 0)), &scope);
	return scope_row(fcinfo, &scope);
}

PG_FUNCTION_INFO_V1(inventory_level_backend);

/* Whoever may execute this is a backend. */
Datum
inventory_level_backend(PG_FUNCTION_ARGS)
{
	PG_RETURN_VOID();
}
