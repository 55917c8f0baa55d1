/*
 * reconcile.c
 *	  inventory_reconcile(): do counters, ledger, holds and batches agree?
 *
 * They are written together and cannot drift apart by themselves; this is how
 * anybody can see it, and the way back after somebody has edited a table by
 * hand.  An item is judged within one snapshot, so a running sale is no
 * finding.
 *
 * A repair never edits history.  It takes as true what is there to be touched:
 * the holds that are open, the batches where they are tracked, else what is
 * on hand.  The counters are set to that, and one movement brings the ledger
 * in line.  A gap in the versions stays, for it cannot be filled honestly; a
 * row that is behind its ledger goes on after the last entry.
 */
#include "postgres.h"

#include "arguments.h"
#include "catalog.h"
#include "errors.h"
#include "level.h"
#include "statement.h"
#include "stock.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static InvStatement figures_statement = {
	.sql = "SELECT i.inventory_id, i.product_id, i.warehouse_id, i.quantity_available, i.quantity_reserved, i.version,"
		   "  m.available, m.reserved, m.versions, h.held, CASE WHEN i.track_batches THEN b.on_hand END"
		   " FROM @schema@.inventory i"
		   " CROSS JOIN LATERAL (SELECT coalesce(sum(delta_available), 0)::bigint AS available,"
		   "   coalesce(sum(delta_reserved), 0)::bigint AS reserved,"
		   "   CASE WHEN max(version) > i.version THEN max(version) ELSE count(*) END AS versions"
		   "   FROM @schema@.inventory_movement WHERE inventory_id = i.inventory_id) m"
		   " CROSS JOIN LATERAL (SELECT coalesce(sum(quantity - quantity_committed), 0)::bigint AS held"
		   "   FROM @schema@.inventory_reservation_line WHERE inventory_id = i.inventory_id AND is_held) h"
		   " CROSS JOIN LATERAL (SELECT coalesce(sum(quantity), 0)::bigint AS on_hand"
		   "   FROM @schema@.inventory_batch WHERE inventory_id = i.inventory_id) b"
		   " WHERE i.organization_id = $1 AND ($2 IS NULL OR i.product_id = $2)"
		   "  AND ($3 IS NULL OR i.warehouse_id = $3)"
		   " ORDER BY i.product_id, i.warehouse_id",
	.arg_count = 3,
	.arg_types = {TEXTOID, TEXTOID, TEXTOID}};

typedef struct Figures
{
	int64 inventory_id;
	InvItemKey key;
	int64 available;
	int64 reserved;
	int64 version;
	int64 ledger_available;
	int64 ledger_reserved;
	int64 version_count;
	int64 held;
	bool has_batches;
	int64 in_batches;
} Figures;

static int64
number_at(uint64 row, int column)
{
	return DatumGetInt64(inv_statement_value(row, column, NULL));
}

static void
take_figures(uint64 row, const char *organization_id, Figures *figures)
{
	bool is_null;
	Datum in_batches = inv_statement_value(row, 11, &is_null);

	figures->inventory_id = number_at(row, 1);
	figures->key.organization_id = organization_id;
	figures->key.product_id = inv_statement_text(row, 2);
	figures->key.warehouse_id = inv_statement_text(row, 3);
	figures->available = number_at(row, 4);
	figures->reserved = number_at(row, 5);
	figures->version = number_at(row, 6);
	figures->ledger_available = number_at(row, 7);
	figures->ledger_reserved = number_at(row, 8);
	figures->version_count = number_at(row, 9);
	figures->held = number_at(row, 10);
	figures->has_batches = !is_null;
	figures->in_batches = is_null ? 0 : DatumGetInt64(in_batches);
}

/* The figures of the items that match; NULL matches all. */
static Figures *
read_figures(const char *organization_id, const char *product_id, const char *warehouse_id, uint64 *count)
{
	Datum values[3] = {CStringGetTextDatum(organization_id)};
	char nulls[3] = "   ";
	Figures *figures;

	nulls[1] = product_id == NULL ? 'n' : ' ';
	if (product_id != NULL)
		values[1] = CStringGetTextDatum(product_id);
	nulls[2] = warehouse_id == NULL ? 'n' : ' ';
	if (warehouse_id != NULL)
		values[2] = CStringGetTextDatum(warehouse_id);
	inv_statement_connect();
	inv_statement_run(&figures_statement, values, nulls);
	*count = SPI_processed;
	figures = SPI_palloc(Max(*count, 1) * sizeof(Figures));
	for (uint64 row = 0; row < *count; row++)
		take_figures(row, organization_id, &figures[row]);
	inv_statement_finish();
	return figures;
}

