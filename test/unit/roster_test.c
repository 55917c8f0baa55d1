/*
 * roster_test.c
 *	  The picture of who is present, and what followers are told of it.
 */
#include "roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_loop.h"
#include "tap.h"

static const SessionLimits limits = {
	.conflate_size = 1 << 20,
	.queue_size = 1 << 22,
	.channel_count = 64,
	.messages_per_second = 10,
	.message_burst = 20,
};

static Hub *hub;
static Roster *roster;

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

/* A follower of a channel; warehouse NULL sees all. */
static Session *
follow(const char *organization, const char *warehouse, const char *name)
{
	SessionSink sink = {NULL, ignore_wake, ignore_close};
	Session *session = session_new("127.0.0.1", &limits, sink);
	Scope *scope = scope_new(organization, "viewer", "somebody", NULL, NULL);
	Channel channel;

	if (warehouse)
		scope_add_warehouse(scope, warehouse);
	session_identify(session, organization, "somebody");
	session_set_scope(session, scope);
	scope_release(scope);
	hub_add(hub, session);
	channel_parse(&channel, name);
	hub_subscribe(hub, session, &channel);
	roster_send_state(roster, session, &channel);
	return session;
}

static void
leave(Session *session)
{
	hub_remove(hub, session);
	session_free(session);
}

/* The next frame that waits; "" when there is none. */
static const char *
heard(Session *session)
{
	static char text[65536];
	Frame *frame = session_next(session);

	if (!frame)
		return "";
	snprintf(text, sizeof text, "%.*s", (int) frame->size, (const char *) frame_bytes(frame));
	session_pop(session);
	return text;
}

/* An event of a client c at the product p. */
static void
tell(const char *organization, const char *type, const char *client, const char *user, const char *id,
	 const char *status, const char *warehouses)
{
	char data[1024];
	EventRow row = {.position = "1", .organization = organization, .type = type, .subject = warehouses, .data = data};
	Event *event;

	snprintf(data, sizeof data,
			 "{\"id\":\"%s\",\"clientId\":\"%s\",\"userId\":\"%s\",\"userName\":null,\"avatarUrl\":null,"
			 "\"resourceType\":\"inventory_item\",\"resourceId\":\"p\",\"status\":\"%s\",\"metadata\":{\"field\": \"q\"},"
			 "\"since\":\"2026-11-27T12:00:00.500Z\",\"timestamp\":\"2026-11-27T12:00:00.500Z\"}",
			 id, client, user, status);
	event = event_new(&row);
	roster_apply(roster, event);
	event_release(event);
}

static void
come(const char *client, const char *warehouses)
{
	tell("org", "presence.joined", client, client, client, "viewing", warehouses);
}

static void
go(const char *client, const char *warehouses)
{
	tell("org", "presence.left", client, client, client, "viewing", warehouses);
}

static void
list(const char *client, const char *metadata)
{
	MemberRow row = {
		.organization = "org",
		.resource_type = "inventory_item",
		.resource_id = "p",
		.id = client,
		.connection_id = client,
		.user_id = client,
		.status = "viewing",
		.metadata = metadata,
		.since_ms = 1795780800500,
	};

	roster_add_row(roster, &row);
}

static void
begin(void)
{
	hub = hub_new();
	roster = roster_new(NULL, hub);
	roster_begin_list(roster);
	roster_end_list(roster);
}

static void
end(void)
{
	roster_end(roster);
	roster_free(roster);
	hub_free(hub);
}

#define P "presence:inventory_item:p"
#define ANN "{\"connectionId\":\"ann\",\"userId\":\"ann\",\"status\":\"viewing\",\"metadata\":{\"field\":\"q\"},\"since\":1795780800500}"
#define DIFF(joins, updates, leaves) \
	"{\"type\":\"presence.diff\",\"channel\":\"" P "\",\"joins\":[" joins "],\"updates\":[" updates "],\"leaves\":[" leaves "]}"
#define STATE(members) "{\"type\":\"presence.state\",\"channel\":\"" P "\",\"members\":[" members "]}"
#define GONE(who) "{\"connectionId\":\"" who "\",\"userId\":\"" who "\"}"

static void
test_changes(void)
{
	Session *early, *late;

	begin();
	early = follow("org", NULL, P);
	is_text(heard(early), STATE(""), "nobody is there at first");
	come("ann", NULL);
	is_text(heard(early), "", "nothing is told before the read is over");
	late = follow("org", NULL, P);
	is_text(heard(late), STATE(""), "nor shown to who comes now");
	roster_tell(roster);
	is_text(heard(early), DIFF(ANN, "", ""), "then who has come");
	is_text(heard(late), DIFF(ANN, "", ""), "to both alike");
	tell("org", "presence.updated", "ann", "ann", "ann", "editing", NULL);
	tell("org", "presence.updated", "ann", "ann", "ann", "idle", NULL);
	roster_tell(roster);
	ok(strstr(heard(early), "\"joins\":[],\"updates\":[{\"connectionId\":\"ann\",\"userId\":\"ann\",\"status\":\"idle\""),
	   "what somebody does now, once");
	come("bob", NULL);
	go("bob", NULL);
	tell("org", "presence.updated", "ann", "ann", "ann", "idle", NULL);
	roster_tell(roster);
	is_text(heard(early), "", "nothing of who has come and gone, or does what he did");
	tell("org", "presence.joined", "ann", "ann", "anew", "viewing", NULL);
	go("ann", NULL);
	roster_tell(roster);
	ok(strstr(heard(early), "\"updates\":[{\"connectionId\":\"ann\""), "the end of an older presence does not end a newer one");
	tell("org", "presence.left", "ann", "ann", "anew", "viewing", NULL);
	roster_tell(roster);
	is_text(heard(early), DIFF("", "", GONE("ann")), "who has gone");
	is_number(roster_count(roster), 0, "and is forgotten");
	tell("org", "presence.left", "nobody", "nobody", "x", "viewing", NULL);
	tell("org", "presence.joined", "ann", "ann", "ann", "viewing", "no list");
	roster_tell(roster);
	is_text(heard(early), "", "what was not there cannot go, and what is malformed does not come");
	leave(early);
	leave(late);
	end();
}

