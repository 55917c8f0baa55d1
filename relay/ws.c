/*
 * ws.c
 *	  Serves HTTP and WebSocket clients.
 *
 * This is the only file that knows libwebsockets' sockets; request.c reads for
 * it what they say.  Each callback is one line that calls a handler; the handlers
 * check what version 4.1.6 does not (h2c, raw sockets from CONNECT) and pass on
 * plain values.  Connections come accepted and counted, through the door (door.h).
 *
 * A Connection is allocated with the TCP connection and freed when the library
 * reports the end of it, whatever happens between.  It is HTTP until the
 * upgrade; then `session` is set.
 *
 * Frames are written without asking first whether there is room: nearly always
 * there is, and asking costs two system calls more for each frame (a third of
 * the whole, measured).  Connections that have something to send stand on
 * awake_list; each gets one lws_write() in its turn.  Of a frame that does not fit
 * the library keeps the rest; the connection then waits for its writable
 * callback, and writes there until its session has no more.  Responses, and what
 * ends a connection, are written in the callback only, except for the answer
 * that ends one whose request cannot be trusted.
 */
#include "ws.h"

#include <libwebsockets.h>
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "door.h"
#include "list.h"
#include "log.h"
#include "metrics.h"
#include "request.h"

static_assert(FRAME_HEADROOM >= LWS_PRE, "frames need the library's headroom");

/* Bytes kept per idle socket for reading; larger messages arrive in pieces. */
#define RECEIVE_BUFFER_SIZE 1024

/* One write to a socket; a larger one would be cut to this by the library. */
#define SEND_SIZE 65536

/* How long a client may take for the next piece of a response, and to close. */
#define SEND_TIMEOUT_S 30

/* How long an answer may take: longer than any operation. */
#define ANSWER_TIMEOUT_S 75

/* Where requests may have a body. */
#define API_FOLDER "/api"

#define CLOSE_TIMEOUT_S 5

/* Frames written in one go, before others have their turn: some milliseconds. */
#define WRITE_BURST 512

struct Connection
{
	struct lws *wsi;
	Ws *ws;
	ListNode in_awake;
	bool is_admin;
	bool is_loopback;
	bool *is_gone;	/* told when the connection is freed; for the adopter */
	GatePass *pass; /* NULL on the admin listener */
	ListNode in_awaiting;
	int64_t due_ms; /* until when a whole request must have come */

	void *visitor;	 /* between the upgrade's request and its opening */
	void *session;	 /* set while a WebSocket is open */
	Buf message;	 /* pieces of a message not yet whole */
	bool is_reading; /* a message is being taken */
	bool is_deaf;	 /* a message was refused; nothing more is taken */
	Reason closing;	 /* close when on_room has nothing left */

	HttpRequest *request; /* whose body is being read into message */
	bool is_answering;	  /* a request waits for, or receives, its response */
	bool is_responded;
	HttpResponse response;
	size_t sent_size; /* of the response's body */
	size_t held_size; /* memory it takes, unless it is shared */
	LoopWatch *room;  /* while the client does not take more of it */
	void *kept;		  /* by who answers */
	void (*abandon)(void *kept);
};

struct Ws
{
	Loop *loop;
	WsOptions options;
	const WsHandlers *handlers;
	void *owner;
	struct lws_vhost *vhost;
	struct lws_vhost *admin_vhost; /* never speaks TLS */
	lws_retry_bo_t liveness;
	Door *door;
	List awaiting; /* connections that owe a request, the first due first */
	LoopTimer *deadline;
	List awake_list; /* connections with a frame to write */
	LoopTimer *writer;
	int64_t busy_since_ms; /* that list has not been empty; 0 when it is */
	unsigned connection_count;
	unsigned answering_count;
	size_t held_size; /* by the responses of all */
};

static int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size);
static void write_to_awake(void *owner);

