/*
 * origin.h
 *	  Which web pages and which names may speak to the relay.
 *
 * A browser says truthfully from which page a request comes (Origin) and which
 * name was typed for us (Host).  Checking the first keeps foreign pages from
 * using a relay that their visitor can reach; checking the second keeps a name
 * that was rebound to our address from making them the same page.
 */
#ifndef ORIGIN_H
#define ORIGIN_H

#include <stdbool.h>

/*
 * Whether a page may connect.  A program without a page sends no Origin (NULL
 * or "") and may; a page of the same host may; else the origin must equal one
 * of the patterns: scheme://host or scheme://host:port, where the port may be
 * *.  patterns ends with NULL and may itself be NULL.
 */
bool origin_is_allowed(const char *const *patterns, const char *origin, const char *host);

/*
 * Whether a Host header names us: an IP address, localhost, or one of the
 * names, each with any port.  With may_be_any (a listener open to the network
 * and no list) every name does.
 */
bool host_is_allowed(const char *const *names, const char *host, bool may_be_any);

/* Whether a text can be a pattern of origin_is_allowed(). */
bool origin_is_pattern(const char *text);

#endif
