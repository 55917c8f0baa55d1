/*
 * verdict.c
 *	  How an operation ended, and what its SQLSTATE means to clients.
 *
 * The longest entry that a SQLSTATE begins with counts, so a class stands for
 * its members.  What is in no class of the table should not happen: the client
 * is told so, and not that it did something wrong.
 */
#include "verdict.h"

#include <string.h>

static const struct
{
	const char *sqlstate;
	ErrorCode code;
	bool is_passing;
} codes[] = {
	{"IV400", ERROR_KEY_REUSED, false},
	{"IV403", ERROR_FORBIDDEN, false},
	{"IV404", ERROR_NOT_FOUND, false},
	{"IV409", ERROR_CONFLICT, true},
	{"IV410", ERROR_GONE, false},
	{"IV412", ERROR_VERSION_CONFLICT, false},
	{"IV422", ERROR_INSUFFICIENT_STOCK, false},
	{"IV423", ERROR_BATCH_UNAVAILABLE, false},
	{"22", ERROR_BAD_REQUEST, false},
	{"42704", ERROR_BAD_REQUEST, false},
	{"55000", ERROR_BAD_REQUEST, false},
	{"42501", ERROR_FORBIDDEN, false},
	{"40001", ERROR_CONFLICT, true},
	{"40P01", ERROR_CONFLICT, true},
	{"55P03", ERROR_CONFLICT, true},
	{"57014", ERROR_TIMEOUT, true},
	{"08", ERROR_UNAVAILABLE, true},
	{"25006", ERROR_UNAVAILABLE, true}, /* a standby, or one that has become one */
	{"53", ERROR_UNAVAILABLE, true},
	{"57P", ERROR_UNAVAILABLE, true},
};

static int
find(const char *sqlstate)
{
	int found = -1;

	for (int i = 0; i < (int) (sizeof codes / sizeof *codes); i++)
		if (strncmp(sqlstate, codes[i].sqlstate, strlen(codes[i].sqlstate)) == 0 &&
			(found < 0 || strlen(codes[i].sqlstate) > strlen(codes[found].sqlstate)))
			found = i;
	return found;
}

ErrorCode
verdict_code(const char *sqlstate)
{
	int found = find(sqlstate);

	return found < 0 ? ERROR_INTERNAL : codes[found].code;
}

bool
verdict_is_passing(const char *sqlstate)
{
	int found = find(sqlstate);

	return found >= 0 && codes[found].is_passing;
}

int
verdict_status(ErrorCode code)
{
	static const int statuses[ERROR_CODE_COUNT] = {
		[ERROR_BAD_REQUEST] = 400,
		[ERROR_UNKNOWN_TYPE] = 400,
		[ERROR_TOO_LARGE] = 413,
		[ERROR_UNAUTHORIZED] = 401,
		[ERROR_TOKEN_EXPIRED] = 401,
		[ERROR_FORBIDDEN] = 403,
		[ERROR_RATE_LIMITED] = 429,
		[ERROR_OVERLOADED] = 503,
		[ERROR_UNAVAILABLE] = 503,
		[ERROR_TIMEOUT] = 504,
		[ERROR_NOT_FOUND] = 404,
		[ERROR_VERSION_CONFLICT] = 412,
		[ERROR_INSUFFICIENT_STOCK] = 422,
		[ERROR_KEY_REUSED] = 400,
		[ERROR_GONE] = 410,
		[ERROR_BATCH_UNAVAILABLE] = 423,
		[ERROR_CONFLICT] = 409,
		[ERROR_INTERNAL] = 500,
	};

	return statuses[code];
}

/*
 * DETAIL is for programs where it is JSON: the row as it is now, or the lines
 * that are short.  Anything else is for people.
 */
static void
append_detail(Buf *buf, const Verdict *verdict)
{
	static const char row[] = "{\"inventoryId\":";

	if (verdict->detail[0] == '{')
		buf_printf(buf, "\"%s\":%s", strncmp(verdict->detail, row, sizeof row - 1) == 0 ? "current" : "detail",
				   verdict->detail);
	else if (verdict->detail[0] == '[')
		buf_printf(buf, "\"lines\":%s", verdict->detail);
	else
	{
		buf_append_text(buf, "\"detail\":");
		buf_append_json(buf, verdict->detail);
	}
}

void
verdict_append_details(Buf *buf, const Verdict *verdict)
{
	if (!verdict->detail && !verdict->key)
		return;
	buf_append_char(buf, '{');
	if (verdict->detail)
		append_detail(buf, verdict);
	if (verdict->key)
	{
		buf_append_text(buf, verdict->detail ? ",\"key\":" : "\"key\":");
		buf_append_json(buf, verdict->key);
	}
	buf_append_char(buf, '}');
}
