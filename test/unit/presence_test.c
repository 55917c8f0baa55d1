/*
 * presence_test.c
 *	  What is written to the database of who is present, and when.
 *
 * Stands in for the desk, its results and the roster, and plays the database.
 */
#include "presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "fake_loop.h"
#include "pg.h"
#include "tap.h"

/* Of real time, for what comes in a second at most. */
#define GIVE_UP_MS 60000

/* The desk: one question at a time, which the test answers. */

struct PgResult
{
	bool is_fine;
	bool is_true;
	int rows;
};

static bool desk_works = true;
static const char *asked; /* NULL: no question waits */
static char written[65536];
static DeskAnswer answer_to;
static void *line_of;
static int lists_begun, lists_ended, lists_given_up, rows_added;

bool
desk_is_up(const Desk *desk)
{
	(void) desk;
	return desk_works;
}

bool
desk_ask(Desk *desk, const char *sql, int count, const char *const *parameters, DeskAnswer answer, void *line)
{
	(void) desk;
	if (!desk_works)
		return false;
	asked = strstr(sql, "touch") ? "touch" : strstr(sql, "sync") ? "sync"
																 : "list";
	snprintf(written, sizeof written, "%s", count > 1 ? parameters[1] : "");
	answer_to = answer;
	line_of = line;
	return true;
}

bool
pg_result_is_fine(const PgResult *result)
{
	return result->is_fine;
}

bool
pg_result_is_true(const PgResult *result, int row, int column)
{
	(void) row, (void) column;
	return result->is_true;
}

int
pg_result_count(const PgResult *result)
{
	return result->rows;
}

const char *
pg_result_text(const PgResult *result, int row, int column)
{
	(void) result, (void) row, (void) column;
	return "{}";
}

int64_t
pg_result_number(const PgResult *result, int row, int column)
{
	(void) result, (void) row, (void) column;
	return 0;
}

const char *
pg_result_message(const PgResult *result)
{
	(void) result;
	return "a test";
}

const char *
pg_result_sqlstate(const PgResult *result)
{
	(void) result;
	return "XX000";
}

/* The roster */

void
roster_begin_list(Roster *roster)
{
	(void) roster;
	lists_begun++;
}

void
roster_add_row(Roster *roster, const MemberRow *row)
{
	(void) roster, (void) row;
	rows_added++;
}

void
roster_end_list(Roster *roster)
{
	(void) roster;
	lists_ended++;
}

void
roster_give_up_list(Roster *roster)
{
	(void) roster;
	lists_given_up++;
}

/* Answers the question that waits; the next may be asked by that. */
static void
answer(const PgResult *result)
{
	asked = NULL;
	answer_to(line_of, result);
}

static void
answer_fine(bool is_true)
{
	PgResult result = {.is_fine = true, .is_true = is_true};

	answer(&result);
}

/* Lets timers come due until a question of this kind is asked, a while of real time at most. */
static bool
comes(const char *question)
{
	int64_t give_up_ms = clock_monotonic_ms() + GIVE_UP_MS;

	while (clock_monotonic_ms() < give_up_ms && (!asked || strcmp(asked, question) != 0))
		if (fake_next_timer() < 0)
			return false;
	return asked && strcmp(asked, question) == 0;
}

static PresencePace pace;
static Presence *presence;
static Attendances tab, phone;
static Scope *ann;

static bool
track(Attendances *mine, const char *connection_id, const char *product, const char *status, char *metadata)
{
	Note note = {.status = status, .metadata = metadata};
	Channel channel = {.is_presence = true};

	strcpy(channel.product, product);
	return presence_track(presence, mine, connection_id, ann, &channel, &note);
}

static void
leave(Attendances *mine, const char *product)
{
	Channel channel = {.is_presence = true};

	strcpy(channel.product, product);
	presence_leave(presence, mine, &channel);
}

static void
begin(void)
{
	pace = (PresencePace){.heartbeat_ms = 3600000, .grace_ms = 3600000, .settle_ms = 50};
	asked = NULL;
	desk_works = true;
	attendances_init(&tab);
	attendances_init(&phone);
	ann = scope_new("org", "viewer", "ann", "Ann", NULL);
	scope_add_warehouse(ann, "w1");
	presence = presence_new(NULL, (Desk *) &pace, NULL, &pace);
	presence_reload(presence);
}

