/*
 * presence.c
 *	  The clients of this relay that look at something, and the lease they hang on.
 *
 * An Attendance is one connection at one channel.  It lives until the database
 * has been told that it is over, so it may outlive its connection; it is then
 * on nobody's list but ours.
 *
 * One question is under way at a time.  What clients say meanwhile waits on
 * the list of what is to be written, an entry for each attendance however
 * often it changes, and goes in one call.  So a slow database makes the calls
 * larger and not more, and what is over before it was written is not written.
 *
 * The lease is renewed on a timer.  When the answer is that there was none
 * (the janitor was faster, or a crash has emptied the tables), everybody is
 * written again.  The list of all members is then read once more, a little
 * later: other relays have the same to do, and until then their members are
 * better shown as they were than as gone.
 */
#include "presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "json_tree.h"
#include "log.h"
#include "metrics.h"

/* Changes of one call, and about its bytes. */
#define SYNC_COUNT 500
#define SYNC_SIZE 262144

/* After a failure; while the database is not connected, which costs nothing to see. */
#define RETRY_MS 1000
#define LOOK_MS 100

typedef struct Attendance
{
	ListNode in_mine;	   /* while the connection is there and has not left */
	ListNode in_all;	   /* of the relay */
	ListNode in_leaving;   /* while its grace lasts */
	ListNode in_unwritten; /* while the database does not know, or in the call under way */
	Attendances *mine;
	Scope *scope;
	Channel channel;
	const char *status;
	char *metadata; /* a JSON object */
	bool is_over;	/* to be written as having left */
	bool is_known;	/* the database may know of it */
	int64_t leaves_at_ms;
	unsigned change_number; /* counts what was said */
	unsigned sent_number;	/* of the call under way */
	char connection_id[];
} Attendance;

typedef enum Question
{
	QUESTION_NONE,
	QUESTION_TOUCH,
	QUESTION_SYNC,
	QUESTION_LIST
} Question;

struct Presence
{
	Desk *desk;
	Roster *roster;
	const PresencePace *pace;
	LoopTimer *timer;
	char session_id[33];
	List all;
	size_t count;
	List leaving; /* in the order of their time */
	List unwritten;
	List sent; /* the call under way */
	Question question;
	bool has_lease;
	bool was_listed;
	int64_t touch_at_ms; /* when the lease is to be renewed next */
	int64_t list_at_ms;	 /* when the list is to be read; 0: not */
	int64_t retry_at_ms; /* nothing is asked before */
	LogGate gate;
};

static void advance(Presence *presence);

static void
handle_timer(void *owner)
{
	advance(owner);
}

Presence *
presence_new(Loop *loop, Desk *desk, Roster *roster, const PresencePace *pace)
{
	Presence *presence = calloc(1, sizeof *presence);
	unsigned char random[16];

	if (!presence)
		return NULL;
	presence->desk = desk;
	presence->roster = roster;
	presence->pace = pace;
	list_init(&presence->all);
	list_init(&presence->leaving);
	list_init(&presence->unwritten);
	list_init(&presence->sent);
	presence->timer = loop_timer_new(loop, handle_timer, presence);
	if (!presence->timer || getrandom(random, sizeof random, 0) != sizeof random)
	{
		presence_end(presence);
		presence_free(presence);
		return NULL;
	}
	for (size_t i = 0; i < sizeof random; i++)
		sprintf(presence->session_id + 2 * i, "%02x", random[i]);
	advance(presence);
	return presence;
}

void
presence_end(Presence *presence)
{
	loop_timer_free(presence->timer);
	presence->timer = NULL;
	presence->desk = NULL;
}

/* Attendances */

void
attendances_init(Attendances *attendances)
{
	list_init(&attendances->list);
	attendances->count = 0;
}

static void
detach(Attendance *attendance)
{
	if (!attendance->mine)
		return;
	list_remove(&attendance->in_mine);
	attendance->mine->count--;
	attendance->mine = NULL;
}

static void
attendance_free(Presence *presence, Attendance *attendance)
{
	detach(attendance);
	list_remove(&attendance->in_all);
	list_remove(&attendance->in_leaving);
	list_remove(&attendance->in_unwritten);
	presence->count--;
	scope_release(attendance->scope);
	free(attendance->metadata);
	free(attendance);
}

