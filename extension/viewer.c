/*
 * viewer.c
 *	  Viewers: who looks at what, and what he does there.
 *
 * A viewer that moves to other warehouses leaves for those who saw him and
 * comes for those who see him now: an event is routed by one list only.
 */
#include "postgres.h"

#include "arguments.h"
#include "errors.h"
#include "event.h"
#include "pg_inventory.h"
#include "statement.h"
#include "viewer.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"

/* What metadata may say.  Others see it, so nothing goes in by accident. */
static const char *const metadata_keys[] = {"batchNumber", "device", "field", "productId", "view", "warehouseId"};

#define ROW_COLUMNS "id::text, session_id, client_id, organization_id, user_id, user_name, avatar_url," \
					" pg_catalog.to_jsonb(warehouses)::text, resource_type, resource_id, status, metadata::text, created_at"

static InvStatement find_statement = {
	.sql = "SELECT " ROW_COLUMNS " FROM @schema@.presence_status"
		   " WHERE organization_id = $1 AND resource_type = $2 AND resource_id = $3 AND client_id = $4 FOR UPDATE",
	.arg_count = 4,
	.arg_types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID}};

static InvStatement insert_statement = {
	.sql = "INSERT INTO @schema@.presence_status (organization_id, resource_type, resource_id, client_id, session_id,"
		   "  user_id, user_name, avatar_url, warehouses, status, metadata)"
		   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
		   "  CASE WHEN $9 IS NOT NULL THEN ARRAY(SELECT pg_catalog.jsonb_array_elements_text($9::jsonb)) END, $10, $11::jsonb)"
		   " ON CONFLICT DO NOTHING RETURNING id::text, created_at",
	.arg_count = 11,
	.arg_types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}};

static InvStatement update_statement = {
	.sql = "UPDATE @schema@.presence_status SET session_id = $5, user_id = $6, user_name = $7, avatar_url = $8,"
		   "  warehouses = CASE WHEN $9 IS NOT NULL THEN ARRAY(SELECT pg_catalog.jsonb_array_elements_text($9::jsonb)) END,"
		   "  status = $10, metadata = $11::jsonb"
		   " WHERE organization_id = $1 AND resource_type = $2 AND resource_id = $3 AND client_id = $4",
	.arg_count = 11,
	.arg_types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}};

static InvStatement leave_statement = {
	.sql = "WITH gone AS MATERIALIZED (SELECT id FROM @schema@.presence_status"
		   "  WHERE organization_id = $1 AND client_id = $2 AND ($3 IS NULL OR resource_type = $3)"
		   "   AND ($4 IS NULL OR resource_id = $4) AND ($5 IS NULL OR user_id = $5)"
		   "  ORDER BY organization_id, resource_type, resource_id FOR UPDATE)"
		   " DELETE FROM @schema@.presence_status WHERE id IN (SELECT id FROM gone) RETURNING " ROW_COLUMNS,
	.arg_count = 5,
	.arg_types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}};

/* The whole key is known: found by it. */
static InvStatement leave_one_statement = {
	.sql = "DELETE FROM @schema@.presence_status"
		   " WHERE organization_id = $1 AND client_id = $2 AND resource_type = $3 AND resource_id = $4"
		   "  AND ($5 IS NULL OR user_id = $5) RETURNING " ROW_COLUMNS,
	.arg_count = 5,
	.arg_types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}};

/* Those that cannot be locked at once are not counted. */
static InvStatement lock_lease_statement = {
	.sql = "WITH mine AS MATERIALIZED (SELECT FROM @schema@.presence_status WHERE session_id = $1 FOR UPDATE SKIP LOCKED)"
		   " SELECT (SELECT pg_catalog.count(*) FROM mine)"
		   "  = (SELECT pg_catalog.count(*) FROM @schema@.presence_status WHERE session_id = $1)",
	.arg_count = 1,
	.arg_types = {TEXTOID}};

