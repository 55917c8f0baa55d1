/*
 * relay.c
 *	  The daemon: events come in from the database and go out to sessions.
 *
 * Here the parts meet that do not know each other: the feed (database) hands
 * up events, the hub finds who follows them, the sessions queue frames, the
 * transport (ws.c) writes them; client messages go the other way, to one
 * function each.
 *
 * The relay stores nothing.  What it has not sent when it ends is still in the
 * database's log, and clients that come back read it from there.
 */
#include "relay.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "answer.h"
#include "clock.h"
#include "feed.h"
#include "hub.h"
#include "inventory.h"
#include "log.h"
#include "loop.h"
#include "metrics.h"
#include "protocol.h"
#include "session.h"
#include "site.h"
#include "stream.h"
#include "ws.h"

struct Relay
{
	Config *config;
	int argc;
	char *const *argv;
	Loop *loop;
	Ws *ws;
	Hub *hub;
	Stream *stream;
	Feed *feed;
	Inventory *inventory;
	Site *site;
	AnswerSources sources;

	/* Read anew from the configuration on reload; the parts hold pointers to them. */
	SessionLimits limits;
	FeedPace pace;
	size_t queued_size; /* by all sessions */
	Scope *scope;		/* of every client */

	LoopTimer *drain_deadline;
	bool is_draining;
	LogGate slow_gate;
};

/* A session and the relay it belongs to, since handlers get one pointer. */
typedef struct Client
{
	Relay *relay;
	Session *session;
} Client;

/* Replies */

static void
send_text(Client *client, const Buf *text)
{
	Frame *frame = text->failed ? NULL : frame_of(text->bytes, text->size);

	if (!frame)
		session_close(client->session, REASON_INTERNAL);
	else
		session_send(client->session, frame);
	frame_release(frame);
}

static void
send_error(Client *client, const char *id, const ProtocolError *error)
{
	Buf text = {0};

	metrics_add(METRIC_ERRORS_SENT, 1);
	protocol_append_error(&text, id, error);
	send_text(client, &text);
	buf_free(&text);
}

/* Messages: one function each */

static void
handle_subscribe(Client *client, const Message *message)
{
	ProtocolError error = {.code = ERROR_OVERLOADED, .text = "too many channels"};
	Buf text = {0};

	switch (hub_subscribe(client->relay->hub, client->session, &message->channel))
	{
		case HUB_DONE:
			protocol_append_subscribed(&text, message);
			send_text(client, &text);
			buf_free(&text);
			break;
		case HUB_FULL:
			send_error(client, message->id, &error);
			break;
		case HUB_FAILED:
			session_close(client->session, REASON_INTERNAL);
			break;
	}
}

static void
handle_unsubscribe(Client *client, const Message *message)
{
	Buf text = {0};

	hub_unsubscribe(client->relay->hub, client->session, &message->channel);
	protocol_append_unsubscribed(&text, message);
	send_text(client, &text);
	buf_free(&text);
}

static void
handle_ping(Client *client, const Message *message)
{
	Buf text = {0};

	protocol_append_pong(&text, message, clock_wall_us() / 1000);
	send_text(client, &text);
	buf_free(&text);
}

static void (*const message_handlers[MESSAGE_TYPE_COUNT])(Client *, const Message *) = {
	[MESSAGE_SUBSCRIBE] = handle_subscribe,
	[MESSAGE_UNSUBSCRIBE] = handle_unsubscribe,
	[MESSAGE_PING] = handle_ping,
};

/* Sessions, as the transport reports them */

static bool
handle_upgrade(void *owner, const HttpRequest *request, HttpResponse *response)
{
	Relay *relay = owner;

	return answer_upgrade(&relay->sources, request, response);
}

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

