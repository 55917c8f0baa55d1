/*
 * cover.h
 *	  From when on something may be shown that was read from the tables.
 *
 * What is visible in the tables may not be on disk yet, and a crash of the
 * database, or its failover, would take it back.  So it comes with a tick, the
 * cover, and is shown when the relay has read that tick.
 *
 * The tick must be of the same life of the log: the number alone says nothing
 * once the relay has lost its link to the log, for what was read before may
 * have gone while the numbers went on.  Then it is void, and is asked anew.
 */
#ifndef COVER_H
#define COVER_H

#include <stdint.h>

#include "stream.h"

/* A zeroed one is void. */
typedef struct Cover
{
	uint64_t life; /* of the log, when it was asked for */
	int64_t tick;
} Cover;

typedef enum CoverState
{
	COVER_VOID,	   /* what was read must not be shown */
	COVER_AWAITED, /* not yet */
	COVER_REACHED
} CoverState;

/* Before something is read, and when its tick is known. */
Cover cover_begin(const Stream *stream);
CoverState cover_state(const Cover *cover, const Stream *stream);

#endif
