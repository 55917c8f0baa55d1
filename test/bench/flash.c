/*
 * flash.c
 *	  A flash sale: one item, thousands of changes a second, everybody watches.
 *
 * No relay can send each change to each screen.  What has to hold: nothing
 * grows without bound, and when the sale is over every screen soon shows what
 * the database has.  Sales come in calls of inventory_sync(), as a queue of
 * tills would send them; a thread looks at the relay meanwhile.
 *
 *	flash --port P --admin P --pid PID --sql CONNINFO --members N --rate R
 *		--seconds S [--batch]
 *
 * prints: changes a second as made, frames each screen got a second, MiB
 * queued by the relay at most and MiB of memory it grew by, ms from the last
 * commit until the last screen was right, and how many screens never were.
 */
#include <getopt.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crowd.h"

#define CALL_SIZE 20
#define SAMPLE_US 100000
#define GIVE_UP_NS 30000000000LL

typedef struct Screen
{
	long version;
	long available;
} Screen;

typedef struct Flash
{
	int port;
	int admin_port;
	int pid;
	const char *conninfo;
	int members;
	double rate;
	double seconds;
	bool accepts_batch;

	PGconn *database;
	Screen *screens;
	uint64_t frames;
	long change_count;
	int64_t began_ns;
	int64_t ended_ns;
	Screen truth; /* set when is_sold_out */
	_Atomic bool is_sold_out;
	_Atomic bool is_over;

	double queued_mib; /* at most */
	long rss_kib;	   /* likewise */
} Flash;

static void
parse_options(Flash *flash, int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'}, {"admin", required_argument, NULL, 'd'}, {"pid", required_argument, NULL, 'i'}, {"sql", required_argument, NULL, 'q'}, {"members", required_argument, NULL, 'm'}, {"rate", required_argument, NULL, 'r'}, {"seconds", required_argument, NULL, 's'}, {"batch", no_argument, NULL, 'a'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option)
		{
			case 'p':
				flash->port = atoi(optarg);
				break;
			case 'd':
				flash->admin_port = atoi(optarg);
				break;
			case 'i':
				flash->pid = atoi(optarg);
				break;
			case 'q':
				flash->conninfo = optarg;
				break;
			case 'm':
				flash->members = atoi(optarg);
				break;
			case 'r':
				flash->rate = atof(optarg);
				break;
			case 's':
				flash->seconds = atof(optarg);
				break;
			case 'a':
				flash->accepts_batch = true;
				break;
			default:
				die("see the head of flash.c");
		}
	if (!flash->port || !flash->admin_port || !flash->pid || !flash->conninfo || !flash->members || flash->rate <= 0 ||
		flash->seconds <= 0)
		die("see the head of flash.c");
}

/* Selling */

static PGresult *
ask(Flash *flash, const char *sql)
{
	PGresult *result = PQexec(flash->database, sql);

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die("%s", PQerrorMessage(flash->database));
	return result;
}

static void
sell(Flash *flash)
{
	static char sql[600];
	PGresult *result;

	if (!*sql)
		snprintf(sql, sizeof sql,
				 "SELECT count(*) FROM inventory_sync((SELECT jsonb_agg(jsonb_build_object('kind', 'adjust', "
				 "'idempotency_key', gen_random_uuid(), 'product_id', 'p1', 'warehouse_id', 'w', 'quantity', -1, "
				 "'movement_type', 'out')) FROM generate_series(1, %d))) WHERE status = 'applied'",
				 CALL_SIZE);
	result = ask(flash, sql);
	if (atoi(PQgetvalue(result, 0, 0)) != CALL_SIZE)
		die("only %s of %d were sold", PQgetvalue(result, 0, 0), CALL_SIZE);
	flash->change_count += CALL_SIZE;
	PQclear(result);
}

static void
read_truth(Flash *flash)
{
	PGresult *result = ask(flash, "SELECT version, quantity_available FROM inventory_list('p1', 'w')");

	flash->truth = (Screen){atol(PQgetvalue(result, 0, 0)), atol(PQgetvalue(result, 0, 1))};
	PQclear(result);
}

static void *
hold_sale(void *owner)
{
	Flash *flash = owner;
	int64_t end_ns = flash->began_ns + (int64_t) (flash->seconds * 1e9);

	for (long call = 0; clock_ns() < end_ns; call++)
	{
		int64_t left_ns = flash->began_ns + (int64_t) ((double) call * CALL_SIZE / flash->rate * 1e9) - clock_ns();

		if (left_ns > 0)
			usleep((useconds_t) (left_ns / 1000));
		sell(flash);
	}
	flash->ended_ns = clock_ns();
	read_truth(flash);
	flash->is_sold_out = true;
	return NULL;
}

