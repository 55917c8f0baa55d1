/*
 * history.c
 *	  Answers the questions of replays from the database.
 */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "log_row.h"
#include "metrics.h"

typedef struct Lookup
{
	ListNode in_history;
	History *history;
	Session *session; /* NULL when it has ended */
	unsigned number;
} Lookup;

struct History
{
	Desk *desk;
	Inventory *inventory;
	const HistoryPace *pace;
	Replays *replays;
	List lookups;
	Buf log_sql;
	LogGate gate;
};

History *
history_new(Desk *desk, Inventory *inventory, const HistoryPace *pace)
{
	History *history = calloc(1, sizeof *history);

	if (!history)
		return NULL;
	history->desk = desk;
	history->inventory = inventory;
	history->pace = pace;
	list_init(&history->lookups);
	buf_printf(&history->log_sql, "SELECT %s FROM %%s.inventory_relay_read($1::text, $2::integer) AS r", log_row_columns);
	return history;
}

void
history_free(History *history)
{
	ListNode *node;

	if (!history)
		return;
	while ((node = list_take_first(&history->lookups)))
		free(list_object(node, Lookup, in_history));
	buf_free(&history->log_sql);
	free(history);
}

void
history_answer_to(History *history, Replays *replays)
{
	history->replays = replays;
}

static Lookup *
begin_lookup(History *history, Session *session, unsigned number)
{
	Lookup *lookup = calloc(1, sizeof *lookup);

	if (!lookup)
		return NULL;
	*lookup = (Lookup){.history = history, .session = session, .number = number};
	list_append(&history->lookups, &lookup->in_history);
	return lookup;
}

static void
end_lookup(Lookup *lookup)
{
	list_remove(&lookup->in_history);
	free(lookup);
}

/* Pages of the log */

static void
take_page(Lookup *lookup, const PgResult *result)
{
	History *history = lookup->history;
	int count = pg_result_count(result) - 1;
	Event **events = calloc((size_t) count + 1, sizeof(Event *));
	LogEnd end = log_row_end(result, count);
	LogPage page = {events, 0, end.position, end.tick, end.has_more};

	while (events && page.count < (size_t) count && (events[page.count] = log_row_event(result, (int) page.count)))
		page.count++;
	if (events && page.count == (size_t) count && end.position)
	{
		metrics_add(METRIC_EVENTS_REPLAYED, (double) count);
		replay_take_log(history->replays, lookup->session, lookup->number, &page);
	}
	else
		session_close(lookup->session, REASON_INTERNAL);
	for (size_t i = 0; i < page.count; i++)
		event_release(events[i]);
	free(events);
}

/* A position that is not there any more, or never was one. */
static bool
is_lost(const PgResult *result)
{
	return strcmp(pg_result_sqlstate(result), "IV410") == 0 || strcmp(pg_result_sqlstate(result), "22023") == 0;
}

static void
handle_log(void *line, const PgResult *result)
{
	Lookup *lookup = line;
	History *history = lookup->history;

	if (lookup->session && result && pg_result_is_fine(result) && pg_result_count(result) > 0)
		take_page(lookup, result);
	else if (lookup->session && result && is_lost(result))
	{
		metrics_add(METRIC_RESYNCS_POSITION, 1);
		replay_lose(history->replays, lookup->session, lookup->number);
	}
	else if (lookup->session)
	{
		if (result)
			log_gated(&history->gate, "the event log could not be read for a client: %s (%s)", pg_result_message(result),
					  pg_result_sqlstate(result));
		replay_retry(lookup->session, lookup->number);
	}
	end_lookup(lookup);
}

static void
ask_log(void *owner, Session *session, unsigned number, const char *position)
{
	History *history = owner;
	char batch[24];
	const char *parameters[] = {position, batch};
	Lookup *lookup = begin_lookup(history, session, number);

	snprintf(batch, sizeof batch, "%lld", (long long) history->pace->read_batch);
	if (lookup && !history->log_sql.failed &&
		desk_ask(history->desk, buf_text(&history->log_sql), 2, parameters, handle_log, lookup))
		return;
	if (lookup)
		end_lookup(lookup);
	replay_retry(session, number);
}

/* Pages of snapshots */

static void
handle_items(void *line, InventoryVerdict verdict, InventoryPage *page)
{
	Lookup *lookup = line;
	History *history = lookup->history;

	if (verdict == INVENTORY_DONE && lookup->session)
	{
		SnapshotPage snapshot = {page->items, page->covered_by, page->last, page->has_more};

		metrics_add(METRIC_SNAPSHOT_PAGES, 1);
		replay_take_snapshot(history->replays, lookup->session, lookup->number, &snapshot);
	}
	else if (verdict == INVENTORY_DONE)
		buf_free(&page->items);
	else if (lookup->session)
		replay_retry(lookup->session, lookup->number);
	end_lookup(lookup);
}

static void
ask_snapshot(void *owner, Session *session, unsigned number, const Channel *channel, const Channel *after)
{
	History *history = owner;
	InventoryQuery query = {*channel, *after, history->pace->snapshot_page, history->pace->snapshot_size};
	Lookup *lookup = begin_lookup(history, session, number);

	if (lookup)
		inventory_ask(history->inventory, session->scope, &query, handle_items, lookup);
	else
		replay_retry(session, number);
}

ReplaySource
history_source(History *history)
{
	return (ReplaySource){history, ask_log, ask_snapshot};
}

void
history_forget(History *history, const Session *session)
{
	for (ListNode *node = list_first(&history->lookups); node; node = list_next(&history->lookups, node))
	{
		Lookup *lookup = list_object(node, Lookup, in_history);

		if (lookup->session == session)
			lookup->session = NULL;
	}
}
