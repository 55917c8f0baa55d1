/*
 * client.c
 *	  What a WebSocket client says, and what is done about it.
 *
 * One function a message.  A reply is queued behind the events it follows; the
 * position in it is therefore true when it arrives: all before it has been
 * sent.
 */
#include "client.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "protocol.h"

/* Bytes of messages that wait while the database is asked. */
#define PENDING_MAX_SIZE 65536

/* A client is told so long before its token ends. */
#define EXPIRY_WARNING_MS 60000

/* How often those are looked after that asked for fewer frames. */
#define PACE_MS 10

typedef enum ClientPhase
{
	CLIENT_AWAITING_HELLO,
	CLIENT_ASKING,
	CLIENT_READY
} ClientPhase;

struct Client
{
	ListNode in_clients;
	ListNode in_paced;
	Clients *clients;
	Session *session;
	ClientPhase phase;
	int64_t opened_at_ms;
	bool has_said_hello;

	Identity *identity;
	char *claims;
	int64_t expires_at_ms; /* of the token, wall clock; 0: never */
	bool is_warned;		   /* that it expires */

	/* A new token that the database is asked about. */
	Identity *next_identity;
	Token next_token;
	char next_id[MESSAGE_ID_SIZE + 1];

	Buf pending; /* messages, each with its size before it */
	int64_t frame_interval_ms;
	int64_t next_frame_ms;
};

struct Clients
{
	ClientServices with;
	List list;
	List paced;
	LoopTimer *pacer;
	unsigned awaiting_count;
	LogGate slow_gate;
};

static void handle_pace(void *owner);
static void dispatch(Client *client, const char *bytes, size_t size);

void
visitor_free(Visitor *visitor)
{
	if (!visitor)
		return;
	token_clear(&visitor->token);
	free(visitor);
}

Clients *
clients_new(const ClientServices *services)
{
	Clients *clients = calloc(1, sizeof *clients);

	if (!clients)
		return NULL;
	clients->with = *services;
	list_init(&clients->list);
	list_init(&clients->paced);
	clients->pacer = loop_timer_new(services->loop, handle_pace, clients);
	if (clients->pacer)
		return clients;
	free(clients);
	return NULL;
}

void
clients_end(Clients *clients)
{
	loop_timer_free(clients->pacer);
	clients->pacer = NULL;
}

void
clients_free(Clients *clients)
{
	free(clients);
}

unsigned
clients_awaiting_count(const Clients *clients)
{
	return clients->awaiting_count;
}

/* Replies */

static void
send_text(Client *client, Buf *text, bool is_barrier)
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

static void
send_error(Client *client, const char *id, const ProtocolError *error)
{
	Buf text = {0};

	metrics_add(METRIC_ERRORS_SENT, 1);
	protocol_append_error(&text, id, error);
	send_text(client, &text, false);
}

static void
send_refusal(Client *client, const char *id, ErrorCode code, const char *words)
{
	ProtocolError error = {.code = code};

	snprintf(error.text, sizeof error.text, "%s", words);
	send_error(client, id, &error);
}

/* Only protocol 1 speaks of positions. */
static const char *
position_to_tell(const Client *client)
{
	if (client->session->dialect == DIALECT_PLAIN)
		return NULL;
	return replay_position(client->clients->with.replays, client->session);
}

/* Letting in */

static void
set_phase(Client *client, ClientPhase phase)
{
	if (client->phase == CLIENT_AWAITING_HELLO)
		client->clients->awaiting_count--;
	client->phase = phase;
	if (phase == CLIENT_AWAITING_HELLO)
		client->clients->awaiting_count++;
}

static void
set_expiry(Client *client, const Token *token)
{
	client->expires_at_ms = token->expires_at_s * 1000;
	client->is_warned = false;
}

