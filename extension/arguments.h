/*
 * arguments.h
 *	  Reads and checks the arguments of SQL-callable functions.
 *
 * A reader returns memory of the current context and raises 22023 with the
 * argument's name when the value breaks a limit.
 */
#ifndef INV_ARGUMENTS_H
#define INV_ARGUMENTS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"

/* What every writer takes after its own arguments.  NULL where not given. */
typedef struct InvTail
{
	const char *reason;
	const char *performed_by;
	const char *reference;
	const char *idempotency_key;
	TimestampTz occurred_at; /* DT_NOBEGIN when not given */
} InvTail;

/* An organization, product, warehouse, batch number ...: 1 to 200 bytes. */
extern void inv_check_id(const char *name, const char *value);

/* Text of at most max_size bytes without control characters; may be NULL. */
extern void inv_check_label(const char *name, const char *value, size_t max_size);

extern void inv_check_number(const char *name, int64 value);
extern void inv_check_time(TimestampTz value);

extern char *inv_arg_text(FunctionCallInfo fcinfo, int n);
extern char *inv_arg_id(FunctionCallInfo fcinfo, int n, const char *name);
extern int64 inv_arg_number(FunctionCallInfo fcinfo, int n, const char *name);

/* DT_NOBEGIN when null. */
extern TimestampTz inv_arg_time(FunctionCallInfo fcinfo, int n);

/* Months count as 30 days. */
extern int64 inv_interval_ms(const Interval *interval);

extern void inv_check_tail(const InvTail *tail);

/* Reads and checks the tail; n_* say where its arguments stand. */
extern void inv_arg_tail(FunctionCallInfo fcinfo, int n_reason, int n_performed_by, int n_reference,
						 int n_idempotency_key, int n_occurred_at, InvTail *tail);

#endif
