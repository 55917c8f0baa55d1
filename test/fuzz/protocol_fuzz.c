/*
 * protocol_fuzz.c
 *	  Messages of clients, in any shape.
 *
 * Whatever comes, the answer to it must be JSON that we would take ourselves.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json_guard.h"
#include "protocol.h"

static bool
is_text(const char *id)
{
	/* Bytes that are no UTF-8 never get here: the WebSocket library stops them. */
	for (; *id; id++)
		if ((unsigned char) *id >= 0x80)
			return false;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *copy = malloc(size + 1);
	Message message;
	ProtocolError error;
	Buf reply = {0};
	size_t ignored;

	memcpy(copy, bytes, size); /* exactly as long, so that reading on is found */
	if (!protocol_parse(copy, size, &message, &error))
		protocol_append_error(&reply, message.id, &error);
	else if (message.type == MESSAGE_PING)
		protocol_append_pong(&reply, &message, 1);
	else
		protocol_append_subscribed(&reply, &message);
	if (is_text(message.id))
		assert(json_guard(reply.bytes, reply.size, &ignored) == NULL);
	buf_free(&reply);
	free(copy);
	return 0;
}
