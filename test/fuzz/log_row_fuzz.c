/*
 * log_row_fuzz.c
 *	  Rows of the event log, in any shape, on their way into frames.
 *
 * A row is the columns of inventory_relay_read(), a line each; one that is a
 * "\N" is null.  Whatever the texts are, the frame made of data that is JSON
 * must be JSON, and the ring must find the position it was given.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json_guard.h"
#include "log_row.h"
#include "stream.h"

#define COLUMN_COUNT 16

/* That of the sequence, which is that of JSON. */
#define MAX_ID 9007199254740991

/* Stands in for libpq's. */
struct PgResult
{
	char *columns[COLUMN_COUNT];
};

const char *
pg_result_text(const PgResult *result, int row, int column)
{
	(void) row;
	assert(column >= 0 && column < COLUMN_COUNT);
	return result->columns[column];
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

static void
split(PgResult *result, char *line)
{
	for (int i = 0; i < COLUMN_COUNT && line; i++)
	{
		char *end = strchr(line, '\n');

		if (end)
			*end++ = '\0';
		result->columns[i] = strcmp(line, "\\N") == 0 ? NULL : line;
		line = end;
	}
}

/* The database's text is UTF-8; bytes that are none would be refused by the library that sends them. */
static bool
is_ascii(const char *text)
{
	for (; text && *text; text++)
		if ((unsigned char) *text >= 0x80)
			return false;
	return true;
}

/* Data that leaves room for the levels of a frame. */
static bool
is_json(const char *data)
{
	Buf nested = {0};
	size_t ignored;
	bool is_fine;

	buf_printf(&nested, "[[%s]]", data);
	is_fine = json_guard(data, strlen(data), &ignored) == NULL &&
			  json_guard(buf_text(&nested), nested.size, &ignored) == NULL;
	buf_free(&nested);
	return is_fine;
}

static void
check_frames(Event *event)
{
	for (Dialect dialect = 0; dialect < DIALECT_COUNT; dialect++)
	{
		Buf conflated = {0};
		size_t ignored;
		const Frame *frame = event_frame(event, dialect);

		assert(frame && event_frame(event, dialect) == frame);
		event_append(&conflated, event, dialect, event->position, 3);
		if (is_json(event->data) && is_ascii(event->type) && is_ascii(event->op) && llabs(event->id) <= MAX_ID)
		{
			assert(json_guard((const char *) frame_bytes((Frame *) frame), frame->size, &ignored) == NULL);
			assert(json_guard(conflated.bytes, conflated.size, &ignored) == NULL);
		}
		buf_free(&conflated);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *copy = malloc(size + 1);
	PgResult result = {0};
	Stream *stream = stream_new(4096);
	Event *event;
	LogEnd end;

	memcpy(copy, bytes, size);
	copy[size] = '\0';
	split(&result, copy);
	event = log_row_event(&result, 0);
	end = log_row_end(&result, 0);
	if (end.position)
		stream_advance(stream, end.position, end.tick);
	if (event && stream_append(stream, event))
	{
		uint64_t number;

		assert(stream_is_position(event->position));
		assert(strcmp(stream_position(stream), event->position) == 0);
		assert(stream_find(stream, event->position, &number) && number == stream_end(stream));
		assert(event_is_mark(event) || event_is_same_item(event, event));
		check_frames(event);
	}
	event_release(event);
	stream_free(stream);
	free(copy);
	return 0;
}
