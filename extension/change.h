/*
 * change.h
 *	  The row every writer answers with: inventory_change.
 */
#ifndef INV_CHANGE_H
#define INV_CHANGE_H

#include "postgres.h"

#include "fmgr.h"
#include "movement.h"
#include "stock.h"

/* The answer of a writer of one item: a row, or the row it had the first time. */
extern Datum inv_change_answer(FunctionCallInfo fcinfo, const InvStock *stock);

/* A movement as JSON with the column names as keys: what an operation stores. */
extern char *inv_change_to_json(const InvMovement *movement, int retries);

#endif
