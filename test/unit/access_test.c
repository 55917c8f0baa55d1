/*
 * access_test.c
 *	  Rights are asked once for many, and never answered from before a change.
 *
 * The desk is here: it keeps what was asked until the test answers, from rights
 * that the test changes.  A person's right is the number of a version, which
 * the scope carries as its only warehouse; 0 is no right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "fake_loop.h"
#include "tap.h"

enum
{
	PEOPLE = 6,
	LINES = 40,
	QUESTIONS = 64
};

static const char *const people[PEOPLE] = {"ann", "bob", "cid", "dan", "eve", "fay"};

/* The database */

static int rights[PEOPLE];

static int
person_of(const char *name)
{
	for (int i = 0; i < PEOPLE; i++)
		if (strcmp(people[i], name) == 0)
			return i;
	abort();
}

/* A round that has been asked, and what the database said when it came to it. */
typedef struct Question
{
	int count;
	int who[PEOPLE];
	int said[PEOPLE];
	bool is_run;
	DeskAnswer answer;
	void *line;
} Question;

struct PgResult
{
	const Question *question; /* NULL: refused */
};

static Question questions[QUESTIONS];
static int question_count;
static int asked_count;
static bool is_down;

/* Claims are the name, so that the array is easy to take apart. */
void
pg_append_array(Buf *buf, size_t count, const char *const *texts)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(buf, "%s ", texts[i]);
}

bool
desk_ask(Desk *desk, const char *sql, int count, const char *const *parameters, DeskAnswer answer, void *line)
{
	Question *question = &questions[question_count];
	char name[8];
	int size;

	(void) desk, (void) sql, (void) count;
	if (is_down)
		return false;
	*question = (Question){.answer = answer, .line = line};
	for (const char *at = parameters[0]; sscanf(at, "%7s %n", name, &size) == 1; at += size)
		question->who[question->count++] = person_of(name);
	question_count++;
	asked_count++;
	return true;
}

static void
run(Question *question)
{
	for (int i = 0; i < question->count && !question->is_run; i++)
		question->said[i] = rights[question->who[i]];
	question->is_run = true;
}

/* One of them is refused with all, as the function raises its error for any. */
static bool
is_refused(const Question *question)
{
	for (int i = 0; i < question->count; i++)
		if (!question->said[i])
			return true;
	return false;
}

static void
answer_at(int index)
{
	Question question = questions[index];
	PgResult result = {&question};

	run(&question);
	if (is_refused(&question))
		result.question = NULL;
	questions[index] = questions[--question_count];
	question.answer(question.line, &result);
}

static void
answer_all(void)
{
	while (question_count || fake_next_timer() >= 0)
		if (question_count)
			answer_at(0);
}

bool
pg_result_is_fine(const PgResult *result)
{
	return result->question != NULL;
}

const char *
pg_result_sqlstate(const PgResult *result)
{
	return result->question ? "" : "IV403";
}

const char *
pg_result_message(const PgResult *result)
{
	(void) result;
	return "";
}

int
pg_result_count(const PgResult *result)
{
	return result->question ? result->question->count : 0;
}

int64_t
pg_result_number(const PgResult *result, int row, int column)
{
	(void) result, (void) column;
	return row + 1;
}

const char *
pg_result_text(const PgResult *result, int row, int column)
{
	static char version[16];
	const char *const columns[] = {NULL, "org", "viewer", people[result->question->who[row]], NULL, NULL, version};

	snprintf(version, sizeof version, "%d", result->question->said[row]);
	return columns[column];
}

bool
pg_result_is_true(const PgResult *result, int row, int column)
{
	(void) result, (void) row, (void) column;
	return true;
}

/* Who asks */

typedef struct Line
{
	Identity *identity;
	int person;
	bool is_waiting;
	int answer_count;
	AccessVerdict verdict;
	int version;
} Line;

static Access *access_under_test;
static int known[PEOPLE]; /* the version that the relay has read of */
static int changed_count;
static const char *wrong;

static void
take(void *owner, AccessVerdict verdict, Scope *scope)
{
	Line *line = owner;

	line->answer_count++;
	line->is_waiting = false;
	line->verdict = verdict;
	line->version = scope ? atoi(scope->warehouses[0]) : 0;
	if (verdict == ACCESS_GRANTED && line->version < known[line->person])
		wrong = "a right was answered that had been taken before the question";
	if (verdict == ACCESS_GRANTED && strcmp(scope->actor, people[line->person]) != 0)
		wrong = "somebody else's right was answered";
}

static void
ask(Line *line, const char *name)
{
	*line = (Line){.identity = access_enter(access_under_test, "org", name, name), .person = person_of(name), .is_waiting = true};
	access_ask(access_under_test, line->identity, take, line);
}

static void
leave(Line *line)
{
	access_forget(access_under_test, line->identity, line);
	access_leave(access_under_test, line->identity);
	line->identity = NULL;
}

static void
note_change(void *owner, const char *organization, const char *subject)
{
	(void) owner, (void) organization, (void) subject;
	changed_count++;
}

static void
set_up(void)
{
	for (int i = 0; i < PEOPLE; i++)
		rights[i] = 1, known[i] = 0;
	question_count = asked_count = changed_count = 0;
	is_down = false;
	access_under_test = access_new(NULL, NULL, note_change, NULL);
}

static void
tear_down(Line *lines, int count)
{
	for (int i = 0; i < count; i++)
		if (lines[i].identity)
			leave(&lines[i]);
	answer_all();
	access_free(access_under_test);
}

/* Tests */

