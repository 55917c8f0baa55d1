/*
 * pg_test.c
 *	  The connection to the database, through everything that can happen to it.
 *
 * Against a scripted libpq and a loop that stands still.
 */
#include "pg.h"

#include <stdio.h>
#include <string.h>

#include "fake_libpq.h"
#include "fake_loop.h"
#include "log.h"
#include "tap.h"

static char seen[500];
static Pg *pg;

static void
saw(const char *what)
{
	snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ", what);
}

static void
see_up(void *owner)
{
	(void) owner;
	saw("up");
}

static void
see_down(void *owner)
{
	(void) owner;
	saw("down");
}

static void
see_bell(void *owner)
{
	(void) owner;
	saw("bell");
}

static void
see_answer(void *owner, const PgResult *result)
{
	(void) owner;
	saw(!result ? "lost" : pg_result_is_fine(result) ? "fine"
													 : pg_result_sqlstate(result));
}

static void
begin(void)
{
	static const PgHandlers handlers = {see_up, see_down, see_bell};
	PgOptions options = {"test", "host=a dbname=b", 7000, 9000};

	fake_server = (FakeServer){.next_step = PGRES_POLLING_READING, .message = "no route\nto host\n"};
	seen[0] = '\0';
	pg = pg_new(NULL, &options, &handlers, NULL);
	pg_open(pg);
}

static void
come_up(void)
{
	begin();
	fake_writable();
	fake_server.next_step = PGRES_POLLING_OK;
	fake_readable();
}

static void
end(void)
{
	pg_free(pg);
	is_number(fake_server.connection_count, 0, "every connection is finished");
	ok(!fake_is_watching() && fake_next_timer() < 0, "and nothing is left in the loop");
}

static void
test_connecting(void)
{
	note("connecting");
	begin();
	ok(fake_wants_write(), "the first step waits for room to write");
	ok(strstr(fake_server.conninfo, "target_session_attrs=read-write;"), "a standby will not do");
	ok(strstr(fake_server.conninfo, "dbname=host=a dbname=b;") > strstr(fake_server.conninfo, "keepalives_idle="),
	   "the connection string comes behind what it may override");
	fake_writable();
	ok(fake_is_watching() && !fake_wants_write(), "then it waits for the server");
	fake_server.next_step = PGRES_POLLING_WRITING;
	fake_readable();
	ok(fake_wants_write(), "and again for room");
	fake_server.next_step = PGRES_POLLING_OK;
	fake_writable();
	is_text(seen, "up ", "until it is up");
	ok(pg_is_up(pg) && !pg_is_busy(pg), "and free for a query");
	end();
}

static void
test_retrying(void)
{
	long long longest = 0;

	note("retrying");
	begin();
	fake_server.next_step = PGRES_POLLING_FAILED;
	fake_writable();
	is_text(seen, "", "an attempt that fails is no loss");
	is_number(fake_server.connection_count, 0, "its connection is finished");
	for (int i = 0; i < 20; i++)
	{
		long long pause = fake_next_timer();

		longest = pause > longest ? pause : longest;
		fake_writable();
	}
	is_number(fake_server.started_count, 21, "it tries again and again");
	ok(longest > 1000 && longest <= 2000, "with pauses that grow to two seconds at most (%lld ms)", longest);
	fake_server.refuses_start = true;
	fake_next_timer();
	is_number(fake_server.connection_count, 0, "also when it cannot even begin");
	fake_server.refuses_start = false;
	fake_server.next_step = PGRES_POLLING_OK;
	fake_next_timer();
	fake_writable();
	is_text(seen, "up ", "until the server is back");
	end();
}

static void
test_deadlines(void)
{
	note("deadlines");
	begin();
	is_number(fake_next_timer(), 7000, "an attempt has its time");
	ok(!fake_is_watching(), "after which it is given up");
	ok(fake_next_timer() < 200, "and made again soon");
	end();

	come_up();
	is_number(fake_next_timer(), -1, "a quiet connection has no deadline");
	pg_run(pg, "SELECT", see_answer, NULL);
	is_number(fake_next_timer(), 9000, "a query has");
	is_text(seen, "up lost down ", "missing it loses the connection, and the query is told first");
	end();
}

static void
test_queries(void)
{
	note("queries");
	come_up();
	pg_run(pg, "SELECT 1", see_answer, NULL);
	ok(pg_is_busy(pg), "a query makes it busy");
	fake_readable();
	is_text(seen, "up ", "half an answer is no answer");
	fake_server.has_answer = true;
	fake_server.answers[0] = PGRES_COMMAND_OK;
	fake_server.answers[1] = PGRES_TUPLES_OK;
	fake_server.answers[2] = PGRES_EMPTY_QUERY;
	fake_readable();
	is_text(seen, "up fine ", "several results make one answer");
	ok(!pg_is_busy(pg), "then it is free again");

	fake_server.sqlstate = "IV410";
	fake_server.answers[0] = PGRES_FATAL_ERROR;
	fake_server.answers[1] = PGRES_COMMAND_OK;
	pg_execute(pg, "read", 0, NULL, see_answer, NULL);
	is_text(fake_server.last_sql, "read", "a prepared statement goes by its name");
	fake_server.has_answer = true;
	fake_readable();
	is_text(seen, "up fine IV410 ", "of several results the error counts");

	fake_server.unsent_rounds = 2;
	pg_run(pg, "SELECT 2", see_answer, NULL);
	ok(fake_writable() && fake_writable() && !fake_wants_write(), "a long query is sent as there is room");
	end();
}

