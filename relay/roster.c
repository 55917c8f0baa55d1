/*
 * roster.c
 *	  Who looks at what, everywhere: the picture that clients are shown.
 *
 * A Room is a channel of an organization, and there as long as somebody is in
 * it, or has just left.  A Seat is a connection in a room: who sits there now,
 * and who sat there when the followers were told last.  The difference is the
 * news, for each follower as far as he sees the one and the other: who moves
 * to other warehouses leaves for some and comes for others.
 *
 * A list is older than the events that are read while it is on its way.  They
 * are kept, and taken in once more behind it; each says all there is to say of
 * its connection, so nothing is wrong in the end.
 */
#include "roster.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json_tree.h"
#include "metrics.h"
#include "table.h"

/* Members in one frame of a state. */
#define STATE_PAGE 200

/* Followers that may be told in a millisecond, in one room. */
#define FOLLOWERS_PER_MS 20

/* What could not be told at once is looked at again this often. */
#define PATIENCE_MS 20

typedef struct Room
{
	TableNode in_table;
	List seats;
	List changed_seats;
	ListNode in_changed; /* while it has changed seats */
	int64_t next_ms;	 /* not told before */
	char *organization;
	Channel channel;
	char name[]; /* of the channel, then the organization */
} Room;

typedef struct Seat
{
	TableNode in_table;
	ListNode in_room;
	ListNode in_changed; /* while it has changed */
	Room *room;
	Member *now;		  /* NULL: has left */
	Member *before;		  /* while it has changed: as last told, NULL: was not there */
	unsigned list_number; /* of the last list it was on, or that it is newer than */
	char connection_id[];
} Seat;

struct Roster
{
	Hub *hub;
	LoopTimer *timer;
	Table rooms;
	Table seats;
	List changed_rooms;
	bool is_loaded;
	bool is_listing;
	unsigned list_number; /* of the last list that was asked for */
	Event **meanwhile;	  /* read while it is on its way */
	size_t meanwhile_count;
	size_t meanwhile_capacity;
};

static void
handle_timer(void *owner)
{
	roster_tell(owner);
}

Roster *
roster_new(Loop *loop, Hub *hub)
{
	Roster *roster = calloc(1, sizeof *roster);

	if (!roster)
		return NULL;
	roster->hub = hub;
	list_init(&roster->changed_rooms);
	roster->timer = loop_timer_new(loop, handle_timer, roster);
	if (table_init(&roster->rooms) && table_init(&roster->seats) && roster->timer)
		return roster;
	roster_end(roster);
	roster_free(roster);
	return NULL;
}

void
roster_end(Roster *roster)
{
	loop_timer_free(roster->timer);
	roster->timer = NULL;
}

static void
forget_meanwhile(Roster *roster)
{
	for (size_t i = 0; i < roster->meanwhile_count; i++)
		event_release(roster->meanwhile[i]);
	free(roster->meanwhile);
	roster->meanwhile = NULL;
	roster->meanwhile_count = roster->meanwhile_capacity = 0;
	roster->is_listing = false;
}

static void
seat_free(Roster *roster, Seat *seat)
{
	table_remove(&roster->seats, &seat->in_table);
	list_remove(&seat->in_room);
	list_remove(&seat->in_changed);
	member_release(seat->now);
	member_release(seat->before);
	free(seat);
}

static void
room_free(Roster *roster, Room *room)
{
	table_remove(&roster->rooms, &room->in_table);
	list_remove(&room->in_changed);
	free(room);
}

/* Calls with every room; it may be freed by the call. */
static void
each_room(Roster *roster, void (*visit)(Roster *roster, Room *room))
{
	for (size_t i = 0; i < roster->rooms.bucket_count; i++)
		for (TableNode *node = roster->rooms.buckets[i], *next; node; node = next)
		{
			next = node->next;
			visit(roster, list_object(node, Room, in_table));
		}
}

static void
empty_room(Roster *roster, Room *room)
{
	ListNode *node;

	while ((node = list_take_first(&room->seats)))
		seat_free(roster, list_object(node, Seat, in_room));
	room_free(roster, room);
}

void
roster_free(Roster *roster)
{
	if (!roster)
		return;
	forget_meanwhile(roster);
	if (roster->rooms.buckets)
		each_room(roster, empty_room);
	table_clear(&roster->rooms);
	table_clear(&roster->seats);
	free(roster);
}

size_t
roster_count(const Roster *roster)
{
	return roster->seats.count;
}

bool
roster_is_loaded(const Roster *roster)
{
	return roster->is_loaded;
}

/* Rooms and seats */