static void
test_scopes(void)
{
	Session *all, *one, *two, *other;

	begin();
	all = follow("org", NULL, P);
	one = follow("org", "w1", P);
	two = follow("org", "w2", P);
	other = follow("other", NULL, P);
	heard(all), heard(one), heard(two), heard(other);
	come("ann", "[\"w1\", \"w3\"]");
	roster_tell(roster);
	is_text(heard(all), DIFF(ANN, "", ""), "who sees all is told");
	is_text(heard(one), DIFF(ANN, "", ""), "and who shares a warehouse");
	is_text(heard(two), "", "who shares none is not");
	is_text(heard(other), "", "nor is another organization");
	leave(two);
	two = follow("org", "w2", P);
	is_text(heard(two), STATE(""), "nor when he looks now");
	go("ann", "[\"w1\", \"w3\"]");
	come("ann", "[\"w2\"]");
	roster_tell(roster);
	ok(strstr(heard(all), "\"joins\":[],\"updates\":[]") == NULL, "who sees all sees somebody move");
	is_text(heard(one), DIFF("", "", GONE("ann")), "for some it is to leave");
	is_text(heard(two), DIFF(ANN, "", ""), "for others to come");
	come("bob", NULL);
	go("ann", "[\"w2\"]");
	roster_tell(roster);
	ok(strstr(heard(one), "\"leaves\":[]") && strstr(heard(two), GONE("ann")), "each is told his part of several changes");
	come("eve", "[]");
	roster_tell(roster);
	is_text(heard(one), "", "who works nowhere is seen by nobody but those who see all");
	leave(all), leave(one), leave(two), leave(other);
	end();
}

static void
test_lists(void)
{
	Session *session;

	hub = hub_new();
	roster = roster_new(NULL, hub);
	session = follow("org", NULL, P);
	ok(!roster_is_loaded(roster), "before there was a list");
	is_text(heard(session), "", "there is no state");
	come("old", NULL);
	roster_tell(roster);
	heard(session);
	roster_begin_list(roster);
	tell("org", "presence.joined", "bob", "bob", "bob", "editing", NULL);
	go("eve", NULL);
	roster_tell(roster);
	heard(session);
	list("ann", "{\"field\":\"q\"}");
	list("eve", "{}");
	roster_end_list(roster);
	ok(strstr(heard(session), ANN) != NULL, "the list is what there is");
	is_number(roster_count(roster), 2, "with what was read meanwhile, and without what is not on it");
	is_text(heard(session), "", "one state says it all");
	roster_begin_list(roster);
	roster_give_up_list(roster);
	roster_begin_list(roster);
	list("ann", "{\"field\":\"q\"}");
	roster_end_list(roster);
	is_text(heard(session), STATE(ANN), "the next list likewise");
	roster_tell(roster);
	is_text(heard(session), "", "and nothing of it is told again");
	leave(session);
	end();
}

static void
test_pages(void)
{
	Session *session;
	char client[16];
	size_t pages = 0;
	size_t members = 0;

	begin();
	for (int i = 0; i < 450; i++)
	{
		snprintf(client, sizeof client, "c%d", i);
		come(client, NULL);
	}
	roster_tell(roster);
	session = follow("org", NULL, P);
	for (const char *text = heard(session); *text; text = heard(session))
	{
		pages++;
		for (const char *at = text; (at = strstr(at, "connectionId")); at++)
			members++;
		ok(!strstr(text, "\"more\":true") == (members == 450), "every page but the last says that there is more");
	}
	is_number(pages, 3, "many members come in pages");
	is_number(members, 450, "each once");
	leave(session);
	end();
}

/* So many followers that they cannot be told with every read. */
static void
test_patience(void)
{
	enum
	{
		COUNT = 2000
	};
	Session *sessions[COUNT];
	int told = 0;

	begin();
	for (int i = 0; i < COUNT; i++)
	{
		sessions[i] = follow("org", NULL, P);
		heard(sessions[i]);
	}
	come("ann", NULL);
	roster_tell(roster);
	is_text(heard(sessions[0]), DIFF(ANN, "", ""), "the first change is told at once");
	come("bob", NULL);
	roster_tell(roster);
	is_text(heard(sessions[0]), "", "the next has to wait");
	go("ann", NULL);
	while (fake_next_timer() >= 0)
		told++;
	ok(told >= 1, "until its time has come");
	ok(strstr(heard(sessions[0]), "\"connectionId\":\"bob\"") != NULL, "and is told then, with what came meanwhile");
	is_text(heard(sessions[0]), "", "in one frame");
	for (int i = 0; i < COUNT; i++)
		leave(sessions[i]);
	end();
}

int
main(void)
{
	test_changes();
	test_scopes();
	test_lists();
	test_pages();
	test_patience();
	return tap_done();
}
