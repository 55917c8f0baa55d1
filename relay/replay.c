/*
 * replay.c
 *	  Brings sessions up to the newest event without a gap.
 *
 * A Replay exists while its session is behind.  It stands in the ring, at the
 * entry `next`, or, when the ring does not have that, at `position`.  Every
 * step writes the position down, for the ring may drop the entry next to it.
 *
 * At most one question to the database is open per session; it has a number,
 * and answers with another number are late.
 */
#include "replay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct SnapshotWish
{
	ListNode in_replay;
	Channel channel;
	Channel after; /* the last item sent */
	char name[];
} SnapshotWish;

typedef struct Replay
{
	ListNode in_replays;
	Session *session;
	bool is_in_ring;
	uint64_t next;					  /* in the ring */
	char position[POSITION_SIZE + 1]; /* reached */
	List wishes;					  /* snapshots still to be sent */
	SnapshotPage page;				  /* one that waits to be covered */
	bool has_page;
	Cover cover; /* of it, from when it was asked for */
	bool is_asking;
	bool waits; /* for the stream to move */
	unsigned number;
} Replay;

struct Replays
{
	Hub *hub;
	Stream *stream;
	ReplaySource source;
	List behind;
	unsigned last_number; /* of a question */
};

Replays *
replays_new(Hub *hub, Stream *stream, const ReplaySource *source)
{
	Replays *replays = calloc(1, sizeof *replays);

	if (!replays)
		return NULL;
	replays->hub = hub;
	replays->stream = stream;
	replays->source = *source;
	list_init(&replays->behind);
	return replays;
}

void
replays_free(Replays *replays)
{
	if (!replays)
		return;
	assert(list_is_empty(&replays->behind));
	free(replays);
}

/* Standing somewhere */

static void
stand_at_head(Replays *replays, Replay *replay)
{
	strcpy(replay->position, stream_position(replays->stream));
	replay->next = stream_end(replays->stream);
	replay->is_in_ring = true;
	replay->is_asking = replay->waits = false;
	replay->number = 0;
}

bool
replay_begin(Replays *replays, Session *session)
{
	Replay *replay = session->replay;

	if (replay)
		return true;
	replay = calloc(1, sizeof *replay);
	if (!replay)
		return false;
	replay->session = session;
	list_init(&replay->wishes);
	list_append(&replays->behind, &replay->in_replays);
	session->replay = replay;
	stand_at_head(replays, replay);
	return true;
}

void
replay_start(Replays *replays, Session *session)
{
	if (session->replay && !*session->replay->position)
		stand_at_head(replays, session->replay);
}

void
replay_seek(Session *session, const char *position)
{
	Replay *replay = session->replay;

	assert(strlen(position) <= POSITION_SIZE);
	strcpy(replay->position, position);
	replay->is_in_ring = false;
}

bool
replay_add_snapshot(Session *session, const Channel *channel, const char *name)
{
	SnapshotWish *wish;

	if (channel->is_presence)
		return true;
	wish = calloc(1, sizeof *wish + strlen(name) + 1);
	if (!wish)
		return false;
	wish->channel = *channel;
	strcpy(wish->name, name);
	list_append(&session->replay->wishes, &wish->in_replay);
	return true;
}

const char *
replay_position(const Replays *replays, const Session *session)
{
	return session->replay ? session->replay->position : stream_position(replays->stream);
}

static void
drop_page(Replay *replay)
{
	buf_free(&replay->page.items);
	replay->has_page = false;
}

static void
drop_wishes(Replay *replay)
{
	ListNode *node;

	drop_page(replay);
	while ((node = list_take_first(&replay->wishes)))
		free(list_object(node, SnapshotWish, in_replay));
}

void
replay_end(Session *session)
{
	Replay *replay = session->replay;

	if (!replay)
		return;
	session->replay = NULL;
	drop_wishes(replay);
	list_remove(&replay->in_replays);
	free(replay);
}