static Room *
find_room(const Roster *roster, const char *organization, const char *name, uint64_t *hash)
{
	const char *texts[] = {organization, name};

	*hash = table_hash(&roster->rooms, 2, texts);
	for (TableNode *node = table_first(&roster->rooms, *hash); node; node = table_next(node, *hash))
	{
		Room *room = list_object(node, Room, in_table);

		if (strcmp(room->organization, organization) == 0 && strcmp(room->name, name) == 0)
			return room;
	}
	return NULL;
}

static Room *
find_room_of(const Roster *roster, const char *organization, const Channel *channel)
{
	Buf name = {0};
	uint64_t ignored;
	Room *room;

	channel_append(&name, channel);
	room = name.failed ? NULL : find_room(roster, organization, buf_text(&name), &ignored);
	buf_free(&name);
	return room;
}

/* NULL without memory. */
static Room *
open_room(Roster *roster, const char *organization, const Channel *channel)
{
	Buf name = {0};
	uint64_t hash;
	Room *room;

	channel_append(&name, channel);
	room = name.failed ? NULL : find_room(roster, organization, buf_text(&name), &hash);
	if (!room && !name.failed && (room = calloc(1, sizeof *room + name.size + strlen(organization) + 2)))
	{
		strcpy(room->name, buf_text(&name));
		room->organization = strcpy(room->name + name.size + 1, organization);
		room->channel = *channel;
		list_init(&room->seats);
		list_init(&room->changed_seats);
		table_add(&roster->rooms, &room->in_table, hash);
	}
	buf_free(&name);
	return room;
}

static Seat *
find_seat(const Roster *roster, const Room *room, const char *connection_id, uint64_t *hash)
{
	const char *texts[] = {room->organization, room->name, connection_id};

	*hash = table_hash(&roster->seats, 3, texts);
	for (TableNode *node = table_first(&roster->seats, *hash); node; node = table_next(node, *hash))
	{
		Seat *seat = list_object(node, Seat, in_table);

		if (seat->room == room && strcmp(seat->connection_id, connection_id) == 0)
			return seat;
	}
	return NULL;
}

/* Somebody sits down, does something else, or leaves (NULL).  What is told is found later. */
static void
seat_set(Roster *roster, Seat *seat, Member *take_member)
{
	if (!list_is_linked(&seat->in_changed))
	{
		seat->before = seat->now;
		list_append(&seat->room->changed_seats, &seat->in_changed);
	}
	else
		member_release(seat->now);
	seat->now = take_member;
	if (!list_is_linked(&seat->room->in_changed))
		list_append(&roster->changed_rooms, &seat->room->in_changed);
}

/* A seat that is taken anew; the member is taken, and freed without memory. */
static void
seat_open(Roster *roster, Room *room, uint64_t hash, Member *take_member)
{
	Seat *seat = calloc(1, sizeof *seat + strlen(take_member->connection_id) + 1);

	if (!seat)
	{
		member_release(take_member);
		return;
	}
	strcpy(seat->connection_id, take_member->connection_id);
	seat->room = room;
	seat->list_number = roster->list_number;
	list_append(&room->seats, &seat->in_room);
	table_add(&roster->seats, &seat->in_table, hash);
	seat_set(roster, seat, take_member);
}

static void
set_member(Roster *roster, const MemberRow *row)
{
	Channel channel;
	Member *member = member_channel(row, &channel) ? member_new(row) : NULL;
	Room *room = member ? open_room(roster, row->organization, &channel) : NULL;
	Seat *seat;
	uint64_t hash;

	if (!room)
	{
		member_release(member);
		return;
	}
	seat = find_seat(roster, room, row->connection_id, &hash);
	if (!seat)
		seat_open(roster, room, hash, member);
	else
	{
		seat->list_number = roster->list_number;
		seat_set(roster, seat, member);
	}
}

/* Unless another presence of that connection has begun since. */
static void
remove_member(Roster *roster, const MemberRow *row)
{
	Channel channel;
	Room *room = member_channel(row, &channel) ? find_room_of(roster, row->organization, &channel) : NULL;
	uint64_t hash;
	Seat *seat = room ? find_seat(roster, room, row->connection_id, &hash) : NULL;

	if (seat && seat->now && strcmp(seat->now->id, row->id) == 0)
		seat_set(roster, seat, NULL);
}

static void
apply(Roster *roster, const Event *event)
{
	MemberRow row;
	struct json_object *tree = member_read_event(event->data, event->subject, &row);

	if (!tree)
		return;
	row.organization = event->organization;
	if (strcmp(event->type, "presence.left") == 0)
		remove_member(roster, &row);
	else
		set_member(roster, &row);
	json_free(tree);
}

