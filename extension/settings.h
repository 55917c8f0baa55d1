/*
 * settings.h
 *	  The settings named inventory.*.  Each is described where it is declared,
 *	  in settings.c.
 */
#ifndef INV_SETTINGS_H
#define INV_SETTINGS_H

#include "postgres.h"

typedef enum InvNotifyPayload
{
	INV_PAYLOAD_POSITION,
	INV_PAYLOAD_EVENTS
} InvNotifyPayload;

extern int inv_lock_timeout_ms;
extern int inv_max_retries;
extern int inv_tick_interval_ms;
extern int inv_poll_interval_ms;
extern char *inv_notify_channel;
extern int inv_notify_payload;
extern int inv_max_count_age_s;
extern int inv_reservation_ttl_s;
extern int inv_max_lines;
extern int inv_expiring_soon_min;
extern int inv_event_retention_s;
extern int inv_event_max_size_mb;
extern int inv_operation_retention_min;
extern int inv_janitor_interval_ms;
extern int inv_presence_timeout_ms;
extern char *inv_organization;
extern bool inv_require_organization;

extern void inv_settings_define(void);

#endif
