/*
 * presence.h
 *	  The clients of this relay that look at something, and the lease they hang on.
 *
 * What clients say is written to the database, many at once, and comes back
 * through the event log as everybody's does (roster.h).  Nothing is shown that
 * the database does not know, and nobody has to ask a client whether it still
 * is there: its connection says so, and the relay renews one lease for all.
 *
 * A connection that breaks is given a while, because most come back: whoever
 * reloads a page is not seen to leave.
 */
#ifndef PRESENCE_H
#define PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel.h"
#include "desk.h"
#include "list.h"
#include "loop.h"
#include "note.h"
#include "roster.h"
#include "scope.h"

typedef struct Presence Presence;

/* Can be changed at any time. */
typedef struct PresencePace
{
	int64_t heartbeat_ms;
	int64_t grace_ms;
	int64_t settle_ms; /* before a list is read anew because the lease was lost */
} PresencePace;

/* Time for other relays to connect again and to write their own. */
#define PRESENCE_SETTLE_MS 5000

/* What one connection is present at: a list of attendances, empty at first. */
typedef struct Attendances
{
	List list;
	size_t count;
} Attendances;

void attendances_init(Attendances *attendances);

/* The desk, and the roster, which it fills with a list, outlive it.  NULL without memory. */
Presence *presence_new(Loop *loop, Desk *desk, Roster *roster, const PresencePace *pace);

/* The loop is about to go. */
void presence_end(Presence *presence);
void presence_free(Presence *presence); /* NULL is fine */

/* The log is followed from here on, for the first time or anew: what was there before is to be looked up. */
void presence_reload(Presence *presence);

/*
 * The connection is present from now on, or does something else there; what
 * the note does not say stays.  False without memory.
 */
bool presence_track(Presence *presence, Attendances *mine, const char *connection_id, Scope *scope,
					const Channel *channel, const Note *note);

/* The connection has left one channel; it is no error when it was not there. */
void presence_leave(Presence *presence, Attendances *mine, const Channel *channel);

bool presence_is_at(const Attendances *mine, const Channel *channel);

/* The connection is gone, which may be for a moment only. */
void presence_gone(Presence *presence, Attendances *mine);

/*
 * The relay ends, and its connections have gone: they leave now, and nobody
 * waits for them to come back.  True when the database knows, or cannot be told.
 */
bool presence_farewell(Presence *presence);

/* Connections of this relay that are present somewhere, counted by channel. */
size_t presence_count(const Presence *presence);

#endif
