/*
 * hub.c
 *	  Routes events to the sessions that follow their channels.
 *
 * A Topic is one channel of one organization; a Subscription ties one session
 * to one topic and stands on exactly one list of each.  Removing a session
 * removes its subscriptions, and a topic goes with its last one, so neither
 * side ever points at a dead other.
 *
 * Topics are found by hash, so an event costs at most four look-ups however
 * many channels there are.  A session that follows several of an event's
 * channels is found several times; the number of the publication, left on the
 * session, makes it get the event once.
 */
#include "hub.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "buf.h"

#define HUB_FIRST_BUCKET_COUNT 64

typedef struct Topic
{
	struct Topic *next_in_bucket;
	uint64_t hash;
	List subscriptions;
	size_t key_size;
	char key[]; /* organization, newline, canonical channel name */
} Topic;

typedef struct Subscription
{
	ListNode in_topic;
	ListNode in_session;
	Topic *topic;
	Session *session;
} Subscription;

struct Hub
{
	List sessions;
	Topic **buckets;
	size_t bucket_count; /* a power of two */
	size_t topic_count;
	size_t session_count;
	size_t subscription_count;
	uint64_t publication_number;
	uint64_t hash_seed;
	Buf key; /* scratch */
};

Hub *
hub_new(void)
{
	Hub *hub = calloc(1, sizeof *hub);

	if (!hub)
		return NULL;
	hub->bucket_count = HUB_FIRST_BUCKET_COUNT;
	hub->buckets = calloc(hub->bucket_count, sizeof(Topic *));
	if (!hub->buckets)
	{
		free(hub);
		return NULL;
	}
	if (getrandom(&hub->hash_seed, sizeof hub->hash_seed, 0) < 0)
		hub->hash_seed = 14695981039346656037u;
	list_init(&hub->sessions);
	return hub;
}

void
hub_free(Hub *hub)
{
	if (!hub)
		return;
	assert(!hub->session_count && !hub->topic_count);
	buf_free(&hub->key);
	free(hub->buckets);
	free(hub);
}

/* FNV-1a from a random start, since clients choose the names. */
static uint64_t
hash_key(const Hub *hub)
{
	uint64_t hash = hub->hash_seed;

	for (size_t i = 0; i < hub->key.size; i++)
		hash = (hash ^ (unsigned char) hub->key.bytes[i]) * 1099511628211u;
	return hash ^ hash >> 32;
}

static void
make_key(Hub *hub, const char *organization, const char *product, const char *warehouse)
{
	buf_reset(&hub->key);
	buf_append_text(&hub->key, organization);
	buf_append_char(&hub->key, '\n');
	channel_append_name(&hub->key, product, warehouse);
}

static void
make_channel_key(Hub *hub, const char *organization, const Channel *channel)
{
	buf_reset(&hub->key);
	buf_append_text(&hub->key, organization);
	buf_append_char(&hub->key, '\n');
	channel_append(&hub->key, channel);
}

/* The place that holds, or would hold, the topic of the scratch key. */
static Topic **
find_topic(const Hub *hub, uint64_t hash)
{
	Topic **place = &hub->buckets[hash & (hub->bucket_count - 1)];

	while (*place && ((*place)->hash != hash || (*place)->key_size != hub->key.size ||
					  memcmp((*place)->key, hub->key.bytes, hub->key.size) != 0))
		place = &(*place)->next_in_bucket;
	return place;
}

/* Doubles the table; without memory it stays as it is, only slower. */
static void
grow_table(Hub *hub)
{
	size_t count = hub->bucket_count * 2;
	Topic **buckets = calloc(count, sizeof(Topic *));

	if (!buckets)
		return;
	for (size_t i = 0; i < hub->bucket_count; i++)
		for (Topic *topic = hub->buckets[i], *next; topic; topic = next)
		{
			Topic **bucket = &buckets[topic->hash & (count - 1)];

			next = topic->next_in_bucket;
			topic->next_in_bucket = *bucket;
			*bucket = topic;
		}
	free(hub->buckets);
	hub->buckets = buckets;
	hub->bucket_count = count;
}

/* The topic of the scratch key, made when missing; NULL without memory. */
static Topic *
open_topic(Hub *hub)
{
	uint64_t hash = hash_key(hub);
	Topic **place = find_topic(hub, hash);
	Topic *topic = *place;

	if (topic)
		return topic;
	topic = calloc(1, sizeof *topic + hub->key.size);
	if (!topic)
		return NULL;
	topic->hash = hash;
	topic->key_size = hub->key.size;
	memcpy(topic->key, hub->key.bytes, hub->key.size);
	list_init(&topic->subscriptions);
	*place = topic;
	if (++hub->topic_count > hub->bucket_count)
		grow_table(hub);
	return topic;
}

