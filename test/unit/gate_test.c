/*
 * gate_test.c
 *	  How much one address may take.
 */
#include "gate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "tap.h"

static char *exempt[] = {"127.0.0.0/8", NULL};
static char *proxies[] = {"10.0.0.1", NULL};
static GateLimits limits = {3, 1000, 2, exempt, proxies};

static GatePass *passes[64];
static unsigned pass_count;

static GateVerdict
enter(Gate *gate, const char *text)
{
	struct sockaddr_storage address = {0};
	GateVerdict verdict;

	address.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (address.ss_family == AF_INET6)
		inet_pton(AF_INET6, text, &((struct sockaddr_in6 *) &address)->sin6_addr);
	else
		inet_pton(AF_INET, text, &((struct sockaddr_in *) &address)->sin_addr);
	verdict = gate_enter(gate, &address, &passes[pass_count]);
	pass_count += verdict == GATE_OPEN;
	return verdict;
}

static void
leave_all(void)
{
	while (pass_count)
		gate_leave(passes[--pass_count]);
}

static void
test_counts(Gate *gate)
{
	for (int i = 0; i < 3; i++)
		ok(enter(gate, "192.0.2.1") == GATE_OPEN, "connection %d of an address is taken", i + 1);
	ok(enter(gate, "192.0.2.1") == GATE_TOO_MANY, "one more is not");
	is_text(gate_address(passes[0]), "192.0.2.1", "the log can say whose");
	ok(enter(gate, "192.0.2.2") == GATE_OPEN, "one of another address is");
	gate_leave(passes[0]);
	passes[0] = passes[--pass_count];
	ok(enter(gate, "192.0.2.1") == GATE_OPEN, "when one has gone there is room again");
	for (int i = 0; i < 3; i++)
		ok(enter(gate, i ? "2001:db8::1:1" : "2001:db8::2:2") == GATE_OPEN, "connection %d of a network is taken", i + 1);
	ok(enter(gate, "2001:db8::3:3") == GATE_TOO_MANY, "one more of the network is not, whatever its address");
	ok(enter(gate, "2001:db8:0:1::1") == GATE_OPEN, "one of the next network is");
	for (int i = 0; i < 10; i++)
		ok(enter(gate, "127.0.0.1") == GATE_OPEN, "an address without limits has none (%d)", i);
	leave_all();
}

static void
test_rates(Gate *gate)
{
	int64_t wait = 0;

	limits.accept_rate = 1;
	ok(enter(gate, "192.0.2.50") == GATE_OPEN && enter(gate, "192.0.2.50") == GATE_OPEN, "two seconds' worth of connections come at once");
	ok(enter(gate, "192.0.2.50") == GATE_TOO_FAST, "more do not");
	leave_all();
	ok(enter(gate, "192.0.2.50") == GATE_TOO_FAST, "also not when the others have gone");
	ok(enter(gate, "192.0.2.51") == GATE_OPEN, "others do");
	for (int i = 0; i < 4; i++)
	{
		ok(gate_has_handshake(passes[0], &wait), "handshake %d is looked at", i + 1);
		gate_take_handshake(passes[0]);
	}
	ok(!gate_has_handshake(passes[0], &wait), "the next is not");
	ok(wait > 0 && wait <= 501, "and is told when");
	ok(gate_has_handshake(NULL, &wait), "who has no pass is not limited");
	leave_all();
	limits.accept_rate = 1000;
}

static void
test_proxied(Gate *gate)
{
	int64_t wait;

	for (int i = 0; i < 5; i++)
		ok(enter(gate, "10.0.0.1") == GATE_OPEN, "connection %d of a proxy is taken", i + 1);
	for (int i = 0; i < 3; i++)
		ok(gate_place(passes[i], "198.51.100.1") == GATE_OPEN, "client %d behind it is", i + 1);
	ok(gate_place(passes[3], "198.51.100.1") == GATE_TOO_MANY, "the fourth of that address is not");
	is_text(gate_address(passes[3]), "10.0.0.1", "and stays the proxy's");
	ok(gate_place(passes[3], "198.51.100.2") == GATE_OPEN, "it may be for another");
	is_text(gate_address(passes[3]), "198.51.100.2", "whose it then is");
	ok(gate_place(passes[0], "198.51.100.1") == GATE_OPEN, "the same again is the same");
	ok(gate_place(passes[0], "198.51.100.3") == GATE_OPEN && gate_place(passes[4], "198.51.100.1") == GATE_OPEN,
	   "a connection that serves another makes room");
	for (int i = 0; i < 4; i++)
		gate_take_handshake(passes[4]);
	ok(!gate_has_handshake(passes[4], &wait) && gate_has_handshake(passes[0], &wait), "handshakes are the client's, not the proxy's");
	leave_all();
	ok(enter(gate, "192.0.2.70") == GATE_OPEN && gate_place(passes[0], "198.51.100.9") == GATE_OPEN, "who is no proxy may say what he likes");
	is_text(gate_address(passes[0]), "192.0.2.70", "and is not believed");
	leave_all();
}

int
main(void)
{
	Gate *gate = gate_new(&limits);

	test_counts(gate);
	test_rates(gate);
	test_proxied(gate);
	gate_tick(gate);
	gate_free(gate);
	return tap_done();
}
