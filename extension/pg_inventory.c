/*
 * pg_inventory.c
 *	  Loading of the library: settings, shared memory, hooks, launcher.
 *
 * The library must be preloaded: writers wake the publisher through shared
 * memory, and the launcher is a static background worker.
 */
#include "postgres.h"

#include "catalog.h"
#include "doorbell.h"
#include "lifecycle.h"
#include "pg_inventory.h"
#include "settings.h"
#include "shared.h"
#include "worker.h"

#include "fmgr.h"
#include "miscadmin.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

static void
require_preload(void)
{
	const char *libraries = shared_preload_libraries_string;
	bool is_empty = libraries == NULL || libraries[0] == '\0';

	if (!process_shared_preload_libraries_in_progress)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("%s must be loaded when the server starts", INV_EXTENSION_NAME),
				errdetail("shared_preload_libraries is now '%s'.", is_empty ? "" : libraries),
				errhint("Append it to the present value and restart the server: ALTER SYSTEM SET shared_preload_libraries = %s%s%s;",
						is_empty ? "" : libraries, is_empty ? "" : ", ", INV_EXTENSION_NAME));
}

void
_PG_init(void)
{
	require_preload();
	inv_settings_define();
	inv_shared_init();
	inv_catalog_init();
	inv_doorbell_init();
	inv_lifecycle_init();
	/* pg_upgrade wants the databases to itself, and writes nothing of ours. */
	if (!IsBinaryUpgrade)
		inv_launcher_register();
}
