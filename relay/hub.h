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

HubAnswer hub_subscribe(Hub *hub, Session *session, const Channel *channel);
void hub_unsubscribe(Hub *hub, Session *session, const Channel *channel);

/*
 * Queues the event's frame with every session that follows one of its
 * channels, once each.  Returns how many took it.
 */
size_t hub_publish(Hub *hub, Event *event);

/* Begins to close every session. */
void hub_close_all(Hub *hub, Reason reason);

size_t hub_session_count(const Hub *hub);
size_t hub_channel_count(const Hub *hub);
size_t hub_subscription_count(const Hub *hub);

#endif
