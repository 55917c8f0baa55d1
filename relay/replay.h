/*
 * replay.h
 *	  Brings sessions up to the newest event without a gap.
 *
 * A session that is behind stands at a position: everything before it was
 * sent, if it was for this session, and nothing after it.  From there it goes
 *
 *	  snapshots  page by page, each sent only when the relay has read a tick
 *	             that covers it, so that no page shows what a crash can undo
 *	             (cover.h);
 *	  log        in pages from the database, while the ring does not reach back
 *	             to the position;
 *	  ring       event by event;
 *
 * and is live when it has reached the end of the stream.  Nothing is buffered
 * for it meanwhile: what happens stays in the ring, or at worst in the log.
 * Each step waits until the client has taken most of what was sent before, so
 * that no history is too long for a queue.
 *
 * A page of the log is cut where the relay's own reading stands.  What comes
 * after it may have been taken away from this client by an access.changed that
 * the relay has not read yet.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "channel.h"
#include "cover.h"
#include "event.h"
#include "hub.h"
#include "session.h"
#include "stream.h"

typedef struct Replays Replays;

/*
 * Questions to the database.  The answer comes with the same number, through
 * replay_take_log(), replay_lose() or replay_take_snapshot(), perhaps after
 * the session has ended or has been sent elsewhere; it is then ignored.
 */
typedef struct ReplaySource
{
	void *owner;
	void (*ask_log)(void *owner, Session *session, unsigned number, const char *position);
	void (*ask_snapshot)(void *owner, Session *session, unsigned number, const Channel *channel, const Channel *after);
} ReplaySource;

/* A page of the log.  Everything is borrowed. */
typedef struct LogPage
{
	Event **events;
	size_t count;
	const char *position; /* after the page */
	int64_t tick;		  /* of that position */
	bool has_more;		  /* the log goes on behind it */
} LogPage;

/* A page of a snapshot. */
typedef struct SnapshotPage
{
	Buf items;			/* a JSON array; taken */
	int64_t covered_by; /* the tick from which on it may be shown */
	Channel last;		/* its last item */
	bool has_more;
} SnapshotPage;

/* NULL without memory.  Hub and stream outlive it. */
Replays *replays_new(Hub *hub, Stream *stream, const ReplaySource *source);

/* No session may be behind. */
void replays_free(Replays *replays);

/* The session stands at the head from now on, and waits there.  False without memory. */
bool replay_begin(Replays *replays, Session *session);

/* The stream has got its first position: who waited at its head stands there now. */
void replay_start(Replays *replays, Session *session);

/* Sends a session that is behind to a position that a client gave. */
void replay_seek(Session *session, const char *position);

/* Items of a channel are sent before anything else; presence has none.  name is how the client spells it. */
bool replay_add_snapshot(Session *session, const Channel *channel, const char *name);

/* Where the session stands: its own position, or the stream's. */
const char *replay_position(const Replays *replays, const Session *session);

/*
 * Goes on as far as can be: to be called when the session has got its scope,
 * when frames were written, and after replay_begin().  Live sessions are left
 * alone.
 */
void replay_pump(Replays *replays, Session *session);

/* Answers */
void replay_take_log(Replays *replays, Session *session, unsigned number, const LogPage *page);
void replay_take_snapshot(Replays *replays, Session *session, unsigned number, SnapshotPage *take_page);

/* The log does not have the position any more. */
void replay_lose(Replays *replays, Session *session, unsigned number);

/* The question could not be answered: it will be asked again when the stream moves. */
void replay_retry(Session *session, unsigned number);

/* Starts anew at the head: says resync, and sends snapshots of all channels. */
void replay_resync(Replays *replays, Session *session);

/* The stream has moved. */
void replays_advance(Replays *replays);

/* Whether a page waits for the tick that covers it. */
bool replays_await_cover(const Replays *replays);

/* The session ends, or is to be freed.  Harmless when it is live. */
void replay_end(Session *session);

#endif
