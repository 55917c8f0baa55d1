/*
 * protocol.h
 *	  The words that clients and relay exchange: bytes to struct and back.
 *
 * Pure: no clock, no socket, no state.  What each message means is written in
 * docs/protocol.md, what the relay does about it in relay.c.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "channel.h"

/* An id of a message: a string or an integer, kept as the JSON to echo. */
#define MESSAGE_ID_SIZE 128

typedef enum MessageType
{
	MESSAGE_SUBSCRIBE,
	MESSAGE_UNSUBSCRIBE,
	MESSAGE_PING,
	MESSAGE_TYPE_COUNT
} MessageType;

typedef struct Message
{
	MessageType type;
	char id[MESSAGE_ID_SIZE + 1];			  /* "" when the client sent none */
	char channel_name[CHANNEL_NAME_SIZE + 1]; /* as the client spelled it */
	Channel channel;
} Message;

typedef enum ErrorCode
{
	ERROR_BAD_REQUEST,
	ERROR_UNKNOWN_TYPE,
	ERROR_TOO_LARGE,
	ERROR_RATE_LIMITED,
	ERROR_OVERLOADED,
	ERROR_UNAVAILABLE,
	ERROR_TIMEOUT,
	ERROR_CODE_COUNT
} ErrorCode;

typedef struct ProtocolError
{
	ErrorCode code;
	char text[160];
	int64_t retry_after_ms; /* 0: not said */
} ProtocolError;

/*
 * Reads one message.  False fills error; message->id is set as far as it was
 * readable, so that the error can carry it.
 */
bool protocol_parse(const char *bytes, size_t size, Message *message, ProtocolError *error);

/* Appends one reply.  id is "" or JSON to echo. */
void protocol_append_subscribed(Buf *buf, const Message *message);
void protocol_append_unsubscribed(Buf *buf, const Message *message);
void protocol_append_pong(Buf *buf, const Message *message, int64_t timestamp_ms);
void protocol_append_error(Buf *buf, const char *id, const ProtocolError *error);

/* The word for a code, and whether the same request may succeed later. */
const char *protocol_error_word(ErrorCode code);
bool protocol_error_is_retryable(ErrorCode code);

#endif
