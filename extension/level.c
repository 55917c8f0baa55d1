/*
 * level.c
 *	  What the database role of the caller may execute.
 *
 * Level backend is the right to execute inventory_level_backend(), a function
 * that does nothing else: privileges on members of an extension survive a
 * dump, and are inherited as roles are.
 */
#include "postgres.h"

#include "catalog.h"
#include "level.h"

#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "utils/acl.h"

static bool
may_execute(Oid function)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, GetOuterUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#else
	return pg_proc_aclcheck(function, GetOuterUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

bool
inv_level_is_backend(void)
{
	return may_execute(inv_catalog()->backend_marker);
}

bool
inv_level_gives(const char *function, const char *way)
{
	return may_execute(inv_catalog_function(function)) || !may_execute(inv_catalog_function(way));
}

char *
inv_level_role(void)
{
	return GetUserNameFromId(GetOuterUserId(), false);
}
