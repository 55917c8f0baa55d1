/*
 * log_test.c
 *	  A record is one line, whatever it is about.
 */
#include "log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

static void
test_escaping(void)
{
	static const struct
	{
		const char *text;
		const char *escaped;
	} cases[] = {
		{"plain", "plain"},
		{"a\nb", "a\\x0ab"},
		{"\x1b[31mred", "\\x1b[31mred"},
		{"back\\slash", "back\\\\slash"},
		{"del\x7f", "del\\x7f"},
		{"na\xc3\xafve", "na\xc3\xafve"},
		{"", ""},
	};
	char out[64];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		log_escape(out, sizeof out, cases[i].text);
		is_text(out, cases[i].escaped, "text %zu is escaped", i + 1);
	}
	is_number(log_escape(out, 6, "abcdefgh"), 5, "a long text is cut");
	is_text(out, "abcde", "and ends in a NUL");
	is_number(log_escape(out, 6, "abc\ndef"), 3, "an escape is not cut in half");
}

/* What the given call writes to standard error. */
static const char *
captured(void (*call)(void))
{
	static char text[8192];
	int saved = dup(STDERR_FILENO);
	int pipe_ends[2];
	ssize_t size;

	if (pipe(pipe_ends) < 0)
		return "";
	dup2(pipe_ends[1], STDERR_FILENO);
	call();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_ends[1]);
	size = read(pipe_ends[0], text, sizeof text - 1);
	close(pipe_ends[0]);
	text[size > 0 ? size : 0] = '\0';
	return text;
}

static size_t
count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void
log_hostile(void)
{
	log_warning("from \"%s\"", "x\nfake record\r\n\x1b[2J");
}

static void
log_long(void)
{
	char text[3 * LOG_LINE_SIZE];

	memset(text, '\x01', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	log_info("%s", text);
}

static void
log_quiet(void)
{
	log_debug("nobody reads this");
}

static void
log_flood(void)
{
	static LogGate gate;

	for (int i = 0; i < 1000; i++)
		log_gated(&gate, "record %d", i);
}

static void
test_records(void)
{
	const char *text = captured(log_hostile);

	is_number(count_lines(text), 1, "a hostile text makes one line");
	ok(strstr(text, " warning: from \"x\\x0afake record\\x0d\\x0a\\x1b[2J\"\n"), "with everything escaped");
	text = captured(log_long);
	is_number(count_lines(text), 1, "an endless text makes one line");
	ok(strlen(text) < LOG_LINE_SIZE + 64, "that is cut");
	ok(strstr(text, "...\n"), "and says so");
	is_text(captured(log_quiet), "", "less important records are left out");
	text = captured(log_flood);
	is_number(count_lines(text), 1, "of a flood the first record is written");
	log_configure(LOG_DEBUG, true);
	text = captured(log_hostile);
	ok(strncmp(text, "{\"time\":\"", 9) == 0 && strstr(text, "\"level\":\"warning\",\"message\":\"from \\\"x\\\\x0a"),
	   "JSON records are JSON");
}

int
main(void)
{
	test_escaping();
	test_records();
	return tap_done();
}
