/*
 * protocol_test.c
 *	  Messages in, replies out.
 */
#include "protocol.h"

#include <string.h>

#include "tap.h"

static Message message;
static ProtocolError error;

static bool
parse(const char *text)
{
	return protocol_parse(text, strlen(text), &message, &error);
}

static void
test_messages(void)
{
	ok(parse("{\"type\":\"subscribe\",\"channel\":\"product:prod_123\"}"), "a subscription is understood");
	is_number(message.type, MESSAGE_SUBSCRIBE, "as one");
	is_text(message.channel.product, "prod_123", "with its product");
	is_text(message.channel_name, "product:prod_123", "and the name as it was spelled");
	is_text(message.id, "", "without an id there is none to echo");

	ok(parse("{\"type\":\"unsubscribe\",\"channel\":\"global\",\"id\":12}"), "so is its end");
	is_number(message.type, MESSAGE_UNSUBSCRIBE, "as one");
	is_text(message.id, "12", "a number may be the id");

	ok(parse("{\"type\":\"ping\",\"id\":\"a\\\"b/\\u00e9\"}"), "so is a ping");
	is_text(message.id, "\"a\\\"b/\xc3\xa9\"", "a string may be the id");

	ok(parse("{\"type\":\"ping\",\"later\":{\"field\":[1]}}"), "unknown fields are let be");
}

static void
test_errors(void)
{
	static const struct
	{
		const char *text;
		ErrorCode code;
		const char *why;
	} cases[] = {
		{"", ERROR_BAD_REQUEST, "not a message: value expected"},
		{"hello", ERROR_BAD_REQUEST, "not a message: value expected"},
		{"[]", ERROR_BAD_REQUEST, "not a message: no JSON object"},
		{"null", ERROR_BAD_REQUEST, "not a message: no JSON object"},
		{"\"ping\"", ERROR_BAD_REQUEST, "not a message: no JSON object"},
		{"{}", ERROR_BAD_REQUEST, "\"type\" is missing or no string"},
		{"{\"type\":1}", ERROR_BAD_REQUEST, "\"type\" is missing or no string"},
		{"{\"type\":\"\"}", ERROR_UNKNOWN_TYPE, "unknown message type"},
		{"{\"type\":\"PING\"}", ERROR_UNKNOWN_TYPE, "unknown message type"},
		{"{\"type\":\"ping\",\"type\":\"ping\"}", ERROR_BAD_REQUEST, "not a message: a name is repeated"},
		{"{\"type\":\"ping\",\"t\\u0079pe\":\"ping\"}", ERROR_BAD_REQUEST, "not a message: a name is repeated"},
		{"{\"type\":\"ping\",\"x\":{\"y\":1,\"y\":1}}", ERROR_BAD_REQUEST, "not a message: a name is repeated"},
		{"{\"type\":\"subscribe\"}", ERROR_BAD_REQUEST, "\"channel\" is missing or no string"},
		{"{\"type\":\"subscribe\",\"channel\":5}", ERROR_BAD_REQUEST, "\"channel\" is missing or no string"},
		{"{\"type\":\"subscribe\",\"channel\":\"produkt:1\"}", ERROR_BAD_REQUEST, "malformed channel"},
		{"{\"type\":\"ping\",\"id\":[]}", ERROR_BAD_REQUEST, "\"id\" is neither string nor integer"},
		{"{\"type\":\"ping\",\"id\":1.5}", ERROR_BAD_REQUEST, "\"id\" is neither string nor integer"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		ok(!parse(cases[i].text), "%s is refused", *cases[i].text ? cases[i].text : "an empty message");
		is_number(error.code, cases[i].code, "with the code %s", protocol_error_word(cases[i].code));
		is_text(error.text, cases[i].why, "and the reason");
	}
	ok(!parse("{\"id\":7,\"type\":\"nothing\"}"), "an unknown type is refused");
	is_text(message.id, "7", "and its id is still known");
}

static void
test_long_values(void)
{
	char text[2 * CHANNEL_NAME_SIZE + 100];
	size_t size;

	strcpy(text, "{\"type\":\"ping\",\"id\":\"");
	size = strlen(text);
	memset(text + size, 'x', MESSAGE_ID_SIZE - 2);
	strcpy(text + size + MESSAGE_ID_SIZE - 2, "\"}");
	ok(parse(text), "an id may have %d bytes with its quotes", MESSAGE_ID_SIZE);
	memset(text + size, 'x', MESSAGE_ID_SIZE - 1);
	strcpy(text + size + MESSAGE_ID_SIZE - 1, "\"}");
	ok(!parse(text), "but not more");

	strcpy(text, "{\"type\":\"subscribe\",\"channel\":\"product:");
	size = strlen(text);
	memset(text + size, 'x', 2 * CHANNEL_NAME_SIZE);
	strcpy(text + 2 * CHANNEL_NAME_SIZE, "\"}");
	ok(!parse(text), "a channel longer than any is refused");
}

static void
test_replies(void)
{
	Buf buf = {0};

	parse("{\"type\":\"subscribe\",\"channel\":\"product:a%3ab\",\"id\":\"x\"}");
	protocol_append_subscribed(&buf, &message);
	is_text(buf_text(&buf), "{\"type\":\"subscribed\",\"channel\":\"product:a%3ab\",\"id\":\"x\"}",
			"a subscription is confirmed in the client's spelling");
	buf_reset(&buf);
	parse("{\"type\":\"unsubscribe\",\"channel\":\"global\"}");
	protocol_append_unsubscribed(&buf, &message);
	is_text(buf_text(&buf), "{\"type\":\"unsubscribed\",\"channel\":\"global\"}", "and so is its end");
	buf_reset(&buf);
	protocol_append_pong(&buf, &message, 1700000000123);
	is_text(buf_text(&buf), "{\"type\":\"pong\",\"timestamp\":1700000000123}", "a ping is answered with the time");
	buf_reset(&buf);
	error = (ProtocolError){ERROR_RATE_LIMITED, "too \"many\"", 250};
	protocol_append_error(&buf, "7", &error);
	is_text(buf_text(&buf),
			"{\"type\":\"error\",\"code\":\"rate_limited\",\"message\":\"too \\\"many\\\"\",\"retryable\":true,"
			"\"retryAfterMs\":250,\"id\":7}",
			"an error says what, whether to retry and when");
	buf_free(&buf);
}

int
main(void)
{
	test_messages();
	test_errors();
	test_long_values();
	test_replies();
	return tap_done();
}
