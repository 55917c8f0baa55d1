/*
 * protocol.c
 *	  The words that clients and relay exchange: bytes to struct and back.
 *
 * json-c builds the tree of a message that json_guard has passed.  Replies are
 * written by hand: they are few and flat.
 */
#include "protocol.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json_guard.h"

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

static bool read_channel(json_object *object, Message *message, ProtocolError *error);

static const struct
{
	const char *word;
	bool (*read)(json_object *object, Message *message, ProtocolError *error); /* NULL: no fields */
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

/* A string member; NULL when it is missing or something else. */
static const char *
string_member(json_object *object, const char *name)
{
	json_object *member;

	if (!json_object_object_get_ex(object, name, &member) || !json_object_is_type(member, json_type_string))
		return NULL;
	return json_object_get_string(member);
}

static bool
read_channel(json_object *object, Message *message, ProtocolError *error)
{
	const char *name = string_member(object, "channel");

	if (!name)
		return fail(error, ERROR_BAD_REQUEST, "\"channel\" is missing or no string");
	if (strlen(name) > CHANNEL_NAME_SIZE || !channel_parse(&message->channel, name))
		return fail(error, ERROR_BAD_REQUEST, "malformed channel");
	strcpy(message->channel_name, name);
	return true;
}

static bool
read_id(json_object *object, Message *message, ProtocolError *error)
{
	json_object *id;
	const char *text;

	if (!json_object_object_get_ex(object, "id", &id))
		return true;
	if (!json_object_is_type(id, json_type_string) && !json_object_is_type(id, json_type_int))
		return fail(error, ERROR_BAD_REQUEST, "\"id\" is neither string nor integer");
	text = json_object_to_json_string_ext(id, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (strlen(text) > MESSAGE_ID_SIZE)
		return fail(error, ERROR_BAD_REQUEST, "\"id\" is too long");
	strcpy(message->id, text);
	return true;
}

static bool
read_type(json_object *object, Message *message, ProtocolError *error)
{
	const char *word = string_member(object, "type");

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

/* Members of all objects of a tree. */
static size_t
count_members(json_object *value)
{
	size_t count = 0;

	if (json_object_is_type(value, json_type_object))
	{
		json_object_object_foreach(value, name, member)
		{
			(void) name;
			count += 1 + count_members(member);
		}
	}
	else if (json_object_is_type(value, json_type_array))
	{
		for (size_t i = 0; i < json_object_array_length(value); i++)
			count += count_members(json_object_array_get_idx(value, i));
	}
	return count;
}

/* The tree of a guarded message, NULL with the error filled. */
static json_object *
parse_object(const char *bytes, size_t size, ProtocolError *error)
{
	size_t member_count;
	const char *wrong = json_guard(bytes, size, &member_count);
	json_tokener *tokener = wrong ? NULL : json_tokener_new_ex(JSON_MAX_DEPTH + 1);
	json_object *object = NULL;

	if (tokener)
	{
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
		object = json_tokener_parse_ex(tokener, bytes, (int) size);
		json_tokener_free(tokener);
	}
	if (wrong)
		fail(error, ERROR_BAD_REQUEST, "not JSON: %s", wrong);
	else if (!json_object_is_type(object, json_type_object))
		fail(error, ERROR_BAD_REQUEST, "the message is no JSON object");
	else if (count_members(object) != member_count)
		fail(error, ERROR_BAD_REQUEST, "a name is repeated");
	else
		return object;
	json_object_put(object);
	return NULL;
}

bool
protocol_parse(const char *bytes, size_t size, Message *message, ProtocolError *error)
{
	json_object *object;
	bool is_fine;

	memset(message, 0, sizeof *message);
	object = parse_object(bytes, size, error);
	if (!object)
		return false;
	is_fine = read_id(object, message, error) && read_type(object, message, error);
	if (is_fine && message_types[message->type].read)
		is_fine = message_types[message->type].read(object, message, error);
	json_object_put(object);
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
