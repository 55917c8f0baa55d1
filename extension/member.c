/*
 * member.c
 *	  Triggers on the tables that decide who may do what.
 *
 * Every change of a member, and of whether an organization is for members
 * only, is an event access.changed in the same log as the stock: relays act on
 * it in commit order, so that nothing committed while a revocation stands is
 * sent to the revoked.
 *
 * An organization with members is for its members only; when one leaves, that
 * is written down, so it stays so when the last has left.  It is not written
 * down when the first arrives: a restore brings the rows of both tables in any
 * order, and must not find one that is already there.
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

static InvStatement is_first_statement = {
	.sql = "SELECT NOT EXISTS (SELECT FROM @schema@.inventory_organization WHERE organization_id = $1)"
		   " AND NOT EXISTS (SELECT FROM @schema@.inventory_member WHERE organization_id = $1 AND subject <> $2)",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

static InvStatement close_statement = {
	.sql = "INSERT INTO @schema@.inventory_organization (organization_id, members_only)"
		   " VALUES ($1, true) ON CONFLICT DO NOTHING",
	.arg_count = 1,
	.arg_types = {TEXTOID}};

static InvStatement organizations_statement = {
	.sql = "SELECT DISTINCT organization_id FROM @schema@.inventory_member"};

static InvStatement marked_statement = {
	.sql = "SELECT organization_id FROM @schema@.inventory_organization"};

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

/* The first member shuts out everybody who had a token alone. */
static void
arrive(const TriggerData *trigger, HeapTuple row)
{
	char *organization_id = column_of(trigger, row, "organization_id");
	Datum values[2] = {CStringGetTextDatum(organization_id),
					   CStringGetTextDatum(column_of(trigger, row, "subject"))};
	bool is_first;

	inv_statement_connect();
	inv_statement_run(&is_first_statement, values, NULL);
	is_first = DatumGetBool(inv_statement_value(0, 1, NULL));
	inv_statement_finish();
	if (is_first)
		inv_event_write_access(organization_id, NULL);
}

static void
leave(const char *organization_id)
{
	Datum values[1] = {CStringGetTextDatum(organization_id)};

	inv_statement_connect();
	inv_statement_run(&close_statement, values, NULL);
	inv_statement_finish();
}

/* TRUNCATE names nobody, so everybody of each organization is meant. */
static void
tell_all_organizations(InvStatement *statement, bool leaves)
{
	char **organizations;
	uint64 count;

	inv_statement_connect();
	inv_statement_run(statement, NULL, NULL);
	count = SPI_processed;
	organizations = SPI_palloc((count + 1) * sizeof(char *));
	for (uint64 i = 0; i < count; i++)
		organizations[i] = inv_statement_text(i, 1);
	inv_statement_finish();
	for (uint64 i = 0; i < count; i++)
	{
		inv_event_write_access(organizations[i], NULL);
		if (leaves)
			leave(organizations[i]);
	}
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
		tell_all_organizations(&organizations_statement, true);
		return PointerGetDatum(NULL);
	}
	tell_subject(trigger, trigger->tg_trigtuple);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		arrive(trigger, trigger->tg_trigtuple);
	else
		leave(column_of(trigger, trigger->tg_trigtuple, "organization_id"));
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		tell_subject(trigger, trigger->tg_newtuple);
		arrive(trigger, trigger->tg_newtuple);
	}
	return PointerGetDatum(NULL);
}

static void
tell_organization_if_other(const TriggerData *trigger)
{
	char *organization_id = column_of(trigger, trigger->tg_newtuple, "organization_id");

	if (strcmp(organization_id, column_of(trigger, trigger->tg_trigtuple, "organization_id")) != 0)
		inv_event_write_access(organization_id, NULL);
}

PG_FUNCTION_INFO_V1(inventory_organization_changed);

/* AFTER INSERT OR UPDATE OR DELETE for each row, BEFORE TRUNCATE for the statement */
Datum
inventory_organization_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	check_trigger(fcinfo);
	(void) inv_catalog_of_function(fcinfo);
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
	{
		tell_all_organizations(&marked_statement, false);
		return PointerGetDatum(NULL);
	}
	inv_event_write_access(column_of(trigger, trigger->tg_trigtuple, "organization_id"), NULL);
	/* the key may be another one now */
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		tell_organization_if_other(trigger);
	return PointerGetDatum(NULL);
}
