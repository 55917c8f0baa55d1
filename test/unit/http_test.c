/*
 * http_test.c
 *	  Responses say what they should, and no more.
 */
#include "http.h"

#include <string.h>

#include "tap.h"

static const char *
head_text(const HttpResponse *response)
{
	static char text[4096];

	memcpy(text, frame_bytes(response->head), response->head->size);
	text[response->head->size] = '\0';
	return text;
}

static const char *
body_text(const HttpResponse *response)
{
	static char text[4096];

	if (!response->body)
		return NULL;
	memcpy(text, frame_bytes(response->body), response->body->size);
	text[response->body->size] = '\0';
	return text;
}

static bool
begins(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void
test_plain(void)
{
	HttpRequest request = {.method = HTTP_GET};
	HttpHead head = {.content_type = "text/plain"};
	HttpResponse response = http_respond(&request, &head, frame_of("hello", 5));

	ok(begins(head_text(&response), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"),
	   "a response has a status, a type and a length");
	ok(strstr(head_text(&response), "\r\nCache-Control: no-store\r\n"), "live data is not stored");
	ok(strstr(head_text(&response), "\r\nX-Content-Type-Options: nosniff\r\n"), "nothing is guessed");
	ok(!strstr(head_text(&response), "\r\nServer:"), "no banner tells the version");
	ok(strstr(head_text(&response), "\r\n\r\n") == strrchr(head_text(&response), '\n') - 3, "the head ends in one empty line");
	is_text(body_text(&response), "hello", "the body follows");
	http_response_free(&response);

	request.method = HTTP_HEAD;
	response = http_respond(&request, &head, frame_of("hello", 5));
	ok(strstr(head_text(&response), "Content-Length: 5\r\n"), "HEAD tells the length GET would have");
	is_text(body_text(&response), NULL, "but sends no body");
	http_response_free(&response);
}

static void
test_etag(void)
{
	HttpRequest request = {.method = HTTP_GET, .if_none_match = "\"other\", \"abc\""};
	HttpHead head = {.etag = "\"abc\""};
	HttpResponse response = http_respond(&request, &head, frame_of("hello", 5));

	ok(begins(head_text(&response), "HTTP/1.1 304 Not Modified\r\n"), "what the client has is not sent again");
	ok(!strstr(head_text(&response), "Content-Length"), "a 304 has no length");
	is_text(body_text(&response), NULL, "and no body");
	http_response_free(&response);

	strcpy(request.if_none_match, "\"abcd\"");
	response = http_respond(&request, &head, frame_of("hello", 5));
	ok(begins(head_text(&response), "HTTP/1.1 200 OK\r\n"), "what it has not is sent");
	ok(strstr(head_text(&response), "ETag: \"abc\"\r\nCache-Control: no-cache\r\n"), "with its tag, to be asked for again");
	http_response_free(&response);
}

static void
test_errors(void)
{
	HttpRequest request = {.method = HTTP_GET};
	HttpResponse response = http_error(&request, 426, "Expected WebSocket");

	is_text(body_text(&response), "{\"error\":\"Expected WebSocket\"}\n", "an error is JSON");
	ok(strstr(head_text(&response), "Upgrade: websocket\r\n"), "426 says to what to upgrade");
	ok(!response.closes, "an error leaves the connection open");
	http_response_free(&response);

	response = http_reject(&request, 405, "say \"GET\"\r\n");
	is_text(body_text(&response), "{\"error\":\"say \\\"GET\\\"\\u000d\\u000a\"}\n", "its text is escaped");
	ok(strstr(head_text(&response), "Allow: GET, HEAD\r\n"), "405 says what is allowed");
	ok(response.closes && strstr(head_text(&response), "Connection: close\r\n"), "a rejection ends the connection");
	http_response_free(&response);
}

static void
test_args(void)
{
	HttpRequest request = {.args = {"productId=a=b", "limit=5", "empty="}, .arg_count = 3};

	is_text(http_arg(&request, "productId"), "a=b", "an argument is found by name");
	is_text(http_arg(&request, "empty"), "", "also when it is empty");
	is_text(http_arg(&request, "product"), NULL, "but not by part of its name");
	is_text(http_arg(&request, "after"), NULL, "and not when it is missing");
}

int
main(void)
{
	test_plain();
	test_etag();
	test_errors();
	test_args();
	return tap_done();
}
