/*
 * deadline.c
 *	  Bounds how long one call waits for row locks altogether.
 *
 * Nothing here sleeps and tries again: a compare-and-set that had to wait and
 * then missed still holds the row's lock, and a sleeping holder stops
 * everybody behind it.
 */
#include "postgres.h"

#include "counters.h"
#include "deadline.h"
#include "errors.h"
#include "settings.h"

#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

void
inv_deadline_begin(InvDeadline *deadline)
{
	deadline->started_at = GetCurrentTimestamp();
	deadline->ends_at = TimestampTzPlusMilliseconds(deadline->started_at, inv_lock_timeout_ms);
	deadline->is_over = false;
	deadline->guc_level = NewGUCNestLevel();
	deadline->context = CurrentMemoryContext;
}

void
inv_deadline_arm(InvDeadline *deadline)
{
	long left_ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline->ends_at);
	char value[32];

	if (deadline->is_over)
		left_ms = 1;
	if (left_ms <= 0)
		inv_deadline_raise(deadline);
	if (LockTimeout > 0 && LockTimeout <= left_ms)
		return;
	snprintf(value, sizeof(value), "%ld", left_ms);
	(void) set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

void
inv_deadline_end_waiting(InvDeadline *deadline)
{
	deadline->is_over = true;
}

void
inv_deadline_end(InvDeadline *deadline)
{
	AtEOXact_GUC(true, deadline->guc_level);
}

int
inv_deadline_waited_ms(const InvDeadline *deadline)
{
	return (int) TimestampDifferenceMilliseconds(deadline->started_at, GetCurrentTimestamp());
}

void
inv_deadline_raise(const InvDeadline *deadline)
{
	inv_counter_add(INV_COUNTER_LOCK_TIMEOUTS, 1);
	ereport(ERROR,
			errcode(INV_ERRCODE_CONFLICT),
			errmsg("could not lock the inventory row in time"),
			errdetail("{\"waited_ms\": %d}", inv_deadline_waited_ms(deadline)),
			errhint("Another transaction holds the row: retry with the same idempotency key, or raise inventory.lock_timeout."));
}

void
inv_deadline_rethrow(const InvDeadline *deadline)
{
	switch (geterrcode())
	{
		case ERRCODE_LOCK_NOT_AVAILABLE:
			MemoryContextSwitchTo(deadline->context);
			FlushErrorState();
			inv_deadline_raise(deadline);
			break;
		case ERRCODE_T_R_SERIALIZATION_FAILURE:
			errhint("Retry the transaction: within it the same row version would be read again.");
			break;
	}
	PG_RE_THROW();
}
