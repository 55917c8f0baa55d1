/*
 * bundle.c
 *	  Operations of many clients, as the arguments of one call.
 */
#include "bundle.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "hash.h"

void
bundle_open(Bundle *bundle)
{
	buf_reset(&bundle->operations);
	buf_reset(&bundle->callers);
	buf_append_char(&bundle->operations, '[');
	buf_append_char(&bundle->callers, '[');
	bundle->count = bundle->caller_count = 0;
	memset(bundle->seen, 0, sizeof bundle->seen);
}

static size_t
index_of(Bundle *bundle, const void *caller, const char *claims)
{
	size_t at = hash_mix((uintptr_t) caller) % (2 * BUNDLE_COUNT);

	while (bundle->seen[at].caller && bundle->seen[at].caller != caller)
		at = (at + 1) % (2 * BUNDLE_COUNT);
	if (!bundle->seen[at].caller)
	{
		bundle->seen[at].caller = caller;
		bundle->seen[at].index = bundle->caller_count++;
		buf_append_text(&bundle->callers, bundle->seen[at].index ? "," : "");
		buf_append_text(&bundle->callers, claims);
	}
	return bundle->seen[at].index;
}

void
bundle_add(Bundle *bundle, const Operation *operation, const char *key, const void *caller, const char *claims)
{
	Buf *text = &bundle->operations;

	assert(bundle->count < BUNDLE_COUNT);
	buf_printf(text, "%s{\"caller\":%zu,\"idempotency_key\":", bundle->count ? "," : "", index_of(bundle, caller, claims));
	buf_append_json(text, key);
	buf_append_char(text, ',');
	buf_append(text, operation->arguments.bytes, operation->arguments.size);
	buf_append_char(text, '}');
	bundle->count++;
}

bool
bundle_close(Bundle *bundle)
{
	buf_append_char(&bundle->operations, ']');
	buf_append_char(&bundle->callers, ']');
	return !bundle->operations.failed && !bundle->callers.failed;
}

void
bundle_free(Bundle *bundle)
{
	buf_free(&bundle->operations);
	buf_free(&bundle->callers);
}
