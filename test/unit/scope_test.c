/*
 * scope_test.c
 *	  Who may see what.
 */
#include "scope.h"

#include <string.h>

#include "tap.h"

static bool
allows(const Scope *scope, const char *organization, const char *type, const char *warehouse)
{
	EventRow row = {
		.position = "1",
		.organization = organization,
		.type = type,
		.product = "p",
		.warehouse = warehouse,
		.data = "{}",
	};
	Event *event = event_new(&row);
	bool is_allowed = scope_allows(scope, event);

	event_release(event);
	return is_allowed;
}

static bool
allows_channel(const Scope *scope, const char *product, const char *warehouse)
{
	Channel channel = {0};

	strcpy(channel.product, product);
	strcpy(channel.warehouse, warehouse);
	return scope_allows_channel(scope, &channel);
}

static void
test_predicate(void)
{
	Scope *all = scope_new("org", "manager", "ann", "Ann", NULL);
	Scope *two = scope_new("org", "viewer", "bob", NULL, NULL);
	Scope *none = scope_new("org", "viewer", "eve", NULL, NULL);

	scope_add_warehouse(two, "w2"), scope_add_warehouse(two, "w1");
	scope_limit(none);
	ok(allows(all, "org", "inventory.updated", "w9"), "who sees all sees every warehouse");
	ok(allows(all, "org", "reservation.expired", NULL), "and what belongs to none");
	ok(!allows(all, "other", "inventory.updated", "w1"), "of the own organization only");
	ok(!allows(all, "org", "access.changed", NULL), "changes of rights are for nobody");
	ok(!allows(all, "org", "presence.joined", "w1"), "presence does not come this way");
	ok(allows(two, "org", "inventory.updated", "w1") && allows(two, "org", "inventory.updated", "w2"),
	   "who sees some warehouses sees those");
	ok(!allows(two, "org", "inventory.updated", "w3") && !allows(two, "org", "inventory.updated", "w"), "and no other");
	ok(!allows(two, "org", "reservation.expired", NULL), "nor what may tell of others");
	ok(!allows(none, "org", "inventory.updated", "w1"), "who sees none sees nothing");
	ok(allows_channel(two, "p", "") && allows_channel(two, "", ""), "channels of all warehouses may be followed");
	ok(allows_channel(two, "p", "w1") && !allows_channel(two, "p", "w3") && !allows_channel(none, "", "w1"),
	   "those of one warehouse by whom it is open to");
	scope_release(all), scope_release(two), scope_release(none);
}

static void
test_words(void)
{
	Scope *scope = scope_new("org", "viewer", "b\"ob", "Bob", "https://x.example/b.png");
	Scope *same = scope_new("org", "viewer", "b\"ob", "Bob", "https://x.example/b.png");
	Buf text = {0};

	scope_append(&text, scope);
	is_text(buf_text(&text), "{\"organization\":\"org\",\"role\":\"viewer\",\"warehouses\":null}", "all warehouses are null");
	buf_reset(&text);
	ok(scope_is_equal(scope, same), "equal scopes are equal");
	scope_add_warehouse(scope, "b"), scope_add_warehouse(scope, "a");
	ok(!scope_is_equal(scope, same), "a limit makes a difference");
	scope_add_warehouse(same, "a"), scope_add_warehouse(same, "b");
	ok(scope_is_equal(scope, same), "the order of warehouses does not");
	scope_append(&text, scope);
	is_text(buf_text(&text), "{\"organization\":\"org\",\"role\":\"viewer\",\"warehouses\":[\"a\",\"b\"]}", "some are listed");
	buf_reset(&text);
	scope_append_user(&text, scope);
	is_text(buf_text(&text), "{\"id\":\"b\\\"ob\",\"name\":\"Bob\",\"picture\":\"https://x.example/b.png\"}",
			"the user is named");
	buf_free(&text);
	scope_release(scope), scope_release(same);
}

int
main(void)
{
	test_predicate();
	test_words();
	return tap_done();
}
