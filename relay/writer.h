/*
 * writer.h
 *	  Brings operations of clients into the database, many at a time.
 *
 * Every operation is done under an idempotency key, its client's or one made
 * here, so an outcome that was lost with a connection is found out by asking
 * again.  An answer is given after the commit, once, and never taken back.
 *
 * Operations of one item are done in the order in which they came.  An
 * operation on several items may be overtaken while one of them is locked by
 * somebody else.
 */
#ifndef WRITER_H
#define WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "access.h"
#include "config.h"
#include "loop.h"
#include "operation.h"
#include "order.h"

typedef struct Writer Writer;

/* Called once for each operation.  Both are valid during the call only. */
typedef OrderAnswer WriterAnswer;

/* Shares the configuration, and connects for good.  NULL without memory. */
Writer *writer_new(Loop *loop, const Config *config, Access *access);

/* The loop is about to go: no more is sent. */
void writer_end(Writer *writer);

/* Whatever is not answered is answered now.  NULL is fine. */
void writer_free(Writer *writer);

/*
 * Takes the operation, to be done for the identity, and leaves an empty one.
 * The answer may come before this returns.  A line that has gone is told by
 * who gave it; operations are done all the same.
 */
void writer_submit(Writer *writer, Identity *identity, Operation *take_operation, WriterAnswer answer, void *line);

/* Operations that are not answered yet. */
int64_t writer_count(const Writer *writer);

/* Whether operations can be done now. */
bool writer_is_up(const Writer *writer);

#endif
