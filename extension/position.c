/*
 * position.c
 *	  Where a reader stands in the event log, as text and back.
 */
#include "postgres.h"

#include "position.h"

#include "common/string.h"
#include "mb/pg_wchar.h"

#define ACCESS_MARK 'a'

/* Longer than any position: two numbers, a mark and their separators. */
#define MAX_POSITION_SIZE 64

static bool
parse_number(const char **text, int base, uint64 *number)
{
	const char *begin = *text;
	char *end;

	/* strtoul would skip white space and take a sign */
	if (!isxdigit((unsigned char) *begin))
		return false;
	errno = 0;
	*number = strtou64(begin, &end, base);
	*text = end;
	return errno == 0 && end != begin;
}

static bool
parse_event(const char *text, InvPosition *position)
{
	uint64 event_id;

	position->is_access = *text == ACCESS_MARK;
	if (position->is_access)
		text++;
	if (!parse_number(&text, 10, &event_id) || *text != '\0' || event_id > PG_INT64_MAX)
		return false;
	position->event_id = (int64) event_id;
	return true;
}

static bool
parse(const char *text, InvPosition *position)
{
	uint64 tick;
	uint64 mark;

	memset(position, 0, sizeof(InvPosition));
	if (strlen(text) > MAX_POSITION_SIZE || !parse_number(&text, 10, &tick) ||
		tick > PG_INT64_MAX || *text++ != '-' || !parse_number(&text, 16, &mark))
		return false;
	position->tick = (int64) tick;
	position->mark = (int64) mark;
	position->is_end = *text == '\0';
	return position->is_end || (*text == '-' && parse_event(text + 1, position));
}

void
inv_position_parse(const char *text, InvPosition *position)
{
	if (!parse(text, position))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"%.*s\" is not a position", pg_mbcliplen(text, strlen(text), MAX_POSITION_SIZE), text),
				errhint("Pass a position that inventory_events() or inventory_position() returned."));
}

char *
inv_position_text(const InvPosition *position)
{
	char *tick = psprintf(INT64_FORMAT "-%016llx", position->tick, (unsigned long long) position->mark);

	if (position->is_end)
		return tick;
	return psprintf("%s-%s" INT64_FORMAT, tick, position->is_access ? "a" : "", position->event_id);
}
