/*
 * access.c
 *	  Asks the database what somebody may see, and keeps the answer.
 *
 * An Identity is found by its claims.  It stands on one bucket while somebody
 * holds it.  Its question is open or not; lines that want the answer wait on
 * its list.  is_stale says that rights changed while the question was open.
 */
#include "access.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "log.h"

#define BUCKET_COUNT 4096

typedef struct Waiter
{
	ListNode in_identity;
	AccessAnswer answer;
	void *line;
} Waiter;

struct Identity
{
	ListNode in_bucket;
	Access *access;
	unsigned holder_count;
	char *organization;
	char *subject;
	char *claims;
	Scope *scope; /* NULL while it is not known */
	bool is_asking;
	bool is_stale;
	List waiters;
};

struct Access
{
	Desk *desk;
	AccessChanged on_changed;
	void *owner;
	List buckets[BUCKET_COUNT];
	LogGate gate;
};

/* The row comes with its warehouses as JSON, which needs no array syntax. */
static const char ask_scope[] =
	"SELECT s.organization_id, s.role, s.actor, s.name, s.picture, w.warehouse, s.warehouses IS NOT NULL "
	"FROM %s.inventory_relay_scope($1::text) AS s LEFT JOIN LATERAL pg_catalog.unnest(s.warehouses) AS w(warehouse) ON true";

Access *
access_new(Desk *desk, AccessChanged on_changed, void *owner)
{
	Access *access = calloc(1, sizeof *access);

	if (!access)
		return NULL;
	access->desk = desk;
	access->on_changed = on_changed;
	access->owner = owner;
	for (size_t i = 0; i < BUCKET_COUNT; i++)
		list_init(&access->buckets[i]);
	return access;
}

static void
identity_free(Identity *identity)
{
	ListNode *node;

	list_remove(&identity->in_bucket);
	while ((node = list_take_first(&identity->waiters)))
		free(list_object(node, Waiter, in_identity));
	scope_release(identity->scope);
	free(identity->organization);
	free(identity->subject);
	free(identity->claims);
	free(identity);
}

void
access_free(Access *access)
{
	ListNode *node;

	if (!access)
		return;
	for (size_t i = 0; i < BUCKET_COUNT; i++)
		while ((node = list_first(&access->buckets[i])))
			identity_free(list_object(node, Identity, in_bucket));
	free(access);
}

static List *
bucket_of(Access *access, const char *claims)
{
	uint64_t hash = 14695981039346656037u;

	for (; *claims; claims++)
		hash = (hash ^ (unsigned char) *claims) * 1099511628211u;
	return &access->buckets[(hash ^ hash >> 32) % BUCKET_COUNT];
}

Identity *
access_enter(Access *access, const char *organization, const char *subject, const char *claims)
{
	List *bucket = bucket_of(access, claims);
	Identity *identity;

	for (ListNode *node = list_first(bucket); node; node = list_next(bucket, node))
	{
		identity = list_object(node, Identity, in_bucket);
		if (strcmp(identity->claims, claims) != 0)
			continue;
		identity->holder_count++;
		return identity;
	}
	identity = calloc(1, sizeof *identity);
	if (!identity)
		return NULL;
	identity->access = access;
	identity->holder_count = 1;
	list_init(&identity->waiters);
	identity->organization = strdup(organization);
	identity->subject = strdup(subject);
	identity->claims = strdup(claims);
	if (identity->organization && identity->subject && identity->claims)
	{
		list_append(bucket, &identity->in_bucket);
		return identity;
	}
	identity_free(identity);
	return NULL;
}

/* One that is being asked about goes with the answer. */
static void
free_if_unused(Identity *identity)
{
	if (!identity->holder_count && !identity->is_asking)
		identity_free(identity);
}

void
access_leave(Access *access, Identity *identity)
{
	(void) access;
	if (!identity)
		return;
	assert(identity->holder_count > 0);
	identity->holder_count--;
	free_if_unused(identity);
}

Identity *
access_share(Identity *identity)
{
	identity->holder_count++;
	return identity;
}

const char *
identity_organization(const Identity *identity)
{
	return identity->organization;
}

const char *
identity_subject(const Identity *identity)
{
	return identity->subject;
}

const char *
identity_claims(const Identity *identity)
{
	return identity->claims;
}

/* Answers */

/* Tells all who wait.  They may ask again, or leave, which is why this holds the identity. */
static void
tell(Identity *identity, AccessVerdict verdict)
{
	List waiters;
	ListNode *node;

	list_init(&waiters);
	while ((node = list_take_first(&identity->waiters)))
		list_append(&waiters, node);
	identity->holder_count++;
	while ((node = list_take_first(&waiters)))
	{
		Waiter *waiter = list_object(node, Waiter, in_identity);

		if (waiter->line)
			waiter->answer(waiter->line, verdict, verdict == ACCESS_GRANTED ? identity->scope : NULL);
		free(waiter);
	}
	identity->holder_count--;
}