/* The first is for who offers none; the library answers with one that was offered. */
static const struct lws_protocols protocols[] = {
	{
		.name = "inventory",
		.callback = ws_callback,
		.rx_buffer_size = RECEIVE_BUFFER_SIZE,
		.tx_packet_size = SEND_SIZE,
	},
	{
		.name = REQUEST_SUBPROTOCOL,
		.callback = ws_callback,
		.rx_buffer_size = RECEIVE_BUFFER_SIZE,
		.tx_packet_size = SEND_SIZE,
	},
	{0},
};

/* Setting up */

/*
 * No extensions: compression costs memory per client and has unfixed bugs.
 * With TLS the library makes an empty context and hands it to us to fill
 * (handle_context).
 */
static struct lws_vhost *
create_vhost(Ws *ws, const char *name, Tls *tls)
{
	struct lws_context_creation_info info = {
		.vhost_name = name,
		.user = ws,
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.extensions = NULL,
		.alpn = "http/1.1",
		.retry_and_idle_policy = &ws->liveness,
		.keepalive_timeout = CLOSE_TIMEOUT_S,
		.options = LWS_SERVER_OPTION_VALIDATE_UTF8 |
				   (tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX : 0),
	};

	return lws_create_vhost(loop_context(ws->loop), &info);
}

static bool
create_vhosts(Ws *ws)
{
	ws->liveness.secs_since_valid_ping = (uint16_t) ws->options.ping_interval_s;
	ws->liveness.secs_since_valid_hangup = (uint16_t) ws->options.ping_timeout_s;
	ws->vhost = create_vhost(ws, "clients", ws->options.tls);
	ws->admin_vhost = create_vhost(ws, "admin", NULL);
	return ws->vhost && ws->admin_vhost;
}

static void cut_late(void *owner);
static void adopt(void *owner, const Arrival *arrival);

static unsigned
count_connections(void *owner)
{
	return ws_connection_count(owner);
}

Ws *
ws_new(Loop *loop, const WsOptions *options, const WsHandlers *handlers, void *owner)
{
	static const DoorHandlers door_handlers = {count_connections, adopt};
	Ws *ws = calloc(1, sizeof *ws);

	if (!ws)
		return NULL;
	ws->loop = loop;
	ws->options = *options;
	ws->handlers = handlers;
	ws->owner = owner;
	list_init(&ws->awaiting);
	list_init(&ws->awake_list);
	ws->deadline = loop_timer_new(loop, cut_late, ws);
	ws->writer = loop_timer_new(loop, write_to_awake, ws);
	ws->door = door_new(loop, options->gate, options->max_connections, &door_handlers, ws);
	if (ws->deadline && ws->writer && ws->door && create_vhosts(ws))
		return ws;
	loop_timer_free(ws->writer);
	loop_timer_free(ws->deadline);
	door_free(ws->door);
	free(ws);
	return NULL;
}

void
ws_free(Ws *ws)
{
	if (!ws)
		return;
	ws_end(ws);
	door_free(ws->door);
	free(ws);
}

void
ws_end(Ws *ws)
{
	ws_stop_listening(ws);
	loop_timer_free(ws->deadline);
	loop_timer_free(ws->writer);
	ws->deadline = ws->writer = NULL;
}

unsigned
ws_connection_count(const Ws *ws)
{
	return ws->connection_count;
}

unsigned
ws_answering_count(const Ws *ws)
{
	return ws->answering_count;
}

size_t
ws_held_size(const Ws *ws)
{
	return ws->held_size;
}

/*
 * Who owes a request has one deadline for all of it, however it dribbles in,
 * the handshake of TLS included.  All have the same time, so the list is in
 * order by itself.
 */
static void
await_request(Connection *connection)
{
	Ws *ws = connection->ws;

	connection->due_ms = clock_monotonic_ms() + ws->options.handshake_timeout_ms;
	list_append(&ws->awaiting, &connection->in_awaiting);
	if (ws->deadline && !loop_timer_is_started(ws->deadline))
		loop_timer_start(ws->deadline, ws->options.handshake_timeout_ms);
}

