/*
 * inventory.c
 *	  Answers "what is in stock now" from the database.
 *
 * The rows are shaped like the data of stock events, so that a page can put
 * both into the same table.  The database writes the JSON; here the rows are
 * only strung together.
 */
#include "inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "list.h"
#include "log.h"
#include "pg.h"

/* Bytes of an answer; a thousand rows with full attributes can be more. */
#define ANSWER_MAX_SIZE (8 * 1024 * 1024)

typedef struct Request
{
	ListNode in_inventory;
	InventoryQuery query;
	InventoryAnswer answer;
	void *line; /* NULL when forgotten while it ran */
} Request;

struct Inventory
{
	Pg *pg;
	char *organization;
	char *schema; /* quoted; NULL until known on this connection */
	List waiting;
	int64_t waiting_count;
	Request *running;
	LogGate gate;
};

/* As events write times: UTC, milliseconds. */
#define TIME_TEXT(column) \
	"pg_catalog.to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

static const char find_extension[] =
	"SELECT n.nspname, pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false), "
	"pg_catalog.set_config('inventory.organization', $1, false), "
	"pg_catalog.set_config('statement_timeout', $2, false) "
	"FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace "
	"WHERE e.extname OPERATOR(pg_catalog.=) 'pg_inventory'";

static const char select_rows[] =
	"SELECT pg_catalog.row_to_json(r) FROM (SELECT "
	"i.inventory_id AS \"inventoryId\", i.product_id AS \"productId\", i.warehouse_id AS \"warehouseId\", "
	"i.quantity_available AS \"quantityAvailable\", i.quantity_reserved AS \"quantityReserved\", "
	"i.quantity_on_hand AS \"quantityOnHand\", i.minimum_stock AS \"minimumStock\", "
	"i.stock_floor AS \"stockFloor\", i.track_batches AS \"trackBatches\", i.alert_state AS \"alertState\", "
	"i.version, i.attributes, " TIME_TEXT("i.last_modified_at") " AS \"lastModifiedAt\", " TIME_TEXT("i.last_restocked_at") " AS \"lastRestockedAt\" "
																															"FROM %s.inventory_list(product_id => $1::text, warehouse_id => $2::text) AS i "
																															"WHERE i.organization_id = $3 AND i.retired_at IS NULL "
																															"AND ($4::text IS NULL OR (i.product_id, i.warehouse_id) > ($4, $5::text)) "
																															"ORDER BY i.product_id, i.warehouse_id LIMIT $6::bigint) AS r";

static void run_next(Inventory *inventory);

static void
end_request(Inventory *inventory, Request *request, InventoryVerdict verdict, Frame *take_rows)
{
	if (inventory->running == request)
		inventory->running = NULL;
	else
	{
		list_remove(&request->in_inventory);
		inventory->waiting_count--;
	}
	if (request->line)
		request->answer(request->line, verdict, take_rows);
	else
		frame_release(take_rows);
	free(request);
}

/* Strings the rows together; NULL when there is too much or no memory. */
static Frame *
join_rows(const PgResult *result)
{
	Buf text = {0};
	Frame *frame = NULL;

	buf_append_char(&text, '[');
	for (int row = 0; row < pg_result_count(result) && text.size <= ANSWER_MAX_SIZE; row++)
	{
		if (row)
			buf_append_text(&text, ",\n");
		buf_append_text(&text, pg_result_text(result, row, 0));
	}
	buf_append_text(&text, "]\n");
	if (!text.failed && text.size <= ANSWER_MAX_SIZE)
		frame = frame_of(text.bytes, text.size);
	buf_free(&text);
	return frame;
}

static void
handle_rows(void *owner, const PgResult *result)
{
	Inventory *inventory = owner;
	Request *request = inventory->running;
	Frame *rows = NULL;

	if (!result)
	{
		end_request(inventory, request, INVENTORY_UNAVAILABLE, NULL);
		return;
	}
	if (pg_result_is_fine(result))
		rows = join_rows(result);
	else
		log_gated(&inventory->gate, "the inventory could not be read: %s (%s)", pg_result_message(result),
				  pg_result_sqlstate(result));
	end_request(inventory, request, rows ? INVENTORY_DONE : INVENTORY_FAILED, rows);
	run_next(inventory);
}

