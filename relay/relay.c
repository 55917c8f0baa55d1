/*
 * relay.c
 *	  The daemon: events come in from the database and go out to sessions.
 *
 * Here the parts meet that do not know each other: the feed (database) hands
 * up events, the hub finds who follows them, the sessions queue frames, the
 * transport (ws.c) writes them; client messages go the other way, to client.c.
 *
 * The relay stores nothing.  What it has not sent when it ends is still in the
 * database's log, and clients that come back read it from there.
 */
#include "relay.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "address.h"
#include "answer.h"
#include "auth.h"
#include "batch.h"
#include "check.h"
#include "client.h"
#include "clock.h"
#include "desk.h"
#include "drain.h"
#include "feed.h"
#include "gate.h"
#include "history.h"
#include "hub.h"
#include "inventory.h"
#include "log.h"
#include "loop.h"
#include "metrics.h"
#include "notify.h"
#include "presence.h"
#include "replay.h"
#include "roster.h"
#include "session.h"
#include "site.h"
#include "stream.h"
#include "tls.h"
#include "ws.h"

/* Deadlines of clients are looked at this often. */
#define TICK_MS 1000

/*
 * What is put into a queue at a time by who brings a client up to date: history
 * until a part of it is full, and then, at most, one page of items of another.
 */
#define CATCH_UP_PARTS 4
#define REPLAY_MAX_SIZE (256 * 1024)
#define SNAPSHOT_MAX_SIZE (1024 * 1024)

/* How long states are conflated after the relay could not send them all. */
#define LAG_SPELL_MS 1000

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
	Desk *rights_desk;
	Desk *pages_desk;
	Desk *presence_desk;
	Access *access;
	Inventory *inventory;
	Records *records;
	History *history;
	Writer *writer;
	Replays *replays;
	Roster *roster;
	Presence *presence;
	Auth *auth;
	Clients *clients;
	Site *site;
	Gate *gate;
	Tls *tls; /* NULL without */
	AnswerSources sources;

	/* Read anew from the configuration on reload; the parts hold pointers to them. */
	SessionLimits limits;
	FeedPace pace;
	HistoryPace history_pace;
	PresencePace presence_pace;
	GateLimits gate_limits;
	size_t queued_size; /* by all sessions */

	Drain *drain;
	LoopTimer *watchdog; /* NULL when nobody waits for a sign of life */
	LoopTimer *tick;
	int64_t rechecked_at_ms;
	bool is_fresh;
	int64_t watched_tick; /* of the stream, a second ago */
	int64_t lagged_at_ms; /* when there was more to send than can be; 0: never */
	bool has_begun;		  /* the log has been read once */
};

/* Sessions, as the transport reports them */

static bool
handle_upgrade(void *owner, const HttpRequest *request, HttpResponse *response, void **visitor)
{
	Relay *relay = owner;
	Visitor *accepted;
	bool is_accepted;

	if (drain_has_begun(relay->drain))
	{
		*response = http_reject(request, 503, "The relay is ending");
		return false;
	}
	is_accepted = answer_upgrade(&relay->sources, request, response, &accepted);
	*visitor = accepted;
	return is_accepted;
}

static void *
handle_open(void *owner, Connection *connection, const char *peer, void *take_visitor)
{
	Relay *relay = owner;

	return client_open(relay->clients, connection, peer, take_visitor);
}

static void
handle_turned_away(void *owner, void *take_visitor)
{
	(void) owner;
	visitor_free(take_visitor);
}

static void
handle_request(void *owner, Connection *connection, HttpRequest *request)
{
	Relay *relay = owner;

	answer_request(&relay->sources, connection, request);
}

/* Events, as the feed hands them up */

/* Sessions end before anything else of the tick is sent, since changes of rights come first in it. */
static void
handle_access(Relay *relay, const char *organization, const char *subject)
{
	size_t count;

	access_revoke(relay->access, organization, subject);
	count = hub_revoke(relay->hub, organization, subject);
	if (count)
		log_info("access changed: %zu sessions closed", count);
}

