/*
 * protocol.c
 *	  The words that clients and relay exchange: bytes to struct and back.
 *
 * Replies are written by hand: they are few and flat.
 */
#include "protocol.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json_tree.h"

static const struct
{
	const char *word;
	bool is_retryable;
} error_words[ERROR_CODE_COUNT] = {
	[ERROR_BAD_REQUEST] = {"bad_request", false},
	[ERROR_UNKNOWN_TYPE] = {"unknown_type", false},
	[ERROR_TOO_LARGE] = {"too_large", false},
	[ERROR_RATE_LIMITED] = {"rate_limited", true},
	[ERROR_OVERLOADED] = {"overloaded", true},
	[ERROR_UNAVAILABLE] = {"unavailable", true},
	[ERROR_TIMEOUT] = {"timeout", true},
};

static bool read_channel(Json *object, Message *message, ProtocolError *error);

static const struct
{
	const char *word;
	bool (*read)(Json *object, Message *message, ProtocolError *error); /* NULL: no fields */
} message_types[MESSAGE_TYPE_COUNT] = {
	[MESSAGE_SUBSCRIBE] = {"subscribe", read_channel},
	[MESSAGE_UNSUBSCRIBE] = {"unsubscribe", read_channel},
	[MESSAGE_PING] = {"ping", NULL},
};

static bool __attribute__((format(printf, 3, 4)))
fail(ProtocolError *error, ErrorCode code, const char *format, ...)
{
	va_list args;

	error->code = code;
	error->retry_after_ms = 0;
	va_start(args, format);
	vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
	return false;
}

static bool
read_channel(Json *object, Message *message, ProtocolError *error)
{
	const char *name = json_string(json_member(object, "channel"));

	if (!name)
		return fail(error, ERROR_BAD_REQUEST, "\"channel\" is missing or no string");
	if (strlen(name) > CHANNEL_NAME_SIZE || !channel_parse(&message->channel, name))
		return fail(error, ERROR_BAD_REQUEST, "malformed channel");
	strcpy(message->channel_name, name);
	return true;
}

static bool
read_id(Json *object, Message *message, ProtocolError *error)
{
	Json *id = json_member(object, "id");
	int64_t ignored;
	Buf text = {0};
	bool is_short;

	if (!id)
		return true;
	if (!json_string(id) && !json_integer(id, &ignored))
		return fail(error, ERROR_BAD_REQUEST, "\"id\" is neither string nor integer");
	json_append(&text, id);
	is_short = text.size <= MESSAGE_ID_SIZE;
	if (is_short)
		strcpy(message->id, buf_text(&text));
	buf_free(&text);
	return is_short || fail(error, ERROR_BAD_REQUEST, "\"id\" is too long");
}

static bool
read_type(Json *object, Message *message, ProtocolError *error)
{
	const char *word = json_string(json_member(object, "type"));

	if (!word)
		return fail(error, ERROR_BAD_REQUEST, "\"type\" is missing or no string");
	for (int type = 0; type < MESSAGE_TYPE_COUNT; type++)
		if (strcmp(word, message_types[type].word) == 0)
		{
			message->type = (MessageType) type;
			return true;
		}
	return fail(error, ERROR_UNKNOWN_TYPE, "unknown message type");
}

bool
protocol_parse(const char *bytes, size_t size, Message *message, ProtocolError *error)
{
	const char *wrong;
	Json *object;
	bool is_fine;

	memset(message, 0, sizeof *message);
	object = json_parse(bytes, size, &wrong);
	if (!object)
		return fail(error, ERROR_BAD_REQUEST, "not a message: %s", wrong);
	is_fine = read_id(object, message, error) && read_type(object, message, error);
	if (is_fine && message_types[message->type].read)
		is_fine = message_types[message->type].read(object, message, error);
	json_free(object);
	return is_fine;
}

const char *
protocol_error_word(ErrorCode code)
{
	return error_words[code].word;
}

bool
protocol_error_is_retryable(ErrorCode code)
{
	return error_words[code].is_retryable;
}

static void
append_id(Buf *buf, const char *id)
{
	if (*id)
		buf_printf(buf, ",\"id\":%s", id);
}

static void
append_channel_reply(Buf *buf, const char *type, const Message *message)
{
	buf_printf(buf, "{\"type\":\"%s\",\"channel\":", type);
	buf_append_json(buf, message->channel_name);
	append_id(buf, message->id);
	buf_append_char(buf, '}');
}

void
protocol_append_subscribed(Buf *buf, const Message *message)
{
	append_channel_reply(buf, "subscribed", message);
}

void
protocol_append_unsubscribed(Buf *buf, const Message *message)
{
	append_channel_reply(buf, "unsubscribed", message);
}

void
protocol_append_pong(Buf *buf, const Message *message, int64_t timestamp_ms)
{
	buf_printf(buf, "{\"type\":\"pong\",\"timestamp\":%lld", (long long) timestamp_ms);
	append_id(buf, message->id);
	buf_append_char(buf, '}');
}

void
protocol_append_error(Buf *buf, const char *id, const ProtocolError *error)
{
	buf_printf(buf, "{\"type\":\"error\",\"code\":\"%s\",\"message\":", protocol_error_word(error->code));
	buf_append_json(buf, error->text);
	buf_printf(buf, ",\"retryable\":%s", protocol_error_is_retryable(error->code) ? "true" : "false");
	if (error->retry_after_ms)
		buf_printf(buf, ",\"retryAfterMs\":%lld", (long long) error->retry_after_ms);
	append_id(buf, id);
	buf_append_char(buf, '}');
}
