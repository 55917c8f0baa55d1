/*
 * errors.h
 *	  The SQLSTATEs of the class IV: the last three digits are the HTTP status
 *	  a backend would answer with.
 *
 * docs/errors.md has a line for each.  Bad arguments are 22023, numbers out
 * of range 22003 and missing privileges 42501, as everywhere in PostgreSQL;
 * 40001 and 40P01 pass through untouched.
 */
#ifndef INV_ERRORS_H
#define INV_ERRORS_H

#include "utils/elog.h"

#define INV_ERRCODE_KEY_REUSED MAKE_SQLSTATE('I', 'V', '4', '0', '0')
#define INV_ERRCODE_FORBIDDEN MAKE_SQLSTATE('I', 'V', '4', '0', '3')
#define INV_ERRCODE_NOT_FOUND MAKE_SQLSTATE('I', 'V', '4', '0', '4')
#define INV_ERRCODE_CONFLICT MAKE_SQLSTATE('I', 'V', '4', '0', '9')
#define INV_ERRCODE_GONE MAKE_SQLSTATE('I', 'V', '4', '1', '0')
#define INV_ERRCODE_STALE MAKE_SQLSTATE('I', 'V', '4', '1', '2')
#define INV_ERRCODE_SHORT MAKE_SQLSTATE('I', 'V', '4', '2', '2')
#define INV_ERRCODE_BATCH_UNAVAILABLE MAKE_SQLSTATE('I', 'V', '4', '2', '3')

#endif
