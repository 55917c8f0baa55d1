/*
 * http.h
 *	  Requests and responses of HTTP, as plain values.
 *
 * Pure: the transport (ws.c) fills a request and writes a response; what to
 * answer is decided in answer.c.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "frame.h"
#include "gate.h"

#define HTTP_PATH_SIZE 1024
#define HTTP_VALUE_SIZE 512
#define HTTP_ARG_COUNT 8

/* A token, and the word before it. */
#define HTTP_AUTHORIZATION_SIZE 4200

typedef enum HttpMethod
{
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_OPTIONS,
	HTTP_OTHER
} HttpMethod;

typedef struct HttpRequest
{
	HttpMethod method;
	bool is_admin;			   /* came to the admin listener */
	bool is_loopback;		   /* its listener is bound to a loopback address */
	GatePass *pass;			   /* of its connection; NULL on the admin listener */
	char path[HTTP_PATH_SIZE]; /* decoded, without the query */
	char host[HTTP_VALUE_SIZE];
	char origin[HTTP_VALUE_SIZE];
	bool is_for_page; /* the origin was checked, and may read what is answered */
	char if_none_match[HTTP_VALUE_SIZE];
	char authorization[HTTP_AUTHORIZATION_SIZE];
	char content_type[HTTP_VALUE_SIZE];
	char idempotency_key[HTTP_VALUE_SIZE];
	const char *body; /* of a POST; valid during the call only */
	size_t body_size;
	bool offers_protocol;						/* the subprotocol of ours: a hello will follow */
	char args[HTTP_ARG_COUNT][HTTP_VALUE_SIZE]; /* "name=value", decoded */
	unsigned arg_count;
} HttpRequest;

/* What a response says beside its body.  A zeroed one is a plain 200. */
typedef struct HttpHead
{
	int status;				  /* 0: 200 */
	const char *content_type; /* NULL: application/json */
	const char *etag;		  /* NULL: none; the response may then not be stored */
	const char *allow_origin; /* NULL: no CORS */
	const char *extra;		  /* NULL or whole header lines */
	int64_t retry_after_ms;	  /* 0: not said */
	bool closes;			  /* the connection ends after it */
} HttpHead;

typedef struct HttpResponse
{
	Frame *head; /* NULL without memory */
	Frame *body; /* NULL when empty */
	bool closes;
} HttpResponse;

/*
 * A response to the request.  Takes the body in every case; it may be NULL.
 * HEAD gets the head that GET would, an ETag the client has gets a 304.
 */
HttpResponse http_respond(const HttpRequest *request, const HttpHead *head, Frame *take_body);

/* {"error": text} with a status; a page that may read answers may read this. */
HttpResponse http_error(const HttpRequest *request, int status, const char *text);

/* The same with a "code"; ends the connection when it closes. */
HttpResponse http_error_code(const HttpRequest *request, int status, const char *text, const char *code, bool closes);

/* The same, and the connection ends: for requests whose rest cannot be trusted. */
HttpResponse http_reject(const HttpRequest *request, int status, const char *text);

/* 429 with the time to wait, and the connection ends. */
HttpResponse http_too_many(const HttpRequest *request, const char *text, int64_t retry_after_ms);

void http_response_free(HttpResponse *response);

/* Value of a query argument; NULL when it is not there. */
const char *http_arg(const HttpRequest *request, const char *name);

#endif
