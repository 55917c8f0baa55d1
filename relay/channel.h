/*
 * channel.h
 *	  What a client can follow, and how it is written.
 *
 *	  global
 *	  product:P
 *	  warehouse:W
 *	  product:P:warehouse:W
 *	  presence:inventory_list
 *	  presence:inventory_item:P
 *
 * In an id, '%', ':' and control characters are percent-encoded; any other
 * byte may be, so that encodeURIComponent() of a browser does.  Two spellings
 * of one id are one channel: channels are compared by their canonical name,
 * in which only those characters are encoded, with capital hex digits.
 *
 * The organization is no part of a name.  It comes from the session.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* The bound of an id in the database (docs/sql.md). */
#define CHANNEL_ID_SIZE 200

/* Every byte of two ids encoded, and the words between. */
#define CHANNEL_NAME_SIZE (2 * 3 * CHANNEL_ID_SIZE + 20)

typedef struct Channel
{
	bool is_presence;					 /* who looks at the product, or at the list when it is "" */
	char product[CHANNEL_ID_SIZE + 1];	 /* "" when any */
	char warehouse[CHANNEL_ID_SIZE + 1]; /* "" when any */
} Channel;

/*
 * Reads a name.  False when it is none: unknown word, empty or overlong id,
 * broken or NUL escape, bytes that are not UTF-8, a raw control character.
 */
bool channel_parse(Channel *channel, const char *name);

/* Whether an id can be one: neither empty nor overlong, and UTF-8. */
bool channel_is_id(const char *id);

/* Appends the canonical name of a channel. */
void channel_append(Buf *buf, const Channel *channel);

/* The same of a channel of stock; an empty or NULL id means any. */
void channel_append_name(Buf *buf, const char *product, const char *warehouse);

#endif
