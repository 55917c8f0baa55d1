/*
 * movement.h
 *	  One row of the ledger: what was asked, what it did, and what it left.
 *
 * A movement is one version of its item.  It is computed in memory
 * (stock.c), and written only after the item's row has been.
 */
#ifndef INV_MOVEMENT_H
#define INV_MOVEMENT_H

#include "postgres.h"

#include "arguments.h"
#include "item.h"
#include "reservation.h"
#include "table.h"

typedef enum InvMovementType
{
	INV_MOVEMENT_CREATED,
	INV_MOVEMENT_SETTINGS,
	INV_MOVEMENT_IN,
	INV_MOVEMENT_OUT,
	INV_MOVEMENT_ADJUSTMENT,
	INV_MOVEMENT_COUNT,
	INV_MOVEMENT_RESERVE,
	INV_MOVEMENT_RELEASE,
	INV_MOVEMENT_COMMIT,
	INV_MOVEMENT_TRANSFER_IN,
	INV_MOVEMENT_TRANSFER_OUT,
	INV_MOVEMENT_EXPIRE,
	INV_MOVEMENT_RETIRED,
	INV_MOVEMENT_TYPES
} InvMovementType;

typedef struct InvMovement
{
	const InvItem *item; /* key and settings; its figures may be newer */
	InvMovementType type;
	int64 movement_id; /* drawn when written */
	int64 version;
	int64 quantity; /* as asked, with its sign */
	int64 delta_available;
	int64 delta_reserved;
	int64 available_after;
	int64 reserved_after;
	int64 shortfall; /* what on_shortage => 'partial' left out */
	InvAlertState alert_before;
	InvAlertState alert_after;
	bool is_oversold;  /* forced below the floor */
	bool is_unchanged; /* nothing to do: answered, but not written */
	const char *performed_by;
	const char *operation_id; /* NULL = a plain single change */
	const InvTail *tail;
	List *splits;					   /* of InvBatchSplit, when the item tracks batches */
	const InvReservation *reservation; /* of reserve, for the answer; may be NULL */
	TimestampTz created_at;
} InvMovement;

extern const char *inv_movement_type_name(InvMovementType type);

/* Draws the movement's id and appends its row. */
extern void inv_movement_write(InvTable *table, InvMovement *movement);

#endif
