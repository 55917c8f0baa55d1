/*
 * protocol.c
 *	  The words that clients and relay exchange: bytes to struct and back.
 *
 * Replies are written by hand: they are few and flat.
 */
#include "protocol.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_tree.h"
#include "utf8.h"

static const struct
{
	const char *word;
	bool is_retryable;
} error_words[ERROR_CODE_COUNT] = {
	[ERROR_BAD_REQUEST] = {"bad_request", false},
	[ERROR_UNKNOWN_TYPE] = {"unknown_type", false},
	[ERROR_TOO_LARGE] = {"too_large", false},
	[ERROR_UNAUTHORIZED] = {"unauthorized", false},
	[ERROR_TOKEN_EXPIRED] = {"token_expired", false},
	[ERROR_FORBIDDEN] = {"forbidden", false},
	[ERROR_RATE_LIMITED] = {"rate_limited", true},
	[ERROR_OVERLOADED] = {"overloaded", true},
	[ERROR_UNAVAILABLE] = {"unavailable", true},
	[ERROR_TIMEOUT] = {"timeout", true},
	[ERROR_NOT_FOUND] = {"not_found", false},
	[ERROR_VERSION_CONFLICT] = {"version_conflict", false},
	[ERROR_INSUFFICIENT_STOCK] = {"insufficient_stock", false},
	[ERROR_KEY_REUSED] = {"key_reused", false},
	[ERROR_GONE] = {"gone", false},
	[ERROR_BATCH_UNAVAILABLE] = {"batch_unavailable", false},
	[ERROR_CONFLICT] = {"conflict", true},
	[ERROR_INTERNAL] = {"internal", false},
};

static bool read_subscription(Json *object, Message *message, ProtocolError *error);
static bool read_channel(Json *object, Message *message, ProtocolError *error);
static bool read_hello(Json *object, Message *message, ProtocolError *error);
static bool read_auth(Json *object, Message *message, ProtocolError *error);
static bool read_batch(Json *object, Message *message, ProtocolError *error);
static bool read_operation(Json *object, Message *message, ProtocolError *error);
static bool read_presence(Json *object, Message *message, ProtocolError *error);

static const struct
{
	const char *word;
	bool (*read)(Json *object, Message *message, ProtocolError *error); /* NULL: no fields */
} message_types[MESSAGE_TYPE_COUNT] = {
	[MESSAGE_SUBSCRIBE] = {"subscribe", read_subscription},
	[MESSAGE_UNSUBSCRIBE] = {"unsubscribe", read_channel},
	[MESSAGE_PING] = {"ping", NULL},
	[MESSAGE_HELLO] = {"hello", read_hello},
	[MESSAGE_AUTH] = {"auth", read_auth},
	[MESSAGE_BATCH] = {"batch", read_batch},
	[MESSAGE_PRESENCE_TRACK] = {"presence.track", read_presence},
	[MESSAGE_PRESENCE_UPDATE] = {"presence.update", read_presence},
	[MESSAGE_PRESENCE_LEAVE] = {"presence.leave", read_presence},
	[MESSAGE_OPERATION] = {"", read_operation},
};

static bool __attribute__((format(printf, 3, 4)))
fail(ProtocolError *error, ErrorCode code, const char *format, ...)
{
	va_list args;

	error->code = code;
	error->retry_after_ms = 0;
	error->channel = NULL;
	va_start(args, format);
	vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
	utf8_mend_cut(error->text);
	return false;
}

/* Channels */

static bool
add_channel(Message *message, const char *name, ProtocolError *error)
{
	NamedChannel *entry = &message->channels[message->channel_count];

	if (!name)
		return fail(error, ERROR_BAD_REQUEST, "\"channel\" is missing or no string");
	if (strlen(name) > CHANNEL_NAME_SIZE || !channel_parse(&entry->channel, name))
		return fail(error, ERROR_BAD_REQUEST, "malformed channel");
	entry->name = strdup(name);
	if (!entry->name)
		return fail(error, ERROR_OVERLOADED, "out of memory");
	message->channel_count++;
	return true;
}

