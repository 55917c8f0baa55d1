/*
 * operation.c
 *	  A change that a client wants, as it was asked for.
 *
 * One table a verb says what fields it has.  A field that is not in it is
 * refused, not passed over: a misspelt expectedVersion would otherwise be one
 * that was never expected.  Null means not given, as it does to the database.
 */
#include "operation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define ID_SIZE 200
#define REASON_SIZE 500
#define TIME_SIZE 64

/* More lines do not fit into a message anyway. */
#define LINE_COUNT 1000

typedef enum FieldKind
{
	FIELD_TEXT,
	FIELD_NUMBER,
	FIELD_FLAG,
	FIELD_OBJECT,
	FIELD_LINES
} FieldKind;

typedef struct Field
{
	const char *name; /* NULL ends a table */
	FieldKind kind;
	bool is_required;
	size_t size;			   /* of texts: bytes at most; 0: may be empty or of any size */
	const char *words;		   /* of texts: the words allowed, divided by '|'; NULL: any */
	const struct Field *lines; /* of lines: their fields */
	int thing;				   /* what it is part of; see below */
} Field;

/* The parts of an item's name, and a reservation's. */
enum
{
	THING_NONE,
	THING_PRODUCT,
	THING_WAREHOUSE,
	THING_OTHER_WAREHOUSE,
	THING_RESERVATION
};

#define ID(name, thing)                                    \
	{                                                      \
		name, FIELD_TEXT, true, ID_SIZE, NULL, NULL, thing \
	}
#define OPTIONAL_ID(name, thing)                            \
	{                                                       \
		name, FIELD_TEXT, false, ID_SIZE, NULL, NULL, thing \
	}
#define WORD(name, words)                                         \
	{                                                             \
		name, FIELD_TEXT, false, ID_SIZE, words, NULL, THING_NONE \
	}
#define TIME(name)                                                 \
	{                                                              \
		name, FIELD_TEXT, false, TIME_SIZE, NULL, NULL, THING_NONE \
	}
#define NUMBER(name, is_required)                                  \
	{                                                              \
		name, FIELD_NUMBER, is_required, 0, NULL, NULL, THING_NONE \
	}
#define ITEM ID("productId", THING_PRODUCT), ID("warehouseId", THING_WAREHOUSE)
#define END \
	{       \
		0   \
	}

static const Field tail_fields[] = {
	{"reason", FIELD_TEXT, false, REASON_SIZE, NULL, NULL, THING_NONE},
	OPTIONAL_ID("performedBy", THING_NONE),
	OPTIONAL_ID("reference", THING_NONE),
	TIME("occurredAt"),
	END,
};

static const Field adjust_fields[] = {
	ITEM,
	NUMBER("quantity", true),
	WORD("movementType", "in|out|adjustment"),
	WORD("onShortage", "reject|partial|force"),
	NUMBER("expectedVersion", false),
	OPTIONAL_ID("batchNumber", THING_NONE),
	TIME("expiresAt"),
	END,
};

static const Field hold_fields[] = {ITEM, NUMBER("quantity", true), END};

static const Field apply_fields[] = {{"lines", FIELD_LINES, true, 0, NULL, adjust_fields, THING_NONE}, END};

static const Field commit_fields[] = {
	ID("reservationId", THING_RESERVATION),
	{"lines", FIELD_LINES, false, 0, NULL, hold_fields, THING_NONE},
	END,
};

static const Field define_fields[] = {
	ITEM,
	NUMBER("minimumStock", false),
	NUMBER("stockFloor", false),
	{"trackBatches", FIELD_FLAG, false, 0, NULL, NULL, THING_NONE},
	{"attributes", FIELD_OBJECT, false, 0, NULL, NULL, THING_NONE},
	NUMBER("initialQuantity", false),
	END,
};

static const Field release_fields[] = {ID("reservationId", THING_RESERVATION), END};

static const Field reserve_fields[] = {
	OPTIONAL_ID("reservationId", THING_RESERVATION),
	{"lines", FIELD_LINES, true, 0, NULL, hold_fields, THING_NONE},
	TIME("ttl"),
	END,
};

static const Field retire_fields[] = {ITEM, END};

static const Field set_fields[] = {
	ITEM,
	NUMBER("quantity", true),
	NUMBER("expectedQuantity", false),
	NUMBER("expectedVersion", false),
	TIME("countedAt"),
	OPTIONAL_ID("batchNumber", THING_NONE),
	TIME("expiresAt"),
	END,
};

static const Field transfer_fields[] = {
	ID("productId", THING_PRODUCT),
	ID("fromWarehouseId", THING_WAREHOUSE),
	ID("toWarehouseId", THING_OTHER_WAREHOUSE),
	NUMBER("quantity", true),
	OPTIONAL_ID("batchNumber", THING_NONE),
	END,
};