static void
keep_meanwhile(Roster *roster, Event *event)
{
	if (roster->meanwhile_count == roster->meanwhile_capacity)
	{
		size_t capacity = roster->meanwhile_capacity ? roster->meanwhile_capacity * 2 : 64;
		Event **grown = realloc(roster->meanwhile, capacity * sizeof(void *));

		if (!grown)
			return;
		roster->meanwhile = grown;
		roster->meanwhile_capacity = capacity;
	}
	roster->meanwhile[roster->meanwhile_count++] = event_share(event);
}

void
roster_apply(Roster *roster, Event *event)
{
	if (roster->is_listing)
		keep_meanwhile(roster, event);
	if (roster->is_loaded)
		apply(roster, event);
}

/* Telling */

/* What is being told of one room, and the frame that one kind of followers shares. */
typedef struct News
{
	const Room *room;
	bool is_for_all;	/* there is nothing in it that some may not see */
	Frame *for_all;		/* made when the first one wants it */
	const Scope *scope; /* of the frame below */
	Frame *for_scope;
	bool is_empty_for_scope;
	size_t count;
} News;

typedef enum Part
{
	PART_JOINS,
	PART_UPDATES,
	PART_LEAVES
} Part;

/* Whether a change belongs to a part, as seen from a scope; NULL sees all. */
static bool
is_part(const Seat *seat, const Scope *scope, Part part)
{
	bool saw = seat->before && (!scope || member_is_seen(seat->before, scope));
	bool sees = seat->now && (!scope || member_is_seen(seat->now, scope));

	if (part == PART_UPDATES)
		return saw && sees && !member_is_equal(seat->before, seat->now);
	return part == PART_JOINS ? sees && !saw : saw && !sees;
}

/* Returns how many there were. */
static size_t
append_part(Buf *text, const Room *room, const Scope *scope, Part part)
{
	static const char *const names[] = {"joins", "updates", "leaves"};
	size_t count = 0;

	buf_printf(text, ",\"%s\":[", names[part]);
	for (ListNode *node = list_first(&room->changed_seats); node; node = list_next(&room->changed_seats, node))
	{
		const Seat *seat = list_object(node, Seat, in_changed);

		if (!is_part(seat, scope, part))
			continue;
		buf_append_text(text, count++ ? "," : "");
		if (part == PART_LEAVES)
			member_append_gone(text, seat->before);
		else
			member_append(text, seat->now);
	}
	buf_append_char(text, ']');
	return count;
}

/* NULL when there is nothing to tell, or no memory. */
static Frame *
diff_frame(const Room *room, const Scope *scope)
{
	Buf text = {0};
	Frame *frame = NULL;
	size_t count = 0;

	buf_append_text(&text, "{\"type\":\"presence.diff\",\"channel\":");
	buf_append_json(&text, room->name);
	for (Part part = PART_JOINS; part <= PART_LEAVES; part++)
		count += append_part(&text, room, scope, part);
	buf_append_char(&text, '}');
	if (count && !text.failed)
		frame = frame_of(text.bytes, text.size);
	buf_free(&text);
	return frame;
}

/* Sessions of one person share their scope, and come one after the other only by chance: the last frame is kept. */
static void
tell_session(void *owner, Session *session)
{
	News *news = owner;

	news->count++;
	if (news->is_for_all || session->scope->has_all_warehouses)
	{
		if (news->for_all && session_send(session, news->for_all))
			metrics_add(METRIC_PRESENCE_FRAMES, 1);
		return;
	}
	if (news->scope != session->scope)
	{
		frame_release(news->for_scope);
		news->scope = session->scope;
		news->for_scope = diff_frame(news->room, news->scope);
	}
	if (news->for_scope && session_send(session, news->for_scope))
		metrics_add(METRIC_PRESENCE_FRAMES, 1);
}

static bool
is_open(const Member *member)
{
	return !member || member->is_for_all;
}

static bool
has_secrets(const Room *room)
{
	for (ListNode *node = list_first(&room->changed_seats); node; node = list_next(&room->changed_seats, node))
	{
		const Seat *seat = list_object(node, Seat, in_changed);

		if (!is_open(seat->before) || !is_open(seat->now))
			return true;
	}
	return false;
}

/* What has been told is no news any more. */
static void
settle(Roster *roster, Room *room)
{
	ListNode *node;

	while ((node = list_take_first(&room->changed_seats)))
	{
		Seat *seat = list_object(node, Seat, in_changed);

		if (seat->now)
		{
			member_release(seat->before);
			seat->before = NULL;
		}
		else
			seat_free(roster, seat);
	}
	list_remove(&room->in_changed);
	if (list_is_empty(&room->seats))
		room_free(roster, room);
}

