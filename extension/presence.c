/*
 * presence.c
 *	  The SQL-callable functions of presence.
 *
 * Those for applications act in the scope of the session: the organization is
 * the caller's, and the user is who is signed in, with name and picture from
 * the claims; only a trusted application says for whom it speaks.  Those for
 * relays take that from the relay, which has verified tokens and asked for
 * scopes, and do many at once.
 */
#include "postgres.h"

#include "arguments.h"
#include "catalog.h"
#include "errors.h"
#include "fields.h"
#include "lease.h"
#include "operation.h"
#include "pg_inventory.h"
#include "scope.h"
#include "settings.h"
#include "viewer.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(presence_touch);

/* presence_touch(session_id text) */
Datum
presence_touch(PG_FUNCTION_ARGS)
{
	InvScope scope;

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(&scope);
	PG_RETURN_BOOL(inv_lease_renew(inv_arg_id(fcinfo, 0, "session_id"), "backend"));
}

PG_FUNCTION_INFO_V1(presence_relay_touch);

/* presence_relay_touch(session_id text) */
Datum
presence_relay_touch(PG_FUNCTION_ARGS)
{
	(void) inv_catalog_of_function(fcinfo);
	PG_RETURN_BOOL(inv_lease_renew(inv_arg_id(fcinfo, 0, "session_id"), "relay"));
}

/* A trusted application says who it is; everybody else is who he is. */
static void
take_person(FunctionCallInfo fcinfo, const InvScope *scope, InvViewer *viewer)
{
	const char *user_id = inv_arg_text(fcinfo, 6);
	const char *user_name = inv_arg_text(fcinfo, 7);
	const char *avatar_url = inv_arg_text(fcinfo, 8);

	inv_viewer_set_person(viewer, scope);
	if (!scope->is_backend && (user_id != NULL || user_name != NULL || avatar_url != NULL))
		ereport(ERROR,
				errcode(INV_ERRCODE_FORBIDDEN),
				errmsg("user_id, user_name and avatar_url are those of \"%s\", who is signed in", scope->actor),
				errhint("Only a role of level backend may speak for others."));
	if (user_id != NULL)
	{
		inv_check_id("user_id", user_id);
		viewer->user_id = user_id;
	}
	inv_check_label("user_name", user_name, INV_MAX_LABEL_SIZE);
	inv_check_label("avatar_url", avatar_url, INV_MAX_AVATAR_SIZE);
	if (avatar_url != NULL && strncmp(avatar_url, "https://", strlen("https://")) != 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("avatar_url must begin with https://"));
	if (user_name != NULL)
		viewer->user_name = user_name;
	if (avatar_url != NULL)
		viewer->avatar_url = avatar_url;
}

static Jsonb *
require_metadata(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("metadata must not be null"));
	return PG_GETARG_JSONB_P(n);
}

static void
raise_taken(const InvViewer *viewer)
{
	ereport(ERROR,
			errcode(INV_ERRCODE_FORBIDDEN),
			errmsg("client \"%s\" is somebody else's", viewer->client_id));
}

PG_FUNCTION_INFO_V1(presence_track);

/*
 * presence_track(session_id, client_id, resource_type, resource_id, status text, metadata jsonb,
 *                user_id, user_name, avatar_url text)
 */
Datum
presence_track(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvViewer viewer = {0};
	InvDeadline deadline;

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(&scope);
	viewer.session_id = inv_arg_id(fcinfo, 0, "session_id");
	viewer.client_id = inv_arg_id(fcinfo, 1, "client_id");
	viewer.resource_type = inv_arg_text(fcinfo, 2);
	viewer.resource_id = inv_arg_text(fcinfo, 3);
	inv_viewer_check_resource(viewer.resource_type, viewer.resource_id);
	viewer.status = inv_viewer_status(inv_arg_text(fcinfo, 4));
	take_person(fcinfo, &scope, &viewer);
	inv_viewer_set_metadata(&viewer, require_metadata(fcinfo, 5), &scope);
	inv_deadline_begin(&deadline);
	inv_lease_hold(viewer.session_id, &deadline);
	if (inv_viewer_track(&viewer, scope.is_backend, &deadline) == INV_VIEWER_TAKEN)
		raise_taken(&viewer);
	inv_deadline_end(&deadline);
	PG_RETURN_DATUM(DirectFunctionCall1(uuid_in, CStringGetDatum(viewer.id)));
}

static void
raise_absent(const InvViewer *viewer)
{
	ereport(ERROR,
			errcode(INV_ERRCODE_NOT_FOUND),
			errmsg("client \"%s\" is not present at %s \"%s\"", viewer->client_id, viewer->resource_type, viewer->resource_id),
			errhint("It has left, or its lease is over: call presence_track."));
}

