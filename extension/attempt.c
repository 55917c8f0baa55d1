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

/* NULL, or the error that has been undone. */
static ErrorData *
attempt(void (*what)(void *arg), void *arg)
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
	return error;
}

/* Any other error goes on, and whoever catches it must find his own subtransaction. */
bool
inv_attempt(void (*what)(void *arg), void *arg)
{
	ErrorData *error = attempt(what, arg);

	if (error != NULL && error->sqlerrcode != INV_ERRCODE_CONFLICT)
		ReThrowError(error);
	return error == NULL;
}

/* By its class. */
static bool
is_of_the_call(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return true;
		default:
			return false;
	}
}

ErrorData *
inv_attempt_one(void (*what)(void *arg), void *arg)
{
	ErrorData *error = attempt(what, arg);

	if (error != NULL && is_of_the_call(error->sqlerrcode))
		ReThrowError(error);
	return error;
}
