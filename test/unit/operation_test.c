/*
 * operation_test.c
 *	  Operations, as clients ask for them.
 */
#include "operation.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static Operation operation;
static Buf wrong;

static bool
ask(Verb verb, OperationForm form, const char *text)
{
	const char *what;
	Json *object = json_parse(text, strlen(text), &what);
	bool is_fine;

	operation_clear(&operation);
	buf_free(&wrong);
	if (!object)
	{
		buf_append_text(&wrong, what);
		return false;
	}
	is_fine = operation_read(&operation, verb, object, form, &wrong);
	json_free(object);
	return is_fine;
}

static void
test_verbs(void)
{
	static const char *const words[] = {"adjust", "apply", "commit", "define", "release", "reserve", "retire", "set", "transfer"};
	Verb verb;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		ok(verb_of(words[i], &verb) && strcmp(verb_word(verb), words[i]) == 0, "%s is a verb", words[i]);
	ok(!verb_of("batch_set", &verb) && !verb_of("", &verb) && !verb_of("adjus", &verb) && !verb_of("adjust2", &verb),
	   "nothing else is one");
}

static void
test_arguments(void)
{
	ok(ask(VERB_ADJUST, OPERATION_MESSAGE,
		   "{\"type\":\"adjust\",\"id\":1,\"key\":\"k1\",\"timeoutMs\":500,\"productId\":\"p\\\"1\",\"warehouseId\":\"w\","
		   "\"quantity\":-3,\"movementType\":\"out\",\"reason\":\"sale\",\"expectedVersion\":null,\"occurredAt\":\"now\"}"),
	   "an adjustment is read");
	is_text(buf_text(&operation.arguments),
			"\"kind\":\"adjust\",\"productId\":\"p\\\"1\",\"warehouseId\":\"w\",\"quantity\":-3,\"movementType\":\"out\","
			"\"reason\":\"sale\",\"occurredAt\":\"now\"",
			"its arguments are those the database gets, without what was null");
	is_text(operation.key, "k1", "with its key");
	is_number(operation.timeout_ms, 500, "its time");
	is_number(operation.quantity, -3, "its quantity");
	is_text(operation.reason, "sale", "and its reason");
	is_number((long) operation.thing_count, 1, "it touches one thing");

	ok(ask(VERB_ADJUST, OPERATION_BODY, "{\"productId\":\"p\",\"warehouseId\":\"w\",\"quantity\":1,\"idempotencyKey\":\"k2\"}"),
	   "a body has its key under another name");
	is_text(operation.key, "k2", "and it is read");
	is_number(operation.timeout_ms, OPERATION_TIMEOUT_MS, "there is a time when none is given");

	ok(ask(VERB_APPLY, OPERATION_MESSAGE,
		   "{\"lines\":[{\"productId\":\"p\",\"warehouseId\":\"w\",\"quantity\":1},"
		   "{\"productId\":\"q\",\"warehouseId\":\"w\",\"quantity\":2,\"onShortage\":\"partial\"}],\"reference\":\"order 1\"}"),
	   "a cart is read");
	is_text(buf_text(&operation.arguments),
			"\"kind\":\"apply\",\"lines\":[{\"productId\":\"p\",\"warehouseId\":\"w\",\"quantity\":1},"
			"{\"productId\":\"q\",\"warehouseId\":\"w\",\"quantity\":2,\"onShortage\":\"partial\"}],\"reference\":\"order 1\"",
			"with its lines");
	is_number((long) operation.thing_count, 2, "and touches each item");
	is_number(operation.quantity, 0, "the quantity of a line is not its own");

	ok(ask(VERB_DEFINE, OPERATION_MESSAGE,
		   "{\"productId\":\"p\",\"warehouseId\":\"w\",\"trackBatches\":true,\"minimumStock\":0,"
		   "\"attributes\":{\"name\":\"\\u00e5\",\"tags\":[1,null]}}"),
	   "a definition is read");
	is_text(buf_text(&operation.arguments),
			"\"kind\":\"define\",\"productId\":\"p\",\"warehouseId\":\"w\",\"trackBatches\":true,\"minimumStock\":0,"
			"\"attributes\":{\"name\":\"\xc3\xa5\",\"tags\":[1,null]}",
			"with any attributes");
	ok(ask(VERB_TRANSFER, OPERATION_MESSAGE, "{\"productId\":\"p\",\"fromWarehouseId\":\"a\",\"toWarehouseId\":\"b\",\"quantity\":1}") &&
		   operation.thing_count == 2,
	   "a transfer touches two items");
	ok(ask(VERB_RESERVE, OPERATION_MESSAGE,
		   "{\"reservationId\":\"cart\",\"ttl\":\"10 min\",\"lines\":[{\"productId\":\"p\",\"warehouseId\":\"w\",\"quantity\":1}]}") &&
		   operation.thing_count == 2,
	   "a reservation touches its items and itself");
	ok(ask(VERB_RESERVE, OPERATION_MESSAGE, "{\"lines\":[{\"productId\":\"p\",\"warehouseId\":\"w\",\"quantity\":1}]}") &&
		   operation.thing_count == 1,
	   "which it can do without a name");
	ok(ask(VERB_RELEASE, OPERATION_MESSAGE, "{\"reservationId\":\"cart\"}") && operation.thing_count == 1, "its release touches it");
}

