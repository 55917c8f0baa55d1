/*
 * idempotency.c
 *	  A key stands for one operation, done once.
 *
 * Nearly all keys are new.  Where a call can undo it, they are inserted as if
 * all were, and the index says when that was wrong; it costs a third of asking
 * first.  Otherwise one statement claims those that are new and passes over the
 * rest.  The answers are written to where the rows were put: a statement that
 * looks for them would be planned while the table is small, and read all of it
 * for ever.
 */
#include "postgres.h"

#include "catalog.h"
#include "change.h"
#include "errors.h"
#include "idempotency.h"
#include "statement.h"
#include "table.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Half of a SHA-256 is enough to tell a client's own requests apart. */
#define HASH_SIZE 16

/* The columns of inventory_operation in the order of the install script. */
enum
{
	COL_ORGANIZATION_ID,
	COL_OPERATION_ID,
	COL_KIND,
	COL_REQUEST_HASH,
	COL_RESULT,
	COL_PERFORMED_BY,
	COL_CREATED_AT,
	COL_COUNT
};

static InvStatement claim_statement = {
	.sql = "INSERT INTO @schema@.inventory_operation"
		   " (organization_id, operation_id, kind, request_hash, performed_by)"
		   " SELECT * FROM unnest($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
		   " RETURNING organization_id, operation_id, ctid",
	.arg_count = 5,
	.arg_types = {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BYTEAARRAYOID, TEXTARRAYOID}};

static InvStatement read_statement = {
	.sql = "SELECT request_hash, result FROM @schema@.inventory_operation"
		   " WHERE organization_id = $1 AND operation_id = $2",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

static InvStatement group_statement = {
	.sql = "INSERT INTO @schema@.inventory_operation (organization_id, operation_id, kind, result, performed_by)"
		   " VALUES ($1, $2, $3, $4, $5)",
	.arg_count = 5,
	.arg_types = {TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID}};

static InvStatement give_back_statement = {
	.sql = "DELETE FROM @schema@.inventory_operation WHERE organization_id = $1 AND operation_id = $2",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

char *
inv_idempotency_generate(void)
{
	uint8 random[16];

	if (!pg_strong_random(random, sizeof(random)))
		elog(ERROR, "could not generate an operation id");
	/* a version 4 UUID (RFC 9562, section 5.4) */
	random[6] = (random[6] & 0x0f) | 0x40;
	random[8] = (random[8] & 0x3f) | 0x80;
	return psprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
					random[0], random[1], random[2], random[3], random[4], random[5], random[6], random[7],
					random[8], random[9], random[10], random[11], random[12], random[13], random[14], random[15]);
}

static bytea *
hash_of(const InvOperation *operation)
{
	const char *fingerprint = inv_operation_fingerprint(operation);
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	bytea *result = palloc(VARHDRSZ + HASH_SIZE);

	if (hash == NULL || pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) fingerprint, strlen(fingerprint)) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not hash a request");
	pg_cryptohash_free(hash);
	SET_VARSIZE(result, VARHDRSZ + HASH_SIZE);
	memcpy(VARDATA(result), digest, HASH_SIZE);
	return result;
}

static bool
is_same_hash(const bytea *a, const bytea *b)
{
	return VARSIZE_ANY_EXHDR(a) == HASH_SIZE && VARSIZE_ANY_EXHDR(b) == HASH_SIZE &&
		   memcmp(VARDATA_ANY(a), VARDATA_ANY(b), HASH_SIZE) == 0;
}

static int
compare_keys(const InvOperation *a, const InvOperation *b)
{
	int order = strcmp(a->scope->organization, b->scope->organization);

	return order != 0 ? order : strcmp(a->tail.idempotency_key, b->tail.idempotency_key);
}

/* Operations of one key stay in their order. */
static int
compare_keyed(const void *a, const void *b)
{
	const InvOperation *left = *(InvOperation *const *) a;
	const InvOperation *right = *(InvOperation *const *) b;
	int order = compare_keys(left, right);

	return order != 0 ? order : left->seq - right->seq;
}

static const char *
performer_of(const InvOperation *operation)
{
	return operation->tail.performed_by != NULL ? operation->tail.performed_by : operation->scope->actor;
}

