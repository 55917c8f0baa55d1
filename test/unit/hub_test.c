/*
 * hub_test.c
 *	  Who gets an event: the followers of its channels, once each.
 */
#include "hub.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static const SessionLimits limits = {
	.conflate_size = 1 << 20,
	.queue_size = 1 << 22,
	.channel_count = 64,
	.messages_per_second = 10,
	.message_burst = 20,
};

static void
ignore_wake(void *line)
{
	(void) line;
}

static void
ignore_close(void *line, Reason reason)
{
	(void) line, (void) reason;
}

static Session *
join_with(Hub *hub, const char *organization, const char *subject, const SessionLimits *its_limits)
{
	SessionSink sink = {NULL, ignore_wake, ignore_close};
	Session *session = session_new("127.0.0.1", its_limits, sink);
	Scope *scope = scope_new(organization, "viewer", subject, NULL, NULL);

	session_identify(session, organization, subject);
	session_set_scope(session, scope);
	scope_release(scope);
	hub_add(hub, session);
	return session;
}

static Session *
join(Hub *hub, const char *organization)
{
	return join_with(hub, organization, "somebody", &limits);
}

static void
leave(Hub *hub, Session *session)
{
	hub_remove(hub, session);
	session_free(session);
}

static HubAnswer
follow(Hub *hub, Session *session, const char *name)
{
	Channel channel;

	return channel_parse(&channel, name) ? hub_subscribe(hub, session, &channel) : HUB_FAILED;
}

static void
unfollow(Hub *hub, Session *session, const char *name)
{
	Channel channel;

	channel_parse(&channel, name);
	hub_unsubscribe(hub, session, &channel);
}

static size_t
publish(Hub *hub, const char *organization, const char *product, const char *warehouse)
{
	EventRow row = {
		.position = "1",
		.organization = organization,
		.type = "inventory.updated",
		.product = product,
		.warehouse = warehouse,
		.data = "{}",
	};
	Event *event = event_new(&row);
	size_t count = hub_publish(hub, event);

	event_release(event);
	return count;
}

static size_t
drain(Session *session)
{
	size_t count = session->queue.count;

	while (session_next(session))
		session_pop(session);
	return count;
}

static void
test_routing(void)
{
	Hub *hub = hub_new();
	Session *all = join(hub, "");
	Session *product = join(hub, "");
	Session *warehouse = join(hub, "");
	Session *pair = join(hub, "");
	Session *every = join(hub, "");
	Session *nothing = join(hub, "");

	follow(hub, all, "global");
	follow(hub, product, "product:p");
	follow(hub, warehouse, "warehouse:w");
	follow(hub, pair, "product:p:warehouse:w");
	follow(hub, every, "global");
	follow(hub, every, "product:p");
	follow(hub, every, "warehouse:w");
	follow(hub, every, "product:p:warehouse:w");

	is_number(publish(hub, "", "p", "w"), 5, "an event on (p, w) reaches all four channels");
	is_number(drain(every), 1, "a session that follows all four gets it once");
	is_number(drain(all) + drain(product) + drain(warehouse) + drain(pair), 4, "each other follower too");
	is_number(drain(nothing), 0, "a session that follows nothing gets nothing");

	is_number(publish(hub, "", "p", "x"), 3, "an event on (p, x) reaches global and the product");
	is_number(drain(warehouse) + drain(pair), 0, "but not another warehouse");
	is_number(publish(hub, "", "x", "w"), 3, "an event on (x, w) reaches global and the warehouse");
	is_number(publish(hub, "", NULL, NULL), 2, "an event without an item reaches global only");

	leave(hub, all), leave(hub, product), leave(hub, warehouse), leave(hub, pair), leave(hub, every), leave(hub, nothing);
	is_number(hub_channel_count(hub), 0, "channels nobody follows are gone");
	is_number(hub_subscription_count(hub), 0, "and so are the subscriptions");
	hub_free(hub);
}