static void
cut_late(void *owner)
{
	Ws *ws = owner;
	int64_t now_ms = clock_monotonic_ms();
	ListNode *first;

	while ((first = list_first(&ws->awaiting)))
	{
		Connection *connection = list_object(first, Connection, in_awaiting);

		if (connection->due_ms > now_ms)
		{
			loop_timer_start(ws->deadline, connection->due_ms - now_ms);
			return;
		}
		list_remove(first);
		metrics_add(METRIC_REFUSED_TIMEOUT, 1);
		lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	}
}

/* Accepting */

static Connection *
connection_new(Ws *ws, const Arrival *arrival)
{
	Connection *connection = calloc(1, sizeof *connection);

	if (!connection)
	{
		gate_leave(arrival->pass);
		return NULL;
	}
	connection->ws = ws;
	connection->is_admin = arrival->is_admin;
	connection->is_loopback = arrival->is_loopback;
	connection->pass = arrival->pass;
	connection->ws->connection_count++;
	return connection;
}

static void
drop_response(Connection *connection)
{
	connection->ws->held_size -= connection->held_size;
	connection->held_size = 0;
	http_response_free(&connection->response);
}

static void
connection_free(Connection *connection)
{
	if (connection->is_gone)
		*connection->is_gone = true;
	connection->ws->connection_count--;
	connection->ws->answering_count -= connection->is_answering;
	list_remove(&connection->in_awaiting);
	gate_leave(connection->pass);
	list_remove(&connection->in_awake);
	loop_watch_free(connection->room);
	drop_response(connection);
	buf_free(&connection->message);
	free(connection->request);
	free(connection);
}

/*
 * Gives an accepted socket to the library, which closes it from now on.  A
 * small frame must not wait for the acknowledgement of the one before.
 */