static bool
hold_message(Client *client, const char *bytes, size_t size)
{
	if (client->pending.size + size > PENDING_MAX_SIZE)
	{
		session_close(client->session, REASON_OVERLOADED);
		return false;
	}
	buf_append(&client->pending, &size, sizeof size);
	buf_append(&client->pending, bytes, size);
	if (client->pending.failed)
		session_close(client->session, REASON_INTERNAL);
	return !client->pending.failed;
}

/* A message may send the client back to asking: what is left then waits again. */
static void
handle_pending(Client *client)
{
	Buf pending = client->pending;
	size_t at = 0;

	client->pending = (Buf){0};
	while (at < pending.size && client->session->state == SESSION_OPEN)
	{
		size_t size;

		memcpy(&size, pending.bytes + at, sizeof size);
		at += sizeof size;
		if (client->phase == CLIENT_READY)
			dispatch(client, pending.bytes + at, size);
		else
			hold_message(client, pending.bytes + at, size);
		at += size;
	}
	buf_free(&pending);
}

static void
follow_global(Client *client)
{
	static const Channel global;

	if (hub_subscribe(client->clients->with.hub, client->session, &global) != HUB_DONE)
		session_close(client->session, REASON_INTERNAL);
}

static void
handle_scope(void *line, AccessVerdict verdict, Scope *scope)
{
	Client *client = line;

	if (client->session->state != SESSION_OPEN)
		return;
	if (verdict != ACCESS_GRANTED)
	{
		metrics_add(METRIC_DENIALS, verdict == ACCESS_DENIED);
		session_close(client->session, verdict == ACCESS_DENIED ? REASON_FORBIDDEN : REASON_UNAVAILABLE);
		return;
	}
	session_set_scope(client->session, scope);
	set_phase(client, CLIENT_READY);
	if (!client->has_said_hello)
		follow_global(client);
	handle_pending(client);
	replay_pump(client->clients->with.replays, client->session);
}

/* Registers the client as somebody, then asks what that one may see. */
static void
enter(Client *client, const Token *token)
{
	const ClientServices *with = &client->clients->with;

	set_phase(client, CLIENT_ASKING);
	set_expiry(client, token);
	free(client->claims);
	client->claims = strdup(token->claims);
	client->identity = access_enter(with->access, token->organization, token->subject, token->claims);
	if (!client->identity || !client->claims || !session_identify(client->session, token->organization, token->subject) ||
		!replay_begin(with->replays, client->session))
	{
		session_close(client->session, REASON_INTERNAL);
		return;
	}
	access_ask(with->access, client->identity, handle_scope, client);
}

static void
leave(Client *client)
{
	const ClientServices *with = &client->clients->with;

	access_forget(with->access, client->identity, client);
	access_leave(with->access, client->identity);
	client->identity = NULL;
	history_forget(with->history, client->session);
	replay_end(client->session);
	hub_unsubscribe_all(with->hub, client->session);
	session_set_scope(client->session, NULL);
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
	send_refusal(client, message->id, is_expired ? ERROR_TOKEN_EXPIRED : ERROR_UNAUTHORIZED,
				 message->token ? token_verdict_word(verdict) : "a token is needed");
	session_close(client->session, REASON_UNAUTHORIZED);
	return false;
}

/* The one message that is taken before it is known who speaks. */
static void
handle_first(Client *client, const char *bytes, size_t size)
{
	Message message;
	ProtocolError error;
	Token token = {0};

	if (!protocol_parse(bytes, size, &message, &error) || message.type != MESSAGE_HELLO)
	{
		send_refusal(client, message.id, ERROR_UNAUTHORIZED, "the first message must be hello");
		session_close(client->session, REASON_PROTOCOL);
	}
	else if (read_hello_token(client, &message, &token) && hold_message(client, bytes, size))
		enter(client, &token);
	token_clear(&token);
	message_clear(&message);
}

/* Messages: one function each */