void
presence_free(Presence *presence)
{
	ListNode *node;

	if (!presence)
		return;
	while ((node = list_take_first(&presence->all)))
		attendance_free(presence, list_object(node, Attendance, in_all));
	free(presence);
}

size_t
presence_count(const Presence *presence)
{
	return presence->count;
}

static bool
is_same_channel(const Channel *one, const Channel *other)
{
	return strcmp(one->product, other->product) == 0;
}

static Attendance *
find_mine(const Attendances *mine, const Channel *channel)
{
	for (ListNode *node = list_first(&mine->list); node; node = list_next(&mine->list, node))
	{
		Attendance *attendance = list_object(node, Attendance, in_mine);

		if (is_same_channel(&attendance->channel, channel))
			return attendance;
	}
	return NULL;
}

bool
presence_is_at(const Attendances *mine, const Channel *channel)
{
	return find_mine(mine, channel) != NULL;
}

/* To be written: behind what waits already, once. */
static void
change(Presence *presence, Attendance *attendance)
{
	attendance->change_number++;
	if (!list_is_linked(&attendance->in_unwritten))
		list_append(&presence->unwritten, &attendance->in_unwritten);
}

/* What the database never heard of needs no farewell. */
static void
end(Presence *presence, Attendance *attendance)
{
	detach(attendance);
	list_remove(&attendance->in_leaving);
	attendance->is_over = true;
	if (attendance->is_known)
		change(presence, attendance);
	else
		attendance_free(presence, attendance);
}

/* Whoever was thought to be leaving is back, through another connection. */
static void
end_leaving(Presence *presence, const Attendance *returned)
{
	ListNode *next;

	for (ListNode *node = list_first(&presence->leaving); node; node = next)
	{
		Attendance *attendance = list_object(node, Attendance, in_leaving);

		next = list_next(&presence->leaving, node);
		if (is_same_channel(&attendance->channel, &returned->channel) &&
			strcmp(attendance->scope->actor, returned->scope->actor) == 0 &&
			strcmp(attendance->scope->organization, returned->scope->organization) == 0)
			end(presence, attendance);
	}
}

/* One that has just left, and the database may not know it: it has to hear of both in their order, or of none. */
static Attendance *
find_over(const List *list, const char *connection_id, const Channel *channel)
{
	for (ListNode *node = list_first(list); node; node = list_next(list, node))
	{
		Attendance *attendance = list_object(node, Attendance, in_unwritten);

		if (attendance->is_over && is_same_channel(&attendance->channel, channel) &&
			strcmp(attendance->connection_id, connection_id) == 0)
			return attendance;
	}
	return NULL;
}

static void
attach(Attendance *attendance, Attendances *mine)
{
	attendance->mine = mine;
	list_append(&mine->list, &attendance->in_mine);
	mine->count++;
}

static Attendance *
revive(Presence *presence, Attendances *mine, const char *connection_id, const Channel *channel)
{
	Attendance *attendance = find_over(&presence->unwritten, connection_id, channel);

	if (!attendance)
		attendance = find_over(&presence->sent, connection_id, channel);
	if (!attendance)
		return NULL;
	attendance->is_over = false;
	attendance->status = "viewing";
	free(attendance->metadata);
	attendance->metadata = NULL;
	attach(attendance, mine);
	return attendance;
}

static Attendance *
attendance_new(Presence *presence, Attendances *mine, const char *connection_id, Scope *scope, const Channel *channel)
{
	Attendance *attendance = calloc(1, sizeof *attendance + strlen(connection_id) + 1);

	if (!attendance)
		return NULL;
	strcpy(attendance->connection_id, connection_id);
	attendance->scope = scope_share(scope);
	attendance->channel = *channel;
	attendance->status = "viewing";
	attach(attendance, mine);
	list_append(&presence->all, &attendance->in_all);
	presence->count++;
	return attendance;
}

bool
presence_track(Presence *presence, Attendances *mine, const char *connection_id, Scope *scope, const Channel *channel,
			   const Note *note)
{
	Attendance *attendance = find_mine(mine, channel);
	bool is_new = !attendance;
	char *metadata = note->metadata ? strdup(note->metadata) : NULL;

	if (note->metadata && !metadata)
		return false;
	if (is_new)
		attendance = revive(presence, mine, connection_id, channel);
	if (!attendance)
		attendance = attendance_new(presence, mine, connection_id, scope, channel);
	if (!attendance)
	{
		free(metadata);
		return false;
	}
	if (note->status)
		attendance->status = note->status;
	if (metadata)
	{
		free(attendance->metadata);
		attendance->metadata = metadata;
	}
	change(presence, attendance);
	if (is_new)
		end_leaving(presence, attendance);
	advance(presence);
	return true;
}

