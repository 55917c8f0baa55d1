/*
 * client.h
 *	  What a WebSocket client says, and what is done about it.
 *
 * A client is in one phase:
 *
 *	  AWAITING_HELLO  it offered the subprotocol and has not said who it is
 *	  ASKING          the database is asked what it may see; messages wait
 *	  READY           messages are handled as they come
 *
 * It is registered under its subject before the question is asked, so that a
 * change of rights finds it whichever comes first.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "access.h"
#include "auth.h"
#include "config.h"
#include "history.h"
#include "hub.h"
#include "loop.h"
#include "replay.h"
#include "stream.h"
#include "ws.h"

typedef struct Clients Clients;
typedef struct Client Client;

/* What clients are served with.  Borrowed; outlives them. */
typedef struct ClientServices
{
	Loop *loop;
	const Config *config;
	const SessionLimits *limits;
	Auth *auth;
	Access *access;
	Hub *hub;
	Stream *stream;
	Replays *replays;
	History *history;
	void (*on_gone)(void *owner); /* a client has gone */
	void *owner;
} ClientServices;

/* Who asked for an upgrade, kept until the WebSocket is open. */
typedef struct Visitor
{
	Token token;
	bool awaits_hello; /* it will say who it is */
} Visitor;

void visitor_free(Visitor *visitor);

/* NULL without memory. */
Clients *clients_new(const ClientServices *services);

/* The loop is about to go, and the clients with it: nobody is kept waiting any more. */
void clients_end(Clients *clients);

/* No client may be left.  NULL is fine. */
void clients_free(Clients *clients);

/* How many have not said who they are. */
unsigned clients_awaiting_count(const Clients *clients);

/* Something happened to all: the database link, and a restart. */
void clients_tell_fresh(Clients *clients, bool is_fresh);
void clients_tell_drain(Clients *clients);

/* Once a second: deadlines of hellos and tokens. */
void clients_tick(Clients *clients);

/* Handlers of a WebSocket (ws.h).  NULL without memory. */
Client *client_open(Clients *clients, Connection *connection, const char *peer, Visitor *take_visitor);
void client_message(void *client, const char *bytes, size_t size);
void client_refused(void *client, Reason reason);
Frame *client_room(void *client);
void client_written(void *client);
bool client_has_more(void *client);
void client_close(void *client);

#endif
