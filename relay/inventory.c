/*
 * inventory.c
 *	  Pages of what is in stock now, from the database.
 *
 * The rows are shaped like the data of stock events, so that a page can put
 * both into the same table.  The database writes the JSON; here the rows are
 * only strung together.
 */
#include "inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "log.h"

/* Bytes of a page; a thousand rows with full attributes can be more. */
#define PAGE_MAX_SIZE (8 * 1024 * 1024)

enum
{
	COLUMN_PRODUCT,
	COLUMN_WAREHOUSE,
	COLUMN_DATA,
	COLUMN_COVERED_BY,
	COLUMN_IS_RETIRED
};

typedef struct Request
{
	ListNode in_inventory;
	Inventory *inventory;
	int64_t max_count;
	InventoryAnswer answer;
	void *line; /* NULL when it has gone */
} Request;

struct Inventory
{
	Desk *desk;
	List requests;
	LogGate gate;
};

static const char ask_page[] =
	"SELECT s.product_id, s.warehouse_id, s.data, s.covered_by, s.data OPERATOR(pg_catalog.->>) 'retiredAt' IS NOT NULL "
	"FROM %s.inventory_relay_snapshot($1::text, $2::text[], $3::text, $4::text, $5::text, $6::text, $7::integer) AS s";

Inventory *
inventory_new(Desk *desk)
{
	Inventory *inventory = calloc(1, sizeof *inventory);

	if (!inventory)
		return NULL;
	inventory->desk = desk;
	list_init(&inventory->requests);
	return inventory;
}

void
inventory_free(Inventory *inventory)
{
	ListNode *node;

	if (!inventory)
		return;
	while ((node = list_take_first(&inventory->requests)))
		free(list_object(node, Request, in_inventory));
	free(inventory);
}

/* The last row tells where the next page begins. */
static void
take_row(InventoryPage *page, const PgResult *result, int row)
{
	if (!pg_result_is_true(result, row, COLUMN_IS_RETIRED))
	{
		buf_append_text(&page->items, page->count++ ? ",\n" : "");
		buf_append_text(&page->items, pg_result_text(result, row, COLUMN_DATA));
	}
	snprintf(page->last.product, sizeof page->last.product, "%s", pg_result_text(result, row, COLUMN_PRODUCT));
	snprintf(page->last.warehouse, sizeof page->last.warehouse, "%s", pg_result_text(result, row, COLUMN_WAREHOUSE));
}

/* An empty page is one row of nulls with its tick. */
static bool
read_page(InventoryPage *page, const PgResult *result, int64_t max_count)
{
	int count = pg_result_count(result);

	*page = (InventoryPage){0};
	buf_append_char(&page->items, '[');
	for (int row = 0; row < count && page->items.size <= PAGE_MAX_SIZE; row++)
		if (pg_result_text(result, row, COLUMN_DATA))
			take_row(page, result, row);
	buf_append_char(&page->items, ']');
	page->covered_by = count ? pg_result_number(result, 0, COLUMN_COVERED_BY) : 0;
	page->has_more = count == max_count && *page->last.product;
	return count > 0 && !page->items.failed && page->items.size <= PAGE_MAX_SIZE;
}

static void
handle_page(void *line, const PgResult *result)
{
	Request *request = line;
	Inventory *inventory = request->inventory;
	InventoryPage page = {0};
	InventoryVerdict verdict = INVENTORY_UNAVAILABLE;

	list_remove(&request->in_inventory);
	if (result && !pg_result_is_fine(result))
		log_gated(&inventory->gate, "the inventory could not be read: %s (%s)", pg_result_message(result),
				  pg_result_sqlstate(result));
	if (result)
		verdict = pg_result_is_fine(result) && read_page(&page, result, request->max_count) ? INVENTORY_DONE
																							: INVENTORY_FAILED;
	if (verdict == INVENTORY_DONE && request->line)
		request->answer(request->line, verdict, &page);
	else
	{
		buf_free(&page.items);
		if (request->line)
			request->answer(request->line, verdict, NULL);
	}
	free(request);
}

static const char *
or_null(const char *text)
{
	return *text ? text : NULL;
}

/* {"a","b"} as PostgreSQL reads arrays. */
static void
append_array(Buf *buf, const Scope *scope)
{
	buf_append_char(buf, '{');
	for (size_t i = 0; i < scope->warehouse_count; i++)
	{
		buf_append_text(buf, i ? ",\"" : "\"");
		for (const char *c = scope->warehouses[i]; *c; c++)
		{
			if (*c == '"' || *c == '\\')
				buf_append_char(buf, '\\');
			buf_append_char(buf, *c);
		}
		buf_append_char(buf, '"');
	}
	buf_append_char(buf, '}');
}

static bool
ask(Inventory *inventory, const Scope *scope, const InventoryQuery *query, Request *request)
{
	Buf warehouses = {0};
	char max_count[24];
	const char *parameters[] = {
		scope->organization,
		NULL,
		or_null(query->item.product),
		or_null(query->item.warehouse),
		query->after.product,
		query->after.warehouse,
		max_count,
	};
	bool is_asked;

	snprintf(max_count, sizeof max_count, "%lld", (long long) query->max_count);
	if (!scope->has_all_warehouses)
	{
		append_array(&warehouses, scope);
		parameters[1] = buf_text(&warehouses);
	}
	is_asked = !warehouses.failed && desk_ask(inventory->desk, ask_page, 7, parameters, handle_page, request);
	buf_free(&warehouses);
	return is_asked;
}

void
inventory_ask(Inventory *inventory, const Scope *scope, const InventoryQuery *query, InventoryAnswer answer, void *line)
{
	Request *request = calloc(1, sizeof *request);

	if (!request)
	{
		answer(line, INVENTORY_UNAVAILABLE, NULL);
		return;
	}
	*request = (Request){.inventory = inventory, .max_count = query->max_count, .answer = answer, .line = line};
	list_append(&inventory->requests, &request->in_inventory);
	if (ask(inventory, scope, query, request))
		return;
	list_remove(&request->in_inventory);
	free(request);
	answer(line, INVENTORY_UNAVAILABLE, NULL);
}

void
inventory_forget(Inventory *inventory, const void *line)
{
	for (ListNode *node = list_first(&inventory->requests); node; node = list_next(&inventory->requests, node))
	{
		Request *request = list_object(node, Request, in_inventory);

		if (request->line == line)
			request->line = NULL;
	}
}
