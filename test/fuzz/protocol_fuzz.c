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

/* What was understood must be within the bounds that are promised. */
static void
append_reply(Buf *reply, const Message *message)
{
	assert(message->type < MESSAGE_TYPE_COUNT && message->channel_count <= MESSAGE_CHANNEL_COUNT);
	assert(strlen(message->id) <= MESSAGE_ID_SIZE && strlen(message->since) <= POSITION_SIZE);
	switch (message->type)
	{
		case MESSAGE_SUBSCRIBE:
		case MESSAGE_UNSUBSCRIBE:
			assert(message->channel_count > 0);
			protocol_append_subscribed(reply, "global", "1-2-3", message->id);
			break;
		case MESSAGE_AUTH:
			assert(message->token);
			protocol_append_ack(reply, 1, message->id);
			break;
		default:
			protocol_append_pong(reply, 1, NULL, message->id);
	}
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
	else
		append_reply(&reply, &message);
	if (is_text(message.id))
		assert(json_guard(reply.bytes, reply.size, &ignored) == NULL);
	message_clear(&message);
	buf_free(&reply);
	free(copy);
	return 0;
}
