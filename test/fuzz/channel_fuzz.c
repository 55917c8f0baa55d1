/*
 * channel_fuzz.c
 *	  Channel names, in any shape.
 *
 * A canonical name must be a name again, of the same channel, and canonical.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *name = malloc(size + 1);
	Channel channel;
	Channel again;
	Buf canonical = {0};
	Buf twice = {0};

	memcpy(name, bytes, size);
	name[size] = '\0';
	if (channel_parse(&channel, name))
	{
		channel_append(&canonical, &channel);
		assert(canonical.size <= CHANNEL_NAME_SIZE);
		assert(channel_parse(&again, buf_text(&canonical)));
		assert(channel.is_presence == again.is_presence);
		assert(strcmp(channel.product, again.product) == 0 && strcmp(channel.warehouse, again.warehouse) == 0);
		channel_append(&twice, &again);
		assert(strcmp(buf_text(&canonical), buf_text(&twice)) == 0);
	}
	buf_free(&canonical);
	buf_free(&twice);
	free(name);
	return 0;
}
