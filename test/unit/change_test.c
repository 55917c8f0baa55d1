/*
 * change_test.c
 *	  What an operation did, as clients are told.
 */
#include "change.h"

#include <string.h>

#include "tap.h"

#define ROW(version, more)                                                                                                   \
	"{\"retries\": 0, \"version\": " version ", \"shortfall\": 0, \"created_at\": \"2026-11-27T14:58:39.114056Z\", "         \
	"\"product_id\": \"p\\\"1,}\", \"movement_id\": 7, \"inventory_id\": 3, \"new_quantity\": 90, \"warehouse_id\": \"w\", " \
	"\"movement_type\": \"out\", \"organization_id\": \"acme\", \"previous_quantity\": 100, \"quantity_reserved\": 0" more "}"
#define ITEM                                                                                                          \
	"\"inventoryId\":3,\"productId\":\"p\\\"1,}\",\"warehouseId\":\"w\",\"previousQuantity\":100,\"newQuantity\":90," \
	"\"quantityReserved\":0,\"version\":2,\"movementId\":7,\"movementType\":\"out\",\"createdAt\":\"2026-11-27T14:58:39.114Z\""

static void
is_result(Verb verb, const char *rows, const char *expected, const char *what)
{
	Buf buf = {0};

	ok(change_append_result(&buf, verb, rows), "%s can be told", what);
	is_text(buf_text(&buf), expected, "as it should");
	buf_free(&buf);
}

static void
test_results(void)
{
	Buf buf = {0};

	is_result(VERB_ADJUST, "[" ROW("2", "") "]", "{" ITEM "}", "the change of one item");
	is_result(VERB_APPLY, "[" ROW("2", "") "]", "{\"changes\":[{" ITEM "}]}", "a cart of one line");
	is_result(VERB_APPLY, "[" ROW("2", "") ", " ROW("2", "") "]", "{\"changes\":[{" ITEM "},{" ITEM "}]}", "a cart of two");
	is_result(VERB_RELEASE, "[]", "{\"changes\":[]}", "a release of nothing");
	is_result(VERB_RESERVE, "[" ROW("2", ", \"expires_at\": \"2026-11-27T15:00:00Z\", \"reservation_id\": \"cart\"") "]",
			  "{\"changes\":[{" ITEM ",\"reservationId\":\"cart\",\"expiresAt\":\"2026-11-27T15:00:00Z\"}]}", "a reservation");
	ok(!change_append_result(&buf, VERB_ADJUST, "[]"), "one item without a row is nothing to tell");
	buf_reset(&buf);
	ok(!change_append_result(&buf, VERB_ADJUST, ""), "nor is no answer");
	buf_reset(&buf);
	ok(!change_append_result(&buf, VERB_ADJUST, "[{\"version\": 2"), "nor half a row");
	buf_free(&buf);
}

static void
test_times(void)
{
	is_result(VERB_ADJUST, "[{\"inventory_id\": 1, \"created_at\": \"2026-11-27T14:58:39.1Z\"}]",
			  "{\"inventoryId\":1,\"createdAt\":\"2026-11-27T14:58:39.100Z\"}", "a time with one digit");
	is_result(VERB_ADJUST, "[{\"inventory_id\": 1, \"created_at\": \"2026-11-27T14:58:39.12Z\"}]",
			  "{\"inventoryId\":1,\"createdAt\":\"2026-11-27T14:58:39.120Z\"}", "a time with two");
	is_result(VERB_ADJUST, "[{\"inventory_id\": 1, \"created_at\": \"2026-11-27T14:58:39.123456+00:00\"}]",
			  "{\"inventoryId\":1,\"createdAt\":\"2026-11-27T14:58:39.123+00:00\"}", "a time with its zone");
}

static void
test_bodies(void)
{
	Operation operation = {.verb = VERB_ADJUST, .quantity = -10};
	Buf buf = {0};

	ok(change_append_body(&buf, &operation, "ann", false, "[" ROW("2", "") "]"), "an adjustment is answered");
	is_text(buf_text(&buf),
			"{\"inventoryId\":3,\"productId\":\"p\\\"1,}\",\"warehouseId\":\"w\",\"previousQuantity\":100,\"newQuantity\":90,\"version\":2,"
			"\"movement\":{\"id\":7,\"inventoryId\":3,\"productId\":\"p\\\"1,}\",\"warehouseId\":\"w\",\"movementType\":\"out\","
			"\"quantity\":-10,\"reason\":null,\"performedBy\":\"ann\",\"createdAt\":\"2026-11-27T14:58:39.114Z\"},"
			"\"message\":\"Inventory adjusted successfully\"}\n",
			"with its movement");
	buf_reset(&buf);
	operation = (Operation){.verb = VERB_DEFINE};
	ok(change_append_body(&buf, &operation, "ann", true, "[{\"inventory_id\": 3, \"version\": 2}]"), "so is what changed nothing");
	is_text(buf_text(&buf),
			"{\"inventoryId\":3,\"version\":2,\"movement\":null,\"replayed\":true,\"message\":\"Inventory defined successfully\"}\n",
			"without one");
	buf_reset(&buf);
	operation = (Operation){.verb = VERB_RELEASE};
	ok(change_append_body(&buf, &operation, "ann", false, "[]"), "and a release of nothing");
	is_text(buf_text(&buf), "{\"changes\":[],\"message\":\"Reservation released successfully\"}\n", "with no changes");
	buf_free(&buf);
}

int
main(void)
{
	test_results();
	test_times();
	test_bodies();
	return tap_done();
}