void
presence_leave(Presence *presence, Attendances *mine, const Channel *channel)
{
	Attendance *attendance = find_mine(mine, channel);

	if (!attendance)
		return;
	end(presence, attendance);
	advance(presence);
}

void
presence_gone(Presence *presence, Attendances *mine)
{
	ListNode *node;
	int64_t leaves_at_ms = clock_monotonic_ms() + presence->pace->grace_ms;

	while ((node = list_first(&mine->list)))
	{
		Attendance *attendance = list_object(node, Attendance, in_mine);

		detach(attendance);
		attendance->leaves_at_ms = leaves_at_ms;
		list_append(&presence->leaving, &attendance->in_leaving);
	}
	advance(presence);
}

static void
end_all_leaving(Presence *presence)
{
	ListNode *first;

	while ((first = list_first(&presence->leaving)))
		end(presence, list_object(first, Attendance, in_leaving));
}

bool
presence_farewell(Presence *presence)
{
	end_all_leaving(presence);
	advance(presence);
	return !presence->count || !desk_is_up(presence->desk);
}

/* Times */

static bool
is_overdue(const ListNode *leaving, int64_t now_ms)
{
	return leaving && list_object(leaving, Attendance, in_leaving)->leaves_at_ms <= now_ms;
}

static void
end_overdue(Presence *presence, int64_t now_ms)
{
	while (is_overdue(list_first(&presence->leaving), now_ms))
		end(presence, list_object(list_take_first(&presence->leaving), Attendance, in_leaving));
}

