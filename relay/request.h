/*
 * request.h
 *	  Reads the head of a request from libwebsockets.
 *
 * What comes is whatever somebody sent, read by version 4.1.6 of a library that
 * checks little of it.  What is not checked there is checked here: lengths, NULs,
 * the upgrade's own headers, and how long a body is.  Beyond this file a request
 * is an HttpRequest, plain values that fit.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "http.h"

/* A client that offers it says hello before anything else. */
#define REQUEST_SUBPROTOCOL "inventory.v1"

struct lws;

/* Takes over method, path, headers and arguments; false when something does not fit. */
bool request_read(struct lws *wsi, HttpRequest *request);

/* Who it is for, as proxies say, "" without; false when that does not fit. */
bool request_forwarded_for(struct lws *wsi, char out[HTTP_VALUE_SIZE]);

/* Whether its headers ask for a WebSocket of version 13; the library would take h2c, any version and any key. */
bool request_is_upgrade(struct lws *wsi);

/* Whether the subprotocol is among those it offers. */
bool request_offers_protocol(struct lws *wsi);

/* A body that we would have to skip, or whose length cannot be known. */
bool request_has_body(struct lws *wsi);

/*
 * The size of a POST's body: digits, and nothing else may say it.  The library
 * takes a negative one for endless.  0 for what is none, -1 for what is too large.
 */
int request_body_size(struct lws *wsi, size_t max_size);

#endif
