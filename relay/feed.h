/*
 * feed.h
 *	  Follows the event log of the database.
 *
 * Every event of the log after the position where the relay first started is
 * handed up once, in order, whatever happens to the connection between.  What
 * came shortly before is put into the ring, for clients that come back, and
 * only changes of rights in it are handed up.  When
 * the log itself has been replaced (restored, cut short), on_resync says so
 * instead, and the feed goes on from the new end.
 */
#ifndef FEED_H
#define FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "loop.h"
#include "stream.h"

typedef struct Feed Feed;

typedef struct FeedOptions
{
	const char *dsn;
	int64_t recent_count; /* events before the start that are to be in the stream's ring */
	int64_t connect_timeout_ms;
	int64_t query_timeout_ms;
} FeedOptions;

/* Can be changed at any time. */
typedef struct FeedPace
{
	int64_t poll_interval_ms;
	int64_t stale_after_ms;
	int64_t read_batch;
} FeedPace;

typedef struct FeedHandlers
{
	void (*on_event)(void *owner, Event *event); /* shared for the call */
	void (*on_progress)(void *owner);			 /* a read is over, with or without events */
	void (*on_resync)(void *owner);				 /* before on_progress, with the new end known */
} FeedHandlers;

/* Begins at once.  The stream keeps the position and is filled by the feed.  NULL without memory. */
Feed *feed_new(Loop *loop, const FeedOptions *options, const FeedPace *pace, Stream *stream,
			   const FeedHandlers *handlers, void *owner);
void feed_free(Feed *feed);

/* Whether the last read left something of the log for the next. */
bool feed_has_more(const Feed *feed);

/*
 * Whether what the relay sends is what the database has: the link is up, the
 * log was read lately and the publisher's last round is young.  If not,
 * *why is a phrase for people.
 */
bool feed_is_fresh(const Feed *feed, const char **why);

#endif
