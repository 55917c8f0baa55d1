/*
 * presence.c
 *	  What does it cost to know who looks at what?
 *
 * Viewers look at a number of items, and follow what they look at.  At a given
 * rate one leaves and another comes, so that there are always as many.  Each
 * coming carries a mark, by which everybody who follows the item knows it when
 * it is seen.
 *
 *	presence --port P --relay PID --server PID --sql CONNINFO --viewers N
 *		--items N --rate R --seconds S
 *
 * prints rows written to the tables of presence and of the event log for each
 * second, renewals of the lease for each second, ticks for each second, CPU of
 * the relay and of the server in percent of a core, and p50 and p99 in ms of
 * coming -> seen, over all followers.  A coming that a follower did not see
 * ends it with a message.
 */
#include <dirent.h>
#include <getopt.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"

/* Connections that are not present now, and come next. */
#define SPARE_COUNT 200

/* Written at once while the viewers come at first: as many as the relay takes without effort. */
#define FIRST_SLICE 200

#define GIVE_UP_NS 30000000000LL
#define NS 1000000000LL

typedef struct Counts
{
	double rows;
	double renewals;
	double ticks;
	double relay_ns;
	double server_ns;
} Counts;

typedef struct Watch
{
	int port;
	int relay_pid;
	int server_pid;
	const char *conninfo;
	int viewers;
	int items;
	double rate;
	double seconds;

	PGconn *database;
	Crowd *crowd;
	int count; /* of members */
	int64_t *came_ns;
	int came_count; /* comings so far, also the next mark */
	double *seen_ms;
	size_t seen_count;
	size_t seen_capacity;
	bool is_measuring;
} Watch;

static void
parse_options(Watch *watch, int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'},
		{"relay", required_argument, NULL, 'r'},
		{"server", required_argument, NULL, 's'},
		{"sql", required_argument, NULL, 'q'},
		{"viewers", required_argument, NULL, 'v'},
		{"items", required_argument, NULL, 'i'},
		{"rate", required_argument, NULL, 'a'},
		{"seconds", required_argument, NULL, 'd'},
		{0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option)
		{
			case 'p':
				watch->port = atoi(optarg);
				break;
			case 'r':
				watch->relay_pid = atoi(optarg);
				break;
			case 's':
				watch->server_pid = atoi(optarg);
				break;
			case 'q':
				watch->conninfo = optarg;
				break;
			case 'v':
				watch->viewers = atoi(optarg);
				break;
			case 'i':
				watch->items = atoi(optarg);
				break;
			case 'a':
				watch->rate = atof(optarg);
				break;
			case 'd':
				watch->seconds = atof(optarg);
				break;
			default:
				exit(2);
		}
	if (!watch->conninfo || watch->viewers < 1 || watch->items < 1 || watch->rate <= 0 || watch->seconds <= 0)
		die("usage: presence --port P --relay PID --server PID --sql CONNINFO --viewers N --items N --rate R --seconds S");
}

/* Counting */

static double
ask(Watch *watch, const char *sql)
{
	PGresult *result = PQexec(watch->database, sql);
	double value;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die("%s", PQerrorMessage(watch->database));
	value = atof(PQgetvalue(result, 0, 0));
	PQclear(result);
	return value;
}

/* CPU time of the server and of all its processes that are there now. */
static double
server_cpu_ns(const Watch *watch)
{
	DIR *processes = opendir("/proc");
	double total = 0;
	struct dirent *entry;

	while ((entry = readdir(processes)))
	{
		int pid = atoi(entry->d_name);
		char path[300];
		int parent = 0;
		FILE *file;

		snprintf(path, sizeof path, "/proc/%d/stat", pid);
		file = pid > 0 ? fopen(path, "r") : NULL;
		if (file && fscanf(file, "%*d (%*[^)]) %*c %d", &parent) == 1 && (parent == watch->server_pid || pid == watch->server_pid))
			total += (double) process_cpu_ns(pid);
		if (file)
			fclose(file);
	}
	closedir(processes);
	return total;
}

#define ROWS(tables) "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE relname ~ '" tables "'"

static Counts
count(Watch *watch)
{
	return (Counts){
		.rows = ask(watch, ROWS("^(presence_status|inventory_event)")),
		.renewals = ask(watch, ROWS("^presence_session")),
		.ticks = ask(watch, "SELECT max(id) FROM inventory_tick"),
		.relay_ns = (double) process_cpu_ns(watch->relay_pid),
		.server_ns = server_cpu_ns(watch),
	};
}

/* Reads what comes for so long. */
static void
listen_for(Watch *watch, int64_t ns)
{
	int64_t end_ns = clock_ns() + ns;

	while (clock_ns() < end_ns)
		crowd_read(watch->crowd, (int) ((end_ns - clock_ns()) / 1000000 + 1));
}

/* Coming and going */

static int
item_of(const Watch *watch, int member)
{
	return member % watch->items;
}

static const char *
greeting(void *owner, int member, int *confirmations)
{
	static char text[200];

	*confirmations = 1;
	snprintf(text, sizeof text, "{\"type\":\"hello\",\"protocol\":1,\"channels\":[\"presence:inventory_item:p%d\"]}",
			 item_of(owner, member));
	return text;
}

