/*
 * client.h
 *	  A WebSocket client: from its opening to its end.
 *
 * A client is in one phase:
 *
 *	  AWAITING_HELLO  it offered the subprotocol and has not said who it is
 *	  ASKING          the database is asked what it may see, or the log has not
 *	                  been read yet; messages wait
 *	  READY           messages are handled as they come
 *
 * It is registered under its subject before the question is asked, so that a
 * change of rights finds it whichever comes first.
 *
 * When the log begins anew, changes of rights may have been lost with the old
 * one.  A client that is READY goes back to ASKING then, without a scope, so
 * that nothing reaches it, and is sent everything anew with the answer.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "access.h"
#include "auth.h"
#include "config.h"
#include "history.h"
#include "hub.h"
#include "log.h"
#include "loop.h"
#include "presence.h"
#include "protocol.h"
#include "quota.h"
#include "replay.h"
#include "stream.h"
#include "writer.h"
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
	Writer *writer;
	Presence *presence;
	Roster *roster;
} ClientServices;

/* 128 random bits in hex. */
#define CONNECTION_ID_SIZE 32

typedef enum ClientPhase
{
	CLIENT_AWAITING_HELLO,
	CLIENT_ASKING,
	CLIENT_READY
} ClientPhase;

/* Read and written by client.c and talk.c only. */
struct Client
{
	ListNode in_clients;
	ListNode in_paced;
	ListNode in_early;
	Clients *clients;
	Session *session;
	ClientPhase phase;
	bool is_resyncing; /* ASKING, having been READY */
	int64_t opened_at_ms;
	bool has_said_hello;
	char connection_id[CONNECTION_ID_SIZE + 1]; /* "" before welcome */
	Attendances attendances;

	Identity *identity;
	Quota *quota; /* of its user; NULL while that is not known, or not counted */
	char *claims;
	int64_t expires_at_ms; /* of the token, wall clock; 0: never */
	uint64_t key_number;   /* of the key it was signed with */
	bool is_warned;		   /* that it expires */

	/* A new token that the database is asked about. */
	Identity *next_identity;
	Token next_token;
	char next_id[MESSAGE_ID_SIZE + 1];

	List receipts; /* of operations that are not answered yet (talk.c) */
	Buf pending;   /* messages, each with its size before it */
	int64_t frame_interval_ms;
	int64_t next_frame_ms;
};

struct Clients
{
	ClientServices with;
	List list;
	List paced;
	List early; /* to be asked about when the log has been read */
	LoopTimer *pacer;
	Quotas *users;
	unsigned awaiting_count;
	int64_t stale_since_ms; /* wall clock; 0: what is shown is fresh */
	LogGate slow_gate;
	LogGate crowd_gate;
};

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

/* How many speak the plain dialect, and protocol 1. */
void clients_count_protocols(const Clients *clients, unsigned *plain_count, unsigned *one_count);

/* Something happened to all: the database link, and a restart. */
void clients_tell_fresh(Clients *clients, bool is_fresh);

/* Like tell_fresh, to one who has just said hello and may not have been told. */
void client_tell_stale(Client *client);

/* The log has been read: those wait no longer who came before. */
void clients_advance(Clients *clients);

/* The log has begun anew, and what is known of rights is in doubt (access.h). */
void clients_resync(Clients *clients);
void clients_tell_drain(Clients *clients);

/* Once a second: deadlines of hellos and tokens. */
void clients_tick(Clients *clients);

/*
 * For talk.c.  Entering registers the client as somebody and asks what that one
 * may see; messages held meanwhile are handled then.  A message that cannot be
 * held closes the client, and the answer is false.
 */
void client_enter(Client *client, const Token *token);
void client_leave(Client *client);
bool client_hold(Client *client, const char *bytes, size_t size);
void client_set_expiry(Client *client, const Token *token);

/* At most so many frames a second go out, 0 for no bound of the client's own. */
void client_set_rate(Client *client, int64_t max_rate);

/* Handlers of a WebSocket (ws.h).  NULL without memory. */
Client *client_open(Clients *clients, Connection *connection, const char *peer, Visitor *take_visitor);
void client_message(void *client, const char *bytes, size_t size);
void client_refused(void *client, Reason reason);
Frame *client_room(void *client);
void client_written(void *client);
bool client_has_more(void *client);
void client_close(void *client);

#endif
