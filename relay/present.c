/*
 * present.c
 *	  What a client says about its presence, and what it is shown of others'.
 *
 * An answer says that the message was understood.  What became of it is heard
 * as everybody hears it: in a presence.diff, once it is in the database.
 */
#include "present.h"

#include "talk.h"

/* Who gave his message no id does not wait for an answer. */
static void
acknowledge(Client *client, const Message *message)
{
	Buf text = {0};

	if (!*message->id)
		return;
	buf_printf(&text, "{\"type\":\"ack\",\"id\":%s}", message->id);
	talk_send(client, &text, false);
}

/* Why a client may not be present as it says; NULL when it may. */
static const char *
refusal(Client *client, const Message *message, ErrorCode *code)
{
	const ClientServices *with = &client->clients->with;
	const char *warehouse = message->note.warehouse;

	*code = ERROR_BAD_REQUEST;
	if (!client->has_said_hello)
		return "presence needs a hello first";
	*code = ERROR_FORBIDDEN;
	if (*warehouse && !scope_has_warehouse(client->session->scope, warehouse))
		return "the warehouse is outside of your scope";
	*code = ERROR_OVERLOADED;
	if (!presence_is_at(&client->attendances, &message->channels[0].channel) &&
		client->attendances.count >= (size_t) with->config->max_presence)
		return "present at too many channels";
	return NULL;
}

void
present_track(Client *client, Message *message)
{
	const ClientServices *with = &client->clients->with;
	const NamedChannel *channel = &message->channels[0];
	ErrorCode code;
	const char *why = refusal(client, message, &code);

	if (why)
	{
		talk_refuse(client, message->id, code, why);
		return;
	}
	if (!hub_follows(with->hub, client->session, &channel->channel) && !talk_follow(client, channel, "", message->id))
		return;
	if (presence_track(with->presence, &client->attendances, client->connection_id, client->session->scope,
					   &channel->channel, &message->note))
		acknowledge(client, message);
	else
		session_close(client->session, REASON_INTERNAL);
}

void
present_leave(Client *client, Message *message)
{
	presence_leave(client->clients->with.presence, &client->attendances, &message->channels[0].channel);
	acknowledge(client, message);
}

void
present_follow(Client *client, const Channel *channel)
{
	if (channel->is_presence)
		roster_send_state(client->clients->with.roster, client->session, channel);
}

void
present_unfollow(Client *client, const Channel *channel)
{
	if (channel->is_presence)
		presence_leave(client->clients->with.presence, &client->attendances, channel);
}
