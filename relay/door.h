/*
 * door.h
 *	  Listens, and lets in whom there is room for.
 *
 * Listening sockets are ours and not the library's: a connection that is one
 * too many, or comes from an address that has or wants too many, is taken and
 * dropped before it costs more than that.  Left in the queue it would wake the
 * loop for ever.  Probes and metrics, on the addresses of the admin, are always
 * let in: they are asked for when there is much to do.
 */
#ifndef DOOR_H
#define DOOR_H

#include <stdbool.h>

#include "address.h"
#include "gate.h"
#include "loop.h"

typedef struct Door Door;

/* Who has been let in. */
typedef struct Arrival
{
	int fd;			  /* the receiver's to close */
	GatePass *pass;	  /* the receiver's to give back; NULL on an address of the admin */
	bool is_admin;	  /* came to such a one */
	bool is_loopback; /* came to an address of this machine only */
} Arrival;

typedef struct DoorHandlers
{
	unsigned (*count)(void *owner); /* of those who are inside */
	void (*on_arrival)(void *owner, const Arrival *arrival);
} DoorHandlers;

/* NULL without memory.  Gate and handlers outlive it. */
Door *door_new(Loop *loop, Gate *gate, unsigned max_count, const DoorHandlers *handlers, void *owner);

/* NULL is fine. */
void door_free(Door *door);

/* False, with errno set, when the address cannot be had. */
bool door_listen(Door *door, const Address *address, bool is_admin);

/* Nobody comes in any more. */
void door_close(Door *door);

/* Counts who was refused by the gate, and says so once in a while. */
void door_note_refusal(Door *door, GateVerdict verdict, const char *address);

#endif
