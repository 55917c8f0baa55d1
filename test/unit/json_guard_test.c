/*
 * json_guard_test.c
 *	  What is JSON that we are willing to parse, and what is not.
 */
#include "json_guard.h"

#include <string.h>

#include "tap.h"

static const char *
guard(const char *text)
{
	size_t ignored;

	return json_guard(text, strlen(text), &ignored);
}

static void
test_taken(void)
{
	static const char *const texts[] = {
		"{}", " { } ", "[]", "\"\"", "0", "-0", "12", "-1.5e-10", "1E5", "true", "false", "null",
		"{\"a\":1,\"b\":[1,2,{\"c\":null}]}", "\t\r\n[1 , 2]\n", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
		"\"\\ud83d\\ude00\"", "9007199254740991", "-9007199254740991", "[[[[[[[[1]]]]]]]]", "\"na\xc3\xafve\"", "0.1",
		"1e300", "-1E-300", "0e+300"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		is_text(guard(texts[i]), NULL, "JSON %zu is taken", i + 1);
}

static void
test_refused(void)
{
	static const struct
	{
		const char *text;
		const char *wrong;
	} cases[] = {
		{"", "value expected"},
		{"   ", "value expected"},
		{"{", "string expected"},
		{"{\"a\"}", "colon expected"},
		{"{\"a\":}", "value expected"},
		{"{\"a\":1,}", "string expected"},
		{"{\"a\":1", "comma or closing bracket expected"},
		{"{a:1}", "string expected"},
		{"{'a':1}", "string expected"},
		{"'a'", "value expected"},
		{"[1,]", "value expected"},
		{"[1 2]", "comma or closing bracket expected"},
		{"[", "value expected"},
		{"NaN", "value expected"},
		{"Infinity", "value expected"},
		{"-", "value expected"},
		{"+1", "value expected"},
		{"01", "more than one value"},
		{"1.", "broken number"},
		{".5", "value expected"},
		{"1e", "broken number"},
		{"0x10", "more than one value"},
		{"\"\xc0\x80\"", "not UTF-8"},
		{"\"\xed\xa0\x80\"", "not UTF-8"},
		{"\"\xf4\x90\x80\x80\"", "not UTF-8"},
		{"\"\xff\"", "not UTF-8"},
		{"\"\xc3\"", "not UTF-8"},
		{"\"\xe2\x82", "not UTF-8"},
		{"1e999", "number out of range"},
		{"1e-301", "number out of range"},
		{"1e-999999999", "number out of range"},
		{"0e-999999999", "number out of range"},
		{"0e99999999999999999999", "number out of range"},
		{"9007199254740992", "integer out of range"},
		{"18446744073709551616", "integer out of range"},
		{"123456789012345678901234567890123", "number too long"},
		{"tru", "value expected"},
		{"truely", "more than one value"},
		{"{} {}", "more than one value"},
		{"{}x", "more than one value"},
		{"\"abc", "unfinished string"},
		{"\"a\nb\"", "control character in a string"},
		{"\"\\x\"", "broken escape in a string"},
		{"\"\\", "broken escape in a string"},
		{"\"\\u12g4\"", "broken escape in a string"},
		{"\"\\u12", "broken escape in a string"},
		{"\"\\u0000\"", "NUL in a string"},
		{"\"\\ud800\"", "lone surrogate in a string"},
		{"\"\\udc00\"", "lone surrogate in a string"},
		{"\"\\ud800\\u0041\"", "lone surrogate in a string"},
		{"\"\\ud800\\", "lone surrogate in a string"},
		{"[[[[[[[[[1]]]]]]]]]", "nested too deeply"},
		{"// comment\n{}", "value expected"},
		{"{/**/}", "string expected"},
	};
	size_t ignored;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is_text(guard(cases[i].text), cases[i].wrong, "refused text %zu says why", i + 1);
	is_text(json_guard("{}\0", 3, &ignored), "NUL in the message", "a NUL behind the value is seen");
	is_text(json_guard("\"a\0b\"", 5, &ignored), "NUL in the message", "and one inside");
}

static void
test_members(void)
{
	static const struct
	{
		const char *text;
		size_t count;
	} cases[] = {{"{}", 0}, {"[1,2]", 0}, {"{\"a\":1}", 1}, {"{\"a\":1,\"a\":2}", 2}, {"{\"a\":{\"b\":[{\"c\":1}]}}", 3}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		size_t count;

		json_guard(cases[i].text, strlen(cases[i].text), &count);
		is_number(count, cases[i].count, "the members of %s are counted", cases[i].text);
	}
}

/* A message cut anywhere must be refused, and must not be read beyond its end. */
static void
test_cuts(void)
{
	static const char text[] = "{\"type\":\"subscribe\",\"id\":-1.5e3,\"x\":[true,\"\\ud83d\\ude00\"]}";
	size_t accepted = 0;

	for (size_t size = 0; size < strlen(text); size++)
	{
		char *copy = size ? memcpy(__builtin_alloca(size), text, size) : (char *) text;
		size_t ignored;

		accepted += json_guard(copy, size, &ignored) == NULL;
	}
	is_number(accepted, 0, "a message cut short is never taken");
}

int
main(void)
{
	test_taken();
	test_refused();
	test_members();
	test_cuts();
	return tap_done();
}
