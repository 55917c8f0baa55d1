/*
 * origin.c
 *	  Which web pages and which names may speak to the relay.
 *
 * Comparison is exact but for letter case, which neither schemes nor host
 * names have.  Nothing is parsed that need not be.
 */
#include "origin.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "address.h"

/* The part of an origin behind "scheme://", NULL when there is none. */
static const char *
origin_authority(const char *origin)
{
	const char *separator = strstr(origin, "://");

	return separator && separator != origin && separator[3] ? separator + 3 : NULL;
}

static bool
is_port(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static bool
matches(const char *pattern, const char *origin)
{
	size_t size = strlen(pattern);

	if (size < 2 || strcmp(pattern + size - 2, ":*") != 0)
		return strcasecmp(pattern, origin) == 0;
	size -= 2;
	if (strncasecmp(pattern, origin, size) != 0)
		return false;
	return !origin[size] || (origin[size] == ':' && is_port(origin + size + 1));
}

bool
origin_is_allowed(const char *const *patterns, const char *origin, const char *host)
{
	const char *authority;

	if (!origin || !*origin)
		return true;
	authority = origin_authority(origin);
	if (authority && host && strcasecmp(authority, host) == 0)
		return true;
	for (; patterns && *patterns; patterns++)
		if (matches(*patterns, origin))
			return true;
	return false;
}

/* Length of a host without ":port"; a colon inside brackets is not one. */
static size_t
host_size(const char *host)
{
	const char *bracket = host[0] == '[' ? strchr(host, ']') : NULL;

	return bracket ? (size_t) (bracket + 1 - host) : strcspn(host, ":");
}

bool
host_is_allowed(const char *const *names, const char *host, bool may_be_any)
{
	char name[256];
	size_t size = host_size(host);

	if (size == 0 || size >= sizeof name || (host[size] && (host[size] != ':' || !is_port(host + size + 1))))
		return false;
	memcpy(name, host, size);
	name[size] = '\0';
	if (address_is_literal(name) || strcasecmp(name, "localhost") == 0)
		return true;
	if (may_be_any && !(names && *names))
		return true;
	for (; names && *names; names++)
		if (strcasecmp(*names, name) == 0)
			return true;
	return false;
}

bool
origin_is_pattern(const char *text)
{
	const char *authority = origin_authority(text);

	if (strcmp(text, "null") == 0)
		return true;
	if (!authority)
		return false;
	for (const char *c = authority; *c; c++)
		if (isspace((unsigned char) *c) || *c == '/' || (*c == '*' && (c[1] || c[-1] != ':')))
			return false;
	return true;
}
