/*
 * buf.c
 *	  A growing byte buffer.
 *
 * Growth is by doubling, so appending n bytes one by one costs O(n).
 */
#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_CAPACITY 128

/* Makes room for more bytes and the NUL behind them. */
static bool
buf_reserve(Buf *buf, size_t more)
{
	size_t needed = buf->size + more + 1;
	size_t capacity = buf->capacity ? buf->capacity : BUF_FIRST_CAPACITY;
	char *grown;

	if (buf->failed || needed < buf->size)
		goto fail;
	if (needed <= buf->capacity)
		return true;
	while (capacity < needed)
	{
		if (capacity > SIZE_MAX / 2)
			goto fail;
		capacity *= 2;
	}
	grown = realloc(buf->bytes, capacity);
	if (!grown)
		goto fail;
	buf->bytes = grown;
	buf->capacity = capacity;
	return true;

fail:
	buf->failed = true;
	buf->size = 0;
	return false;
}

void
buf_append(Buf *buf, const void *bytes, size_t size)
{
	if (!buf_reserve(buf, size))
		return;
	if (size)
		memcpy(buf->bytes + buf->size, bytes, size);
	buf->size += size;
	buf->bytes[buf->size] = '\0';
}

void
buf_append_text(Buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void
buf_append_char(Buf *buf, char c)
{
	buf_append(buf, &c, 1);
}

void
buf_printf(Buf *buf, const char *format, ...)
{
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (size < 0)
		buf->failed = true;
	if (!buf_reserve(buf, (size_t) (size < 0 ? 0 : size)))
		return;

	va_start(args, format);
	vsnprintf(buf->bytes + buf->size, (size_t) size + 1, format, args);
	va_end(args);
	buf->size += (size_t) size;
}

void
buf_append_json(Buf *buf, const char *text)
{
	buf_append_char(buf, '"');
	for (const char *c = text; *c; c++)
	{
		size_t plain = 0;

		while ((unsigned char) c[plain] >= 0x20 && c[plain] != '"' && c[plain] != '\\')
			plain++;
		buf_append(buf, c, plain);
		c += plain;
		if (!*c)
			break;
		if (*c == '"' || *c == '\\')
			buf_printf(buf, "\\%c", *c);
		else
			buf_printf(buf, "\\u%04x", (unsigned char) *c);
	}
	buf_append_char(buf, '"');
}

const char *
buf_text(const Buf *buf)
{
	return buf->bytes && !buf->failed ? buf->bytes : "";
}

void
buf_reset(Buf *buf)
{
	buf->size = 0;
	buf->failed = false;
	if (buf->bytes)
		buf->bytes[0] = '\0';
}

void
buf_free(Buf *buf)
{
	free(buf->bytes);
	*buf = (Buf){0};
}
