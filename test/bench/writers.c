/*
 * writers.c
 *	  How many operations a second do clients get done, and how long does each wait?
 *
 * Every client keeps so many adjustments on their way (--window) and sends the
 * next one when one is acknowledged, of an item chosen at random (--items).
 * The time of an operation is from its sending to its acknowledgement, which
 * comes after the commit.  An error ends the program.
 *
 * prints: operations, seconds, p50 and p99 in ms, CPU seconds of the server.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crowd.h"

#define TIMES_COUNT 4000000

/* Not counted: connections and caches become warm. */
#define WARM_UP_NS 500000000LL

typedef struct Writers
{
	int port;
	int pid;
	int members;
	int window;
	int items;
	double seconds;

	Crowd *crowd;
	int64_t *sent_ns; /* of each place in each member's window */
	int64_t began_ns;
	int64_t ends_ns;
	double *times_ms;
	size_t count;
	unsigned seed;
} Writers;

static void
parse_options(Writers *writers, int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'},
		{"pid", required_argument, NULL, 'i'},
		{"members", required_argument, NULL, 'm'},
		{"window", required_argument, NULL, 'w'},
		{"items", required_argument, NULL, 'n'},
		{"seconds", required_argument, NULL, 's'},
		{0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option)
		{
			case 'p':
				writers->port = atoi(optarg);
				break;
			case 'i':
				writers->pid = atoi(optarg);
				break;
			case 'm':
				writers->members = atoi(optarg);
				break;
			case 'w':
				writers->window = atoi(optarg);
				break;
			case 'n':
				writers->items = atoi(optarg);
				break;
			case 's':
				writers->seconds = atof(optarg);
				break;
			default:
				die("see the head of writers.c");
		}
}

/* Its own events would be what the latency benchmark measures. */
static const char *
greeting(void *owner, int member, int *confirmations)
{
	(void) owner;
	(void) member;
	*confirmations = 1;
	return "{\"type\":\"hello\",\"protocol\":1,\"channels\":[\"product:none\"]}";
}

static void
say_next(Writers *writers, int member, int place, int64_t now_ns)
{
	char text[200];

	if (now_ns >= writers->ends_ns)
		return;
	snprintf(text, sizeof text,
			 "{\"type\":\"adjust\",\"id\":%d,\"productId\":\"p%d\",\"warehouseId\":\"w\",\"quantity\":1,\"movementType\":\"out\"}",
			 place, 1 + rand_r(&writers->seed) % writers->items);
	writers->sent_ns[member * writers->window + place] = now_ns;
	crowd_send(writers->crowd, member, text);
}

static void
take_text(void *owner, int member, const char *text, size_t size, int64_t now_ns)
{
	static const char ack[] = "{\"type\":\"ack\"";
	Writers *writers = owner;
	const char *id;
	int place;

	if (size < sizeof ack || memcmp(text, ack, sizeof ack - 1) != 0)
	{
		if (memmem(text, size, "\"error\"", 7))
			die("the relay answered %.*s", (int) size, text);
		return;
	}
	id = memrchr(text, ':', size);
	place = id ? atoi(id + 1) : 0;
	if (now_ns >= writers->began_ns && now_ns < writers->ends_ns && writers->count < TIMES_COUNT)
		writers->times_ms[writers->count++] = (double) (now_ns - writers->sent_ns[member * writers->window + place]) / 1e6;
	say_next(writers, member, place, now_ns);
}

int
main(int argc, char **argv)
{
	Writers writers = {.members = 64, .window = 1, .items = 1, .seconds = 4, .seed = 1};
	CrowdOptions options = {.greeting = greeting, .on_text = take_text, .owner = &writers};
	int64_t cpu_ns;

	parse_options(&writers, argc, argv);
	options.port = writers.port;
	options.count = writers.members;
	writers.sent_ns = calloc((size_t) writers.members * (size_t) writers.window, sizeof *writers.sent_ns);
	writers.times_ms = malloc(TIMES_COUNT * sizeof *writers.times_ms);
	writers.crowd = crowd_open(&options);
	writers.began_ns = clock_ns() + WARM_UP_NS;
	writers.ends_ns = writers.began_ns + (int64_t) (writers.seconds * 1e9);
	for (int member = 0; member < writers.members; member++)
		for (int place = 0; place < writers.window; place++)
			say_next(&writers, member, place, clock_ns());
	while (clock_ns() < writers.began_ns)
		crowd_read(writers.crowd, 100);
	cpu_ns = process_cpu_ns(writers.pid);
	while (clock_ns() < writers.ends_ns)
		crowd_read(writers.crowd, 100);
	cpu_ns = process_cpu_ns(writers.pid) - cpu_ns;
	if (!writers.count || crowd_lost_count(writers.crowd))
		die("%d clients were lost", crowd_lost_count(writers.crowd));
	printf("%zu %.3f %.3f %.3f %.3f\n", writers.count, writers.seconds, percentile(writers.times_ms, writers.count, 50),
		   percentile(writers.times_ms, writers.count, 99), (double) cpu_ns / 1e9);
	crowd_close(writers.crowd);
	return 0;
}
