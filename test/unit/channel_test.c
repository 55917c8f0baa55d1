/*
 * channel_test.c
 *	  The grammar of channel names.
 */
#include "channel.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static void
test_names(void)
{
	static const struct
	{
		const char *name;
		const char *product;
		const char *warehouse;
		const char *canonical;
	} cases[] = {
		{"global", "", "", "global"},
		{"product:prod_123", "prod_123", "", "product:prod_123"},
		{"warehouse:wh_456", "", "wh_456", "warehouse:wh_456"},
		{"product:p:warehouse:w", "p", "w", "product:p:warehouse:w"},
		{"product:a%3Ab", "a:b", "", "product:a%3Ab"},
		{"product:a%3ab", "a:b", "", "product:a%3Ab"},
		{"product:100%25", "100%", "", "product:100%25"},
		{"product:%41%20%2F", "A /", "", "product:A /"},
		{"product:%C3%A4", "\xc3\xa4", "", "product:\xc3\xa4"},
		{"product:\xc3\xa4", "\xc3\xa4", "", "product:\xc3\xa4"},
		{"product:%0A", "\n", "", "product:%0A"},
		{"product:warehouse", "warehouse", "", "product:warehouse"},
		{"product:warehouse:warehouse:product", "warehouse", "product", "product:warehouse:warehouse:product"},
		{"product:a b", "a b", "", "product:a b"},
		{"product:*", "*", "", "product:*"},
		{"presence:inventory_list", "", "", "presence:inventory_list"},
		{"presence:inventory_item:prod_123", "prod_123", "", "presence:inventory_item:prod_123"},
		{"presence:inventory_item:a%3ab%20c", "a:b c", "", "presence:inventory_item:a%3Ab c"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		Channel channel;
		Buf canonical = {0};

		ok(channel_parse(&channel, cases[i].name), "\"%s\" is a channel", cases[i].canonical);
		is_number(channel.is_presence, strncmp(cases[i].name, "presence:", 9) == 0, "its kind is seen");
		is_text(channel.product, cases[i].product, "its product is decoded");
		is_text(channel.warehouse, cases[i].warehouse, "its warehouse is decoded");
		channel_append(&canonical, &channel);
		is_text(buf_text(&canonical), cases[i].canonical, "its canonical name is one of a kind");
		buf_free(&canonical);
	}
}

static void
test_refused(void)
{
	static const char *const names[] = {
		"", "globalx", "Global", " global", "global:", "product", "product:", "products:1", "warehouse:",
		"product:p:", "product:p:warehouse", "product:p:warehouse:", "product:p:warehouse:w:x", "product::warehouse:w",
		"warehouse:w:product:p", "product:%", "product:%4", "product:%zz", "product:%00", "product:a%00b",
		"product:\x01", "product:a\x7f", "product:\n", "product:%FF", "product:%C3", "product:%ED%A0%80",
		"product:%C0%AF", "product:%F4%90%80%80", "product:\x80", "tick", "presence:", "presence:inventory_item",
		"presence:inventory_item:", "presence:inventory_list:x", "presence:inventory_item:p:warehouse:w", "presence:cart:1"};
	char name[CHANNEL_NAME_SIZE + 64];
	Channel channel;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ok(!channel_parse(&channel, names[i]), "refused name %zu is no channel", i + 1);

	snprintf(name, sizeof name, "product:%0*d", CHANNEL_ID_SIZE, 0);
	ok(channel_parse(&channel, name), "an id of %d bytes is taken", CHANNEL_ID_SIZE);
	snprintf(name, sizeof name, "product:%0*d", CHANNEL_ID_SIZE + 1, 0);
	ok(!channel_parse(&channel, name), "a longer one is not");
	strcpy(name, "product:");
	for (int i = 0; i < CHANNEL_ID_SIZE; i++)
		strcat(name, "%41");
	ok(channel_parse(&channel, name), "the bound is on the decoded id");
	strcat(name, "%41");
	ok(!channel_parse(&channel, name), "and holds for encoded bytes too");
}

int
main(void)
{
	test_names();
	test_refused();
	return tap_done();
}
