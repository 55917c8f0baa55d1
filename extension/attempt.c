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
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		what(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	/* any other error goes on, and whoever catches it must find his own subtransaction */
	if (error != NULL && error->sqlerrcode != INV_ERRCODE_CONFLICT)
		ReThrowError(error);
	return error == NULL;
}