PG_FUNCTION_INFO_V1(presence_update);

/* presence_update(client_id, resource_type, resource_id, status text, metadata jsonb) */
Datum
presence_update(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvViewer viewer = {0};
	InvDeadline deadline;
	InvViewerFate fate;

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(&scope);
	viewer.organization_id = scope.organization;
	viewer.client_id = inv_arg_id(fcinfo, 0, "client_id");
	viewer.resource_type = inv_arg_text(fcinfo, 1);
	viewer.resource_id = inv_arg_text(fcinfo, 2);
	inv_viewer_check_resource(viewer.resource_type, viewer.resource_id);
	inv_deadline_begin(&deadline);
	if (!inv_viewer_find(&viewer, scope.is_backend ? NULL : scope.actor, &deadline))
		raise_absent(&viewer);
	if (!PG_ARGISNULL(3))
		viewer.status = inv_viewer_status(inv_arg_text(fcinfo, 3));
	if (!PG_ARGISNULL(4))
		inv_viewer_set_metadata(&viewer, PG_GETARG_JSONB_P(4), &scope);
	fate = inv_viewer_track(&viewer, true, &deadline);
	inv_deadline_end(&deadline);
	PG_RETURN_BOOL(fate != INV_VIEWER_SAME);
}

PG_FUNCTION_INFO_V1(presence_leave);

/* presence_leave(client_id, resource_type, resource_id text) */
Datum
presence_leave(PG_FUNCTION_ARGS)
{
	InvScope scope;
	InvDeadline deadline;
	char *client_id;
	int count;

	(void) inv_catalog_of_function(fcinfo);
	inv_scope_begin(&scope);
	client_id = inv_arg_id(fcinfo, 0, "client_id");
	inv_deadline_begin(&deadline);
	count = inv_viewer_leave(scope.organization, client_id, inv_arg_text(fcinfo, 1), inv_arg_text(fcinfo, 2),
							 scope.is_backend ? NULL : scope.actor, &deadline);
	inv_deadline_end(&deadline);
	PG_RETURN_INT32(count);
}

static int
timeout_of(FunctionCallInfo fcinfo)
{
	int64 timeout_ms = PG_ARGISNULL(0) ? inv_presence_timeout_ms : inv_interval_ms(PG_GETARG_INTERVAL_P(0));

	if (timeout_ms < 0 || timeout_ms > INT_MAX)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("timeout must not be negative, and at most 24 days"));
	return (int) timeout_ms;
}

PG_FUNCTION_INFO_V1(presence_cleanup);

/* presence_cleanup(timeout interval) */
Datum
presence_cleanup(PG_FUNCTION_ARGS)
{
	TupleDesc descriptor;
	Datum values[2];
	bool nulls[2] = {false};
	int timeout_ms = timeout_of(fcinfo);
	int sessions = 0;
	int viewers = 0;
	ListCell *cell;

	(void) inv_catalog_of_function(fcinfo);
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	foreach (cell, inv_lease_overdue(timeout_ms))
	{
		int left = inv_lease_end(lfirst(cell), timeout_ms);

		sessions += left >= 0;
		viewers += Max(left, 0);
	}
	values[0] = Int32GetDatum(sessions);
	values[1] = Int32GetDatum(viewers);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* Many at once, for relays */

/* One client that comes, changes or goes. */
typedef struct Change
{
	InvViewer viewer;
	bool leaves;
	int seq;
	InvRefusal *refusal;
} Change;

static void
read_access(InvFields *fields, InvAccess *access)
{
	JsonbValue value;
	JsonbIterator *iterator;
	JsonbValue element;
	JsonbIteratorToken token;

	access->role = INV_ROLE_VIEWER;
	access->has_all_warehouses = !inv_field_value(fields, "warehouses", &value);
	if (access->has_all_warehouses)
		return;
	if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must be a JSON array", "warehouses"));
	access->warehouses = palloc(Max(JsonContainerSize(value.val.binary.data), 1) * sizeof(char *));
	iterator = JsonbIteratorInit(value.val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM && element.type == jbvString)
			access->warehouses[access->warehouse_count++] = pnstrdup(element.val.string.val, element.val.string.len);
	}
}

static Jsonb *
metadata_of(InvFields *fields)
{
	JsonbValue value;

	if (!inv_field_value(fields, "metadata", &value))
		return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	return JsonbValueToJsonb(&value);
}

/* The scope that the relay was told for the client, and what the client does. */
static void
read_viewer(InvFields *fields, InvViewer *viewer)
{
	InvScope scope = {.organization = viewer->organization_id};

	scope.actor = inv_field_text(fields, "user_id");
	inv_check_id("user_id", scope.actor);
	scope.name = inv_field_text(fields, "user_name");
	scope.picture = inv_field_text(fields, "avatar_url");
	read_access(fields, &scope.access);
	inv_viewer_set_person(viewer, &scope);
	viewer->status = inv_viewer_status(inv_field_text(fields, "status"));
	inv_viewer_set_metadata(viewer, metadata_of(fields), &scope);
}