static Scope *
read_scope(const PgResult *result)
{
	Scope *scope;
	bool is_fine;

	if (pg_result_count(result) == 0 || !pg_result_text(result, 0, 0) || !pg_result_text(result, 0, 1) ||
		!pg_result_text(result, 0, 2))
		return NULL;
	scope = scope_new(pg_result_text(result, 0, 0), pg_result_text(result, 0, 1), pg_result_text(result, 0, 2),
					  pg_result_text(result, 0, 3), pg_result_text(result, 0, 4));
	is_fine = scope != NULL;
	if (is_fine && pg_result_is_true(result, 0, 6))
		scope_limit(scope);
	for (int row = 0; is_fine && row < pg_result_count(result); row++)
		if (pg_result_text(result, row, 5))
			is_fine = scope_add_warehouse(scope, pg_result_text(result, row, 5));
	if (is_fine)
		return scope;
	scope_release(scope);
	return NULL;
}

/* What is answered about somebody who had a scope before: it holds, or sessions end. */
static void
take_scope(Identity *identity, Scope *fresh)
{
	bool had_other = identity->scope && (!fresh || !scope_is_equal(identity->scope, fresh));

	if (identity->scope && !had_other)
		return;
	scope_release(identity->scope);
	identity->scope = fresh ? scope_share(fresh) : NULL;
	if (had_other)
		identity->access->on_changed(identity->access->owner, identity->organization, identity->subject);
}

static void begin_question(Identity *identity);

static void
handle_scope(void *line, const PgResult *result)
{
	Identity *identity = line;
	Scope *fresh = result && pg_result_is_fine(result) ? read_scope(result) : NULL;
	bool is_denied = result && strcmp(pg_result_sqlstate(result), "IV403") == 0;

	identity->is_asking = false;
	identity->holder_count++;
	if (identity->is_stale)
		begin_question(identity);
	else if (fresh || is_denied)
	{
		take_scope(identity, fresh);
		tell(identity, fresh ? ACCESS_GRANTED : ACCESS_DENIED);
	}
	else
	{
		if (result && !pg_result_is_fine(result))
			log_gated(&identity->access->gate, "a scope could not be asked: %s (%s)", pg_result_message(result),
					  pg_result_sqlstate(result));
		tell(identity, ACCESS_UNAVAILABLE);
	}
	scope_release(fresh);
	identity->holder_count--;
	free_if_unused(identity);
}

static void
begin_question(Identity *identity)
{
	const char *parameters[] = {identity->claims};

	identity->is_stale = false;
	identity->is_asking = true;
	if (desk_ask(identity->access->desk, ask_scope, 1, parameters, handle_scope, identity))
		return;
	identity->is_asking = false;
	tell(identity, ACCESS_UNAVAILABLE);
}

void
access_ask(Access *access, Identity *identity, AccessAnswer answer, void *line)
{
	Waiter *waiter;

	(void) access;
	if (identity->scope && !identity->is_stale)
	{
		answer(line, ACCESS_GRANTED, identity->scope);
		return;
	}
	waiter = calloc(1, sizeof *waiter);
	if (!waiter)
	{
		answer(line, ACCESS_UNAVAILABLE, NULL);
		return;
	}
	waiter->answer = answer;
	waiter->line = line;
	list_append(&identity->waiters, &waiter->in_identity);
	if (!identity->is_asking)
		begin_question(identity);
}

bool
access_holds(const Identity *identity, const Scope *scope)
{
	return identity->scope == scope;
}

void
access_forget(Access *access, Identity *identity, const void *line)
{
	(void) access;
	if (!identity)
		return;
	for (ListNode *node = list_first(&identity->waiters); node; node = list_next(&identity->waiters, node))
	{
		Waiter *waiter = list_object(node, Waiter, in_identity);

		if (waiter->line == line)
			waiter->line = NULL;
	}
}

void
access_revoke(Access *access, const char *organization, const char *subject)
{
	for (size_t i = 0; i < BUCKET_COUNT; i++)
		for (ListNode *node = list_first(&access->buckets[i]); node; node = list_next(&access->buckets[i], node))
		{
			Identity *identity = list_object(node, Identity, in_bucket);

			if (strcmp(identity->organization, organization) != 0 || (subject && strcmp(identity->subject, subject) != 0))
				continue;
			scope_release(identity->scope);
			identity->scope = NULL;
			identity->is_stale = identity->is_asking;
		}
}

void
access_recheck(Access *access)
{
	for (size_t i = 0; i < BUCKET_COUNT; i++)
	{
		ListNode *next;

		for (ListNode *node = list_first(&access->buckets[i]); node; node = next)
		{
			Identity *identity = list_object(node, Identity, in_bucket);

			next = list_next(&access->buckets[i], node);
			if (!identity->is_asking && identity->scope)
				begin_question(identity);
		}
	}
}