static InvStatement leave_lease_statement = {
	.sql = "DELETE FROM @schema@.presence_status WHERE session_id = $1 RETURNING " ROW_COLUMNS,
	.arg_count = 1,
	.arg_types = {TEXTOID}};

/* What may be said */

void
inv_viewer_check_resource(const char *resource_type, const char *resource_id)
{
	bool has_id = resource_id == NULL || resource_id[0] != '\0';

	inv_check_id("resource_type", resource_type);
	if (has_id || strcmp(resource_type, INV_RESOURCE_ITEM) == 0)
		inv_check_id("resource_id", resource_id);
	if (has_id && strcmp(resource_type, INV_RESOURCE_LIST) == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("resource_id of %s must be empty", resource_type));
}

const char *
inv_viewer_status(const char *word)
{
	static const char *const words[] = {"viewing", "editing", "idle"};

	for (size_t i = 0; word != NULL && i < lengthof(words); i++)
	{
		if (strcmp(word, words[i]) == 0)
			return words[i];
	}
	if (word != NULL && strcmp(word, "active") == 0)
		return words[0];
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("status must be \"viewing\", \"editing\" or \"idle\", not %s",
				   word == NULL ? "null" : psprintf("\"%s\"", word)));
	return NULL;
}

static bool
has_control_character(const char *text)
{
	for (const unsigned char *p = (const unsigned char *) text; *p != '\0'; p++)
	{
		if (*p < 0x20 || *p == 0x7f)
			return true;
	}
	return false;
}

/* Of a token that is good otherwise: its bearer can do nothing about a long name. */
static const char *
presentable_name(const char *name)
{
	if (name == NULL || name[0] == '\0' || has_control_character(name))
		return NULL;
	return pnstrdup(name, pg_mbcliplen(name, strlen(name), INV_MAX_LABEL_SIZE));
}

static const char *
presentable_avatar(const char *url)
{
	if (url == NULL || strncmp(url, "https://", strlen("https://")) != 0 || strlen(url) > INV_MAX_AVATAR_SIZE ||
		has_control_character(url))
		return NULL;
	return url;
}

static char *
warehouses_of(const InvAccess *access)
{
	StringInfoData text;

	if (access->has_all_warehouses)
		return NULL;
	initStringInfo(&text);
	appendStringInfoChar(&text, '[');
	for (int i = 0; i < access->warehouse_count; i++)
	{
		/* as jsonb writes it, to be compared with what comes back */
		appendStringInfoString(&text, i > 0 ? ", " : "");
		escape_json(&text, access->warehouses[i]);
	}
	appendStringInfoChar(&text, ']');
	return text.data;
}

void
inv_viewer_set_person(InvViewer *viewer, const InvScope *scope)
{
	viewer->organization_id = scope->organization;
	viewer->user_id = scope->actor;
	viewer->user_name = presentable_name(scope->name);
	viewer->avatar_url = presentable_avatar(scope->picture);
}

static void
check_key(const char *key)
{
	for (size_t i = 0; i < lengthof(metadata_keys); i++)
	{
		if (strcmp(key, metadata_keys[i]) == 0)
			return;
	}
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("metadata has a key that is not known: \"%s\"", key),
			errdetail("Known are batchNumber, device, field, productId, view and warehouseId."));
}

static void
check_value(const char *key, const JsonbValue *value, const InvScope *scope, InvViewer *viewer)
{
	char *text;

	if (value->type != jbvString)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s of metadata must be a string", key));
	text = pnstrdup(value->val.string.val, value->val.string.len);
	inv_check_label(psprintf("%s of metadata", key), text, INV_MAX_LABEL_SIZE);
	if (strcmp(key, "warehouseId") == 0)
	{
		char *one[1] = {text};
		const InvAccess access = {.warehouse_count = 1, .warehouses = one};

		inv_check_id("warehouseId of metadata", text);
		inv_scope_require(scope, INV_ROLE_VIEWER, text);
		viewer->warehouses = warehouses_of(&access);
	}
}

