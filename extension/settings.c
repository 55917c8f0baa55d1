/*
 * settings.c
 *	  Declares the settings named inventory.*.
 *
 * What a caller may reasonably want to differ for one transaction is
 * PGC_USERSET; what the workers read is PGC_SIGHUP.
 */
#include "postgres.h"

#include <limits.h>

#include "settings.h"

#include "utils/guc.h"

int inv_lock_timeout_ms = 1500;
int inv_max_retries = 3;
int inv_tick_interval_ms = 5;
int inv_poll_interval_ms = 1000;
char *inv_notify_channel = NULL;
int inv_notify_payload = INV_PAYLOAD_POSITION;
int inv_max_count_age_s = 24 * 3600;
int inv_reservation_ttl_s = 15 * 60;
int inv_max_lines = 1000;
int inv_expiring_soon_min = 7 * 24 * 60;
int inv_event_retention_s = 24 * 3600;
int inv_event_max_size_mb = 4096;
int inv_operation_retention_min = 90 * 24 * 60;
int inv_janitor_interval_ms = 5000;
int inv_presence_timeout_ms = 60000;
char *inv_organization = NULL;
bool inv_require_organization = false;

static const struct config_enum_entry notify_payload_options[] = {
	{"position", INV_PAYLOAD_POSITION, false},
	{"events", INV_PAYLOAD_EVENTS, false},
	{NULL, 0, false}};

/* LISTEN cuts a longer name silently and pg_notify() refuses it. */
static bool
check_notify_channel(char **newval, void **extra, GucSource source)
{
	size_t length = strlen(*newval);

	if (length == 0 || length >= NAMEDATALEN)
	{
		GUC_check_errdetail("A channel name has 1 to %d bytes.", NAMEDATALEN - 1);
		return false;
	}
	return true;
}

static void
define_writer_settings(void)
{
	DefineCustomIntVariable("inventory.lock_timeout",
							"Sets how long one call may wait for row locks altogether.",
							"Past it the call fails with IV409 and nothing is changed. The default is the sum of the classic backoff of 100 ms times 1, 2, 4 and 8.",
							&inv_lock_timeout_ms,
							1500, 1, 600000,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("inventory.max_retries",
							"Sets how often an adjustment that was overtaken is tried again.",
							"The retry holds the row, so one is enough; 0 means to fail at once with IV409.",
							&inv_max_retries,
							3, 0, 100,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("inventory.max_lines",
							"Sets how many lines a cart, and how many operations a sync, may have.",
							NULL,
							&inv_max_lines,
							1000, 1, 10000,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("inventory.max_count_age",
							"Sets how old a count may be when it arrives.",
							"Movements since counted_at are added back to it, and the older it is, the less it says.",
							&inv_max_count_age_s,
							24 * 3600, 1, 366 * 24 * 3600,
							PGC_USERSET, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable("inventory.reservation_ttl",
							"Sets how long a reservation holds stock when it does not say so itself.",
							NULL,
							&inv_reservation_ttl_s,
							15 * 60, 1, 366 * 24 * 3600,
							PGC_USERSET, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomStringVariable("inventory.organization",
							   "Sets the organization that a session without claims works for.",
							   NULL,
							   &inv_organization,
							   "",
							   PGC_USERSET, 0,
							   NULL, NULL, NULL);
	DefineCustomBoolVariable("inventory.require_organization",
							 "Refuses sessions that name no organization.",
							 "For databases that serve several organizations, where the empty one is always a mistake.",
							 &inv_require_organization,
							 false,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);
}

static void
define_log_settings(void)
{
	DefineCustomIntVariable("inventory.tick_interval",
							"Sets the least time between two ticks under load.",
							"The first change after a quiet time ticks at once.",
							&inv_tick_interval_ms,
							5, 1, 10000,
							PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("inventory.poll_interval",
							"Sets how often the publisher looks for events without being woken.",
							"The safety net below the wake-up at commit. A relay calls the log stale after three of these.",
							&inv_poll_interval_ms,
							1000, 10, 60000,
							PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomStringVariable("inventory.notify_channel",
							   "Sets the channel on which the publisher notifies.",
							   NULL,
							   &inv_notify_channel,
							   "pg_inventory",
							   PGC_SIGHUP, 0,
							   check_notify_channel, NULL, NULL);
	DefineCustomEnumVariable("inventory.notify_payload",
							 "Sets what a notification carries: the tick and its number of events, or the events too.",
							 "Any role that may connect may listen, so events carries stock figures to all of them.",
							 &inv_notify_payload,
							 INV_PAYLOAD_POSITION, notify_payload_options,
							 PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
}

static void
define_janitor_settings(void)
{
	DefineCustomIntVariable("inventory.event_retention",
							"Sets how long events are kept for readers that were away.",
							"At least this long, and at most half as long again.",
							&inv_event_retention_s,
							24 * 3600, 1, 366 * 24 * 3600,
							PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable("inventory.event_max_size",
							"Sets how much disk the event log may take, whatever its retention.",
							"Beyond it the oldest third goes, and readers that were there get IV410.",
							&inv_event_max_size_mb,
							4096, 3, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("inventory.operation_retention",
							"Sets how long idempotency keys are remembered.",
							"It must be longer than any device stays offline: a retry after it is applied again.",
							&inv_operation_retention_min,
							90 * 24 * 60, 1, 10 * 366 * 24 * 60,
							PGC_SIGHUP, GUC_UNIT_MIN,
							NULL, NULL, NULL);
	DefineCustomIntVariable("inventory.expiring_soon",
							"Sets how long before its expiry a batch is said to expire soon.",
							NULL,
							&inv_expiring_soon_min,
							7 * 24 * 60, 0, 10 * 366 * 24 * 60,
							PGC_SIGHUP, GUC_UNIT_MIN,
							NULL, NULL, NULL);
	DefineCustomIntVariable("inventory.presence_timeout",
							"Sets how long a lease of presence lasts without being renewed.",
							"Then everybody who hangs on it has left. Relays renew theirs every 15 seconds.",
							&inv_presence_timeout_ms,
							60000, 100, 24 * 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("inventory.janitor_interval",
							"Sets the pause between two rounds of the janitor.",
							NULL,
							&inv_janitor_interval_ms,
							5000, 10, 3600000,
							PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
}

void
inv_settings_define(void)
{
	define_writer_settings();
	define_log_settings();
	define_janitor_settings();
	MarkGUCPrefixReserved("inventory");
}
