/*
 * change.c
 *	  What an operation did, as clients are told.
 *
 * The rows are flat objects of our own database, so reading them is finding
 * where each value begins and ends; the values go into the answer as they are.
 */
#include "change.h"

#include <string.h>

typedef enum Column
{
	COLUMN_INVENTORY_ID,
	COLUMN_PRODUCT_ID,
	COLUMN_WAREHOUSE_ID,
	COLUMN_PREVIOUS_QUANTITY,
	COLUMN_NEW_QUANTITY,
	COLUMN_QUANTITY_RESERVED,
	COLUMN_VERSION,
	COLUMN_MOVEMENT_ID,
	COLUMN_MOVEMENT_TYPE,
	COLUMN_SHORTFALL,
	COLUMN_CREATED_AT,
	COLUMN_RESERVATION_ID,
	COLUMN_EXPIRES_AT,
	COLUMN_COUNT
} Column;

static const struct
{
	const char *name;	/* the database's */
	const char *member; /* the clients' */
} columns[COLUMN_COUNT] = {
	[COLUMN_INVENTORY_ID] = {"inventory_id", "inventoryId"},
	[COLUMN_PRODUCT_ID] = {"product_id", "productId"},
	[COLUMN_WAREHOUSE_ID] = {"warehouse_id", "warehouseId"},
	[COLUMN_PREVIOUS_QUANTITY] = {"previous_quantity", "previousQuantity"},
	[COLUMN_NEW_QUANTITY] = {"new_quantity", "newQuantity"},
	[COLUMN_QUANTITY_RESERVED] = {"quantity_reserved", "quantityReserved"},
	[COLUMN_VERSION] = {"version", "version"},
	[COLUMN_MOVEMENT_ID] = {"movement_id", "movementId"},
	[COLUMN_MOVEMENT_TYPE] = {"movement_type", "movementType"},
	[COLUMN_SHORTFALL] = {"shortfall", "shortfall"},
	[COLUMN_CREATED_AT] = {"created_at", "createdAt"},
	[COLUMN_RESERVATION_ID] = {"reservation_id", "reservationId"},
	[COLUMN_EXPIRES_AT] = {"expires_at", "expiresAt"},
};

/* A value where it stands; at is NULL when the row has none. */
typedef struct Value
{
	const char *at;
	size_t size;
} Value;

typedef struct Change
{
	Value values[COLUMN_COUNT];
} Change;

/* Reading */

static void
skip(const char **at, const char *characters)
{
	*at += strspn(*at, characters);
}

/* A string with its quotes, or a word or number. */
static Value
take_value(const char **at)
{
	Value value = {.at = *at};

	if (**at == '"')
	{
		for ((*at)++; **at && **at != '"'; (*at)++)
			if (**at == '\\' && (*at)[1])
				(*at)++;
		if (**at)
			(*at)++;
	}
	else
		*at += strcspn(*at, ",}] ");
	value.size = (size_t) (*at - value.at);
	return value;
}

static bool
is_text(const Value *value, const char *text)
{
	return value->at && value->size == strlen(text) && memcmp(value->at, text, value->size) == 0;
}

static void
set_value(Change *change, const Value *name, const Value *value)
{
	if (name->size < 2 || is_text(value, "null"))
		return;
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (strlen(columns[i].name) == name->size - 2 && memcmp(columns[i].name, name->at + 1, name->size - 2) == 0)
			change->values[i] = *value;
}

/* The next row; false when there is none. */
static bool
take_change(const char **at, Change *change)
{
	*change = (Change){0};
	skip(at, "[, ");
	if (**at != '{')
		return false;
	(*at)++;
	for (skip(at, ", "); **at == '"'; skip(at, ", "))
	{
		Value name = take_value(at);
		Value value;

		skip(at, ": ");
		value = take_value(at);
		set_value(change, &name, &value);
	}
	if (**at != '}')
		return false;
	(*at)++;
	return true;
}

/* Writing */

static void
append_value(Buf *buf, const Value *value)
{
	if (value->at)
		buf_append(buf, value->at, value->size);
	else
		buf_append_text(buf, "null");
}

static void
append_member(Buf *buf, const char *name, const Value *value)
{
	if (!value->at)
		return;
	buf_append_text(buf, ",\"");
	buf_append_text(buf, name);
	buf_append_text(buf, "\":");
	buf_append(buf, value->at, value->size);
}

/* A time in milliseconds, as events have it; the database's has up to six digits. */
static void
append_time(Buf *buf, const char *name, const Value *value)
{
	const char *dot = value->at ? memchr(value->at, '.', value->size) : NULL;
	size_t digits = dot ? strspn(dot + 1, "0123456789") : 0;
	Value seconds = {value->at, dot ? (size_t) (dot - value->at) : value->size};

	append_member(buf, name, dot ? &seconds : value);
	if (!dot)
		return;
	buf_append(buf, dot, 1 + (digits < 3 ? digits : 3));
	buf_append_text(buf, "00" + (digits < 3 ? digits - 1 : 2));
	buf_append(buf, dot + 1 + digits, value->size - seconds.size - 1 - digits);
}

