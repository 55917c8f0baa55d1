/*
 * log.c
 *	  One line a record, on standard error.
 *
 * A record is put together in one buffer and written with one write(2), so
 * that lines of two processes on one terminal do not mix.  Failure to write is
 * ignored: there is nowhere left to report it.
 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"

#define LOG_GATE_INTERVAL_MS 10000

/* Kinds of records that floods can be of at a time; of more, some are not counted. */
#define HELD_COUNT 32

typedef struct Held
{
	const LogGate *gate;
	unsigned count; /* 0: free */
	int64_t due_ms;
	char text[256];
} Held;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static LogLevel log_level = LOG_INFO;
static bool log_as_json;
static Held held[HELD_COUNT];

void
log_configure(LogLevel level, bool as_json)
{
	log_level = level;
	log_as_json = as_json;
}

bool
log_is_on(LogLevel level)
{
	return level <= log_level;
}

size_t
log_escape(char *out, size_t out_size, const char *text)
{
	size_t size = 0;

	for (const unsigned char *c = (const unsigned char *) text; *c; c++)
	{
		bool plain = *c >= 0x20 && *c != 0x7f && *c != '\\';
		size_t needed = plain ? 1 : *c == '\\' ? 2
											   : 4;

		if (size + needed + 1 > out_size)
			break;
		if (plain)
			out[size] = (char) *c;
		else if (*c == '\\')
			memcpy(out + size, "\\\\", 2);
		else
			snprintf(out + size, needed + 1, "\\x%02x", *c);
		size += needed;
	}
	if (out_size)
		out[size] = '\0';
	return size;
}

static void
format_time(char *out, size_t out_size)
{
	int64_t now_us = clock_wall_us();
	time_t seconds = (time_t) (now_us / 1000000);
	struct tm utc;
	size_t size;

	gmtime_r(&seconds, &utc);
	size = strftime(out, out_size, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out + size, out_size - size, ".%03dZ", (int) (now_us / 1000 % 1000));
}

static void
write_record(LogLevel level, const char *text)
{
	char time_text[40];
	Buf line = {0};
	ssize_t ignored;

	format_time(time_text, sizeof time_text);
	if (log_as_json)
	{
		buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", time_text, level_names[level]);
		buf_append_json(&line, text);
		buf_append_text(&line, "}\n");
	}
	else
		buf_printf(&line, "%s %s: %s\n", time_text, level_names[level], text);
	ignored = write(STDERR_FILENO, buf_text(&line), line.size);
	(void) ignored;
	buf_free(&line);
}

static void
log_record(LogLevel level, const char *format, va_list args)
{
	char raw[LOG_LINE_SIZE];
	char text[LOG_LINE_SIZE + 3];
	int wanted;
	size_t size;

	if (!log_is_on(level))
		return;
	wanted = vsnprintf(raw, sizeof raw, format, args);
	size = log_escape(text, LOG_LINE_SIZE, raw);
	if (wanted >= (int) sizeof raw || size > LOG_LINE_SIZE - 5)
		memcpy(text + size, "...", 4);
	write_record(level, text);
}

/* The four levels differ in one word; a va_list cannot be passed by name. */
#define DEFINE_LOG(name, level)          \
	void name(const char *format, ...)   \
	{                                    \
		va_list args;                    \
		va_start(args, format);          \
		log_record(level, format, args); \
		va_end(args);                    \
	}

DEFINE_LOG(log_error, LOG_ERROR)
DEFINE_LOG(log_warning, LOG_WARNING)
DEFINE_LOG(log_info, LOG_INFO)
DEFINE_LOG(log_debug, LOG_DEBUG)

/* What gates hold back.  A gate is only a name here: it may be gone by now. */
static Held *
find_held(const LogGate *gate)
{
	for (size_t i = 0; i < HELD_COUNT; i++)
		if (held[i].count && held[i].gate == gate)
			return &held[i];
	return NULL;
}

static void
hold(const LogGate *gate, const char *format, va_list args)
{
	Held *place = find_held(gate);

	for (size_t i = 0; !place && i < HELD_COUNT; i++)
		if (!held[i].count)
			place = &held[i];
	if (!place)
		return;
	place->gate = gate;
	place->count++;
	place->due_ms = gate->open_again_ms;
	vsnprintf(place->text, sizeof place->text, format, args);
}

static void
tell_held(Held *place)
{
	log_warning("%u more of this kind in the last %d s: %s", place->count, LOG_GATE_INTERVAL_MS / 1000, place->text);
	place->count = 0;
}

void
log_gated(LogGate *gate, const char *format, ...)
{
	int64_t now_ms = clock_monotonic_ms();
	bool is_open = !gate->open_again_ms || now_ms >= gate->open_again_ms;
	Held *place = is_open ? find_held(gate) : NULL;
	va_list args;

	if (place)
		tell_held(place);
	va_start(args, format);
	if (is_open)
	{
		gate->open_again_ms = now_ms + LOG_GATE_INTERVAL_MS;
		log_record(LOG_WARNING, format, args);
	}
	else
		hold(gate, format, args);
	va_end(args);
}

void
log_tick(void)
{
	int64_t now_ms = clock_monotonic_ms();

	for (size_t i = 0; i < HELD_COUNT; i++)
		if (held[i].count && now_ms >= held[i].due_ms)
			tell_held(&held[i]);
}
