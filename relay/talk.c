/*
 * talk.c
 *	  What a WebSocket client says, and what is done about it.
 *
 * One function a message.  A reply is queued behind the events it follows; the
 * position in it is therefore true when it arrives: all before it has been
 * sent.
 */
#include "talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "change.h"
#include "clock.h"
#include "metrics.h"
#include "present.h"
#include "protocol.h"

/* Replies */

void
talk_send(Client *client, Buf *text, bool is_barrier)
{
	Frame *frame = text->failed ? NULL : frame_of(text->bytes, text->size);

	if (!frame)
		session_close(client->session, REASON_INTERNAL);
	else if (is_barrier)
		session_send_barrier(client->session, frame);
	else
		session_send(client->session, frame);
	frame_release(frame);
	buf_free(text);
}

void
talk_error(Client *client, const char *id, const ProtocolError *error)
{
	Buf text = {0};

	metrics_add(METRIC_ERRORS_SENT, 1);
	protocol_append_error(&text, id, error);
	talk_send(client, &text, false);
}

void
talk_refuse(Client *client, const char *id, ErrorCode code, const char *words)
{
	ProtocolError error = {.code = code};

	snprintf(error.text, sizeof error.text, "%s", words);
	talk_error(client, id, &error);
}

const char *
talk_position(const Client *client)
{
	if (client->session->dialect == DIALECT_PLAIN)
		return NULL;
	return replay_position(client->clients->with.replays, client->session);
}

/* The token of a hello.  False when it is none. */
static bool
read_hello_token(Client *client, const Message *message, Token *token)
{
	Auth *auth = client->clients->with.auth;
	TokenVerdict verdict = TOKEN_GOOD;
	bool is_expired;

	if (message->token)
		verdict = auth_verify(auth, message->token, token);
	else if (!auth_admit_anonymous(auth, token))
		verdict = TOKEN_MALFORMED;
	if (verdict == TOKEN_GOOD)
		return true;
	is_expired = verdict == TOKEN_EXPIRED;
	metrics_add(METRIC_DENIALS, 1);
	talk_refuse(client, message->id, is_expired ? ERROR_TOKEN_EXPIRED : ERROR_UNAUTHORIZED,
				message->token ? token_verdict_word(verdict) : "a token is needed");
	session_close(client->session, REASON_UNAUTHORIZED);
	return false;
}

void
talk_first(Client *client, const char *bytes, size_t size)
{
	Message message;
	ProtocolError error;
	Token token = {0};
	bool is_fine;

	is_fine = protocol_parse(bytes, size, &message, &error);
	if (message.type != MESSAGE_HELLO)
		talk_refuse(client, message.id, ERROR_UNAUTHORIZED, "the first message must be hello");
	else if (!is_fine)
		talk_error(client, message.id, &error);
	if (!is_fine || message.type != MESSAGE_HELLO)
		session_close(client->session, REASON_PROTOCOL);
	else if (read_hello_token(client, &message, &token) && client_hold(client, bytes, size))
		client_enter(client, &token);
	token_clear(&token);
	message_clear(&message);
}

/* Messages: one function each */

static void
refuse_channel(Client *client, const NamedChannel *channel, const char *id, ErrorCode code, const char *words)
{
	ProtocolError error = {.code = code, .channel = channel->name};

	snprintf(error.text, sizeof error.text, "%s", words);
	talk_error(client, id, &error);
}

bool
talk_follow(Client *client, const NamedChannel *channel, const char *id, const char *error_id)
{
	const ClientServices *with = &client->clients->with;
	Buf text = {0};

	if (!scope_allows_channel(client->session->scope, &channel->channel))
	{
		metrics_add(METRIC_DENIALS, 1);
		refuse_channel(client, channel, error_id, ERROR_FORBIDDEN, "the channel is outside of your scope");
		return false;
	}
	switch (hub_subscribe(with->hub, client->session, &channel->channel))
	{
		case HUB_DONE:
			protocol_append_subscribed(&text, channel->name, talk_position(client), id);
			talk_send(client, &text, false);
			present_follow(client, &channel->channel);
			return true;
		case HUB_FULL:
			refuse_channel(client, channel, error_id, ERROR_OVERLOADED, "too many channels");
			return false;
		default:
			session_close(client->session, REASON_INTERNAL);
			return false;
	}
}

