/*
 * desk.c
 *	  Questions to the database that wait their turn.
 *
 * After every connect the schema of the extension is looked up, and a search
 * path set in which nothing can be put before what we call.  Reads are
 * repeatable, for the same reason as the feed's.
 */
#include "desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "list.h"

typedef struct Question
{
	ListNode in_desk;
	const char *sql; /* literals of our own */
	int count;
	char *parameters[DESK_PARAMETER_COUNT];
	DeskAnswer answer;
	void *line; /* NULL when it has gone */
} Question;

struct Desk
{
	Pg *pg;
	char *schema; /* quoted; NULL until known on this connection */
	char query_timeout[24];
	List waiting;
	int64_t count;
	Question *running;
};

static const char find_extension[] =
	"SELECT n.nspname, pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false), "
	"pg_catalog.set_config('statement_timeout', $1, false), "
	"pg_catalog.set_config('default_transaction_isolation', 'repeatable read', false) "
	"FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace "
	"WHERE e.extname OPERATOR(pg_catalog.=) 'pg_inventory'";

static void run_next(Desk *desk);

static void
question_free(Question *question)
{
	if (!question)
		return;
	for (int i = 0; i < question->count; i++)
		free(question->parameters[i]);
	free(question);
}

static void
end_question(Desk *desk, Question *question, const PgResult *result)
{
	list_remove(&question->in_desk);
	if (desk->running == question)
		desk->running = NULL;
	desk->count--;
	if (question->line)
		question->answer(question->line, result);
	question_free(question);
}

static void
handle_result(void *owner, const PgResult *result)
{
	Desk *desk = owner;

	end_question(desk, desk->running, result);
	if (result)
		run_next(desk);
}

static void
run_next(Desk *desk)
{
	ListNode *first = list_first(&desk->waiting);
	Question *question;
	Buf sql = {0};

	if (desk->running || !first || !desk->schema || pg_is_busy(desk->pg))
		return;
	question = list_object(first, Question, in_desk);
	list_remove(first);
	desk->running = question;
	buf_printf(&sql, question->sql, desk->schema);
	pg_query(desk->pg, buf_text(&sql), question->count, (const char *const *) question->parameters, handle_result, desk);
	buf_free(&sql);
}

static void
handle_extension(void *owner, const PgResult *result)
{
	Desk *desk = owner;

	if (!result)
		return;
	if (!pg_result_is_fine(result) || pg_result_count(result) == 0)
	{
		pg_lose(desk->pg, "the extension pg_inventory was not found");
		return;
	}
	desk->schema = pg_quote_name(desk->pg, pg_result_text(result, 0, 0));
	pg_settle(desk->pg);
	run_next(desk);
}

static void
handle_up(void *owner)
{
	Desk *desk = owner;
	const char *parameters[] = {desk->query_timeout};

	pg_query(desk->pg, find_extension, 1, parameters, handle_extension, desk);
}

static void
handle_down(void *owner)
{
	Desk *desk = owner;
	ListNode *first;

	free(desk->schema);
	desk->schema = NULL;
	while ((first = list_first(&desk->waiting)))
		end_question(desk, list_object(first, Question, in_desk), NULL);
}

Desk *
desk_new(Loop *loop, const DeskOptions *options)
{
	static const PgHandlers handlers = {handle_up, handle_down, NULL};
	PgOptions pg_options = {options->name, options->dsn, options->connect_timeout_ms, options->query_timeout_ms};
	Desk *desk = calloc(1, sizeof *desk);

	if (!desk)
		return NULL;
	list_init(&desk->waiting);
	snprintf(desk->query_timeout, sizeof desk->query_timeout, "%lld", (long long) options->query_timeout_ms);
	desk->pg = pg_new(loop, &pg_options, &handlers, desk);
	if (!desk->pg)
	{
		desk_free(desk);
		return NULL;
	}
	pg_open(desk->pg);
	return desk;
}

void
desk_free(Desk *desk)
{
	ListNode *first;

	if (!desk)
		return;
	pg_free(desk->pg);
	while ((first = list_take_first(&desk->waiting)))
		question_free(list_object(first, Question, in_desk));
	question_free(desk->running);
	free(desk->schema);
	free(desk);
}

bool
desk_ask(Desk *desk, const char *sql, int count, const char *const *parameters, DeskAnswer answer, void *line)
{
	Question *question = desk->schema ? calloc(1, sizeof *question) : NULL;

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
	run_next(desk);
	return true;
}

void
desk_forget(Desk *desk, const void *line)
{
	ListNode *next;

	if (desk->running && desk->running->line == line)
		desk->running->line = NULL;
	for (ListNode *node = list_first(&desk->waiting); node; node = next)
	{
		Question *question = list_object(node, Question, in_desk);

		next = list_next(&desk->waiting, node);
		if (question->line != line)
			continue;
		question->line = NULL;
		end_question(desk, question, NULL);
	}
}

bool
desk_is_up(const Desk *desk)
{
	return desk->schema != NULL;
}

int64_t
desk_count(const Desk *desk)
{
	return desk->count;
}
