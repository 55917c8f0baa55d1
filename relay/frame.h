/*
 * frame.h
 *	  The bytes of one outgoing message, shared by every queue it is on.
 *
 * A frame is written once and never changed.  In front of its bytes lies
 * FRAME_HEADROOM, into which the WebSocket library writes the frame header:
 * the header of a server depends on nothing but the size, so the same bytes
 * are written there for every receiver and sharing stays safe.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stddef.h>

/* At least LWS_PRE; ws.c asserts it. */
#define FRAME_HEADROOM 16

typedef struct Frame
{
	unsigned reference_count;
	size_t size;
	unsigned char room[]; /* headroom, then the bytes */
} Frame;

/* A frame with one reference and bytes still to be written; NULL without memory. */
Frame *frame_new(size_t size);

/* A frame with a copy of these bytes; NULL without memory. */
Frame *frame_of(const void *bytes, size_t size);

/* Another reference to the same frame. */
Frame *frame_share(Frame *frame);

/* Gives one reference back; NULL is fine. */
void frame_release(Frame *frame);

static inline unsigned char *
frame_bytes(Frame *frame)
{
	return frame->room + FRAME_HEADROOM;
}

#endif