static void
come(Watch *watch, int member)
{
	char text[200];

	snprintf(text, sizeof text,
			 "{\"type\":\"presence.track\",\"channel\":\"presence:inventory_item:p%d\",\"metadata\":{\"device\":\"%d\"}}",
			 item_of(watch, member), watch->came_count);
	watch->came_ns[watch->came_count++] = clock_ns();
	crowd_send(watch->crowd, member, text);
}

static void
go(Watch *watch, int member)
{
	char text[200];

	snprintf(text, sizeof text, "{\"type\":\"presence.leave\",\"channel\":\"presence:inventory_item:p%d\"}", item_of(watch, member));
	crowd_send(watch->crowd, member, text);
}

static void
note_seen(Watch *watch, int mark, int64_t now_ns)
{
	if (watch->seen_count == watch->seen_capacity)
	{
		watch->seen_capacity = watch->seen_capacity ? watch->seen_capacity * 2 : 1 << 16;
		watch->seen_ms = realloc(watch->seen_ms, watch->seen_capacity * sizeof *watch->seen_ms);
		if (!watch->seen_ms)
			die("out of memory");
	}
	watch->seen_ms[watch->seen_count++] = (double) (now_ns - watch->came_ns[mark]) / 1e6;
}

/* The marks of those who came; "joins" stand before "updates". */
static void
take_text(void *owner, int member, const char *text, size_t size, int64_t now_ns)
{
	static const char mark[] = "\"device\":\"";
	Watch *watch = owner;
	const char *end = text + size;
	const char *at;

	(void) member;
	if (!watch->is_measuring || !memmem(text, size, "presence.diff", 13))
		return;
	at = memmem(text, size, "\"updates\"", 9);
	end = at ? at : end;
	for (at = text; (at = memmem(at, (size_t) (end - at), mark, sizeof mark - 1)); at += sizeof mark - 1)
		note_seen(watch, atoi(at + sizeof mark - 1), now_ns);
}

static void
fill(Watch *watch)
{
	int64_t give_up_ns = clock_ns() + GIVE_UP_NS;

	for (int member = 0; member < watch->viewers; member++)
	{
		come(watch, member);
		if (member % FIRST_SLICE == FIRST_SLICE - 1)
			listen_for(watch, NS / 20);
	}
	while (ask(watch, "SELECT count(*) FROM presence_status") < watch->viewers)
	{
		listen_for(watch, NS / 10);
		if (clock_ns() > give_up_ns)
			die("the viewers did not all come");
	}
}

/* Who came first goes first, and who left first comes first: a circle with a gap of the spare ones. */
static void
turn(Watch *watch)
{
	int64_t begin_ns = clock_ns();
	int turns = (int) (watch->rate * watch->seconds);

	for (int i = 0; i < turns; i++)
	{
		int64_t due_ns = begin_ns + (int64_t) (i / watch->rate * NS);

		while (clock_ns() < due_ns)
			crowd_read(watch->crowd, 1);
		go(watch, i % watch->count);
		come(watch, (watch->viewers + i) % watch->count);
	}
}

/* Everybody who follows an item sees who comes to it. */
static size_t
expected(const Watch *watch)
{
	size_t total = 0;

	for (int i = 0; i < (int) (watch->rate * watch->seconds); i++)
	{
		int item = item_of(watch, (watch->viewers + i) % watch->count);

		total += (size_t) ((watch->count - item + watch->items - 1) / watch->items);
	}
	return total;
}

static void
measure(Watch *watch)
{
	Counts before, after;
	int64_t give_up_ns;

	/* statistics of tables are told by each backend after its next statement, a second late at most */
	listen_for(watch, 3 * NS);
	before = count(watch);
	watch->is_measuring = true;
	turn(watch);
	give_up_ns = clock_ns() + GIVE_UP_NS;
	while (watch->seen_count < expected(watch) && clock_ns() < give_up_ns)
		listen_for(watch, NS / 100);
	after = count(watch);
	if (watch->seen_count != expected(watch))
		die("%zu comings were seen, and not %zu", watch->seen_count, expected(watch));
	listen_for(watch, 3 * NS);
	after.rows = count(watch).rows;
	printf("%.1f %.2f %.1f %.1f %.1f %.2f %.2f\n", (after.rows - before.rows) / watch->seconds,
		   (after.renewals - before.renewals) / watch->seconds, (after.ticks - before.ticks) / watch->seconds,
		   (after.relay_ns - before.relay_ns) / watch->seconds / 1e7, (after.server_ns - before.server_ns) / watch->seconds / 1e7,
		   percentile(watch->seen_ms, watch->seen_count, 50), percentile(watch->seen_ms, watch->seen_count, 99));
}

int
main(int argc, char **argv)
{
	static Watch watch;
	CrowdOptions options = {.greeting = greeting, .on_text = take_text, .owner = &watch};

	parse_options(&watch, argc, argv);
	watch.count = watch.viewers + SPARE_COUNT;
	watch.came_ns = calloc((size_t) watch.viewers + (size_t) (watch.rate * watch.seconds) + 1, sizeof *watch.came_ns);
	watch.database = PQconnectdb(watch.conninfo);
	if (!watch.came_ns || PQstatus(watch.database) != CONNECTION_OK)
		die("%s", PQerrorMessage(watch.database));
	options.port = watch.port;
	options.count = watch.count;
	watch.crowd = crowd_open(&options);
	fill(&watch);
	measure(&watch);
	crowd_close(watch.crowd);
	PQfinish(watch.database);
	return 0;
}
