/*
 * address.c
 *	  Addresses to listen on, and what they mean.
 *
 * IPv6 sockets are bound V6ONLY, so that "*" is two sockets and each says
 * truthfully what it serves.
 */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kernel cuts this to net.core.somaxconn. */
#define LISTEN_BACKLOG 4096

static bool
parse_port(const char *text, in_port_t *port)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < 1 || value > 65535)
		return false;
	*port = htons((in_port_t) value);
	return true;
}

static bool
make_v4(Address *address, const char *host, in_port_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *) &address->socket_address;

	*address = (Address){.size = sizeof *in};
	in->sin_family = AF_INET;
	in->sin_port = port;
	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		return false;
	address->is_loopback = ntohl(in->sin_addr.s_addr) >> 24 == 127;
	snprintf(address->text, sizeof address->text, "%s:%u", host, ntohs(port));
	return true;
}

static bool
make_v6(Address *address, const char *host, in_port_t port)
{
	struct sockaddr_in6 *in = (struct sockaddr_in6 *) &address->socket_address;

	*address = (Address){.size = sizeof *in};
	in->sin6_family = AF_INET6;
	in->sin6_port = port;
	if (inet_pton(AF_INET6, host, &in->sin6_addr) != 1)
		return false;
	address->is_loopback = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
	snprintf(address->text, sizeof address->text, "[%s]:%u", host, ntohs(port));
	return true;
}

static unsigned
make_pair(Address addresses[2], const char *v4, const char *v6, in_port_t port)
{
	make_v4(&addresses[0], v4, port);
	make_v6(&addresses[1], v6, port);
	addresses[0].is_optional = addresses[1].is_optional = true;
	return 2;
}

unsigned
address_parse(Address addresses[ADDRESS_MAX_COUNT], const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 3];
	size_t host_size;
	in_port_t port;

	if (!colon || !parse_port(colon + 1, &port))
		return 0;
	host_size = (size_t) (colon - text);
	if (host_size == 0 || host_size >= sizeof host)
		return 0;
	memcpy(host, text, host_size);
	host[host_size] = '\0';

	if (strcmp(host, "localhost") == 0)
		return make_pair(addresses, "127.0.0.1", "::1", port);
	if (strcmp(host, "*") == 0)
		return make_pair(addresses, "0.0.0.0", "::", port);
	if (host[0] != '[')
		return make_v4(&addresses[0], host, port);
	if (host[host_size - 1] != ']')
		return 0;
	host[host_size - 1] = '\0';
	return make_v6(&addresses[0], host + 1, port);
}

int
address_listen(const Address *address)
{
	int family = address->socket_address.ss_family;
	int on = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *) &address->socket_address, address->size) == 0 &&
		listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

void
address_format_host(char out[ADDRESS_TEXT_SIZE], const struct sockaddr_storage *peer)
{
	const void *bytes = peer->ss_family == AF_INET6
							? (const void *) &((const struct sockaddr_in6 *) peer)->sin6_addr
							: (const void *) &((const struct sockaddr_in *) peer)->sin_addr;

	if (!inet_ntop(peer->ss_family, bytes, out, ADDRESS_TEXT_SIZE))
		snprintf(out, ADDRESS_TEXT_SIZE, "unknown");
}

bool
address_is_literal(const char *host)
{
	struct in6_addr ignored;
	char inner[INET6_ADDRSTRLEN];
	size_t size = strlen(host);

	if (inet_pton(AF_INET, host, &ignored) == 1)
		return true;
	if (size < 4 || size >= sizeof inner || host[0] != '[' || host[size - 1] != ']')
		return false;
	memcpy(inner, host + 1, size - 2);
	inner[size - 2] = '\0';
	return inet_pton(AF_INET6, inner, &ignored) == 1;
}
