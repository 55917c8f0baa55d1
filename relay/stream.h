/*
 * stream.h
 *	  Where the relay stands in the event log, and the last events it read.
 *
 * The ring keeps recent events, and marks, up to a number of bytes, oldest
 * dropped first, so that a client that comes back soon is served from memory.
 * Entries are numbered from 0 as they come; the number of the next one is the
 * end of the stream.
 *
 * A position is opaque and belongs to the database; the relay's is the one
 * after the newest event read.  The tick beside it is the newest one of which
 * everything has been read, or which is being read.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* The bound of a position's text (the database promises it). */
#define POSITION_SIZE 64

typedef struct Stream Stream;

/* NULL without memory. */
Stream *stream_new(size_t ring_size);
void stream_free(Stream *stream);

/* Whether a text can be a position at all. */
bool stream_is_position(const char *text);

/* The position reached, "" before the first read; and its tick. */
const char *stream_position(const Stream *stream);
int64_t stream_tick(const Stream *stream);

/*
 * Before the first read: the ring is to begin in the past, after this whole
 * tick, and takes events in order.  They move nothing: the position stays ""
 * until stream_advance() says where the past ends.  False as for appending.
 */
bool stream_begin_past(Stream *stream, const char *position);
bool stream_lay_past(Stream *stream, Event *event);

/* Moves on without an event.  False when the text cannot be a position. */
bool stream_advance(Stream *stream, const char *position, int64_t tick);

/*
 * Takes in the next event and shares it.  Without memory the ring is emptied,
 * never gapped.  False when the event's position cannot be one.
 */
bool stream_append(Stream *stream, Event *event);

/* Forgets ring and position: the log begins anew.  Numbers go on, and a new life begins. */
void stream_restart(Stream *stream);

/*
 * The log goes on, but what was seen of the database outside of it may have
 * been taken back: a new life begins.  Lives are counted from 1.
 */
void stream_doubt(Stream *stream);
uint64_t stream_life(const Stream *stream);

/* The number the next entry will have. */
uint64_t stream_end(const Stream *stream);

/* The entry with a number; NULL when it has been dropped, or is still to come. */
Event *stream_entry(const Stream *stream, uint64_t number);

/* Whether the ring reaches back to an entry, or it is still to come. */
bool stream_has(const Stream *stream, uint64_t number);

/*
 * The number of the first entry after a position.  False when the ring does
 * not know the position; the database must then be asked.
 */
bool stream_find(const Stream *stream, const char *position, uint64_t *number);

/* The number of the first entry after a whole tick.  False when the ring does not reach back. */
bool stream_find_tick(const Stream *stream, int64_t tick, uint64_t *number);

/* Age of the oldest event in memory; 0 without. */
int64_t stream_ring_age_us(const Stream *stream, int64_t now_us);

size_t stream_ring_size(const Stream *stream);	/* bytes held */
size_t stream_ring_count(const Stream *stream); /* entries held */

#endif
