/*
 * frame.c
 *	  The bytes of one outgoing message, shared by every queue it is on.
 */
#include "frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

Frame *
frame_new(size_t size)
{
	Frame *frame = calloc(1, sizeof *frame + FRAME_HEADROOM + size);

	if (!frame)
		return NULL;
	frame->reference_count = 1;
	frame->size = size;
	return frame;
}

Frame *
frame_of(const void *bytes, size_t size)
{
	Frame *frame = frame_new(size);

	if (frame && size)
		memcpy(frame_bytes(frame), bytes, size);
	return frame;
}

Frame *
frame_share(Frame *frame)
{
	frame->reference_count++;
	return frame;
}

void
frame_release(Frame *frame)
{
	if (!frame)
		return;
	assert(frame->reference_count > 0);
	if (--frame->reference_count == 0)
		free(frame);
}