static void
handle_subscribe(Client *client, Message *message)
{
	const ClientServices *with = &client->clients->with;
	bool wants_snapshot = message->wants_snapshot && client->session->dialect == DIALECT_ONE;

	for (size_t i = 0; i < message->channel_count; i++)
	{
		const NamedChannel *channel = &message->channels[i];

		if (!talk_follow(client, channel, message->id, message->id) || !wants_snapshot)
			continue;
		if (!replay_begin(with->replays, client->session) ||
			!replay_add_snapshot(client->session, &channel->channel, channel->name))
			session_close(client->session, REASON_INTERNAL);
	}
	replay_pump(with->replays, client->session);
}

static void
handle_unsubscribe(Client *client, Message *message)
{
	Buf text = {0};

	hub_unsubscribe(client->clients->with.hub, client->session, &message->channels[0].channel);
	present_unfollow(client, &message->channels[0].channel);
	protocol_append_unsubscribed(&text, message->channels[0].name, message->id);
	talk_send(client, &text, false);
}

static void
handle_ping(Client *client, Message *message)
{
	Buf text = {0};

	protocol_append_pong(&text, clock_wall_us() / 1000, talk_position(client), message->id);
	talk_send(client, &text, false);
}

static void
send_welcome(Client *client, const Message *message, bool is_recovered)
{
	const Config *config = client->clients->with.config;
	unsigned char random[16] = {0};
	Buf text = {0};
	Welcome welcome = {
		.connection_id = client->connection_id,
		.server_time_ms = clock_wall_us() / 1000,
		.ping_interval_ms = config->ping_interval_ms,
		.max_message_size = config->max_message_size,
		.max_channels = config->max_channels,
		.max_batch = config->max_batch,
		.operations_per_second = config->operations_per_second,
		.max_presence = config->max_presence,
		.messages_per_second = config->messages_per_second,
		.max_rate = config->max_rate,
		.reconnect_window_ms = config->reconnect_window_ms,
		.scope = client->session->scope,
		.is_recovered = is_recovered,
		.position = talk_position(client),
	};

	if (getrandom(random, sizeof random, 0) != sizeof random)
		session_close(client->session, REASON_INTERNAL);
	for (size_t i = 0; i < sizeof random; i++)
		sprintf(client->connection_id + 2 * i, "%02x", random[i]);
	protocol_append_welcome(&text, &welcome, message->id);
	talk_send(client, &text, true);
}

/* What the first channels are and from where on they are heard. */
static void
start_channels(Client *client, const Message *message)
{
	static NamedChannel global = {.name = "global"};
	const NamedChannel *channels = message->has_channels ? message->channels : &global;
	size_t count = message->has_channels ? message->channel_count : 1;

	for (size_t i = 0; i < count; i++)
		if (talk_follow(client, &channels[i], "", "") && message->wants_snapshot && !*message->since &&
			!replay_add_snapshot(client->session, &channels[i].channel, channels[i].name))
			session_close(client->session, REASON_INTERNAL);
}

static void
handle_hello(Client *client, const Message *message)
{
	const ClientServices *with = &client->clients->with;
	Session *session = client->session;
	uint64_t ignored;
	bool is_recovered;

	client->has_said_hello = true;
	session->dialect = DIALECT_ONE;
	session->accepts_batch = message->accepts_batch;
	client_set_rate(client, message->max_rate);
	hub_unsubscribe_all(with->hub, session);
	replay_end(session);
	if (!replay_begin(with->replays, session))
	{
		session_close(session, REASON_INTERNAL);
		return;
	}
	is_recovered = *message->since && stream_find(with->stream, message->since, &ignored);
	if (*message->since)
	{
		metrics_add(is_recovered ? METRIC_RESUMES_RECOVERED : METRIC_RESUMES_OTHER, 1);
		replay_seek(session, message->since);
	}
	send_welcome(client, message, is_recovered);
	start_channels(client, message);
	client_tell_stale(client);
	replay_pump(with->replays, session);
}

