/*
 * operation_fuzz.c
 *	  Operations that clients ask for, in any shape.
 *
 * The first byte is the verb and the form.  What the database gets of an
 * operation that was taken must be JSON, whole, with every limit kept.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json_guard.h"
#include "operation.h"

static void
check_taken(const Operation *operation, Verb verb)
{
	Buf object = {0};
	size_t ignored;

	assert(operation->verb == verb);
	assert(strlen(operation->key) <= OPERATION_KEY_SIZE);
	assert(operation->timeout_ms >= OPERATION_TIMEOUT_LEAST_MS && operation->timeout_ms <= OPERATION_TIMEOUT_MOST_MS);
	buf_append_char(&object, '{');
	buf_append(&object, operation->arguments.bytes, operation->arguments.size);
	buf_append_char(&object, '}');
	assert(json_guard(object.bytes, object.size, &ignored) == NULL);
	buf_free(&object);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *copy;
	const char *wrong;
	Json *object;
	Verb verb;

	if (size == 0)
		return 0;
	verb = (Verb) (bytes[0] / 2 % VERB_COUNT);
	copy = malloc(size);
	memcpy(copy, bytes + 1, size - 1);
	copy[size - 1] = '\0';
	object = json_parse(copy, size - 1, &wrong);
	if (object)
	{
		Operation operation = {0};
		Buf error = {0};

		if (operation_read(&operation, verb, object, bytes[0] % 2 ? OPERATION_MESSAGE : OPERATION_BODY, &error))
			check_taken(&operation, verb);
		else
			assert(error.size > 0);
		operation_clear(&operation);
		buf_free(&error);
	}
	json_free(object);
	free(copy);
	return 0;
}
