/*
 * fanout.c
 *	  What does it cost a server to send an event to everybody?
 *
 * A crowd of clients follows the server.  One burst of events is set off at a
 * time, the next when every client has all of it; so no queue grows, and what
 * the server works in between is all there is to pay for.  Reported is its CPU
 * time, of all its threads, as the kernel counts it: the answer is per core,
 * however busy the machine is with the audience.  The audience looks now and
 * then and does not wait to be woken: waking it is work of the sender's system
 * call, and more of it for a slower sender, which no client on a network costs.
 *
 * The events come from the database (--sql), or are told to the server on a
 * control port (--feed) as the text that a client of the relay once received
 * (--keep).
 *
 *	--channels spreads the events over so many channels, with --followers
 *	clients on each; otherwise everybody hears of everything.
 *
 * prints: deliveries, CPU seconds of the server, frames, bursts, and the
 * median time in ms from the first client's receipt of a burst to the last's.
 */
#include <getopt.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"

#define GIVE_UP_NS 20000000000LL
#define MAX_BURSTS 100000

/* How often the audience looks. */
#define LOOK_US 500

typedef struct Fanout
{
	int port;
	int pid;
	int members;
	int burst;
	double seconds;
	bool accepts_batch;
	int channels;
	int followers;
	const char *conninfo;
	int control_port;
	const char *text_file;
	const char *keep_file;

	PGconn *database;
	int control;
	char *line; /* what the control port is told */
	size_t line_size;

	/* Of the burst on its way. */
	int64_t first_ns;
	int64_t last_ns;

	uint64_t delivered; /* events */
	uint64_t frames;
	double *spans_ms;
	size_t burst_count;
} Fanout;

static void
parse_options(Fanout *fanout, int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'}, {"pid", required_argument, NULL, 'i'}, {"members", required_argument, NULL, 'm'}, {"burst", required_argument, NULL, 'b'}, {"seconds", required_argument, NULL, 's'}, {"batch", no_argument, NULL, 'a'}, {"channels", required_argument, NULL, 'c'}, {"followers", required_argument, NULL, 'f'}, {"sql", required_argument, NULL, 'q'}, {"feed", required_argument, NULL, 'o'}, {"text", required_argument, NULL, 't'}, {"keep", required_argument, NULL, 'k'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option)
		{
			case 'p':
				fanout->port = atoi(optarg);
				break;
			case 'i':
				fanout->pid = atoi(optarg);
				break;
			case 'm':
				fanout->members = atoi(optarg);
				break;
			case 'b':
				fanout->burst = atoi(optarg);
				break;
			case 's':
				fanout->seconds = atof(optarg);
				break;
			case 'a':
				fanout->accepts_batch = true;
				break;
			case 'c':
				fanout->channels = atoi(optarg);
				break;
			case 'f':
				fanout->followers = atoi(optarg);
				break;
			case 'q':
				fanout->conninfo = optarg;
				break;
			case 'o':
				fanout->control_port = atoi(optarg);
				break;
			case 't':
				fanout->text_file = optarg;
				break;
			case 'k':
				fanout->keep_file = optarg;
				break;
			default:
				die("see the head of fanout.c");
		}
	if (!fanout->port || !fanout->pid || !fanout->members || !fanout->burst || !fanout->conninfo == !fanout->control_port)
		die("see the head of fanout.c");
}

/* The audience */

/* Channel c has the members from c * followers on, counted around. */
static const char *
list_channels(const Fanout *fanout, int member, int *count)
{
	static char text[16000];
	size_t size = (size_t) sprintf(text, "{\"type\":\"hello\",\"protocol\":1%s,\"channels\":[",
								   fanout->accepts_batch ? ",\"accept\":[\"batch\"]" : "");
	const char *comma = "";

	for (int at = member; at < fanout->channels * fanout->followers; at += fanout->members)
	{
		size += (size_t) snprintf(text + size, sizeof text - size, "%s\"product:p%d\"", comma, at / fanout->followers + 1);
		comma = ",";
		++*count;
	}
	if (size + 3 > sizeof text)
		die("too many channels for a client");
	sprintf(text + size, "]}");
	return text;
}

static const char *
greet(void *owner, int member, int *confirmations)
{
	Fanout *fanout = owner;

	if (fanout->control_port)
		return NULL;
	if (fanout->channels)
		return list_channels(fanout, member, confirmations);
	*confirmations = 1;
	if (fanout->accepts_batch)
		return "{\"type\":\"hello\",\"protocol\":1,\"accept\":[\"batch\"],\"channels\":[\"warehouse:w\"]}";
	return "{\"type\":\"subscribe\",\"channel\":\"warehouse:w\"}";
}

static unsigned
count_events(const char *text, size_t size)
{
	static const char mark[] = "{\"type\":\"inventory.updated\"";
	unsigned count = 0;
	const char *at = text;

	while ((at = memmem(at, size - (size_t) (at - text), mark, sizeof mark - 1)))
	{
		count++;
		at += sizeof mark - 1;
	}
	return count;
}

static void
keep_text(Fanout *fanout, const char *text, size_t size)
{
	FILE *file = fopen(fanout->keep_file, "w");

	if (!file || fprintf(file, "%.*s\n", (int) size, text) < 0 || fclose(file) != 0)
		die("cannot write %s", fanout->keep_file);
	fanout->keep_file = NULL;
}

