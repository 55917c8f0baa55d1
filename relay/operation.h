/*
 * operation.h
 *	  A change that a client wants, as it was asked for.
 *
 * Read from a message or from the body of a request, where it has the same
 * fields.  What can be checked without the database is checked here: that all
 * fields are known, that those needed are there, and that each is of its type.
 * What is valid in the stock is the database's to say.
 */
#ifndef OPERATION_H
#define OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "json_tree.h"

#define OPERATION_KEY_SIZE 200

/* A time in which nobody asks again, and one for which no connection is kept waiting. */
#define OPERATION_TIMEOUT_MS 10000
#define OPERATION_TIMEOUT_LEAST_MS 100
#define OPERATION_TIMEOUT_MOST_MS 60000

typedef enum Verb
{
	VERB_ADJUST,
	VERB_APPLY,
	VERB_COMMIT,
	VERB_DEFINE,
	VERB_RELEASE,
	VERB_RESERVE,
	VERB_RETIRE,
	VERB_SET,
	VERB_TRANSFER,
	VERB_COUNT
} Verb;

typedef enum OperationForm
{
	OPERATION_MESSAGE, /* type, id, key and timeoutMs stand beside the arguments */
	OPERATION_BODY	   /* idempotencyKey and timeoutMs do */
} OperationForm;

/* Zeroed is empty. */
typedef struct Operation
{
	Verb verb;
	char key[OPERATION_KEY_SIZE + 1]; /* "" when the client gave none */
	int64_t timeout_ms;
	Buf arguments; /* members of the object that the database gets, without its braces */

	/* What it touches, as numbers: equal ones mean the same item or reservation. */
	uint64_t *things;
	size_t thing_count;

	/* For answers that repeat what was asked. */
	int64_t quantity;
	char *reason; /* NULL: not given */
} Operation;

/* The verb of a word; false when it is none. */
bool verb_of(const char *word, Verb *verb);
const char *verb_word(Verb verb);

/*
 * Reads an operation.  False fills wrong with what is the matter, in one
 * phrase.  To be emptied in both cases.
 */
bool operation_read(Operation *operation, Verb verb, Json *object, OperationForm form, Buf *wrong);
void operation_clear(Operation *operation);

#endif