static void
test_organizations(void)
{
	Hub *hub = hub_new();
	Session *one = join(hub, "one");
	Session *other = join(hub, "other");

	follow(hub, one, "global"), follow(hub, one, "product:p");
	follow(hub, other, "global"), follow(hub, other, "product:p");
	is_number(publish(hub, "one", "p", "w"), 1, "an event stays in its organization");
	is_number(drain(one), 1, "its members get it");
	is_number(drain(other), 0, "others do not");
	is_number(publish(hub, "", "p", "w"), 0, "the nameless organization is one like any");
	is_number(publish(hub, "one\nglobal", NULL, NULL), 0, "no organization can be spelled like a channel of another");
	leave(hub, one), leave(hub, other);
	hub_free(hub);
}

static void
test_subscriptions(void)
{
	Hub *hub = hub_new();
	Session *session = join(hub, "");
	char name[32];

	is_number(follow(hub, session, "product:a%3Ab"), HUB_DONE, "a channel is followed");
	is_number(follow(hub, session, "product:a%3ab"), HUB_DONE, "and again, spelled differently");
	is_number(hub_subscription_count(hub), 1, "which is one subscription");
	is_number(publish(hub, "", "a:b", "w"), 1, "that matches the decoded id");
	unfollow(hub, session, "product:%61%3Ab");
	is_number(publish(hub, "", "a:b", "w"), 0, "after its end nothing comes");
	unfollow(hub, session, "product:a%3Ab");
	is_number(hub_subscription_count(hub), 0, "ending what was not followed does nothing");

	for (unsigned i = 0; i < limits.channel_count; i++)
	{
		snprintf(name, sizeof name, "product:%u", i);
		follow(hub, session, name);
	}
	is_number(follow(hub, session, "warehouse:w"), HUB_FULL, "beyond the limit a channel is refused");
	is_number(follow(hub, session, "product:0"), HUB_DONE, "one already followed is not");
	leave(hub, session);
	hub_free(hub);
}

static void
test_many(void)
{
	enum
	{
		SESSIONS = 300,
		CHANNELS = 60
	};
	Hub *hub = hub_new();
	Session *sessions[SESSIONS];
	char name[32];
	bool is_fine = true;

	for (int i = 0; i < SESSIONS; i++)
	{
		sessions[i] = join(hub, "");
		for (int c = 0; c < CHANNELS; c++)
		{
			snprintf(name, sizeof name, "product:%d", i * CHANNELS + c);
			follow(hub, sessions[i], name);
		}
	}
	is_number(hub_channel_count(hub), SESSIONS * CHANNELS, "18,000 channels are kept apart");
	for (int i = 0; i < SESSIONS; i++)
	{
		snprintf(name, sizeof name, "%d", i * CHANNELS + i % CHANNELS);
		is_fine = is_fine && publish(hub, "", name, "w") == 1 && drain(sessions[i]) == 1;
	}
	ok(is_fine, "each event finds its one follower");
	for (int i = 0; i < SESSIONS; i++)
		leave(hub, sessions[i]);
	is_number(hub_channel_count(hub), 0, "nothing is left behind");
	hub_free(hub);
}

static void
test_closing_while_publishing(void)
{
	static const SessionLimits tight = {.queue_size = 10, .channel_count = 4, .messages_per_second = 1, .message_burst = 1};
	Hub *hub = hub_new();
	Session *slow = join_with(hub, "", "slow", &tight);
	Session *fine = join(hub, "");

	follow(hub, slow, "global"), follow(hub, fine, "global");
	is_number(publish(hub, "", "p", "w"), 1, "a session over its limit does not keep others from an event");
	is_number(slow->state, SESSION_CLOSING, "it closes");
	hub_close_some(hub, REASON_STALE, 1000);
	is_number(slow->reason, REASON_SLOW_READER, "for its own reason");
	is_number(fine->reason, REASON_STALE, "while all others close for the common one");
	leave(hub, slow), leave(hub, fine);
	hub_free(hub);
}

