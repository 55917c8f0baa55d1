/*
 * desk.c
 *	  Questions to the database that wait their turn.
 *
 * After every connect the schema of the extension is looked up, and a search
 * path set in which nothing can be put before what we call.  Reads are
 * repeatable, for the same reason as the feed's.  What is written here is
 * presence, whose tables a crash empties anyhow: nobody waits for the disk, and
 * the tick that shows it does.
 */
#include "desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "list.h"
#include "metrics.h"

typedef struct Question
{
	ListNode in_desk;
	const char *sql; /* literals of our own */
	int count;
	char *parameters[DESK_PARAMETER_COUNT];
	DeskAnswer answer;
	void *line; /* NULL when it has gone */
} Question;

/* One connection. */
typedef struct Lane
{
	Desk *desk;
	Pg *pg;
	char *schema; /* quoted; NULL until known on this connection */
	Question *running;
} Lane;

struct Desk
{
	Lane lanes[DESK_CONNECTION_COUNT];
	unsigned lane_count;
	char query_timeout[24];
	List waiting;
	int64_t count;
};

static const char find_extension[] =
	"SELECT n.nspname, pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false), "
	"pg_catalog.set_config('statement_timeout', $1, false), "
	"pg_catalog.set_config('default_transaction_isolation', 'repeatable read', false), "
	"pg_catalog.set_config('synchronous_commit', 'off', false) "
	"FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace "
	"WHERE e.extname OPERATOR(pg_catalog.=) 'pg_inventory'";

static void run_next(Lane *lane);

static void
question_free(Question *question)
{
	if (!question)
		return;
	for (int i = 0; i < question->count; i++)
		free(question->parameters[i]);
	free(question);
}

/* It is on no list, and nobody's running one, any more. */
static void
end_question(Desk *desk, Question *question, const PgResult *result)
{
	desk->count--;
	if (question->line)
		question->answer(question->line, result);
	question_free(question);
}

static void
handle_result(void *owner, const PgResult *result)
{
	Lane *lane = owner;
	Question *question = lane->running;

	lane->running = NULL;
	end_question(lane->desk, question, result);
	if (result)
		run_next(lane);
}

static void
run_next(Lane *lane)
{
	ListNode *first = list_first(&lane->desk->waiting);
	Question *question;
	Buf sql = {0};

	if (lane->running || !first || !lane->schema || !pg_is_up(lane->pg) || pg_is_busy(lane->pg))
		return;
	question = list_object(first, Question, in_desk);
	list_remove(first);
	lane->running = question;
	metrics_add(METRIC_DATABASE_QUESTIONS, 1);
	buf_printf(&sql, question->sql, lane->schema);
	pg_query(lane->pg, buf_text(&sql), question->count, (const char *const *) question->parameters, handle_result, lane);
	buf_free(&sql);
}

static void
handle_extension(void *owner, const PgResult *result)
{
	Lane *lane = owner;

	if (!result)
		return;
	if (!pg_result_is_fine(result) || pg_result_count(result) == 0)
	{
		pg_lose(lane->pg, "the extension pg_inventory was not found");
		return;
	}
	lane->schema = pg_quote_name(lane->pg, pg_result_text(result, 0, 0));
	if (!lane->schema)
	{
		pg_lose(lane->pg, "out of memory");
		return;
	}
	pg_settle(lane->pg);
	run_next(lane);
}

static void
handle_up(void *owner)
{
	Lane *lane = owner;
	const char *parameters[] = {lane->desk->query_timeout};

	pg_query(lane->pg, find_extension, 1, parameters, handle_extension, lane);
}

/* What waits is for the connections that are left; without any it is not answered. */
static void
handle_down(void *owner)
{
	Lane *lane = owner;
	Desk *desk = lane->desk;
	ListNode *first;

	free(lane->schema);
	lane->schema = NULL;
	while (!desk_is_up(desk) && (first = list_take_first(&desk->waiting)))
		end_question(desk, list_object(first, Question, in_desk), NULL);
}

static bool
open_lane(Desk *desk, Loop *loop, const PgOptions *options)
{
	static const PgHandlers handlers = {handle_up, handle_down, NULL};
	Lane *lane = &desk->lanes[desk->lane_count];

	lane->desk = desk;
	lane->pg = pg_new(loop, options, &handlers, lane);
	if (!lane->pg)
		return false;
	desk->lane_count++;
	pg_open(lane->pg);
	return true;
}

Desk *
desk_new(Loop *loop, const DeskOptions *options)
{
	PgOptions pg_options = {options->name, options->dsn, options->connect_timeout_ms, options->query_timeout_ms};
	Desk *desk = calloc(1, sizeof *desk);

	if (!desk)
		return NULL;
	list_init(&desk->waiting);
	snprintf(desk->query_timeout, sizeof desk->query_timeout, "%lld", (long long) options->query_timeout_ms);
	for (unsigned i = 0; i < options->connection_count && i < DESK_CONNECTION_COUNT; i++)
		if (!open_lane(desk, loop, &pg_options))
		{
			desk_free(desk);
			return NULL;
		}
	return desk;
}

void
desk_free(Desk *desk)
{
	ListNode *first;

	if (!desk)
		return;
	for (unsigned i = 0; i < desk->lane_count; i++)
	{
		pg_free(desk->lanes[i].pg);
		question_free(desk->lanes[i].running);
		free(desk->lanes[i].schema);
	}
	while ((first = list_take_first(&desk->waiting)))
		question_free(list_object(first, Question, in_desk));
	free(desk);
}

bool
desk_ask(Desk *desk, const char *sql, int count, const char *const *parameters, DeskAnswer answer, void *line)
{
	Question *question = desk_is_up(desk) ? calloc(1, sizeof *question) : NULL;

	if (!question)
		return false;
	*question = (Question){.sql = sql, .count = count, .answer = answer, .line = line};
	for (int i = 0; i < count; i++)
	{
		question->parameters[i] = parameters[i] ? strdup(parameters[i]) : NULL;
		if (!parameters[i] != !question->parameters[i])
		{
			question_free(question);
			return false;
		}
	}
	list_append(&desk->waiting, &question->in_desk);
	desk->count++;
	for (unsigned i = 0; i < desk->lane_count; i++)
		run_next(&desk->lanes[i]);
	return true;
}

void
desk_forget(Desk *desk, const void *line)
{
	ListNode *next;

	for (unsigned i = 0; i < desk->lane_count; i++)
		if (desk->lanes[i].running && desk->lanes[i].running->line == line)
			desk->lanes[i].running->line = NULL;
	for (ListNode *node = list_first(&desk->waiting); node; node = next)
	{
		Question *question = list_object(node, Question, in_desk);

		next = list_next(&desk->waiting, node);
		if (question->line != line)
			continue;
		question->line = NULL;
		list_remove(node);
		end_question(desk, question, NULL);
	}
}

bool
desk_is_waiting(const Desk *desk, const void *line)
{
	for (unsigned i = 0; i < desk->lane_count; i++)
		if (desk->lanes[i].running && desk->lanes[i].running->line == line)
			return false;
	return true;
}

bool
desk_is_up(const Desk *desk)
{
	for (unsigned i = 0; i < desk->lane_count; i++)
		if (desk->lanes[i].schema)
			return true;
	return false;
}

int64_t
desk_count(const Desk *desk)
{
	return desk->count;
}
