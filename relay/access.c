/*
 * access.c
 *	  Asks the database what somebody may see, and keeps the answer.
 *
 * An Identity is found by its claims.  It stands on one bucket while somebody
 * holds it.  Its question is open or not; lines that want the answer wait on
 * its list.  is_stale says that rights changed while the question was open,
 * and is_in_doubt that they may have changed since its scope was answered.
 *
 * When thousands come at once, the database is not asked thousands of times: a
 * question goes out at once if none has just been asked, and else waits a
 * moment for others, with which it is then asked as one.  A refusal fails the
 * whole statement, so such a round is asked again in halves, until those that
 * are refused stand alone.
 */
#include "access.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "list.h"
#include "log.h"

#define BUCKET_COUNT 4096

/* Time between two rounds of questions, and the most in one. */
#define ROUND_INTERVAL_MS 20
#define ROUND_MAX_COUNT 500

/* Questions asked as one. */
typedef struct Round
{
	Access *access;
	ListNode in_access;
	size_t count;
	Identity *identities[];
} Round;

typedef struct Waiter
{
	ListNode in_identity;
	AccessAnswer answer;
	void *line;
} Waiter;

struct Identity
{
	ListNode in_bucket;
	ListNode in_asking; /* while its question waits for a round */
	Access *access;
	unsigned holder_count;
	char *organization;
	char *subject;
	char *claims;
	Scope *scope; /* NULL while it is not known */
	bool is_asking;
	bool is_stale;
	bool is_in_doubt;
	List waiters;
};

struct Access
{
	Desk *desk;
	AccessChanged on_changed;
	void *owner;
	List buckets[BUCKET_COUNT];
	List asking;
	List rounds; /* on their way */
	LoopTimer *next_round;
	int64_t round_at_ms; /* of the last */
	LogGate gate;
};

enum
{
	COLUMN_NUMBER,
	COLUMN_ORGANIZATION,
	COLUMN_ROLE,
	COLUMN_ACTOR,
	COLUMN_NAME,
	COLUMN_PICTURE,
	COLUMN_WAREHOUSE,
	COLUMN_IS_LIMITED
};

/* A row for each warehouse, in the order of the claims. */
static const char ask_scopes[] =
	"SELECT c.number, s.organization_id, s.role, s.actor, s.name, s.picture, w.warehouse, s.warehouses IS NOT NULL "
	"FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY AS c(claims, number) "
	"CROSS JOIN LATERAL %s.inventory_relay_scope(c.claims) AS s "
	"LEFT JOIN LATERAL pg_catalog.unnest(s.warehouses) AS w(warehouse) ON true ORDER BY c.number";

static void ask_round(void *owner);

Access *
access_new(Loop *loop, Desk *desk, AccessChanged on_changed, void *owner)
{
	Access *access = calloc(1, sizeof *access);

	if (!access)
		return NULL;
	access->next_round = loop_timer_new(loop, ask_round, access);
	if (!access->next_round)
	{
		free(access);
		return NULL;
	}
	list_init(&access->asking);
	list_init(&access->rounds);
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
	list_remove(&identity->in_asking);
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
	access_end(access);
	while ((node = list_take_first(&access->rounds)))
		free(list_object(node, Round, in_access));
	for (size_t i = 0; i < BUCKET_COUNT; i++)
		while ((node = list_first(&access->buckets[i])))
			identity_free(list_object(node, Identity, in_bucket));
	free(access);
}