static void
test_losses(void)
{
	note("losses");
	come_up();
	fake_server.is_broken = true;
	fake_readable();
	is_text(seen, "up down ", "a broken connection is reported");
	ok(fake_next_timer() < 200, "and made anew at once");
	end();

	come_up();
	fake_closed();
	is_text(seen, "up down ", "so is one that the server hung up");
	end();

	come_up();
	pg_run(pg, "SELECT", see_answer, NULL);
	fake_server.is_broken = fake_server.has_answer = true;
	fake_server.sqlstate = "57P01";
	fake_server.answers[0] = PGRES_FATAL_ERROR;
	fake_server.answers[1] = PGRES_EMPTY_QUERY;
	fake_readable();
	is_text(seen, "up 57P01 down ", "the server's last words are heard before");
	end();

	come_up();
	fake_server.refuses_queries = true;
	pg_run(pg, "SELECT", see_answer, NULL);
	is_text(seen, "up lost down ", "a query that cannot be sent is answered as lost");
	end();

	come_up();
	pg_lose(pg, "because");
	pg_lose(pg, "because");
	is_text(seen, "up down ", "a connection is lost once");
	end();
}

static void
lose_in_answer(void *owner, const PgResult *result)
{
	(void) owner;
	see_answer(owner, result);
	pg_lose(pg, "the answer was wrong");
}

static void
test_losing_inside(void)
{
	note("losing it from a handler");
	come_up();
	pg_run(pg, "SELECT", lose_in_answer, NULL);
	fake_server.has_answer = true;
	fake_server.notification_count = 1;
	fake_server.answers[0] = PGRES_TUPLES_OK;
	fake_server.answers[1] = PGRES_EMPTY_QUERY;
	fake_readable();
	is_text(seen, "up fine down ", "an answer may give the connection up; no bell rings for it any more");
	end();
}

static void
test_bells(void)
{
	note("notifications");
	come_up();
	fake_server.notification_count = 5;
	fake_readable();
	is_text(seen, "up bell ", "many notifications at once are one bell");
	fake_readable();
	is_text(seen, "up bell ", "without any there is none");
	pg_run(pg, "SELECT", see_answer, NULL);
	fake_server.notification_count = 1;
	fake_server.has_answer = true;
	fake_server.answers[0] = PGRES_TUPLES_OK;
	fake_server.answers[1] = PGRES_EMPTY_QUERY;
	fake_readable();
	is_text(seen, "up bell fine bell ", "one that comes with an answer rings after it");
	end();
}

static void
test_settling(void)
{
	long long first;
	long long grown = 0;

	note("settling");
	come_up();
	for (int i = 0; i < 6; i++)
	{
		pg_lose(pg, "it does not work out");
		grown = fake_next_timer();
		fake_writable();
	}
	ok(grown >= 1000, "a server that accepts but is of no use is asked more and more rarely");
	pg_settle(pg);
	pg_lose(pg, "once in a while");
	first = fake_next_timer();
	ok(first <= 100, "one that was of use is asked again at once");
	end();
}

static void
ignore_event(void *owner)
{
	(void) owner;
}

/* Misses the deadline, and begins anew; where with. */
static const char *
try_again(void)
{
	fake_next_timer();
	fake_next_timer();
	return strstr(fake_server.conninfo, "dbname=host=") + strlen("dbname=host=a,b,c port=1,2,3 dbname=d;");
}

static void
test_hosts(void)
{
	static const PgHandlers handlers = {ignore_event, ignore_event, NULL};
	PgOptions several = {"test", "host=a,b,c port=1,2,3 dbname=d", 7000, 9000};
	PgOptions one = {"test", "host=a dbname=d", 7000, 9000};
	Pg *lasting;

	note("several hosts");
	fake_server = (FakeServer){.next_step = PGRES_POLLING_READING};
	lasting = pg_new(NULL, &several, &handlers, NULL);
	pg_open(lasting);
	ok(!strstr(fake_server.conninfo, ";host="), "the hosts are tried in their order");
	is_text(try_again(), "host=b,c,a;port=2,3,1;", "when one says nothing, the next is tried first, with its port");
	is_text(try_again(), "host=c,a,b;port=3,1,2;", "then the one behind");
	is_text(try_again(), "host=a,b,c;port=1,2,3;", "and round");
	pg_free(lasting);

	fake_server = (FakeServer){.next_step = PGRES_POLLING_READING};
	lasting = pg_new(NULL, &one, &handlers, NULL);
	pg_open(lasting);
	fake_next_timer();
	fake_next_timer();
	ok(strstr(fake_server.conninfo, ";host=a;"), "one host alone is the first every time");
	pg_free(lasting);
}

static void
test_dsn(void)
{
	Buf error = {0};

	ok(pg_check_dsn("host=a", &error), "a connection string that can be read is fine");
	ok(!pg_check_dsn("nonsense", &error), "another is not");
	is_text(buf_text(&error), "option dsn: missing \"=\" after what stands here", "with what libpq says, on one line");
	buf_free(&error);
}

int
main(void)
{
	log_configure(LOG_ERROR, false);
	test_dsn();
	test_hosts();
	test_connecting();
	test_retrying();
	test_deadlines();
	test_queries();
	test_losses();
	test_losing_inside();
	test_bells();
	test_settling();
	return tap_done();
}
