/*
 * access_test.c
 *	  Questions about rights: gathered, answered, refused, forgotten.
 */
#include "access.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fake_desk.h"
#include "fake_loop.h"
#include "log.h"
#include "tap.h"

#define USER_COUNT 4

/* Time stands still, or a slow machine would part what is asked together. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	(void) clock;
	*now = (struct timespec){1000, 0};
	return 0;
}

static Access *access_table;
static Identity *identities[USER_COUNT];
static char seen[USER_COUNT][64];
static char changed[64];

/* A line is the place of its user. */
static void
see(void *line, AccessVerdict verdict, Scope *scope)
{
	const char *words[] = {[ACCESS_GRANTED] = "granted", [ACCESS_DENIED] = "denied", [ACCESS_UNAVAILABLE] = "unavailable"};

	snprintf(line, sizeof seen[0], "%s %s %zu", words[verdict], scope ? scope->role : "nothing",
			 scope ? scope->warehouse_count : 0);
}

static void
see_change(void *owner, const char *organization, const char *subject)
{
	(void) owner, (void) organization;
	snprintf(changed, sizeof changed, "%s", subject);
}

static void
begin(void)
{
	access_table = access_new(NULL, NULL, see_change, NULL);
	memset(seen, 0, sizeof seen);
	changed[0] = '\0';
	for (int i = 0; i < USER_COUNT; i++)
	{
		char name[] = {(char) ('a' + i), '\0'};

		identities[i] = access_enter(access_table, "org", name, name);
	}
}

static void
end(void)
{
	while (fake_desk_count())
		fake_desk_answer(NULL, NULL);
	for (int i = 0; i < USER_COUNT; i++)
		access_leave(access_table, identities[i]);
	access_free(access_table);
}

static void
ask(int user)
{
	access_ask(access_table, identities[user], see, seen[user]);
}

/* The first goes alone; the others gather behind it, and go together. */
static void
ask_all(void)
{
	for (int i = 0; i < USER_COUNT; i++)
		ask(i);
	is_number(fake_desk_count(), 1, "the first question goes out at once");
	is_text(fake_desk_parameter(), "a", "alone");
	fake_desk_answer((const char *const[]){"1|org|viewer|a|||w1|t", "1|org|viewer|a|||w2|t", NULL}, NULL);
	is_text(seen[0], "granted viewer 2", "and is answered, with its warehouses");
	is_number(fake_desk_count(), 0, "the others wait a moment");
	fake_next_timer();
	is_number(fake_desk_count(), 1, "and are one question");
	is_text(fake_desk_parameter(), "b,c,d", "of all three");
}

static void
test_rounds(void)
{
	note("rounds");
	begin();
	ask_all();
	fake_desk_answer((const char *const[]){"1|org|operator|b||||f", "2|org|viewer|c|||w1|t", "3|org|manager|d||||f", NULL}, NULL);
	is_text(seen[1], "granted operator 0", "each gets its own");
	is_text(seen[2], "granted viewer 1", "with its own warehouses");
	is_text(seen[3], "granted manager 0", "to the last");
	seen[1][0] = '\0';
	ask(1);
	is_text(seen[1], "granted operator 0", "what is known is answered at once");
	is_number(fake_desk_count(), 0, "without a question");
	end();
}

static void
test_refusals(void)
{
	note("refusals");
	begin();
	ask_all();
	fake_desk_answer(NULL, "IV403");
	is_number(fake_desk_count(), 2, "a refused round is asked again in halves");
	is_text(fake_desk_parameter(), "b", "the first");
	fake_desk_answer((const char *const[]){"1|org|viewer|b||||f", NULL}, NULL);
	is_text(seen[1], "granted viewer 0", "who is innocent gets in");
	is_text(fake_desk_parameter(), "c,d", "and the second");
	fake_desk_answer(NULL, "IV403");
	fake_desk_answer(NULL, "IV403");
	is_text(seen[2], "denied nothing 0", "who is refused alone is refused");
	fake_desk_answer((const char *const[]){"1|org|viewer|d||||f", NULL}, NULL);
	is_text(seen[3], "granted viewer 0", "and nobody else");
	end();

	begin();
	ask(0);
	fake_desk_answer(NULL, "57014");
	is_text(seen[0], "unavailable nothing 0", "another error is no refusal");
	ask(0);
	fake_next_timer();
	fake_desk_answer(NULL, NULL);
	is_text(seen[0], "unavailable nothing 0", "nor is a lost connection");
	fake_desk_set_up(false);
	ask(1);
	fake_next_timer();
	is_text(seen[1], "unavailable nothing 0", "without a database nobody waits");
	fake_desk_set_up(true);
	end();
}