static void
close_topic(Hub *hub, Topic *topic)
{
	Topic **place = &hub->buckets[topic->hash & (hub->bucket_count - 1)];

	while (*place != topic)
		place = &(*place)->next_in_bucket;
	*place = topic->next_in_bucket;
	hub->topic_count--;
	free(topic);
}

static void
end_subscription(Hub *hub, Subscription *subscription)
{
	Topic *topic = subscription->topic;

	list_remove(&subscription->in_topic);
	list_remove(&subscription->in_session);
	subscription->session->subscription_count--;
	hub->subscription_count--;
	free(subscription);
	if (list_is_empty(&topic->subscriptions))
		close_topic(hub, topic);
}

static Subscription *
find_subscription(const Hub *hub, const Session *session)
{
	for (ListNode *node = list_first(&session->subscriptions); node; node = list_next(&session->subscriptions, node))
	{
		Subscription *subscription = list_object(node, Subscription, in_session);
		const Topic *topic = subscription->topic;

		if (topic->key_size == hub->key.size && memcmp(topic->key, hub->key.bytes, hub->key.size) == 0)
			return subscription;
	}
	return NULL;
}

void
hub_unsubscribe_all(Hub *hub, Session *session)
{
	ListNode *node;

	while ((node = list_take_first(&session->subscriptions)))
		end_subscription(hub, list_object(node, Subscription, in_session));
}

void
hub_add(Hub *hub, Session *session)
{
	list_append(&hub->sessions, &session->in_hub);
	hub->session_count++;
}

void
hub_remove(Hub *hub, Session *session)
{
	hub_unsubscribe_all(hub, session);
	if (!list_is_linked(&session->in_hub))
		return;
	list_remove(&session->in_hub);
	hub->session_count--;
}

HubAnswer
hub_subscribe(Hub *hub, Session *session, const Channel *channel)
{
	Subscription *subscription;

	make_channel_key(hub, session->scope->organization, channel);
	if (hub->key.failed)
		return HUB_FAILED;
	if (find_subscription(hub, session))
		return HUB_DONE;
	if (session->subscription_count >= session->limits->channel_count)
		return HUB_FULL;
	subscription = calloc(1, sizeof *subscription);
	if (!subscription)
		return HUB_FAILED;
	subscription->topic = open_topic(hub);
	if (!subscription->topic)
	{
		free(subscription);
		return HUB_FAILED;
	}
	subscription->session = session;
	list_append(&subscription->topic->subscriptions, &subscription->in_topic);
	list_append(&session->subscriptions, &subscription->in_session);
	session->subscription_count++;
	hub->subscription_count++;
	return HUB_DONE;
}

void
hub_unsubscribe(Hub *hub, Session *session, const Channel *channel)
{
	Subscription *subscription;

	make_channel_key(hub, session->scope->organization, channel);
	subscription = hub->key.failed ? NULL : find_subscription(hub, session);
	if (subscription)
		end_subscription(hub, subscription);
}

static bool
follows(Hub *hub, const Session *session, const Event *event, const char *product, const char *warehouse)
{
	const Topic *topic;

	make_key(hub, event->organization, product, warehouse);
	topic = hub->key.failed ? NULL : *find_topic(hub, hash_key(hub));
	if (!topic)
		return false;
	for (ListNode *node = list_first(&session->subscriptions); node; node = list_next(&session->subscriptions, node))
		if (list_object(node, Subscription, in_session)->topic == topic)
			return true;
	return false;
}

bool
hub_is_for(Hub *hub, const Session *session, const Event *event)
{
	if (!session->scope || !scope_allows(session->scope, event))
		return false;
	return follows(hub, session, event, NULL, NULL) ||
		   (event->product && follows(hub, session, event, event->product, NULL)) ||
		   (event->warehouse && follows(hub, session, event, NULL, event->warehouse)) ||
		   (event->product && event->warehouse && follows(hub, session, event, event->product, event->warehouse));
}

void
hub_each_channel(const Session *session, void (*visit)(void *owner, const char *name), void *owner)
{
	char name[CHANNEL_NAME_SIZE + 1];

	for (ListNode *node = list_first(&session->subscriptions); node; node = list_next(&session->subscriptions, node))
	{
		const Topic *topic = list_object(node, Subscription, in_session)->topic;
		size_t skipped = strlen(session->scope->organization) + 1;
		size_t size = topic->key_size - skipped;

		memcpy(name, topic->key + skipped, size);
		name[size] = '\0';
		visit(owner, name);
	}
}