void
inv_viewer_set_metadata(InvViewer *viewer, Jsonb *metadata, const InvScope *scope)
{
	JsonbIterator *iterator;
	JsonbValue value;
	JsonbIteratorToken token;
	char *key = pstrdup("");

	if (!JB_ROOT_IS_OBJECT(metadata))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("metadata must be a JSON object"));
	viewer->warehouses = warehouses_of(&scope->access);
	viewer->metadata = JsonbToCString(NULL, &metadata->root, VARSIZE(metadata));
	if (strlen(viewer->metadata) > INV_MAX_METADATA_SIZE)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("metadata is too large"),
				errdetail("It has %zu bytes, and at most %d are allowed.", strlen(viewer->metadata), INV_MAX_METADATA_SIZE));
	iterator = JsonbIteratorInit(&metadata->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			key = pnstrdup(value.val.string.val, value.val.string.len);
			check_key(key);
		}
		else if (token == WJB_VALUE)
			check_value(key, &value, scope, viewer);
	}
}

/* Rows */

static void
take_row(InvViewer *viewer, uint64 row)
{
	viewer->id = inv_statement_text(row, 1);
	viewer->session_id = inv_statement_text(row, 2);
	viewer->client_id = inv_statement_text(row, 3);
	viewer->organization_id = inv_statement_text(row, 4);
	viewer->user_id = inv_statement_text(row, 5);
	viewer->user_name = inv_statement_text(row, 6);
	viewer->avatar_url = inv_statement_text(row, 7);
	viewer->warehouses = inv_statement_text(row, 8);
	viewer->resource_type = inv_statement_text(row, 9);
	viewer->resource_id = inv_statement_text(row, 10);
	viewer->status = inv_statement_text(row, 11);
	viewer->metadata = inv_statement_text(row, 12);
	viewer->created_at = DatumGetTimestampTz(inv_statement_value(row, 13, NULL));
}

