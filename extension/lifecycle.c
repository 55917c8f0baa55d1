/*
 * lifecycle.c
 *	  Databases and the extension coming and going under running workers.
 *
 * DROP DATABASE, CREATE DATABASE ... TEMPLATE, ALTER DATABASE ... RENAME and
 * SET TABLESPACE want a database to themselves, and our workers would be in
 * the way.  So before such a command, and only if the user may run it, the
 * workers of that database are asked to leave and barred from coming back.
 * When its transaction has ended, either way, the bar is lifted, and the
 * launcher starts them again or forgets a database that is gone.  Lifting it
 * any earlier would let a worker run into a database that is about to go.
 *
 * CREATE EXTENSION and DROP EXTENSION, however they come about (CASCADE,
 * DROP OWNED, DROP SCHEMA), are seen through the object access hook, and
 * matter when they commit.
 */
#include "postgres.h"

#include "catalog.h"
#include "doorbell.h"
#include "lifecycle.h"
#include "shared.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* DROP DATABASE itself waits this long for others to leave. */
#define LEAVE_TIMEOUT_MS 5000
#define LEAVE_CHECK_MS 10

static ProcessUtility_hook_type previous_utility_hook = NULL;
static object_access_hook_type previous_access_hook = NULL;

/* Of the present transaction: what is to be done when it commits. */
static bool extension_changed = false;
static bool extension_exists = false;
static bool database_appeared = false;
static InvDatabase *barred = NULL; /* its workers stay away until then */

static bool
owns_database(Oid database)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, database, GetUserId());
#else
	return pg_database_ownercheck(database, GetUserId());
#endif
}

static bool
may_create_databases(void)
{
	HeapTuple tuple;
	bool may = superuser();

	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	if (HeapTupleIsValid(tuple))
	{
		may |= ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
		ReleaseSysCache(tuple);
	}
	return may;
}

static bool
is_template(Oid database)
{
	HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	bool is = false;

	if (HeapTupleIsValid(tuple))
	{
		is = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
		ReleaseSysCache(tuple);
	}
	return is;
}

static const char *
string_option(List *options, const char *name)
{
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *option = lfirst(cell);

		if (strcmp(option->defname, name) == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return NULL;
}

static Oid
template_of(CreatedbStmt *statement)
{
	const char *name = string_option(statement->options, "template");
	Oid database = get_database_oid(name != NULL ? name : "template1", true);

	if (OidIsValid(database) && may_create_databases() &&
		(is_template(database) || owns_database(database)))
		return database;
	return InvalidOid;
}

static Oid
owned_database(const char *name)
{
	Oid database = get_database_oid(name, true);

	return OidIsValid(database) && owns_database(database) ? database : InvalidOid;
}

/* The database that a command needs to itself, if the user may have it. */
static Oid
database_to_clear(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return owned_database(((DropdbStmt *) statement)->dbname);
		case T_CreatedbStmt:
			return template_of((CreatedbStmt *) statement);
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_DATABASE && may_create_databases())
				return owned_database(((RenameStmt *) statement)->subname);
			return InvalidOid;
		case T_AlterDatabaseStmt:
			if (string_option(((AlterDatabaseStmt *) statement)->options, "tablespace") != NULL)
				return owned_database(((AlterDatabaseStmt *) statement)->dbname);
			return InvalidOid;
		default:
			return InvalidOid;
	}
}

static void
change_leave_requests(InvDatabase *entry, int by)
{
	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	entry->leave_requests += by;
	LWLockRelease(inv_shared->lock);
}

static void
wait_until_left(InvDatabase *entry)
{
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LEAVE_TIMEOUT_MS);

	inv_shared_wake_workers(entry);
	while (inv_shared_has_workers(entry) && GetCurrentTimestamp() < end)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LEAVE_CHECK_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		inv_shared_wake_workers(entry);
	}
}

/* Until the transaction ends, however it does: a FATAL error aborts it too. */
static void
bar_workers(InvDatabase *entry)
{
	if (barred != NULL)
		return;
	barred = entry;
	change_leave_requests(entry, 1);
	wait_until_left(entry);
}

static void
lift_bar(void)
{
	if (barred == NULL)
		return;
	change_leave_requests(barred, -1);
	barred = NULL;
	inv_shared_wake_launcher();
}

static void
run_previous(PlannedStmt *planned, const char *query, bool read_only_tree, ProcessUtilityContext context,
			 ParamListInfo params, QueryEnvironment *environment, DestReceiver *receiver, QueryCompletion *completion)
{
	if (previous_utility_hook)
		previous_utility_hook(planned, query, read_only_tree, context, params, environment, receiver, completion);
	else
		standard_ProcessUtility(planned, query, read_only_tree, context, params, environment, receiver, completion);
}

static bool
is_commit_prepared(Node *statement)
{
	return IsA(statement, TransactionStmt) &&
		   ((TransactionStmt *) statement)->kind == TRANS_STMT_COMMIT_PREPARED;
}

/* ALTER DATABASE ... ALLOW_CONNECTIONS: the launcher has one more, or one less. */
static bool
opens_or_closes(Node *statement)
{
	return IsA(statement, AlterDatabaseStmt) &&
		   string_option(((AlterDatabaseStmt *) statement)->options, "allow_connections") != NULL;
}

static void
on_utility(PlannedStmt *planned, const char *query, bool read_only_tree, ProcessUtilityContext context,
		   ParamListInfo params, QueryEnvironment *environment, DestReceiver *receiver, QueryCompletion *completion)
{
	Node *statement = planned->utilityStmt;
	bool rings = is_commit_prepared(statement);
	Oid database = database_to_clear(statement);
	InvDatabase *entry = OidIsValid(database) ? inv_shared_find(database) : NULL;

	if (IsA(statement, CreatedbStmt) || opens_or_closes(statement))
		database_appeared = true;
	if (entry != NULL)
		bar_workers(entry);
	run_previous(planned, query, read_only_tree, context, params, environment, receiver, completion);
	if (!rings)
		return;
	inv_doorbell_ring();
	/* what came into being there may be the extension */
	if (inv_shared_mine() == NULL)
		extension_changed = true;
}

static void
on_object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (previous_access_hook)
		previous_access_hook(access, class_id, object_id, sub_id, arg);
	if (class_id == ExtensionRelationId && (access == OAT_POST_CREATE || access == OAT_DROP))
		extension_changed = true;
}

static void
after_extension_change(void)
{
	InvDatabase *mine;

	if (extension_exists)
		(void) inv_shared_add(MyDatabaseId);
	mine = inv_shared_find(MyDatabaseId);
	if (mine == NULL)
		return;
	inv_shared_wake_workers(mine);
	inv_shared_wake_launcher();
}

static void
on_transaction_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (extension_changed)
				extension_exists = inv_catalog_has_extension();
			return;
		case XACT_EVENT_COMMIT:
			if (extension_changed)
				after_extension_change();
			if (database_appeared)
				inv_shared_wake_launcher();
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			break;
		default:
			return;
	}
	lift_bar();
	extension_changed = false;
	database_appeared = false;
}

void
inv_lifecycle_init(void)
{
	previous_utility_hook = ProcessUtility_hook;
	ProcessUtility_hook = on_utility;
	previous_access_hook = object_access_hook;
	object_access_hook = on_object_access;
	RegisterXactCallback(on_transaction_end, NULL);
}
