/*
 * writer.c
 *	  A client that changes stock and keeps book of what it was told.
 *
 *	writer CONNINFO NAME SEED RATE MODE ORGANIZATION PRODUCTS
 *
 * Until SIGTERM it makes about RATE operations a second, of all kinds, on
 * products of the organization ("ORGANIZATION-0" ...) in the warehouses w0 and
 * w1.  For each one it prints, when its outcome is known or given up on:
 *
 *	  reference  verdict  began_us  ended_us  keyed  lines
 *
 * verdict is "ok", "unknown", or the SQLSTATE of a refusal; lines are
 * product:warehouse:version:movement of what was changed, joined by commas.
 * The reference is written into the ledger with the operation, so that it can
 * be found there whether or not it was acknowledged.
 *
 * An operation whose outcome is unknown, because the connection broke, is
 * asked again with its key, as a client should; one in four is left unknown,
 * and so are those without a key.
 *
 * MODE is "on" or "off", for synchronous_commit.  With "off" an "ok" promises
 * nothing once the server has crashed; such lines say "async" as the verdict.
 */
#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAREHOUSE_COUNT 2
#define TEXT_SIZE 512

static volatile sig_atomic_t is_over;

typedef struct Writer
{
	const char *conninfo;
	const char *name;
	const char *organization;
	unsigned product_count;
	bool is_async;
	uint64_t random;
	PGconn *connection;
	char held[64]; /* a reservation of ours, to be ended next; "" without one */
} Writer;

typedef struct Operation
{
	char reference[64];
	char sql[4 * TEXT_SIZE];
	bool is_keyed;
} Operation;

static void
handle_term(int signal_number)
{
	(void) signal_number;
	is_over = 1;
}

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
wait_us(int64_t us)
{
	struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	if (us > 0)
		nanosleep(&left, NULL);
}

/* xorshift64*: the same choices for the same seed, on every machine. */
static unsigned
choose(Writer *writer, unsigned count)
{
	writer->random ^= writer->random >> 12;
	writer->random ^= writer->random << 25;
	writer->random ^= writer->random >> 27;
	return (unsigned) ((writer->random * 2685821657736338717u) >> 33) % count;
}

/* Operations */

static void
choose_item(Writer *writer, char *product, unsigned *warehouse)
{
	snprintf(product, 64, "%s-%u", writer->organization, choose(writer, writer->product_count));
	*warehouse = choose(writer, WAREHOUSE_COUNT);
}

/* Two or three different items, as JSON lines; of a reservation they are taken, of a cart also given. */
static void
choose_lines(Writer *writer, char *lines, size_t size, bool is_reservation)
{
	unsigned count = 2 + choose(writer, 2);
	unsigned first = choose(writer, writer->product_count);
	unsigned step = 1 + choose(writer, 3);
	size_t used = (size_t) snprintf(lines, size, "[");

	for (unsigned i = 0; i < count && used < size; i++)
	{
		int quantity = is_reservation ? 1 + (int) choose(writer, 3) : (int) choose(writer, 9) - 4;

		used += (size_t) snprintf(lines + used, size - used,
								  "%s{\"product_id\":\"%s-%u\",\"warehouse_id\":\"w%u\",\"quantity\":%d}", i ? "," : "",
								  writer->organization, (first + i * step) % writer->product_count,
								  choose(writer, WAREHOUSE_COUNT), quantity ? quantity : 5);
	}
	if (used < size)
		snprintf(lines + used, size - used, "]");
}

static void
choose_operation(Writer *writer, Operation *operation, unsigned number)
{
	char call[2 * TEXT_SIZE];
	char lines[TEXT_SIZE];
	char product[64];
	char key[96] = "";
	unsigned warehouse;
	unsigned kind = choose(writer, 100);

	snprintf(operation->reference, sizeof operation->reference, "%s-%u", writer->name, number);
	operation->is_keyed = choose(writer, 10) != 0;
	choose_item(writer, product, &warehouse);
	choose_lines(writer, lines, sizeof lines, kind >= 85);
	if (operation->is_keyed)
		snprintf(key, sizeof key, ", idempotency_key => '%s'", operation->reference);
	if (*writer->held)
	{
		snprintf(call, sizeof call, "inventory_%s('%s'", choose(writer, 2) ? "commit" : "release", writer->held);
		*writer->held = '\0';
	}
	else if (kind < 65)
		snprintf(call, sizeof call, "inventory_adjust('%s', 'w%u', %d", product, warehouse,
				 (int) choose(writer, 9) - 4 ? (int) choose(writer, 5) + 1 : -(int) choose(writer, 5) - 1);
	else if (kind < 75)
		snprintf(call, sizeof call, "inventory_transfer('%s', 'w%u', 'w%u', %u", product, warehouse,
				 (warehouse + 1) % WAREHOUSE_COUNT, 1 + choose(writer, 4));
	else if (kind < 85)
		snprintf(call, sizeof call, "inventory_apply('%s'", lines);
	else
	{
		snprintf(call, sizeof call, "inventory_reserve('%s', reservation_id => '%s', ttl => interval '20 s'", lines,
				 operation->reference);
		snprintf(writer->held, sizeof writer->held, "%s", operation->reference);
	}
	snprintf(operation->sql, sizeof operation->sql,
			 "SELECT product_id, warehouse_id, version, movement_id FROM %s, reference => '%s'%s)", call, operation->reference, key);
}

