/*
 * table.c
 *	  Reads and writes rows of the extension's own tables without the planner.
 *
 * The model is the executor's own helper for logical replication
 * (execReplication.c), which is used as it is for inserting.  Updating differs
 * in one point: table_tuple_update() answers "updated by somebody else"
 * instead of failing, and that answer is the optimistic lock.
 */
#include "postgres.h"

#include "catalog.h"
#include "pg_inventory.h"
#include "table.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* With more than we know, somebody has added some of his own; they stay null. */
static void
raise_too_few_columns(const InvTable *table)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("table \"%s\" of extension %s has %d columns, not %d",
				   RelationGetRelationName(table->relation), INV_EXTENSION_NAME,
				   RelationGetDescr(table->relation)->natts, table->column_count),
			errhint("The installed library may be newer than the extension's objects: run ALTER EXTENSION %s UPDATE.", INV_EXTENSION_NAME));
}

void
inv_take_snapshot(void)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
inv_table_open(InvTable *table, Oid relation)
{
	table->relation = table_open(relation, RowExclusiveLock);
	table->column_count = inv_catalog_column_count(relation);
	if (RelationGetDescr(table->relation)->natts < table->column_count)
		raise_too_few_columns(table);
	table->estate = CreateExecutorState();
	table->estate->es_output_cid = GetCurrentCommandId(true);
	table->result = makeNode(ResultRelInfo);
	InitResultRelInfo(table->result, table->relation, 0, NULL, 0);
	ExecOpenIndices(table->result, false);
	table->estate->es_opened_result_relations = list_make1(table->result);
	table->slot = MakeSingleTupleTableSlot(RelationGetDescr(table->relation), &TTSOpsVirtual);
}

void
inv_table_close(InvTable *table)
{
	ExecDropSingleTupleTableSlot(table->slot);
	ExecCloseResultRelations(table->estate);
	ExecResetTupleTable(table->estate->es_tupleTable, false);
	FreeExecutorState(table->estate);
	table_close(table->relation, NoLock);
}

void
inv_table_open_to_read(InvTable *table, Oid relation)
{
	memset(table, 0, sizeof(InvTable));
	table->relation = table_open(relation, AccessShareLock);
}

void
inv_table_close_read(InvTable *table)
{
	table_close(table->relation, AccessShareLock);
}

static void
fill_slot(InvTable *table, Datum *values, bool *nulls, int count)
{
	ExecClearTuple(table->slot);
	memcpy(table->slot->tts_values, values, count * sizeof(Datum));
	memcpy(table->slot->tts_isnull, nulls, count * sizeof(bool));
	for (int i = count; i < RelationGetDescr(table->relation)->natts; i++)
		table->slot->tts_isnull[i] = true;
	ExecStoreVirtualTuple(table->slot);
}

/* AFTER triggers need a query of their own: ours may be a plain SELECT. */
static void
begin_triggers(InvTable *table)
{
	if (table->result->ri_TrigDesc != NULL)
		AfterTriggerBeginQuery();
}

static void
end_triggers(InvTable *table)
{
	if (table->result->ri_TrigDesc != NULL)
		AfterTriggerEndQuery(table->estate);
}

void
inv_table_insert(InvTable *table, Datum *values, bool *nulls)
{
	fill_slot(table, values, nulls, table->column_count);
	begin_triggers(table);
	ExecSimpleRelationInsert(table->result, table->estate, table->slot);
	end_triggers(table);
	ResetPerTupleExprContext(table->estate);
}

static RegProcedure
equality_of(Oid type)
{
	switch (type)
	{
		case TEXTOID:
			return F_TEXTEQ;
		case INT8OID:
			return F_INT8EQ;
		default:
			elog(ERROR, "no equality is known for type %u", type);
			return InvalidOid;
	}
}

