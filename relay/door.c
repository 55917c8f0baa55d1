/*
 * door.c
 *	  Listens, and lets in whom there is room for.
 *
 * Without a descriptor left nobody can be accepted, not even to be refused.  So
 * one is kept in reserve, and given up for that.
 */
#include "door.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "list.h"
#include "log.h"
#include "metrics.h"

/* Accepted in one go, before others have their turn. */
#define ACCEPT_BURST 64

typedef struct Listener
{
	ListNode in_door;
	Door *door;
	int fd;
	LoopWatch *watch;
	bool is_admin;
	bool is_loopback;
} Listener;

struct Door
{
	Loop *loop;
	Gate *gate;
	unsigned max_count;
	const DoorHandlers *handlers;
	void *owner;
	List listeners;
	int reserve_fd; /* -1 while there is none */
	LogGate full_gate;
	LogGate address_gate;
};

static int
open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

Door *
door_new(Loop *loop, Gate *gate, unsigned max_count, const DoorHandlers *handlers, void *owner)
{
	Door *door = calloc(1, sizeof *door);

	if (!door)
		return NULL;
	door->loop = loop;
	door->gate = gate;
	door->max_count = max_count;
	door->handlers = handlers;
	door->owner = owner;
	list_init(&door->listeners);
	door->reserve_fd = open_reserve();
	return door;
}

void
door_free(Door *door)
{
	if (!door)
		return;
	door_close(door);
	if (door->reserve_fd >= 0)
		close(door->reserve_fd);
	free(door);
}

static bool
has_room(Door *door)
{
	unsigned count = door->handlers->count(door->owner);

	if (count < door->max_count)
		return true;
	metrics_add(METRIC_REFUSED_CONNECTIONS, 1);
	log_gated(&door->full_gate, "refused a connection: there are %u (max-connections)", count);
	return false;
}

void
door_note_refusal(Door *door, GateVerdict verdict, const char *address)
{
	if (verdict == GATE_TOO_FAST)
	{
		metrics_add(METRIC_REFUSED_ACCEPTS, 1);
		log_gated(&door->address_gate, "refused a connection from %s: they come too fast (accept-rate)", address);
	}
	else if (verdict == GATE_TOO_MANY)
	{
		metrics_add(METRIC_REFUSED_ADDRESS, 1);
		log_gated(&door->address_gate, "refused a connection from %s: it has as many as it may (max-connections-per-address); "
									   "if that is a proxy, list it as trusted-proxy",
				  address);
	}
}

/* Whether the one at the other end may have another connection. */
static bool
may_enter(Listener *listener, const struct sockaddr_storage *peer, GatePass **pass)
{
	char address[ADDRESS_TEXT_SIZE];
	GateVerdict verdict;

	*pass = NULL;
	if (listener->is_admin)
		return true;
	verdict = gate_enter(listener->door->gate, peer, pass);
	if (verdict == GATE_OPEN)
		return true;
	address_format_host(address, peer);
	door_note_refusal(listener->door, verdict, address);
	return false;
}

/* Takes the next one and drops it.  False when that cannot be done either. */
static bool
turn_away(Door *door, int listening_fd)
{
	int fd = -1;

	if (door->reserve_fd >= 0)
	{
		close(door->reserve_fd);
		fd = accept4(listening_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	if (fd >= 0)
	{
		metrics_add(METRIC_REFUSED_FILES, 1);
		close(fd);
	}
	door->reserve_fd = open_reserve();
	return fd >= 0;
}

static void
accept_connections(void *owner)
{
	Listener *listener = owner;
	Door *door = listener->door;

	for (int i = 0; i < ACCEPT_BURST; i++)
	{
		struct sockaddr_storage peer = {0};
		socklen_t size = sizeof peer;
		GatePass *pass;
		int fd = accept4(listener->fd, (struct sockaddr *) &peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
		{
			bool is_full = errno == EMFILE || errno == ENFILE;

			if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
				log_gated(&door->full_gate, "a connection could not be accepted: %s", strerror(errno));
			if (is_full && turn_away(door, listener->fd))
				continue;
			return;
		}
		if ((!listener->is_admin && !has_room(door)) || !may_enter(listener, &peer, &pass))
			close(fd);
		else
			door->handlers->on_arrival(door->owner, &(Arrival){fd, pass, listener->is_admin, listener->is_loopback});
	}
}

bool
door_listen(Door *door, const Address *address, bool is_admin)
{
	static const WatchHandlers handlers = {.on_readable = accept_connections};
	Listener *listener = calloc(1, sizeof *listener);

	if (!listener)
		return false;
	listener->door = door;
	listener->is_admin = is_admin;
	listener->is_loopback = address->is_loopback;
	listener->fd = address_listen(address);
	if (listener->fd >= 0)
		listener->watch = loop_watch(door->loop, listener->fd, &handlers, listener);
	if (listener->watch)
	{
		list_append(&door->listeners, &listener->in_door);
		return true;
	}
	if (listener->fd >= 0)
		close(listener->fd);
	free(listener);
	return false;
}

void
door_close(Door *door)
{
	ListNode *node;

	while ((node = list_take_first(&door->listeners)))
	{
		Listener *listener = list_object(node, Listener, in_door);

		loop_watch_free(listener->watch);
		close(listener->fd);
		free(listener);
	}
}
