/*
 * http.c
 *	  Requests and responses of HTTP, as plain values.
 *
 * Heads are written here and not by the library, so that they say exactly what
 * we mean: no version banner, a content policy that allows nothing foreign,
 * and a length on everything.
 */
#include "http.h"

#include <stdio.h>
#include <string.h>

/*
 * Pages of the relay load only from the relay.  ws: and wss: are named because
 * older browsers do not count them as 'self'.
 */
static const char security_headers[] =
	"X-Content-Type-Options: nosniff\r\n"
	"X-Frame-Options: DENY\r\n"
	"Referrer-Policy: no-referrer\r\n"
	"Cross-Origin-Opener-Policy: same-origin\r\n"
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	"font-src 'self'; connect-src 'self' ws: wss:; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
	"frame-ancestors 'none'\r\n";

static const char *
status_text(int status)
{
	static const struct
	{
		int status;
		const char *text;
	} texts[] = {
		{200, "OK"},
		{204, "No Content"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{409, "Conflict"},
		{410, "Gone"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{421, "Misdirected Request"},
		{422, "Unprocessable Content"},
		{423, "Locked"},
		{426, "Upgrade Required"},
		{429, "Too Many Requests"},
		{500, "Internal Server Error"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Status";
}

static void
append_header(Buf *buf, const char *name, const char *value)
{
	if (value)
		buf_printf(buf, "%s: %s\r\n", name, value);
}

static Frame *
write_head(const HttpHead *head, int status, size_t body_size)
{
	Buf text = {0};
	Frame *frame;

	buf_printf(&text, "HTTP/1.1 %d %s\r\n", status, status_text(status));
	append_header(&text, "Content-Type", head->content_type ? head->content_type : "application/json");
	if (status != 304 && status != 204)
		buf_printf(&text, "Content-Length: %zu\r\n", body_size);
	append_header(&text, "ETag", head->etag);
	append_header(&text, "Cache-Control", head->etag ? "no-cache" : "no-store");
	append_header(&text, "Access-Control-Allow-Origin", head->allow_origin);
	append_header(&text, "Vary", head->allow_origin ? "Origin" : NULL);
	append_header(&text, "Connection", head->closes ? "close" : NULL);
	if (head->retry_after_ms)
		buf_printf(&text, "Retry-After: %lld\r\n", (long long) (head->retry_after_ms + 999) / 1000);
	buf_append_text(&text, head->extra ? head->extra : "");
	buf_append_text(&text, security_headers);
	buf_append_text(&text, "\r\n");
	frame = text.failed ? NULL : frame_of(text.bytes, text.size);
	buf_free(&text);
	return frame;
}

HttpResponse
http_respond(const HttpRequest *request, const HttpHead *head, Frame *take_body)
{
	int status = head->status ? head->status : 200;
	HttpResponse response = {.body = take_body};

	if (status == 200 && head->etag && strstr(request->if_none_match, head->etag))
		status = 304;
	response.head = write_head(head, status, take_body ? take_body->size : 0);
	response.closes = head->closes || !response.head; /* the next answer must not be taken for this one */
	if (request->method == HTTP_HEAD || status == 304 || !response.head)
	{
		frame_release(response.body);
		response.body = NULL;
	}
	return response;
}

/* An error with header lines of its own; NULL without. */
static HttpResponse
respond_error(const HttpRequest *request, int status, const char *text, const char *code, bool closes, const char *extra)
{
	HttpHead head = {
		.status = status,
		.closes = closes,
		.extra = extra,
		.allow_origin = request->is_for_page && *request->origin ? request->origin : NULL,
	};
	Buf body = {0};
	HttpResponse response;

	buf_append_text(&body, "{\"error\":");
	buf_append_json(&body, text);
	if (code)
	{
		buf_append_text(&body, ",\"code\":");
		buf_append_json(&body, code);
	}
	buf_append_text(&body, "}\n");
	response = http_respond(request, &head, frame_of(buf_text(&body), body.size));
	buf_free(&body);
	return response;
}

HttpResponse
http_error_code(const HttpRequest *request, int status, const char *text, const char *code, bool closes)
{
	const char *extra = NULL;

	if (status == 405)
		extra = "Allow: GET, HEAD\r\n";
	if (status == 401)
		extra = "WWW-Authenticate: Bearer\r\n";
	if (status == 426)
		extra = "Upgrade: websocket\r\n";
	return respond_error(request, status, text, code, closes, extra);
}

HttpResponse
http_error(const HttpRequest *request, int status, const char *text)
{
	return http_error_code(request, status, text, NULL, false);
}

HttpResponse
http_reject(const HttpRequest *request, int status, const char *text)
{
	return http_error_code(request, status, text, NULL, true);
}

HttpResponse
http_too_many(const HttpRequest *request, const char *text, int64_t retry_after_ms)
{
	char extra[64];

	snprintf(extra, sizeof extra, "Retry-After: %lld\r\n", (long long) (retry_after_ms + 999) / 1000);
	return respond_error(request, 429, text, "rate_limited", true, extra);
}

void
http_response_free(HttpResponse *response)
{
	frame_release(response->head);
	frame_release(response->body);
	*response = (HttpResponse){0};
}

const char *
http_arg(const HttpRequest *request, const char *name)
{
	size_t size = strlen(name);

	for (unsigned i = 0; i < request->arg_count; i++)
		if (strncmp(request->args[i], name, size) == 0 && request->args[i][size] == '=')
			return request->args[i] + size + 1;
	return NULL;
}
