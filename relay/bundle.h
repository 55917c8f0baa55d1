/*
 * bundle.h
 *	  Operations of many clients, as the arguments of one call.
 *
 * What a client may do stands in its claims, which are put in once however
 * many of the operations are its.
 */
#ifndef BUNDLE_H
#define BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "operation.h"

/* The most that one call takes; a power of two. */
#define BUNDLE_COUNT 1024

typedef struct Bundle
{
	Buf operations; /* a JSON array, once it is closed */
	Buf callers;	/* likewise */
	size_t count;
	size_t caller_count;

	/* Whose claims are in it already, found by address. */
	struct
	{
		const void *caller;
		size_t index;
	} seen[2 * BUNDLE_COUNT];
} Bundle;

/* Empties it, keeping the memory. */
void bundle_open(Bundle *bundle);

/*
 * Adds an operation under a key.  One caller always has the same claims.  Not
 * more than BUNDLE_COUNT.
 */
void bundle_add(Bundle *bundle, const Operation *operation, const char *key, const void *caller, const char *claims);

/* False without memory. */
bool bundle_close(Bundle *bundle);

void bundle_free(Bundle *bundle);

#endif