static void
test_scope(void)
{
	Hub *hub = hub_new();
	Session *limited = join(hub, "");
	Scope *scope = scope_new("", "viewer", "somebody", NULL, NULL);

	scope_add_warehouse(scope, "w");
	session_set_scope(limited, scope);
	scope_release(scope);
	follow(hub, limited, "global"), follow(hub, limited, "product:p");
	is_number(publish(hub, "", "p", "w"), 1, "an event of a warehouse within the scope is delivered");
	is_number(publish(hub, "", "p", "x"), 0, "one outside is not, though its product is followed");
	is_number(publish(hub, "", NULL, NULL), 0, "nor one of no warehouse");
	leave(hub, limited);
	hub_free(hub);
}

static void
test_revoking(void)
{
	Hub *hub = hub_new();
	Session *ann = join_with(hub, "one", "ann", &limits);
	Session *ann_too = join_with(hub, "one", "ann", &limits);
	Session *bob = join_with(hub, "one", "bob", &limits);
	Session *stranger = join_with(hub, "two", "ann", &limits);

	follow(hub, ann, "global");
	publish(hub, "one", "p", "w");
	is_number(hub_revoke(hub, "one", "ann"), 2, "a change of rights closes every session of the subject");
	is_number(ann->reason, REASON_ACCESS_CHANGED, "with its own reason");
	ok(!session_next(ann) && ann_too->state == SESSION_CLOSING, "and nothing that waited is sent any more");
	is_number(bob->state, SESSION_OPEN, "another subject stays");
	is_number(hub_revoke(hub, "one", NULL), 1, "a change for all closes the rest of the organization");
	is_number(stranger->state, SESSION_OPEN, "and nobody of another one");
	leave(hub, ann), leave(hub, ann_too), leave(hub, bob), leave(hub, stranger);
	hub_free(hub);
}

static void
test_conflation(void)
{
	Hub *hub = hub_new();
	Session *slow = join_with(hub, "", "slow", &limits);
	Session *quick = join_with(hub, "", "quick", &limits);

	follow(hub, slow, "global"), follow(hub, quick, "product:q");
	for (int i = 0; i < 3; i++)
		publish(hub, "", "p", "w");
	publish(hub, "", "q", "w");
	hub_conflate(hub);
	is_number(slow->queue.count, 2, "of what waits for anybody the newest state of each item is left");
	is_number(quick->queue.count, 1, "and nothing is lost to who had one waiting");
	leave(hub, slow), leave(hub, quick);
	hub_free(hub);
}

static void
test_relief(void)
{
	enum
	{
		BOUND = 20000
	};
	size_t total = 0;
	SessionLimits counted = limits;
	Hub *hub = hub_new();
	Session *all, *one;
	char product[16];

	counted.total_size = &total;
	all = join_with(hub, "", "all", &counted);
	one = join_with(hub, "", "one", &counted);
	follow(hub, all, "global"), follow(hub, one, "product:p");
	for (int i = 0; i < 300; i++)
	{
		publish(hub, "", "p", "w");
		hub_relieve(hub, &total, BOUND);
	}
	is_number(all->state, SESSION_OPEN, "above the bound of all queues they are conflated");
	ok(total < BOUND && one->queue.count < 300, "which keeps them small");
	for (int i = 0; i < 300; i++)
	{
		snprintf(product, sizeof product, "%d", i);
		publish(hub, "", product, "w");
		hub_relieve(hub, &total, BOUND);
	}
	is_number(all->reason, REASON_SLOW_READER, "when that is not enough the longest queue is closed");
	is_number(one->state, SESSION_OPEN, "and no other");
	ok(total < BOUND, "the bound holds");
	leave(hub, all), leave(hub, one);
	is_number(total, 0, "what is gone is not counted");
	hub_free(hub);
}

int
main(void)
{
	test_routing();
	test_organizations();
	test_subscriptions();
	test_many();
	test_closing_while_publishing();
	test_scope();
	test_revoking();
	test_conflation();
	test_relief();
	return tap_done();
}