static bool
reserve_channels(Message *message, size_t count, ProtocolError *error)
{
	if (count > MESSAGE_CHANNEL_COUNT)
		return fail(error, ERROR_BAD_REQUEST, "too many channels in one message");
	message->has_channels = true;
	message->channels = calloc(count + 1, sizeof *message->channels);
	return message->channels || fail(error, ERROR_OVERLOADED, "out of memory");
}

static bool
read_channel(Json *object, Message *message, ProtocolError *error)
{
	return reserve_channels(message, 1, error) && add_channel(message, json_string(json_member(object, "channel")), error);
}

static bool
read_channels(Json *list, Message *message, ProtocolError *error)
{
	if (!json_is_array(list))
		return fail(error, ERROR_BAD_REQUEST, "\"channels\" is no list");
	if (!reserve_channels(message, json_count(list), error))
		return false;
	for (size_t i = 0; i < json_count(list); i++)
		if (!add_channel(message, json_string(json_item(list, i)), error))
			return false;
	return true;
}

static bool
read_flag(Json *object, const char *name, bool *flag, ProtocolError *error)
{
	return !json_member(object, name) || json_boolean(json_member(object, name), flag) ||
		   fail(error, ERROR_BAD_REQUEST, "\"%s\" is neither true nor false", name);
}

static bool
read_subscription(Json *object, Message *message, ProtocolError *error)
{
	if (!read_flag(object, "snapshot", &message->wants_snapshot, error))
		return false;
	if (json_member(object, "channels"))
		return read_channels(json_member(object, "channels"), message, error) &&
			   (message->channel_count || fail(error, ERROR_BAD_REQUEST, "\"channels\" is empty"));
	return read_channel(object, message, error);
}

/* hello and auth */

static bool
read_token(Json *object, Message *message, ProtocolError *error)
{
	Json *token = json_member(object, "token");

	if (!token)
		return true;
	if (!json_string(token))
		return fail(error, ERROR_BAD_REQUEST, "\"token\" is no string");
	message->token = strdup(json_string(token));
	return message->token || fail(error, ERROR_OVERLOADED, "out of memory");
}

static bool
read_auth(Json *object, Message *message, ProtocolError *error)
{
	if (!read_token(object, message, error))
		return false;
	return message->token || fail(error, ERROR_BAD_REQUEST, "\"token\" is missing");
}

static bool
read_accepted(Json *object, Message *message, ProtocolError *error)
{
	Json *list = json_member(object, "accept");

	if (list && !json_is_array(list))
		return fail(error, ERROR_BAD_REQUEST, "\"accept\" is no list");
	for (size_t i = 0; i < json_count(list); i++)
	{
		const char *word = json_string(json_item(list, i));

		message->accepts_batch = message->accepts_batch || (word && strcmp(word, "batch") == 0);
	}
	return true;
}

static bool
read_since(Json *object, Message *message, ProtocolError *error)
{
	Json *since = json_member(object, "since");
	const char *text = json_string(since);

	if (!since)
		return true;
	if (!text || !stream_is_position(text))
		return fail(error, ERROR_BAD_REQUEST, "\"since\" is no position");
	strcpy(message->since, text);
	return true;
}

static bool
read_rate(Json *object, Message *message, ProtocolError *error)
{
	Json *rate = json_member(object, "maxRate");

	if (!rate || (json_integer(rate, &message->max_rate) && message->max_rate >= 1 && message->max_rate <= 1000))
		return true;
	return fail(error, ERROR_BAD_REQUEST, "\"maxRate\" is no number from 1 to 1000");
}

static bool
read_hello(Json *object, Message *message, ProtocolError *error)
{
	int64_t version = 0;

	if (!json_integer(json_member(object, "protocol"), &version) || version != 1)
		return fail(error, ERROR_BAD_REQUEST, "\"protocol\" is not 1, which is what is spoken here");
	if (json_member(object, "channels") && !read_channels(json_member(object, "channels"), message, error))
		return false;
	return read_token(object, message, error) && read_accepted(object, message, error) &&
		   read_since(object, message, error) && read_rate(object, message, error) &&
		   read_flag(object, "snapshot", &message->wants_snapshot, error);
}

