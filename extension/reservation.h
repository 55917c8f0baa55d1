/*
 * reservation.h
 *	  One reservation in memory: lock it, change its holds, write it back.
 *
 * A reservation is locked before any item.  A hold is a line of it: while
 * is_held, its quantity counts in the item's reserved quantity.  An overdue
 * reservation whose holds nobody has taken back yet is still active.
 */
#ifndef INV_RESERVATION_H
#define INV_RESERVATION_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "deadline.h"
#include "item.h"
#include "nodes/pg_list.h"

typedef enum InvReservationStatus
{
	INV_RESERVATION_ACTIVE,
	INV_RESERVATION_COMMITTED,
	INV_RESERVATION_RELEASED,
	INV_RESERVATION_EXPIRED
} InvReservationStatus;

typedef struct InvHold
{
	InvItemKey key;
	int64 inventory_id;
	int64 quantity;
	int64 quantity_committed;
	bool is_held;
	bool is_stored;
	bool is_changed;
	bool is_removed; /* replaced in this call: no longer a line, and not held */
} InvHold;

typedef struct InvReservation
{
	const char *organization_id;
	const char *reservation_id;
	InvReservationStatus status;
	const char *reference;
	const char *performed_by;
	TimestampTz expires_at;
	bool is_stored; /* was there before this call */
	bool is_changed;
	List *holds; /* of InvHold */
} InvReservation;

/*
 * Locks a reservation and reads its holds.  With may_create, a reservation
 * that does not exist is made, so that nobody else makes it; it goes again if
 * inv_reservation_write() finds it unchanged.  NULL: there is none.
 */
extern InvReservation *inv_reservation_lock(const char *organization_id, const char *reservation_id,
											bool may_create, InvDeadline *deadline);

/* The same without waiting; *is_busy says that somebody else has it in hand. */
extern InvReservation *inv_reservation_try_lock(const char *organization_id, const char *reservation_id,
												bool may_create, InvDeadline *deadline, bool *is_busy);

extern InvHold *inv_reservation_hold(const InvReservation *reservation, const InvItemKey *key);
extern InvHold *inv_reservation_add_hold(InvReservation *reservation, const InvItem *item, int64 quantity);

extern InvReservation *inv_reservation_copy(const InvReservation *reservation);

extern void inv_reservation_write(InvReservation *reservation);

/* An overdue hold on one item, taken back by inv_reservation_take_overdue(). */
typedef struct InvOverdue
{
	const char *organization_id;
	const char *reservation_id;
	const char *reference;
	int64 quantity;
	bool is_last; /* the reservation has no other hold left and is expired now */
} InvOverdue;

/*
 * Takes back the overdue holds on a locked item, except those of reservations
 * that somebody else, or this call (known: list of InvReservation), has in
 * hand.  Returns a list of InvOverdue; the item's figures are the caller's.
 */
extern List *inv_reservation_take_overdue(const InvItem *item, const List *known);

extern const char *inv_reservation_status_name(InvReservationStatus status);

#endif