/* Follows a channel and says so; false when an error was sent instead. */
static bool
follow(Client *client, const NamedChannel *channel, const char *id)
{
	const ClientServices *with = &client->clients->with;
	Buf text = {0};

	if (!scope_allows_channel(client->session->scope, &channel->channel))
	{
		metrics_add(METRIC_DENIALS, 1);
		send_refusal(client, id, ERROR_FORBIDDEN, "the channel is outside of your scope");
		return false;
	}
	switch (hub_subscribe(with->hub, client->session, &channel->channel))
	{
		case HUB_DONE:
			protocol_append_subscribed(&text, channel->name, position_to_tell(client), id);
			send_text(client, &text, false);
			return true;
		case HUB_FULL:
			send_refusal(client, id, ERROR_OVERLOADED, "too many channels");
			return false;
		default:
			session_close(client->session, REASON_INTERNAL);
			return false;
	}
}

static void
handle_subscribe(Client *client, const Message *message)
{
	const ClientServices *with = &client->clients->with;
	bool wants_snapshot = message->wants_snapshot && client->session->dialect == DIALECT_ONE;

	for (size_t i = 0; i < message->channel_count; i++)
	{
		const NamedChannel *channel = &message->channels[i];

		if (!follow(client, channel, message->id) || !wants_snapshot)
			continue;
		if (!replay_begin(with->replays, client->session) ||
			!replay_add_snapshot(client->session, &channel->channel, channel->name))
			session_close(client->session, REASON_INTERNAL);
	}
	replay_pump(with->replays, client->session);
}

static void
handle_unsubscribe(Client *client, const Message *message)
{
	Buf text = {0};

	hub_unsubscribe(client->clients->with.hub, client->session, &message->channels[0].channel);
	protocol_append_unsubscribed(&text, message->channels[0].name, message->id);
	send_text(client, &text, false);
}

static void
handle_ping(Client *client, const Message *message)
{
	Buf text = {0};

	protocol_append_pong(&text, clock_wall_us() / 1000, position_to_tell(client), message->id);
	send_text(client, &text, false);
}

static void
send_welcome(Client *client, const Message *message, bool is_recovered)
{
	const Config *config = client->clients->with.config;
	unsigned char random[16] = {0};
	char connection_id[2 * sizeof random + 1];
	Buf text = {0};
	Welcome welcome = {
		.connection_id = connection_id,
		.server_time_ms = clock_wall_us() / 1000,
		.ping_interval_ms = config->ping_interval_ms,
		.max_message_size = config->max_message_size,
		.max_channels = config->max_channels,
		.messages_per_second = config->messages_per_second,
		.reconnect_window_ms = config->reconnect_window_ms,
		.scope = client->session->scope,
		.is_recovered = is_recovered,
		.position = position_to_tell(client),
	};

	if (getrandom(random, sizeof random, 0) != sizeof random)
		session_close(client->session, REASON_INTERNAL);
	for (size_t i = 0; i < sizeof random; i++)
		sprintf(connection_id + 2 * i, "%02x", random[i]);
	protocol_append_welcome(&text, &welcome, message->id);
	send_text(client, &text, true);
}

/* What the first channels are and from where on they are heard. */
static void
start_channels(Client *client, const Message *message)
{
	static NamedChannel global = {.name = "global"};
	const NamedChannel *channels = message->has_channels ? message->channels : &global;
	size_t count = message->has_channels ? message->channel_count : 1;

	for (size_t i = 0; i < count; i++)
		if (follow(client, &channels[i], "") && message->wants_snapshot && !*message->since &&
			!replay_add_snapshot(client->session, &channels[i].channel, channels[i].name))
			session_close(client->session, REASON_INTERNAL);
}