/* Operations, and batches */

static bool
read_operation(Json *object, Message *message, ProtocolError *error)
{
	Buf wrong = {0};
	bool is_fine = operation_read(&message->operation, message->operation.verb, object, OPERATION_MESSAGE, &wrong);

	if (!is_fine)
		fail(error, ERROR_BAD_REQUEST, "%s", buf_text(&wrong));
	buf_free(&wrong);
	return is_fine;
}

static bool read_message(Json *object, Message *message, ProtocolError *error);

/* One that is wrong is answered in its turn, and stands in nobody's way. */
static void
read_entry(Json *object, MessageEntry *entry)
{
	if (!json_is_object(object))
		entry->is_fine = fail(&entry->error, ERROR_BAD_REQUEST, "an entry of a batch is no object");
	else
		entry->is_fine = read_message(object, &entry->message, &entry->error);
	if (entry->is_fine && (entry->message.type == MESSAGE_BATCH || entry->message.type == MESSAGE_HELLO))
		entry->is_fine = fail(&entry->error, ERROR_BAD_REQUEST, "a batch does not hold messages of that type");
}

static bool
read_batch(Json *object, Message *message, ProtocolError *error)
{
	Json *list = json_member(object, "messages");

	if (!json_is_array(list))
		return fail(error, ERROR_BAD_REQUEST, "\"messages\" is missing or no list");
	if (json_count(list) > MESSAGE_ENTRY_COUNT)
		return fail(error, ERROR_TOO_LARGE, "too many messages in one batch");
	message->entries = calloc(json_count(list) + 1, sizeof *message->entries);
	if (!message->entries)
		return fail(error, ERROR_OVERLOADED, "out of memory");
	for (; message->entry_count < json_count(list); message->entry_count++)
		read_entry(json_item(list, message->entry_count), &message->entries[message->entry_count]);
	return true;
}

/* presence */

static bool
read_presence(Json *object, Message *message, ProtocolError *error)
{
	char wrong[sizeof error->text];

	if (!read_channel(object, message, error))
		return false;
	if (!message->channels[0].channel.is_presence)
		return fail(error, ERROR_BAD_REQUEST, "the channel is none of presence");
	return note_read(object, &message->note, wrong, sizeof wrong) || fail(error, ERROR_BAD_REQUEST, "%s", wrong);
}

/* Messages */

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
	for (int type = 0; type < MESSAGE_OPERATION; type++)
		if (strcmp(word, message_types[type].word) == 0)
		{
			message->type = (MessageType) type;
			return true;
		}
	message->type = MESSAGE_OPERATION;
	if (verb_of(word, &message->operation.verb))
		return true;
	return fail(error, ERROR_UNKNOWN_TYPE, "unknown message type");
}

static bool
read_message(Json *object, Message *message, ProtocolError *error)
{
	if (!read_id(object, message, error) || !read_type(object, message, error))
		return false;
	return !message_types[message->type].read || message_types[message->type].read(object, message, error);
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
	is_fine = read_message(object, message, error);
	json_free(object);
	return is_fine;
}

void
message_clear(Message *message)
{
	for (size_t i = 0; i < message->channel_count; i++)
		free(message->channels[i].name);
	for (size_t i = 0; i < message->entry_count; i++)
		message_clear(&message->entries[i].message);
	free(message->entries);
	free(message->channels);
	free(message->token);
	operation_clear(&message->operation);
	note_clear(&message->note);
	*message = (Message){0};
}

/* Replies */

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
append_position(Buf *buf, const char *position)
{
	if (position && *position)
		buf_printf(buf, ",\"position\":\"%s\"", position);
}

void
protocol_append_subscribed(Buf *buf, const char *channel, const char *position, const char *id)
{
	buf_append_text(buf, "{\"type\":\"subscribed\",\"channel\":");
	buf_append_json(buf, channel);
	append_position(buf, position);
	append_id(buf, id);
	buf_append_char(buf, '}');
}

void
protocol_append_unsubscribed(Buf *buf, const char *channel, const char *id)
{
	buf_append_text(buf, "{\"type\":\"unsubscribed\",\"channel\":");
	buf_append_json(buf, channel);
	append_id(buf, id);
	buf_append_char(buf, '}');
}