/* Sending */

static void
send_text(Session *session, Buf *text)
{
	Frame *frame = text->failed ? NULL : frame_of(text->bytes, text->size);

	if (frame)
		session_send_barrier(session, frame);
	else
		session_close(session, REASON_INTERNAL);
	frame_release(frame);
	buf_free(text);
}

static void
deliver(Replays *replays, Replay *replay, Event *event)
{
	strcpy(replay->position, event->position);
	if (hub_is_for(replays->hub, replay->session, event))
		session_send_event(replay->session, event);
}

static void
send_page(Replay *replay)
{
	SnapshotWish *wish = list_object(list_first(&replay->wishes), SnapshotWish, in_replay);
	Buf text = {0};

	buf_append_text(&text, "{\"type\":\"snapshot\",\"channel\":");
	buf_append_json(&text, wish->name);
	buf_printf(&text, ",\"position\":\"%s\",\"items\":", replay->position);
	buf_append(&text, replay->page.items.bytes, replay->page.items.size);
	buf_append_text(&text, replay->page.has_more ? ",\"more\":true}" : "}");
	text.failed = text.failed || replay->page.items.failed;
	send_text(replay->session, &text);
	if (replay->page.has_more)
		wish->after = replay->page.last;
	else
	{
		list_remove(&wish->in_replay);
		free(wish);
	}
	drop_page(replay);
}

/* Steps: each returns whether there may be another one. */

static unsigned
begin_question(Replays *replays, Replay *replay)
{
	replay->is_asking = true;
	replay->number = ++replays->last_number;
	return replay->number;
}

static bool
step_snapshot(Replays *replays, Replay *replay)
{
	SnapshotWish *wish = list_object(list_first(&replay->wishes), SnapshotWish, in_replay);
	CoverState state = replay->has_page ? cover_state(&replay->cover, replays->stream) : COVER_VOID;

	if (state == COVER_REACHED)
		send_page(replay);
	else if (state == COVER_AWAITED)
		replay->waits = true;
	else
	{
		drop_page(replay);
		replay->cover = cover_begin(replays->stream);
		replays->source.ask_snapshot(replays->source.owner, replay->session, begin_question(replays, replay),
									 &wish->channel, &wish->after);
	}
	return true;
}

static bool
step_ring(Replays *replays, Replay *replay)
{
	Event *event = stream_entry(replays->stream, replay->next);

	if (event)
	{
		replay->next++;
		deliver(replays, replay, event);
		return true;
	}
	if (!stream_has(replays->stream, replay->next))
	{
		replay->is_in_ring = false;
		return true;
	}
	replay_end(replay->session);
	return false;
}

static bool
step_log(Replays *replays, Replay *replay)
{
	if (stream_find(replays->stream, replay->position, &replay->next))
		replay->is_in_ring = true;
	else
		replays->source.ask_log(replays->source.owner, replay->session, begin_question(replays, replay),
								replay->position);
	return true;
}

/* The source may answer within the question, so everything is looked at anew. */
void
replay_pump(Replays *replays, Session *session)
{
	Replay *replay = session->replay;
	bool goes_on = true;

	while (goes_on && replay && session->replay == replay && session->state == SESSION_OPEN && session->scope &&
		   !replay->is_asking && !replay->waits && session->queue.size < session->limits->replay_size &&
		   *stream_position(replays->stream))
	{
		if (!list_is_empty(&replay->wishes))
			goes_on = step_snapshot(replays, replay);
		else if (replay->is_in_ring)
			goes_on = step_ring(replays, replay);
		else
			goes_on = step_log(replays, replay);
	}
}

/* Answers */

/* The replay whose open question has this number; it is closed now. */
static Replay *
answered(Session *session, unsigned number)
{
	Replay *replay = session->replay;

	if (!replay || !replay->is_asking || replay->number != number)
		return NULL;
	replay->is_asking = false;
	return replay;
}