static const struct
{
	const char *word;
	const Field *fields;
} verbs[VERB_COUNT] = {
	[VERB_ADJUST] = {"adjust", adjust_fields},
	[VERB_APPLY] = {"apply", apply_fields},
	[VERB_COMMIT] = {"commit", commit_fields},
	[VERB_DEFINE] = {"define", define_fields},
	[VERB_RELEASE] = {"release", release_fields},
	[VERB_RESERVE] = {"reserve", reserve_fields},
	[VERB_RETIRE] = {"retire", retire_fields},
	[VERB_SET] = {"set", set_fields},
	[VERB_TRANSFER] = {"transfer", transfer_fields},
};

bool
verb_of(const char *word, Verb *verb)
{
	for (int i = 0; i < VERB_COUNT; i++)
		if (strcmp(word, verbs[i].word) == 0)
		{
			*verb = (Verb) i;
			return true;
		}
	return false;
}

const char *
verb_word(Verb verb)
{
	return verbs[verb].word;
}

/* One object being read: the operation itself, or one of its lines. */
typedef struct Reading
{
	Operation *operation;
	const Field *fields;
	bool has_tail;
	bool is_whole; /* the operation itself */
	OperationForm form;
	char where[24]; /* "line 3: ", or nothing */
	const char *texts[THING_RESERVATION + 1];
	bool needs_comma;
	Buf *wrong;
} Reading;

static bool
refuse(const Reading *reading, const char *name, const char *what)
{
	buf_printf(reading->wrong, "%s\"%s\" %s", reading->where, name, what);
	return false;
}

/* Texts */

static bool
is_one_of(const char *words, const char *text)
{
	size_t size = strlen(text);

	for (const char *word = words; word; word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL)
		if (strncmp(word, text, size) == 0 && (word[size] == '|' || !word[size]) && size)
			return true;
	return false;
}

