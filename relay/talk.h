/*
 * talk.h
 *	  What a WebSocket client says, and what is done about it.
 */
#ifndef TALK_H
#define TALK_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "client.h"
#include "protocol.h"

/* Handles a message of a client that is let in; it may have been counted before. */
void talk_message(Client *client, const char *bytes, size_t size, bool is_counted);

/* Handles the one message that is taken before it is known who speaks: hello. */
void talk_first(Client *client, const char *bytes, size_t size);

/* A new token that is being looked at is looked at no more. */
void talk_end_refresh(Client *client);

/* Answers to operations come to this client no more. */
void talk_end_receipts(Client *client);

/* Queue a reply; a barrier lets nothing newer come before it (queue.h).  The text is emptied. */
void talk_send(Client *client, Buf *text, bool is_barrier);
void talk_refuse(Client *client, const char *id, ErrorCode code, const char *words);
void talk_error(Client *client, const char *id, const ProtocolError *error);

/* The message came too soon; it is read for what the answer has to name. */
void talk_refuse_rate(Client *client, const char *bytes, size_t size, int64_t retry_after_ms);

/* Follows a channel and says so with the first id; false when an error was sent instead, with the second. */
bool talk_follow(Client *client, const NamedChannel *channel, const char *id, const char *error_id);

/* Where the client stands; NULL in the plain dialect, which does not speak of it. */
const char *talk_position(const Client *client);

#endif
