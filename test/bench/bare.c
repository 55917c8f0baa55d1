/*
 * bare.c
 *	  The least a server can do: each frame to each client, one write each.
 *
 * The measure of the benchmark of deliveries.  It knows no queues: a client
 * that has no room ends it.  Each line on the control port is the text of one
 * frame.  The frame is made once; the clients' sockets have TCP_NODELAY.
 *
 *	bare PORT CONTROL_PORT
 *
 * It answers every upgrade the same, since the audience does not check the key.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crowd.h"

#define MAX_FD 65536
#define LINE_SIZE (1 << 20)

static const char response[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
							   "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";

static int clients[MAX_FD];
static int client_count;

static int
listen_on(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *) &address, sizeof address) != 0 || listen(fd, 4096) != 0)
		die("cannot listen on port %d", port);
	return fd;
}

static void
watch(int epoll_fd, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void
drop_client(int fd)
{
	for (int i = 0; i < client_count; i++)
		if (clients[i] == fd)
			clients[i] = clients[--client_count];
	close(fd);
}

static void
send_to_all(const char *text, size_t size)
{
	static unsigned char frame[LINE_SIZE + 10];
	size_t head = 2;

	frame[0] = 0x81;
	frame[1] = (unsigned char) (size < 126 ? size : size < 65536 ? 126
																 : 127);
	if (size >= 126)
		for (int shift = size < 65536 ? 8 : 56; shift >= 0; shift -= 8)
			frame[head++] = (unsigned char) ((uint64_t) size >> shift);
	memcpy(frame + head, text, size);
	for (int i = 0; i < client_count; i++)
		if (write(clients[i], frame, head + size) != (ssize_t) (head + size))
			die("a client had no room");
}

/* False when it has ended. */
static bool
read_control(int fd)
{
	static char lines[LINE_SIZE];
	static size_t size;
	ssize_t got = read(fd, lines + size, sizeof lines - size);
	char *from = lines;
	char *end;

	if (got <= 0)
	{
		size = 0;
		close(fd);
		return false;
	}
	size += (size_t) got;
	while ((end = memchr(from, '\n', size - (size_t) (from - lines))))
	{
		send_to_all(from, (size_t) (end - from));
		from = end + 1;
	}
	size -= (size_t) (from - lines);
	memmove(lines, from, size);
	return true;
}

static void
read_client(int fd)
{
	char request[4096];

	if (read(fd, request, sizeof request) <= 0)
		drop_client(fd);
	else if (strncmp(request, "GET ", 4) == 0)
	{
		if (write(fd, response, sizeof response - 1) < 0 || client_count == MAX_FD)
			die("a client cannot be served");
		clients[client_count++] = fd;
	}
}

int
main(int argc, char **argv)
{
	int epoll_fd = epoll_create1(0);
	int control = -1;
	int listeners[2];

	if (argc != 3)
		die("usage: bare PORT CONTROL_PORT");
	for (int i = 0; i < 2; i++)
		watch(epoll_fd, listeners[i] = listen_on(atoi(argv[i + 1])));
	for (;;)
	{
		struct epoll_event events[256];
		int count = epoll_wait(epoll_fd, events, 256, -1);

		for (int i = 0; i < count; i++)
		{
			int fd = events[i].data.fd;
			bool is_control = fd == listeners[1];
			int on = 1;

			if (fd == listeners[0] || is_control)
			{
				int peer = accept4(fd, NULL, NULL, is_control ? 0 : SOCK_NONBLOCK);

				if (peer < 0)
					continue;
				setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
				watch(epoll_fd, peer);
				if (is_control)
					control = peer;
			}
			else if (fd != control)
				read_client(fd);
			else if (!read_control(fd))
				control = -1;
		}
	}
}
