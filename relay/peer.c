/*
 * peer.c
 *	  The address of a client, without its port.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An address, brackets, a port and a length of prefix. */
#define PEER_TEXT_SIZE 64

#define MAPPED_BITS 96

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool
is_v4(const Peer *peer)
{
	return memcmp(peer->bytes, mapped, sizeof mapped) == 0;
}

static Peer
from_v4(const struct in_addr *address)
{
	Peer peer;

	memcpy(peer.bytes, mapped, sizeof mapped);
	memcpy(peer.bytes + sizeof mapped, address, sizeof *address);
	return peer;
}

Peer
peer_of(const struct sockaddr_storage *address)
{
	Peer peer = {{0}};

	if (address->ss_family == AF_INET)
		return from_v4(&((const struct sockaddr_in *) address)->sin_addr);
	if (address->ss_family == AF_INET6)
		memcpy(peer.bytes, &((const struct sockaddr_in6 *) address)->sin6_addr, sizeof peer.bytes);
	return peer;
}

static bool
parse_plain(Peer *peer, const char *text)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
	{
		*peer = from_v4(&v4);
		return true;
	}
	return inet_pton(AF_INET6, text, peer->bytes) == 1;
}

/* A port is known by its brackets, or by being behind the only colon. */
bool
peer_parse(Peer *peer, const char *text)
{
	char host[PEER_TEXT_SIZE];
	size_t size = strlen(text);
	bool is_bracketed = *text == '[';

	if (is_bracketed)
	{
		size = strcspn(++text, "]");
		if (!text[size])
			return false;
	}
	else if (strchr(text, ':') && strchr(text, ':') == strrchr(text, ':'))
		size = strcspn(text, ":");
	if (size >= sizeof host)
		return false;
	memcpy(host, text, size);
	host[size] = '\0';
	return parse_plain(peer, host);
}

void
peer_format(char out[ADDRESS_TEXT_SIZE], const Peer *peer)
{
	const char *text = is_v4(peer) ? inet_ntop(AF_INET, peer->bytes + sizeof mapped, out, ADDRESS_TEXT_SIZE)
								   : inet_ntop(AF_INET6, peer->bytes, out, ADDRESS_TEXT_SIZE);

	if (!text)
		snprintf(out, ADDRESS_TEXT_SIZE, "unknown");
}

Peer
peer_network(const Peer *peer)
{
	Peer network = *peer;

	if (!is_v4(peer))
		memset(network.bytes + 8, 0, 8);
	return network;
}

/* Ranges */

static bool
parse_range(const char *text, Peer *first, int *bits)
{
	char host[PEER_TEXT_SIZE];
	size_t size = strcspn(text, "/");
	long most;
	char *end;

	if (size >= sizeof host)
		return false;
	memcpy(host, text, size);
	host[size] = '\0';
	if (!parse_plain(first, host))
		return false;
	most = is_v4(first) ? 32 : 128;
	*bits = (int) most;
	if (text[size])
	{
		long wanted = strtol(text + size + 1, &end, 10);

		if (end == text + size + 1 || *end || wanted < 0 || wanted > most)
			return false;
		*bits = (int) wanted;
	}
	if (is_v4(first))
		*bits += MAPPED_BITS;
	return true;
}

static bool
is_equal(const Peer *one, const Peer *other, int bits)
{
	int whole = bits / 8;
	int mask = 0xff00 >> bits % 8 & 0xff;

	return memcmp(one->bytes, other->bytes, (size_t) whole) == 0 &&
		   (whole == 16 || !mask || ((one->bytes[whole] ^ other->bytes[whole]) & mask) == 0);
}

bool
peer_is_range(const char *text)
{
	Peer first;
	int bits;

	return parse_range(text, &first, &bits);
}

bool
peer_is_in(const Peer *peer, char *const *ranges)
{
	Peer first;
	int bits;

	for (; ranges && *ranges; ranges++)
		if (parse_range(*ranges, &first, &bits) && is_equal(peer, &first, bits))
			return true;
	return false;
}

/* Proxies */

/* Takes the last entry off a list divided by commas; false when it is no address. */
static bool
take_last(Peer *peer, const char *list, size_t *size)
{
	char text[PEER_TEXT_SIZE];
	size_t end = *size;
	size_t start;

	while (end && strchr(" \t", list[end - 1]))
		end--;
	start = end;
	while (start && list[start - 1] != ',')
		start--;
	*size = start ? start - 1 : 0;
	start += strspn(list + start, " \t");
	if (start >= end || end - start >= sizeof text)
		return false;
	memcpy(text, list + start, end - start);
	text[end - start] = '\0';
	return peer_parse(peer, text);
}

Peer
peer_behind(const Peer *peer, const char *forwarded_for, char *const *proxies)
{
	Peer found = *peer;
	Peer next;
	size_t size = strlen(forwarded_for);

	while (size && peer_is_in(&found, proxies) && take_last(&next, forwarded_for, &size))
		found = next;
	return found;
}
