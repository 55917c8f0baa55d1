/*
 * change.h
 *	  What an operation did, as clients are told.
 *
 * The database answers with a list of rows in JSON whose names it spells its
 * own way; clients get those they have a use for, in theirs.
 */
#ifndef CHANGE_H
#define CHANGE_H

#include <stdbool.h>

#include "buf.h"
#include "operation.h"

/*
 * Appends the result of a verb: an object for what changes one item, else
 * {"changes":[…]}.  False when the rows are none.
 */
bool change_append_result(Buf *buf, Verb verb, const char *rows);

/*
 * Appends the body of an HTTP answer: the same, with a sentence, and for what
 * changes one item with the movement as it stands in the ledger.  performer is
 * who did it.
 */
bool change_append_body(Buf *buf, const Operation *operation, const char *performer, bool is_replayed, const char *rows);

#endif
