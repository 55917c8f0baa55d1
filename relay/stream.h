/*
 * stream.h
 *	  Where the relay stands in the event log, and the last events it read.
 *
 * The ring keeps recent events up to a number of bytes, oldest dropped first,
 * so that a client that comes back soon is served from memory.  The position
 * is the one after the newest event read; it is opaque and belongs to the
 * database.
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

/* The position reached, "" before the first read. */
const char *stream_position(const Stream *stream);

/* Moves on without an event.  False when the text cannot be a position. */
bool stream_advance(Stream *stream, const char *position);

/*
 * Takes in the next event and shares it.  Without memory the ring is emptied,
 * never gapped.  False when the event's position cannot be one.
 */
bool stream_append(Stream *stream, Event *event);

/* Forgets ring and position: the log begins anew. */
void stream_restart(Stream *stream);

/*
 * The first event after a position, and on from there with stream_next().
 * *is_known says whether the ring reaches back to that position; if not, the
 * database must be asked.
 */
Event *stream_after(const Stream *stream, const char *position, bool *is_known, size_t *cursor);
Event *stream_next(const Stream *stream, size_t *cursor);

size_t stream_ring_size(const Stream *stream);	/* bytes held */
size_t stream_ring_count(const Stream *stream); /* events held */

#endif
