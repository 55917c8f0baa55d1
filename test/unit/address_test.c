/*
 * address_test.c
 *	  Addresses to listen on.
 */
#include "address.h"

#include <unistd.h>

#include "tap.h"

static void
test_parsing(void)
{
	static const struct
	{
		const char *text;
		unsigned count;
		bool is_loopback;
		const char *first;
	} cases[] = {
		{"127.0.0.1:8792", 1, true, "127.0.0.1:8792"},
		{"127.8.9.1:80", 1, true, "127.8.9.1:80"},
		{"[::1]:8792", 1, true, "[::1]:8792"},
		{"localhost:8792", 2, true, "127.0.0.1:8792"},
		{"*:8792", 2, false, "0.0.0.0:8792"},
		{"0.0.0.0:1", 1, false, "0.0.0.0:1"},
		{"[::]:65535", 1, false, "[::]:65535"},
		{"192.0.2.1:8792", 1, false, "192.0.2.1:8792"},
		{"[2001:db8::1]:8792", 1, false, "[2001:db8::1]:8792"},
		{"[::ffff:127.0.0.1]:1", 1, false, "[::ffff:127.0.0.1]:1"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		Address addresses[ADDRESS_MAX_COUNT];

		is_number(address_parse(addresses, cases[i].text), cases[i].count, "%s is understood", cases[i].text);
		is_text(addresses[0].text, cases[i].first, "and shown again");
		is_number(addresses[0].is_loopback, cases[i].is_loopback, "it is known whether only this machine reaches it");
	}
}

static void
test_refused(void)
{
	static const char *const texts[] = {"", ":", "8792", ":8792", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
										"127.0.0.1:65536", "127.0.0.1:80x", "127.1:80", "::1:8792", "[::1]", "[::1:80",
										"[::1]80", "[]:80", "shop.example:80", "127.0.0.1 :80",
										"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:80"};
	Address addresses[ADDRESS_MAX_COUNT];

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		is_number(address_parse(addresses, texts[i]), 0, "\"%s\" is refused", texts[i]);
}

static void
test_literals(void)
{
	ok(address_is_literal("127.0.0.1") && address_is_literal("[::1]"), "IP addresses are recognized");
	ok(!address_is_literal("localhost") && !address_is_literal("::1") && !address_is_literal("[::1") &&
		   !address_is_literal("1.2.3.4.example") && !address_is_literal(""),
	   "names are not");
}

static void
test_listening(void)
{
	Address addresses[ADDRESS_MAX_COUNT];
	int first;

	address_parse(addresses, "127.0.0.1:28792");
	first = address_listen(&addresses[0]);
	ok(first >= 0, "a free port can be listened on");
	ok(address_listen(&addresses[0]) < 0, "a taken one cannot");
	close(first);
}

int
main(void)
{
	test_parsing();
	test_refused();
	test_literals();
	test_listening();
	return tap_done();
}
