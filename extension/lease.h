/*
 * lease.h
 *	  Leases: what keeps viewers present.
 *
 * Somebody who knows viewers, a relay or a backend, holds a lease and renews
 * it; nobody asks the viewers.  When it has not been renewed for
 * inventory.presence_timeout, the lease and everybody on it go together.
 *
 * Only the clock of the server counts, and only ever against itself.
 *
 * Locks: who hangs a viewer on a lease holds it FOR KEY SHARE, which does not
 * hinder a renewal; who ends it holds it FOR UPDATE.  So nobody is hung on a
 * lease that is going.  Leases come before viewers, and who ends one never
 * waits for a viewer: what cannot be had is left for the next time.
 */
#ifndef INV_LEASE_H
#define INV_LEASE_H

#include "postgres.h"

#include "deadline.h"
#include "nodes/pg_list.h"

/*
 * One UPDATE.  False: there was no such lease, and now there is, with nobody
 * on it: whoever holds it has to register its viewers (again).
 */
extern bool inv_lease_renew(const char *session_id, const char *kind);

/* Keeps the lease from being ended until the transaction ends; raises IV410 when it has been. */
extern void inv_lease_hold(const char *session_id, InvDeadline *deadline);

/* The ids of the leases that were not renewed for so long, as a list of strings. */
extern List *inv_lease_overdue(int timeout_ms);

/*
 * Ends a lease that still is overdue, and returns how many viewers left with
 * it; -1: it was renewed, or somebody has it or one of its viewers in hand.
 */
extern int inv_lease_end(const char *session_id, int timeout_ms);

#endif