static bool
has_control_characters(const char *text)
{
	for (; *text; text++)
		if ((unsigned char) *text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

static bool
check_text(const Reading *reading, const Field *field, const char *text)
{
	if (!text)
		return refuse(reading, field->name, "is no string");
	if (strlen(text) > field->size)
	{
		buf_printf(reading->wrong, "%s\"%s\" is longer than %zu bytes", reading->where, field->name, field->size);
		return false;
	}
	if (field->is_required && !*text)
		return refuse(reading, field->name, "is empty");
	if (field->thing && has_control_characters(text))
		return refuse(reading, field->name, "has a control character in it");
	if (field->words && !is_one_of(field->words, text))
	{
		buf_printf(reading->wrong, "%s\"%s\" is none of %s", reading->where, field->name, field->words);
		return false;
	}
	return true;
}

/* What it touches */

static bool
add_thing(Reading *reading, const char *kind, const char *first, const char *second)
{
	Operation *operation = reading->operation;
	uint64_t *things = realloc(operation->things, (operation->thing_count + 1) * sizeof *things);

	if (!things)
	{
		buf_append_text(reading->wrong, "out of memory");
		return false;
	}
	operation->things = things;
	things[operation->thing_count++] = hash_text(hash_text(hash_text(HASH_SEED, kind), first), second);
	return true;
}

static bool
add_things(Reading *reading)
{
	const char **texts = reading->texts;

	return (!texts[THING_WAREHOUSE] || add_thing(reading, "item", texts[THING_PRODUCT], texts[THING_WAREHOUSE])) &&
		   (!texts[THING_OTHER_WAREHOUSE] || add_thing(reading, "item", texts[THING_PRODUCT], texts[THING_OTHER_WAREHOUSE])) &&
		   (!texts[THING_RESERVATION] || add_thing(reading, "reservation", texts[THING_RESERVATION], ""));
}

/* Fields */

static bool read_object(Reading *reading, Json *object);

static bool
read_line(Reading *reading, const Field *field, Json *value, size_t number)
{
	Reading line = {.operation = reading->operation, .fields = field->lines, .wrong = reading->wrong};

	buf_printf(&reading->operation->arguments, number > 1 ? ",{" : "{");
	snprintf(line.where, sizeof line.where, "line %zu: ", number);
	if (!json_is_object(value))
	{
		buf_printf(reading->wrong, "line %zu is no object", number);
		return false;
	}
	if (!read_object(&line, value))
		return false;
	buf_append_char(&reading->operation->arguments, '}');
	return true;
}

static bool
read_lines(Reading *reading, const Field *field, Json *value)
{
	size_t count = json_count(value);

	if (!json_is_array(value))
		return refuse(reading, field->name, "is no list");
	if (count == 0)
		return refuse(reading, field->name, "is empty");
	if (count > LINE_COUNT)
		return refuse(reading, field->name, "is too long");
	buf_append_char(&reading->operation->arguments, '[');
	for (size_t i = 0; i < count; i++)
		if (!read_line(reading, field, json_item(value, i), i + 1))
			return false;
	buf_append_char(&reading->operation->arguments, ']');
	return true;
}

static bool
read_text(Reading *reading, const Field *field, Json *value)
{
	Operation *operation = reading->operation;
	const char *text = json_string(value);

	if (!check_text(reading, field, text))
		return false;
	buf_append_json(&operation->arguments, text);
	if (field->thing)
		reading->texts[field->thing] = text;
	if (strcmp(field->name, "reason") == 0)
	{
		operation->reason = strdup(text);
		return operation->reason || refuse(reading, field->name, "does not fit into memory");
	}
	return true;
}

static bool
read_number(Reading *reading, const Field *field, Json *value)
{
	int64_t number;

	if (!json_integer(value, &number))
		return refuse(reading, field->name, "is no whole number");
	buf_printf(&reading->operation->arguments, "%lld", (long long) number);
	if (reading->is_whole && strcmp(field->name, "quantity") == 0)
		reading->operation->quantity = number;
	return true;
}

static bool
read_flag(Reading *reading, const Field *field, Json *value)
{
	bool is_true;

	if (!json_boolean(value, &is_true))
		return refuse(reading, field->name, "is neither true nor false");
	buf_append_text(&reading->operation->arguments, is_true ? "true" : "false");
	return true;
}

static bool
read_value(Reading *reading, const Field *field, Json *value)
{
	switch (field->kind)
	{
		case FIELD_TEXT:
			return read_text(reading, field, value);
		case FIELD_NUMBER:
			return read_number(reading, field, value);
		case FIELD_FLAG:
			return read_flag(reading, field, value);
		case FIELD_OBJECT:
			if (!json_is_object(value))
				return refuse(reading, field->name, "is no object");
			json_append(&reading->operation->arguments, value);
			return true;
		default:
			return read_lines(reading, field, value);
	}
}

/* What stands beside the arguments */

static bool
read_key(Reading *reading, const char *name, Json *value)
{
	const char *text = json_string(value);

	if (!value)
		return true;
	if (!text)
		return refuse(reading, name, "is no string");
	if (!*text || strlen(text) > OPERATION_KEY_SIZE)
		return refuse(reading, name, "has not 1 to 200 bytes");
	strcpy(reading->operation->key, text);
	return true;
}

static bool
read_timeout(Reading *reading, const char *name, Json *value)
{
	int64_t *timeout_ms = &reading->operation->timeout_ms;

	if (!value || (json_integer(value, timeout_ms) && *timeout_ms >= OPERATION_TIMEOUT_LEAST_MS &&
				   *timeout_ms <= OPERATION_TIMEOUT_MOST_MS))
		return true;
	buf_printf(reading->wrong, "\"%s\" is no number from %d to %d", name, OPERATION_TIMEOUT_LEAST_MS,
			   OPERATION_TIMEOUT_MOST_MS);
	return false;
}

/* Sets *is_known when the member is no argument; false when it is wrong. */
static bool
read_envelope(Reading *reading, const char *name, Json *value, bool *is_known)
{
	bool is_message = reading->form == OPERATION_MESSAGE;

	*is_known = true;
	if (strcmp(name, is_message ? "key" : "idempotencyKey") == 0)
		return read_key(reading, name, value);
	if (strcmp(name, "timeoutMs") == 0)
		return read_timeout(reading, name, value);
	*is_known = is_message && (strcmp(name, "type") == 0 || strcmp(name, "id") == 0);
	return true;
}

static const Field *
find_field(const Field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static bool
read_member(void *owner, const char *name, Json *value)
{
	Reading *reading = owner;
	const Field *field = find_field(reading->fields, name);
	bool is_known = false;

	if (!field && reading->is_whole)
		field = find_field(tail_fields, name);
	if (!field && reading->is_whole && !read_envelope(reading, name, value, &is_known))
		return false;
	if (is_known)
		return true;
	if (!field)
		return refuse(reading, name, "is not known here");
	if (!value)
		return true;
	buf_printf(&reading->operation->arguments, "%s\"%s\":", reading->needs_comma ? "," : "", name);
	reading->needs_comma = true;
	return read_value(reading, field, value);
}

static bool
read_object(Reading *reading, Json *object)
{
	if (!json_each(object, read_member, reading))
		return false;
	for (const Field *field = reading->fields; field->name; field++)
		if (field->is_required && !json_member(object, field->name))
			return refuse(reading, field->name, "is missing");
	return add_things(reading);
}

bool
operation_read(Operation *operation, Verb verb, Json *object, OperationForm form, Buf *wrong)
{
	Reading reading = {
		.operation = operation,
		.fields = verbs[verb].fields,
		.is_whole = true,
		.form = form,
		.needs_comma = true,
		.wrong = wrong,
	};

	*operation = (Operation){.verb = verb, .timeout_ms = OPERATION_TIMEOUT_MS};
	buf_printf(&operation->arguments, "\"kind\":\"%s\"", verbs[verb].word);
	if (!read_object(&reading, object))
		return false;
	if (operation->arguments.failed)
		buf_append_text(wrong, "out of memory");
	return !operation->arguments.failed;
}

void
operation_clear(Operation *operation)
{
	buf_free(&operation->arguments);
	free(operation->things);
	free(operation->reason);
	*operation = (Operation){0};
}