static int64
true_on_hand(const Figures *figures)
{
	return figures->has_batches ? figures->in_batches : figures->available + figures->reserved;
}

/* A row behind its ledger would write the next movement over one that is there. */
static bool
is_behind(const Figures *figures)
{
	return figures->version_count > figures->version;
}

static bool
can_be_repaired(const Figures *figures)
{
	return is_behind(figures) || figures->ledger_available != figures->available || figures->ledger_reserved != figures->reserved ||
		   figures->held != figures->reserved ||
		   (figures->has_batches && figures->in_batches != figures->available + figures->reserved);
}

/* Writes the movement that makes all agree.  The item is locked and read again first. */
static void
repair(const InvScope *scope, const InvItemKey *key)
{
	InvTail tail = {.reason = "reconcile", .occurred_at = DT_NOBEGIN};
	InvStock stock;
	InvItem *item = palloc0(sizeof(InvItem));
	Figures *figures;
	uint64 count;

	inv_stock_begin(&stock);
	if (inv_item_find(&stock.item_table, key, item) &&
		inv_item_lock(&stock.item_table, item, &stock.deadline, LockWaitBlock))
	{
		figures = read_figures(key->organization_id, key->product_id, key->warehouse_id, &count);
		if (count == 1 && can_be_repaired(figures))
		{
			stock.items = &item;
			stock.item_count = 1;
			if (is_behind(figures))
				item->version = figures->version_count;
			inv_stock_correct(&stock, item, scope, &tail,
							  true_on_hand(figures) - figures->held, figures->held,
							  figures->ledger_available, figures->ledger_reserved);
			inv_stock_write(&stock);
		}
	}
	inv_stock_end(&stock);
}

static void
put_finding(ReturnSetInfo *result, const Figures *figures, const char *check, int64 expected, int64 actual, bool repaired)
{
	Datum values[7] = {CStringGetTextDatum(figures->key.product_id), CStringGetTextDatum(figures->key.warehouse_id),
					   Int64GetDatum(figures->inventory_id), CStringGetTextDatum(check),
					   Int64GetDatum(expected), Int64GetDatum(actual), BoolGetDatum(repaired)};
	bool nulls[7] = {false};

	if (expected != actual)
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_findings(ReturnSetInfo *result, const Figures *figures, bool repaired)
{
	put_finding(result, figures, "available is the sum of the ledger", figures->ledger_available, figures->available, repaired);
	put_finding(result, figures, "reserved is the sum of the ledger", figures->ledger_reserved, figures->reserved, repaired);
	put_finding(result, figures, "reserved is what open reservations hold", figures->held, figures->reserved, repaired);
	if (figures->has_batches)
		put_finding(result, figures, "on hand is the sum of the batches", figures->in_batches,
					figures->available + figures->reserved, repaired);
	put_finding(result, figures, "versions have no gap", figures->version, figures->version_count,
				repaired && is_behind(figures));
}

/* The level reader may look, and changes nothing, whatever the claims say. */
static void
require_level(void)
{
	if (!inv_level_gives("inventory_retire", "inventory_reconcile"))
		ereport(ERROR,
				errcode(INV_ERRCODE_FORBIDDEN),
				errmsg("a repair needs the level manager, and role \"%s\" does not have it", inv_level_role()));
}

PG_FUNCTION_INFO_V1(inventory_reconcile);

/* inventory_reconcile(product_id text, warehouse_id text, repair boolean) */
Datum
inventory_reconcile(PG_FUNCTION_ARGS)
{
	InvScope scope;
	char *warehouse_id;
	bool does_repair;
	Figures *figures;
	uint64 count;

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(&scope);
	warehouse_id = inv_arg_text(fcinfo, 1);
	does_repair = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	if (warehouse_id != NULL)
		inv_scope_require(&scope, INV_ROLE_VIEWER, warehouse_id);
	if (does_repair)
		require_level();
	InitMaterializedSRF(fcinfo, 0);
	figures = read_figures(scope.organization, inv_arg_text(fcinfo, 0), warehouse_id, &count);
	for (uint64 i = 0; i < count; i++)
	{
		bool is_repaired = does_repair && can_be_repaired(&figures[i]);

		if (!inv_scope_sees(&scope, figures[i].key.warehouse_id))
			continue;
		if (does_repair)
			inv_scope_require(&scope, INV_ROLE_MANAGER, figures[i].key.warehouse_id);
		if (is_repaired)
			repair(&scope, &figures[i].key);
		put_findings((ReturnSetInfo *) fcinfo->resultinfo, &figures[i], is_repaired);
		CHECK_FOR_INTERRUPTS();
	}
	return (Datum) 0;
}
