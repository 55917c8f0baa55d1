/*
 * peer_test.c
 *	  Addresses of clients: as they are written, in ranges, behind proxies.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "tap.h"

static const char *
shown(const char *text)
{
	static char out[ADDRESS_TEXT_SIZE];
	Peer peer;

	if (!peer_parse(&peer, text))
		return "none";
	peer_format(out, &peer);
	return out;
}

static void
test_text(void)
{
	struct sockaddr_storage address = {.ss_family = AF_INET};
	char out[ADDRESS_TEXT_SIZE];
	Peer peer;

	is_text(shown("192.0.2.1"), "192.0.2.1", "an address is read");
	is_text(shown("192.0.2.1:80"), "192.0.2.1", "with a port");
	is_text(shown("2001:db8::1"), "2001:db8::1", "of IPv6");
	is_text(shown("[2001:db8::1]:80"), "2001:db8::1", "in brackets, with a port");
	is_text(shown("[2001:db8::1]"), "2001:db8::1", "and without");
	is_text(shown("::ffff:192.0.2.1"), "192.0.2.1", "IPv4 in IPv6 is IPv4");
	is_text(shown(""), "none", "nothing is no address");
	is_text(shown("unknown"), "none", "nor is a word");
	is_text(shown("[::1"), "none", "nor half a bracket");
	is_text(shown("192.0.2.1.5"), "none", "nor five numbers");
	inet_pton(AF_INET, "198.51.100.7", &((struct sockaddr_in *) &address)->sin_addr);
	peer = peer_of(&address);
	peer_format(out, &peer);
	is_text(out, "198.51.100.7", "a socket's address is the same");
}

static bool
lies_in(const char *text, const char *range)
{
	char *ranges[] = {(char *) (size_t) range, NULL};
	Peer peer;

	return peer_parse(&peer, text) && peer_is_in(&peer, ranges);
}

static void
test_ranges(void)
{
	static const char *const good[] = {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "::1", "2001:db8::/32", "::/0"};
	static const char *const bad[] = {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "::/129", "host", "10.0.0.1:80"};
	Peer peer = {{0}};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ok(peer_is_range(good[i]), "%s is a range", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!peer_is_range(bad[i]), "\"%s\" is none", bad[i]);
	ok(lies_in("10.255.0.1", "10.0.0.0/8"), "an address lies in its range");
	ok(!lies_in("11.0.0.1", "10.0.0.0/8"), "and in no other");
	ok(lies_in("10.0.0.129", "10.0.0.128/25"), "ranges need not end at a byte");
	ok(!lies_in("10.0.0.127", "10.0.0.128/25"), "on either side");
	ok(lies_in("1.2.3.4", "0.0.0.0/0"), "the range of all of IPv4 has every address of it");
	ok(!lies_in("2001:db8::1", "0.0.0.0/0"), "and none of IPv6");
	ok(lies_in("2001:db8:ffff::1", "2001:db8::/32"), "IPv6 has ranges too");
	ok(lies_in("::1", "::1") && !lies_in("::2", "::1"), "an address is a range of one");
	ok(!peer_is_in(&peer, NULL), "without ranges there is nothing to lie in");
}

static void
test_networks(void)
{
	Peer one, other, elsewhere;

	peer_parse(&one, "2001:db8:0:1::1");
	peer_parse(&other, "2001:db8:0:1:ffff::2");
	peer_parse(&elsewhere, "2001:db8:0:2::1");
	one = peer_network(&one), other = peer_network(&other), elsewhere = peer_network(&elsewhere);
	ok(memcmp(&one, &other, sizeof one) == 0, "a customer's 64 bits of IPv6 are one network");
	ok(memcmp(&one, &elsewhere, sizeof one) != 0, "another's are another");
	peer_parse(&one, "192.0.2.1");
	peer_parse(&other, "192.0.2.2");
	one = peer_network(&one), other = peer_network(&other);
	ok(memcmp(&one, &other, sizeof one) != 0, "of IPv4 every address is its own");
}

static const char *
behind(const char *peer_text, const char *header)
{
	static char out[ADDRESS_TEXT_SIZE];
	char *proxies[] = {"127.0.0.1", "10.0.0.0/8", NULL};
	Peer peer;

	peer_parse(&peer, peer_text);
	peer = peer_behind(&peer, header, proxies);
	peer_format(out, &peer);
	return out;
}

static void
test_proxies(void)
{
	is_text(behind("192.0.2.9", "198.51.100.1"), "192.0.2.9", "who is no proxy is not believed");
	is_text(behind("127.0.0.1", "198.51.100.1"), "198.51.100.1", "a proxy is");
	is_text(behind("127.0.0.1", ""), "127.0.0.1", "one that says nothing speaks for itself");
	is_text(behind("127.0.0.1", "203.0.113.5, 198.51.100.1"), "198.51.100.1", "the last address counts, the others anybody may have written");
	is_text(behind("127.0.0.1", "198.51.100.1, 10.1.2.3"), "198.51.100.1", "unless it is a proxy too");
	is_text(behind("127.0.0.1", "198.51.100.1,10.1.2.3 ,\t10.9.9.9"), "198.51.100.1", "or several");
	is_text(behind("127.0.0.1", "10.1.2.3"), "10.1.2.3", "when all are proxies, it is the first");
	is_text(behind("127.0.0.1", "198.51.100.1, nonsense"), "127.0.0.1", "what makes no sense ends the search");
	is_text(behind("127.0.0.1", "198.51.100.1, "), "127.0.0.1", "as does an empty entry");
	is_text(behind("127.0.0.1", ",,,"), "127.0.0.1", "or nothing but commas");
	is_text(behind("127.0.0.1", "[2001:db8::5]:4711"), "2001:db8::5", "ports are passed over");
}

int
main(void)
{
	test_text();
	test_ranges();
	test_networks();
	test_proxies();
	return tap_done();
}
