/*
 * member.c
 *	  Triggers on the tables that decide who may do what.
 *
 * Every change of a member, and of whether an organization is for members
 * only, is an event access.changed in the same log as the stock: relays act on
 * it in commit order, so that nothing committed while a revocation stands is
 * sent to the revoked.
 */
#include "postgres.h"

#include "catalog.h"
#include "event.h"
#include "statement.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"

/* The first member makes the organization one for members only. */
static InvStatement close_statement = {
	.sql = "INSERT INTO @schema@.inventory_organization (organization_id, members_only)"
		   " VALUES ($1, true) ON CONFLICT DO NOTHING",
	.arg_count = 1,
	.arg_types = {TEXTOID}};

static InvStatement organizations_statement = {
	.sql = "SELECT DISTINCT organization_id FROM @schema@.inventory_member"};

static void
check_trigger(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("this function can only be called as a trigger"));
}

static char *
column_of(const TriggerData *trigger, HeapTuple row, const char *name)
{
	TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);

	return SPI_getvalue(row, descriptor, SPI_fnumber(descriptor, name));
}

static void
tell_subject(const TriggerData *trigger, HeapTuple row)
{
	inv_event_write_access(column_of(trigger, row, "organization_id"), column_of(trigger, row, "subject"));
}

static void
close_organization(const char *organization_id)
{
	Datum values[1] = {CStringGetTextDatum(organization_id)};

	inv_statement_connect();
	inv_statement_run(&close_statement, values, NULL);
	inv_statement_finish();
}

/* TRUNCATE names nobody, so everybody of each organization is meant. */
static void
tell_all_organizations(void)
{
	char **organizations;
	uint64 count;

	inv_statement_connect();
	inv_statement_run(&organizations_statement, NULL, NULL);
	count = SPI_processed;
	organizations = SPI_palloc((count + 1) * sizeof(char *));
	for (uint64 i = 0; i < count; i++)
		organizations[i] = inv_statement_text(i, 1);
	inv_statement_finish();
	for (uint64 i = 0; i < count; i++)
		inv_event_write_access(organizations[i], NULL);
}

PG_FUNCTION_INFO_V1(inventory_member_changed);

/* AFTER INSERT OR UPDATE OR DELETE for each row, BEFORE TRUNCATE for the statement */
Datum
inventory_member_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	check_trigger(fcinfo);
	(void) inv_catalog_of_function(fcinfo);
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
	{
		tell_all_organizations();
		return PointerGetDatum(NULL);
	}
	tell_subject(trigger, trigger->tg_trigtuple);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		tell_subject(trigger, trigger->tg_newtuple);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		close_organization(column_of(trigger, trigger->tg_trigtuple, "organization_id"));
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(inventory_organization_changed);

/* AFTER INSERT OR UPDATE OR DELETE for each row */
Datum
inventory_organization_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	check_trigger(fcinfo);
	(void) inv_catalog_of_function(fcinfo);
	inv_event_write_access(column_of(trigger, trigger->tg_trigtuple, "organization_id"), NULL);
	return PointerGetDatum(NULL);
}
