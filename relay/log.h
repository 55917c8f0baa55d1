/*
 * log.h
 *	  One line a record, on standard error.
 *
 * A record never spans lines: control bytes are written as \xNN, and a record
 * longer than LOG_LINE_SIZE is cut and ends in "...".  Nothing that a client
 * sent as payload and no token is ever passed here; names and addresses are.
 *
 * A place that a flood can reach gives a LogGate: it lets one record through
 * per interval; how many it held back, and the last of them, is said by
 * log_tick() when the interval is over.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_SIZE 1024

typedef enum LogLevel
{
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG
} LogLevel;

typedef struct LogGate
{
	int64_t open_again_ms; /* monotonic; zero: open */
} LogGate;

/* May be called again at any time (SIGHUP). */
void log_configure(LogLevel level, bool as_json);
bool log_is_on(LogLevel level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* At most one warning per 10 seconds and gate. */
void log_gated(LogGate *gate, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Once a second: says what was held back by gates whose interval is over. */
void log_tick(void);

/*
 * Writes text into out, at most out_size bytes with the NUL, with control
 * bytes, backslashes and DEL escaped.  An escape is never cut in half.
 * Returns the length written.
 */
size_t log_escape(char *out, size_t out_size, const char *text);

#endif
