/*
 * session.h
 *	  One WebSocket client: what waits to be sent to it, and its limits.
 *
 * A session is OPEN until it is told to close or its line ends.  A closing
 * session takes no more frames; what it already holds goes out first, except
 * to a slow reader, whose queue is the problem and is thrown away.
 *
 * Nothing is written here.  When the queue gets its first frame, or the
 * session must end, the sink is told; the transport then takes frame by frame
 * as fast as the receiver accepts them (see ws.c).
 *
 * A session belongs to the relay, which frees it after the transport has
 * reported the end of the connection and never earlier.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "frame.h"
#include "list.h"
#include "reason.h"

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
	size_t queue_size;			  /* bytes queued beyond which a reader is slow */
	unsigned channel_count;		  /* channels followed at a time */
	unsigned messages_per_second; /* refill of the bucket */
	unsigned message_burst;		  /* size of the bucket */
} SessionLimits;

typedef struct QueuedFrame
{
	Frame *frame;
	int64_t created_at_us; /* of the event; 0 for a reply */
} QueuedFrame;

typedef struct Session
{
	uint64_t number; /* for the log */
	SessionState state;
	Reason reason; /* why it closes */
	char *organization;
	char *peer; /* address, for the log */
	const SessionLimits *limits;
	SessionSink sink;

	/* The queue: a ring of frames, allocated while it is not empty. */
	QueuedFrame *ring;
	size_t ring_capacity; /* a power of two, or 0 */
	size_t ring_first;
	size_t ring_count;
	size_t queued_size; /* bytes of all queued frames */

	/* The bucket of messages: thousandths, so that refills do not round away. */
	int64_t tokens_milli;
	int64_t tokens_at_ms;
	unsigned refused_count; /* since the bucket was last full */

	/* Used by the hub. */
	ListNode in_hub;
	List subscriptions;
	unsigned subscription_count;
	uint64_t published_mark; /* number of the last publication that reached it */
} Session;

/*
 * Copies the strings; the limits are shared and outlive the session.
 * NULL without memory.
 */
Session *session_new(const char *organization, const char *peer, const SessionLimits *limits, SessionSink sink);

/* The session must be on no list of the hub.  NULL is fine. */
void session_free(Session *session);

/*
 * Queues a frame, sharing it.  created_at_us is the event's time, 0 for a
 * reply.  A session over its limit, or without memory, closes itself; a
 * closing one ignores the frame.  False when the frame was not queued.
 */
bool session_send(Session *session, Frame *frame, int64_t created_at_us);

/* The next frame to write, NULL when nothing waits.  It stays queued. */
const QueuedFrame *session_peek(const Session *session);

/* Drops the frame peeked, which has been written. */
void session_pop(Session *session);

/* Begins to close.  The first reason given counts. */
void session_close(Session *session, Reason reason);

/*
 * Takes one message from the bucket.  When it is empty the answer is false and
 * *retry_after_ms says when the next message will be taken; a client that goes
 * on all the same is closed as overloading.
 */
bool session_admit(Session *session, int64_t now_ms, int64_t *retry_after_ms);

#endif
