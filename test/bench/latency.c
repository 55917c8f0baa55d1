/*
 * latency.c
 *	  How long after COMMIT returned does a change arrive?
 *
 * One thread changes one item, again and again, and after each commit waits
 * until two others have heard of it: a bare LISTEN connection, and a WebSocket
 * that is subscribed to the product.  Both clocks are this process's, and both
 * begin when the answer to the adjust has been read.  What arrived before that
 * counts as 0 and a bit.
 *
 * The pause between two changes is random, so that no figure hangs on a rhythm
 * shared with the publisher; and long enough that each change meets an idle
 * publisher, as a sale in a shop does.
 *
 *	latency CONNINFO PORT PRODUCT WAREHOUSE COUNT
 *
 * prints a line of two figures in ms per change: LISTEN, WebSocket.
 */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MIN_US 8000
#define PAUSE_MAX_US 20000
#define GIVE_UP_MS 10000

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static double
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static PGconn *
database_open(const char *conninfo)
{
	PGconn *conn = PQconnectdb(conninfo);

	if (PQstatus(conn) != CONNECTION_OK)
		die("%s", PQerrorMessage(conn));
	return conn;
}

/* The version that the change made. */
static long
database_adjust(PGconn *conn, const char *product, const char *warehouse)
{
	const char *values[] = {product, warehouse};
	PGresult *result = PQexecPrepared(conn, "adjust", 2, values, NULL, NULL, 0);
	long version;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die("%s", PQerrorMessage(conn));
	version = atol(PQgetvalue(result, 0, 0));
	PQclear(result);
	return version;
}

static bool
database_has_notification(PGconn *conn)
{
	PGnotify *notify;
	bool found = false;

	if (!PQconsumeInput(conn))
		die("%s", PQerrorMessage(conn));
	while ((notify = PQnotifies(conn)) != NULL)
	{
		found = true;
		PQfreemem(notify);
	}
	return found;
}

/* A client frame: masked, with a mask of zeros.  Text of up to 125 bytes. */
static void
socket_send(int fd, const char *text)
{
	size_t length = strlen(text);
	unsigned char frame[131] = {0x81, 0x80 | (unsigned char) length};

	memcpy(frame + 6, text, length);
	if (write(fd, frame, length + 6) != (ssize_t) length + 6)
		die("the relay did not take a frame");
}

static int
socket_open(int port, const char *product)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[120];
	int one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) != 0)
		die("cannot connect to the relay on port %d", port);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	dprintf(fd,
			"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
			port);
	snprintf(text, sizeof(text), "{\"type\":\"subscribe\",\"channel\":\"product:%s\"}", product);
	socket_send(fd, text);
	return fd;
}

/* True when the text has come.  What has come is kept and searched as a whole. */
static bool
socket_has(int fd, const char *text)
{
	static char seen[1 << 16];
	static size_t length = 0;
	ssize_t got;

	if (length > sizeof(seen) / 2)
		length = 0;
	got = recv(fd, seen + length, sizeof(seen) - length, MSG_DONTWAIT);
	if (got == 0)
		die("the relay closed the connection");
	if (got > 0)
		length += (size_t) got;
	if (memmem(seen, length, text, strlen(text)) == NULL)
		return false;
	length = 0;
	return true;
}

static void
wait_for(int fd, const char *text)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	while (!socket_has(fd, text))
	{
		if (poll(&poller, 1, GIVE_UP_MS) <= 0)
			die("waited in vain for %s", text);
	}
}

/* Waits for both and returns how long each took, counted from began. */
static void
wait_for_both(PGconn *listener, int fd, long version, double began, double *listen_ms, double *socket_ms)
{
	struct pollfd pollers[] = {{.fd = PQsocket(listener), .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	char text[40];

	snprintf(text, sizeof(text), "\"version\":%ld,", version);
	*listen_ms = *socket_ms = -1;
	for (;;)
	{
		if (*listen_ms < 0 && database_has_notification(listener))
			*listen_ms = now_ms() - began;
		if (*socket_ms < 0 && socket_has(fd, text))
			*socket_ms = now_ms() - began;
		if (*listen_ms >= 0 && *socket_ms >= 0)
			return;
		pollers[0].fd = *listen_ms < 0 ? PQsocket(listener) : -1;
		pollers[1].fd = *socket_ms < 0 ? fd : -1;
		if (poll(pollers, 2, GIVE_UP_MS) <= 0)
			die("version %ld did not arrive", version);
	}
}

int
main(int argc, char **argv)
{
	PGconn *writer;
	PGconn *listener;
	int fd;

	if (argc != 6)
		die("usage: latency CONNINFO PORT PRODUCT WAREHOUSE COUNT");
	writer = database_open(argv[1]);
	listener = database_open(argv[1]);
	PQclear(PQprepare(writer, "adjust",
					  "SELECT version FROM inventory_adjust($1, $2, 1, 'in')", 0, NULL));
	PQclear(PQexec(listener, "LISTEN pg_inventory"));
	fd = socket_open(atoi(argv[2]), argv[3]);
	wait_for(fd, "\"subscribed\"");

	for (int i = 0; i < atoi(argv[5]); i++)
	{
		long version = database_adjust(writer, argv[3], argv[4]);
		double listen_ms;
		double socket_ms;

		wait_for_both(listener, fd, version, now_ms(), &listen_ms, &socket_ms);
		printf("%.3f %.3f\n", listen_ms, socket_ms);
		usleep(PAUSE_MIN_US + (useconds_t) (rand() % (PAUSE_MAX_US - PAUSE_MIN_US)));
	}
	return 0;
}