/* A batch is counted by its events; most frames are the one before once more. */
static void
take_text(void *owner, int member, const char *text, size_t size, int64_t now_ns)
{
	static char seen[1 << 16];
	static size_t seen_size;
	static unsigned seen_count;
	Fanout *fanout = owner;

	(void) member;
	if (size != seen_size || memcmp(text, seen, size) != 0)
	{
		seen_size = size <= sizeof seen ? size : 0;
		memcpy(seen, text, seen_size);
		seen_count = count_events(text, size);
	}
	if (!seen_count)
		return;
	if (!fanout->first_ns)
		fanout->first_ns = now_ns;
	fanout->last_ns = now_ns;
	fanout->frames++;
	fanout->delivered += seen_count;
	if (fanout->keep_file)
		keep_text(fanout, text, size);
}

/* Events */

static void
run(Fanout *fanout, PGresult *result)
{
	if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
		die("%s", PQerrorMessage(fanout->database));
	PQclear(result);
}

/* A burst is one transaction, hence one tick, and of as many items. */
static void
open_database(Fanout *fanout)
{
	fanout->database = PQconnectdb(fanout->conninfo);
	if (PQstatus(fanout->database) != CONNECTION_OK)
		die("%s", PQerrorMessage(fanout->database));
	run(fanout, PQprepare(fanout->database, "burst",
						  "SELECT count(*) FROM inventory_apply((SELECT jsonb_agg(jsonb_build_object('product_id', 'p' || n, "
						  "'warehouse_id', 'w', 'quantity', 1)) FROM generate_series($1::int, $1::int + $2::int - 1) n))",
						  0, NULL));
}

static void
open_control(Fanout *fanout)
{
	char text[1 << 16];
	FILE *file = fopen(fanout->text_file, "r");

	if (!file || !fgets(text, sizeof text, file))
		die("cannot read %s", fanout->text_file);
	fclose(file);
	fanout->control = port_open(fanout->control_port);
	fanout->line_size = strlen(text) * (size_t) fanout->burst;
	fanout->line = calloc(1, fanout->line_size + 1);
	for (int i = 0; i < fanout->burst; i++)
		strcat(fanout->line, text);
}

static void
set_off(Fanout *fanout)
{
	char first[16];
	char count[16];
	const char *values[] = {first, count};

	if (fanout->control_port)
	{
		if (write(fanout->control, fanout->line, fanout->line_size) != (ssize_t) fanout->line_size)
			die("the server did not take what it is to send");
		return;
	}
	snprintf(first, sizeof first, "%d", fanout->channels ? 1 + rand() % (fanout->channels - fanout->burst + 1) : 1);
	snprintf(count, sizeof count, "%d", fanout->burst);
	run(fanout, PQexecPrepared(fanout->database, "burst", 2, values, NULL, NULL, 0));
}

static void
send_burst(Fanout *fanout, Crowd *crowd)
{
	int audience = fanout->channels ? fanout->followers : fanout->members;
	uint64_t wanted = fanout->delivered + (uint64_t) audience * (uint64_t) fanout->burst;
	int64_t deadline = clock_ns() + GIVE_UP_NS;

	fanout->first_ns = 0;
	set_off(fanout);
	while (fanout->delivered < wanted)
	{
		if (!crowd_read(crowd, 0))
			usleep(LOOK_US);
		if (crowd_lost_count(crowd))
			die("the server closed %d clients", crowd_lost_count(crowd));
		if (clock_ns() > deadline)
			die("%llu deliveries are missing", (unsigned long long) (wanted - fanout->delivered));
	}
	if (fanout->delivered > wanted)
		die("%llu deliveries too many", (unsigned long long) (fanout->delivered - wanted));
	if (fanout->burst_count < MAX_BURSTS)
		fanout->spans_ms[fanout->burst_count++] = (double) (fanout->last_ns - fanout->first_ns) / 1e6;
}

int
main(int argc, char **argv)
{
	Fanout fanout = {.seconds = 1};
	CrowdOptions options = {.greeting = greet, .on_text = take_text, .owner = &fanout};
	Crowd *crowd;
	int64_t deadline;
	int64_t cpu;

	parse_options(&fanout, argc, argv);
	options.port = fanout.port;
	options.count = fanout.members;
	fanout.spans_ms = calloc(MAX_BURSTS, sizeof *fanout.spans_ms);
	if (fanout.conninfo)
		open_database(&fanout);
	else
		open_control(&fanout);
	crowd = crowd_open(&options);

	send_burst(&fanout, crowd); /* the first warms up */
	fanout.delivered = fanout.frames = fanout.burst_count = 0;
	cpu = process_cpu_ns(fanout.pid);
	deadline = clock_ns() + (int64_t) (fanout.seconds * 1e9);
	do
		send_burst(&fanout, crowd);
	while (clock_ns() < deadline);
	cpu = process_cpu_ns(fanout.pid) - cpu;
	printf("%llu %.6f %llu %zu %.3f\n", (unsigned long long) fanout.delivered, (double) cpu / 1e9,
		   (unsigned long long) fanout.frames, fanout.burst_count,
		   percentile(fanout.spans_ms, fanout.burst_count, 50));
	crowd_close(crowd);
	return 0;
}
