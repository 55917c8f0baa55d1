/*
 * note_test.c
 *	  What may be shown of somebody, and what may not.
 */
#include "note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_tree.h"
#include "tap.h"

static Note said;
static char error[160];

static bool
reads(const char *message)
{
	const char *wrong;
	Json *tree = json_parse(message, strlen(message), &wrong);
	bool is_fine;

	note_clear(&said);
	is_fine = tree && note_read(tree, &said, error, sizeof error);
	json_free(tree);
	return is_fine;
}

static void
test_notes(void)
{
	ok(reads("{}") && !said.status && !said.metadata, "nothing need be said");
	ok(reads("{\"status\":\"editing\"}"), "a status is");
	is_text(said.status, "editing", "taken as it is");
	ok(reads("{\"status\":\"active\"}"), "another word");
	is_text(said.status, "viewing", "is taken for what it means");
	ok(reads("{\"metadata\":{}}"), "metadata may be empty");
	is_text(said.metadata, "{}", "which is not the same as nothing");
	ok(reads("{\"metadata\":{\"warehouseId\":\"w\",\"field\":\"a \\\"b\\\"\",\"batchNumber\":\"1\"}}"), "what is known is taken");
	is_text(said.metadata, "{\"batchNumber\":\"1\",\"field\":\"a \\\"b\\\"\",\"warehouseId\":\"w\"}", "in one order");
	is_text(said.warehouse, "w", "with the warehouse, for the scope");
}

static void
test_refused(void)
{
	static const char *const messages[] = {
		"{\"status\":\"away\"}",
		"{\"status\":7}",
		"{\"metadata\":[]}",
		"{\"metadata\":\"field\"}",
		"{\"metadata\":{\"colour\":\"red\"}}",
		"{\"metadata\":{\"field\":\"x\",\"colour\":\"red\"}}",
		"{\"metadata\":{\"field\":null}}",
		"{\"metadata\":{\"field\":7}}",
		"{\"metadata\":{\"field\":{\"field\":\"x\"}}}",
		"{\"metadata\":{\"field\":\"a\\nb\"}}",
		"{\"metadata\":{\"field\":\"a\\u007fb\"}}",
		"{\"metadata\":{\"warehouseId\":\"\"}}",
	};

	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
		ok(!reads(messages[i]) && *error, "refused with a reason: %s", messages[i]);
}

/* A message whose field is so many times a character, once or for each key. */
static char *
long_message(const char *character, int count, bool has_all)
{
	static char message[20000];
	static char value[2000];
	static const char *const keys[] = {"field", "view", "device", "productId", "batchNumber", "warehouseId"};
	size_t size = 0;

	*value = '\0';
	for (int i = 0; i < count; i++)
		strcat(value, character);
	size += (size_t) sprintf(message, "{\"metadata\":{");
	for (int i = 0; i < (has_all ? 6 : 1); i++)
		size += (size_t) sprintf(message + size, "%s\"%s\":\"%s\"", i ? "," : "", keys[i], value);
	sprintf(message + size, "}}");
	return message;
}

static void
test_bounds(void)
{
	ok(reads(long_message("x", 200, false)), "a value has up to 200 bytes");
	ok(!reads(long_message("x", 201, false)), "and no more");
	ok(reads(long_message("\xc3\xa4", 100, false)), "whatever its letters");
	ok(!reads(long_message("\xc3\xa4", 101, false)), "bytes and not characters are counted");
	ok(reads(long_message("x", 200, true)), "all of them together fit");
	ok(!reads(long_message("\\\"", 200, true)), "unless they grow by escapes");
	is_text(error, "\"metadata\" is too large", "which is said");
	/* 12 bytes for each of them, 83 around, and 11 blanks of the database's */
	ok(reads(long_message("\\\"", 162, true)), "2038 bytes fit");
	ok(!reads(long_message("\\\"", 163, true)), "2050 do not, as the database counts them");
}

int
main(void)
{
	test_notes();
	test_refused();
	test_bounds();
	note_clear(&said);
	return tap_done();
}
