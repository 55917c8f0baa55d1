/*
 * json_guard.c
 *	  Says whether bytes are JSON that we are willing to have parsed.
 *
 * A recursive descent over the grammar, one function a rule, which builds
 * nothing.  Each rule returns false after noting the first thing wrong.  The
 * recursion is bounded by JSON_MAX_DEPTH.  That a message is UTF-8 has been
 * checked by the WebSocket library; that a body or a token is, here.
 */
#include "json_guard.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* Longer numbers are no numbers a person or a till would send. */
#define NUMBER_MAX_SIZE 32

/* The database reads what we pass on as numeric, which does not go on for ever, not even towards zero. */
#define EXPONENT_MAX 300

static const long long integer_bound = 9007199254740991; /* 2^53 - 1 */

typedef struct Guard
{
	const char *at;
	const char *end;
	size_t member_count;
	unsigned depth;
	const char *wrong;
} Guard;

static bool guard_value(Guard *guard);

static bool
fail(Guard *guard, const char *wrong)
{
	guard->wrong = wrong;
	return false;
}

/* The next byte, or '\0' at the end (NUL itself is refused at the start). */
static char
peek(const Guard *guard)
{
	return guard->at < guard->end ? *guard->at : '\0';
}

static bool
take(Guard *guard, char c)
{
	if (peek(guard) != c)
		return false;
	guard->at++;
	return true;
}

static void
skip_space(Guard *guard)
{
	while (peek(guard) == ' ' || peek(guard) == '\t' || peek(guard) == '\n' || peek(guard) == '\r')
		guard->at++;
}

/* The four digits behind "\u"; negative when they are not there. */
static int
take_unit(Guard *guard)
{
	char digits[5] = {0};

	for (int i = 0; i < 4; i++)
	{
		if (!isxdigit((unsigned char) peek(guard)))
			return -1;
		digits[i] = *guard->at++;
	}
	return (int) strtol(digits, NULL, 16);
}

static bool
guard_unicode_escape(Guard *guard)
{
	int unit = take_unit(guard);

	if (unit < 0)
		return fail(guard, "broken escape in a string");
	if (unit == 0)
		return fail(guard, "NUL in a string");
	if (unit < 0xd800 || unit > 0xdfff)
		return true;
	if (unit > 0xdbff || !take(guard, '\\') || !take(guard, 'u'))
		return fail(guard, "lone surrogate in a string");
	unit = take_unit(guard);
	if (unit < 0xdc00 || unit > 0xdfff)
		return fail(guard, "lone surrogate in a string");
	return true;
}

static bool
guard_escape(Guard *guard)
{
	char c = peek(guard);

	if (!c || !strchr("\"\\/bfnrtu", c))
		return fail(guard, "broken escape in a string");
	guard->at++;
	return c != 'u' || guard_unicode_escape(guard);
}

static bool
guard_string(Guard *guard)
{
	if (!take(guard, '"'))
		return fail(guard, "string expected");
	while (guard->at < guard->end)
	{
		char c = *guard->at++;

		if (c == '"')
			return true;
		if ((unsigned char) c < 0x20)
			return fail(guard, "control character in a string");
		if (c == '\\' && !guard_escape(guard))
			return false;
	}
	return fail(guard, "unfinished string");
}

/* The bytes need not end with a NUL.  Too many digits are out of any range. */
static long
exponent_of(const char *first, const char *end)
{
	char text[NUMBER_MAX_SIZE + 1] = {0};

	if (end - first > NUMBER_MAX_SIZE)
		return LONG_MAX;
	memcpy(text, first, (size_t) (end - first));
	return strtol(text, NULL, 10);
}

static size_t
take_digits(Guard *guard)
{
	const char *first = guard->at;

	while (isdigit((unsigned char) peek(guard)))
		guard->at++;
	return (size_t) (guard->at - first);
}

/* Takes what makes a number more than an integer; *is_integer says whether there was any, *exponent the power of ten. */
static bool
guard_fraction(Guard *guard, bool *is_integer, long *exponent)
{
	const char *first;

	*is_integer = true;
	*exponent = 0;
	if (take(guard, '.'))
	{
		*is_integer = false;
		if (!take_digits(guard))
			return false;
	}
	if (peek(guard) == 'e' || peek(guard) == 'E')
	{
		*is_integer = false;
		first = ++guard->at;
		if (peek(guard) == '+' || peek(guard) == '-')
			guard->at++;
		if (!take_digits(guard))
			return false;
		*exponent = exponent_of(first, guard->at);
	}
	return true;
}

static bool
guard_number(Guard *guard)
{
	const char *first = guard->at;
	char text[NUMBER_MAX_SIZE + 1] = {0};
	size_t size;
	bool is_integer;
	long exponent;
	double value;

	take(guard, '-');
	if (!take(guard, '0') && !take_digits(guard))
		return fail(guard, "value expected");
	if (!guard_fraction(guard, &is_integer, &exponent))
		return fail(guard, "broken number");
	size = (size_t) (guard->at - first);
	if (size > NUMBER_MAX_SIZE)
		return fail(guard, "number too long");
	memcpy(text, first, size);
	value = strtod(text, NULL);
	if (value > 1e300 || value < -1e300 || exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX)
		return fail(guard, "number out of range");
	if (is_integer && (value > (double) integer_bound || value < (double) -integer_bound))
		return fail(guard, "integer out of range");
	return true;
}

static bool
guard_word(Guard *guard, const char *word)
{
	size_t size = strlen(word);

	if ((size_t) (guard->end - guard->at) < size || memcmp(guard->at, word, size) != 0)
		return fail(guard, "value expected");
	guard->at += size;
	return true;
}

static bool
guard_member(Guard *guard)
{
	skip_space(guard);
	if (!guard_string(guard))
		return false;
	guard->member_count++;
	skip_space(guard);
	if (!take(guard, ':'))
		return fail(guard, "colon expected");
	return guard_value(guard);
}

/* What stands between the brackets of an array or object. */
static bool
guard_items(Guard *guard, char closing, bool (*guard_item)(Guard *))
{
	bool is_fine = true;

	guard->at++;
	if (++guard->depth > JSON_MAX_DEPTH)
		return fail(guard, "nested too deeply");
	skip_space(guard);
	if (peek(guard) != closing)
		do
			is_fine = guard_item(guard);
		while (is_fine && take(guard, ','));
	guard->depth--;
	if (is_fine && !take(guard, closing))
		return fail(guard, "comma or closing bracket expected");
	return is_fine;
}

static bool
guard_value(Guard *guard)
{
	bool is_fine;

	skip_space(guard);
	switch (peek(guard))
	{
		case '{':
			is_fine = guard_items(guard, '}', guard_member);
			break;
		case '[':
			is_fine = guard_items(guard, ']', guard_value);
			break;
		case '"':
			is_fine = guard_string(guard);
			break;
		case 't':
			is_fine = guard_word(guard, "true");
			break;
		case 'f':
			is_fine = guard_word(guard, "false");
			break;
		case 'n':
			is_fine = guard_word(guard, "null");
			break;
		default:
			is_fine = guard_number(guard);
			break;
	}
	skip_space(guard);
	return is_fine;
}

const char *
json_guard(const char *bytes, size_t size, size_t *member_count)
{
	Guard guard = {.at = bytes, .end = bytes + size};

	*member_count = 0;
	if (memchr(bytes, '\0', size))
		return "NUL in the message";
	if (!utf8_is_valid(bytes, size))
		return "not UTF-8";
	if (guard_value(&guard) && guard.at != guard.end)
		fail(&guard, "more than one value");
	*member_count = guard.member_count;
	return guard.wrong;
}
