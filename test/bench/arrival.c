/*
 * arrival.c
 *	  How long after COMMIT returned does a change arrive, when there are many?
 *
 * Writers sell at a given rate, whether or not the last change has arrived;
 * each has an item of its own, so an event is known by product and version.
 * Three kinds of threads take the time on one clock: a writer when the answer
 * to its adjust has been read, a bare LISTEN client when a notification comes,
 * the crowd when a frame comes.  What came before its commit returned counts
 * as 0.
 *
 * A notification says how many events its tick has.  The n-th commit is taken
 * to have arrived for the LISTEN client with the tick that brings the n-th
 * event.
 *
 *	arrival --port P --sql CONNINFO --members N --rate R --seconds S
 *		[--batch] [--plain-relay] [--fill [--stuck]]
 *
 * --plain-relay: the server is not ours; it sends everything to everybody
 * without being asked.  --fill: some thousand changes come before those that
 * count.  --stuck: one more client follows everything and never reads; by then
 * its sockets are full.
 *
 * prints, in ms: p50 and p99 of the LISTEN client, p50 and p99 over all clients
 * and events, how long one event takes from the first client to the last when
 * nothing else happens (the median of some), and p50 and p99 over all clients
 * and events after the LISTEN client had heard, in which the disk is not.
 */
#include <getopt.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"

#define WRITERS_MAX 16

/* A writer does so many changes a second at most, and has room for a disk that hiccups. */
#define RATE_OF_WRITER 50
#define QUIET_EVENTS 20

/* More than the sockets of one that does not read hold: then it waits in the relay. */
#define FILLING_CALLS 12
#define STUCK_RECEIVE_BUFFER 4096
#define FOUND_MAX 4096
#define GIVE_UP_NS 30000000000LL

typedef struct Writer
{
	struct Arrival *arrival;
	PGconn *database;
	int number; /* of its item */
	long first_version;
	long count;
	int64_t *committed_ns;
	int64_t *notified_ns; /* when the LISTEN client heard of it */
	pthread_t thread;
} Writer;

typedef struct Receipt
{
	int32_t writer;
	int32_t index;
	int64_t at_ns;
} Receipt;

typedef struct Tick
{
	int64_t at_ns;
	long events;
} Tick;

typedef struct Arrival
{
	int port;
	const char *conninfo;
	int members;
	double rate;
	double seconds;
	bool accepts_batch;
	bool is_plain_relay;
	bool fills;
	bool is_stuck;

	Writer writers[WRITERS_MAX];
	int writer_count;
	int64_t start_ns;

	PGconn *listener;
	Tick *ticks;
	size_t tick_count;
	size_t tick_capacity;
	_Atomic bool is_over;

	Receipt *receipts;
	size_t receipt_count;
	size_t receipt_capacity;
	int64_t first_ns; /* of a burst in the quiet */
	int64_t last_ns;
	bool is_counting; /* after the quiet */
} Arrival;

static void
parse_options(Arrival *arrival, int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'}, {"sql", required_argument, NULL, 'q'}, {"members", required_argument, NULL, 'm'}, {"rate", required_argument, NULL, 'r'}, {"seconds", required_argument, NULL, 's'}, {"batch", no_argument, NULL, 'a'}, {"plain-relay", no_argument, NULL, 'l'}, {"fill", no_argument, NULL, 'f'}, {"stuck", no_argument, NULL, 'u'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option)
		{
			case 'p':
				arrival->port = atoi(optarg);
				break;
			case 'q':
				arrival->conninfo = optarg;
				break;
			case 'm':
				arrival->members = atoi(optarg);
				break;
			case 'r':
				arrival->rate = atof(optarg);
				break;
			case 's':
				arrival->seconds = atof(optarg);
				break;
			case 'a':
				arrival->accepts_batch = true;
				break;
			case 'l':
				arrival->is_plain_relay = true;
				break;
			case 'f':
				arrival->fills = true;
				break;
			case 'u':
				arrival->is_stuck = true;
				break;
			default:
				die("see the head of arrival.c");
		}
	if (!arrival->port || !arrival->conninfo || !arrival->members || arrival->rate <= 0 || arrival->seconds <= 0)
		die("see the head of arrival.c");
	arrival->writer_count = (int) (arrival->rate / RATE_OF_WRITER) + 1;
	if (arrival->writer_count > WRITERS_MAX)
		die("at most %d changes a second", WRITERS_MAX * RATE_OF_WRITER);
}

/* Writers */

static PGconn *
open_database(const char *conninfo)
{
	PGconn *database = PQconnectdb(conninfo);

	if (PQstatus(database) != CONNECTION_OK)
		die("%s", PQerrorMessage(database));
	return database;
}