static int64_t
least(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

/* For what is due next, unless an answer comes first. */
static void
set_timer(Presence *presence, int64_t now_ms)
{
	int64_t at_ms = presence->touch_at_ms;
	ListNode *first = list_first(&presence->leaving);

	if (presence->list_at_ms)
		at_ms = least(at_ms, presence->list_at_ms);
	if (first)
		at_ms = least(at_ms, list_object(first, Attendance, in_leaving)->leaves_at_ms);
	if (at_ms < presence->retry_at_ms)
		at_ms = presence->retry_at_ms;
	if (presence->timer)
		loop_timer_start(presence->timer, at_ms > now_ms ? at_ms - now_ms : 1);
}

/* The database was not there, or had no good answer: all is asked again, the lease first. */
static void
fail(Presence *presence)
{
	presence->has_lease = false;
	presence->touch_at_ms = 0;
	presence->retry_at_ms = clock_monotonic_ms() + (desk_is_up(presence->desk) ? RETRY_MS : LOOK_MS);
}

/* NULL: the connection was lost, which is logged where it happens. */
static bool
is_fine(Presence *presence, const PgResult *result)
{
	presence->question = QUESTION_NONE;
	if (result && pg_result_is_fine(result))
		return true;
	if (result)
		log_gated(&presence->gate, "presence could not be written: %s (%s)", pg_result_message(result),
				  pg_result_sqlstate(result));
	fail(presence);
	return false;
}

/* The lease */

/* Nobody is on the lease: everybody is written again, and then it is looked up who else is there. */
static void
begin_lease(Presence *presence)
{
	ListNode *next;

	for (ListNode *node = list_first(&presence->all); node; node = next)
	{
		Attendance *attendance = list_object(node, Attendance, in_all);

		next = list_next(&presence->all, node);
		attendance->is_known = false;
		if (attendance->is_over)
			attendance_free(presence, attendance);
		else
			change(presence, attendance);
	}
	if (presence->list_at_ms || !presence->was_listed)
		return;
	log_info("the lease of presence was lost: %zu attendances are written again", presence->count);
	metrics_add(METRIC_PRESENCE_LEASES_LOST, 1);
	presence->list_at_ms = clock_monotonic_ms() + presence->pace->settle_ms;
}

static void
handle_touched(void *owner, const PgResult *result)
{
	Presence *presence = owner;

	if (is_fine(presence, result))
	{
		presence->touch_at_ms = clock_monotonic_ms() + presence->pace->heartbeat_ms;
		presence->has_lease = true;
		if (!pg_result_is_true(result, 0, 0))
			begin_lease(presence);
	}
	advance(presence);
}

static bool
touch(Presence *presence)
{
	const char *parameters[] = {presence->session_id};

	return desk_ask(presence->desk, "SELECT %s.presence_relay_touch($1)", 1, parameters, handle_touched, presence);
}

/* Writing */

static void
append_member(Buf *text, const char *name, const char *value)
{
	buf_printf(text, ",\"%s\":", name);
	buf_append_json(text, value);
}

static void
append_scope(Buf *text, const Scope *scope)
{
	append_member(text, "userId", scope->actor);
	if (scope->name)
		append_member(text, "userName", scope->name);
	if (scope->picture)
		append_member(text, "avatarUrl", scope->picture);
	if (scope->has_all_warehouses)
		return;
	buf_append_text(text, ",\"warehouses\":[");
	for (size_t i = 0; i < scope->warehouse_count; i++)
	{
		buf_append_text(text, i ? "," : "");
		buf_append_json(text, scope->warehouses[i]);
	}
	buf_append_char(text, ']');
}

static void
append_change(Buf *text, const Attendance *attendance)
{
	buf_printf(text, "{\"kind\":\"%s\"", attendance->is_over ? "leave" : "track");
	append_member(text, "organizationId", attendance->scope->organization);
	append_member(text, "clientId", attendance->connection_id);
	append_member(text, "resourceType", *attendance->channel.product ? "inventory_item" : "inventory_list");
	append_member(text, "resourceId", attendance->channel.product);
	if (!attendance->is_over)
	{
		append_scope(text, attendance->scope);
		append_member(text, "status", attendance->status);
		buf_printf(text, ",\"metadata\":%s", attendance->metadata ? attendance->metadata : "{}");
	}
	buf_append_char(text, '}');
}

/* Back to the front of what is to be written. */
static void
take_back(Presence *presence)
{
	ListNode *node;

	while (!list_is_empty(&presence->sent))
	{
		node = presence->sent.head.previous;
		list_remove(node);
		list_insert_after(&presence->unwritten.head, node);
	}
}

static void
log_refusals(Presence *presence, const PgResult *result)
{
	for (int row = 0; row < pg_result_count(result); row++)
		log_gated(&presence->gate, "the database refused a presence: %s (%s)", pg_result_text(result, row, 2),
				  pg_result_text(result, row, 1));
	metrics_add(METRIC_PRESENCE_REFUSED, pg_result_count(result));
}

/* What was said since is still to be written. */
static void
settle(Presence *presence)
{
	ListNode *node;

	while ((node = list_take_first(&presence->sent)))
	{
		Attendance *attendance = list_object(node, Attendance, in_unwritten);

		if (attendance->change_number != attendance->sent_number)
			list_append(&presence->unwritten, node);
		else if (attendance->is_over)
			attendance_free(presence, attendance);
	}
}

static void
handle_synced(void *owner, const PgResult *result)
{
	Presence *presence = owner;

	if (is_fine(presence, result))
	{
		log_refusals(presence, result);
		settle(presence);
	}
	else
		take_back(presence);
	advance(presence);
}

static bool
sync_unwritten(Presence *presence)
{
	Buf text = {0};
	const char *parameters[2] = {presence->session_id};
	ListNode *node;
	size_t count = 0;
	bool is_asked;

	buf_append_char(&text, '[');
	while (count < SYNC_COUNT && text.size < SYNC_SIZE && (node = list_take_first(&presence->unwritten)))
	{
		Attendance *attendance = list_object(node, Attendance, in_unwritten);

		attendance->sent_number = attendance->change_number;
		attendance->is_known = true;
		list_append(&presence->sent, node);
		buf_append_text(&text, count++ ? "," : "");
		append_change(&text, attendance);
	}
	buf_append_char(&text, ']');
	parameters[1] = buf_text(&text);
	is_asked = !text.failed && desk_ask(presence->desk, "SELECT seq, sqlstate, message FROM %s.presence_relay_sync($1, $2::jsonb)",
										2, parameters, handle_synced, presence);
	if (is_asked)
		metrics_add(METRIC_PRESENCE_CHANGES, (double) count);
	else
		take_back(presence);
	buf_free(&text);
	return is_asked;
}

/* Looking up */

enum
{
	COLUMN_ORGANIZATION,
	COLUMN_RESOURCE_TYPE,
	COLUMN_RESOURCE_ID,
	COLUMN_ID,
	COLUMN_CONNECTION_ID,
	COLUMN_USER_ID,
	COLUMN_NAME,
	COLUMN_AVATAR,
	COLUMN_WAREHOUSES,
	COLUMN_STATUS,
	COLUMN_METADATA,
	COLUMN_SINCE
};

/* Metadata is written as the events have it, or it would seem to have changed. */
static void
add_row(Roster *roster, const PgResult *result, int n)
{
	const char *metadata = pg_result_text(result, n, COLUMN_METADATA);
	const char *wrong;
	Json *tree = json_parse(metadata, strlen(metadata), &wrong);
	const MemberRow row = {
		.organization = pg_result_text(result, n, COLUMN_ORGANIZATION),
		.resource_type = pg_result_text(result, n, COLUMN_RESOURCE_TYPE),
		.resource_id = pg_result_text(result, n, COLUMN_RESOURCE_ID),
		.id = pg_result_text(result, n, COLUMN_ID),
		.connection_id = pg_result_text(result, n, COLUMN_CONNECTION_ID),
		.user_id = pg_result_text(result, n, COLUMN_USER_ID),
		.name = pg_result_text(result, n, COLUMN_NAME),
		.avatar = pg_result_text(result, n, COLUMN_AVATAR),
		.warehouses = pg_result_text(result, n, COLUMN_WAREHOUSES),
		.status = pg_result_text(result, n, COLUMN_STATUS),
		.metadata = tree ? json_text(tree) : "{}",
		.since_ms = pg_result_number(result, n, COLUMN_SINCE),
	};

	roster_add_row(roster, &row);
	json_free(tree);
}

static void
handle_list(void *owner, const PgResult *result)
{
	Presence *presence = owner;

	if (is_fine(presence, result))
	{
		for (int row = 0; row < pg_result_count(result); row++)
			add_row(presence->roster, result, row);
		roster_end_list(presence->roster);
		presence->list_at_ms = 0;
		presence->was_listed = true;
	}
	else
		roster_give_up_list(presence->roster);
	advance(presence);
}

static bool
ask_list(Presence *presence)
{
	bool is_asked;

	roster_begin_list(presence->roster);
	is_asked = desk_ask(presence->desk,
						"SELECT organization_id, resource_type, resource_id, id, client_id, user_id, user_name, avatar_url, "
						"pg_catalog.to_jsonb(warehouses), status, metadata, "
						"pg_catalog.floor(extract(epoch FROM since) * 1000)::bigint FROM %s.presence_relay_list()",
						0, NULL, handle_list, presence);

	if (!is_asked)
		roster_give_up_list(presence->roster);
	return is_asked;
}

void
presence_reload(Presence *presence)
{
	presence->list_at_ms = clock_monotonic_ms();
	advance(presence);
}

/* What is due first: the lease, without which nothing can be written; then what clients said. */
static Question
next_question(const Presence *presence, int64_t now_ms)
{
	if (now_ms < presence->retry_at_ms)
		return QUESTION_NONE;
	if (!presence->has_lease || now_ms >= presence->touch_at_ms)
		return QUESTION_TOUCH;
	if (!list_is_empty(&presence->unwritten))
		return QUESTION_SYNC;
	return presence->list_at_ms && now_ms >= presence->list_at_ms ? QUESTION_LIST : QUESTION_NONE;
}

static bool
ask(Presence *presence, Question question)
{
	switch (question)
	{
		case QUESTION_TOUCH:
			return touch(presence);
		case QUESTION_SYNC:
			return sync_unwritten(presence);
		case QUESTION_LIST:
			return ask_list(presence);
		default:
			return true;
	}
}

static void
advance(Presence *presence)
{
	int64_t now_ms = clock_monotonic_ms();

	if (!presence->desk)
		return;
	end_overdue(presence, now_ms);
	if (presence->question == QUESTION_NONE)
	{
		presence->question = next_question(presence, now_ms);
		if (!ask(presence, presence->question))
		{
			presence->question = QUESTION_NONE;
			fail(presence);
		}
	}
	set_timer(presence, now_ms);
}