static void *
handle_open(void *owner, Connection *connection, const char *peer)
{
	static const Channel global;
	Relay *relay = owner;
	SessionSink sink = {connection, wake_line, close_line};
	Client *client = calloc(1, sizeof *client);

	if (!client)
		return NULL;
	client->relay = relay;
	client->session = session_new(peer, &relay->limits, sink);
	if (!client->session || !session_identify(client->session, relay->config->organization, ""))
	{
		session_free(client->session);
		free(client);
		return NULL;
	}
	session_set_scope(client->session, relay->scope);
	hub_add(relay->hub, client->session);
	if (hub_subscribe(relay->hub, client->session, &global) != HUB_DONE)
		session_close(client->session, REASON_INTERNAL);
	metrics_add(METRIC_SESSIONS_OPENED, 1);
	log_debug("session %llu opened from %s", (unsigned long long) client->session->number, peer);
	return client;
}

static void
handle_message(void *owner, const char *bytes, size_t size)
{
	Client *client = owner;
	Message message;
	ProtocolError error = {.code = ERROR_RATE_LIMITED, .text = "too many messages"};

	metrics_add(METRIC_MESSAGES_RECEIVED, 1);
	if (!session_admit(client->session, clock_monotonic_ms(), &error.retry_after_ms))
	{
		metrics_add(METRIC_MESSAGES_RATE_LIMITED, 1);
		send_error(client, "", &error);
	}
	else if (!protocol_parse(bytes, size, &message, &error))
		send_error(client, message.id, &error);
	else
		message_handlers[message.type](client, &message);
}

static void
handle_refused(void *owner, Reason reason)
{
	Client *client = owner;
	ProtocolError error = {.code = reason == REASON_TOO_LARGE ? ERROR_TOO_LARGE : ERROR_BAD_REQUEST};

	strcpy(error.text, reason_text(reason));
	send_error(client, "", &error);
	session_close(client->session, reason);
}

static Frame *
handle_room(void *owner)
{
	Client *client = owner;

	return session_next(client->session);
}

static bool
handle_more(void *owner)
{
	Client *client = owner;

	return session_has_output(client->session);
}

static void
handle_written(void *owner)
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
}

static void
end_if_drained(Relay *relay)
{
	if (relay->is_draining && hub_session_count(relay->hub) == 0)
		loop_stop(relay->loop);
}

static void
handle_close(void *owner)
{
	Client *client = owner;
	Relay *relay = client->relay;
	Session *session = client->session;

	metrics_count_close(reason_code(session->reason));
	metrics_add(METRIC_EVENTS_CONFLATED, (double) session->conflated_count);
	if (session->reason == REASON_SLOW_READER)
		log_gated(&relay->slow_gate, "session %llu from %s closed: slow reader (queued %zu bytes)",
				  (unsigned long long) session->number, session->peer, session->queue_size);
	log_debug("session %llu closed: %s", (unsigned long long) session->number, reason_text(session->reason));
	hub_remove(relay->hub, session);
	session_free(session);
	free(client);
	end_if_drained(relay);
}

static void
handle_request(void *owner, Connection *connection, const HttpRequest *request)
{
	Relay *relay = owner;

	answer_request(&relay->sources, connection, request);
}

static void
handle_abandon(void *owner, void *kept)
{
	Relay *relay = owner;

	answer_abandon(&relay->sources, kept);
}

/* Events, as the feed hands them up */

static void
handle_event(void *owner, Event *event)
{
	Relay *relay = owner;

	if (!event_is_for_clients(event))
		return;
	metrics_add(METRIC_EVENTS_DELIVERED, (double) hub_publish(relay->hub, event));
	hub_relieve(relay->hub, &relay->queued_size, (size_t) relay->config->total_queue_size);
}

static void
handle_resync(void *owner)
{
	Relay *relay = owner;

	hub_close_all(relay->hub, REASON_STALE);
}

/* Starting */

