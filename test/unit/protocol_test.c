/*
 * protocol_test.c
 *	  Messages in, replies out.
 */
#include "protocol.h"

#include <string.h>

#include "tap.h"
#include "utf8.h"

static Message message;
static ProtocolError error;

static bool
parse(const char *text)
{
	message_clear(&message);
	return protocol_parse(text, strlen(text), &message, &error);
}

static void
test_messages(void)
{
	ok(parse("{\"type\":\"subscribe\",\"channel\":\"product:prod_123\"}"), "a subscription is understood");
	is_number(message.type, MESSAGE_SUBSCRIBE, "as one");
	is_text(message.channels[0].channel.product, "prod_123", "with its product");
	is_text(message.channels[0].name, "product:prod_123", "and the name as it was spelled");
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
		{"{\"type\":\"subscribe\",\"channels\":\"global\"}", ERROR_BAD_REQUEST, "\"channels\" is no list"},
		{"{\"type\":\"subscribe\",\"channels\":[\"global\",\"x\"]}", ERROR_BAD_REQUEST, "malformed channel"},
		{"{\"type\":\"subscribe\",\"channels\":[]}", ERROR_BAD_REQUEST, "\"channels\" is empty"},
		{"{\"type\":\"subscribe\",\"channel\":\"global\",\"snapshot\":1}", ERROR_BAD_REQUEST, "\"snapshot\" is neither true nor false"},
		{"{\"type\":\"hello\"}", ERROR_BAD_REQUEST, "\"protocol\" is not 1, which is what is spoken here"},
		{"{\"type\":\"hello\",\"protocol\":\"1\"}", ERROR_BAD_REQUEST, "\"protocol\" is not 1, which is what is spoken here"},
		{"{\"type\":\"hello\",\"protocol\":2}", ERROR_BAD_REQUEST, "\"protocol\" is not 1, which is what is spoken here"},
		{"{\"type\":\"hello\",\"protocol\":1,\"since\":\"A B\"}", ERROR_BAD_REQUEST, "\"since\" is no position"},
		{"{\"type\":\"hello\",\"protocol\":1,\"since\":7}", ERROR_BAD_REQUEST, "\"since\" is no position"},
		{"{\"type\":\"hello\",\"protocol\":1,\"accept\":\"batch\"}", ERROR_BAD_REQUEST, "\"accept\" is no list"},
		{"{\"type\":\"hello\",\"protocol\":1,\"maxRate\":0}", ERROR_BAD_REQUEST, "\"maxRate\" is no number from 1 to 1000"},
		{"{\"type\":\"hello\",\"protocol\":1,\"token\":true}", ERROR_BAD_REQUEST, "\"token\" is no string"},
		{"{\"type\":\"auth\"}", ERROR_BAD_REQUEST, "\"token\" is missing"},
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

/* A field that an operation does not have is named in the answer, as far as there is room. */
static void
test_cut_text(void)
{
	bool is_whole = true;

	for (size_t shift = 0; shift < 4; shift++)
	{
		Buf text = {0};

		buf_printf(&text, "{\"type\":\"reserve\",\"%.*s", (int) shift, "xxxx");
		for (int i = 0; i < 100; i++)
			buf_append_text(&text, "\xf0\x9f\x93\xa6");
		buf_append_text(&text, "\":1}");
		ok(!parse(buf_text(&text)) && strlen(error.text) > sizeof error.text - 5, "a reason of any length fills what there is");
		is_whole = is_whole && utf8_is_valid(error.text, strlen(error.text));
		buf_free(&text);
	}
	ok(is_whole, "and is never cut inside of a character");
}

static void
test_hello(void)
{
	ok(parse("{\"type\":\"hello\",\"protocol\":1}"), "a hello may say nothing more than its protocol");
	ok(!message.has_channels && !*message.since && !message.token && !message.wants_snapshot && !message.max_rate,
	   "and then asks for nothing");
	ok(parse("{\"type\":\"hello\",\"protocol\":1,\"token\":\"a.b.c\",\"client\":{\"name\":\"x\",\"version\":\"1\"},"
			 "\"accept\":[\"batch\",\"other\"],\"channels\":[\"product:p\",\"warehouse:w\"],\"since\":\"12-ab.7\","
			 "\"snapshot\":true,\"maxRate\":5}"),
	   "it may say all of it");
	is_text(message.token, "a.b.c", "a token");
	ok(message.accepts_batch, "what it accepts");
	is_number(message.channel_count, 2, "its channels");
	is_text(message.channels[1].channel.warehouse, "w", "each of them");
	is_text(message.since, "12-ab.7", "a position");
	ok(message.wants_snapshot && message.max_rate == 5, "snapshots and a rate");
	ok(parse("{\"type\":\"hello\",\"protocol\":1,\"channels\":[]}") && message.has_channels && !message.channel_count,
	   "no channels at all are something else than none said");
}

static void
test_replies(void)
{
	Scope *scope = scope_new("org", "viewer", "ann", NULL, NULL);
	Welcome welcome = {
		.connection_id = "ab",
		.server_time_ms = 1,
		.ping_interval_ms = 2,
		.max_message_size = 3,
		.max_channels = 4,
		.max_batch = 7,
		.messages_per_second = 5,
		.operations_per_second = 8,
		.max_presence = 9,
		.reconnect_window_ms = 6,
		.scope = scope,
		.is_recovered = true,
		.position = "7.8",
	};
	Buf buf = {0};

	parse("{\"type\":\"subscribe\",\"channel\":\"product:a%3ab\",\"id\":\"x\"}");
	protocol_append_subscribed(&buf, message.channels[0].name, NULL, message.id);
	is_text(buf_text(&buf), "{\"type\":\"subscribed\",\"channel\":\"product:a%3ab\",\"id\":\"x\"}",
			"a subscription is confirmed in the client's spelling");
	buf_reset(&buf);
	parse("{\"type\":\"unsubscribe\",\"channel\":\"global\"}");
	protocol_append_unsubscribed(&buf, message.channels[0].name, message.id);
	is_text(buf_text(&buf), "{\"type\":\"unsubscribed\",\"channel\":\"global\"}", "and so is its end");
	buf_reset(&buf);
	protocol_append_pong(&buf, 1700000000123, NULL, message.id);
	is_text(buf_text(&buf), "{\"type\":\"pong\",\"timestamp\":1700000000123}", "a ping is answered with the time");
	buf_reset(&buf);
	protocol_append_pong(&buf, 5, "", "");
	is_text(buf_text(&buf), "{\"type\":\"pong\",\"timestamp\":5}", "without a position while there is none");
	buf_reset(&buf);
	protocol_append_pong(&buf, 5, "1.2", "\"x\"");
	is_text(buf_text(&buf), "{\"type\":\"pong\",\"timestamp\":5,\"position\":\"1.2\",\"id\":\"x\"}", "in protocol 1 with a position");
	buf_reset(&buf);
	protocol_append_ack(&buf, 1700000000000, "3");
	is_text(buf_text(&buf), "{\"type\":\"ack\",\"expiresAt\":1700000000000,\"id\":3}", "a new token is acknowledged with its end");
	buf_reset(&buf);
	protocol_append_welcome(&buf, &welcome, "");
	is_text(buf_text(&buf),
			"{\"type\":\"welcome\",\"protocol\":1,\"connectionId\":\"ab\",\"serverTime\":1,\"pingIntervalMs\":2,"
			"\"limits\":{\"maxMessageBytes\":3,\"maxChannels\":4,\"maxBatch\":7,\"messagesPerSecond\":5,\"operationsPerSecond\":8,\"maxPresence\":9},"
			"\"features\":[\"batch\",\"maxRate\",\"operations\",\"presence\",\"resume\",\"snapshot\"],\"reconnectWindowMs\":6,\"user\":{\"id\":\"ann\"},"
			"\"scope\":{\"organization\":\"org\",\"role\":\"viewer\",\"warehouses\":null},\"recovered\":true,\"position\":\"7.8\"}",
			"a welcome says what one needs to know");
	buf_reset(&buf);
	welcome.max_rate = 7;
	protocol_append_welcome(&buf, &welcome, "");
	ok(strstr(buf_text(&buf), "\"operationsPerSecond\":8,\"maxPresence\":9,\"maxRate\":7},"), "and how many frames come in a second, where that is bounded");
	buf_reset(&buf);
	scope_release(scope);
	error = (ProtocolError){ERROR_RATE_LIMITED, "too \"many\"", 250, NULL};
	protocol_append_error(&buf, "7", &error);
	is_text(buf_text(&buf),
			"{\"type\":\"error\",\"code\":\"rate_limited\",\"message\":\"too \\\"many\\\"\",\"retryable\":true,"
			"\"retryAfterMs\":250,\"id\":7}",
			"an error says what, whether to retry and when");
	buf_reset(&buf);
	error = (ProtocolError){ERROR_FORBIDDEN, "no", 0, "product:a\"b"};
	protocol_append_error(&buf, "7", &error);
	is_text(buf_text(&buf),
			"{\"type\":\"error\",\"code\":\"forbidden\",\"message\":\"no\",\"retryable\":false,\"channel\":\"product:a\\\"b\",\"id\":7}",
			"and of a channel, which");
	buf_free(&buf);
}

static void
test_batch_bound(void)
{
	Message message;
	ProtocolError error;
	Buf text = {0};

	buf_append_text(&text, "{\"type\":\"batch\",\"id\":1,\"messages\":[0");
	for (int i = 0; i < MESSAGE_ENTRY_COUNT; i++)
		buf_append_text(&text, ",0");
	buf_append_text(&text, "]}");
	ok(!protocol_parse(text.bytes, text.size, &message, &error), "a batch has its bound");
	is_number(error.code, ERROR_TOO_LARGE, "beyond which it is too large, as beyond a lower one");
	message_clear(&message);
	buf_free(&text);
}

int
main(void)
{
	test_messages();
	test_batch_bound();
	test_errors();
	test_long_values();
	test_cut_text();
	test_hello();
	test_replies();
	message_clear(&message);
	return tap_done();
}
