/*
 * protocol.h
 *	  The words that clients and relay exchange: bytes to struct and back.
 *
 * Pure: no clock, no socket, no state.  What each message means is written in
 * docs/protocol.md, what the relay does about it in client.c.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "channel.h"
#include "operation.h"
#include "note.h"
#include "scope.h"
#include "stream.h"

/* An id of a message: a string or an integer, kept as the JSON to echo. */
#define MESSAGE_ID_SIZE 128

/* Channels that one message may name. */
#define MESSAGE_CHANNEL_COUNT 1000

/* Messages of a batch, whatever is configured. */
#define MESSAGE_ENTRY_COUNT 1000

typedef enum MessageType
{
	MESSAGE_SUBSCRIBE,
	MESSAGE_UNSUBSCRIBE,
	MESSAGE_PING,
	MESSAGE_HELLO,
	MESSAGE_AUTH,
	MESSAGE_BATCH,
	MESSAGE_PRESENCE_TRACK,
	MESSAGE_PRESENCE_UPDATE,
	MESSAGE_PRESENCE_LEAVE,
	MESSAGE_OPERATION, /* any of the verbs; the last, since it has no word of its own */
	MESSAGE_TYPE_COUNT
} MessageType;

typedef struct NamedChannel
{
	char *name; /* as the client spelled it */
	Channel channel;
} NamedChannel;

typedef struct Message
{
	MessageType type;
	char id[MESSAGE_ID_SIZE + 1]; /* "" when the client sent none */
	bool has_channels;
	size_t channel_count;
	NamedChannel *channels;
	bool wants_snapshot;
	bool accepts_batch;
	int64_t max_rate; /* frames per second; 0: no bound */
	char since[POSITION_SIZE + 1];
	char *token; /* NULL without one */
	Operation operation;
	size_t entry_count;
	struct MessageEntry *entries; /* of a batch */
	Note note;					  /* of presence.* */
} Message;

typedef enum ErrorCode
{
	ERROR_BAD_REQUEST,
	ERROR_UNKNOWN_TYPE,
	ERROR_TOO_LARGE,
	ERROR_UNAUTHORIZED,
	ERROR_TOKEN_EXPIRED,
	ERROR_FORBIDDEN,
	ERROR_RATE_LIMITED,
	ERROR_OVERLOADED,
	ERROR_UNAVAILABLE,
	ERROR_TIMEOUT,
	ERROR_NOT_FOUND,
	ERROR_VERSION_CONFLICT,
	ERROR_INSUFFICIENT_STOCK,
	ERROR_KEY_REUSED,
	ERROR_GONE,
	ERROR_BATCH_UNAVAILABLE,
	ERROR_CONFLICT,
	ERROR_INTERNAL,
	ERROR_CODE_COUNT
} ErrorCode;

typedef struct ProtocolError
{
	ErrorCode code;
	char text[160];
	int64_t retry_after_ms; /* 0: not said */
	const char *channel;	/* that is refused, as the client spells it; NULL: not said */
} ProtocolError;

/* One message of a batch, or what is wrong with it. */
typedef struct MessageEntry
{
	bool is_fine;
	Message message;
	ProtocolError error;
} MessageEntry;

typedef struct Welcome
{
	const char *connection_id;
	int64_t server_time_ms;
	int64_t ping_interval_ms;
	int64_t max_message_size;
	int64_t max_channels;
	int64_t max_batch;
	int64_t messages_per_second;
	int64_t operations_per_second;
	int64_t max_rate; /* 0: no bound */
	int64_t max_presence;
	int64_t reconnect_window_ms;
	const Scope *scope;
	bool is_recovered;
	const char *position;
} Welcome;

/*
 * Reads one message.  False fills error; message->id is set as far as it was
 * readable, so that the error can carry it.  To be emptied in both cases.
 */
bool protocol_parse(const char *bytes, size_t size, Message *message, ProtocolError *error);
void message_clear(Message *message);

/* Append one reply.  id is "" or JSON to echo, position NULL or one to tell. */
void protocol_append_subscribed(Buf *buf, const char *channel, const char *position, const char *id);
void protocol_append_unsubscribed(Buf *buf, const char *channel, const char *id);
void protocol_append_pong(Buf *buf, int64_t timestamp_ms, const char *position, const char *id);
void protocol_append_ack(Buf *buf, int64_t expires_at_ms, const char *id);
void protocol_append_welcome(Buf *buf, const Welcome *welcome, const char *id);
void protocol_append_error(Buf *buf, const char *id, const ProtocolError *error);

/* The same with the details of a refusal: JSON, or nothing. */
void protocol_append_refusal(Buf *buf, const char *id, ErrorCode code, const char *text, int64_t retry_after_ms,
							 const Buf *details);

/* What an operation did: result is JSON. */
void protocol_append_result(Buf *buf, const Buf *result, bool is_replayed, const char *id);

/* The word for a code, and whether the same request may succeed later. */
const char *protocol_error_word(ErrorCode code);
bool protocol_error_is_retryable(ErrorCode code);

#endif