/* A page of the log is not measured before it comes; half of the queue is kept for what must not be cut. */
static bool
is_full(const Session *session)
{
	return session->queue.size >= session->limits->queue_size / 2;
}

/*
 * Takes events until the ring has the rest, the relay's own reading is
 * reached, or the client has to take some first; the rest is asked for again
 * then.  False when the page is used up.
 */
static bool
take_events(Replays *replays, Replay *replay, const LogPage *page)
{
	for (size_t i = 0; i < page->count; i++)
	{
		if (stream_find(replays->stream, replay->position, &replay->next))
		{
			replay->is_in_ring = true;
			return true;
		}
		if (page->events[i]->tick > stream_tick(replays->stream))
		{
			replay->waits = true;
			return true;
		}
		if (is_full(replay->session))
			return true;
		deliver(replays, replay, page->events[i]);
	}
	return false;
}

void
replay_take_log(Replays *replays, Session *session, unsigned number, const LogPage *page)
{
	Replay *replay = answered(session, number);

	if (!replay)
		return;
	if (!take_events(replays, replay, page))
	{
		strcpy(replay->position, page->position);
		if (page->tick < stream_tick(replays->stream) && !page->has_more)
			replay->is_in_ring = stream_find_tick(replays->stream, page->tick, &replay->next);
		else if (!page->has_more)
			replay->waits = !stream_find(replays->stream, replay->position, &replay->next);
	}
	replay_pump(replays, session);
}

void
replay_take_snapshot(Replays *replays, Session *session, unsigned number, SnapshotPage *take_page)
{
	Replay *replay = answered(session, number);

	if (!replay)
	{
		buf_free(&take_page->items);
		return;
	}
	replay->page = *take_page;
	replay->has_page = true;
	replay->cover.tick = take_page->covered_by;
	replay_pump(replays, session);
}

static void
wish_channel(void *owner, const char *name)
{
	Session *session = owner;
	Channel channel;

	if (!channel_parse(&channel, name) || !replay_add_snapshot(session, &channel, name))
		session_close(session, REASON_INTERNAL);
}

void
replay_resync(Replays *replays, Session *session)
{
	Buf text = {0};

	if (session->dialect == DIALECT_PLAIN)
	{
		session_close(session, REASON_STALE);
		return;
	}
	if (!replay_begin(replays, session))
	{
		session_close(session, REASON_INTERNAL);
		return;
	}
	drop_wishes(session->replay);
	stand_at_head(replays, session->replay);
	buf_printf(&text, "{\"type\":\"resync\",\"position\":\"%s\"}", session->replay->position);
	send_text(session, &text);
	if (session->scope)
		hub_each_channel(session, wish_channel, session);
}

/* Where the log begins anew there is no head yet: all are sent there when it is known. */
void
replay_lose(Replays *replays, Session *session, unsigned number)
{
	Replay *replay = answered(session, number);

	if (!replay)
		return;
	replay->waits = !*stream_position(replays->stream);
	if (replay->waits)
		return;
	replay_resync(replays, session);
	replay_pump(replays, session);
}

void
replay_retry(Session *session, unsigned number)
{
	Replay *replay = answered(session, number);

	if (replay)
		replay->waits = true;
}

/* A pump may end its replay, and only that. */
void
replays_advance(Replays *replays)
{
	ListNode *next;

	for (ListNode *node = list_first(&replays->behind); node; node = next)
	{
		Replay *replay = list_object(node, Replay, in_replays);

		next = list_next(&replays->behind, node);
		if (!replay->waits)
			continue;
		replay->waits = false;
		replay_pump(replays, replay->session);
	}
}

bool
replays_await_cover(const Replays *replays)
{
	for (ListNode *node = list_first(&replays->behind); node; node = list_next(&replays->behind, node))
		if (list_object(node, Replay, in_replays)->has_page)
			return true;
	return false;
}
