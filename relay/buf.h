/*
 * buf.h
 *	  A growing byte buffer.
 *
 * The failure is sticky: after the first failed allocation every append does
 * nothing and `failed` stays set, so that a writer of many fields checks once,
 * at the end.  A failed buffer is empty: half a text must not be taken for one.  A zeroed Buf is a valid empty one.  The bytes are always
 * followed by a NUL that does not count.
 */
#ifndef BUF_H
#define BUF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Buf
{
	char *bytes; /* NULL while nothing was appended */
	size_t size;
	size_t capacity;
	bool failed;
} Buf;

void buf_append(Buf *buf, const void *bytes, size_t size);
void buf_append_text(Buf *buf, const char *text);
void buf_append_char(Buf *buf, char c);
void buf_printf(Buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends a JSON string with its quotes.  Bytes above 127 pass as they are. */
void buf_append_json(Buf *buf, const char *text);

/* The text so far; "" when nothing was appended or the buffer failed. */
const char *buf_text(const Buf *buf);

/* Empties the buffer and clears the failure, keeping the memory. */
void buf_reset(Buf *buf);

/* Frees the memory and leaves an empty buffer. */
void buf_free(Buf *buf);

#endif
