/*
 * tap.c
 *	  Checks that print TAP, so that prove can run these programs.
 */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int check_count;
static int failure_count;

static bool
report(bool condition, const char *file, int line, const char *format, va_list args)
{
	printf("%s %d - ", condition ? "ok" : "not ok", ++check_count);
	vprintf(format, args);
	printf("\n");
	if (!condition)
	{
		printf("#   at %s line %d\n", file, line);
		failure_count++;
	}
	fflush(stdout);
	return condition;
}

void
note(const char *text)
{
	printf("# %s\n", text);
}

bool
tap_ok(bool condition, const char *file, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(condition, file, line, format, args);
	va_end(args);
	return condition;
}

bool
tap_is_text(const char *got, const char *wanted, const char *file, int line, const char *format, ...)
{
	bool is_equal = got && wanted ? strcmp(got, wanted) == 0 : got == wanted;
	va_list args;

	va_start(args, format);
	report(is_equal, file, line, format, args);
	va_end(args);
	if (!is_equal)
		printf("#   got:    %s\n#   wanted: %s\n", got ? got : "(null)", wanted ? wanted : "(null)");
	return is_equal;
}

bool
tap_is_number(long long got, long long wanted, const char *file, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(got == wanted, file, line, format, args);
	va_end(args);
	if (got != wanted)
		printf("#   got: %lld, wanted: %lld\n", got, wanted);
	return got == wanted;
}

int
tap_done(void)
{
	printf("1..%d\n", check_count);
	return failure_count ? 1 : 0;
}