/* Up to the quiet after the first list. */
static void
begin_quietly(void)
{
	begin();
	answer_fine(false);
	answer_fine(true);
}

static void
end(void)
{
	presence_end(presence);
	presence_free(presence);
	scope_release(ann);
}

#define CLIENT(kind, id, product) \
	"{\"kind\":\"" kind "\",\"organizationId\":\"org\",\"clientId\":\"" id "\",\"resourceType\":\"inventory_item\",\"resourceId\":\"" product "\""
#define ANN ",\"userId\":\"ann\",\"userName\":\"Ann\",\"warehouses\":[\"w1\"]"

static void
test_begin(void)
{
	begin();
	is_text(asked, "touch", "the lease comes first");
	track(&tab, "t", "p", NULL, NULL);
	answer_fine(false);
	is_text(asked, "sync", "then what clients have said meanwhile");
	is_text(written, "[" CLIENT("track", "t", "p") ANN ",\"status\":\"viewing\",\"metadata\":{}}]", "all there is to say of them");
	answer_fine(true);
	is_text(asked, "list", "then who else is there");
	answer_fine(true);
	ok(!asked && lists_begun == 1 && lists_ended == 1, "and that is all");
	end();
}

static void
test_batches(void)
{
	begin_quietly();
	track(&tab, "t", "p", "viewing", NULL);
	is_text(asked, "sync", "what a client says is written at once");
	track(&tab, "t", "p", "editing", "{\"field\":\"a\"}");
	track(&tab, "t", "p", NULL, "{\"field\":\"b\"}");
	track(&phone, "f", "q", NULL, NULL);
	track(&phone, "f", "r", NULL, NULL);
	leave(&phone, "r");
	answer_fine(true);
	is_text(asked, "sync", "what is said meanwhile goes in one call");
	is_text(written,
			"[" CLIENT("track", "f", "q") ANN ",\"status\":\"viewing\",\"metadata\":{}}," CLIENT("track", "t", "p") ANN
			",\"status\":\"editing\",\"metadata\":{\"field\":\"b\"}}]",
			"each as it is now, and nothing of what is over before it was written");
	leave(&tab, "p");
	is_number(tab.count, 0, "who has left is not there");
	track(&tab, "t", "p", NULL, NULL);
	answer_fine(true);
	is_text(written, "[" CLIENT("track", "t", "p") ANN ",\"status\":\"viewing\",\"metadata\":{}}]",
			"who leaves and is back before that was written has not left");
	leave(&tab, "p");
	answer_fine(true);
	ok(strstr(written, CLIENT("leave", "t", "p")) != NULL, "who has left");
	track(&tab, "t", "p", NULL, NULL);
	answer_fine(true);
	is_text(written, "[" CLIENT("track", "t", "p") ANN ",\"status\":\"viewing\",\"metadata\":{}}]",
			"and is back while it is written comes again after that");
	leave(&tab, "p");
	answer_fine(true);
	answer_fine(true);
	ok(!asked, "until there is nothing to say");
	is_number(presence_count(presence), 1, "and who has left is forgotten");
	leave(&tab, "p");
	ok(!asked, "to leave twice is nothing");
	end();
}

static void
test_failures(void)
{
	PgResult refused = {.is_fine = false};

	begin_quietly();
	track(&tab, "t", "p", NULL, NULL);
	desk_works = false;
	answer(NULL);
	ok(!asked, "while there is no database nothing is asked");
	track(&phone, "f", "q", NULL, NULL);
	fake_next_timer();
	desk_works = true;
	ok(comes("touch"), "when it is back the lease is asked for first");
	answer_fine(true);
	is_text(asked, "sync", "then everything that was not written is");
	ok(strstr(written, CLIENT("track", "t", "p")) && strstr(written, CLIENT("track", "f", "q")), "what was on its way, too");
	ok(strstr(written, "\"t\"") < strstr(written, "\"f\""), "in its order");
	answer(&refused);
	ok(!asked, "what the database cannot do now is left for a while");
	ok(comes("touch"), "and tried again");
	answer_fine(true);
	is_text(asked, "sync", "with the same");
	answer_fine(true);
	ok(!asked, "until it is done");
	end();
}

