/*
 * client.c
 *	  A WebSocket client: from its opening to its end.
 */
#include "client.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "present.h"
#include "talk.h"

/* Bytes of messages that wait while the database is asked. */
#define PENDING_MAX_SIZE 65536

/* A client is told so long before its token ends. */
#define EXPIRY_WARNING_MS 60000

/* How often those are looked after that asked for fewer frames. */
#define PACE_MS 10

static void handle_pace(void *owner);

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
	list_init(&clients->early);
	clients->stale_since_ms = clock_wall_us() / 1000;
	clients->pacer = loop_timer_new(services->loop, handle_pace, clients);
	clients->users = quotas_new();
	if (clients->pacer && clients->users)
		return clients;
	clients_end(clients);
	clients_free(clients);
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
	if (!clients)
		return;
	quotas_free(clients->users);
	free(clients);
}

unsigned
clients_awaiting_count(const Clients *clients)
{
	return clients->awaiting_count;
}

void
clients_count_protocols(const Clients *clients, unsigned *plain_count, unsigned *one_count)
{
	*plain_count = *one_count = 0;
	for (ListNode *node = list_first(&clients->list); node; node = list_next(&clients->list, node))
		++*(list_object(node, Client, in_clients)->has_said_hello ? one_count : plain_count);
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

void
client_set_expiry(Client *client, const Token *token)
{
	client->expires_at_ms = token->expires_at_s * 1000;
	client->key_number = token->key_number;
	client->is_warned = false;
}

bool
client_hold(Client *client, const char *bytes, size_t size)
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
			talk_message(client, pending.bytes + at, size, true);
		else
			client_hold(client, pending.bytes + at, size);
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
send_presence(void *owner, const char *name)
{
	Client *client = owner;
	Channel channel;

	if (channel_parse(&channel, name))
		present_follow(client, &channel);
}

/* It may still see what it saw, and is sent it anew. */
static void
resync(Client *client)
{
	client->is_resyncing = false;
	replay_resync(client->clients->with.replays, client->session);
	hub_each_channel(client->session, send_presence, client);
}

static void
let_in(Client *client)
{
	if (client->is_resyncing)
		resync(client);
	set_phase(client, CLIENT_READY);
	if (!client->has_said_hello)
		follow_global(client);
	handle_pending(client);
	replay_pump(client->clients->with.replays, client->session);
}

static void
handle_scope(void *line, AccessVerdict verdict, Scope *scope)
{
	Client *client = line;

	if (client->session->state != SESSION_OPEN)
		return;
	if (verdict == ACCESS_UNAVAILABLE && client->is_resyncing)
	{
		list_append(&client->clients->early, &client->in_early);
		return;
	}
	if (verdict != ACCESS_GRANTED)
	{
		metrics_add(METRIC_DENIALS, verdict == ACCESS_DENIED);
		session_close(client->session, verdict == ACCESS_DENIED ? REASON_FORBIDDEN : REASON_UNAVAILABLE);
		return;
	}
	session_set_scope(client->session, scope);
	if (*stream_position(client->clients->with.stream))
		let_in(client);
	else
		list_append(&client->clients->early, &client->in_early);
}

static void
ask_scope(Client *client)
{
	session_set_scope(client->session, NULL);
	access_ask(client->clients->with.access, client->identity, handle_scope, client);
}

/* What was answered before the log was read may have changed before, too.  Who cannot be asked about comes again. */
void
clients_advance(Clients *clients)
{
	List early;
	ListNode *node;

	list_init(&early);
	while ((node = list_take_first(&clients->early)))
		list_append(&early, node);
	while ((node = list_take_first(&early)))
	{
		Client *client = list_object(node, Client, in_early);

		if (client->session->state == SESSION_OPEN)
			ask_scope(client);
	}
}

/* It stands somewhere while it waits, or it would be taken for live.  The plain dialect knows no resync. */
static void
begin_resync(Client *client)
{
	Session *session = client->session;

	if (session->dialect == DIALECT_PLAIN)
		session_close(session, REASON_STALE);
	else if (!replay_begin(client->clients->with.replays, session))
		session_close(session, REASON_INTERNAL);
	else if (client->phase == CLIENT_READY)
	{
		client->is_resyncing = true;
		set_phase(client, CLIENT_ASKING);
		ask_scope(client);
	}
}

void
clients_resync(Clients *clients)
{
	for (ListNode *node = list_first(&clients->list); node; node = list_next(&clients->list, node))
	{
		Client *client = list_object(node, Client, in_clients);

		if (client->session->state == SESSION_OPEN)
			begin_resync(client);
	}
}

/*
 * Counts the client for its user, which a stolen token must not let have them
 * all.  A token has an end; who came without one is nobody in particular.
 */
static bool
count_user(Client *client, const Token *token)
{
	Clients *clients = client->clients;
	Buf key = {0};
	Quota *quota = NULL;

	if (!token->expires_at_s)
		return true;
	buf_printf(&key, "%s\n%s", token->organization, token->subject);
	if (!key.failed)
		quota = quotas_find(clients->users, key.bytes, key.size, clock_monotonic_ms());
	buf_free(&key);
	if (quota && quota->held_count < (unsigned) clients->with.config->max_connections_per_user)
	{
		quota->held_count++;
		client->quota = quota;
		return true;
	}
	metrics_add(METRIC_REFUSED_USER, quota != NULL);
	if (quota)
		log_gated(&clients->crowd_gate, "session %llu from %s closed: \"%s\" has %u (max-connections-per-user)",
				  (unsigned long long) client->session->number, client->session->peer, token->subject, quota->held_count);
	session_close(client->session, quota ? REASON_CROWDED : REASON_INTERNAL);
	return false;
}

void
client_enter(Client *client, const Token *token)
{
	const ClientServices *with = &client->clients->with;

	if (!count_user(client, token))
		return;

	set_phase(client, CLIENT_ASKING);
	client_set_expiry(client, token);
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

void
client_leave(Client *client)
{
	const ClientServices *with = &client->clients->with;

	access_forget(with->access, client->identity, client);
	access_leave(with->access, client->identity);
	client->identity = NULL;
	if (client->quota)
		client->quota->held_count--;
	client->quota = NULL;
	talk_end_refresh(client);
	list_remove(&client->in_early);
	history_forget(with->history, client->session);
	replay_end(client->session);
	hub_unsubscribe_all(with->hub, client->session);
	session_set_scope(client->session, NULL);
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
	list_init(&client->receipts);
	client->phase = CLIENT_ASKING;
	client->opened_at_ms = clock_monotonic_ms();
	client_set_rate(client, 0);
	attendances_init(&client->attendances);
	list_append(&clients->list, &client->in_clients);
	hub_add(clients->with.hub, client->session);
	metrics_add(METRIC_SESSIONS_OPENED, 1);
	log_debug("session %llu opened from %s", (unsigned long long) client->session->number, peer);
	if (take_visitor->awaits_hello)
		set_phase(client, CLIENT_AWAITING_HELLO);
	else
		client_enter(client, &take_visitor->token);
	visitor_free(take_visitor);
	return client;
}

void
client_message(void *owner, const char *bytes, size_t size)
{
	Client *client = owner;
	int64_t retry_after_ms;

	metrics_add(METRIC_MESSAGES_RECEIVED, 1);
	if (client->session->state != SESSION_OPEN)
		return;
	if (client->phase == CLIENT_READY)
		talk_message(client, bytes, size, false);
	else if (!session_admit(client->session, clock_monotonic_ms(), &retry_after_ms))
		talk_refuse_rate(client, bytes, size, retry_after_ms);
	else if (client->phase == CLIENT_AWAITING_HELLO)
		talk_first(client, bytes, size);
	else
		client_hold(client, bytes, size);
}

void
client_refused(void *owner, Reason reason)
{
	Client *client = owner;

	talk_refuse(client, "", reason == REASON_TOO_LARGE ? ERROR_TOO_LARGE : ERROR_BAD_REQUEST, reason_text(reason));
	session_close(client->session, reason);
}

void
client_set_rate(Client *client, int64_t max_rate)
{
	int64_t bound = client->clients->with.config->max_rate;

	if (!max_rate || (bound && bound < max_rate))
		max_rate = bound;
	client->session->always_conflates = max_rate > 0;
	client->frame_interval_ms = max_rate ? 1000 / max_rate : 0;
}

/* Whether the client's next frame is to come later. */
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
	int64_t now_us = clock_wall_us();

	metrics_add(METRIC_FRAMES_SENT, 1);
	metrics_add(METRIC_BYTES_SENT, (double) session->outgoing->size);
	for (size_t i = 0; i < session->outgoing_count; i++)
	{
		const Event *event = queue_entry(&session->queue, i)->event;

		if (event)
			metrics_observe_delivery(now_us - event->created_at_us);
	}
	if (session->accepts_batch && queue_entry(&session->queue, 0)->event)
		metrics_observe_batch(session->outgoing_count);
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
	presence_gone(clients->with.presence, &client->attendances);
	client_leave(client);
	talk_end_receipts(client);
	hub_remove(clients->with.hub, client->session);
	session_free(client->session);
	if (client->phase == CLIENT_AWAITING_HELLO)
		clients->awaiting_count--;
	list_remove(&client->in_clients);
	list_remove(&client->in_paced);
	buf_free(&client->pending);
	free(client->claims);
	free(client);
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

static void
append_stale(Buf *text, const Clients *clients)
{
	buf_printf(text, "{\"type\":\"stale\",\"since\":%lld}", (long long) clients->stale_since_ms);
}

void
client_tell_stale(Client *client)
{
	Buf text = {0};

	if (!client->clients->stale_since_ms)
		return;
	append_stale(&text, client->clients);
	talk_send(client, &text, false);
}

/* fresh tells each its own position, which one that is behind has yet to leave. */
void
clients_tell_fresh(Clients *clients, bool is_fresh)
{
	Buf text = {0};

	clients->stale_since_ms = is_fresh ? 0 : clock_wall_us() / 1000;
	if (!is_fresh)
	{
		append_stale(&text, clients);
		tell_all(clients, &text);
		return;
	}
	for (ListNode *node = list_first(&clients->list); node; node = list_next(&clients->list, node))
	{
		Client *client = list_object(node, Client, in_clients);

		if (!client->has_said_hello)
			continue;
		buf_printf(&text, "{\"type\":\"fresh\",\"position\":\"%s\"}", talk_position(client));
		talk_send(client, &text, false);
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

	if (!auth_stands(client->clients->with.auth, client->key_number))
		session_close(client->session, REASON_TOKEN_EXPIRED);
	if (!client->expires_at_ms || left_ms > EXPIRY_WARNING_MS)
		return;
	if (left_ms <= 0)
		session_close(client->session, REASON_TOKEN_EXPIRED);
	else if (client->has_said_hello && !client->is_warned)
	{
		client->is_warned = true;
		buf_printf(&text, "{\"type\":\"token_expiring\",\"inMs\":%lld}", (long long) left_ms);
		talk_send(client, &text, false);
	}
}

void
clients_tick(Clients *clients)
{
	int64_t wall_ms = clock_wall_us() / 1000;
	int64_t now_ms = clock_monotonic_ms();
	int64_t timeout_ms = clients->with.config->hello_timeout_ms;

	quotas_sweep(clients->users, now_ms);
	for (ListNode *node = list_first(&clients->list); node; node = list_next(&clients->list, node))
	{
		Client *client = list_object(node, Client, in_clients);

		if (client->phase == CLIENT_AWAITING_HELLO && client->session->state == SESSION_OPEN &&
			now_ms - client->opened_at_ms > timeout_ms)
		{
			metrics_add(METRIC_REFUSED_HELLO, 1);
			session_close(client->session, REASON_UNAUTHORIZED);
		}
		check_expiry(client, wall_ms);
	}
}
