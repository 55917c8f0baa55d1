/*
 * idle.c
 *	  What does a client cost that only waits?
 *
 * Connects the first client, which makes the server touch what it touches for
 * any, and takes the server's resident memory; then connects the others and
 * takes it again, when it has come to rest.  The difference, shared among the
 * others, is what one costs.  The kernel's buffers are not in it.
 *
 *	idle PORT PID MEMBERS [MESSAGE]
 *
 * prints both in KiB, and KiB for each client.  With a message, every client
 * says it and waits until it has been confirmed ("subscribed").
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crowd.h"

/* At rest: no change of more than so much, so long. */
#define REST_KIB 64
#define REST_MS 2000
#define REST_GIVE_UP_MS 30000

/* The first client, and then the others in so many groups less one. */
#define CROWD_COUNT 11

static const char *
greet(void *owner, int member, int *confirmations)
{
	(void) member;
	*confirmations = owner != NULL;
	return owner;
}

static void
ignore_text(void *owner, int member, const char *text, size_t size, int64_t now_ns)
{
	(void) owner;
	(void) member;
	(void) text;
	(void) size;
	(void) now_ns;
}

static Crowd *
connect_members(int port, int count, char *message)
{
	CrowdOptions options = {
		.port = port,
		.count = count,
		.greeting = greet,
		.on_text = ignore_text,
		.owner = message,
	};

	return crowd_open(&options);
}

/* Groups of clients, each connected on its own, so that one does not wait for all. */
typedef struct Audience
{
	Crowd *crowds[CROWD_COUNT];
	int count;
} Audience;

static void
read_all(const Audience *audience, int timeout_ms)
{
	for (int i = 0; i < audience->count; i++)
		crowd_read(audience->crowds[i], timeout_ms);
}

/* Resident memory once it does not change any more; the clients go on reading. */
static long
rss_at_rest(int pid, const Audience *audience)
{
	int64_t began = clock_ns();
	int64_t rests_since = began;
	long kib = process_rss_kib(pid);

	while (clock_ns() - rests_since < REST_MS * INT64_C(1000000) && clock_ns() - began < REST_GIVE_UP_MS * INT64_C(1000000))
	{
		long now_kib;

		read_all(audience, 20);
		now_kib = process_rss_kib(pid);
		if (labs(now_kib - kib) <= REST_KIB)
			continue;
		kib = now_kib;
		rests_since = clock_ns();
	}
	return process_rss_kib(pid);
}

int
main(int argc, char **argv)
{
	int port = argc > 3 ? atoi(argv[1]) : 0;
	int pid = argc > 3 ? atoi(argv[2]) : 0;
	int members = argc > 3 ? atoi(argv[3]) : 0;
	char *message = argc > 4 ? argv[4] : NULL;
	Audience audience = {0};
	long before;
	long after;

	if (members < CROWD_COUNT)
		die("usage: idle PORT PID MEMBERS [MESSAGE], with %d members at least", CROWD_COUNT);
	members -= members % (CROWD_COUNT - 1);
	audience.crowds[audience.count++] = connect_members(port, 1, message);
	before = rss_at_rest(pid, &audience);
	while (audience.count < CROWD_COUNT)
	{
		audience.crowds[audience.count++] = connect_members(port, members / (CROWD_COUNT - 1), message);
		read_all(&audience, 0);
	}
	after = rss_at_rest(pid, &audience);
	printf("%ld %ld %.2f\n", before, after, (double) (after - before) / members);
	for (int i = 0; i < audience.count; i++)
	{
		if (crowd_lost_count(audience.crowds[i]))
			die("the server closed %d clients", crowd_lost_count(audience.crowds[i]));
		crowd_close(audience.crowds[i]);
	}
	return 0;
}