static void
test_sharing(void)
{
	Line lines[6];
	int asked;

	note("one question for many");
	set_up();
	ask(&lines[0], "ann");
	ask(&lines[1], "ann");
	is_number(asked_count, 1, "the first question is asked at once, and is that of all with the same claims");
	ask(&lines[2], "bob");
	ask(&lines[3], "cid");
	answer_all();
	asked = asked_count;
	is_number(lines[0].answer_count + lines[1].answer_count, 2, "who has the same claims waits for the same answer");
	is_number(lines[3].version, 1, "each is told what it may see");
	ask(&lines[4], "ann");
	is_number(lines[4].answer_count, 1, "what is known is answered at once");
	is_number(asked_count, asked, "without a question");
	leave(&lines[0]), leave(&lines[1]), leave(&lines[4]);
	ask(&lines[5], "ann");
	answer_all();
	is_number(asked_count, asked + 1, "it is forgotten with the last who has it");
	tear_down(lines, 6);
}

static void
test_refusals(void)
{
	Line lines[4];

	note("refusals");
	set_up();
	rights[2] = 0;
	ask(&lines[0], "ann");
	for (int i = 1; i < 4; i++)
		ask(&lines[i], people[i]);
	answer_all();
	is_number(lines[2].verdict, ACCESS_DENIED, "who has no right is denied");
	ok(lines[0].verdict == ACCESS_GRANTED && lines[1].verdict == ACCESS_GRANTED && lines[3].verdict == ACCESS_GRANTED,
	   "and those who were asked about with it are not");
	tear_down(lines, 4);
	set_up();
	is_down = true;
	ask(&lines[0], "ann");
	while (fake_next_timer() >= 0)
		;
	is_number(lines[0].verdict, ACCESS_UNAVAILABLE, "without a database there is no answer");
	is_down = false;
	ask(&lines[1], "ann");
	while (!question_count && fake_next_timer() >= 0)
		;
	question_count = 0;
	questions[0].answer(questions[0].line, NULL);
	is_number(lines[1].verdict, ACCESS_UNAVAILABLE, "nor when it goes away");
	tear_down(lines, 2);
}

static void
test_changes(void)
{
	Line lines[4];
	Scope *before;

	note("rights that change");
	set_up();
	ask(&lines[0], "ann");
	run(&questions[0]);
	rights[0] = known[0] = 2;
	access_revoke(access_under_test, "org", "ann");
	answer_at(0);
	is_number(lines[0].answer_count, 0, "an answer that may be older than the change is not given");
	answer_all();
	is_number(lines[0].version, 2, "but asked for again");
	ask(&lines[1], "bob");
	answer_all();
	access_revoke(access_under_test, "other", NULL);
	access_revoke(access_under_test, "org", "cid");
	ask(&lines[2], "bob");
	is_number(lines[2].answer_count, 1, "what changes elsewhere is no matter");
	access_revoke(access_under_test, "org", NULL);
	ask(&lines[3], "bob");
	is_number(lines[3].answer_count, 0, "what changes for the organization is one for all");
	answer_all();

	asked_count = changed_count = 0;
	before = scope_new("org", "viewer", "bob", NULL, NULL);
	ok(!access_holds(lines[1].identity, before), "a scope of before does not hold");
	scope_release(before);
	access_recheck(access_under_test);
	answer_all();
	is_number(asked_count, 1, "a recheck asks about all at once");
	is_number(changed_count, 0, "and says nothing where nothing has changed");
	rights[1] = 5;
	access_recheck(access_under_test);
	answer_all();
	is_number(changed_count, 1, "what changed without an event is found");
	rights[1] = 0;
	access_recheck(access_under_test);
	answer_all();
	is_number(changed_count, 2, "what was taken too");
	tear_down(lines, 4);
}

/* Everything in any order: what is answered is never older than what has been read. */
static void
test_schedules(void)
{
	static Line lines[LINES];
	int granted = 0;
	int never = 0;

	note("random schedules");
	memset(lines, 0, sizeof lines);
	srand(7);
	set_up();
	for (int step = 0; step < 50000 && !wrong; step++)
	{
		Line *line = &lines[rand() % LINES];
		int who = rand() % PEOPLE;

		switch (rand() % 8)
		{
			case 0: /* the database changes, and the relay reads of it now or never */
				rights[who] = rand() % 8 ? step + 1 : 0;
				if (rand() % 4 == 0)
					break;
				known[who] = step + 1;
				access_revoke(access_under_test, "org", people[who]);
				break;
			case 1:
				if (question_count)
					run(&questions[rand() % question_count]);
				break;
			case 2:
			case 3:
				if (question_count)
					answer_at(rand() % question_count);
				break;
			case 4:
				fake_next_timer();
				break;
			case 5:
				is_down = rand() % 10 == 0;
				if (rand() % 10 == 0)
					access_recheck(access_under_test);
				break;
			default:
				if (!line->identity)
					ask(line, people[who]);
				else
				{
					granted += line->answer_count && line->verdict == ACCESS_GRANTED;
					leave(line);
				}
		}
		if (question_count > QUESTIONS / 2)
			answer_at(0);
	}
	is_down = false;
	answer_all();
	for (int i = 0; i < LINES; i++)
		never += lines[i].identity && lines[i].is_waiting;
	ok(!wrong, "no answer is older than a change that was read before it%s%s", wrong ? ": " : "", wrong ? wrong : "");
	is_number(never, 0, "and nobody waits for ever");
	ok(granted > 1000 && changed_count > 50, "in which much has happened (%d granted, %d found changed)", granted, changed_count);
	tear_down(lines, LINES);
}

int
main(void)
{
	test_sharing();
	test_refusals();
	test_changes();
	test_schedules();
	return tap_done();
}