static void
put_text(Datum *values, char *nulls, int n, const char *text)
{
	nulls[n] = text == NULL ? 'n' : ' ';
	values[n] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* The parameters of INSERT and UPDATE; nulls has room for 11. */
static void
put_row(const InvViewer *viewer, Datum *values, char *nulls)
{
	const char *columns[11] = {viewer->organization_id, viewer->resource_type, viewer->resource_id, viewer->client_id,
							   viewer->session_id, viewer->user_id, viewer->user_name, viewer->avatar_url,
							   viewer->warehouses, viewer->status, viewer->metadata};

	for (int i = 0; i < 11; i++)
		put_text(values, nulls, i, columns[i]);
}

static bool
insert_row(InvViewer *viewer, InvDeadline *deadline)
{
	Datum values[11];
	char nulls[11];
	bool is_inserted;

	put_row(viewer, values, nulls);
	inv_statement_connect();
	inv_statement_run_within(&insert_statement, values, nulls, deadline);
	is_inserted = SPI_processed == 1;
	if (is_inserted)
	{
		viewer->id = inv_statement_text(0, 1);
		viewer->created_at = DatumGetTimestampTz(inv_statement_value(0, 2, NULL));
	}
	inv_statement_finish();
	return is_inserted;
}

static void
update_row(const InvViewer *viewer)
{
	Datum values[11];
	char nulls[11];

	put_row(viewer, values, nulls);
	inv_statement_connect();
	inv_statement_run(&update_statement, values, nulls);
	inv_statement_finish();
}

bool
inv_viewer_find(InvViewer *viewer, const char *user_id, InvDeadline *deadline)
{
	Datum values[4] = {CStringGetTextDatum(viewer->organization_id), CStringGetTextDatum(viewer->resource_type),
					   CStringGetTextDatum(viewer->resource_id), CStringGetTextDatum(viewer->client_id)};
	bool is_found;

	inv_statement_connect();
	inv_statement_run_within(&find_statement, values, NULL, deadline);
	is_found = SPI_processed > 0;
	if (is_found)
		take_row(viewer, 0);
	inv_statement_finish();
	return is_found && (user_id == NULL || strcmp(user_id, viewer->user_id) == 0);
}

static bool
is_same(const char *one, const char *other)
{
	return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

/* Puts what a viewer says now in the place of what the row says. */
static InvViewerFate
replace_row(InvViewer *viewer, const InvViewer *row, bool may_take)
{
	bool stays = is_same(viewer->warehouses, row->warehouses) && is_same(viewer->user_id, row->user_id);

	if (!may_take && !is_same(viewer->user_id, row->user_id))
		return INV_VIEWER_TAKEN;
	viewer->id = row->id;
	viewer->created_at = row->created_at;
	if (stays && is_same(viewer->user_name, row->user_name) && is_same(viewer->avatar_url, row->avatar_url) &&
		is_same(viewer->status, row->status) && is_same(viewer->metadata, row->metadata))
	{
		if (!is_same(viewer->session_id, row->session_id))
			update_row(viewer);
		return INV_VIEWER_SAME;
	}
	update_row(viewer);
	if (stays)
		inv_event_write_presence("presence.updated", viewer, NULL);
	else
	{
		inv_event_write_presence("presence.left", row, "moved");
		inv_event_write_presence("presence.joined", viewer, NULL);
	}
	return INV_VIEWER_CHANGED;
}

InvViewerFate
inv_viewer_track(InvViewer *viewer, bool may_take, InvDeadline *deadline)
{
	for (;;)
	{
		InvViewer row = *viewer;

		if (inv_viewer_find(&row, NULL, deadline))
			return replace_row(viewer, &row, may_take);
		if (insert_row(viewer, deadline))
		{
			inv_event_write_presence("presence.joined", viewer, NULL);
			return INV_VIEWER_CAME;
		}
		/* somebody was faster: his row is there, or gone again */
		CHECK_FOR_INTERRUPTS();
	}
}

static int
compare_places(const void *a, const void *b)
{
	const InvViewer *one = a;
	const InvViewer *other = b;
	int order = strcmp(one->resource_type, other->resource_type);

	if (order == 0)
		order = strcmp(one->resource_id, other->resource_id);
	return order != 0 ? order : strcmp(one->client_id, other->client_id);
}

/* Tells of the rows that a DELETE has returned, and ends the connection to SPI. */
static int
tell_gone(const char *reason)
{
	uint64 count = SPI_processed;
	InvViewer *gone = SPI_palloc(Max(count, 1) * sizeof(InvViewer));

	for (uint64 row = 0; row < count; row++)
		take_row(&gone[row], row);
	inv_statement_finish();
	qsort(gone, count, sizeof(InvViewer), compare_places);
	for (uint64 row = 0; row < count; row++)
	{
		inv_event_write_presence("presence.left", &gone[row], reason);
		CHECK_FOR_INTERRUPTS();
	}
	return (int) count;
}

int
inv_viewer_leave(const char *organization_id, const char *client_id, const char *resource_type,
				 const char *resource_id, const char *user_id, InvDeadline *deadline)
{
	bool is_one = resource_type != NULL && resource_id != NULL;
	Datum values[5];
	char nulls[5];

	put_text(values, nulls, 0, organization_id);
	put_text(values, nulls, 1, client_id);
	put_text(values, nulls, 2, resource_type);
	put_text(values, nulls, 3, resource_id);
	put_text(values, nulls, 4, user_id);
	inv_statement_connect();
	inv_statement_run_within(is_one ? &leave_one_statement : &leave_statement, values, nulls, deadline);
	return tell_gone("left");
}

int
inv_viewer_leave_lease(const char *session_id)
{
	Datum values[1] = {CStringGetTextDatum(session_id)};
	bool has_all;

	inv_statement_connect();
	inv_statement_run(&lock_lease_statement, values, NULL);
	has_all = DatumGetBool(inv_statement_value(0, 1, NULL));
	if (!has_all)
	{
		inv_statement_finish();
		return -1;
	}
	inv_statement_run(&leave_lease_statement, values, NULL);
	return tell_gone("timeout");
}
