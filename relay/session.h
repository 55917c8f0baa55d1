/*
 * session.h
 *	  One WebSocket client: who it is, what waits to be sent to it, its limits.
 *
 * A session is OPEN until it is told to close or its line ends.  A closing
 * session takes no more frames; what it already holds goes out first, except
 * to a slow reader, whose queue is the problem, and to one whose rights have
 * changed: their queues are thrown away.
 *
 * An open session is live, or behind: it then has a Replay (replay.h), which
 * brings it up to the newest event.  The hub gives events to live ones only.
 *
 * Nothing is written here.  When the queue gets its first entry, or the
 * session must end, the sink is told; the transport then takes frame by frame
 * as fast as the receiver accepts them (see ws.c).
 *
 * A session belongs to who made it, who frees it after the transport has
 * reported the end of the connection and never earlier.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bucket.h"
#include "event.h"
#include "frame.h"
#include "list.h"
#include "queue.h"
#include "reason.h"
#include "scope.h"

typedef enum SessionState
{
	SESSION_OPEN,
	SESSION_CLOSING /* takes no frames; stays on the hub's lists until the line ends */
} SessionState;

/* What a session asks of its transport.  Neither call ends the session at once. */
typedef struct SessionSink
{
	void *line;
	void (*wake)(void *line);				  /* there is something to send */
	void (*close)(void *line, Reason reason); /* send what is left, then close */
} SessionSink;

typedef struct SessionLimits
{
	size_t conflate_size;		  /* bytes queued beyond which states are conflated */
	size_t queue_size;			  /* and beyond which a reader is slow */
	size_t replay_size;			  /* and beyond which no more history is put behind them (replay.h) */
	bool is_lagging;			  /* the relay cannot send all that happens: live sessions conflate */
	unsigned channel_count;		  /* channels followed at a time */
	unsigned messages_per_second; /* refill of the bucket */
	unsigned message_burst;		  /* size of the bucket */
	size_t *total_size;			  /* counts the bytes queued by all sessions; may be NULL */
} SessionLimits;

typedef struct Session
{
	uint64_t number; /* for the log */
	SessionState state;
	Reason reason;		/* why it closes */
	char *organization; /* NULL until it is known who this is */
	char *subject;		/* likewise */
	Scope *scope;		/* NULL until the database has said */
	char *peer;			/* address, for the log */
	const SessionLimits *limits;
	SessionSink sink;

	Dialect dialect;
	bool accepts_batch;	   /* several events in one frame */
	bool always_conflates; /* asked for fewer frames */

	Queue queue;
	size_t queue_size;		/* bytes that waited when it was closed as slow, for the log */
	size_t conflated_count; /* events saved since somebody asked */
	Frame *outgoing;		/* to be written now; NULL until asked for */
	size_t outgoing_count;	/* entries of the queue it stands for */

	Bucket messages;
	unsigned refused_count; /* since the bucket was last full */

	/* Used by the hub. */
	ListNode in_hub;
	List subscriptions;
	unsigned subscription_count;
	uint64_t published_mark; /* number of the last publication that reached it */

	struct Replay *replay; /* NULL while live */
} Session;

/* Copies the address; the limits are shared and outlive the session.  NULL without memory. */
Session *session_new(const char *peer, const SessionLimits *limits, SessionSink sink);

/* The session must be on no list of the hub, and have no replay.  NULL is fine. */
void session_free(Session *session);

/* Says who it is, before the database is asked what that one may see.  False without memory. */
bool session_identify(Session *session, const char *organization, const char *subject);

/* Shares the scope; NULL takes it away. */
void session_set_scope(Session *session, Scope *scope);

/*
 * Queues a reply, or an event, sharing it.  A session over its limit, or
 * without memory, closes itself; a closing one ignores both.  False when
 * nothing was queued.
 */
bool session_send(Session *session, Frame *frame);
bool session_send_barrier(Session *session, Frame *frame); /* see queue.h */
bool session_send_event(Session *session, Event *event);

/* Lets newer states take the place of those that wait; returns how many were saved. */
size_t session_conflate(Session *session);

/* Whether anything waits. */
bool session_has_output(const Session *session);

/*
 * The frame to write now; NULL when nothing waits, or without memory (the
 * session then closes).  It stays the session's.  It stands for the first
 * outgoing_count entries of the queue.
 */
Frame *session_next(Session *session);

/* The frame has been written: drops what it stood for. */
void session_pop(Session *session);

/* Begins to close.  The first reason given counts. */
void session_close(Session *session, Reason reason);

/*
 * Takes one message from the bucket.  When it is empty the answer is false and
 * *retry_after_ms says when the next message will be taken; a client that goes
 * on all the same is closed as overloading.
 */
bool session_admit(Session *session, int64_t now_ms, int64_t *retry_after_ms);

/* The same for a message that counts as several; more than the bucket holds are as many as it holds. */
bool session_admit_many(Session *session, unsigned count, int64_t now_ms, int64_t *retry_after_ms);

#endif
