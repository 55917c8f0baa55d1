/*
 * attempt.c
 *	  Does something that may have to wait too long, and undoes it then.
 *
 * A wait for a lock that times out is an error, and only a subtransaction lets
 * go of what was locked before it.  One is enough for a whole phase of a
 * call, however many rows it locks.
 */
#include "postgres.h"

#include "attempt.h"
#include "errors.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

bool
inv_attempt(void (*what)(void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool is_done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		what(arg);
		ReleaseCurrentSubTransaction();
		is_done = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (geterrcode() != INV_ERRCODE_CONFLICT)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return is_done;
}
