/*
 * roster.h
 *	  Who looks at what, everywhere: the picture that clients are shown.
 *
 * It is drawn from the event log, like everything that clients are shown, so
 * it does not matter through which relay somebody came; what was there before
 * the log was followed comes from a list.  A client that follows a presence
 * channel gets the members of it (presence.state), and then what changes
 * (presence.diff), each as far as its scope allows.
 *
 * Changes are told together, when a read of the log is over; and where many
 * listen, not more often than their number allows, for everybody who comes
 * into a room of thousands is told to thousands.
 */
#ifndef ROSTER_H
#define ROSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "channel.h"
#include "event.h"
#include "hub.h"
#include "loop.h"
#include "member.h"
#include "session.h"

typedef struct Roster Roster;

/* The hub outlives it.  NULL without memory. */
Roster *roster_new(Loop *loop, Hub *hub);

/* The loop is about to go. */
void roster_end(Roster *roster);
void roster_free(Roster *roster); /* NULL is fine */

/* Takes in an event presence.*; the first list knows of all that were before it. */
void roster_apply(Roster *roster, Event *event);

/* Tells followers what has changed. */
void roster_tell(Roster *roster);

/* Sends the members of a channel to a session that follows it; nothing before there is a list. */
void roster_send_state(Roster *roster, Session *session, const Channel *channel);

/*
 * Takes a new list: first roster_begin_list() when it is asked for, so that
 * what the log says meanwhile is not lost; then each row; then the end, after
 * which every follower gets a state.  A list that did not come is given up.
 */
void roster_begin_list(Roster *roster);
void roster_add_row(Roster *roster, const MemberRow *row);
void roster_end_list(Roster *roster);
void roster_give_up_list(Roster *roster);

/* Whether there has been a list. */
bool roster_is_loaded(const Roster *roster);

/* Connections that are present, in all channels and organizations. */
size_t roster_count(const Roster *roster);

#endif