void
hub_each_follower(Hub *hub, const char *organization, const Channel *channel,
				  void (*visit)(void *owner, Session *session), void *owner)
{
	Topic *topic;

	make_channel_key(hub, organization, channel);
	topic = hub->key.failed ? NULL : *find_topic(hub, hash_key(hub));
	for (ListNode *node = topic ? list_first(&topic->subscriptions) : NULL; node;
		 node = list_next(&topic->subscriptions, node))
	{
		Session *session = list_object(node, Subscription, in_topic)->session;

		if (session->state == SESSION_OPEN && session->scope)
			visit(owner, session);
	}
}

bool
hub_follows(Hub *hub, const Session *session, const Channel *channel)
{
	make_channel_key(hub, session->scope->organization, channel);
	return !hub->key.failed && find_subscription(hub, session);
}

/* Queues the event with every follower of one channel that did not get it yet. */
static size_t
publish_to(Hub *hub, Event *event, const char *product, const char *warehouse)
{
	Topic *topic;
	size_t count = 0;

	make_key(hub, event->organization, product, warehouse);
	if (hub->key.failed)
		return 0;
	topic = *find_topic(hub, hash_key(hub));
	if (!topic)
		return 0;
	for (ListNode *node = list_first(&topic->subscriptions); node; node = list_next(&topic->subscriptions, node))
	{
		Session *session = list_object(node, Subscription, in_topic)->session;

		if (session->published_mark == hub->publication_number)
			continue;
		session->published_mark = hub->publication_number;
		if (!session->replay && scope_allows(session->scope, event))
			count += session_send_event(session, event);
	}
	return count;
}

size_t
hub_publish(Hub *hub, Event *event)
{
	size_t count;

	hub->publication_number++;
	count = publish_to(hub, event, NULL, NULL);
	if (event->product)
		count += publish_to(hub, event, event->product, NULL);
	if (event->warehouse)
		count += publish_to(hub, event, NULL, event->warehouse);
	if (event->product && event->warehouse)
		count += publish_to(hub, event, event->product, event->warehouse);
	return count;
}

static void
conflate(void *owner, Session *session)
{
	(void) owner;
	session_conflate(session);
}

static void
conflate_live(void *owner, Session *session)
{
	if (!session->replay)
		conflate(owner, session);
}

void
hub_conflate(Hub *hub)
{
	hub_each_session(hub, conflate_live, NULL);
}

static void
find_largest(void *owner, Session *session)
{
	Session **largest = owner;

	if (session->state == SESSION_OPEN && (!*largest || session->queue.size > (*largest)->queue.size))
		*largest = session;
}

/* What is closed goes a little below the bound, or every event would find the next one. */
void
hub_relieve(Hub *hub, const size_t *total_size, size_t bound)
{
	if (*total_size <= bound)
		return;
	hub_each_session(hub, conflate, NULL);
	while (*total_size > bound / 8 * 7)
	{
		Session *largest = NULL;

		hub_each_session(hub, find_largest, &largest);
		if (!largest || !largest->queue.size)
			return;
		largest->queue_size = largest->queue.size;
		session_close(largest, REASON_SLOW_READER);
	}
}

size_t
hub_revoke(Hub *hub, const char *organization, const char *subject)
{
	size_t count = 0;

	for (ListNode *node = list_first(&hub->sessions); node; node = list_next(&hub->sessions, node))
	{
		Session *session = list_object(node, Session, in_hub);

		if (session->state != SESSION_OPEN || !session->subject || strcmp(session->organization, organization) != 0 ||
			(subject && strcmp(session->subject, subject) != 0))
			continue;
		session_close(session, REASON_ACCESS_CHANGED);
		count++;
	}
	return count;
}

void
hub_each_session(const Hub *hub, void (*visit)(void *owner, Session *session), void *owner)
{
	for (ListNode *node = list_first(&hub->sessions); node; node = list_next(&hub->sessions, node))
		visit(owner, list_object(node, Session, in_hub));
}

size_t
hub_close_some(Hub *hub, Reason reason, size_t max_count)
{
	size_t count = 0;

	for (ListNode *node = list_first(&hub->sessions); node && count < max_count; node = list_next(&hub->sessions, node))
	{
		Session *session = list_object(node, Session, in_hub);

		count += session->state == SESSION_OPEN;
		session_close(session, reason);
	}
	return count;
}

size_t
hub_session_count(const Hub *hub)
{
	return hub->session_count;
}

size_t
hub_channel_count(const Hub *hub)
{
	return hub->topic_count;
}

size_t
hub_subscription_count(const Hub *hub)
{
	return hub->subscription_count;
}