static void
refuse(InvOperation *operation, int sqlstate, const char *message, const char *hint)
{
	operation->refusal = palloc0(sizeof(InvRefusal));
	operation->refusal->sqlstate = sqlstate;
	operation->refusal->message = message;
	operation->refusal->hint = hint;
}

static void
refuse_reused(InvOperation *operation)
{
	refuse(operation, INV_ERRCODE_KEY_REUSED,
		   psprintf("idempotency key \"%s\" has been used with other arguments", operation->tail.idempotency_key),
		   "A key stands for one operation: make a new one for each, and repeat it only to retry.");
}

/* Only a trigger can meet an operation that its own transaction has not finished. */
static void
refuse_unfinished(InvOperation *operation)
{
	refuse(operation, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		   psprintf("the operation under idempotency key \"%s\" is not finished", operation->tail.idempotency_key),
		   "A trigger that the operation fires must not repeat it: use another key, or none.");
}

/* A row that shows a warehouse out of the caller's sight, as its id; or NULL. */
static char *
hidden_warehouse(const InvScope *scope, Datum answer)
{
	JsonbContainer *rows = &DatumGetJsonbP(answer)->root;

	if (scope->access.has_all_warehouses)
		return NULL;
	for (uint32 i = 0; i < JsonContainerSize(rows); i++)
	{
		const JsonbValue *row = getIthJsonbValueFromContainer(rows, i);
		JsonbValue value;
		char *warehouse_id;

		(void) getKeyJsonValueFromContainer(row->val.binary.data, "warehouse_id", strlen("warehouse_id"), &value);
		warehouse_id = pnstrdup(value.val.string.val, value.val.string.len);
		if (!inv_scope_sees(scope, warehouse_id))
			return warehouse_id;
	}
	return NULL;
}

/*
 * The answer of the first time, for a retry.  Commit and release name no
 * warehouse, so whoever knows their key may still not see what they did.
 */
static void
take_answer(InvOperation *operation, Datum answer)
{
	char *hidden = hidden_warehouse(operation->scope, answer);

	if (hidden != NULL)
	{
		refuse(operation, INV_ERRCODE_FORBIDDEN,
			   psprintf("warehouse \"%s\" is outside of what \"%s\" may see", hidden, operation->scope->actor), NULL);
		return;
	}
	operation->is_replayed = true;
	operation->answer = answer;
}

/* The keyed operations, sorted; a key that comes twice is claimed once. */
static int
sort_keyed(InvOperation **operations, int count, InvOperation **keyed)
{
	int found = 0;
	int unique = 0;

	for (int i = 0; i < count; i++)
	{
		if (operations[i]->tail.idempotency_key != NULL && operations[i]->refusal == NULL)
			keyed[found++] = operations[i];
	}
	qsort(keyed, found, sizeof(InvOperation *), compare_keyed);
	for (int i = 0; i < found; i++)
	{
		InvOperation *first = unique > 0 ? keyed[unique - 1] : NULL;

		keyed[i]->request_hash = hash_of(keyed[i]);
		if (first != NULL && compare_keys(first, keyed[i]) == 0)
			keyed[i]->duplicate_of = first;
		else
			keyed[unique++] = keyed[i];
	}
	return unique;
}

static Datum
array_of(Datum *values, int count, Oid type)
{
	int16 length;
	bool by_value;
	char alignment;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return PointerGetDatum(construct_array(values, count, type, length, by_value, alignment));
}

static void
insert_keys(InvStock *stock, InvOperation **keyed, int count)
{
	Datum *columns[5];
	Datum values[5];

	for (int c = 0; c < 5; c++)
		columns[c] = palloc(count * sizeof(Datum));
	for (int i = 0; i < count; i++)
	{
		columns[0][i] = CStringGetTextDatum(keyed[i]->scope->organization);
		columns[1][i] = CStringGetTextDatum(keyed[i]->tail.idempotency_key);
		columns[2][i] = CStringGetTextDatum(inv_verb_name(keyed[i]->verb));
		columns[3][i] = PointerGetDatum(keyed[i]->request_hash);
		columns[4][i] = CStringGetTextDatum(performer_of(keyed[i]));
	}
	for (int c = 0; c < 5; c++)
		values[c] = array_of(columns[c], count, c == 3 ? BYTEAOID : TEXTOID);
	inv_deadline_arm(&stock->deadline);
	PG_TRY();
	{
		inv_statement_run(&claim_statement, values, NULL);
	}
	PG_CATCH();
	{
		inv_deadline_rethrow(&stock->deadline);
	}
	PG_END_TRY();
}

