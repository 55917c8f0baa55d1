/*
 * records.c
 *	  Pages of what is written down about one item.
 *
 * The database writes the JSON; here the rows are only strung together.
 */
#include "records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "log.h"

#define FOLDER "/api/inventory/"

/* Bytes of a page: a thousand rows with the longest texts can be more. */
#define PAGE_MAX_SIZE (8 * 1024 * 1024)

enum
{
	COLUMN_DATA,
	COLUMN_COVERED_BY
};

static const struct
{
	const char *name;
	const char *ask;
} kinds[] = {
	[RECORD_MOVEMENTS] = {"movements", "SELECT r.data, r.covered_by FROM %s.inventory_relay_movements("
									   "$1::text, $2::text[], $3::text, $4::text, $5::bigint, $6::integer) AS r"},
	[RECORD_BATCHES] = {"batches", "SELECT r.data, r.covered_by FROM %s.inventory_relay_batches("
								   "$1::text, $2::text[], $3::text, $4::text, $5::bigint, $6::integer) AS r"},
	[RECORD_RESERVATIONS] = {"reservations", "SELECT r.data, r.covered_by FROM %s.inventory_relay_reservations("
											 "$1::text, $2::text[], $3::text, $4::text, $5::text, $6::integer) AS r"},
};

/* A page that is asked for. */
typedef struct Request
{
	ListNode in_records;
	Records *records;
	RecordsAnswer answer;
	void *line; /* NULL when it has gone */
} Request;

struct Records
{
	Desk *desk;
	List requests;
	LogGate gate;
};

/* Paths */

static bool
find_kind(const char *word, RecordKind *kind)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].name, word) == 0)
		{
			*kind = (RecordKind) i;
			return true;
		}
	return false;
}

/* False when it is too long for an id, or none. */
static bool
take_id(char *id, const char *text, size_t size)
{
	if (size > CHANNEL_ID_SIZE)
		return false;
	memcpy(id, text, size);
	id[size] = '\0';
	return channel_is_id(id);
}

RecordsPath
records_find(const char *path, RecordsQuery *query)
{
	const char *item = path + strlen(FOLDER);
	const char *last = strrchr(path, '/');
	const char *slash;

	*query = (RecordsQuery){0};
	if (strncmp(path, FOLDER, strlen(FOLDER)) != 0 || !find_kind(last + 1, &query->kind))
		return RECORDS_ELSEWHERE;
	if (last + 1 == item)
		return RECORDS_BY_QUERY;
	slash = strchr(item, '/');
	if (slash < last && !memchr(slash + 1, '/', (size_t) (last - slash - 1)) &&
		take_id(query->item.product, item, (size_t) (slash - item)) &&
		take_id(query->item.warehouse, slash + 1, (size_t) (last - slash - 1)))
		return RECORDS_BY_PATH;
	return RECORDS_MALFORMED;
}

static bool
is_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	errno = 0;
	return digits && !text[digits] && strtoll(text, NULL, 10) > 0 && !errno;
}

bool
records_read_before(RecordsQuery *query, const char *text)
{
	return take_id(query->before, text, strlen(text)) &&
		   (query->kind == RECORD_RESERVATIONS || is_number(text));
}

/* Asking */

Records *
records_new(Desk *desk)
{
	Records *records = calloc(1, sizeof *records);

	if (!records)
		return NULL;
	records->desk = desk;
	list_init(&records->requests);
	return records;
}

static void
request_free(Request *request)
{
	list_remove(&request->in_records);
	free(request);
}

void
records_free(Records *records)
{
	ListNode *node;

	if (!records)
		return;
	while ((node = list_take_first(&records->requests)))
		request_free(list_object(node, Request, in_records));
	free(records);
}

/* No row: no item.  An item without records is one row of nulls with its tick. */
static RecordsVerdict
read_page(RecordsPage *page, const PgResult *result)
{
	int count = pg_result_count(result);

	if (!count)
		return RECORDS_UNKNOWN;
	page->covered_by = pg_result_number(result, 0, COLUMN_COVERED_BY);
	for (int row = 0; row < count && page->rows.size <= PAGE_MAX_SIZE; row++)
		if (pg_result_text(result, row, COLUMN_DATA))
		{
			buf_append_text(&page->rows, row ? ",\n" : "");
			buf_append_text(&page->rows, pg_result_text(result, row, COLUMN_DATA));
		}
	return page->rows.failed || page->rows.size > PAGE_MAX_SIZE ? RECORDS_FAILED : RECORDS_DONE;
}

static void
handle_page(void *line, const PgResult *result)
{
	Request *request = line;
	RecordsPage page = {0};
	RecordsVerdict verdict = RECORDS_UNAVAILABLE;

	if (result && !pg_result_is_fine(result))
		log_gated(&request->records->gate, "the records of an item could not be read: %s (%s)",
				  pg_result_message(result), pg_result_sqlstate(result));
	if (result && request->line)
		verdict = pg_result_is_fine(result) ? read_page(&page, result) : RECORDS_FAILED;
	if (verdict != RECORDS_DONE)
		buf_free(&page.rows);
	if (request->line)
		request->answer(request->line, verdict, verdict == RECORDS_DONE ? &page : NULL);
	request_free(request);
}

static bool
ask(Request *request, const Scope *scope, const RecordsQuery *query)
{
	Buf warehouses = {0};
	char max_count[24];
	const char *parameters[] = {
		scope->organization,
		NULL,
		query->item.product,
		query->item.warehouse,
		*query->before ? query->before : NULL,
		max_count,
	};
	bool is_asked;

	snprintf(max_count, sizeof max_count, "%lld", (long long) query->max_count);
	if (!scope->has_all_warehouses)
	{
		pg_append_array(&warehouses, scope->warehouse_count, (const char *const *) scope->warehouses);
		parameters[1] = buf_text(&warehouses);
	}
	is_asked = !warehouses.failed &&
			   desk_ask(request->records->desk, kinds[query->kind].ask, 6, parameters, handle_page, request);
	buf_free(&warehouses);
	return is_asked;
}

void
records_ask(Records *records, const Scope *scope, const RecordsQuery *query, RecordsAnswer answer, void *line)
{
	Request *request = calloc(1, sizeof *request);

	if (request)
	{
		*request = (Request){.records = records, .answer = answer, .line = line};
		list_append(&records->requests, &request->in_records);
		if (ask(request, scope, query))
			return;
		request_free(request);
	}
	answer(line, RECORDS_UNAVAILABLE, NULL);
}

void
records_forget(Records *records, const void *line)
{
	for (ListNode *node = list_first(&records->requests); node; node = list_next(&records->requests, node))
	{
		Request *request = list_object(node, Request, in_records);

		if (request->line == line)
			request->line = NULL;
	}
}