/* Lets time pass until the lease is to be renewed, and the renewals after it be far away. */
static bool
lease_is_due(void)
{
	int64_t give_up_ms = clock_monotonic_ms() + GIVE_UP_MS;

	while (clock_monotonic_ms() < give_up_ms)
	{
		if (asked && strcmp(asked, "touch") == 0)
		{
			pace.heartbeat_ms = 3600000;
			return true;
		}
		if (asked)
			answer_fine(true);
		else if (fake_next_timer() < 0)
			return false;
	}
	return false;
}

static void
test_lease(void)
{
	begin();
	pace.heartbeat_ms = 20;
	track(&tab, "t", "p", NULL, NULL);
	track(&phone, "f", "q", NULL, NULL);
	answer_fine(false);
	ok(lease_is_due(), "the lease is renewed on time");
	lists_begun = 0;
	answer_fine(true);
	ok(!asked && !lists_begun, "which says nothing about anybody");
	end();

	begin();
	pace.heartbeat_ms = 20;
	track(&tab, "t", "p", NULL, NULL);
	track(&phone, "f", "q", NULL, NULL);
	answer_fine(false);
	lease_is_due();
	leave(&phone, "q");
	lists_begun = 0;
	answer_fine(false);
	is_text(asked, "sync", "when it was gone everybody is written again");
	ok(strstr(written, CLIENT("track", "t", "p")) != NULL, "as he is");
	ok(strstr(written, "leave") == NULL, "but who has left, which needs no telling now");
	answer_fine(true);
	ok(!asked && !lists_begun, "who else is there is not looked up at once, since others have to do the same");
	ok(comes("list"), "but a little later");
	end();
}

static void
test_grace(void)
{
	begin_quietly();
	track(&tab, "t", "p", NULL, NULL);
	answer_fine(true);
	presence_gone(presence, &tab);
	ok(!asked, "whose connection breaks is not said to have left");
	is_number(presence_count(presence), 1, "for a while");
	track(&phone, "f", "p", NULL, NULL);
	answer_fine(true);
	ok(!asked || strstr(written, CLIENT("leave", "t", "p")), "when he is back the old connection goes");
	while (asked)
		answer_fine(true);
	is_number(presence_count(presence), 1, "and the new one is there");
	pace.grace_ms = 0;
	presence_gone(presence, &phone);
	ok(comes("sync") && strstr(written, CLIENT("leave", "f", "p")), "who does not come back leaves in the end");
	answer_fine(true);
	is_number(presence_count(presence), 0, "and is forgotten");
	track(&tab, "t2", "p", NULL, NULL);
	end();
}

static void
test_farewell(void)
{
	begin_quietly();
	track(&tab, "t", "p", NULL, NULL);
	answer_fine(true);
	track(&phone, "f", "q", NULL, NULL);
	presence_gone(presence, &tab);
	presence_gone(presence, &phone);
	answer_fine(true);
	ok(!asked, "who has gone may come back");
	ok(!presence_farewell(presence), "but not to a relay that ends,");
	is_text(asked, "sync", "which tells the database");
	ok(strstr(written, CLIENT("leave", "t", "p")) && strstr(written, CLIENT("leave", "f", "q")), "of all of them");
	ok(!presence_farewell(presence), "and waits");
	answer_fine(true);
	ok(presence_farewell(presence) && !asked, "until that knows");
	end();

	begin_quietly();
	track(&tab, "t", "p", NULL, NULL);
	answer_fine(true);
	presence_gone(presence, &tab);
	desk_works = false;
	ok(presence_farewell(presence), "unless there is no database");
	end();
}

int
main(void)
{
	test_begin();
	test_batches();
	test_failures();
	test_lease();
	test_grace();
	test_farewell();
	return tap_done();
}
