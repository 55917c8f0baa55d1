/*
 * catalog.c
 *	  Finds the extension's own objects by OID and remembers them.
 *
 * The cache is dropped whole when any relation or schema changes: looking
 * the names up again costs a few microseconds, and DDL is rare.  A function
 * asks with its own schema, so DROP EXTENSION followed by CREATE EXTENSION in
 * another schema is noticed without an invalidation having to arrive first.
 */
#include "postgres.h"

#include "catalog.h"
#include "pg_inventory.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static InvCatalog cache;
static bool cache_is_valid = false;

/* How often it has been dropped: that may happen while it is being filled, too. */
static uint64 forgotten = 0;

static void
forget_cache(Datum arg, int cacheid, uint32 hashvalue)
{
	cache_is_valid = false;
	forgotten++;
}

void
inv_catalog_init(void)
{
	CacheRegisterSyscacheCallback(RELOID, forget_cache, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_cache, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCNAMEARGSNSP, forget_cache, (Datum) 0);
}

static void
raise_missing(const char *kind, const char *name)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("%s \"%s\" of extension %s is missing", kind, name, INV_EXTENSION_NAME),
			errhint("The installed library may be newer than the extension's objects: run ALTER EXTENSION %s UPDATE.", INV_EXTENSION_NAME));
}

static Oid
require_relation(Oid schema, const char *name)
{
	Oid relation = get_relname_relid(name, schema);

	if (!OidIsValid(relation))
		raise_missing("relation", name);
	return relation;
}

/* One of ours in C, of which no two have the same name; somebody may have made others beside them. */
static Oid
require_function(Oid schema, const char *name)
{
	CatCList *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	Oid function = InvalidOid;

	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		if (form->pronamespace == schema && form->prolang == ClanguageId)
			function = form->oid;
	}
	ReleaseSysCacheList(list);
	if (!OidIsValid(function))
		raise_missing("function", name);
	return function;
}

static void
fill_cache(Oid schema)
{
	uint64 before = forgotten;
	char *name = get_namespace_name(schema);

	if (name == NULL)
		elog(ERROR, "cache lookup failed for schema %u", schema);
	if (cache.schema_name != NULL)
		pfree(cache.schema_name);
	cache.schema_name = MemoryContextStrdup(TopMemoryContext, quote_identifier(name));
	cache.schema = schema;
	cache.item_table = require_relation(schema, "inventory");
	cache.item_pkey = require_relation(schema, "inventory_pkey");
	cache.movement_table = require_relation(schema, "inventory_movement");
	cache.movement_pkey = require_relation(schema, "inventory_movement_pkey");
	cache.operation_table = require_relation(schema, "inventory_operation");
	cache.movement_sequence = require_relation(schema, "inventory_movement_movement_id_seq");
	for (int i = 0; i < INV_EVENT_PARTITIONS; i++)
		cache.event_tables[i] = require_relation(schema, psprintf("inventory_event_%d", i));
	cache.event_sequence = require_relation(schema, "inventory_event_id_seq");
	cache.batch_sequence = require_relation(schema, "inventory_batch_batch_id_seq");
	cache.backend_marker = require_function(schema, "inventory_level_backend");
	cache_is_valid = forgotten == before;
}

static const InvCatalog *
catalog_of_schema(Oid schema)
{
	if (!cache_is_valid || cache.schema != schema)
		fill_cache(schema);
	return &cache;
}

const InvCatalog *
inv_catalog_of_function(FunctionCallInfo fcinfo)
{
	return catalog_of_schema(get_func_namespace(fcinfo->flinfo->fn_oid));
}

static Oid
extension_schema(void)
{
	Relation relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid schema = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(INV_EXTENSION_NAME));
	scan = systable_beginscan(relation, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return schema;
}

const InvCatalog *
inv_catalog_of_extension(void)
{
	Oid schema = extension_schema();

	return OidIsValid(schema) ? catalog_of_schema(schema) : NULL;
}

bool
inv_catalog_has_extension(void)
{
	return OidIsValid(extension_schema());
}

const InvCatalog *
inv_catalog(void)
{
	Assert(OidIsValid(cache.schema));
	return catalog_of_schema(cache.schema);
}

Oid
inv_catalog_function(const char *name)
{
	return require_function(inv_catalog()->schema, name);
}

int
inv_catalog_column_count(Oid relation)
{
	const InvCatalog *catalog = inv_catalog();

	if (relation == catalog->item_table)
		return INV_ITEM_COLUMNS;
	if (relation == catalog->movement_table)
		return INV_MOVEMENT_COLUMNS;
	if (relation == catalog->operation_table)
		return INV_OPERATION_COLUMNS;
	return INV_EVENT_COLUMNS;
}
