/*
 * claims.c
 *	  Who the caller says he is.
 *
 * Anything that is not as it should be denies: a claim that cannot be
 * understood must not be taken for one that is not there.  The parsed claims
 * of the session are kept until their text changes, for a gateway sets them
 * once and then runs a transaction full of statements.
 */
#include "postgres.h"

#include "claims.h"
#include "pg_inventory.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#define CLAIMS_SETTING "request.jwt.claims"

/* A token with more warehouses than this is better served by inventory_member. */
#define MAX_WAREHOUSES 1000

static const char *const role_names[] = {"viewer", "operator", "manager"};

const char *
inv_role_name(InvRole role)
{
	return role_names[role];
}

bool
inv_role_parse(const char *name, InvRole *role)
{
	for (size_t i = 0; i < lengthof(role_names); i++)
	{
		if (strcmp(name, role_names[i]) == 0)
		{
			*role = (InvRole) i;
			return true;
		}
	}
	return false;
}

/* NULL for what is no JSON.  Its errors hold nothing that would have to be let go. */
static Jsonb *
parse_json(const char *text)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb *volatile json = NULL;

	PG_TRY();
	{
		json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return json;
}

static bool
is_id(const char *text, size_t min_size)
{
	size_t size = strlen(text);

	for (size_t i = 0; i < size; i++)
	{
		if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f)
			return false;
	}
	return size >= min_size && size <= INV_MAX_ID_SIZE;
}

static char *
string_of(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* False: it is there, and not a string.  *text stays as it is when it is not there. */
static bool
take_string(JsonbContainer *object, const char *name, char **text)
{
	JsonbValue value;

	if (getKeyJsonValueFromContainer(object, name, strlen(name), &value) == NULL || value.type == jbvNull)
		return true;
	if (value.type != jbvString)
		return false;
	*text = string_of(&value);
	return true;
}

static bool
take_warehouses(JsonbContainer *object, InvAccess *access)
{
	JsonbValue value;
	int count;

	access->has_all_warehouses = true;
	if (getKeyJsonValueFromContainer(object, "warehouses", strlen("warehouses"), &value) == NULL ||
		value.type == jbvNull)
		return true;
	if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data))
		return false;
	count = JsonContainerSize(value.val.binary.data);
	if (count > MAX_WAREHOUSES)
		return false;
	access->has_all_warehouses = false;
	access->warehouses = palloc(Max(count, 1) * sizeof(char *));
	for (int i = 0; i < count; i++)
	{
		const JsonbValue *element = getIthJsonbValueFromContainer(value.val.binary.data, i);

		if (element->type != jbvString)
			return false;
		access->warehouses[access->warehouse_count] = string_of(element);
		if (!is_id(access->warehouses[access->warehouse_count++], 1))
			return false;
	}
	return true;
}

static bool
take_access(JsonbContainer *object, InvClaims *claims)
{
	JsonbValue value;
	char *role = NULL;

	if (getKeyJsonValueFromContainer(object, "inventory", strlen("inventory"), &value) == NULL ||
		value.type == jbvNull)
		return true;
	if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
		return false;
	claims->has_access = true;
	return take_string(value.val.binary.data, "role", &role) && role != NULL &&
		   inv_role_parse(role, &claims->access.role) &&
		   take_warehouses(value.val.binary.data, &claims->access);
}

InvClaims *
inv_claims_parse(const char *text)
{
	InvClaims *claims = palloc0(sizeof(InvClaims));
	Jsonb *json = parse_json(text);

	if (json == NULL || !JB_ROOT_IS_OBJECT(json))
		return NULL;
	claims->organization = pstrdup("");
	if (!take_string(&json->root, "sub", &claims->subject) ||
		!take_string(&json->root, "org", &claims->organization) ||
		!take_string(&json->root, "name", &claims->name) ||
		!take_string(&json->root, "picture", &claims->picture) ||
		!take_access(&json->root, claims))
		return NULL;
	if (claims->subject == NULL || !is_id(claims->subject, 1) || !is_id(claims->organization, 0))
		return NULL;
	return claims;
}

bool
inv_claims_of_session(const InvClaims **claims)
{
	static MemoryContext context = NULL;
	static char *cached_text = NULL;
	static InvClaims *cached = NULL;
	/* by its shown value: what a SET LOCAL leaves behind is '' and not unset */
	const char *text = GetConfigOptionByName(CLAIMS_SETTING, NULL, true);
	MemoryContext old;

	if (text == NULL)
		return false;
	if (cached_text == NULL || strcmp(text, cached_text) != 0)
	{
		if (context == NULL)
			context = AllocSetContextCreate(TopMemoryContext, "pg_inventory claims", ALLOCSET_SMALL_SIZES);
		cached_text = NULL;
		cached = NULL;
		MemoryContextReset(context);
		old = MemoryContextSwitchTo(context);
		cached = inv_claims_parse(text);
		cached_text = pstrdup(text);
		MemoryContextSwitchTo(old);
	}
	*claims = cached;
	return true;
}
