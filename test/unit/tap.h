/*
 * tap.h
 *	  Checks that print TAP, so that prove can run these programs.
 *
 * A test program is a main() that calls functions full of checks and returns
 * tap_done().  A check's name is a sentence that says what holds.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>

#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)
#define is_text(got, wanted, ...) tap_is_text((got), (wanted), __FILE__, __LINE__, __VA_ARGS__)
#define is_number(got, wanted, ...) tap_is_number((long long) (got), (long long) (wanted), __FILE__, __LINE__, __VA_ARGS__)

/* A chapter of the output. */
void note(const char *text);

bool tap_ok(bool condition, const char *file, int line, const char *format, ...) __attribute__((format(printf, 4, 5)));
bool tap_is_text(const char *got, const char *wanted, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
bool tap_is_number(long long got, long long wanted, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Prints the plan.  The exit status of main(). */
int tap_done(void);

#endif