static const char *
or_null(const char *text)
{
	return *text ? text : NULL;
}

static void
run(Inventory *inventory, const InventoryQuery *query)
{
	Buf sql = {0};
	char max_count[24];
	const char *parameters[] = {
		or_null(query->item.product),
		or_null(query->item.warehouse),
		inventory->organization,
		or_null(query->after.product),
		query->after.warehouse,
		max_count,
	};

	snprintf(max_count, sizeof max_count, "%lld", (long long) query->max_count);
	buf_printf(&sql, select_rows, inventory->schema);
	pg_query(inventory->pg, buf_text(&sql), 6, parameters, handle_rows, inventory);
	buf_free(&sql);
}

static void
run_next(Inventory *inventory)
{
	ListNode *first = list_first(&inventory->waiting);

	if (inventory->running || !first || !inventory->schema || pg_is_busy(inventory->pg))
		return;
	inventory->running = list_object(first, Request, in_inventory);
	list_remove(first);
	inventory->waiting_count--;
	run(inventory, &inventory->running->query);
}

static void
handle_extension(void *owner, const PgResult *result)
{
	Inventory *inventory = owner;

	if (!result)
		return;
	if (!pg_result_is_fine(result) || pg_result_count(result) == 0)
	{
		pg_lose(inventory->pg, "the extension pg_inventory was not found");
		return;
	}
	inventory->schema = pg_quote_name(inventory->pg, pg_result_text(result, 0, 0));
	pg_settle(inventory->pg);
	run_next(inventory);
}

static void
handle_up(void *owner)
{
	Inventory *inventory = owner;
	const char *parameters[] = {inventory->organization, "10000"};

	pg_query(inventory->pg, find_extension, 2, parameters, handle_extension, inventory);
}

static void
handle_down(void *owner)
{
	Inventory *inventory = owner;
	ListNode *first;

	free(inventory->schema);
	inventory->schema = NULL;
	while ((first = list_take_first(&inventory->waiting)))
		end_request(inventory, list_object(first, Request, in_inventory), INVENTORY_UNAVAILABLE, NULL);
}

Inventory *
inventory_new(Loop *loop, const InventoryOptions *options)
{
	static const PgHandlers handlers = {handle_up, handle_down, NULL};
	PgOptions pg_options = {"inventory", options->dsn, options->connect_timeout_ms, options->query_timeout_ms};
	Inventory *inventory = calloc(1, sizeof *inventory);

	if (!inventory)
		return NULL;
	list_init(&inventory->waiting);
	inventory->organization = strdup(options->organization);
	inventory->pg = pg_new(loop, &pg_options, &handlers, inventory);
	if (!inventory->pg || !inventory->organization)
	{
		inventory_free(inventory);
		return NULL;
	}
	pg_open(inventory->pg);
	return inventory;
}

void
inventory_free(Inventory *inventory)
{
	ListNode *first;

	if (!inventory)
		return;
	pg_free(inventory->pg);
	while ((first = list_take_first(&inventory->waiting)))
		free(list_object(first, Request, in_inventory));
	free(inventory->running);
	free(inventory->schema);
	free(inventory->organization);
	free(inventory);
}

void
inventory_ask(Inventory *inventory, const InventoryQuery *query, int64_t max_waiting,
			  InventoryAnswer answer, void *line)
{
	Request *request;

	if (!inventory->schema)
	{
		answer(line, INVENTORY_UNAVAILABLE, NULL);
		return;
	}
	request = inventory->waiting_count < max_waiting ? calloc(1, sizeof *request) : NULL;
	if (!request)
	{
		answer(line, INVENTORY_OVERLOADED, NULL);
		return;
	}
	request->query = *query;
	request->answer = answer;
	request->line = line;
	list_append(&inventory->waiting, &request->in_inventory);
	inventory->waiting_count++;
	run_next(inventory);
}

void
inventory_forget(Inventory *inventory, const void *line)
{
	if (inventory->running && inventory->running->line == line)
		inventory->running->line = NULL;
	for (ListNode *node = list_first(&inventory->waiting); node; node = list_next(&inventory->waiting, node))
	{
		Request *request = list_object(node, Request, in_inventory);

		if (request->line != line)
			continue;
		request->line = NULL;
		end_request(inventory, request, INVENTORY_UNAVAILABLE, NULL);
		return;
	}
}
