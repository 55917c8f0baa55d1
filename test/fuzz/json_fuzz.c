/*
 * json_fuzz.c
 *	  JSON from outside: the guard, and the tree behind it.
 *
 * What the guard lets through the library must parse, and what we write of it
 * must be let through again and mean the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json_guard.h"
#include "json_tree.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *copy = malloc(size + 1); /* not one byte more, so that reading on is found */
	const char *wrong = NULL;
	size_t count = 0;
	bool is_json;
	Json *tree;

	memcpy(copy, bytes, size);
	copy[size] = '\0';
	is_json = json_guard(copy, size, &count) == NULL;
	tree = json_parse(copy, size, &wrong);
	assert(!tree || is_json);
	assert(tree || wrong);
	if (tree)
	{
		Buf once = {0};
		Buf twice = {0};
		size_t count_again = 0;
		Json *again;

		json_append(&once, tree);
		assert(json_guard(once.bytes, once.size, &count_again) == NULL);
		assert(count_again == count);
		again = json_parse(once.bytes, once.size, &wrong);
		assert(again);
		json_append(&twice, again);
		assert(strcmp(buf_text(&once), buf_text(&twice)) == 0);
		json_free(again);
		buf_free(&once);
		buf_free(&twice);
	}
	json_free(tree);
	free(copy);
	return 0;
}