static void
handle_event(void *owner, Event *event)
{
	Relay *relay = owner;

	if (event_is_access(event))
		handle_access(relay, event->organization, event->subject);
	if (event_is_presence(event))
		roster_apply(relay->roster, event);
	if (!event_is_for_clients(event))
		return;
	metrics_add(METRIC_EVENTS_DELIVERED, (double) hub_publish(relay->hub, event));
	hub_relieve(relay->hub, &relay->queued_size, (size_t) relay->config->total_queue_size);
}

static void
begin(void *owner, Session *session)
{
	Relay *relay = owner;

	replay_start(relay->replays, session);
}

static void
begin_following(Relay *relay)
{
	relay->has_begun = true;
	/* Of rights that changed while there was no log to read nothing was heard. */
	access_doubt(relay->access);
	hub_each_session(relay->hub, begin, relay);
}

/*
 * When more happens than can be sent, screens get the newest state of each item
 * and not all of them late.  That keeps queues so short that the lag is over
 * at once; hence a spell of it.
 */
static void
watch_lag(Relay *relay)
{
	int64_t now_ms = clock_monotonic_ms();

	if (ws_busy_ms(relay->ws) > relay->config->conflate_after_ms)
	{
		if (!relay->limits.is_lagging)
			hub_conflate(relay->hub);
		relay->lagged_at_ms = now_ms;
	}
	relay->limits.is_lagging = relay->lagged_at_ms && now_ms - relay->lagged_at_ms < LAG_SPELL_MS;
}

/* For `systemctl status`. */
static void
tell_status(const Relay *relay)
{
	const char *why;

	notify_status(feed_is_fresh(relay->feed, &why) ? "following the event log" : why);
}

static void
check_fresh(Relay *relay)
{
	const char *why;
	bool is_fresh = feed_is_fresh(relay->feed, &why);

	if (is_fresh == relay->is_fresh)
		return;
	relay->is_fresh = is_fresh;
	clients_tell_fresh(relay->clients, is_fresh);
	if (!drain_has_begun(relay->drain))
		tell_status(relay);
}

static void
handle_progress(void *owner)
{
	Relay *relay = owner;

	watch_lag(relay);
	check_fresh(relay);
	if (!relay->has_begun)
		begin_following(relay);
	clients_advance(relay->clients);
	replays_advance(relay->replays);
	roster_tell(relay->roster);
	hub_relieve(relay->hub, &relay->queued_size, (size_t) relay->config->total_queue_size);
	if (!roster_is_loaded(relay->roster) && !feed_has_more(relay->feed))
		presence_reload(relay->presence);
	answer_advance();
}

static void
handle_resync(void *owner)
{
	Relay *relay = owner;

	/* Of rights that changed in what was not read nothing was heard. */
	access_doubt(relay->access);
	clients_resync(relay->clients);
	presence_reload(relay->presence);
}

/* Rights that changed without an event, found when they were asked for again. */
static void
handle_changed(void *owner, const char *organization, const char *subject)
{
	Relay *relay = owner;
	size_t count = hub_revoke(relay->hub, organization, subject);

	if (count)
		log_info("access changed without an event: %zu sessions closed", count);
}

/* A wish for a tick may be lost, and then nothing comes but what happens by chance. */
static void
watch_covers(Relay *relay)
{
	int64_t tick = stream_tick(relay->stream);

	answer_advance();
	if (tick == relay->watched_tick && (answer_awaits_cover() || replays_await_cover(relay->replays)))
		inventory_remind(relay->inventory);
	relay->watched_tick = tick;
}

/* Once a second. */
static void
handle_tick(void *owner)
{
	Relay *relay = owner;

	loop_timer_start(relay->tick, TICK_MS);
	clients_tick(relay->clients);
	watch_covers(relay);
	gate_tick(relay->gate);
	log_tick();
	check_fresh(relay);
	if (clock_monotonic_ms() - relay->rechecked_at_ms < relay->config->recheck_interval_ms)
		return;
	relay->rechecked_at_ms = clock_monotonic_ms();
	access_recheck(relay->access);
}