void
protocol_append_pong(Buf *buf, int64_t timestamp_ms, const char *position, const char *id)
{
	buf_printf(buf, "{\"type\":\"pong\",\"timestamp\":%lld", (long long) timestamp_ms);
	append_position(buf, position);
	append_id(buf, id);
	buf_append_char(buf, '}');
}

void
protocol_append_ack(Buf *buf, int64_t expires_at_ms, const char *id)
{
	buf_printf(buf, "{\"type\":\"ack\",\"expiresAt\":%lld", (long long) expires_at_ms);
	append_id(buf, id);
	buf_append_char(buf, '}');
}

void
protocol_append_welcome(Buf *buf, const Welcome *welcome, const char *id)
{
	buf_printf(buf, "{\"type\":\"welcome\",\"protocol\":1,\"connectionId\":\"%s\",\"serverTime\":%lld,\"pingIntervalMs\":%lld",
			   welcome->connection_id, (long long) welcome->server_time_ms, (long long) welcome->ping_interval_ms);
	buf_printf(buf, ",\"limits\":{\"maxMessageBytes\":%lld,\"maxChannels\":%lld,\"maxBatch\":%lld,\"messagesPerSecond\":%lld",
			   (long long) welcome->max_message_size, (long long) welcome->max_channels, (long long) welcome->max_batch,
			   (long long) welcome->messages_per_second);
	buf_printf(buf, ",\"operationsPerSecond\":%lld,\"maxPresence\":%lld", (long long) welcome->operations_per_second,
			   (long long) welcome->max_presence);
	if (welcome->max_rate)
		buf_printf(buf, ",\"maxRate\":%lld", (long long) welcome->max_rate);
	buf_append_char(buf, '}');
	buf_printf(buf, ",\"features\":[\"batch\",\"maxRate\",\"operations\",\"presence\",\"resume\",\"snapshot\"],\"reconnectWindowMs\":%lld,\"user\":",
			   (long long) welcome->reconnect_window_ms);
	scope_append_user(buf, welcome->scope);
	buf_append_text(buf, ",\"scope\":");
	scope_append(buf, welcome->scope);
	buf_append_text(buf, welcome->is_recovered ? ",\"recovered\":true" : "");
	append_position(buf, welcome->position);
	append_id(buf, id);
	buf_append_char(buf, '}');
}

static void
begin_error(Buf *buf, ErrorCode code, const char *text, int64_t retry_after_ms)
{
	buf_printf(buf, "{\"type\":\"error\",\"code\":\"%s\",\"message\":", protocol_error_word(code));
	buf_append_json(buf, text);
	buf_printf(buf, ",\"retryable\":%s", protocol_error_is_retryable(code) ? "true" : "false");
	if (retry_after_ms)
		buf_printf(buf, ",\"retryAfterMs\":%lld", (long long) retry_after_ms);
}

void
protocol_append_error(Buf *buf, const char *id, const ProtocolError *error)
{
	begin_error(buf, error->code, error->text, error->retry_after_ms);
	if (error->channel)
	{
		buf_append_text(buf, ",\"channel\":");
		buf_append_json(buf, error->channel);
	}
	append_id(buf, id);
	buf_append_char(buf, '}');
}

void
protocol_append_refusal(Buf *buf, const char *id, ErrorCode code, const char *text, int64_t retry_after_ms, const Buf *details)
{
	begin_error(buf, code, text, retry_after_ms);
	if (details->size)
	{
		buf_append_text(buf, ",\"details\":");
		buf_append(buf, details->bytes, details->size);
	}
	append_id(buf, id);
	buf_append_char(buf, '}');
}

void
protocol_append_result(Buf *buf, const Buf *result, bool is_replayed, const char *id)
{
	buf_append_text(buf, "{\"type\":\"ack\",\"result\":");
	buf_append(buf, result->bytes, result->size);
	buf_append_text(buf, is_replayed ? ",\"replayed\":true" : ",\"replayed\":false");
	append_id(buf, id);
	buf_append_char(buf, '}');
}
