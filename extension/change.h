/*
 * change.h
 *	  The row every writer answers with: inventory_change.
 */
#ifndef INV_CHANGE_H
#define INV_CHANGE_H

#include "postgres.h"

#include "fmgr.h"
#include "operation.h"
#include "stock.h"

/* The answer of a verb of one item: a row, or the row it had the first time. */
extern Datum inv_change_answer(FunctionCallInfo fcinfo, const InvStock *stock, const InvOperation *operation);

/* The answer of a verb of several items, into the caller's tuplestore. */
extern void inv_change_answers(FunctionCallInfo fcinfo, const InvStock *stock, const InvOperation *operation);

/*
 * All changes of an operation as a jsonb array, the column names as keys: what
 * is stored under its key.  Made once and kept in the operation.
 */
extern Datum inv_change_make_answer(const InvStock *stock, InvOperation *operation);

#endif
