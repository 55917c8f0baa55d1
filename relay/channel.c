/*
 * channel.c
 *	  What a client can follow, and how it is written.
 *
 * A name is a list of words divided by ':'.  No id can hold a bare ':', so it
 * is split first and decoded afterwards.
 */
#include "channel.h"

#include <string.h>

#include "utf8.h"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
channel_is_id(const char *id)
{
	return *id && strlen(id) <= CHANNEL_ID_SIZE && utf8_is_valid(id, strlen(id));
}

/* Decodes one id that ends at `end`. */
static bool
decode_id(char *id, const char *text, const char *end)
{
	size_t size = 0;

	while (text < end)
	{
		int byte = (unsigned char) *text++;

		if (byte < 0x20 || byte == 0x7f || size == CHANNEL_ID_SIZE)
			return false;
		if (byte == '%')
		{
			if (end - text < 2 || hex_value(text[0]) < 0 || hex_value(text[1]) < 0)
				return false;
			byte = hex_value(text[0]) * 16 + hex_value(text[1]);
			text += 2;
		}
		if (!byte)
			return false;
		id[size++] = (char) byte;
	}
	id[size] = '\0';
	return size > 0 && utf8_is_valid(id, size);
}

/* Takes "word:ID" from the front of *name, and the ':' behind it. */
static bool
take_part(const char **name, const char *word, char *id)
{
	size_t word_size = strlen(word);
	const char *text = *name + word_size;
	const char *end;

	if (strncmp(*name, word, word_size) != 0)
		return false;
	end = text + strcspn(text, ":");
	if (!decode_id(id, text, end))
		return false;
	*name = end;
	return true;
}

static bool
parse_presence(Channel *channel, const char *name)
{
	channel->is_presence = true;
	if (strcmp(name, "presence:inventory_list") == 0)
		return true;
	return take_part(&name, "presence:inventory_item:", channel->product) && !*name;
}

bool
channel_parse(Channel *channel, const char *name)
{
	channel->is_presence = false;
	channel->product[0] = channel->warehouse[0] = '\0';
	if (strcmp(name, "global") == 0)
		return true;
	if (strncmp(name, "presence:", strlen("presence:")) == 0)
		return parse_presence(channel, name);
	if (take_part(&name, "warehouse:", channel->warehouse))
		return !*name;
	if (!take_part(&name, "product:", channel->product))
		return false;
	if (!*name)
		return true;
	return take_part(&name, ":warehouse:", channel->warehouse) && !*name;
}

static void
append_id(Buf *buf, const char *id)
{
	for (; *id; id++)
	{
		unsigned char c = (unsigned char) *id;

		if (c == '%' || c == ':' || c < 0x20 || c == 0x7f)
			buf_printf(buf, "%%%02X", c);
		else
			buf_append_char(buf, *id);
	}
}

void
channel_append_name(Buf *buf, const char *product, const char *warehouse)
{
	bool has_product = product && *product;
	bool has_warehouse = warehouse && *warehouse;

	if (!has_product && !has_warehouse)
		buf_append_text(buf, "global");
	if (has_product)
	{
		buf_append_text(buf, "product:");
		append_id(buf, product);
	}
	if (has_warehouse)
	{
		buf_append_text(buf, has_product ? ":warehouse:" : "warehouse:");
		append_id(buf, warehouse);
	}
}

void
channel_append(Buf *buf, const Channel *channel)
{
	if (!channel->is_presence)
		channel_append_name(buf, channel->product, channel->warehouse);
	else if (!*channel->product)
		buf_append_text(buf, "presence:inventory_list");
	else
	{
		buf_append_text(buf, "presence:inventory_item:");
		append_id(buf, channel->product);
	}
}
