/*
 * session.c
 *	  One WebSocket client: who it is, what waits to be sent to it, its limits.
 *
 * The frame that goes out is made at the moment of writing: until then a newer
 * state may still take the place of the one that waits.  Most frames are
 * those that all receivers of an event share.
 */
#include "session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"

/* The bytes of one batch frame, about. */
#define BATCH_SIZE 65536

/*
 * Refused messages, in bursts, after which a client is no longer clumsy but
 * hostile.  Each refusal costs us an error frame.
 */
#define REFUSED_BURSTS 10

static uint64_t last_number;

Session *
session_new(const char *peer, const SessionLimits *limits, SessionSink sink)
{
	Session *session = calloc(1, sizeof *session);

	if (!session)
		return NULL;
	session->number = ++last_number;
	session->limits = limits;
	session->sink = sink;
	session->queue.total_size = limits->total_size;
	session->peer = strdup(peer);
	list_init(&session->subscriptions);
	if (session->peer)
		return session;
	session_free(session);
	return NULL;
}

/* What is being made for the transport no longer fits the queue. */
static void
forget_outgoing(Session *session)
{
	frame_release(session->outgoing);
	session->outgoing = NULL;
	session->outgoing_count = 0;
}

static void
drop_queue(Session *session)
{
	forget_outgoing(session);
	queue_clear(&session->queue);
}

void
session_free(Session *session)
{
	if (!session)
		return;
	assert(!list_is_linked(&session->in_hub) && !session->subscription_count && !session->replay);
	drop_queue(session);
	scope_release(session->scope);
	free(session->organization);
	free(session->subject);
	free(session->peer);
	free(session);
}

bool
session_identify(Session *session, const char *organization, const char *subject)
{
	free(session->organization);
	free(session->subject);
	session->organization = strdup(organization);
	session->subject = strdup(subject);
	return session->organization && session->subject;
}

void
session_set_scope(Session *session, Scope *scope)
{
	scope_release(session->scope);
	session->scope = scope ? scope_share(scope) : NULL;
}

size_t
session_conflate(Session *session)
{
	size_t count;

	forget_outgoing(session);
	count = queue_conflate(&session->queue);
	session->conflated_count += count;
	return count;
}

/* After an entry was added: keeps the queue within its bounds. */
static bool
settle(Session *session, bool is_added, bool was_empty)
{
	if (!is_added)
	{
		session_close(session, REASON_INTERNAL);
		return false;
	}
	if (session->queue.size > session->limits->conflate_size && !session->queue.is_conflating)
		session_conflate(session);
	if (session->queue.size > session->limits->queue_size)
	{
		session->queue_size = session->queue.size;
		session_close(session, REASON_SLOW_READER);
		return false;
	}
	if (was_empty)
		session->sink.wake(session->sink.line);
	return true;
}

static bool
send_frame(Session *session, Frame *frame, bool is_barrier)
{
	bool was_empty = session->queue.count == 0;

	if (session->state != SESSION_OPEN)
		return false;
	return settle(session, queue_add_frame(&session->queue, frame, is_barrier), was_empty);
}

bool
session_send(Session *session, Frame *frame)
{
	return send_frame(session, frame, false);
}

bool
session_send_barrier(Session *session, Frame *frame)
{
	return send_frame(session, frame, true);
}

bool
session_send_event(Session *session, Event *event)
{
	Queue *queue = &session->queue;
	size_t count = queue->count;
	bool is_added;

	if (session->state != SESSION_OPEN)
		return false;
	if (!queue->is_conflating && (session->always_conflates || (session->limits->is_lagging && !session->replay)))
		session_conflate(session);
	if (queue->is_conflating)
		forget_outgoing(session);
	is_added = queue_add_event(queue, event);
	if (is_added && count && queue->count == count)
		session->conflated_count++;
	return settle(session, is_added, count == 0);
}

/* Making what goes out */

/* How many events at the front go out in one frame. */
static size_t
count_batch(const Session *session)
{
	const Queue *queue = &session->queue;
	size_t count = 0;
	size_t size = 0;

	while (session->accepts_batch && count < queue->count && count < BATCH_MAX_COUNT && size < BATCH_SIZE &&
		   queue_entry(queue, count)->event)
		size += queue_entry(queue, count++)->event->cost;
	return count ? count : 1;
}

/* A frame of the session's own, or another reference to a shared one. */
static Frame *
build_single(const Session *session, const QueueEntry *entry)
{
	Buf text = {0};
	Frame *frame = entry->frame;

	if (entry->event && !entry->position)
		frame = event_frame(entry->event, session->dialect);
	if (frame || !entry->event)
		return frame ? frame_share(frame) : NULL;
	event_append(&text, entry->event, session->dialect, entry->position, entry->count);
	frame = text.failed ? NULL : frame_of(text.bytes, text.size);
	buf_free(&text);
	return frame;
}

bool
session_has_output(const Session *session)
{
	return session->queue.count > 0;
}

Frame *
session_next(Session *session)
{
	if (session->outgoing || !session->queue.count)
		return session->outgoing;
	session->outgoing_count = count_batch(session);
	if (session->outgoing_count > 1)
		session->outgoing = batch_frame(&session->queue, session->outgoing_count, session->dialect);
	else
		session->outgoing = build_single(session, queue_entry(&session->queue, 0));
	if (!session->outgoing)
	{
		drop_queue(session);
		session_close(session, REASON_INTERNAL);
	}
	return session->outgoing;
}

void
session_pop(Session *session)
{
	for (size_t i = 0; i < session->outgoing_count; i++)
		queue_pop(&session->queue);
	forget_outgoing(session);
}

/* Ending, and limits */

void
session_close(Session *session, Reason reason)
{
	if (session->state == SESSION_CLOSING)
		return;
	session->state = SESSION_CLOSING;
	session->reason = reason;
	if (reason == REASON_SLOW_READER || reason == REASON_ACCESS_CHANGED)
		drop_queue(session);
	session->sink.close(session->sink.line, reason);
}

bool
session_admit_many(Session *session, unsigned count, int64_t now_ms, int64_t *retry_after_ms)
{
	const SessionLimits *limits = session->limits;
	int64_t cost = count < limits->message_burst ? count : limits->message_burst;

	bucket_refill(&session->messages, limits->messages_per_second, now_ms);
	if (!session->messages.taken_milli)
		session->refused_count = 0;
	if (bucket_take_many(&session->messages, cost, limits->messages_per_second, limits->message_burst, now_ms, retry_after_ms))
		return true;
	if (++session->refused_count >= REFUSED_BURSTS * limits->message_burst)
		session_close(session, REASON_OVERLOADED);
	return false;
}

bool
session_admit(Session *session, int64_t now_ms, int64_t *retry_after_ms)
{
	return session_admit_many(session, 1, now_ms, retry_after_ms);
}
