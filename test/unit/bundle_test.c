/*
 * bundle_test.c
 *	  Operations of many clients, as the arguments of one call.
 */
#include "bundle.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static void
add(Bundle *bundle, const char *arguments, const char *key, const void *caller, const char *claims)
{
	Operation operation = {0};

	buf_append_text(&operation.arguments, arguments);
	bundle_add(bundle, &operation, key, caller, claims);
	operation_clear(&operation);
}

static void
test_callers(void)
{
	static Bundle bundle;
	int ann;
	int bob;

	bundle_open(&bundle);
	add(&bundle, "\"kind\":\"retire\"", "k\"1", &ann, "{\"sub\":\"ann\"}");
	add(&bundle, "\"kind\":\"adjust\"", "k2", &bob, "{\"sub\":\"bob\"}");
	add(&bundle, "\"kind\":\"set\"", "k3", &ann, "{\"sub\":\"ann\"}");
	ok(bundle_close(&bundle), "a bundle is closed");
	is_text(buf_text(&bundle.operations),
			"[{\"caller\":0,\"idempotency_key\":\"k\\\"1\",\"kind\":\"retire\"},"
			"{\"caller\":1,\"idempotency_key\":\"k2\",\"kind\":\"adjust\"},"
			"{\"caller\":0,\"idempotency_key\":\"k3\",\"kind\":\"set\"}]",
			"with its operations in order");
	is_text(buf_text(&bundle.callers), "[{\"sub\":\"ann\"},{\"sub\":\"bob\"}]", "and each caller's claims once");
	bundle_open(&bundle);
	add(&bundle, "\"kind\":\"set\"", "k4", &bob, "{\"sub\":\"bob\"}");
	ok(bundle_close(&bundle), "it can be used again");
	is_text(buf_text(&bundle.callers), "[{\"sub\":\"bob\"}]", "and has forgotten who was in it");
	bundle_free(&bundle);
}

static void
test_many(void)
{
	static Bundle bundle;
	static char callers[BUNDLE_COUNT];

	bundle_open(&bundle);
	for (int i = 0; i < 2; i++)
		for (size_t c = 0; c < BUNDLE_COUNT / 2; c++)
			add(&bundle, "\"kind\":\"set\"", "k", &callers[c], "{}");
	ok(bundle_close(&bundle), "a full bundle is closed");
	is_number((long) bundle.count, BUNDLE_COUNT, "with all operations");
	is_number((long) bundle.caller_count, BUNDLE_COUNT / 2, "of as many callers as there are");
	bundle_free(&bundle);
}

int
main(void)
{
	test_callers();
	test_many();
	return tap_done();
}
