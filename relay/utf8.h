/*
 * utf8.h
 *	  Whether bytes are UTF-8, and cutting them between characters.
 *
 * As strictly as the database: nothing overlong, no surrogates, nothing behind
 * U+10FFFF.
 */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Length of the character at the front of so many bytes; 0 when there is none. */
static inline size_t
utf8_length(const unsigned char *s, size_t size)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2
								  : s[0] >> 4 == 14	 ? 3
								  : s[0] >> 3 == 30	 ? 4
													 : 0;
	uint32_t code = s[0] & (0x7f >> length);

	if (length <= 1)
		return length;
	if (length > size)
		return 0;
	for (size_t i = 1; i < length; i++)
	{
		if (s[i] >> 6 != 2)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return length;
}

static inline bool
utf8_is_valid(const char *bytes, size_t size)
{
	const unsigned char *s = (const unsigned char *) bytes;

	for (size_t at = 0, length; at < size; at += length)
	{
		length = utf8_length(s + at, size - at);
		if (!length)
			return false;
	}
	return true;
}

/* Takes from a text, cut to what there was room for, the front of the character that was cut through. */
static inline void
utf8_mend_cut(char *text)
{
	size_t size = strlen(text);
	size_t first = size;

	while (first > 0 && (unsigned char) text[first - 1] >> 6 == 2)
		first--;
	if (first > 0 && utf8_length((const unsigned char *) text + first - 1, size - first + 1) != size - first + 1)
		text[first - 1] = '\0';
}

#endif