HeapTuple
inv_table_find(InvTable *table, Oid index, int key_count, const Datum *keys)
{
	Relation index_relation = index_open(index, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(table->relation, NULL);
	ScanKeyData scan_keys[INDEX_MAX_KEYS];
	IndexScanDesc scan;
	HeapTuple row = NULL;

	for (int i = 0; i < key_count; i++)
		ScanKeyEntryInitialize(&scan_keys[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid,
							   C_COLLATION_OID,
							   equality_of(TupleDescAttr(RelationGetDescr(index_relation), i)->atttypid),
							   keys[i]);
#if PG_VERSION_NUM >= 180000
	scan = index_beginscan(table->relation, index_relation, GetActiveSnapshot(), NULL, key_count, 0);
#else
	scan = index_beginscan(table->relation, index_relation, GetActiveSnapshot(), key_count, 0);
#endif
	index_rescan(scan, scan_keys, key_count, NULL, 0);
	if (index_getnext_slot(scan, ForwardScanDirection, slot))
		row = ExecCopySlotHeapTuple(slot);
	if (row != NULL)
		row->t_self = slot->tts_tid;
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index_relation, NoLock);
	return row;
}

HeapTuple
inv_table_fetch_own(InvTable *table, const ItemPointerData *place)
{
	TupleTableSlot *slot = table_slot_create(table->relation, NULL);
	ItemPointerData tid = *place;
	HeapTuple row;

	if (!table_tuple_fetch_row_version(table->relation, &tid, SnapshotSelf, slot))
		elog(ERROR, "a row of our own has disappeared");
	row = ExecCopySlotHeapTuple(slot);
	row->t_self = slot->tts_tid;
	ExecDropSingleTupleTableSlot(slot);
	return row;
}

static void
raise_serialization_failure(void)
{
	ereport(ERROR,
			errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			errmsg("could not serialize access due to concurrent update"));
}

static InvRowFate
fate_of(TM_Result result)
{
	switch (result)
	{
		case TM_Ok:
			return INV_ROW_OK;
		case TM_WouldBlock:
			return INV_ROW_BUSY;
		case TM_Updated:
			if (IsolationUsesXactSnapshot())
				raise_serialization_failure();
			return INV_ROW_CHANGED;
		case TM_Deleted:
			if (IsolationUsesXactSnapshot())
				raise_serialization_failure();
			return INV_ROW_GONE;
		default:
			elog(ERROR, "unexpected result %d of a row lock", (int) result);
			return INV_ROW_GONE;
	}
}

static bool
is_in_use(HeapTuple row)
{
	HeapTupleHeader header = row->t_data;
	TransactionId xid = HeapTupleHeaderGetRawXmax(header);

	if ((header->t_infomask & HEAP_XMAX_INVALID) != 0)
		return false;
	if ((header->t_infomask & HEAP_XMAX_IS_MULTI) != 0)
		return true;
	return !TransactionIdIsCurrentTransactionId(xid) && TransactionIdIsInProgress(xid);
}

bool
inv_table_queue(InvTable *table, HeapTuple row)
{
	if (!is_in_use(row))
		return false;
	/* the mode that heap_update() and heap_lock_tuple() queue in for us */
	LockTuple(table->relation, &row->t_self, ExclusiveLock);
	return true;
}

void
inv_table_leave_queue(InvTable *table, HeapTuple row)
{
	UnlockTuple(table->relation, &row->t_self, ExclusiveLock);
}

InvRowFate
inv_table_lock(InvTable *table, HeapTuple row, LockWaitPolicy policy)
{
	TupleTableSlot *slot = table_slot_create(table->relation, NULL);
	ItemPointerData tid = row->t_self;
	TM_FailureData failure;
	InvRowFate fate;

	fate = fate_of(table_tuple_lock(table->relation, &tid, GetActiveSnapshot(), slot,
									GetCurrentCommandId(true), LockTupleNoKeyExclusive,
									policy, 0, &failure));
	ExecDropSingleTupleTableSlot(slot);
	return fate;
}

/* A BEFORE trigger may change the row, so it must see the version it changes. */
static InvRowFate
update_with_triggers(InvTable *table, HeapTuple row)
{
	InvRowFate fate = inv_table_lock(table, row, LockWaitBlock);
	TupleTableSlot *old;
	EPQState epq;

	if (fate != INV_ROW_OK)
		return fate;
	old = table_slot_create(table->relation, NULL);
	ExecForceStoreHeapTuple(row, old, false);
	old->tts_tid = row->t_self;
#if PG_VERSION_NUM >= 160000
	EvalPlanQualInit(&epq, table->estate, NULL, NIL, -1, NIL);
#else
	EvalPlanQualInit(&epq, table->estate, NULL, NIL, -1);
#endif
	begin_triggers(table);
	ExecSimpleRelationUpdate(table->result, table->estate, &epq, old, table->slot);
	end_triggers(table);
	EvalPlanQualEnd(&epq);
	ExecDropSingleTupleTableSlot(old);
	return INV_ROW_OK;
}

static InvRowFate
update_without_triggers(InvTable *table, HeapTuple row)
{
	TM_FailureData failure;
	LockTupleMode mode;
	InvRowFate fate;
#if PG_VERSION_NUM >= 160000
	TU_UpdateIndexes update_indexes;
#else
	bool update_indexes;
#endif

	if (table->relation->rd_att->constr != NULL)
		ExecConstraints(table->result, table->slot, table->estate);
	fate = fate_of(table_tuple_update(table->relation, &row->t_self, table->slot,
									  GetCurrentCommandId(true), GetActiveSnapshot(),
									  InvalidSnapshot, true, &failure, &mode, &update_indexes));
	if (fate != INV_ROW_OK || !update_indexes)
		return fate;
#if PG_VERSION_NUM >= 160000
	list_free(ExecInsertIndexTuples(table->result, table->slot, table->estate, true, false, NULL, NIL,
									update_indexes == TU_Summarizing));
#else
	list_free(ExecInsertIndexTuples(table->result, table->slot, table->estate, true, false, NULL, NIL));
#endif
	return INV_ROW_OK;
}

InvRowFate
inv_table_update(InvTable *table, HeapTuple row, Datum *values, bool *nulls)
{
	InvRowFate fate;

	fill_slot(table, values, nulls, RelationGetDescr(table->relation)->natts);
	fate = table->result->ri_TrigDesc == NULL ? update_without_triggers(table, row)
											  : update_with_triggers(table, row);
	ResetPerTupleExprContext(table->estate);
	return fate;
}
