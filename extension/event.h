/*
 * event.h
 *	  Writes the event log: what a committed change tells the world.
 *
 * Events are rows written under the item's lock by the transaction that
 * causes them.  Who reads them, in which batches, is the matter of tick.c.
 */
#ifndef INV_EVENT_H
#define INV_EVENT_H

#include "postgres.h"

#include "batch.h"
#include "movement.h"
#include "table.h"
#include "viewer.h"

/* Opens the part of the log that is written to now. */
extern void inv_event_log_open(InvTable *table);

/*
 * Appends what a written movement causes: always inventory.updated, and the
 * alerts whose edge it crossed.  Wakes the publisher at commit.
 */
extern void inv_event_write_movement(InvTable *table, const InvMovement *movement);

/* batch.expiring_soon or batch.expired; quantity is what is there, or was. */
extern void inv_event_write_batch(const char *type, const InvItem *item, const InvBatch *batch, int64 quantity);

/* presence.joined, .updated or .left; a reason for the last: left, moved or timeout. */
extern void inv_event_write_presence(const char *type, const InvViewer *viewer, const char *reason);

/* access.changed: relays look at the rights of the subject (NULL = everybody) anew. */
extern void inv_event_write_access(const char *organization_id, const char *subject);

/* reservation.expired, with the lines it had, as many as an event can carry. */
extern void inv_event_write_reservation_expired(const char *organization_id, const char *reservation_id);

#endif