void
access_end(Access *access)
{
	loop_timer_free(access->next_round);
	access->next_round = NULL;
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

/* The scope of one of the round, whose rows begin at *row; moves on to those of the next. */
static Scope *
read_scope(const PgResult *result, int64_t number, int *row)
{
	int first = *row;
	Scope *scope;
	bool is_fine;

	while (*row < pg_result_count(result) && pg_result_number(result, *row, COLUMN_NUMBER) == number)
		++*row;
	if (*row == first || !pg_result_text(result, first, COLUMN_ORGANIZATION) || !pg_result_text(result, first, COLUMN_ROLE) ||
		!pg_result_text(result, first, COLUMN_ACTOR))
		return NULL;
	scope = scope_new(pg_result_text(result, first, COLUMN_ORGANIZATION), pg_result_text(result, first, COLUMN_ROLE),
					  pg_result_text(result, first, COLUMN_ACTOR), pg_result_text(result, first, COLUMN_NAME),
					  pg_result_text(result, first, COLUMN_PICTURE));
	is_fine = scope != NULL;
	if (is_fine && pg_result_is_true(result, first, COLUMN_IS_LIMITED))
		scope_limit(scope);
	for (int i = first; is_fine && i < *row; i++)
		if (pg_result_text(result, i, COLUMN_WAREHOUSE))
			is_fine = scope_add_warehouse(scope, pg_result_text(result, i, COLUMN_WAREHOUSE));
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

/* One of a round is answered. */
static void
take_answer(Identity *identity, Scope *fresh, bool is_denied)
{
	identity->is_asking = false;
	identity->holder_count++;
	if (identity->is_stale)
		begin_question(identity);
	else if (fresh || is_denied)
	{
		identity->is_in_doubt = false;
		take_scope(identity, fresh);
		tell(identity, fresh ? ACCESS_GRANTED : ACCESS_DENIED);
	}
	else
		tell(identity, ACCESS_UNAVAILABLE);
	identity->holder_count--;
	free_if_unused(identity);
}

static bool send_round(Access *access, Identity *const *identities, size_t count);

static void
fail_all(Identity *const *identities, size_t count)
{
	for (size_t i = 0; i < count; i++)
		take_answer(identities[i], NULL, false);
}

static void
ask_half(Access *access, Identity *const *identities, size_t count)
{
	if (!send_round(access, identities, count))
		fail_all(identities, count);
}

static void
handle_round(void *line, const PgResult *result)
{
	Round *round = line;
	Access *access = round->access;
	bool is_fine = result && pg_result_is_fine(result);
	bool is_denied = result && strcmp(pg_result_sqlstate(result), "IV403") == 0;
	int row = 0;

	list_remove(&round->in_access);
	if (result && !is_fine && round->count > 1)
	{
		ask_half(access, round->identities, round->count / 2);
		ask_half(access, round->identities + round->count / 2, round->count - round->count / 2);
		free(round);
		return;
	}
	if (result && !is_fine && !is_denied)
		log_gated(&access->gate, "a scope could not be asked: %s (%s)", pg_result_message(result),
				  pg_result_sqlstate(result));
	for (size_t i = 0; i < round->count; i++)
	{
		Scope *fresh = is_fine ? read_scope(result, (int64_t) i + 1, &row) : NULL;

		take_answer(round->identities[i], fresh, is_denied);
		scope_release(fresh);
	}
	free(round);
}

/* False when the database is not there, or there is no memory. */
static bool
send_round(Access *access, Identity *const *identities, size_t count)
{
	Round *round = malloc(sizeof *round + count * sizeof(Identity *));
	const char *claims[ROUND_MAX_COUNT];
	Buf array = {0};
	const char *parameters[1];
	bool is_sent;

	if (!round)
		return false;
	*round = (Round){.access = access, .count = count};
	memcpy(round->identities, identities, count * sizeof(Identity *));
	for (size_t i = 0; i < count; i++)
		claims[i] = identities[i]->claims;
	pg_append_array(&array, count, claims);
	parameters[0] = buf_text(&array);
	list_append(&access->rounds, &round->in_access);
	is_sent = !array.failed && desk_ask(access->desk, ask_scopes, 1, parameters, handle_round, round);
	buf_free(&array);
	if (is_sent)
		return true;
	list_remove(&round->in_access);
	free(round);
	return false;
}

/* Asks what has gathered. */
static void
ask_round(void *owner)
{
	Access *access = owner;
	Identity *identities[ROUND_MAX_COUNT];
	size_t count = 0;

	while (count < ROUND_MAX_COUNT && !list_is_empty(&access->asking))
		identities[count++] = list_object(list_take_first(&access->asking), Identity, in_asking);
	if (!count)
		return;
	access->round_at_ms = clock_monotonic_ms();
	if (!list_is_empty(&access->asking) && access->next_round)
		loop_timer_start(access->next_round, ROUND_INTERVAL_MS);
	if (!send_round(access, identities, count))
		fail_all(identities, count);
}

static void
queue_question(Identity *identity)
{
	identity->is_stale = false;
	identity->is_asking = true;
	list_append(&identity->access->asking, &identity->in_asking);
}

/* The next round goes now, or when its time has come. */
static void
arrange_round(Access *access)
{
	int64_t since_ms = clock_monotonic_ms() - access->round_at_ms;

	if (since_ms >= ROUND_INTERVAL_MS)
		ask_round(access);
	else if (access->next_round && !loop_timer_is_started(access->next_round))
		loop_timer_start(access->next_round, ROUND_INTERVAL_MS - since_ms);
}

static void
begin_question(Identity *identity)
{
	queue_question(identity);
	arrange_round(identity->access);
}

void
access_ask(Access *access, Identity *identity, AccessAnswer answer, void *line)
{
	Waiter *waiter;

	(void) access;
	if (identity->scope && !identity->is_stale && !identity->is_in_doubt)
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
	return identity->scope == scope && !identity->is_in_doubt;
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

/* What is on its way may be older than the doubt, like what is known. */
static void
ask_again(Identity *identity, bool is_in_doubt)
{
	identity->is_in_doubt = identity->is_in_doubt || is_in_doubt;
	if (!identity->is_asking && identity->scope)
		queue_question(identity);
	else if (is_in_doubt)
		identity->is_stale = identity->is_asking;
}

static void
ask_about_all(Access *access, bool is_in_doubt)
{
	for (size_t i = 0; i < BUCKET_COUNT; i++)
		for (ListNode *node = list_first(&access->buckets[i]); node; node = list_next(&access->buckets[i], node))
			ask_again(list_object(node, Identity, in_bucket), is_in_doubt);
	arrange_round(access);
}

void
access_recheck(Access *access)
{
	ask_about_all(access, false);
}

void
access_doubt(Access *access)
{
	ask_about_all(access, true);
}