static void
handle_hello(Client *client, const Message *message)
{
	const ClientServices *with = &client->clients->with;
	Session *session = client->session;
	uint64_t ignored;

	client->has_said_hello = true;
	session->dialect = DIALECT_ONE;
	session->accepts_batch = message->accepts_batch;
	session->always_conflates = message->max_rate > 0;
	client->frame_interval_ms = message->max_rate ? 1000 / message->max_rate : 0;
	hub_unsubscribe_all(with->hub, session);
	replay_end(session);
	if (!replay_begin(with->replays, session))
	{
		session_close(session, REASON_INTERNAL);
		return;
	}
	if (*message->since)
	{
		metrics_add(METRIC_RESUMES, 1);
		replay_seek(session, message->since);
	}
	send_welcome(client, message, *message->since && stream_find(with->stream, message->since, &ignored));
	start_channels(client, message);
	replay_pump(with->replays, session);
}

/* A hello may say that it is somebody else's, who is then let in first. */
static void
begin_hello(Client *client, const Message *message, const char *bytes, size_t size)
{
	Token token = {0};

	if (client->has_said_hello)
	{
		send_refusal(client, message->id, ERROR_BAD_REQUEST, "hello was said before");
		return;
	}
	if (message->token)
	{
		if (!read_hello_token(client, message, &token))
			return;
		if (strcmp(token.claims, client->claims) != 0)
		{
			leave(client);
			if (hold_message(client, bytes, size))
				enter(client, &token);
			token_clear(&token);
			return;
		}
		set_expiry(client, &token);
		token_clear(&token);
	}
	handle_hello(client, message);
}

/* auth: a new token for the same somebody */

static void
end_refresh(Client *client)
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
	send_text(client, &text, false);
}

/* Other rights than before are a new connection. */
static void
handle_refreshed(void *line, AccessVerdict verdict, Scope *scope)
{
	Client *client = line;

	if (verdict == ACCESS_UNAVAILABLE)
		send_refusal(client, client->next_id, ERROR_UNAVAILABLE, "the database cannot be asked now");
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
		set_expiry(client, &client->next_token);
		send_ack(client);
	}
	end_refresh(client);
}

