/*
 * buf_test.c
 *	  The byte buffer grows, escapes, and remembers a failure.
 */
#include "buf.h"

#include <stdint.h>
#include <string.h>

#include "tap.h"

static void
test_growth(void)
{
	Buf buf = {0};

	is_text(buf_text(&buf), "", "an empty buffer reads as an empty text");
	for (int i = 0; i < 100000; i++)
		buf_append_char(&buf, 'x');
	is_number(buf.size, 100000, "bytes appended one by one are all there");
	is_number(strlen(buf.bytes), 100000, "a NUL follows them");
	buf_reset(&buf);
	is_text(buf_text(&buf), "", "a reset buffer is empty");
	buf_printf(&buf, "%s-%d", "seven", 7);
	is_text(buf_text(&buf), "seven-7", "formatted text is appended");
	buf_append(&buf, "a\0b", 3);
	is_number(buf.size, 10, "a NUL byte counts like any other");
	buf_free(&buf);
	ok(buf.bytes == NULL && buf.size == 0, "a freed buffer is an empty one");
}

static void
test_failure(void)
{
	Buf buf = {0};

	buf_append_text(&buf, "kept");
	buf_append(&buf, "", SIZE_MAX / 2 + 1);
	ok(buf.failed, "an append that no memory can hold fails");
	buf_append_text(&buf, "more");
	is_number(buf.size, 0, "and nothing is left or appended");
	is_text(buf_text(&buf), "", "a failed buffer reads as empty");
	buf_reset(&buf);
	buf_append_text(&buf, "again");
	is_text(buf_text(&buf), "again", "a reset clears the failure");
	buf_free(&buf);
}

static void
test_json(void)
{
	static const struct
	{
		const char *text;
		const char *json;
	} cases[] = {
		{"", "\"\""},
		{"plain", "\"plain\""},
		{"a\"b\\c", "\"a\\\"b\\\\c\""},
		{"\n\t\x01", "\"\\u000a\\u0009\\u0001\""},
		{"na\xc3\xafve \xf0\x9f\x91\x95", "\"na\xc3\xafve \xf0\x9f\x91\x95\""},
		{"</script>", "\"</script>\""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		Buf buf = {0};

		buf_append_json(&buf, cases[i].text);
		is_text(buf_text(&buf), cases[i].json, "text becomes the JSON string %s", cases[i].json);
		buf_free(&buf);
	}
}

int
main(void)
{
	test_growth();
	test_failure();
	test_json();
	return tap_done();
}