/* What was inserted comes back in the order in which it was given. */
static void
mark_claimed(InvOperation **keyed, int count)
{
	uint64 row = 0;

	for (int i = 0; i < count && row < SPI_processed; i++)
	{
		char *organization = TextDatumGetCString(inv_statement_value(row, 1, NULL));
		char *key = TextDatumGetCString(inv_statement_value(row, 2, NULL));

		if (strcmp(organization, keyed[i]->scope->organization) != 0 ||
			strcmp(key, keyed[i]->tail.idempotency_key) != 0)
			continue;
		keyed[i]->is_claimed = true;
		keyed[i]->claim = *(ItemPointer) DatumGetPointer(inv_statement_value(row, 3, NULL));
		row++;
	}
}

static void
read_answer(InvOperation *operation)
{
	Datum values[2] = {CStringGetTextDatum(operation->scope->organization),
					   CStringGetTextDatum(operation->tail.idempotency_key)};
	bool has_no_hash;
	bool has_no_answer;
	Datum hash;
	Datum answer;

	inv_statement_run(&read_statement, values, NULL);
	if (SPI_processed != 1)
		elog(ERROR, "operation \"%s\" has disappeared", operation->tail.idempotency_key);
	hash = inv_statement_value(0, 1, &has_no_hash);
	answer = inv_statement_value(0, 2, &has_no_answer);
	if (has_no_hash || !is_same_hash(DatumGetByteaPP(hash), operation->request_hash))
		refuse_reused(operation);
	else if (has_no_answer)
		refuse_unfinished(operation);
	else
		take_answer(operation, PointerGetDatum(PG_DETOAST_DATUM_COPY(answer)));
}

void
inv_idempotency_claim(InvStock *stock, InvOperation **operations, int count)
{
	InvOperation **keyed = palloc(count * sizeof(InvOperation *));
	int unique = sort_keyed(operations, count, keyed);
	MemoryContext in_spi;
	MemoryContext context = CurrentMemoryContext;

	if (unique == 0)
		return;
	inv_statement_connect();
	in_spi = MemoryContextSwitchTo(context);
	insert_keys(stock, keyed, unique);
	mark_claimed(keyed, unique);
	for (int i = 0; i < unique; i++)
	{
		if (!keyed[i]->is_claimed)
			read_answer(keyed[i]);
	}
	MemoryContextSwitchTo(in_spi);
	inv_statement_finish();
}

static void
insert_new(InvTable *table, InvOperation *operation)
{
	Datum values[COL_COUNT] = {
		[COL_ORGANIZATION_ID] = CStringGetTextDatum(operation->scope->organization),
		[COL_OPERATION_ID] = CStringGetTextDatum(operation->tail.idempotency_key),
		[COL_KIND] = CStringGetTextDatum(inv_verb_name(operation->verb)),
		[COL_REQUEST_HASH] = PointerGetDatum(operation->request_hash),
		[COL_PERFORMED_BY] = CStringGetTextDatum(performer_of(operation)),
		[COL_CREATED_AT] = TimestampTzGetDatum(GetCurrentTimestamp()),
	};
	bool nulls[COL_COUNT] = {[COL_RESULT] = true};

	StaticAssertStmt(COL_COUNT == INV_OPERATION_COLUMNS, "catalog.h counts other columns");
	inv_table_insert(table, values, nulls);
	operation->claim = table->slot->tts_tid;
}

static void
insert_all_new(InvOperation **keyed, int count)
{
	InvTable table;

	inv_take_snapshot();
	inv_table_open(&table, inv_catalog()->operation_table);
	for (int i = 0; i < count; i++)
		insert_new(&table, keyed[i]);
	inv_table_close(&table);
	PopActiveSnapshot();
}