/* A hello may say that it is somebody else's, who is then let in first. */
static void
begin_hello(Client *client, const Message *message, const char *bytes, size_t size)
{
	Token token = {0};

	if (client->has_said_hello)
	{
		talk_refuse(client, message->id, ERROR_BAD_REQUEST, "hello was said before");
		return;
	}
	if (message->token)
	{
		if (!read_hello_token(client, message, &token))
			return;
		if (strcmp(token.claims, client->claims) != 0)
		{
			client_leave(client);
			if (client_hold(client, bytes, size))
				client_enter(client, &token);
			token_clear(&token);
			return;
		}
		client_set_expiry(client, &token);
		token_clear(&token);
	}
	handle_hello(client, message);
}

/* auth: a new token for the same somebody */

void
talk_end_refresh(Client *client)
{
	const ClientServices *with = &client->clients->with;

	access_forget(with->access, client->next_identity, client);
	access_leave(with->access, client->next_identity);
	client->next_identity = NULL;
	token_clear(&client->next_token);
}

static void
send_ack(Client *client)
{
	Buf text = {0};

	protocol_append_ack(&text, client->expires_at_ms, client->next_id);
	talk_send(client, &text, false);
}

/* Other rights than before are a new connection. */
static void
handle_refreshed(void *line, AccessVerdict verdict, Scope *scope)
{
	Client *client = line;

	/* a client that is asked about anew has nothing to compare with */
	if (verdict == ACCESS_UNAVAILABLE || !client->session->scope)
		talk_refuse(client, client->next_id, ERROR_UNAVAILABLE, "the database cannot be asked now");
	else if (verdict == ACCESS_DENIED || !scope_is_equal(scope, client->session->scope))
		session_close(client->session, REASON_ACCESS_CHANGED);
	else
	{
		Identity *old = client->identity;
		char *claims = strdup(client->next_token.claims);

		client->identity = client->next_identity;
		client->next_identity = old;
		free(client->claims);
		client->claims = claims;
		client_set_expiry(client, &client->next_token);
		if (claims)
			send_ack(client);
		else
			session_close(client->session, REASON_INTERNAL);
	}
	talk_end_refresh(client);
}

static void
handle_auth(Client *client, Message *message)
{
	const ClientServices *with = &client->clients->with;
	Token token;
	TokenVerdict verdict = auth_verify(with->auth, message->token, &token);

	if (verdict != TOKEN_GOOD)
		talk_refuse(client, message->id, verdict == TOKEN_EXPIRED ? ERROR_TOKEN_EXPIRED : ERROR_UNAUTHORIZED,
					token_verdict_word(verdict));
	else if (strcmp(token.subject, client->session->subject) != 0 ||
			 strcmp(token.organization, client->session->organization) != 0)
		talk_refuse(client, message->id, ERROR_FORBIDDEN, "the token is somebody else's");
	else if (client->next_identity)
		talk_refuse(client, message->id, ERROR_OVERLOADED, "another token is being looked at");
	else
	{
		client->next_token = token;
		strcpy(client->next_id, message->id);
		client->next_identity = access_enter(with->access, token.organization, token.subject, token.claims);
		if (client->next_identity)
			access_ask(with->access, client->next_identity, handle_refreshed, client);
		else
			session_close(client->session, REASON_INTERNAL);
		return;
	}
	token_clear(&token);
}

/* Operations: the answer comes when the database has committed */

typedef struct Receipt
{
	ListNode in_client;
	Client *client; /* NULL when it has gone */
	char id[MESSAGE_ID_SIZE + 1];
} Receipt;

void
talk_end_receipts(Client *client)
{
	ListNode *node;

	while ((node = list_take_first(&client->receipts)))
		list_object(node, Receipt, in_client)->client = NULL;
}

static void
send_verdict(Client *client, const char *id, const Operation *operation, const Verdict *verdict)
{
	Buf text = {0};
	Buf part = {0};

	if (verdict->is_done && change_append_result(&part, operation->verb, verdict->result ? verdict->result : ""))
		protocol_append_result(&text, &part, verdict->is_replayed, id);
	else if (verdict->is_done)
		protocol_append_refusal(&text, id, ERROR_INTERNAL, "the result cannot be read", 0, &part);
	else
	{
		metrics_add(METRIC_ERRORS_SENT, 1);
		verdict_append_details(&part, verdict);
		protocol_append_refusal(&text, id, verdict->code, verdict->message, verdict->retry_after_ms, &part);
	}
	text.failed = text.failed || part.failed;
	buf_free(&part);
	talk_send(client, &text, false);
}