static void
handle_auth(Client *client, const Message *message)
{
	const ClientServices *with = &client->clients->with;
	Token token;
	TokenVerdict verdict = auth_verify(with->auth, message->token, &token);

	if (verdict != TOKEN_GOOD)
		send_refusal(client, message->id, verdict == TOKEN_EXPIRED ? ERROR_TOKEN_EXPIRED : ERROR_UNAUTHORIZED,
					 token_verdict_word(verdict));
	else if (strcmp(token.subject, client->session->subject) != 0 ||
			 strcmp(token.organization, client->session->organization) != 0)
		send_refusal(client, message->id, ERROR_FORBIDDEN, "the token is somebody else's");
	else if (client->next_identity)
		send_refusal(client, message->id, ERROR_OVERLOADED, "another token is being looked at");
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

static void (*const message_handlers[MESSAGE_TYPE_COUNT])(Client *, const Message *) = {
	[MESSAGE_SUBSCRIBE] = handle_subscribe,
	[MESSAGE_UNSUBSCRIBE] = handle_unsubscribe,
	[MESSAGE_PING] = handle_ping,
	[MESSAGE_AUTH] = handle_auth,
};

static void
dispatch(Client *client, const char *bytes, size_t size)
{
	Message message;
	ProtocolError error;

	if (!protocol_parse(bytes, size, &message, &error))
		send_error(client, message.id, &error);
	else if (message.type == MESSAGE_HELLO)
		begin_hello(client, &message, bytes, size);
	else
		message_handlers[message.type](client, &message);
	message_clear(&message);
}

/* Handlers of the WebSocket */

static void
wake_line(void *line)
{
	ws_wake(line);
}

static void
close_line(void *line, Reason reason)
{
	ws_close(line, reason);
}

Client *
client_open(Clients *clients, Connection *connection, const char *peer, Visitor *take_visitor)
{
	SessionSink sink = {connection, wake_line, close_line};
	Client *client = calloc(1, sizeof *client);

	if (client)
		client->session = session_new(peer, clients->with.limits, sink);
	if (!client || !client->session)
	{
		free(client);
		visitor_free(take_visitor);
		return NULL;
	}
	client->clients = clients;
	client->phase = CLIENT_ASKING;
	client->opened_at_ms = clock_monotonic_ms();
	list_append(&clients->list, &client->in_clients);
	hub_add(clients->with.hub, client->session);
	metrics_add(METRIC_SESSIONS_OPENED, 1);
	log_debug("session %llu opened from %s", (unsigned long long) client->session->number, peer);
	if (take_visitor->awaits_hello)
		set_phase(client, CLIENT_AWAITING_HELLO);
	else
		enter(client, &take_visitor->token);
	visitor_free(take_visitor);
	return client;
}

void
client_message(void *owner, const char *bytes, size_t size)
{
	Client *client = owner;
	ProtocolError error = {.code = ERROR_RATE_LIMITED, .text = "too many messages"};

	metrics_add(METRIC_MESSAGES_RECEIVED, 1);
	if (client->session->state != SESSION_OPEN)
		return;
	if (!session_admit(client->session, clock_monotonic_ms(), &error.retry_after_ms))
	{
		metrics_add(METRIC_MESSAGES_RATE_LIMITED, 1);
		send_error(client, "", &error);
	}
	else if (client->phase == CLIENT_AWAITING_HELLO)
		handle_first(client, bytes, size);
	else if (client->phase == CLIENT_ASKING)
		hold_message(client, bytes, size);
	else
		dispatch(client, bytes, size);
}

void
client_refused(void *owner, Reason reason)
{
	Client *client = owner;

	send_refusal(client, "", reason == REASON_TOO_LARGE ? ERROR_TOO_LARGE : ERROR_BAD_REQUEST, reason_text(reason));
	session_close(client->session, reason);
}

/* Whether the client has asked for its next frame to come later. */
static bool
is_too_early(Client *client)
{
	if (!client->frame_interval_ms || client->session->state != SESSION_OPEN ||
		clock_monotonic_ms() >= client->next_frame_ms)
		return false;
	if (!list_is_linked(&client->in_paced))
		list_append(&client->clients->paced, &client->in_paced);
	if (client->clients->pacer && !loop_timer_is_started(client->clients->pacer))
		loop_timer_start(client->clients->pacer, PACE_MS);
	return true;
}

static void
handle_pace(void *owner)
{
	Clients *clients = owner;
	int64_t now = clock_monotonic_ms();
	ListNode *next;

	for (ListNode *node = list_first(&clients->paced); node; node = next)
	{
		Client *client = list_object(node, Client, in_paced);

		next = list_next(&clients->paced, node);
		if (now < client->next_frame_ms)
			continue;
		list_remove(node);
		client->session->sink.wake(client->session->sink.line);
	}
	if (!list_is_empty(&clients->paced))
		loop_timer_start(clients->pacer, PACE_MS);
}

Frame *
client_room(void *owner)
{
	Client *client = owner;

	return is_too_early(client) ? NULL : session_next(client->session);
}

bool
client_has_more(void *owner)
{
	Client *client = owner;

	return session_has_output(client->session) && !is_too_early(client);
}

void
client_written(void *owner)
{
	Client *client = owner;
	Session *session = client->session;

	metrics_add(METRIC_FRAMES_SENT, 1);
	metrics_add(METRIC_BYTES_SENT, (double) session->outgoing->size);
	for (size_t i = 0; i < session->outgoing_count; i++)
	{
		const Event *event = queue_entry(&session->queue, i)->event;

		if (event)
			metrics_observe_delivery(clock_wall_us() - event->created_at_us);
	}
	session_pop(session);
	if (client->frame_interval_ms)
		client->next_frame_ms = clock_monotonic_ms() + client->frame_interval_ms;
	replay_pump(client->clients->with.replays, session);
}

static void
count_end(Client *client)
{
	const Session *session = client->session;

	metrics_count_close(reason_code(session->reason));
	metrics_add(METRIC_EVENTS_CONFLATED, (double) session->conflated_count);
	if (session->reason == REASON_SLOW_READER)
		log_gated(&client->clients->slow_gate, "session %llu from %s closed: slow reader (queued %zu bytes)",
				  (unsigned long long) session->number, session->peer, session->queue_size);
	log_debug("session %llu closed: %s", (unsigned long long) session->number, reason_text(session->reason));
}

void
client_close(void *owner)
{
	Client *client = owner;
	Clients *clients = client->clients;

	count_end(client);
	leave(client);
	end_refresh(client);
	hub_remove(clients->with.hub, client->session);
	session_free(client->session);
	if (client->phase == CLIENT_AWAITING_HELLO)
		clients->awaiting_count--;
	list_remove(&client->in_clients);
	list_remove(&client->in_paced);
	buf_free(&client->pending);
	free(client->claims);
	free(client);
	clients->with.on_gone(clients->with.owner);
}

/* All of them */

static void
tell_all(Clients *clients, Buf *text)
{
	Frame *frame = text->failed ? NULL : frame_of(text->bytes, text->size);

	for (ListNode *node = list_first(&clients->list); node && frame; node = list_next(&clients->list, node))
	{
		Client *client = list_object(node, Client, in_clients);

		if (client->has_said_hello)
			session_send(client->session, frame);
	}
	frame_release(frame);
	buf_free(text);
}

/* fresh tells each its own position, which one that is behind has yet to leave. */
void
clients_tell_fresh(Clients *clients, bool is_fresh)
{
	Buf text = {0};

	if (!is_fresh)
	{
		buf_printf(&text, "{\"type\":\"stale\",\"since\":%lld}", (long long) (clock_wall_us() / 1000));
		tell_all(clients, &text);
		return;
	}
	for (ListNode *node = list_first(&clients->list); node; node = list_next(&clients->list, node))
	{
		Client *client = list_object(node, Client, in_clients);

		if (!client->has_said_hello)
			continue;
		buf_printf(&text, "{\"type\":\"fresh\",\"position\":\"%s\"}", position_to_tell(client));
		send_text(client, &text, false);
	}
}

void
clients_tell_drain(Clients *clients)
{
	Buf text = {0};

	buf_printf(&text, "{\"type\":\"drain\",\"reconnectWindowMs\":%lld}",
			   (long long) clients->with.config->reconnect_window_ms);
	tell_all(clients, &text);
}

static void
check_expiry(Client *client, int64_t now_ms)
{
	int64_t left_ms = client->expires_at_ms - now_ms;
	Buf text = {0};

	if (!client->expires_at_ms || left_ms > EXPIRY_WARNING_MS)
		return;
	if (left_ms <= 0)
		session_close(client->session, REASON_TOKEN_EXPIRED);
	else if (client->has_said_hello && !client->is_warned)
	{
		client->is_warned = true;
		buf_printf(&text, "{\"type\":\"token_expiring\",\"inMs\":%lld}", (long long) left_ms);
		send_text(client, &text, false);
	}
}

void
clients_tick(Clients *clients)
{
	int64_t wall_ms = clock_wall_us() / 1000;
	int64_t now_ms = clock_monotonic_ms();
	int64_t timeout_ms = clients->with.config->hello_timeout_ms;

	for (ListNode *node = list_first(&clients->list); node; node = list_next(&clients->list, node))
	{
		Client *client = list_object(node, Client, in_clients);

		if (client->phase == CLIENT_AWAITING_HELLO && now_ms - client->opened_at_ms > timeout_ms)
			session_close(client->session, REASON_UNAUTHORIZED);
		check_expiry(client, wall_ms);
	}
}
