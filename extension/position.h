/*
 * position.h
 *	  Where a reader stands in the event log.
 *
 * A position is a tick, the tick's random mark, and how far inside the tick
 * the reader is.  As text it is opaque: TICK-MARK after a whole tick,
 * TICK-MARK-ID after one of its events.  The mark is what makes a position of
 * another history (a restored image, a promoted stale standby) recognizable:
 * it is valid if and only if that tick exists with that mark.
 */
#ifndef INV_POSITION_H
#define INV_POSITION_H

#include "postgres.h"

typedef struct InvPosition
{
	int64 tick;
	int64 mark;
	bool is_end;	/* after the last event of the tick */
	bool is_access; /* event_id is of an access.changed, which come first */
	int64 event_id; /* unless is_end */
} InvPosition;

/* Raises 22023 for anything that is not a position's text. */
extern void inv_position_parse(const char *text, InvPosition *position);
extern char *inv_position_text(const InvPosition *position);

#endif