static void
adopt(void *owner, const Arrival *arrival)
{
	Ws *ws = owner;
	Connection *connection = connection_new(ws, arrival);
	int on = 1;
	bool is_gone = false;
	lws_adopt_desc_t adoption = {
		.vh = arrival->is_admin ? ws->admin_vhost : ws->vhost,
		.type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | (ws->options.tls && !arrival->is_admin ? LWS_ADOPT_ALLOW_SSL : 0),
		.fd.sockfd = arrival->fd,
		.opaque = connection,
	};
	struct lws *wsi;

	if (!connection)
	{
		close(arrival->fd);
		return;
	}
	setsockopt(arrival->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	connection->is_gone = &is_gone;
	wsi = lws_adopt_descriptor_vhost_via_info(&adoption);
	if (is_gone)
		return;
	connection->is_gone = NULL;
	connection->wsi = wsi;
	if (wsi)
		await_request(connection);
	else
		connection_free(connection);
}

bool
ws_listen(Ws *ws, const Address *address, bool is_admin)
{
	return door_listen(ws->door, address, is_admin);
}

void
ws_stop_listening(Ws *ws)
{
	door_close(ws->door);
}

/* Requests */

/* False when something does not fit. */
static bool
read_request(const Connection *connection, HttpRequest *request)
{
	*request = (HttpRequest){
		.is_admin = connection->is_admin,
		.is_loopback = connection->is_loopback,
		.pass = connection->pass,
	};
	return request_read(connection->wsi, request);
}

/*
 * Finds out who a request is for, which behind a proxy its header says.  False
 * when that one has as many connections as it may.
 */
static bool
place_request(Connection *connection, const HttpRequest *request, HttpResponse *response)
{
	char forwarded_for[HTTP_VALUE_SIZE];
	GateVerdict verdict;

	if (!connection->pass)
		return true;
	if (!request_forwarded_for(connection->wsi, forwarded_for))
	{
		*response = http_reject(request, 400, "Headers too long");
		return false;
	}
	verdict = gate_place(connection->pass, forwarded_for);
	if (verdict == GATE_OPEN)
		return true;
	door_note_refusal(connection->ws->door, verdict, forwarded_for);
	*response = http_too_many(request, "Too many connections", 1000);
	return false;
}

/* Writes a whole short response at once and ends the connection. */
static int
reject(Connection *connection, HttpResponse response)
{
	Frame *parts[] = {response.head, response.body};

	for (int i = 0; i < 2; i++)
		if (parts[i] && lws_write(connection->wsi, frame_bytes(parts[i]), parts[i]->size, LWS_WRITE_HTTP) < 0)
			break;
	http_response_free(&response);
	return -1;
}

static int
handle_upgrade(struct lws *wsi)
{
	Connection *connection = lws_get_opaque_user_data(wsi);
	HttpRequest request;
	HttpResponse response;

	if (!connection)
		return -1;
	connection->wsi = wsi;
	if (!read_request(connection, &request))
		return reject(connection, http_reject(&request, 400, "Headers too long"));
	if (!request_is_upgrade(wsi))
		return reject(connection, http_reject(&request, 400, "Only WebSocket version 13 is spoken here"));
	if (connection->is_admin || strcmp(request.path, "/ws") != 0)
		return reject(connection, http_reject(&request, 404, "Not found"));
	request.offers_protocol = request_offers_protocol(wsi);
	if (!place_request(connection, &request, &response))
		return reject(connection, response);
	if (!connection->ws->handlers->on_upgrade(connection->ws->owner, &request, &response, &connection->visitor))
		return reject(connection, response);
	list_remove(&connection->in_awaiting);
	return 0;
}

/*
 * While an answer is pending nothing is read: the library would neither take
 * the bytes nor stop reporting them.  Nor would it then report room to write,
 * so reading is allowed again with the answer.
 */
static void
begin_answer(Connection *connection, HttpRequest *request)
{
	list_remove(&connection->in_awaiting);
	connection->is_answering = true;
	connection->ws->answering_count++;
	lws_set_timeout(connection->wsi, PENDING_TIMEOUT_HTTP_CONTENT, ANSWER_TIMEOUT_S);
	connection->ws->handlers->on_request(connection->ws->owner, connection, request);
	if (!connection->is_responded)
		lws_rx_flow_control(connection->wsi, 0);
}

/* The head of a request whose body is still to come is kept. */
static int
await_body(Connection *connection, const HttpRequest *request)
{
	int size = request_body_size(connection->wsi, connection->ws->options.max_message_size);

	if (size < 0)
		return reject(connection, http_reject(request, 413, "The body is too large"));
	if (size == 0)
		return reject(connection, http_reject(request, 400, "A body with its Content-Length is needed"));
	connection->request = malloc(sizeof *connection->request);
	if (!connection->request)
		return reject(connection, http_reject(request, 503, "Out of memory"));
	*connection->request = *request;
	return 0;
}

static bool
is_under(const char *path, const char *folder)
{
	size_t size = strlen(folder);

	return strncmp(path, folder, size) == 0 && (path[size] == '/' || !path[size]);
}

static int
handle_request(struct lws *wsi)
{
	Connection *connection = lws_get_opaque_user_data(wsi);
	HttpRequest request;
	HttpResponse response;
	bool is_api;

	if (!connection)
		return -1;
	connection->wsi = wsi;
	if (!read_request(connection, &request))
		return reject(connection, http_reject(&request, 400, "Headers too long"));
	if (!place_request(connection, &request, &response))
		return reject(connection, response);
	is_api = !connection->is_admin && is_under(request.path, API_FOLDER);
	if (request.method == HTTP_OTHER || (!is_api && (request.method == HTTP_POST || request.method == HTTP_OPTIONS)))
		return reject(connection, http_reject(&request, 405, "Method not allowed"));
	if (request.method == HTTP_POST)
		return await_body(connection, &request);
	if (request_has_body(wsi))
		return reject(connection, http_reject(&request, 400, "A body is not expected here"));
	begin_answer(connection, &request);
	return 0;
}

static int
handle_body(struct lws *wsi, const char *bytes, size_t size)
{
	Connection *connection = lws_get_opaque_user_data(wsi);

	if (!connection || !connection->request ||
		size > connection->ws->options.max_message_size - connection->message.size)
		return -1;
	buf_append(&connection->message, bytes, size);
	return connection->message.failed ? -1 : 0;
}

static int
handle_body_end(struct lws *wsi)
{
	Connection *connection = lws_get_opaque_user_data(wsi);
	HttpRequest *request = connection ? connection->request : NULL;

	if (!request)
		return -1;
	connection->request = NULL;
	request->body = buf_text(&connection->message);
	request->body_size = connection->message.size;
	begin_answer(connection, request);
	buf_free(&connection->message);
	free(request);
	return 0;
}

void
ws_respond(Connection *connection, HttpResponse take_response)
{
	assert(connection->is_answering && !connection->is_responded);
	connection->response = take_response;
	connection->sent_size = 0;
	if (take_response.body && take_response.body->reference_count == 1)
		connection->held_size = take_response.body->size;
	connection->ws->held_size += connection->held_size;
	connection->is_responded = true;
	lws_rx_flow_control(connection->wsi, 1);
	lws_callback_on_writable(connection->wsi);
}

void
ws_keep(Connection *connection, void *kept, void (*abandon)(void *kept))
{
	connection->kept = kept;
	connection->abandon = abandon;
}

/* Ready for the next request on this connection, or done with it. */
static int
end_response(Connection *connection)
{
	bool closes = connection->response.closes;

	drop_response(connection);
	connection->is_answering = connection->is_responded = false;
	connection->ws->answering_count--;
	if (closes)
		return -1;
	await_request(connection);
	return lws_http_transaction_completed(connection->wsi) ? -1 : 0;
}

static int
write_body(Connection *connection)
{
	Frame *body = connection->response.body;
	size_t left = body->size - connection->sent_size;
	size_t size = left < SEND_SIZE ? left : SEND_SIZE;

	if (lws_write(connection->wsi, frame_bytes(body) + connection->sent_size, size,
				  size == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
		return -1;
	connection->sent_size += size;
	return 0;
}

static void
continue_response(void *owner)
{
	Connection *connection = owner;

	loop_watch_free(connection->room);
	connection->room = NULL;
	lws_rx_flow_control(connection->wsi, 1);
	lws_callback_on_writable(connection->wsi);
}

/*
 * Waits until the client takes more of a response.  The library would wait for
 * reading as well, and turn in circles over bytes it does not read before the
 * response is out.
 */
static void
await_room(Connection *connection)
{
	static const WatchHandlers handlers = {.on_writable = continue_response, .on_closed = continue_response};

	if (lws_send_pipe_choked(connection->wsi))
		connection->room = loop_watch_room(connection->ws->loop, lws_get_socket_fd(connection->wsi), &handlers, connection);
	if (connection->room)
		lws_rx_flow_control(connection->wsi, 0);
	else
		lws_callback_on_writable(connection->wsi);
}

static int
handle_response_room(struct lws *wsi)
{
	Connection *connection = lws_get_opaque_user_data(wsi);
	HttpResponse *response;

	if (!connection || !connection->is_responded)
		return 0;
	response = &connection->response;
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, SEND_TIMEOUT_S);
	if (response->head)
	{
		int written = lws_write(wsi, frame_bytes(response->head), response->head->size, LWS_WRITE_HTTP_HEADERS);

		frame_release(response->head);
		response->head = NULL;
		if (written < 0)
			return -1;
	}
	else if (response->body && connection->sent_size < response->body->size && write_body(connection) < 0)
		return -1;
	if (!response->body || connection->sent_size == response->body->size)
		return end_response(connection);
	await_room(connection);
	return 0;
}

/* WebSocket */

static int
handle_open(struct lws *wsi)
{
	Connection *connection = lws_get_opaque_user_data(wsi);

	if (!connection)
		return -1;
	connection->wsi = wsi;
	connection->session = connection->ws->handlers->on_open(connection->ws->owner, connection,
															gate_address(connection->pass), connection->visitor);
	connection->visitor = NULL;
	return connection->session ? 0 : -1;
}

static void
refuse(Connection *connection, Reason reason)
{
	connection->is_deaf = true;
	buf_free(&connection->message);
	connection->ws->handlers->on_refused(connection->session, reason);
}

/*
 * A message may come in many frames and each frame in many pieces.  It is
 * measured with what its frame still promises, before anything is stored.
 */
static int
take_piece(Connection *connection, const char *bytes, size_t size)
{
	struct lws *wsi = connection->wsi;
	size_t promised = size + lws_remaining_packet_payload(wsi);
	const WsHandlers *handlers = connection->ws->handlers;
	bool is_whole = lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi);

	if (connection->is_deaf)
		return 0;
	if (lws_frame_is_binary(wsi))
		refuse(connection, REASON_BINARY);
	else if (promised > connection->ws->options.max_message_size - connection->message.size)
		refuse(connection, REASON_TOO_LARGE);
	else if (is_whole && !connection->message.size)
		handlers->on_message(connection->session, bytes, size);
	else
	{
		buf_append(&connection->message, bytes, size);
		if (connection->message.failed)
			return -1;
		if (is_whole)
		{
			handlers->on_message(connection->session, buf_text(&connection->message), connection->message.size);
			buf_free(&connection->message);
		}
	}
	return 0;
}

static int
handle_piece(struct lws *wsi, const char *bytes, size_t size)
{
	Connection *connection = lws_get_opaque_user_data(wsi);
	int result;

	connection->is_reading = true;
	result = take_piece(connection, bytes, size);
	connection->is_reading = false;
	return result;
}

/* A reply goes out in the callback, behind the pong that may be due for the same bytes. */
void
ws_wake(Connection *connection)
{
	Ws *ws = connection->ws;

	if (connection->is_reading)
	{
		lws_callback_on_writable(connection->wsi);
		return;
	}
	if (!ws->busy_since_ms)
		ws->busy_since_ms = clock_monotonic_ms();
	if (!list_is_linked(&connection->in_awake))
		list_append(&ws->awake_list, &connection->in_awake);
	if (ws->writer && !loop_timer_is_started(ws->writer))
		loop_timer_start(ws->writer, 0);
}

void
ws_close(Connection *connection, Reason reason)
{
	connection->closing = reason;
	connection->is_deaf = true;
	lws_set_timeout(connection->wsi, PENDING_TIMEOUT_CLOSE_SEND, CLOSE_TIMEOUT_S);
	lws_callback_on_writable(connection->wsi);
}

/* Writes the session's next frame.  False when the line is broken. */
static bool
write_frame(Connection *connection, bool *is_written)
{
	const WsHandlers *handlers = connection->ws->handlers;
	Frame *frame = connection->session ? handlers->on_room(connection->session) : NULL;

	*is_written = false;
	if (!frame)
		return true;
	if (lws_write(connection->wsi, frame_bytes(frame), frame->size, LWS_WRITE_TEXT) < 0)
		return false;
	handlers->on_written(connection->session);
	*is_written = true;
	return true;
}

/*
 * A broken line is written to again in its callback, which can end it.  What
 * was written may have made room for more, which has waked the connection.
 */
static void
write_to(Connection *connection)
{
	bool is_written = false;
	bool is_waiting = connection->closing || lws_partial_buffered(connection->wsi) ||
					  !write_frame(connection, &is_written) || (is_written && lws_partial_buffered(connection->wsi));

	if (is_waiting)
		lws_callback_on_writable(connection->wsi);
	else if (is_written && !list_is_linked(&connection->in_awake) && connection->ws->handlers->has_more(connection->session))
		list_append(&connection->ws->awake_list, &connection->in_awake);
}

static void
write_to_awake(void *owner)
{
	Ws *ws = owner;
	ListNode *node;

	for (int i = 0; i < WRITE_BURST && (node = list_take_first(&ws->awake_list)); i++)
		write_to(list_object(node, Connection, in_awake));
	if (list_is_empty(&ws->awake_list))
		ws->busy_since_ms = 0;
	else
		loop_timer_start(ws->writer, 0);
}

int64_t
ws_busy_ms(const Ws *ws)
{
	return ws->busy_since_ms ? clock_monotonic_ms() - ws->busy_since_ms : 0;
}

static int
handle_room(struct lws *wsi)
{
	Connection *connection = lws_get_opaque_user_data(wsi);
	bool is_written;

	if (!write_frame(connection, &is_written))
		return -1;
	if (is_written)
	{
		if (connection->closing || connection->ws->handlers->has_more(connection->session))
			lws_callback_on_writable(wsi);
		return 0;
	}
	if (!connection->closing)
		return 0;
	lws_close_reason(wsi, (enum lws_close_status) reason_code(connection->closing),
					 (unsigned char *) (uintptr_t) reason_text(connection->closing),
					 strlen(reason_text(connection->closing)));
	return -1;
}

static int
handle_close(struct lws *wsi)
{
	Connection *connection = lws_get_opaque_user_data(wsi);
	void *session = connection ? connection->session : NULL;

	if (!session)
		return 0;
	connection->session = NULL;
	connection->ws->handlers->on_close(session);
	return 0;
}

static int
handle_end(struct lws *wsi)
{
	Connection *connection = lws_get_opaque_user_data(wsi);

	if (!connection)
		return 0;
	lws_set_opaque_user_data(wsi, NULL);
	if (connection->session)
		connection->ws->handlers->on_close(connection->session);
	if (connection->visitor)
		connection->ws->handlers->on_turned_away(connection->ws->owner, connection->visitor);
	if (connection->kept)
		connection->abandon(connection->kept);
	connection_free(connection);
	return 0;
}

/* The library has made the context of a vhost that speaks TLS. */
static int
handle_context(struct lws *wsi, void *context)
{
	Ws *ws = lws_vhost_user(lws_get_vhost(wsi));

	return ws->options.tls && tls_dress(ws->options.tls, context) ? 0 : -1;
}

static int
ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size)
{
	switch (reason)
	{
		case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
			return handle_context(wsi, user);
		case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
			return handle_upgrade(wsi);
		case LWS_CALLBACK_HTTP:
			return handle_request(wsi);
		case LWS_CALLBACK_HTTP_BODY:
			return handle_body(wsi, in, size);
		case LWS_CALLBACK_HTTP_BODY_COMPLETION:
			return handle_body_end(wsi);
		case LWS_CALLBACK_HTTP_WRITEABLE:
			return handle_response_room(wsi);
		case LWS_CALLBACK_ESTABLISHED:
			return handle_open(wsi);
		case LWS_CALLBACK_RECEIVE:
			return handle_piece(wsi, in, size);
		case LWS_CALLBACK_SERVER_WRITEABLE:
			return handle_room(wsi);
		case LWS_CALLBACK_CLOSED:
			return handle_close(wsi);
		case LWS_CALLBACK_WSI_DESTROY:
			return handle_end(wsi);
		case LWS_CALLBACK_RAW_ADOPT: /* CONNECT turns a socket raw, without any timeout */
		case LWS_CALLBACK_RAW_RX:
			return -1;
		default:
			return 0;
	}
}
