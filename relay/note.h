/*
 * note.h
 *	  What somebody says he is doing: status and metadata.
 *
 * Others are shown it, so what is not known does not pass: three words for the
 * status, six keys for the metadata, short strings without control characters.
 * The database checks the same (docs/sql.md, Presence).
 */
#ifndef NOTE_H
#define NOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "channel.h"

struct json_object;

#define NOTE_VALUE_SIZE 200
#define NOTE_METADATA_SIZE 2048

typedef struct Note
{
	const char *status;					 /* NULL: not said */
	char *metadata;						 /* a JSON object; NULL: not said */
	char warehouse[CHANNEL_ID_SIZE + 1]; /* "" when the metadata names none */
} Note;

/*
 * Reads "status" and "metadata" of a message.  False writes what is wrong into
 * error; the note is to be cleared in both cases.
 */
bool note_read(struct json_object *message, Note *note, char *error, size_t error_size);
void note_clear(Note *note);

#endif