static void
tell_room(Roster *roster, Room *room, int64_t now_ms)
{
	News news = {.room = room, .is_for_all = !has_secrets(room), .for_all = diff_frame(room, NULL)};

	hub_each_follower(roster->hub, room->organization, &room->channel, tell_session, &news);
	frame_release(news.for_all);
	frame_release(news.for_scope);
	room->next_ms = now_ms + (int64_t) (news.count / FOLLOWERS_PER_MS);
	settle(roster, room);
}

void
roster_tell(Roster *roster)
{
	int64_t now_ms = clock_monotonic_ms();
	ListNode *next;

	for (ListNode *node = list_first(&roster->changed_rooms); node; node = next)
	{
		Room *room = list_object(node, Room, in_changed);

		next = list_next(&roster->changed_rooms, node);
		if (room->next_ms <= now_ms)
			tell_room(roster, room, now_ms);
	}
	if (!list_is_empty(&roster->changed_rooms) && roster->timer && !loop_timer_is_started(roster->timer))
		loop_timer_start(roster->timer, PATIENCE_MS);
}

/* States */

static void
send_page(Session *session, Buf *text, bool has_more)
{
	Frame *frame;

	buf_append_text(text, has_more ? "],\"more\":true}" : "]}");
	frame = text->failed ? NULL : frame_of(text->bytes, text->size);
	if (frame)
		session_send(session, frame);
	else
		session_close(session, REASON_INTERNAL);
	frame_release(frame);
	buf_free(text);
}

static void
begin_page(Buf *text, const char *name)
{
	buf_append_text(text, "{\"type\":\"presence.state\",\"channel\":");
	buf_append_json(text, name);
	buf_append_text(text, ",\"members\":[");
}

/* As last told: what has changed since comes with the next diff, to everybody alike. */
static const Member *
told_member(const Seat *seat)
{
	return list_is_linked(&seat->in_changed) ? seat->before : seat->now;
}

static void
send_members(Session *session, const Room *room, const char *name)
{
	Buf text = {0};
	size_t count = 0;

	begin_page(&text, name);
	for (ListNode *node = room ? list_first(&room->seats) : NULL; node; node = list_next(&room->seats, node))
	{
		const Member *member = told_member(list_object(node, Seat, in_room));

		if (!member_is_seen(member, session->scope))
			continue;
		if (count && count % STATE_PAGE == 0)
		{
			send_page(session, &text, true);
			begin_page(&text, name);
		}
		buf_append_text(&text, count++ % STATE_PAGE ? "," : "");
		member_append(&text, member);
	}
	send_page(session, &text, false);
}

void
roster_send_state(Roster *roster, Session *session, const Channel *channel)
{
	Buf name = {0};

	if (!roster->is_loaded)
		return;
	channel_append(&name, channel);
	if (name.failed)
		session_close(session, REASON_INTERNAL);
	else
		send_members(session, find_room_of(roster, session->scope->organization, channel), buf_text(&name));
	buf_free(&name);
}

/* Lists */

void
roster_begin_list(Roster *roster)
{
	forget_meanwhile(roster);
	roster->is_listing = true;
	roster->list_number++;
}

void
roster_give_up_list(Roster *roster)
{
	forget_meanwhile(roster);
}

/* Who is not on the list has left. */
static void
remove_unlisted(Roster *roster, Room *room)
{
	for (ListNode *node = list_first(&room->seats); node; node = list_next(&room->seats, node))
	{
		Seat *seat = list_object(node, Seat, in_room);

		if (seat->list_number != roster->list_number && seat->now)
			seat_set(roster, seat, NULL);
	}
}

static void
settle_quietly(Roster *roster, Room *room)
{
	if (list_is_linked(&room->in_changed))
		settle(roster, room);
}

typedef struct StateRound
{
	Roster *roster;
	Session *session;
} StateRound;

static void
send_state_of(void *owner, const char *name)
{
	StateRound *round = owner;
	Channel channel;

	if (channel_parse(&channel, name) && channel.is_presence)
		roster_send_state(round->roster, round->session, &channel);
}

static void
send_states(void *owner, Session *session)
{
	StateRound round = {owner, session};

	if (session->state == SESSION_OPEN && session->scope)
		hub_each_channel(session, send_state_of, &round);
}

void
roster_add_row(Roster *roster, const MemberRow *row)
{
	set_member(roster, row);
}

/* The state that everybody gets says it all. */
void
roster_end_list(Roster *roster)
{
	each_room(roster, remove_unlisted);
	for (size_t i = 0; i < roster->meanwhile_count; i++)
		apply(roster, roster->meanwhile[i]);
	forget_meanwhile(roster);
	each_room(roster, settle_quietly);
	roster->is_loaded = true;
	hub_each_session(roster->hub, send_states, roster);
}