static void
take_settings(Relay *relay)
{
	const Config *config = relay->config;

	relay->limits = (SessionLimits){
		.conflate_size = (size_t) config->conflate_size,
		.queue_size = (size_t) config->queue_size,
		.channel_count = (unsigned) config->max_channels,
		.messages_per_second = (unsigned) config->messages_per_second,
		.message_burst = (unsigned) config->message_burst,
		.total_size = &relay->queued_size,
	};
	relay->pace = (FeedPace){
		.poll_interval_ms = config->poll_interval_ms,
		.stale_after_ms = config->stale_after_ms,
		.read_batch = config->read_batch,
	};
}

static void
configure_log(const Config *config)
{
	static const char *const words[] = {"error", "warning", "info", "debug"};
	LogLevel level = LOG_ERROR;

	while (strcmp(words[level], config->log_level) != 0)
		level++;
	log_configure(level, strcmp(config->log_format, "json") == 0);
}

/* Without keys anybody who can connect is let in, so only this machine may. */
static bool
may_listen(const Address *address)
{
	if (address->is_loopback)
		return true;
	log_error("refusing to listen on %s: clients are not asked who they are, so only loopback addresses are served",
			  address->text);
	return false;
}

static bool
listen_on(Relay *relay, const char *text, bool is_admin)
{
	Address addresses[ADDRESS_MAX_COUNT];
	unsigned count = address_parse(addresses, text);
	unsigned listening = 0;

	for (unsigned i = 0; i < count; i++)
	{
		if (!may_listen(&addresses[i]))
			return false;
		if (ws_listen(relay->ws, &addresses[i], is_admin))
		{
			log_info("listening on %s for %s", addresses[i].text, is_admin ? "metrics" : "clients");
			listening++;
		}
		else if (!addresses[i].is_optional || (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT))
		{
			log_error("cannot listen on %s: %s", addresses[i].text, strerror(errno));
			return false;
		}
	}
	return listening > 0;
}

static bool
listen_on_all(Relay *relay)
{
	for (char **text = relay->config->listen; text && *text; text++)
		if (!listen_on(relay, *text, false))
			return false;
	for (char **text = relay->config->admin; text && *text; text++)
		if (!listen_on(relay, *text, true))
			return false;
	return true;
}

static bool
start_serving(Relay *relay)
{
	static const WsHandlers handlers = {
		.on_upgrade = handle_upgrade,
		.on_open = handle_open,
		.on_message = handle_message,
		.on_refused = handle_refused,
		.on_room = handle_room,
		.has_more = handle_more,
		.on_written = handle_written,
		.on_close = handle_close,
		.on_request = handle_request,
		.on_abandon = handle_abandon,
	};
	const Config *config = relay->config;
	WsOptions options = {
		.max_message_size = (size_t) config->max_message_size,
		.max_connections = (unsigned) config->max_connections,
		.ping_interval_s = (unsigned) (config->ping_interval_ms / 1000),
		.ping_timeout_s = (unsigned) (config->ping_timeout_ms / 1000),
	};

	relay->ws = ws_new(relay->loop, &options, &handlers, relay);
	return relay->ws && listen_on_all(relay);
}

static bool
start_following(Relay *relay)
{
	static const FeedHandlers handlers = {handle_event, handle_resync};
	const Config *config = relay->config;
	FeedOptions feed_options = {config->dsn, config->connect_timeout_ms, config->query_timeout_ms};
	InventoryOptions inventory_options = {config->dsn, config->organization, config->connect_timeout_ms,
										  config->query_timeout_ms};

	relay->feed = feed_new(relay->loop, &feed_options, &relay->pace, relay->stream, &handlers, relay);
	relay->inventory = inventory_new(relay->loop, &inventory_options);
	return relay->feed && relay->inventory;
}

