/*
 * note.c
 *	  What somebody says he is doing: status and metadata.
 */
#include "note.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json_tree.h"

static const char *const keys[] = {"batchNumber", "device", "field", "productId", "view", "warehouseId"};

#define KEY_COUNT (sizeof keys / sizeof *keys)

static bool
fail(char *error, size_t error_size, const char *text)
{
	snprintf(error, error_size, "%s", text);
	return false;
}

static const char *
status_of(const char *word)
{
	static const char *const words[] = {"viewing", "editing", "idle"};

	for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i]) == 0)
			return words[i];
	return word && strcmp(word, "active") == 0 ? words[0] : NULL;
}

static bool
is_plain(const char *text)
{
	for (const unsigned char *c = (const unsigned char *) text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			return false;
	return true;
}

/* Appends one member; false when its value is not fit to be shown. */
static bool
append_value(Buf *buf, const char *key, const char *value)
{
	if (!value || strlen(value) > NOTE_VALUE_SIZE || !is_plain(value))
		return false;
	buf_append_text(buf, buf->size > 1 ? "," : "");
	buf_append_json(buf, key);
	buf_append_char(buf, ':');
	buf_append_json(buf, value);
	return true;
}

static bool
take_warehouse(Note *note, const char *value)
{
	if (!*value || strlen(value) > CHANNEL_ID_SIZE)
		return false;
	strcpy(note->warehouse, value);
	return true;
}

/* The database measures it with a blank behind each colon and comma. */
static bool
read_metadata(Json *object, Note *note, char *error, size_t error_size)
{
	Buf text = {0};
	size_t count = 0;
	bool is_fine = true;

	buf_append_char(&text, '{');
	for (size_t i = 0; i < KEY_COUNT && is_fine; i++)
	{
		Json *value = json_member(object, keys[i]);

		if (!value)
			continue;
		count++;
		is_fine = append_value(&text, keys[i], json_string(value)) &&
				  (strcmp(keys[i], "warehouseId") != 0 || take_warehouse(note, json_string(value)));
	}
	buf_append_char(&text, '}');
	if (!is_fine)
		fail(error, error_size, "a value of \"metadata\" is no string of at most 200 bytes without control characters");
	else if (count != json_member_count(object))
		is_fine = fail(error, error_size, "\"metadata\" has a key that is not known, or has no value");
	else if (text.failed || text.size + 2 * count > NOTE_METADATA_SIZE + 1)
		is_fine = fail(error, error_size, "\"metadata\" is too large");
	else
		note->metadata = strdup(buf_text(&text));
	buf_free(&text);
	return is_fine && (note->metadata || fail(error, error_size, "out of memory"));
}

bool
note_read(Json *message, Note *note, char *error, size_t error_size)
{
	Json *status = json_member(message, "status");
	Json *metadata = json_member(message, "metadata");

	*note = (Note){.status = status_of(json_string(status))};
	if (status && !note->status)
		return fail(error, error_size, "\"status\" is none of viewing, editing and idle");
	if (metadata && !json_is_object(metadata))
		return fail(error, error_size, "\"metadata\" is no object");
	return !metadata || read_metadata(metadata, note, error, error_size);
}

void
note_clear(Note *note)
{
	free(note->metadata);
	*note = (Note){0};
}
