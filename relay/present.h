/*
 * present.h
 *	  What a client says about its presence, and what it is shown of others'.
 */
#ifndef PRESENT_H
#define PRESENT_H

#include "client.h"
#include "protocol.h"

/* Messages presence.track, presence.update and presence.leave. */
void present_track(Client *client, Message *message);
void present_leave(Client *client, Message *message);

/* The client follows a channel from now on, or does not any more; other channels than those of presence are passed over. */
void present_follow(Client *client, const Channel *channel);
void present_unfollow(Client *client, const Channel *channel);

#endif
