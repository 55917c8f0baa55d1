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

#include "movement.h"
#include "table.h"

/* Opens the part of the log that is written to now. */
extern void inv_event_log_open(InvTable *table);

/*
 * Appends what a written movement causes: always inventory.updated, and the
 * alerts whose edge it crossed.  Wakes the publisher at commit.
 */
extern void inv_event_write_movement(InvTable *table, const InvMovement *movement);

#endif
