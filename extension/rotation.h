/*
 * rotation.h
 *	  Keeps the event log from growing: by age and by size, a part at a time.
 */
#ifndef INV_ROTATION_H
#define INV_ROTATION_H

#include "postgres.h"

#include "shared.h"

/*
 * One step of housekeeping on the log of the worker's database, in
 * transactions of its own.  Returns how many parts it emptied (0 or 1).
 */
extern int inv_rotation_step(InvDatabase *database);

/* Finds out which part is written to, after a restart. */
extern void inv_rotation_resume(InvDatabase *database);

#endif