static bool
is_time(Column column)
{
	return column == COLUMN_CREATED_AT || column == COLUMN_EXPIRES_AT;
}

/* A shortfall of nothing is none. */
static void
append_members(Buf *buf, const Change *change)
{
	buf_append_text(buf, "\"inventoryId\":");
	append_value(buf, &change->values[COLUMN_INVENTORY_ID]);
	for (int i = COLUMN_INVENTORY_ID + 1; i < COLUMN_COUNT; i++)
		if (is_time((Column) i))
			append_time(buf, columns[i].member, &change->values[i]);
		else if (i != COLUMN_SHORTFALL || !is_text(&change->values[i], "0"))
			append_member(buf, columns[i].member, &change->values[i]);
}

static void
append_change(Buf *buf, const Change *change)
{
	buf_append_char(buf, '{');
	append_members(buf, change);
	buf_append_char(buf, '}');
}

static void
append_changes(Buf *buf, const char *rows)
{
	Change change;
	bool is_first = true;

	buf_append_text(buf, "\"changes\":[");
	while (take_change(&rows, &change))
	{
		if (!is_first)
			buf_append_char(buf, ',');
		is_first = false;
		append_change(buf, &change);
	}
	buf_append_char(buf, ']');
}

static bool
changes_one_item(Verb verb)
{
	return verb == VERB_ADJUST || verb == VERB_SET || verb == VERB_DEFINE || verb == VERB_RETIRE;
}

bool
change_append_result(Buf *buf, Verb verb, const char *rows)
{
	Change change;

	if (!changes_one_item(verb))
	{
		buf_append_char(buf, '{');
		append_changes(buf, rows);
		buf_append_char(buf, '}');
		return true;
	}
	if (!take_change(&rows, &change))
		return false;
	append_change(buf, &change);
	return true;
}

/* Bodies of HTTP answers */

static const char *
message_of(Verb verb)
{
	static const char *const messages[VERB_COUNT] = {
		[VERB_ADJUST] = "Inventory adjusted successfully",
		[VERB_APPLY] = "Inventory changed successfully",
		[VERB_COMMIT] = "Reservation committed successfully",
		[VERB_DEFINE] = "Inventory defined successfully",
		[VERB_RELEASE] = "Reservation released successfully",
		[VERB_RESERVE] = "Inventory reserved successfully",
		[VERB_RETIRE] = "Inventory retired successfully",
		[VERB_SET] = "Inventory counted successfully",
		[VERB_TRANSFER] = "Inventory transferred successfully",
	};

	return messages[verb];
}

/* What changed nothing has made no movement. */
static void
append_movement(Buf *buf, const Operation *operation, const char *performer, const Change *change)
{
	const Value *id = &change->values[COLUMN_MOVEMENT_ID];

	buf_append_text(buf, ",\"movement\":");
	if (!id->at)
	{
		buf_append_text(buf, "null");
		return;
	}
	buf_append_text(buf, "{\"id\":");
	append_value(buf, id);
	append_member(buf, "inventoryId", &change->values[COLUMN_INVENTORY_ID]);
	append_member(buf, "productId", &change->values[COLUMN_PRODUCT_ID]);
	append_member(buf, "warehouseId", &change->values[COLUMN_WAREHOUSE_ID]);
	append_member(buf, "movementType", &change->values[COLUMN_MOVEMENT_TYPE]);
	buf_printf(buf, ",\"quantity\":%lld,\"reason\":", (long long) operation->quantity);
	if (operation->reason)
		buf_append_json(buf, operation->reason);
	else
		buf_append_text(buf, "null");
	buf_append_text(buf, ",\"performedBy\":");
	buf_append_json(buf, performer);
	append_time(buf, "createdAt", &change->values[COLUMN_CREATED_AT]);
	buf_append_char(buf, '}');
}

static bool
append_one(Buf *buf, const Operation *operation, const char *performer, const char *rows)
{
	static const Column shown[] = {COLUMN_PRODUCT_ID, COLUMN_WAREHOUSE_ID, COLUMN_PREVIOUS_QUANTITY,
								   COLUMN_NEW_QUANTITY, COLUMN_VERSION};
	Change change;

	if (!take_change(&rows, &change))
		return false;
	buf_append_text(buf, "\"inventoryId\":");
	append_value(buf, &change.values[COLUMN_INVENTORY_ID]);
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		append_member(buf, columns[shown[i]].member, &change.values[shown[i]]);
	if (change.values[COLUMN_SHORTFALL].at && !is_text(&change.values[COLUMN_SHORTFALL], "0"))
		append_member(buf, "shortfall", &change.values[COLUMN_SHORTFALL]);
	append_movement(buf, operation, performer, &change);
	return true;
}

bool
change_append_body(Buf *buf, const Operation *operation, const char *performer, bool is_replayed, const char *rows)
{
	buf_append_char(buf, '{');
	if (!changes_one_item(operation->verb))
		append_changes(buf, rows);
	else if (!append_one(buf, operation, performer, rows))
		return false;
	buf_append_text(buf, is_replayed ? ",\"replayed\":true" : "");
	buf_printf(buf, ",\"message\":\"%s\"}\n", message_of(operation->verb));
	return true;
}