static void
test_changes(void)
{
	note("changes");
	begin();
	ask_all();
	access_revoke(access_table, "org", "c");
	fake_desk_answer((const char *const[]){"1|org|viewer|b||||f", "2|org|viewer|c||||f", "3|org|viewer|d||||f", NULL}, NULL);
	is_text(seen[1], "granted viewer 0", "an answer on its way counts");
	is_text(seen[2], "", "unless rights have changed since it was asked for");
	fake_next_timer();
	is_text(fake_desk_parameter(), "c", "then it is asked again");
	fake_desk_answer(NULL, "IV403");
	is_text(seen[2], "denied nothing 0", "and the new answer counts");
	access_recheck(access_table);
	if (!fake_desk_count())
		fake_next_timer();
	while (fake_desk_count() || fake_next_timer() >= 0)
		if (fake_desk_count())
			fake_desk_answer(strcmp(fake_desk_parameter(), "a") == 0
								 ? (const char *const[]){"1|org|viewer|a|||w1|t", "1|org|viewer|a|||w2|t", NULL}
								 : (const char *const[]){"1|org|viewer|b||||f", "2|org|operator|d||||f", NULL},
							 NULL);
	ok(strcmp(changed, "") != 0, "who is asked about again and has other rights is told of");
	end();
}

static void
test_doubt(void)
{
	note("doubt");
	begin();
	ask(0);
	access_doubt(access_table);
	is_number(fake_desk_count(), 1, "a question on its way is not put twice");
	fake_desk_answer((const char *const[]){"1|org|viewer|a||||f", NULL}, NULL);
	is_text(seen[0], "", "but its answer may be older than the doubt");
	fake_next_timer();
	fake_desk_answer((const char *const[]){"1|org|viewer|a||||f", NULL}, NULL);
	is_text(seen[0], "granted viewer 0", "and is asked for again");
	access_doubt(access_table);
	seen[0][0] = '\0';
	ask(0);
	is_text(seen[0], "", "what is known is not told while it is in doubt");
	fake_next_timer();
	fake_desk_answer(NULL, NULL);
	is_text(seen[0], "unavailable nothing 0", "nor when the database does not answer");
	ask(0);
	fake_next_timer();
	fake_desk_answer((const char *const[]){"1|org|viewer|a||||f", NULL}, NULL);
	is_text(seen[0], "granted viewer 0", "what holds is told again");
	is_text(changed, "", "and is no change");
	access_doubt(access_table);
	fake_next_timer();
	fake_desk_answer(NULL, "IV403");
	is_text(changed, "a", "what does not, is one");
	end();
}

static void
test_gone(void)
{
	note("gone");
	begin();
	ask_all();
	access_forget(access_table, identities[1], seen[1]);
	access_leave(access_table, identities[1]);
	identities[1] = NULL;
	fake_desk_answer((const char *const[]){"1|org|viewer|b||||f", "2|org|viewer|c||||f", "3|org|viewer|d||||f", NULL}, NULL);
	is_text(seen[1], "", "who has gone is told nothing");
	is_text(seen[2], "granted viewer 0", "and the others are");
	end();
}

int
main(void)
{
	log_configure(LOG_ERROR, false);
	test_rounds();
	test_refusals();
	test_changes();
	test_doubt();
	test_gone();
	return tap_done();
}