static void
test_things(void)
{
	uint64_t first;

	ask(VERB_RETIRE, OPERATION_MESSAGE, "{\"productId\":\"ab\",\"warehouseId\":\"c\"}");
	first = operation.things[0];
	ask(VERB_ADJUST, OPERATION_MESSAGE, "{\"quantity\":1,\"warehouseId\":\"c\",\"productId\":\"ab\"}");
	ok(operation.things[0] == first, "an item is the same for every verb and in any order");
	ask(VERB_RETIRE, OPERATION_MESSAGE, "{\"productId\":\"a\",\"warehouseId\":\"bc\"}");
	ok(operation.things[0] != first, "and another where the names are divided otherwise");
	ask(VERB_TRANSFER, OPERATION_MESSAGE, "{\"productId\":\"ab\",\"fromWarehouseId\":\"x\",\"toWarehouseId\":\"c\",\"quantity\":1}");
	ok(operation.things[1] == first, "also where it is the one transferred to");
}

static void
test_refusals(void)
{
	static const char item[] = "\"productId\":\"p\",\"warehouseId\":\"w\"";
	static const struct
	{
		Verb verb;
		const char *rest;
		const char *why;
	} cases[] = {
		{VERB_ADJUST, "", "\"quantity\" is missing"},
		{VERB_ADJUST, ",\"quantity\":null", "\"quantity\" is missing"},
		{VERB_ADJUST, ",\"quantity\":\"1\"", "\"quantity\" is no whole number"},
		{VERB_ADJUST, ",\"quantity\":1.5", "\"quantity\" is no whole number"},
		{VERB_ADJUST, ",\"quantity\":1,\"quantitty\":2", "\"quantitty\" is not known here"},
		{VERB_ADJUST, ",\"quantity\":1,\"quantitty\":null", "\"quantitty\" is not known here"},
		{VERB_ADJUST, ",\"quantity\":1,\"caller\":0", "\"caller\" is not known here"},
		{VERB_ADJUST, ",\"quantity\":1,\"kind\":\"set\"", "\"kind\" is not known here"},
		{VERB_ADJUST, ",\"quantity\":1,\"idempotency_key\":\"k\"", "\"idempotency_key\" is not known here"},
		{VERB_ADJUST, ",\"quantity\":1,\"idempotencyKey\":\"k\"", "\"idempotencyKey\" is not known here"},
		{VERB_ADJUST, ",\"quantity\":1,\"lines\":[]", "\"lines\" is not known here"},
		{VERB_ADJUST, ",\"quantity\":1,\"movementType\":\"stolen\"", "\"movementType\" is none of in|out|adjustment"},
		{VERB_ADJUST, ",\"quantity\":1,\"onShortage\":\"\"", "\"onShortage\" is none of reject|partial|force"},
		{VERB_ADJUST, ",\"quantity\":1,\"expectedVersion\":true", "\"expectedVersion\" is no whole number"},
		{VERB_ADJUST, ",\"quantity\":1,\"reason\":7", "\"reason\" is no string"},
		{VERB_ADJUST, ",\"quantity\":1,\"key\":\"\"", "\"key\" has not 1 to 200 bytes"},
		{VERB_ADJUST, ",\"quantity\":1,\"key\":5", "\"key\" is no string"},
		{VERB_ADJUST, ",\"quantity\":1,\"timeoutMs\":99", "\"timeoutMs\" is no number from 100 to 60000"},
		{VERB_ADJUST, ",\"quantity\":1,\"timeoutMs\":60001", "\"timeoutMs\" is no number from 100 to 60000"},
		{VERB_ADJUST, ",\"quantity\":1,\"timeoutMs\":\"1 s\"", "\"timeoutMs\" is no number from 100 to 60000"},
		{VERB_DEFINE, ",\"trackBatches\":1", "\"trackBatches\" is neither true nor false"},
		{VERB_DEFINE, ",\"attributes\":[]", "\"attributes\" is no object"},
		{VERB_RETIRE, ",\"quantity\":1", "\"quantity\" is not known here"},
		{VERB_APPLY, "", "\"productId\" is not known here"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		char text[300];

		snprintf(text, sizeof text, "{%s%s}", item, cases[i].rest);
		ok(!ask(cases[i].verb, OPERATION_MESSAGE, text), "%s with %s is refused", verb_word(cases[i].verb),
		   *cases[i].rest ? cases[i].rest + 1 : "nothing more");
		is_text(buf_text(&wrong), cases[i].why, "and told why");
	}
}

static void
test_lines(void)
{
	static const struct
	{
		const char *text;
		const char *why;
	} cases[] = {
		{"{}", "\"lines\" is missing"},
		{"{\"lines\":{}}", "\"lines\" is no list"},
		{"{\"lines\":[]}", "\"lines\" is empty"},
		{"{\"lines\":[1]}", "line 1 is no object"},
		{"{\"lines\":[null]}", "line 1 is no object"},
		{"{\"lines\":[{\"productId\":\"p\",\"warehouseId\":\"w\",\"quantity\":1},{\"productId\":\"p\",\"warehouseId\":\"w\"}]}",
		 "line 2: \"quantity\" is missing"},
		{"{\"lines\":[{\"productId\":\"p\",\"warehouseId\":\"w\",\"quantity\":1,\"reason\":\"x\"}]}",
		 "line 1: \"reason\" is not known here"},
		{"{\"lines\":[{\"productId\":\"p\",\"warehouseId\":\"w\",\"quantity\":1,\"key\":\"x\"}]}", "line 1: \"key\" is not known here"},
		{"{\"lines\":[{\"productId\":\"\",\"warehouseId\":\"w\",\"quantity\":1}]}", "line 1: \"productId\" is empty"},
		{"{\"lines\":[{\"productId\":\"a\\u0001\",\"warehouseId\":\"w\",\"quantity\":1}]}",
		 "line 1: \"productId\" has a control character in it"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		ok(!ask(VERB_APPLY, OPERATION_BODY, cases[i].text), "%s is refused", cases[i].text);
		is_text(buf_text(&wrong), cases[i].why, "and told why");
	}
	ok(!ask(VERB_RESERVE, OPERATION_BODY, "{\"lines\":[{\"productId\":\"p\",\"warehouseId\":\"w\",\"quantity\":1,\"movementType\":\"in\"}]}"),
	   "what is held has no type");
}

static void
test_long_values(void)
{
	char text[400];
	char id[202];

	memset(id, 'x', 200);
	id[200] = '\0';
	snprintf(text, sizeof text, "{\"productId\":\"%s\",\"warehouseId\":\"w\",\"quantity\":1}", id);
	ok(ask(VERB_ADJUST, OPERATION_BODY, text), "an id may have 200 bytes");
	memset(id, 'x', 201);
	id[201] = '\0';
	snprintf(text, sizeof text, "{\"productId\":\"%s\",\"warehouseId\":\"w\",\"quantity\":1}", id);
	ok(!ask(VERB_ADJUST, OPERATION_BODY, text), "but not more");
	is_text(buf_text(&wrong), "\"productId\" is longer than 200 bytes", "which is told");
	snprintf(text, sizeof text, "{\"productId\":\"p\",\"warehouseId\":\"w\",\"quantity\":1,\"idempotencyKey\":\"%s\"}", id);
	ok(!ask(VERB_ADJUST, OPERATION_BODY, text), "nor may a key");
}

int
main(void)
{
	test_verbs();
	test_arguments();
	test_things();
	test_refusals();
	test_lines();
	test_long_values();
	operation_clear(&operation);
	buf_free(&wrong);
	return tap_done();
}