/* Looking at the relay */

static double
read_queued_mib(const Flash *flash)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
	static const char name[] = "\ninventory_relay_queued_bytes ";
	static char text[1 << 18];
	int fd = port_open(flash->admin_port);
	size_t size = 0;
	ssize_t got;
	char *value;

	if (write(fd, request, sizeof request - 1) < 0)
		die("the relay did not take a request");
	while ((got = read(fd, text + size, sizeof text - 1 - size)) > 0)
		size += (size_t) got;
	close(fd);
	text[size] = '\0';
	value = strstr(text, name);
	if (!value)
		die("the relay has no metric of its queues");
	return atof(value + sizeof name - 1) / (1 << 20);
}

static void *
look(void *owner)
{
	Flash *flash = owner;

	while (!flash->is_over)
	{
		double queued_mib = read_queued_mib(flash);
		long rss_kib = process_rss_kib(flash->pid);

		if (queued_mib > flash->queued_mib)
			flash->queued_mib = queued_mib;
		if (rss_kib > flash->rss_kib)
			flash->rss_kib = rss_kib;
		usleep(SAMPLE_US);
	}
	return NULL;
}

/* Screens */

static const char *
greet(void *owner, int member, int *confirmations)
{
	Flash *flash = owner;

	(void) member;
	*confirmations = 1;
	if (flash->accepts_batch)
		return "{\"type\":\"hello\",\"protocol\":1,\"accept\":[\"batch\"],\"channels\":[\"product:p1\"]}";
	return "{\"type\":\"subscribe\",\"channel\":\"product:p1\"}";
}

static long
read_number(const char *text, size_t size, const char *name, size_t name_size)
{
	const char *at = NULL;
	const char *next = text;

	/* The last of several is the newest. */
	while ((next = memmem(next, size - (size_t) (next - text), name, name_size)))
		at = next += name_size;
	if (!at)
		die("a frame of something else: %.*s", (int) size, text);
	return atol(at);
}

static void
take_text(void *owner, int member, const char *text, size_t size, int64_t now_ns)
{
	Flash *flash = owner;
	Screen *screen = &flash->screens[member];
	Screen seen = {read_number(text, size, "\"version\":", 10), read_number(text, size, "\"quantityAvailable\":", 20)};

	(void) now_ns;
	if (seen.version <= screen->version)
		die("a screen went from version %ld to %ld", screen->version, seen.version);
	*screen = seen;
	flash->frames++;
}

static int
count_wrong(const Flash *flash)
{
	int count = 0;

	for (int i = 0; i < flash->members; i++)
		count += flash->screens[i].version != flash->truth.version || flash->screens[i].available != flash->truth.available;
	return count;
}

int
main(int argc, char **argv)
{
	Flash flash = {0};
	CrowdOptions options = {.greeting = greet, .on_text = take_text, .owner = &flash};
	Crowd *crowd;
	pthread_t sale;
	pthread_t looker;
	int64_t deadline = 0;
	int64_t settled_ns;
	long rss_kib;

	parse_options(&flash, argc, argv);
	flash.database = PQconnectdb(flash.conninfo);
	if (PQstatus(flash.database) != CONNECTION_OK)
		die("%s", PQerrorMessage(flash.database));
	flash.screens = calloc((size_t) flash.members, sizeof *flash.screens);
	options.port = flash.port;
	options.count = flash.members;
	crowd = crowd_open(&options);

	rss_kib = process_rss_kib(flash.pid);
	flash.began_ns = clock_ns();
	pthread_create(&looker, NULL, look, &flash);
	pthread_create(&sale, NULL, hold_sale, &flash);
	while (!flash.is_sold_out || count_wrong(&flash))
	{
		crowd_read(crowd, 10);
		if (crowd_lost_count(crowd))
			die("the relay closed %d screens", crowd_lost_count(crowd));
		if (flash.is_sold_out && !deadline)
			deadline = clock_ns() + GIVE_UP_NS;
		if (deadline && clock_ns() > deadline)
			break;
	}
	settled_ns = clock_ns();
	flash.is_over = true;
	pthread_join(sale, NULL);
	pthread_join(looker, NULL);
	printf("%.0f %.1f %.1f %.1f %.0f %d\n", (double) flash.change_count * 1e9 / (double) (flash.ended_ns - flash.began_ns),
		   (double) flash.frames / flash.members * 1e9 / (double) (settled_ns - flash.began_ns), flash.queued_mib,
		   (double) (flash.rss_kib - rss_kib) / 1024, (double) (settled_ns - flash.ended_ns) / 1e6, count_wrong(&flash));
	crowd_close(crowd);
	return 0;
}
