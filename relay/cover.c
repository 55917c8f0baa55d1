/*
 * cover.c
 *	  From when on something may be shown that was read from the tables.
 */
#include "cover.h"

Cover
cover_begin(const Stream *stream)
{
	return (Cover){.life = stream_life(stream)};
}

CoverState
cover_state(const Cover *cover, const Stream *stream)
{
	if (cover->life != stream_life(stream))
		return COVER_VOID;
	return stream_tick(stream) >= cover->tick ? COVER_REACHED : COVER_AWAITED;
}
