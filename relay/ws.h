/*
 * ws.h
 *	  Serves HTTP and WebSocket clients.
 *
 * The receiver is the boss: a frame is taken from its session when it is
 * written, one at a time, and none while the socket has no room for the one
 * before.  Nobody's slowness is stored here.
 */
#ifndef WS_H
#define WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "frame.h"
#include "gate.h"
#include "http.h"
#include "loop.h"
#include "reason.h"
#include "tls.h"

typedef struct Ws Ws;

/* One client's TCP connection.  It ends, and its memory goes, after on_close or by itself. */
typedef struct Connection Connection;

typedef struct WsOptions
{
	size_t max_message_size;	  /* a longer message is answered and closed with 1009 */
	unsigned max_connections;	  /* over all listeners */
	unsigned ping_interval_s;	  /* a silent client is pinged */
	unsigned ping_timeout_s;	  /* and dropped after so much silence */
	int64_t handshake_timeout_ms; /* for a whole request, from the connection's begin or the last answer */
	Tls *tls;					  /* NULL: clients speak plain; outlives the Ws */
	Gate *gate;					  /* clients pass it; outlives the Ws */
} WsOptions;

typedef struct WsHandlers
{
	/*
	 * A request to upgrade on /ws with all headers right.  True lets it in,
	 * with *visitor to be kept; false has filled the response.
	 */
	bool (*on_upgrade)(void *owner, const HttpRequest *request, HttpResponse *response, void **visitor);

	/* The WebSocket is open.  The result is passed to the others; NULL ends it. */
	void *(*on_open)(void *owner, Connection *connection, const char *peer, void *take_visitor);

	/* It did not come to that. */
	void (*on_turned_away)(void *owner, void *take_visitor);

	/* One whole text message. */
	void (*on_message)(void *session, const char *bytes, size_t size);

	/* A message that was not taken: REASON_TOO_LARGE or REASON_BINARY. */
	void (*on_refused)(void *session, Reason reason);

	/* The frame to write now, NULL for none; that it was written; whether another waits. */
	Frame *(*on_room)(void *session);
	void (*on_written)(void *session);
	bool (*has_more)(void *session);

	/* The WebSocket has ended.  The session is not used any more. */
	void (*on_close)(void *session);

	/* A whole request.  It is answered with ws_respond(), now or later. */
	void (*on_request)(void *owner, Connection *connection, HttpRequest *request);
} WsHandlers;

/* NULL without memory.  The handlers outlive it. */
Ws *ws_new(Loop *loop, const WsOptions *options, const WsHandlers *handlers, void *owner);

/* The loop is about to go: nothing is accepted, timed or written any more. */
void ws_end(Ws *ws);

/* After the loop, with whose context the sockets still open have gone, without handlers being called. */
void ws_free(Ws *ws);

/* False, with errno set, when the address cannot be had. */
bool ws_listen(Ws *ws, const Address *address, bool is_admin);

/* No new connections. */
void ws_stop_listening(Ws *ws);

/* Asks for on_room soon, and again while the client takes frames. */
void ws_wake(Connection *connection);

/* Sends what on_room still gives, then closes; a client that does not read is cut off. */
void ws_close(Connection *connection, Reason reason);

/* Answers the one open request.  Takes the response. */
void ws_respond(Connection *connection, HttpResponse take_response);

/*
 * Keeps something with the connection of an open request, to be told when it
 * ends unanswered; NULL takes it back.
 */
void ws_keep(Connection *connection, void *kept, void (*abandon)(void *kept));

unsigned ws_connection_count(const Ws *ws);

/* For how long there have been frames to write to clients with room for them, without a pause. */
int64_t ws_busy_ms(const Ws *ws);

/* Requests that have no whole answer yet. */
unsigned ws_answering_count(const Ws *ws);

/* Bytes of answers that clients have not taken yet, but for those that several share. */
size_t ws_held_size(const Ws *ws);

#endif