static long
adjust(Writer *writer)
{
	char product[16];
	const char *values[] = {product};
	PGresult *result;
	long version;

	snprintf(product, sizeof product, "p%d", writer->number + 1);
	result = PQexecPrepared(writer->database, "adjust", 1, values, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die("%s", PQerrorMessage(writer->database));
	version = atol(PQgetvalue(result, 0, 0));
	PQclear(result);
	return version;
}

static void
open_writer(Arrival *arrival, int number)
{
	Writer *writer = &arrival->writers[number];

	*writer = (Writer){.arrival = arrival, .number = number, .database = open_database(arrival->conninfo)};
	writer->count = (long) (arrival->rate * arrival->seconds / arrival->writer_count);
	writer->committed_ns = calloc((size_t) writer->count + 1, sizeof *writer->committed_ns);
	writer->notified_ns = calloc((size_t) writer->count + 1, sizeof *writer->notified_ns);
	PQclear(PQprepare(writer->database, "adjust", "SELECT version FROM inventory_adjust($1, 'w', 1, 'in')", 0, NULL));
}

static void
sleep_until(int64_t when_ns)
{
	int64_t left_ns = when_ns - clock_ns();

	if (left_ns > 0)
		usleep((useconds_t) (left_ns / 1000));
}

/* Writers take turns, so that changes come evenly. */
static void *
write_changes(void *owner)
{
	Writer *writer = owner;
	const Arrival *arrival = writer->arrival;
	double pause_ns = 1e9 * arrival->writer_count / arrival->rate;

	for (long i = 0; i < writer->count; i++)
	{
		sleep_until(arrival->start_ns + (int64_t) (pause_ns * ((double) i + (double) writer->number / arrival->writer_count)));
		if (adjust(writer) != writer->first_version + i)
			die("somebody else changes the items");
		writer->committed_ns[i] = clock_ns();
	}
	return NULL;
}

/* The bare LISTEN client */

static void
take_notifications(Arrival *arrival)
{
	PGnotify *notify;

	if (!PQconsumeInput(arrival->listener))
		die("%s", PQerrorMessage(arrival->listener));
	while ((notify = PQnotifies(arrival->listener)))
	{
		const char *events = strstr(notify->extra, "\"events\":");

		if (arrival->tick_count == arrival->tick_capacity)
		{
			arrival->tick_capacity = arrival->tick_capacity * 2 + 1024;
			arrival->ticks = realloc(arrival->ticks, arrival->tick_capacity * sizeof *arrival->ticks);
		}
		arrival->ticks[arrival->tick_count++] = (Tick){clock_ns(), events ? atol(events + 9) : 0};
		PQfreemem(notify);
	}
}

static void *
listen_for_ticks(void *owner)
{
	Arrival *arrival = owner;

	while (!arrival->is_over)
	{
		struct pollfd poller = {.fd = PQsocket(arrival->listener), .events = POLLIN};

		if (poll(&poller, 1, 100) > 0)
			take_notifications(arrival);
	}
	return NULL;
}

/* The audience */

static const char *
greet(void *owner, int member, int *confirmations)
{
	Arrival *arrival = owner;

	(void) member;
	if (arrival->is_plain_relay)
		return NULL;
	*confirmations = 1;
	if (arrival->accepts_batch)
		return "{\"type\":\"hello\",\"protocol\":1,\"accept\":[\"batch\"],\"channels\":[\"warehouse:w\"]}";
	return "{\"type\":\"subscribe\",\"channel\":\"warehouse:w\"}";
}

static void
note_receipt(Arrival *arrival, int writer, long index, int64_t now_ns)
{
	if (arrival->receipt_count == arrival->receipt_capacity)
	{
		arrival->receipt_capacity = arrival->receipt_capacity * 2 + (1 << 16);
		arrival->receipts = realloc(arrival->receipts, arrival->receipt_capacity * sizeof *arrival->receipts);
		if (!arrival->receipts)
			die("out of memory");
	}
	arrival->receipts[arrival->receipt_count++] = (Receipt){writer, (int32_t) index, now_ns};
}

/*
 * The events of a frame.  One may stand for several versions: then these have
 * arrived, too.
 */
static size_t
find_events(const Arrival *arrival, const char *text, size_t size, Receipt *found)
{
	const char *end = text + size;
	const char *from = text;
	const char *at;
	size_t count = 0;

	while ((at = memmem(from, (size_t) (end - from), "\"productId\":\"p", 14)))
	{
		const char *conflated = memmem(from, (size_t) (at - from), "\"conflated\":", 12);
		const char *version = memmem(at, (size_t) (end - at), "\"version\":", 10);
		int writer = atoi(at + 14) - 1;

		if (writer < 0 || writer >= arrival->writer_count || !version)
			die("a frame of something else: %.*s", (int) size, text);
		for (long i = conflated ? atol(conflated + 12) : 1; i > 0; i--)
		{
			if (count == FOUND_MAX)
				die("a frame with too many events");
			found[count++] = (Receipt){writer, (int32_t) (atol(version + 10) - i + 1 - arrival->writers[writer].first_version), 0};
		}
		from = version;
	}
	return count;
}

/* Most frames are the one before once more. */
static void
take_text(void *owner, int member, const char *text, size_t size, int64_t now_ns)
{
	static char seen[1 << 17];
	static size_t seen_size;
	static Receipt found[FOUND_MAX];
	static size_t found_count;
	Arrival *arrival = owner;

	(void) member;
	if (size != seen_size || memcmp(text, seen, size) != 0)
	{
		seen_size = size <= sizeof seen ? size : 0;
		memcpy(seen, text, seen_size);
		found_count = find_events(arrival, text, size, found);
	}
	if (found_count && !arrival->first_ns)
		arrival->first_ns = now_ns;
	arrival->last_ns = now_ns;
	for (size_t i = 0; i < found_count; i++)
		note_receipt(arrival, found[i].writer, arrival->is_counting ? found[i].index : 0, now_ns);
}

static void
read_until(Arrival *arrival, Crowd *crowd, size_t wanted)
{
	int64_t deadline = clock_ns() + (int64_t) (arrival->seconds * 1e9) + GIVE_UP_NS;

	while (arrival->receipt_count < wanted)
	{
		crowd_read(crowd, 1000);
		if (crowd_lost_count(crowd))
			die("the server closed %d clients", crowd_lost_count(crowd));
		if (clock_ns() > deadline)
			die("%zu receipts are missing", wanted - arrival->receipt_count);
	}
	if (arrival->receipt_count > wanted)
		die("%zu receipts too many", arrival->receipt_count - wanted);
}

/* One that follows everything and is never read again. */
static Crowd *
open_stuck(CrowdOptions options)
{
	options.count = 1;
	options.receive_buffer = STUCK_RECEIVE_BUFFER;
	return crowd_open(&options);
}

static void
fill(Arrival *arrival)
{
	static const char sql[] = "SELECT FROM inventory_sync((SELECT jsonb_agg(jsonb_build_object('kind', 'adjust', "
							  "'idempotency_key', gen_random_uuid(), 'product_id', 'p1', 'warehouse_id', 'w', "
							  "'quantity', 1, 'movement_type', 'in')) FROM generate_series(1, 1000)))";

	for (int i = 0; i < FILLING_CALLS; i++)
	{
		PGresult *result = PQexec(arrival->writers[0].database, sql);

		if (PQresultStatus(result) != PGRES_TUPLES_OK)
			die("%s", PQerrorMessage(arrival->writers[0].database));
		PQclear(result);
	}
}

/* One change at a time: how long it takes from the first client to the last. */
static double
measure_fanout(Arrival *arrival, Crowd *crowd)
{
	double spans[QUIET_EVENTS];

	for (int i = 0; i < QUIET_EVENTS; i++)
	{
		arrival->receipt_count = 0;
		arrival->first_ns = 0;
		arrival->writers[0].first_version = adjust(&arrival->writers[0]) + 1;
		read_until(arrival, crowd, (size_t) arrival->members);
		spans[i] = (double) (arrival->last_ns - arrival->first_ns) / 1e6;
	}
	arrival->receipt_count = 0;
	arrival->is_counting = true;
	return percentile(spans, QUIET_EVENTS, 50);
}

/* Reporting */

typedef struct Commit
{
	int64_t at_ns;
	int64_t *notified_ns; /* when the LISTEN client heard of it, to be found out */
} Commit;

static int
compare_commits(const void *one, const void *other)
{
	int64_t a = ((const Commit *) one)->at_ns;
	int64_t b = ((const Commit *) other)->at_ns;

	return (a > b) - (a < b);
}

static size_t
sort_commits(Arrival *arrival, Commit **commits)
{
	size_t total = 0;
	size_t at = 0;

	for (int i = 0; i < arrival->writer_count; i++)
		total += (size_t) arrival->writers[i].count;
	*commits = calloc(total + 1, sizeof **commits);
	for (int i = 0; i < arrival->writer_count; i++)
		for (long change = 0; change < arrival->writers[i].count; change++)
			(*commits)[at++] = (Commit){arrival->writers[i].committed_ns[change], &arrival->writers[i].notified_ns[change]};
	qsort(*commits, total, sizeof **commits, compare_commits);
	return total;
}

static void
print_percentiles(double *values, size_t count)
{
	printf("%.3f ", percentile(values, count, 50));
	printf("%.3f ", percentile(values, count, 99));
}

static void
report_listener(Arrival *arrival)
{
	Commit *commits;
	size_t total = sort_commits(arrival, &commits);
	double *waits_ms = calloc(total + 1, sizeof *waits_ms);
	size_t tick = 0;
	long covered = arrival->tick_count ? arrival->ticks[0].events : 0;

	for (size_t i = 0; i < total; i++)
	{
		while (covered <= (long) i)
		{
			if (++tick >= arrival->tick_count)
				die("%zu notifications for %zu changes: some are missing", arrival->tick_count, total);
			covered += arrival->ticks[tick].events;
		}
		*commits[i].notified_ns = arrival->ticks[tick].at_ns;
		waits_ms[i] = (double) (arrival->ticks[tick].at_ns - commits[i].at_ns) / 1e6;
		if (waits_ms[i] < 0)
			waits_ms[i] = 0;
	}
	print_percentiles(waits_ms, total);
	free(commits);
	free(waits_ms);
}

static void
report_crowd(const Arrival *arrival, double fanout_ms)
{
	double *waits_ms = calloc(arrival->receipt_count + 1, sizeof *waits_ms);
	double *behind_ms = calloc(arrival->receipt_count + 1, sizeof *behind_ms);

	for (size_t i = 0; i < arrival->receipt_count; i++)
	{
		const Receipt *receipt = &arrival->receipts[i];
		const Writer *writer = &arrival->writers[receipt->writer];

		waits_ms[i] = (double) (receipt->at_ns - writer->committed_ns[receipt->index]) / 1e6;
		if (waits_ms[i] < 0)
			waits_ms[i] = 0;
		behind_ms[i] = (double) (receipt->at_ns - writer->notified_ns[receipt->index]) / 1e6;
	}
	print_percentiles(waits_ms, arrival->receipt_count);
	printf("%.3f ", fanout_ms);
	print_percentiles(behind_ms, arrival->receipt_count);
	printf("\n");
	free(waits_ms);
	free(behind_ms);
}

static void
begin_listening(Arrival *arrival, pthread_t *thread)
{
	arrival->listener = open_database(arrival->conninfo);
	PQclear(PQexec(arrival->listener, "LISTEN pg_inventory"));
	pthread_create(thread, NULL, listen_for_ticks, arrival);
}

int
main(int argc, char **argv)
{
	Arrival arrival = {0};
	CrowdOptions options = {.greeting = greet, .on_text = take_text, .owner = &arrival};
	Crowd *stuck = NULL;
	Crowd *crowd;
	pthread_t listener;
	double fanout_ms;
	size_t wanted = 0;

	parse_options(&arrival, argc, argv);
	for (int i = 0; i < arrival.writer_count; i++)
		open_writer(&arrival, i);
	options.port = arrival.port;
	options.count = arrival.members;
	if (arrival.is_stuck)
		stuck = open_stuck(options);
	if (arrival.fills)
		fill(&arrival);
	crowd = crowd_open(&options);
	while (crowd_read(crowd, 300)) /* what is still coming from before */
		;
	fanout_ms = measure_fanout(&arrival, crowd);
	for (int i = 1; i < arrival.writer_count; i++)
	{
		arrival.writers[i].first_version = adjust(&arrival.writers[i]) + 1;
		arrival.is_counting = false;
		read_until(&arrival, crowd, (size_t) arrival.members);
		arrival.receipt_count = 0;
	}
	arrival.is_counting = true;
	begin_listening(&arrival, &listener);
	arrival.start_ns = clock_ns() + 50000000;
	for (int i = 0; i < arrival.writer_count; i++)
	{
		wanted += (size_t) arrival.writers[i].count * (size_t) arrival.members;
		pthread_create(&arrival.writers[i].thread, NULL, write_changes, &arrival.writers[i]);
	}
	read_until(&arrival, crowd, wanted);
	for (int i = 0; i < arrival.writer_count; i++)
		pthread_join(arrival.writers[i].thread, NULL);
	arrival.is_over = true;
	pthread_join(listener, NULL);
	report_listener(&arrival);
	report_crowd(&arrival, fanout_ms);
	if (stuck)
		crowd_close(stuck);
	crowd_close(crowd);
	return 0;
}
