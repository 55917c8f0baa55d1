/*
 * origin_test.c
 *	  Which pages and which host names are let in.
 */
#include "origin.h"

#include <stddef.h>

#include "tap.h"

static void
test_origins(void)
{
	static const char *const patterns[] = {"https://shop.example", "http://localhost:*", "http://[::1]:*",
										   "https://till.example:8443", NULL};
	static const struct
	{
		const char *origin;
		bool is_allowed;
	} cases[] = {
		{"", true},
		{"http://relay.example:8792", true},
		{"https://relay.example:8792", true},
		{"https://shop.example", true},
		{"HTTPS://Shop.Example", true},
		{"http://localhost:5173", true},
		{"http://localhost", true},
		{"http://[::1]:3000", true},
		{"https://till.example:8443", true},
		{"http://shop.example", false},
		{"https://shop.example:444", false},
		{"https://shop.example.evil.example", false},
		{"https://evil.example", false},
		{"https://xshop.example", false},
		{"http://localhost.evil.example:80", false},
		{"http://localhost:80.evil.example", false},
		{"http://localhost:", false},
		{"https://till.example", false},
		{"http://relay.example", false},
		{"http://relay.example:8792.evil.example", false},
		{"null", false},
		{"relay.example:8792", false},
		{"://", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is_number(origin_is_allowed(patterns, cases[i].origin, "relay.example:8792"), cases[i].is_allowed,
				  "a page from \"%s\" is %s", cases[i].origin, cases[i].is_allowed ? "let in" : "kept out");
	ok(origin_is_allowed(NULL, NULL, "relay.example"), "a program sends no origin and is let in");
	ok(!origin_is_allowed(NULL, "https://shop.example", ""), "without a host no page is of the same one");
}

static void
test_hosts(void)
{
	static const char *const names[] = {"relay.example", NULL};
	static const struct
	{
		const char *host;
		bool is_allowed;
	} cases[] = {
		{"localhost", true},
		{"localhost:8792", true},
		{"127.0.0.1:8792", true},
		{"[::1]:8792", true},
		{"[::1]", true},
		{"relay.example", true},
		{"RELAY.example:1", true},
		{"192.0.2.7:8792", true},
		{"evil.example", false},
		{"evil.example:8792", false},
		{"localhost.evil.example", false},
		{"127.0.0.1.evil.example", false},
		{"localhost:evil", false},
		{"localhost:", false},
		{"", false},
		{":8792", false},
		{"[::1", false},
		{"[::1]evil.example", false},
		{"::1", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is_number(host_is_allowed(names, cases[i].host, false), cases[i].is_allowed, "the host \"%s\" is %s",
				  cases[i].host, cases[i].is_allowed ? "ours" : "not ours");
	ok(host_is_allowed(NULL, "any.example:1", true), "a listener open to the network answers to any name");
	ok(!host_is_allowed(names, "any.example:1", true), "unless names are listed");
}

static void
test_patterns(void)
{
	ok(origin_is_pattern("https://shop.example") && origin_is_pattern("http://localhost:*") && origin_is_pattern("null"),
	   "origins and ports of any number are patterns");
	ok(!origin_is_pattern("*") && !origin_is_pattern("shop.example") && !origin_is_pattern("https://*.example") &&
		   !origin_is_pattern("https://shop.example/") && !origin_is_pattern("https://") &&
		   !origin_is_pattern("https://*") && !origin_is_pattern("https://shop.example:4*"),
	   "anything wider or longer is not");
}

int
main(void)
{
	test_origins();
	test_hosts();
	test_patterns();
	return tap_done();
}
