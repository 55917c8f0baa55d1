/*
 * address.h
 *	  Addresses to listen on, and what they mean.
 *
 *	  127.0.0.1:8792   [::1]:8792   0.0.0.0:8792
 *	  localhost:8792   both loopback addresses
 *	  *:8792           every address, IPv4 and IPv6
 *
 * Names other than localhost are refused: resolving them would block, and
 * could change what the daemon is open to.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* "[" IPv6 "]:" port */
#define ADDRESS_TEXT_SIZE 64

/* A text stands for at most this many addresses. */
#define ADDRESS_MAX_COUNT 2

typedef struct Address
{
	char text[ADDRESS_TEXT_SIZE]; /* for people: 127.0.0.1:8792 */
	struct sockaddr_storage socket_address;
	socklen_t size;
	bool is_loopback;
	bool is_optional; /* one of two families; a machine may lack it */
} Address;

/* Returns how many addresses the text stands for; 0 when it is malformed. */
unsigned address_parse(Address addresses[ADDRESS_MAX_COUNT], const char *text);

/* A listening socket, nonblocking; -1 with errno set. */
int address_listen(const Address *address);

/* The address of a peer without its port, for the log and for limits. */
void address_format_host(char out[ADDRESS_TEXT_SIZE], const struct sockaddr_storage *peer);

/* Whether a host, as in a Host header without its port, is written as an IP address. */
bool address_is_literal(const char *host);

#endif