/* The connection */

static bool
is_connected(const Writer *writer)
{
	return writer->connection && PQstatus(writer->connection) == CONNECTION_OK;
}

static void
run_quietly(PGconn *connection, const char *sql)
{
	PQclear(PQexec(connection, sql));
}

static bool
connect_again(Writer *writer)
{
	char sql[TEXT_SIZE];

	if (writer->connection)
		PQfinish(writer->connection);
	writer->connection = PQconnectdb(writer->conninfo);
	if (!is_connected(writer))
		return false;
	snprintf(sql, sizeof sql, "SET inventory.organization = '%s'; SET synchronous_commit = %s; SET client_min_messages = error",
			 writer->organization, writer->is_async ? "off" : "on");
	run_quietly(writer->connection, sql);
	return is_connected(writer);
}

static void
connect_until_over(Writer *writer)
{
	while (!is_over && !is_connected(writer))
		if (!connect_again(writer))
			wait_us(20000);
}

/* Book-keeping */

static void
print_outcome(const Writer *writer, const Operation *operation, const char *verdict, int64_t began_us, const PGresult *result)
{
	int count = result ? PQntuples(result) : 0;

	if (strcmp(verdict, "ok") == 0 && writer->is_async)
		verdict = "async";
	printf("%s\t%s\t%lld\t%lld\t%d\t", operation->reference, verdict, (long long) began_us, (long long) now_us(),
		   operation->is_keyed);
	for (int i = 0; i < count; i++)
		printf("%s%s:%s:%s:%s", i ? "," : "", PQgetvalue(result, i, 0), PQgetvalue(result, i, 1), PQgetvalue(result, i, 2),
			   PQgetvalue(result, i, 3));
	printf("\n");
	fflush(stdout);
}

static void
perform(Writer *writer, const Operation *operation)
{
	int64_t began_us = now_us();
	bool is_insisting = operation->is_keyed && choose(writer, 4) != 0;

	do
	{
		PGresult *result = PQexec(writer->connection, operation->sql);
		ExecStatusType status = PQresultStatus(result);
		const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

		if (status == PGRES_TUPLES_OK)
			print_outcome(writer, operation, "ok", began_us, result);
		else if (is_connected(writer) && sqlstate)
			print_outcome(writer, operation, sqlstate, began_us, NULL);
		else
		{
			PQclear(result);
			if (is_insisting)
				connect_until_over(writer);
			continue;
		}
		PQclear(result);
		return;
	} while (is_insisting && !is_over);
	print_outcome(writer, operation, "unknown", began_us, NULL);
}

int
main(int argc, char **argv)
{
	Writer writer = {0};
	int64_t interval_us;
	int64_t next_us = now_us();

	if (argc != 8)
	{
		fprintf(stderr, "usage: writer CONNINFO NAME SEED RATE MODE ORGANIZATION PRODUCTS\n");
		return 2;
	}
	writer.conninfo = argv[1];
	writer.name = argv[2];
	writer.random = strtoull(argv[3], NULL, 10) * 2654435769u + 88172645463325252u;
	interval_us = 1000000 / atoi(argv[4]);
	writer.is_async = strcmp(argv[5], "off") == 0;
	writer.organization = argv[6];
	writer.product_count = (unsigned) atoi(argv[7]);
	signal(SIGTERM, handle_term);
	signal(SIGPIPE, SIG_IGN);
	for (unsigned number = 1; !is_over; number++)
	{
		Operation operation = {0};

		connect_until_over(&writer);
		if (is_over)
			break;
		choose_operation(&writer, &operation, number);
		perform(&writer, &operation);
		next_us += interval_us;
		if (next_us < now_us() - 1000000) /* what an outage has cost is not made up for */
			next_us = now_us();
		wait_us(next_us - now_us());
	}
	if (writer.connection)
		PQfinish(writer.connection);
	return 0;
}
