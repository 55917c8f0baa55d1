/*
 * verdict_test.c
 *	  What SQLSTATEs mean to clients: docs/errors.md, row by row.
 */
#include "verdict.h"

#include <string.h>

#include "tap.h"

static void
test_codes(void)
{
	static const struct
	{
		const char *sqlstate;
		ErrorCode code;
		int status;
		bool is_passing;
	} cases[] = {
		{"IV400", ERROR_KEY_REUSED, 400, false},
		{"IV403", ERROR_FORBIDDEN, 403, false},
		{"IV404", ERROR_NOT_FOUND, 404, false},
		{"IV409", ERROR_CONFLICT, 409, true},
		{"IV410", ERROR_GONE, 410, false},
		{"IV412", ERROR_VERSION_CONFLICT, 412, false},
		{"IV422", ERROR_INSUFFICIENT_STOCK, 422, false},
		{"IV423", ERROR_BATCH_UNAVAILABLE, 423, false},
		{"22023", ERROR_BAD_REQUEST, 400, false},
		{"22003", ERROR_BAD_REQUEST, 400, false},
		{"22007", ERROR_BAD_REQUEST, 400, false},
		{"22008", ERROR_BAD_REQUEST, 400, false},
		{"22P02", ERROR_BAD_REQUEST, 400, false},
		{"42501", ERROR_FORBIDDEN, 403, false},
		{"42883", ERROR_INTERNAL, 500, false},
		{"42704", ERROR_BAD_REQUEST, 400, false},
		{"39P01", ERROR_INTERNAL, 500, false},
		{"0A000", ERROR_INTERNAL, 500, false},
		{"55000", ERROR_BAD_REQUEST, 400, false},
		{"25006", ERROR_UNAVAILABLE, 503, true},
		{"40001", ERROR_CONFLICT, 409, true},
		{"40P01", ERROR_CONFLICT, 409, true},
		{"55P03", ERROR_CONFLICT, 409, true},
		{"57014", ERROR_TIMEOUT, 504, true},
		{"23502", ERROR_INTERNAL, 500, false},
		{"23514", ERROR_INTERNAL, 500, false},
		{"53400", ERROR_UNAVAILABLE, 503, true},
		{"08006", ERROR_UNAVAILABLE, 503, true},
		{"57P01", ERROR_UNAVAILABLE, 503, true},
		{"57P03", ERROR_UNAVAILABLE, 503, true},
		{"53300", ERROR_UNAVAILABLE, 503, true},
		{"XX000", ERROR_INTERNAL, 500, false},
		{"", ERROR_INTERNAL, 500, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ok(verdict_code(cases[i].sqlstate) == cases[i].code && verdict_status(cases[i].code) == cases[i].status &&
			   verdict_is_passing(cases[i].sqlstate) == cases[i].is_passing,
		   "%s is %s, %d", cases[i].sqlstate, protocol_error_word(cases[i].code), cases[i].status);
	for (int code = 0; code < ERROR_CODE_COUNT; code++)
		ok(verdict_status((ErrorCode) code) >= 400, "%s has a status", protocol_error_word((ErrorCode) code));
}

static void
is_details(const char *detail, const char *key, const char *expected)
{
	Verdict verdict = {.detail = detail, .key = key};
	Buf buf = {0};

	verdict_append_details(&buf, &verdict);
	is_text(buf_text(&buf), expected, "the details of %s are as expected", detail ? detail : "nothing");
	buf_free(&buf);
}

static void
test_details(void)
{
	is_details(NULL, NULL, "");
	is_details("{\"inventoryId\":1,\"version\":5}", NULL, "{\"current\":{\"inventoryId\":1,\"version\":5}}");
	is_details("[{\"productId\":\"p\"}]", NULL, "{\"lines\":[{\"productId\":\"p\"}]}");
	is_details("{\"quantitty\": 2}", NULL, "{\"detail\":{\"quantitty\": 2}}");
	is_details("It is \"closed\".", NULL, "{\"detail\":\"It is \\\"closed\\\".\"}");
	is_details(NULL, "k1", "{\"key\":\"k1\"}");
	is_details("[]", "k1", "{\"lines\":[],\"key\":\"k1\"}");
}

int
main(void)
{
	test_codes();
	test_details();
	return tap_done();
}