static void
handle_verdict(void *line, const Operation *operation, const Verdict *verdict)
{
	Receipt *receipt = line;

	list_remove(&receipt->in_client);
	if (receipt->client)
		send_verdict(receipt->client, receipt->id, operation, verdict);
	free(receipt);
}

static void
handle_operation(Client *client, Message *message)
{
	Receipt *receipt = calloc(1, sizeof *receipt);

	if (!receipt)
	{
		session_close(client->session, REASON_INTERNAL);
		return;
	}
	receipt->client = client;
	strcpy(receipt->id, message->id);
	list_append(&client->receipts, &receipt->in_client);
	writer_submit(client->clients->with.writer, client->identity, &message->operation, handle_verdict, receipt);
}

static void (*const message_handlers[MESSAGE_TYPE_COUNT])(Client *, Message *) = {
	[MESSAGE_SUBSCRIBE] = handle_subscribe,
	[MESSAGE_UNSUBSCRIBE] = handle_unsubscribe,
	[MESSAGE_PING] = handle_ping,
	[MESSAGE_AUTH] = handle_auth,
	[MESSAGE_OPERATION] = handle_operation,
	[MESSAGE_PRESENCE_TRACK] = present_track,
	[MESSAGE_PRESENCE_UPDATE] = present_track,
	[MESSAGE_PRESENCE_LEAVE] = present_leave,
};

static void
handle_batch(Client *client, Message *message)
{
	if ((int64_t) message->entry_count > client->clients->with.config->max_batch)
	{
		talk_refuse(client, message->id, ERROR_TOO_LARGE, "too many messages in one batch");
		return;
	}
	for (size_t i = 0; i < message->entry_count && client->session->state == SESSION_OPEN; i++)
	{
		MessageEntry *entry = &message->entries[i];

		if (entry->is_fine)
			message_handlers[entry->message.type](client, &entry->message);
		else
			talk_error(client, entry->message.id, &entry->error);
	}
}

static void
refuse_rate(Client *client, const Message *message, int64_t retry_after_ms)
{
	ProtocolError error = {.code = ERROR_RATE_LIMITED, .text = "too many messages", .retry_after_ms = retry_after_ms};

	metrics_add(METRIC_MESSAGES_RATE_LIMITED, 1);
	if (message->type == MESSAGE_SUBSCRIBE && message->channel_count == 1)
		error.channel = message->channels[0].name;
	talk_error(client, message->id, &error);
}

void
talk_refuse_rate(Client *client, const char *bytes, size_t size, int64_t retry_after_ms)
{
	Message message;
	ProtocolError ignored;

	protocol_parse(bytes, size, &message, &ignored);
	refuse_rate(client, &message, retry_after_ms);
	message_clear(&message);
}

/* A batch counts as one message and one more for every ten in it; operations are counted for their user. */
static bool
admit(Client *client, const Message *message, bool is_operation)
{
	int64_t retry_after_ms;

	if (is_operation || session_admit_many(client->session, 1 + (unsigned) message->entry_count / 10, clock_monotonic_ms(),
										   &retry_after_ms))
		return true;
	refuse_rate(client, message, retry_after_ms);
	return false;
}

void
talk_message(Client *client, const char *bytes, size_t size, bool is_counted)
{
	Message message;
	ProtocolError error;
	bool is_fine = protocol_parse(bytes, size, &message, &error);

	if (!is_counted && !admit(client, &message, is_fine && message.type == MESSAGE_OPERATION))
	{
		message_clear(&message);
		return;
	}
	if (!is_fine)
		talk_error(client, message.id, &error);
	else if (message.type == MESSAGE_HELLO)
		begin_hello(client, &message, bytes, size);
	else if (message.type == MESSAGE_BATCH)
		handle_batch(client, &message);
	else
		message_handlers[message.type](client, &message);
	message_clear(&message);
}
