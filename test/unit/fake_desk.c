/*
 * fake_desk.c
 *	  A desk whose questions the test answers.
 */
#include "fake_desk.h"

#include <stdlib.h>
#include <string.h>

#define QUESTION_COUNT 64
#define COLUMN_COUNT 8

struct PgResult
{
	const char *const *rows;
	const char *sqlstate;
};

typedef struct Question
{
	char *parameter;
	DeskAnswer answer;
	void *line;
} Question;

static Question questions[QUESTION_COUNT];
static unsigned count;
static bool is_up = true;

unsigned
fake_desk_count(void)
{
	return count;
}

const char *
fake_desk_parameter(void)
{
	return count ? questions[0].parameter : "";
}

void
fake_desk_set_up(bool value)
{
	is_up = value;
}

void
fake_desk_answer(const char *const *rows, const char *sqlstate)
{
	Question question = questions[0];
	PgResult result = {rows, sqlstate};

	if (!count)
		abort();
	memmove(questions, questions + 1, --count * sizeof *questions);
	free(question.parameter);
	question.answer(question.line, rows || sqlstate ? &result : NULL);
}

bool
desk_ask(Desk *desk, const char *sql, int parameter_count, const char *const *parameters, DeskAnswer answer, void *line)
{
	(void) desk, (void) sql, (void) parameter_count;
	if (!is_up)
		return false;
	if (count == QUESTION_COUNT)
		abort();
	questions[count++] = (Question){strdup(parameters[0]), answer, line};
	return true;
}

/* Results */

bool
pg_result_is_fine(const PgResult *result)
{
	return result->rows != NULL;
}

const char *
pg_result_sqlstate(const PgResult *result)
{
	return result->sqlstate ? result->sqlstate : "";
}

const char *
pg_result_message(const PgResult *result)
{
	(void) result;
	return "a message";
}

int
pg_result_count(const PgResult *result)
{
	int rows = 0;

	while (result->rows && result->rows[rows])
		rows++;
	return rows;
}

const char *
pg_result_text(const PgResult *result, int row, int column)
{
	static char texts[COLUMN_COUNT][64];
	const char *from = result->rows[row];
	size_t size;

	for (int i = 0; i < column; i++)
		from += strcspn(from, "|") + 1;
	size = strcspn(from, "|");
	if (!size)
		return NULL;
	memcpy(texts[column], from, size);
	texts[column][size] = '\0';
	return texts[column];
}

int64_t
pg_result_number(const PgResult *result, int row, int column)
{
	const char *text = pg_result_text(result, row, column);

	return text ? strtoll(text, NULL, 10) : 0;
}

bool
pg_result_is_true(const PgResult *result, int row, int column)
{
	const char *text = pg_result_text(result, row, column);

	return text && *text == 't';
}

void
pg_append_array(Buf *buf, size_t item_count, const char *const *texts)
{
	for (size_t i = 0; i < item_count; i++)
	{
		buf_append_text(buf, i ? "," : "");
		buf_append_text(buf, texts[i]);
	}
}
