/*
 * json_guard.h
 *	  Says whether bytes are JSON that we are willing to have parsed.
 *
 * The JSON library accepts more than JSON even in strict mode: single quotes,
 * NaN, raw control characters, lone surrogates, repeated keys, integers it
 * then saturates.  Nothing reaches it that has not passed here.
 */
#ifndef JSON_GUARD_H
#define JSON_GUARD_H

#include <stddef.h>

/* Nesting a message of the protocol can need, with room to spare. */
#define JSON_MAX_DEPTH 8

/*
 * NULL when the bytes are one JSON value (RFC 8259) in UTF-8-clean text whose
 * nesting is at most JSON_MAX_DEPTH, without NUL in any spelling, with whole
 * surrogate pairs, and with integers within +-(2^53 - 1).  Else a phrase that
 * says what is wrong.
 *
 * *member_count becomes the number of object members.  A parser that keeps
 * one of each name has fewer when a name was repeated.
 */
const char *json_guard(const char *bytes, size_t size, size_t *member_count);

#endif
