/*
 * request.c
 *	  Reads the head of a request from libwebsockets.
 *
 * Everything is copied: the pointers that the library hands out with an upgrade
 * may dangle.  A value with a NUL in it is refused, since we would see less of
 * it than whoever is in front of us.
 */
#include "request.h"

#include <libwebsockets.h>
#include <string.h>
#include <strings.h>

/* More than the library keeps of one request, empty ones among them. */
#define ARG_LOOK_COUNT (2 * WSI_TOKEN_COUNT)

/* A header as text, without the blanks behind it; false when it does not fit or holds a NUL. */
static bool
copy_header(struct lws *wsi, enum lws_token_indexes token, char *out, int out_size)
{
	int size = lws_hdr_total_length(wsi, token);

	out[0] = '\0';
	if (size == 0)
		return true;
	if (size >= out_size || lws_hdr_copy(wsi, out, out_size, token) != size || strlen(out) != (size_t) size)
		return false;
	while (size > 0 && strchr(" \t", out[size - 1]))
		out[--size] = '\0';
	return true;
}

/* One that the library has no number for.  The name ends with a colon. */
static bool
copy_custom_header(struct lws *wsi, const char *name, char *out, int out_size)
{
	int name_size = (int) strlen(name);
	int size = lws_hdr_custom_length(wsi, name, name_size);

	out[0] = '\0';
	if (size <= 0)
		return true;
	return size < out_size && lws_hdr_custom_copy(wsi, out, out_size, name, name_size) == size &&
		   strlen(out) == (size_t) size;
}

/* An argument may be empty, as between "&&", which looks like the end of them. */
static bool
copy_args(struct lws *wsi, HttpRequest *request)
{
	for (int i = 0; i < ARG_LOOK_COUNT; i++)
	{
		int size = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);

		if (size <= 0)
			continue;
		if (request->arg_count == HTTP_ARG_COUNT || size >= HTTP_VALUE_SIZE ||
			lws_hdr_copy_fragment(wsi, request->args[request->arg_count++], HTTP_VALUE_SIZE, WSI_TOKEN_HTTP_URI_ARGS, i) < 0)
			return false;
	}
	return true;
}

static HttpMethod
read_method(struct lws *wsi)
{
	char *uri;
	int size;

	switch (lws_http_get_uri_and_method(wsi, &uri, &size))
	{
		case LWSHUMETH_GET:
			return HTTP_GET;
		case LWSHUMETH_HEAD:
			return HTTP_HEAD;
		case LWSHUMETH_POST:
			return HTTP_POST;
		case LWSHUMETH_OPTIONS:
			return HTTP_OPTIONS;
		default:
			return HTTP_OTHER;
	}
}

bool
request_read(struct lws *wsi, HttpRequest *request)
{
	char *path = NULL;
	int path_size = 0;

	request->method = read_method(wsi);
	if (lws_http_get_uri_and_method(wsi, &path, &path_size) < 0 || path_size >= HTTP_PATH_SIZE ||
		memchr(path, '\0', (size_t) path_size))
		return false;
	memcpy(request->path, path, (size_t) path_size);
	request->path[path_size] = '\0';
	return copy_header(wsi, WSI_TOKEN_HOST, request->host, HTTP_VALUE_SIZE) &&
		   copy_header(wsi, WSI_TOKEN_ORIGIN, request->origin, HTTP_VALUE_SIZE) &&
		   copy_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, request->if_none_match, HTTP_VALUE_SIZE) &&
		   copy_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, request->authorization, HTTP_AUTHORIZATION_SIZE) &&
		   copy_header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, request->content_type, HTTP_VALUE_SIZE) &&
		   copy_custom_header(wsi, "idempotency-key:", request->idempotency_key, HTTP_VALUE_SIZE) &&
		   copy_args(wsi, request);
}

bool
request_forwarded_for(struct lws *wsi, char out[HTTP_VALUE_SIZE])
{
	return copy_header(wsi, WSI_TOKEN_X_FORWARDED_FOR, out, HTTP_VALUE_SIZE);
}

/* 16 bytes in base64, as RFC 6455, 4.2.1 asks. */
static bool
is_key(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return strspn(text, digits) == 22 && strcmp(text + 22, "==") == 0;
}

bool
request_is_upgrade(struct lws *wsi)
{
	char upgrade[16];
	char version[8];
	char http[16];
	char key[32];

	return copy_header(wsi, WSI_TOKEN_HTTP, http, sizeof http) && strcmp(http, "HTTP/1.1") == 0 &&
		   copy_header(wsi, WSI_TOKEN_UPGRADE, upgrade, sizeof upgrade) && strcasecmp(upgrade, "websocket") == 0 &&
		   copy_header(wsi, WSI_TOKEN_VERSION, version, sizeof version) && strcmp(version, "13") == 0 &&
		   copy_header(wsi, WSI_TOKEN_KEY, key, sizeof key) && is_key(key) && read_method(wsi) == HTTP_GET;
}

/* The header is a list with commas. */
bool
request_offers_protocol(struct lws *wsi)
{
	char list[HTTP_VALUE_SIZE];
	size_t size = strlen(REQUEST_SUBPROTOCOL);

	if (!copy_header(wsi, WSI_TOKEN_PROTOCOL, list, sizeof list))
		return false;
	for (const char *at = list; *at; at += strcspn(at, ", \t"))
	{
		at += strspn(at, ", \t");
		if (strncmp(at, REQUEST_SUBPROTOCOL, size) == 0 && strchr(", \t", at[size]))
			return true;
	}
	return false;
}

bool
request_has_body(struct lws *wsi)
{
	char size[24];

	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
		return true;
	return !copy_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, size, sizeof size) || (*size && strcmp(size, "0") != 0);
}

int
request_body_size(struct lws *wsi, size_t max_size)
{
	char text[24];
	size_t size = 0;

	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) ||
		!copy_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof text))
		return 0;
	for (const char *digit = text; *digit; digit++)
	{
		if (*digit < '0' || *digit > '9')
			return 0;
		size = 10 * size + (size_t) (*digit - '0');
		if (size > max_size)
			return -1;
	}
	return (int) size;
}