static bool
is_leaving(const char *kind)
{
	if (kind != NULL && strcmp(kind, "leave") == 0)
		return true;
	if (kind == NULL || strcmp(kind, "track") != 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the kind of a change must be \"track\" or \"leave\", not %s",
					   kind == NULL ? "null" : psprintf("\"%s\"", kind)));
	return false;
}

static const char *
text_or_empty(InvFields *fields, const char *name)
{
	const char *text = inv_field_text(fields, name);

	return text == NULL ? "" : text;
}

static void
read_change(const JsonbValue *value, Change *change)
{
	InvFields fields;
	InvViewer *viewer = &change->viewer;

	inv_fields_begin(&fields, value, psprintf("change %d", change->seq));
	change->leaves = is_leaving(inv_field_text(&fields, "kind"));
	viewer->client_id = inv_field_text(&fields, "client_id");
	inv_check_id("client_id", viewer->client_id);
	viewer->organization_id = text_or_empty(&fields, "organization_id");
	inv_check_label("organization_id", viewer->organization_id, INV_MAX_ID_SIZE);
	viewer->resource_type = inv_field_text(&fields, "resource_type");
	viewer->resource_id = text_or_empty(&fields, "resource_id");
	inv_viewer_check_resource(viewer->resource_type, viewer->resource_id);
	if (!change->leaves)
		read_viewer(&fields, viewer);
	inv_fields_end(&fields);
}

/* What cannot be read is refused, and harms none of the rest. */
static void
read_for_verdict(const JsonbValue *value, Change *change)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		read_change(value, change);
	}
	PG_CATCH();
	{
		change->refusal = inv_refusal_take(context);
	}
	PG_END_TRY();
}

/* By key, and what one client did in the order in which it did it. */
static int
compare_changes(const void *a, const void *b)
{
	const Change *one = a;
	const Change *other = b;
	int order;

	if (one->refusal != NULL || other->refusal != NULL)
		order = (one->refusal == NULL) - (other->refusal == NULL);
	else if ((order = strcmp(one->viewer.organization_id, other->viewer.organization_id)) == 0 &&
			 (order = strcmp(one->viewer.resource_type, other->viewer.resource_type)) == 0 &&
			 (order = strcmp(one->viewer.resource_id, other->viewer.resource_id)) == 0)
		order = strcmp(one->viewer.client_id, other->viewer.client_id);
	return order != 0 ? order : one->seq - other->seq;
}

static void
apply_change(Change *change, InvDeadline *deadline)
{
	InvViewer *viewer = &change->viewer;

	if (change->leaves)
		(void) inv_viewer_leave(viewer->organization_id, viewer->client_id, viewer->resource_type,
								viewer->resource_id, NULL, deadline);
	else
		(void) inv_viewer_track(viewer, true, deadline);
}

static void
put_refusal(ReturnSetInfo *result, const Change *change)
{
	Datum values[3] = {Int32GetDatum(change->seq), CStringGetTextDatum(unpack_sql_state(change->refusal->sqlstate)),
					   CStringGetTextDatum(change->refusal->message)};
	bool nulls[3] = {false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(presence_relay_sync);

/* presence_relay_sync(session_id text, changes jsonb) */
Datum
presence_relay_sync(PG_FUNCTION_ARGS)
{
	char *session_id;
	InvDeadline deadline;
	JsonbValue *elements;
	Change *changes;
	int count;

	(void) inv_catalog_of_function(fcinfo);
	InitMaterializedSRF(fcinfo, 0);
	session_id = inv_arg_id(fcinfo, 0, "session_id");
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("changes must not be null"));
	elements = inv_json_elements(PG_GETARG_JSONB_P(1), "changes", inv_max_lines, &count);
	changes = palloc0(count * sizeof(Change));
	for (int i = 0; i < count; i++)
	{
		changes[i].seq = i + 1;
		changes[i].viewer.session_id = session_id;
		read_for_verdict(&elements[i], &changes[i]);
	}
	qsort(changes, count, sizeof(Change), compare_changes);
	inv_deadline_begin(&deadline);
	inv_lease_hold(session_id, &deadline);
	for (int i = 0; i < count; i++)
	{
		if (changes[i].refusal != NULL)
			put_refusal((ReturnSetInfo *) fcinfo->resultinfo, &changes[i]);
		else
			apply_change(&changes[i], &deadline);
		CHECK_FOR_INTERRUPTS();
	}
	inv_deadline_end(&deadline);
	return (Datum) 0;
}
