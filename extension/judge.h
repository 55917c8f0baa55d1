/*
 * judge.h
 *	  What each verb does to the stock, in memory.
 */
#ifndef INV_JUDGE_H
#define INV_JUDGE_H

#include "postgres.h"

#include "operation.h"
#include "stock.h"

/*
 * Judges an operation whose items and reservation are locked, and applies it
 * to them.  Raises the refusal; what it has touched by then is for the caller
 * to undo (execute.c).
 */
extern void inv_judge(InvStock *stock, InvOperation *operation);

/* The changes an operation would ask for; to see beforehand what runs short. */
extern void inv_judge_fill_change(const InvOperation *operation, const InvLine *line, InvChange *change);

#endif