/* Starting */

static size_t
part_of_queue(const Config *config, size_t most)
{
	size_t part = (size_t) config->queue_size / CATCH_UP_PARTS;

	return part < most ? part : most;
}

static void
take_settings(Relay *relay)
{
	const Config *config = relay->config;

	relay->limits = (SessionLimits){
		.conflate_size = (size_t) config->conflate_size,
		.queue_size = (size_t) config->queue_size,
		.replay_size = part_of_queue(config, REPLAY_MAX_SIZE),
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
	relay->gate_limits = (GateLimits){
		.connection_count = (unsigned) config->max_connections_per_address,
		.accept_rate = (unsigned) config->accept_rate,
		.handshake_rate = (unsigned) config->handshake_rate,
		.exempt = config->exempt_address,
		.proxies = config->trusted_proxy,
	};
	relay->presence_pace = (PresencePace){
		.heartbeat_ms = config->presence_heartbeat_ms,
		.grace_ms = config->presence_grace_ms,
		.settle_ms = PRESENCE_SETTLE_MS,
	};
	relay->history_pace = (HistoryPace){
		.read_batch = config->read_batch,
		.snapshot_page = config->snapshot_page,
		.snapshot_size = part_of_queue(config, SNAPSHOT_MAX_SIZE),
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

static bool
listen_on(Relay *relay, const char *text, bool is_admin)
{
	Address addresses[ADDRESS_MAX_COUNT];
	unsigned count = address_parse(addresses, text);
	unsigned listening = 0;

	for (unsigned i = 0; i < count; i++)
	{
		if (ws_listen(relay->ws, &addresses[i], is_admin))
		{
			log_info("listening on %s for %s%s", addresses[i].text, is_admin ? "metrics" : "clients",
					 relay->tls && !is_admin ? ", with TLS" : "");
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
start_tls(Relay *relay)
{
	const Config *config = relay->config;
	Buf error = {0};

	if (!*config->tls_certificate)
		return true;
	relay->tls = tls_new(config->tls_certificate, config->tls_key, &error);
	if (!relay->tls)
		log_error("%s", buf_text(&error));
	else if (tls_expires_at_s(relay->tls) < clock_wall_us() / 1000000)
		log_warning("the certificate \"%s\" has ended: clients will not trust it", config->tls_certificate);
	buf_free(&error);
	return relay->tls != NULL;
}

static bool
start_serving(Relay *relay)
{
	static const WsHandlers handlers = {
		.on_upgrade = handle_upgrade,
		.on_open = handle_open,
		.on_turned_away = handle_turned_away,
		.on_message = client_message,
		.on_refused = client_refused,
		.on_room = client_room,
		.has_more = client_has_more,
		.on_written = client_written,
		.on_close = client_close,
		.on_request = handle_request,
	};
	const Config *config = relay->config;
	WsOptions options = {
		.max_message_size = (size_t) config->max_message_size,
		.max_connections = (unsigned) config->max_connections,
		.ping_interval_s = (unsigned) (config->ping_interval_ms / 1000),
		.ping_timeout_s = (unsigned) (config->ping_timeout_ms / 1000),
		.handshake_timeout_ms = config->handshake_timeout_ms,
		.gate = relay->gate,
		.tls = relay->tls,
	};

	relay->ws = ws_new(relay->loop, &options, &handlers, relay);
	return relay->ws && listen_on_all(relay);
}

static bool
start_following(Relay *relay)
{
	static const FeedHandlers handlers = {handle_event, handle_progress, handle_resync};
	const Config *config = relay->config;
	FeedOptions options = {config->dsn, config->recent_events, config->connect_timeout_ms, config->query_timeout_ms};

	relay->feed = feed_new(relay->loop, &options, &relay->pace, relay->stream, &handlers, relay);
	return relay->feed != NULL;
}

/* Rights are asked on a connection of their own: nobody waits for a page of somebody else. */
static bool
start_asking(Relay *relay)
{
	const Config *config = relay->config;
	DeskOptions rights = {"rights", 1, config->dsn, config->connect_timeout_ms, config->query_timeout_ms};
	DeskOptions pages = {"inventory", (unsigned) config->snapshot_queries, config->dsn, config->connect_timeout_ms, config->query_timeout_ms};
	ReplaySource source;

	relay->rights_desk = desk_new(relay->loop, &rights);
	relay->pages_desk = desk_new(relay->loop, &pages);
	if (!relay->rights_desk || !relay->pages_desk)
		return false;
	relay->access = access_new(relay->loop, relay->rights_desk, handle_changed, relay);
	relay->inventory = inventory_new(relay->pages_desk);
	relay->records = records_new(relay->pages_desk);
	relay->history = relay->inventory ? history_new(relay->pages_desk, relay->inventory, &relay->history_pace) : NULL;
	relay->writer = relay->access ? writer_new(relay->loop, config, relay->access) : NULL;
	if (!relay->access || !relay->records || !relay->history || !relay->writer)
		return false;
	source = history_source(relay->history);
	relay->replays = replays_new(relay->hub, relay->stream, &source);
	history_answer_to(relay->history, relay->replays);
	return relay->replays != NULL;
}

/* Neither waits for the other: a page of items may take a while, and a lease may not. */
static bool
start_presence(Relay *relay)
{
	const Config *config = relay->config;
	DeskOptions options = {"presence", 1, config->dsn, config->connect_timeout_ms, config->query_timeout_ms};

	relay->presence_desk = desk_new(relay->loop, &options);
	relay->roster = roster_new(relay->loop, relay->hub);
	if (relay->presence_desk && relay->roster)
		relay->presence = presence_new(relay->loop, relay->presence_desk, relay->roster, &relay->presence_pace);
	return relay->presence != NULL;
}

static bool
start_clients(Relay *relay)
{
	ClientServices services = {
		.loop = relay->loop,
		.config = relay->config,
		.limits = &relay->limits,
		.auth = relay->auth,
		.access = relay->access,
		.hub = relay->hub,
		.stream = relay->stream,
		.replays = relay->replays,
		.history = relay->history,
		.writer = relay->writer,
		.presence = relay->presence,
		.roster = relay->roster,
	};

	relay->clients = clients_new(&services);
	return relay->clients != NULL;
}

static bool
start_auth(Relay *relay)
{
	Buf error = {0};

	relay->auth = auth_new(relay->config, &error);
	if (!relay->auth)
		log_error("%s", buf_text(&error));
	else if (!auth_has_keys(relay->auth))
		log_warning("there are no keys: everybody on this machine is \"%s\" of the organization \"%s\"",
					auth_anonymous_role(relay->auth), relay->config->organization);
	buf_free(&error);
	return relay->auth != NULL;
}

static bool
is_connected(void *owner, const char **why)
{
	Relay *relay = owner;

	*why = drain_has_begun(relay->drain) ? "the relay is ending" : "the database is not connected";
	if (drain_has_begun(relay->drain))
		return false;
	if (!desk_is_up(relay->rights_desk) || !desk_is_up(relay->pages_desk) || !desk_is_up(relay->presence_desk))
		return false;
	*why = "it was not read yet who is present";
	return roster_is_loaded(relay->roster);
}

static int64_t
count_waiting(void *owner)
{
	Relay *relay = owner;

	return desk_count(relay->pages_desk);
}

static size_t
count_held(void *owner)
{
	Relay *relay = owner;

	return ws_held_size(relay->ws);
}

static void
refresh_metrics(void *owner)
{
	Relay *relay = owner;
	unsigned plain_count;
	unsigned one_count;

	metrics_set(METRIC_CONNECTIONS, ws_connection_count(relay->ws));
	metrics_set(METRIC_SESSIONS, (double) hub_session_count(relay->hub));
	clients_count_protocols(relay->clients, &plain_count, &one_count);
	metrics_set(METRIC_TLS_EXPIRY, relay->tls ? (double) tls_expires_at_s(relay->tls) : NAN);
	metrics_set(METRIC_SESSIONS_PLAIN, plain_count);
	metrics_set(METRIC_SESSIONS_ONE, one_count);
	metrics_set(METRIC_OPEN_FILES_LIMIT, loop_fd_limit(relay->loop));
	metrics_set(METRIC_RING_SECONDS, (double) stream_ring_age_us(relay->stream, clock_wall_us()) / 1e6);
	metrics_set(METRIC_SESSIONS_UNIDENTIFIED, clients_awaiting_count(relay->clients));
	metrics_set(METRIC_SUBSCRIPTIONS, (double) hub_subscription_count(relay->hub));
	metrics_set(METRIC_CHANNELS, (double) hub_channel_count(relay->hub));
	metrics_set(METRIC_PRESENCE_MEMBERS, (double) roster_count(relay->roster));
	metrics_set(METRIC_PRESENCE_ATTENDANCES, (double) presence_count(relay->presence));
	metrics_set(METRIC_RING_EVENTS, (double) stream_ring_count(relay->stream));
	metrics_set(METRIC_OPERATIONS_WAITING, (double) writer_count(relay->writer));
	metrics_set(METRIC_QUEUED_BYTES, (double) relay->queued_size);
	metrics_set(METRIC_RING_BYTES, (double) stream_ring_size(relay->stream));
}

/* Ending and reloading */

static bool
is_idle(void *owner)
{
	Relay *relay = owner;

	return ws_answering_count(relay->ws) == 0 && writer_count(relay->writer) == 0 && presence_farewell(relay->presence);
}

static void
stop(void *owner)
{
	Relay *relay = owner;

	loop_stop(relay->loop);
}

/* Nobody new is taken, and those that are here are closed over a while.  Asked again, or from a terminal, at once. */
static void
begin_drain(Relay *relay, bool is_patient)
{
	const Config *config = relay->config;

	if (!drain_has_begun(relay->drain))
	{
		log_info("ending: closing %zu sessions", hub_session_count(relay->hub));
		notify_stopping();
		ws_stop_listening(relay->ws);
		clients_tell_drain(relay->clients);
		drain_begin(relay->drain, config->reconnect_window_ms, config->drain_timeout_ms);
	}
	else
		is_patient = false;
	if (!is_patient)
		drain_hurry(relay->drain);
}

static void
reload_auth(Relay *relay)
{
	Buf error = {0};

	if (!auth_reload(relay->auth, relay->config, &error))
		log_error("the old keys stay: %s", buf_text(&error));
	buf_free(&error);
}

static void
reload_tls(Relay *relay)
{
	const Config *config = relay->config;
	Buf error = {0};

	if (!relay->tls != !*config->tls_certificate)
		log_warning("only a restart begins or ends to speak TLS");
	else if (relay->tls && !tls_reload(relay->tls, config->tls_certificate, config->tls_key, &error))
		log_error("the old certificate stays: %s", buf_text(&error));
	buf_free(&error);
}

static void
reload_site(Relay *relay)
{
	Site *fresh = site_new(relay->config->www);

	if (!fresh)
	{
		log_error("the old pages stay: out of memory");
		return;
	}
	site_free(relay->site);
	relay->site = fresh;
	relay->sources.site = fresh;
}

static void
reload(Relay *relay)
{
	Buf text = {0};
	Config *fresh;

	notify_reloading();
	fresh = config_load(relay->argc, relay->argv, NULL, &text);
	if (fresh && !check_config(fresh, &text))
	{
		config_free(fresh);
		fresh = NULL;
	}

	if (!fresh)
	{
		metrics_add(METRIC_RELOADS_REFUSED, 1);
		log_error("the old configuration stays: %s", buf_text(&text));
	}
	else
	{
		metrics_add(METRIC_RELOADS, 1);
		config_reload(relay->config, fresh, &text);
		reload_auth(relay);
		reload_tls(relay);
		take_settings(relay);
		configure_log(relay->config);
		reload_site(relay);
		log_info("configuration reloaded%s%s", text.size ? "; only a restart changes " : "", buf_text(&text));
	}
	buf_free(&text);
	notify_ready();
}

static void
handle_signal(void *owner, int signal_number)
{
	Relay *relay = owner;

	if (signal_number == SIGHUP)
		reload(relay);
	else
		begin_drain(relay, signal_number == SIGTERM);
}

/* A loop that does not turn is dead, whatever the process looks like. */
static void
show_life(void *owner)
{
	Relay *relay = owner;

	notify_alive();
	loop_timer_start(relay->watchdog, notify_watchdog_ms());
}

static bool
start_watchdog(Relay *relay)
{
	if (!notify_watchdog_ms())
		return true;
	relay->watchdog = loop_timer_new(relay->loop, show_life, relay);
	if (relay->watchdog)
		show_life(relay);
	return relay->watchdog != NULL;
}

static bool
start(Relay *relay)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	static const DrainHandlers drain_handlers = {is_idle, stop};
	const Config *config = relay->config;
	Buf error = {0};

	if (!check_config(config, &error))
		log_error("%s", buf_text(&error));
	if (error.size)
	{
		buf_free(&error);
		return false;
	}
	relay->loop = loop_new(config->event_loop, (unsigned) config->max_open_files);
	relay->hub = hub_new();
	relay->stream = stream_new((size_t) config->ring_size);
	relay->site = site_new(config->www);
	relay->gate = gate_new(&relay->gate_limits);
	if (!relay->loop || !relay->hub || !relay->stream || !relay->site || !relay->gate)
		return false;
	relay->drain = drain_new(relay->loop, relay->hub, &drain_handlers, relay);
	relay->tick = loop_timer_new(relay->loop, handle_tick, relay);
	if (!relay->drain || !relay->tick || !start_watchdog(relay) || !loop_watch_signals(relay->loop, signals, 3, handle_signal, relay))
		return false;
	if (!start_auth(relay) || !start_asking(relay) || !start_presence(relay) || !start_clients(relay) || !start_following(relay))
		return false;
	relay->sources = (AnswerSources){
		.config = config,
		.site = relay->site,
		.feed = relay->feed,
		.stream = relay->stream,
		.clients = relay->clients,
		.auth = relay->auth,
		.access = relay->access,
		.inventory = relay->inventory,
		.records = relay->records,
		.writer = relay->writer,
		.refresh_metrics = refresh_metrics,
		.is_connected = is_connected,
		.waiting_count = count_waiting,
		.held_size = count_held,
		.owner = relay,
	};
	relay->rechecked_at_ms = clock_monotonic_ms();
	loop_timer_start(relay->tick, TICK_MS);
	return start_tls(relay) && start_serving(relay);
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
	feed_free(relay->feed);
	if (relay->ws)
		ws_end(relay->ws);
	drain_free(relay->drain);
	loop_timer_free(relay->watchdog);
	loop_timer_free(relay->tick);
	if (relay->presence)
		presence_end(relay->presence);
	if (relay->roster)
		roster_end(relay->roster);
	desk_free(relay->rights_desk);
	desk_free(relay->pages_desk);
	if (relay->writer)
		writer_end(relay->writer);
	desk_free(relay->presence_desk);
	if (relay->clients)
		clients_end(relay->clients);
	if (relay->access)
		access_end(relay->access);
	loop_free(relay->loop);
	ws_free(relay->ws);
	gate_free(relay->gate);
	tls_free(relay->tls);
	clients_free(relay->clients);
	presence_free(relay->presence);
	roster_free(relay->roster);
	replays_free(relay->replays);
	history_free(relay->history);
	records_free(relay->records);
	inventory_free(relay->inventory);
	writer_free(relay->writer);
	access_free(relay->access);
	auth_free(relay->auth);
	hub_free(relay->hub);
	stream_free(relay->stream);
	batch_forget();
	site_free(relay->site);
	config_free(relay->config);
	free(relay);
}

void
relay_run(Relay *relay)
{
	notify_ready();
	tell_status(relay);
	loop_run(relay->loop);
	log_info("ended");
}