static void
refresh_metrics(void *owner)
{
	Relay *relay = owner;

	metrics_set(METRIC_CONNECTIONS, ws_connection_count(relay->ws));
	metrics_set(METRIC_SESSIONS, (double) hub_session_count(relay->hub));
	metrics_set(METRIC_SUBSCRIPTIONS, (double) hub_subscription_count(relay->hub));
	metrics_set(METRIC_CHANNELS, (double) hub_channel_count(relay->hub));
	metrics_set(METRIC_RING_EVENTS, (double) stream_ring_count(relay->stream));
	metrics_set(METRIC_QUEUED_BYTES, (double) relay->queued_size);
	metrics_set(METRIC_RING_BYTES, (double) stream_ring_size(relay->stream));
}

/* Ending and reloading */

static void
stop_now(void *owner)
{
	Relay *relay = owner;

	log_warning("%zu sessions did not take their last messages", hub_session_count(relay->hub));
	loop_stop(relay->loop);
}

static void
begin_drain(Relay *relay)
{
	if (relay->is_draining)
		return;
	relay->is_draining = true;
	log_info("ending: closing %zu sessions", hub_session_count(relay->hub));
	ws_stop_listening(relay->ws);
	hub_close_all(relay->hub, REASON_DRAIN);
	loop_timer_start(relay->drain_deadline, relay->config->drain_timeout_ms);
	end_if_drained(relay);
}

static void
reload(Relay *relay)
{
	Buf text = {0};
	Config *fresh = config_load(relay->argc, relay->argv, NULL, &text);

	if (!fresh)
		log_error("the old configuration stays: %s", buf_text(&text));
	else
	{
		config_reload(relay->config, fresh, &text);
		take_settings(relay);
		configure_log(relay->config);
		site_free(relay->site);
		relay->site = site_new(relay->config->www);
		relay->sources.site = relay->site;
		log_info("configuration reloaded%s%s", text.size ? "; only a restart changes " : "", buf_text(&text));
	}
	buf_free(&text);
}

static void
handle_signal(void *owner, int signal_number)
{
	Relay *relay = owner;

	if (signal_number == SIGHUP)
		reload(relay);
	else
		begin_drain(relay);
}

static bool
start(Relay *relay)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	const Config *config = relay->config;

	relay->loop = loop_new(config->event_loop, (unsigned) config->max_open_files);
	relay->hub = hub_new();
	relay->stream = stream_new((size_t) config->ring_size);
	relay->site = site_new(config->www);
	relay->scope = scope_new(config->organization, "operator", "anonymous", NULL, NULL);
	if (!relay->loop || !relay->hub || !relay->stream || !relay->site || !relay->scope)
		return false;
	relay->drain_deadline = loop_timer_new(relay->loop, stop_now, relay);
	if (!relay->drain_deadline || !loop_watch_signals(relay->loop, signals, 3, handle_signal, relay))
		return false;
	if (!start_serving(relay) || !start_following(relay))
		return false;
	relay->sources = (AnswerSources){config, relay->site, relay->feed, relay->inventory, refresh_metrics, relay};
	return true;
}

Relay *
relay_new(Config *take_config, int argc, char *const *argv)
{
	Relay *relay = calloc(1, sizeof *relay);

	if (!relay)
	{
		config_free(take_config);
		return NULL;
	}
	relay->config = take_config;
	relay->argc = argc;
	relay->argv = argv;
	configure_log(take_config);
	take_settings(relay);
	if (start(relay))
		return relay;
	relay_free(relay);
	return NULL;
}

/* The loop goes while its sockets' owners are still there: it reports their end. */
void
relay_free(Relay *relay)
{
	if (!relay)
		return;
	relay->is_draining = false;
	feed_free(relay->feed);
	inventory_free(relay->inventory);
	relay->sources.inventory = NULL;
	if (relay->ws)
		ws_stop_listening(relay->ws);
	loop_timer_free(relay->drain_deadline);
	loop_free(relay->loop);
	ws_free(relay->ws);
	hub_free(relay->hub);
	scope_release(relay->scope);
	stream_free(relay->stream);
	site_free(relay->site);
	config_free(relay->config);
	free(relay);
}

void
relay_run(Relay *relay)
{
	loop_run(relay->loop);
	log_info("ended");
}
