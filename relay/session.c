/*
 * session.c
 *	  One WebSocket client: what waits to be sent to it, and its limits.
 *
 * An idle session holds no queue memory: the ring is allocated with the first
 * frame and given back when a burst is over.  A short ring is kept, so that a
 * steady stream of single frames does not allocate at all.
 */
#include "session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define RING_FIRST_CAPACITY 4
#define RING_KEPT_CAPACITY 16

/*
 * Refused messages, in bursts, after which a client is no longer clumsy but
 * hostile.  Each refusal costs us an error frame.
 */
#define REFUSED_BURSTS 10

static uint64_t last_number;

Session *
session_new(const char *organization, const char *peer, const SessionLimits *limits, SessionSink sink)
{
	Session *session = calloc(1, sizeof *session);

	if (!session)
		return NULL;
	session->number = ++last_number;
	session->limits = limits;
	session->sink = sink;
	session->tokens_milli = (int64_t) limits->message_burst * 1000;
	session->organization = strdup(organization);
	session->peer = strdup(peer);
	list_init(&session->subscriptions);
	if (!session->organization || !session->peer)
	{
		session_free(session);
		return NULL;
	}
	return session;
}

static void
drop_queue(Session *session)
{
	while (session->ring_count)
		session_pop(session);
	free(session->ring);
	session->ring = NULL;
	session->ring_capacity = session->ring_first = 0;
}

void
session_free(Session *session)
{
	if (!session)
		return;
	assert(!list_is_linked(&session->in_hub) && !session->subscription_count);
	drop_queue(session);
	free(session->organization);
	free(session->peer);
	free(session);
}

/* Makes room for one more frame, unrolling the ring into the larger one. */
static bool
ring_reserve(Session *session)
{
	size_t capacity = session->ring_capacity ? session->ring_capacity * 2 : RING_FIRST_CAPACITY;
	QueuedFrame *ring;

	if (session->ring_count < session->ring_capacity)
		return true;
	ring = malloc(capacity * sizeof *ring);
	if (!ring)
		return false;
	for (size_t i = 0; i < session->ring_count; i++)
		ring[i] = session->ring[(session->ring_first + i) & (session->ring_capacity - 1)];
	free(session->ring);
	session->ring = ring;
	session->ring_capacity = capacity;
	session->ring_first = 0;
	return true;
}

bool
session_send(Session *session, Frame *frame, int64_t created_at_us)
{
	size_t last;

	if (session->state != SESSION_OPEN)
		return false;
	if (session->queued_size + frame->size > session->limits->queue_size)
	{
		session_close(session, REASON_SLOW_READER);
		return false;
	}
	if (!ring_reserve(session))
	{
		session_close(session, REASON_INTERNAL);
		return false;
	}
	last = (session->ring_first + session->ring_count) & (session->ring_capacity - 1);
	session->ring[last] = (QueuedFrame){frame_share(frame), created_at_us};
	session->queued_size += frame->size;
	if (session->ring_count++ == 0)
		session->sink.wake(session->sink.line);
	return true;
}

const QueuedFrame *
session_peek(const Session *session)
{
	return session->ring_count ? &session->ring[session->ring_first] : NULL;
}

void
session_pop(Session *session)
{
	QueuedFrame *first = &session->ring[session->ring_first];

	assert(session->ring_count > 0);
	session->queued_size -= first->frame->size;
	frame_release(first->frame);
	session->ring_first = (session->ring_first + 1) & (session->ring_capacity - 1);
	if (--session->ring_count == 0 && session->ring_capacity > RING_KEPT_CAPACITY)
	{
		free(session->ring);
		session->ring = NULL;
		session->ring_capacity = session->ring_first = 0;
	}
}

void
session_close(Session *session, Reason reason)
{
	if (session->state == SESSION_CLOSING)
		return;
	session->state = SESSION_CLOSING;
	session->reason = reason;
	if (reason == REASON_SLOW_READER)
		drop_queue(session);
	session->sink.close(session->sink.line, reason);
}

static void
refill(Session *session, int64_t now_ms)
{
	int64_t full = (int64_t) session->limits->message_burst * 1000;

	if (session->tokens_at_ms)
		session->tokens_milli += (now_ms - session->tokens_at_ms) * session->limits->messages_per_second;
	session->tokens_at_ms = now_ms;
	if (session->tokens_milli >= full)
	{
		session->tokens_milli = full;
		session->refused_count = 0;
	}
}

bool
session_admit(Session *session, int64_t now_ms, int64_t *retry_after_ms)
{
	refill(session, now_ms);
	if (session->tokens_milli >= 1000)
	{
		session->tokens_milli -= 1000;
		return true;
	}
	*retry_after_ms = (1000 - session->tokens_milli) / session->limits->messages_per_second + 1;
	if (++session->refused_count >= REFUSED_BURSTS * session->limits->message_burst)
		session_close(session, REASON_OVERLOADED);
	return false;
}
