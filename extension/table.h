/*
 * table.h
 *	  Reads and writes rows of the extension's own tables without the planner.
 *
 * The hot path touches each table by one known index and by whole rows, so a
 * plan has nothing to decide; and a plan made while a table was small would
 * scan it for ever.  Constraints, triggers and indexes are honoured as the
 * executor would; privileges and row security are not, because the callers
 * have checked the scope (scope.c).
 */
#ifndef INV_TABLE_H
#define INV_TABLE_H

#include "postgres.h"

#include "access/tableam.h"
#include "nodes/execnodes.h"
#include "nodes/lockoptions.h"
#include "storage/itemptr.h"

typedef struct InvTable
{
	Relation relation;
	EState *estate;
	ResultRelInfo *result;
	TupleTableSlot *slot; /* for rows to be written */
	int column_count;	  /* as this library knows the table */
} InvTable;

/* What became of an attempt to lock or update one row. */
typedef enum InvRowFate
{
	INV_ROW_OK,
	INV_ROW_CHANGED, /* somebody was faster: read again */
	INV_ROW_GONE,
	INV_ROW_BUSY /* LockWaitSkip: somebody else holds it */
} InvRowFate;

/*
 * Sees what has committed until now and what this transaction has done.  To be
 * popped with PopActiveSnapshot().
 */
extern void inv_take_snapshot(void);

/* Opens for writing; the lock is kept until the transaction ends. */
extern void inv_table_open(InvTable *table, Oid relation);
extern void inv_table_close(InvTable *table);

/* Opens for inv_table_find() only. */
extern void inv_table_open_to_read(InvTable *table, Oid relation);
extern void inv_table_close_read(InvTable *table);

/* Values and nulls cover every column of ours, identities included. */
extern void inv_table_insert(InvTable *table, Datum *values, bool *nulls);

/*
 * Copies the row with these key columns, as the active snapshot sees it, into
 * the current context; NULL when there is none.
 */
extern HeapTuple inv_table_find(InvTable *table, Oid index, int key_count, const Datum *keys);

/* The row at this place, which is one that this transaction has written. */
extern HeapTuple inv_table_fetch_own(InvTable *table, const ItemPointerData *place);

/*
 * Where somebody else is at work on a row version: gets in line for it, behind
 * those who are waiting already.  To lock or update a row waits twice, in the
 * line and then for whoever is first in it, and who bounds his waiting wants
 * to bound both.  Whoever keeps his place until he has the newest version gets
 * it before those behind him.  False: nobody is, and there is no line.
 */
extern bool inv_table_queue(InvTable *table, HeapTuple row);
extern void inv_table_leave_queue(InvTable *table, HeapTuple row);

/*
 * Locks exactly the row version given FOR NO KEY UPDATE.  Under REPEATABLE
 * READ and above a newer version is the usual serialization failure.
 */
extern InvRowFate inv_table_lock(InvTable *table, HeapTuple row, LockWaitPolicy policy);

/*
 * Writes a new version of exactly the row version given: a compare-and-set.
 * Values and nulls cover every column the table has.
 * On anything but INV_ROW_OK nothing is written.
 */
extern InvRowFate inv_table_update(InvTable *table, HeapTuple row, Datum *values, bool *nulls);

#endif
