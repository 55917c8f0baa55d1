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

/* Bytes of a page, unless less is wanted; ten thousand rows with full attributes can be more. */
#define PAGE_MAX_SIZE (4 * 1024 * 1024)

/* Of one page.  Each gets a copy at once, so this bounds the memory that a storm takes. */
#define READER_COUNT 32

enum
{
	COLUMN_PRODUCT,
	COLUMN_WAREHOUSE,
	COLUMN_DATA,
	COLUMN_COVERED_BY,
	COLUMN_IS_RETIRED
};

/* Who wants a page. */
typedef struct Reader
{
	InventoryAnswer answer;
	void *line; /* NULL when it has gone */
} Reader;

/* A page that is asked for.  Others that want the same join, until it is read. */
typedef struct Request
{
	ListNode in_inventory;
	Inventory *inventory;
	Scope *scope;
	InventoryQuery query;
	bool is_read; /* nobody joins any more */
	unsigned reader_count;
	Reader readers[READER_COUNT];
} Request;

struct Inventory
{
	Desk *desk;
	List requests;
	bool is_reminding;
	LogGate gate;
};

static const char ask_page[] =
	"SELECT s.product_id, s.warehouse_id, s.data, s.covered_by, s.data OPERATOR(pg_catalog.->>) 'retiredAt' IS NOT NULL "
	"FROM %s.inventory_relay_snapshot($1::text, $2::text[], $3::text, $4::text, $5::text, $6::text, $7::integer) AS s";

/* A page of no rows asks for the same ticks as any other. */
static const char ask_no_page[] = "SELECT s.covered_by FROM %s.inventory_relay_snapshot('', max_rows => 0) AS s";

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

static void
request_free(Request *request)
{
	list_remove(&request->in_inventory);
	scope_release(request->scope);
	free(request);
}

void
inventory_free(Inventory *inventory)
{
	ListNode *node;

	if (!inventory)
		return;
	while ((node = list_take_first(&inventory->requests)))
		request_free(list_object(node, Request, in_inventory));
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

/* An empty page is one row of nulls with its tick.  Rows that no longer fit begin the next page. */
static bool
read_page(InventoryPage *page, const PgResult *result, const InventoryQuery *query)
{
	size_t max_size = query->max_size ? query->max_size : PAGE_MAX_SIZE;
	int count = pg_result_count(result);
	int row = 0;

	*page = (InventoryPage){0};
	buf_append_char(&page->items, '[');
	for (; row < count && page->items.size < max_size; row++)
		if (pg_result_text(result, row, COLUMN_DATA))
			take_row(page, result, row);
	buf_append_char(&page->items, ']');
	page->covered_by = count ? pg_result_number(result, 0, COLUMN_COVERED_BY) : 0;
	page->has_more = (row < count || count == query->max_count) && *page->last.product;
	return count > 0 && !page->items.failed;
}

/* Each gets items of its own. */
static void
tell_reader(const Reader *reader, InventoryVerdict verdict, const InventoryPage *page)
{
	InventoryPage copy = *page;

	if (verdict == INVENTORY_DONE)
	{
		copy.items = (Buf){0};
		buf_append(&copy.items, page->items.bytes, page->items.size);
		verdict = copy.items.failed ? INVENTORY_FAILED : INVENTORY_DONE;
	}
	reader->answer(reader->line, verdict, verdict == INVENTORY_DONE ? &copy : NULL);
}

static void
handle_page(void *line, const PgResult *result)
{
	Request *request = line;
	Inventory *inventory = request->inventory;
	InventoryPage page = {0};
	InventoryVerdict verdict = INVENTORY_UNAVAILABLE;

	request->is_read = true;
	if (result && !pg_result_is_fine(result))
		log_gated(&inventory->gate, "the inventory could not be read: %s (%s)", pg_result_message(result),
				  pg_result_sqlstate(result));
	if (result)
		verdict = pg_result_is_fine(result) && read_page(&page, result, &request->query) ? INVENTORY_DONE
																						 : INVENTORY_FAILED;
	for (unsigned i = 0; i < request->reader_count; i++)
		if (request->readers[i].line)
			tell_reader(&request->readers[i], verdict, &page);
	buf_free(&page.items);
	request_free(request);
}

static const char *
or_null(const char *text)
{
	return *text ? text : NULL;
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
		pg_append_array(&warehouses, scope->warehouse_count, (const char *const *) scope->warehouses);
		parameters[1] = buf_text(&warehouses);
	}
	is_asked = !warehouses.failed && desk_ask(inventory->desk, ask_page, 7, parameters, handle_page, request);
	buf_free(&warehouses);
	return is_asked;
}

static bool
is_equal(const Request *request, const Scope *scope, const InventoryQuery *query)
{
	return scope_sees_same(request->scope, scope) &&
		   request->query.max_count == query->max_count && request->query.max_size == query->max_size &&
		   strcmp(request->query.item.product, query->item.product) == 0 &&
		   strcmp(request->query.item.warehouse, query->item.warehouse) == 0 &&
		   strcmp(request->query.after.product, query->after.product) == 0 &&
		   strcmp(request->query.after.warehouse, query->after.warehouse) == 0;
}

/*
 * Joins others who wait for the same page.  One that is being read already may
 * be older than what this reader has been sent.
 */
static bool
join(Inventory *inventory, const Scope *scope, const InventoryQuery *query, const Reader *reader)
{
	for (ListNode *node = list_first(&inventory->requests); node; node = list_next(&inventory->requests, node))
	{
		Request *request = list_object(node, Request, in_inventory);

		if (request->is_read || request->reader_count == READER_COUNT || !is_equal(request, scope, query) ||
			!desk_is_waiting(inventory->desk, request))
			continue;
		request->readers[request->reader_count++] = *reader;
		return true;
	}
	return false;
}

void
inventory_ask(Inventory *inventory, Scope *scope, const InventoryQuery *query, InventoryAnswer answer, void *line)
{
	Reader reader = {answer, line};
	Request *request;

	if (join(inventory, scope, query, &reader))
		return;
	request = calloc(1, sizeof *request);
	if (!request)
	{
		answer(line, INVENTORY_UNAVAILABLE, NULL);
		return;
	}
	*request = (Request){
		.inventory = inventory,
		.scope = scope_share(scope),
		.query = *query,
		.reader_count = 1,
		.readers = {reader},
	};
	list_append(&inventory->requests, &request->in_inventory);
	if (ask(inventory, scope, query, request))
		return;
	request_free(request);
	answer(line, INVENTORY_UNAVAILABLE, NULL);
}

static void
handle_reminded(void *line, const PgResult *result)
{
	Inventory *inventory = line;

	(void) result;
	inventory->is_reminding = false;
}

void
inventory_remind(Inventory *inventory)
{
	if (inventory->is_reminding)
		return;
	inventory->is_reminding = true; /* the answer may come before the question is put */
	if (!desk_ask(inventory->desk, ask_no_page, 0, NULL, handle_reminded, inventory))
		inventory->is_reminding = false;
}

void
inventory_forget(Inventory *inventory, const void *line)
{
	for (ListNode *node = list_first(&inventory->requests); node; node = list_next(&inventory->requests, node))
	{
		Request *request = list_object(node, Request, in_inventory);

		for (unsigned i = 0; i < request->reader_count; i++)
			if (request->readers[i].line == line)
				request->readers[i].line = NULL;
	}
}
