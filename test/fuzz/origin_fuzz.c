/*
 * origin_fuzz.c
 *	  Headers that say where a request comes from, and addresses, in any shape.
 *
 * The input is an origin, a host, a pattern and an address, a line each.  A page
 * that no pattern names may only be let in when it is one of the same host.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "origin.h"

enum
{
	ORIGIN,
	HOST,
	PATTERN,
	ADDRESS,
	LINE_COUNT
};

static void
check_origin(char *const lines[])
{
	const char *const patterns[] = {lines[PATTERN], NULL};
	const char *host = strstr(lines[ORIGIN], "://");

	if (*lines[ORIGIN] && origin_is_allowed(NULL, lines[ORIGIN], lines[HOST]))
		assert(host && strcasecmp(host + 3, lines[HOST]) == 0);
	if (origin_is_pattern(lines[PATTERN]) && !strstr(lines[PATTERN], ":*"))
		assert(origin_is_allowed(patterns, lines[PATTERN], "other.example"));
	origin_is_allowed(patterns, lines[ORIGIN], lines[HOST]);
}

static void
check_host(char *const lines[])
{
	const char *const names[] = {"shop.example", NULL};

	if (host_is_allowed(names, lines[HOST], false) && !strcasestr(lines[HOST], "localhost") &&
		!strcasestr(lines[HOST], "shop.example"))
	{
		char name[256];
		char *port;

		assert(strlen(lines[HOST]) < sizeof name);
		strcpy(name, lines[HOST]);
		port = *name == '[' ? strchr(name, ']') : strchr(name, ':');
		if (port && *name != '[')
			*port = '\0';
		else if (port)
			port[1] = '\0';
		assert(address_is_literal(name));
	}
}

static void
check_address(const char *text)
{
	Address addresses[ADDRESS_MAX_COUNT];
	Address again[ADDRESS_MAX_COUNT];
	unsigned count = address_parse(addresses, text);

	assert(count <= ADDRESS_MAX_COUNT);
	for (unsigned i = 0; i < count; i++)
	{
		assert(address_parse(again, addresses[i].text) == 1);
		assert(again[0].size == addresses[i].size && again[0].is_loopback == addresses[i].is_loopback);
		assert(memcmp(&again[0].socket_address, &addresses[i].socket_address, addresses[i].size) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *copy = malloc(size + 1);
	char *lines[LINE_COUNT];
	char *line = copy;

	memcpy(copy, bytes, size);
	copy[size] = '\0';
	for (int i = 0; i < LINE_COUNT; i++)
	{
		char *end = strchr(line, '\n');

		lines[i] = line;
		line = end ? end + 1 : copy + strlen(copy);
		if (end)
			*end = '\0';
	}
	check_origin(lines);
	check_host(lines);
	check_address(lines[ADDRESS]);
	free(copy);
	return 0;
}
