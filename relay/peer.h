/*
 * peer.h
 *	  The address of a client, without its port.
 *
 * IPv4 addresses are kept as IPv6 has them (::ffff:192.0.2.1), so that there
 * is one kind.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <sys/socket.h>

#include "address.h"

typedef struct Peer
{
	unsigned char bytes[16];
} Peer;

/* All zero for a family that is neither IPv4 nor IPv6. */
Peer peer_of(const struct sockaddr_storage *address);

/* 192.0.2.1, 192.0.2.1:80, 2001:db8::1 or [2001:db8::1]:80, as proxies write them. */
bool peer_parse(Peer *peer, const char *text);

void peer_format(char out[ADDRESS_TEXT_SIZE], const Peer *peer);

/* What one customer is given: of IPv6 the network of 64 bits, of IPv4 the address. */
Peer peer_network(const Peer *peer);

/* Whether a text is an address or a range: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32. */
bool peer_is_range(const char *text);

/* Whether the address lies in one of the ranges; the list ends with NULL, or is NULL. */
bool peer_is_in(const Peer *peer, char *const *ranges);

/*
 * Who a request comes from that went through proxies, each of which has put
 * the address it saw at the end of the header.  That is the last one that is
 * not a proxy of ours; what stands before it anybody may have written.  The
 * peer itself when the header is empty or its end makes no sense.
 */
Peer peer_behind(const Peer *peer, const char *forwarded_for, char *const *proxies);

#endif