static INV_NORETURN void
rethrow_not_new(const InvDeadline *deadline)
{
	if (geterrcode() != ERRCODE_UNIQUE_VIOLATION)
		inv_deadline_rethrow(deadline);
	MemoryContextSwitchTo(deadline->context);
	FlushErrorState();
	/* Nobody is told: the caller claims them in another way then. */
	ereport(ERROR,
			errcode(INV_ERRCODE_CONFLICT),
			errmsg_internal("an idempotency key of the call has been used before"));
}

void
inv_idempotency_claim_new(InvStock *stock, InvOperation **operations, int count)
{
	InvOperation **keyed = palloc(count * sizeof(InvOperation *));
	int unique = sort_keyed(operations, count, keyed);

	if (unique == 0)
		return;
	inv_deadline_arm(&stock->deadline);
	PG_TRY();
	{
		insert_all_new(keyed, unique);
	}
	PG_CATCH();
	{
		rethrow_not_new(&stock->deadline);
	}
	PG_END_TRY();
	for (int i = 0; i < unique; i++)
		keyed[i]->is_claimed = true;
}

static void
give_back(const InvOperation *operation)
{
	Datum values[2] = {CStringGetTextDatum(operation->scope->organization),
					   CStringGetTextDatum(operation->tail.idempotency_key)};

	inv_statement_run(&give_back_statement, values, NULL);
}

/* Several changes that belong together have a row too, so that they can be found together. */
static void
insert_group(const InvStock *stock, InvOperation *operation)
{
	Datum values[5] = {CStringGetTextDatum(operation->scope->organization),
					   CStringGetTextDatum(operation->operation_id),
					   CStringGetTextDatum(inv_verb_name(operation->verb)),
					   inv_change_make_answer(stock, operation),
					   CStringGetTextDatum(performer_of(operation))};

	inv_statement_run(&group_statement, values, NULL);
}

static void
store_answer(InvTable *table, const InvStock *stock, InvOperation *operation)
{
	TupleDesc descriptor = RelationGetDescr(table->relation);
	Datum *values = palloc(descriptor->natts * sizeof(Datum));
	bool *nulls = palloc(descriptor->natts * sizeof(bool));
	HeapTuple row = inv_table_fetch_own(table, &operation->claim);

	heap_deform_tuple(row, descriptor, values, nulls);
	values[COL_RESULT] = inv_change_make_answer(stock, operation);
	nulls[COL_RESULT] = false;
	if (inv_table_update(table, row, values, nulls) != INV_ROW_OK)
		elog(ERROR, "the row of a claimed key has changed");
	heap_freetuple(row);
	pfree(values);
	pfree(nulls);
}

static bool
wants_answer(const InvOperation *operation)
{
	return operation->is_claimed && operation->refusal == NULL;
}

static void
store_answers(const InvStock *stock, InvOperation **operations, int count)
{
	InvTable table;
	int first = 0;

	while (first < count && !wants_answer(operations[first]))
		first++;
	if (first == count)
		return;
	inv_take_snapshot();
	inv_table_open(&table, inv_catalog()->operation_table);
	for (int i = first; i < count; i++)
		if (wants_answer(operations[i]))
			store_answer(&table, stock, operations[i]);
	inv_table_close(&table);
	PopActiveSnapshot();
}

/* A key that came twice in one call: the second is the retry of the first. */
static void
answer_duplicate(InvOperation *operation)
{
	const InvOperation *first = operation->duplicate_of;

	if (!is_same_hash(first->request_hash, operation->request_hash))
		refuse_reused(operation);
	else if (first->refusal != NULL)
		operation->refusal = first->refusal;
	else
		take_answer(operation, first->answer);
}

void
inv_idempotency_finish(InvStock *stock, InvOperation **operations, int count)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext in_spi;

	inv_statement_connect();
	in_spi = MemoryContextSwitchTo(context);
	store_answers(stock, operations, count);
	for (int i = 0; i < count; i++)
	{
		InvOperation *operation = operations[i];

		if (operation->duplicate_of != NULL)
			answer_duplicate(operation);
		else if (operation->is_claimed && operation->refusal != NULL)
			give_back(operation);
		else if (operation->tail.idempotency_key == NULL && operation->operation_id != NULL &&
				 operation->refusal == NULL)
			insert_group(stock, operation);
	}
	MemoryContextSwitchTo(in_spi);
	inv_statement_finish();
}
