/*
 * hub.h
 *	  Routes events to the sessions that follow their channels.
 *
 * A channel exists while somebody follows it, within one organization: the
 * same name in two organizations is two channels.
 */
#ifndef HUB_H
#define HUB_H

#include <stdbool.h>
#include <stddef.h>

#include "channel.h"
#include "event.h"
#include "session.h"

typedef struct Hub Hub;

typedef enum HubAnswer
{
	HUB_DONE,  /* also when there was nothing to change */
	HUB_FULL,  /* the session follows as many channels as it may */
	HUB_FAILED /* out of memory */
} HubAnswer;

/* NULL without memory. */
Hub *hub_new(void);

/* No session may be left.  NULL is fine. */
void hub_free(Hub *hub);

void hub_add(Hub *hub, Session *session);

/* Takes the session off every list.  Harmless when it is on none. */
void hub_remove(Hub *hub, Session *session);

/* The session has a scope by now, and keeps its organization while it follows anything. */
HubAnswer hub_subscribe(Hub *hub, Session *session, const Channel *channel);
void hub_unsubscribe(Hub *hub, Session *session, const Channel *channel);
void hub_unsubscribe_all(Hub *hub, Session *session);

/* Whether the session follows one of the event's channels, and may see it. */
bool hub_is_for(Hub *hub, const Session *session, const Event *event);

/* Calls with the canonical name of each channel of a session. */
void hub_each_channel(const Session *session, void (*visit)(void *owner, const char *name), void *owner);

/* Calls with every open session that has a scope and follows a channel of an organization.  None may be added or removed meanwhile. */
void hub_each_follower(Hub *hub, const char *organization, const Channel *channel,
					   void (*visit)(void *owner, Session *session), void *owner);
bool hub_follows(Hub *hub, const Session *session, const Channel *channel);

/*
 * Queues the event with every live session that follows one of its channels
 * and may see it, once each.  Returns how many took it.
 */
size_t hub_publish(Hub *hub, Event *event);

/* Conflates what waits for live sessions. */
void hub_conflate(Hub *hub);

/*
 * Keeps the bytes queued by all sessions below a bound: conflates every queue,
 * then closes the slow readers, the one with the longest queue first.
 * total_size is the counter of their limits.
 */
void hub_relieve(Hub *hub, const size_t *total_size, size_t bound);

/* Closes the sessions of a subject, of everybody in the organization when it is NULL. */
size_t hub_revoke(Hub *hub, const char *organization, const char *subject);

/* Calls with every session.  None may be added or removed meanwhile; they may be closed. */
void hub_each_session(const Hub *hub, void (*visit)(void *owner, Session *session), void *owner);

/* Begins to close so many of those that are open; returns how many there were. */
size_t hub_close_some(Hub *hub, Reason reason, size_t max_count);

size_t hub_session_count(const Hub *hub);
size_t hub_channel_count(const Hub *hub);
size_t hub_subscription_count(const Hub *hub);

#endif
