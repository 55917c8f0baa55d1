/*
 * operation.c
 *	  Idempotency: a key stands for one operation, done once.
 */
#include "postgres.h"

#include "change.h"
#include "errors.h"
#include "operation.h"
#include "statement.h"

#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/builtins.h"

/* Half of a SHA-256 is enough to tell a client's own requests apart. */
#define HASH_SIZE 16

static InvStatement claim_statement = {
	.sql = "INSERT INTO @schema@.inventory_operation"
		   " (organization_id, operation_id, kind, request_hash, performed_by)"
		   " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
	.arg_count = 5,
	.arg_types = {TEXTOID, TEXTOID, TEXTOID, BYTEAOID, TEXTOID}};

static InvStatement read_statement = {
	.sql = "SELECT request_hash, result::text FROM @schema@.inventory_operation"
		   " WHERE organization_id = $1 AND operation_id = $2",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID}};

static InvStatement finish_statement = {
	.sql = "UPDATE @schema@.inventory_operation SET result = $3::jsonb"
		   " WHERE organization_id = $1 AND operation_id = $2",
	.arg_count = 3,
	.arg_types = {TEXTOID, TEXTOID, TEXTOID}};

/* A value and its length, so that no two lists of values read the same. */
void
inv_request_add_text(InvRequest *request, const char *value)
{
	if (value == NULL)
		appendStringInfoString(&request->text, "-;");
	else
		appendStringInfo(&request->text, "%zu:%s;", strlen(value), value);
}

void
inv_request_add_number(InvRequest *request, int64 value)
{
	appendStringInfo(&request->text, INT64_FORMAT ";", value);
}

void
inv_request_begin(InvRequest *request, const char *kind, const InvScope *scope)
{
	request->kind = kind;
	initStringInfo(&request->text);
	inv_request_add_text(request, kind);
	inv_request_add_text(request, scope->organization);
}

void
inv_request_add_tail(InvRequest *request, const InvTail *tail)
{
	inv_request_add_text(request, tail->reason);
	inv_request_add_text(request, tail->performed_by);
	inv_request_add_text(request, tail->reference);
	inv_request_add_number(request, tail->occurred_at);
}

static bytea *
hash_of(const InvRequest *request)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	bytea *result = palloc(VARHDRSZ + HASH_SIZE);

	if (hash == NULL || pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) request->text.data, request->text.len) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not hash a request");
	pg_cryptohash_free(hash);
	SET_VARSIZE(result, VARHDRSZ + HASH_SIZE);
	memcpy(VARDATA(result), digest, HASH_SIZE);
	return result;
}

static bool
insert_key(const InvScope *scope, const InvTail *tail, const InvRequest *request, Datum hash, InvDeadline *deadline)
{
	Datum values[5] = {CStringGetTextDatum(scope->organization), CStringGetTextDatum(tail->idempotency_key),
					   CStringGetTextDatum(request->kind), hash,
					   CStringGetTextDatum(tail->performed_by != NULL ? tail->performed_by : scope->actor)};

	inv_deadline_arm(deadline);
	PG_TRY();
	{
		inv_statement_run(&claim_statement, values, NULL);
	}
	PG_CATCH();
	{
		inv_deadline_rethrow(deadline);
	}
	PG_END_TRY();
	return SPI_processed == 1;
}

static void
raise_key_reused(const char *key)
{
	ereport(ERROR,
			errcode(INV_ERRCODE_KEY_REUSED),
			errmsg("idempotency key \"%s\" has been used with other arguments", key),
			errhint("A key stands for one operation: make a new one for each, and repeat it only to retry."));
}

static char *
read_result(const InvScope *scope, const InvTail *tail, Datum hash)
{
	Datum values[2] = {CStringGetTextDatum(scope->organization), CStringGetTextDatum(tail->idempotency_key)};
	bytea *expected = DatumGetByteaPP(hash);
	bytea *stored;

	inv_statement_run(&read_statement, values, NULL);
	if (SPI_processed != 1)
		elog(ERROR, "operation \"%s\" has disappeared", tail->idempotency_key);
	stored = DatumGetByteaPP(inv_statement_value(0, 1, NULL));
	if (VARSIZE_ANY_EXHDR(stored) != HASH_SIZE ||
		memcmp(VARDATA_ANY(stored), VARDATA_ANY(expected), HASH_SIZE) != 0)
		raise_key_reused(tail->idempotency_key);
	return inv_statement_text(0, 2);
}

bool
inv_operation_begin(InvStock *stock, const InvTail *tail, const InvRequest *request)
{
	Datum hash;
	bool is_ours;

	if (tail->idempotency_key == NULL)
		return true;
	hash = PointerGetDatum(hash_of(request));
	inv_statement_connect();
	is_ours = insert_key(stock->scope, tail, request, hash, &stock->deadline);
	if (!is_ours)
		stock->replayed = read_result(stock->scope, tail, hash);
	inv_statement_finish();
	return is_ours;
}

static char *
result_of(const InvStock *stock)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	appendStringInfoChar(&text, '[');
	foreach (cell, stock->movements)
	{
		if (text.len > 1)
			appendStringInfoChar(&text, ',');
		appendStringInfoString(&text, inv_change_to_json(lfirst(cell), stock->retries));
	}
	appendStringInfoChar(&text, ']');
	return text.data;
}

void
inv_operation_end(InvStock *stock, const InvTail *tail)
{
	Datum values[3];

	if (tail->idempotency_key == NULL)
		return;
	values[0] = CStringGetTextDatum(stock->scope->organization);
	values[1] = CStringGetTextDatum(tail->idempotency_key);
	values[2] = CStringGetTextDatum(result_of(stock));
	inv_statement_connect();
	inv_statement_run(&finish_statement, values, NULL);
	inv_statement_finish();
}
