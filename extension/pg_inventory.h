/*
 * pg_inventory.h
 *	  Words and limits that every file of the extension shares.
 *
 * The vocabulary, used the same way in SQL, C and the documentation:
 *
 * An *item* is one product in one warehouse of one organization: a row of
 * inventory, and the mutex for everything about it.  Its stock on hand is
 * what is *available* (may be sold) plus what is *reserved* (promised).
 * A *movement* is a row of the ledger, and one movement is one *version* of
 * its item.  An *adjustment* is a signed difference; a *count* is an absolute
 * value.  An *event* tells the world about a movement; a *tick* is a batch of
 * events that became visible together.
 *
 * Limits are in bytes of UTF-8 and are told to the caller by name when they
 * are passed (arguments.c).
 */
#ifndef PG_INVENTORY_H
#define PG_INVENTORY_H

#include "postgres.h"

/* Stands before the return type, which every compiler we know accepts. */
#if PG_VERSION_NUM >= 180000
#define INV_NORETURN pg_noreturn
#else
#define INV_NORETURN pg_attribute_noreturn()
#endif

#define INV_EXTENSION_NAME "pg_inventory"

/* JSON numbers are exact in every browser up to here (RFC 8259, section 6). */
#define INV_MAX_NUMBER ((INT64CONST(1) << 53) - 1)

#define INV_MAX_ID_SIZE 200
#define INV_MAX_LABEL_SIZE 200 /* idempotency key, reference, performed_by */
#define INV_MAX_REASON_SIZE 500
#define INV_MAX_ATTRIBUTES_SIZE 4096
#define INV_MAX_ATTRIBUTES_TEXT_SIZE 8192

/* An event carries only this much of a reason, so that it stays below 1 KB. */
#define INV_EVENT_REASON_SIZE 100
#define INV_EVENT_LABEL_SIZE 100 /* and of performed_by: ids must be whole */

/* What reservation.expired carries of the lines, so that it stays below 2 KB. */
#define INV_EVENT_MAX_LINES 20
#define INV_EVENT_LINES_SIZE 1200

/* Who is written down for what nobody did but the clock. */
#define INV_SYSTEM_ACTOR "janitor"

/* How the workers call themselves in pg_stat_activity. */
#define INV_LAUNCHER_TYPE "pg_inventory launcher"
#define INV_PUBLISHER_TYPE "pg_inventory publisher"
#define INV_JANITOR_TYPE "pg_inventory janitor"
#define INV_PROBE_TYPE "pg_inventory probe"

#endif
