/*
 * execute.h
 *	  Does operations: claims their keys, locks, judges, writes.
 */
#ifndef INV_EXECUTE_H
#define INV_EXECUTE_H

#include "postgres.h"

#include "operation.h"

typedef enum InvMode
{
	INV_RAISE,		/* a refusal is an error, and undoes everything */
	INV_VERDICT,	/* a refusal is the operation's own; the others go on */
	INV_VERDICT_NOW /* the same, and what is locked elsewhere is refused at once */
} InvMode;

/*
 * Does the operations in their order.  Afterwards each has its movements, or
 * the stored answer of the first time, or (with INV_VERDICT) its refusal.
 */
extern void inv_execute(InvStock *stock, InvOperation **operations, int count, InvMode mode);

#endif
