/*
 * records.h
 *	  Pages of what is written down about one item: its movements, its batches,
 *	  the reservations that hold it.  Newest first, from the database.
 *
 * Like a page of the inventory, one of these shows what is visible when it is
 * read, and comes with the tick from which on it may be shown.
 *
 * An item is named in the path or in the query:
 *
 *	  /api/inventory/PRODUCT/WAREHOUSE/movements
 *	  /api/inventory/movements?productId=PRODUCT&warehouseId=WAREHOUSE
 *
 * The library hands over paths decoded and tidied, so that an id with a slash
 * cannot be told from two: the second form takes those.
 */
#ifndef RECORDS_H
#define RECORDS_H

#include <stdint.h>

#include "buf.h"
#include "channel.h"
#include "desk.h"
#include "scope.h"

typedef struct Records Records;

typedef enum RecordKind
{
	RECORD_MOVEMENTS,
	RECORD_BATCHES,
	RECORD_RESERVATIONS
} RecordKind;

typedef struct RecordsQuery
{
	RecordKind kind;
	Channel item;
	char before[CHANNEL_ID_SIZE + 1]; /* the last row of the page before; "": from the newest */
	int64_t max_count;				  /* of rows */
} RecordsQuery;

typedef enum RecordsPath
{
	RECORDS_ELSEWHERE, /* no path of ours */
	RECORDS_BY_QUERY,
	RECORDS_BY_PATH,
	RECORDS_MALFORMED /* what stands there are not two ids */
} RecordsPath;

/* What a path asks for: sets the kind, and the item when it is by path. */
RecordsPath records_find(const char *path, RecordsQuery *query);

/* Takes over where a page begins.  False when no row of the kind could be named so. */
bool records_read_before(RecordsQuery *query, const char *text);

typedef struct RecordsPage
{
	Buf rows; /* of a JSON array, without its brackets; the receiver's */
	int64_t covered_by;
} RecordsPage;

typedef enum RecordsVerdict
{
	RECORDS_DONE,
	RECORDS_UNKNOWN,	 /* no such item, or not in the scope */
	RECORDS_UNAVAILABLE, /* no database */
	RECORDS_FAILED		 /* logged */
} RecordsVerdict;

/* Called once for each question.  page is NULL unless RECORDS_DONE. */
typedef void (*RecordsAnswer)(void *line, RecordsVerdict verdict, RecordsPage *page);

/* NULL without memory.  Nothing is asked any more when the desk has gone. */
Records *records_new(Desk *desk);

/* Questions still open get no answer.  NULL is fine. */
void records_free(Records *records);

/* Asks.  The answer may come before this returns. */
void records_ask(Records *records, const Scope *scope, const RecordsQuery *query, RecordsAnswer answer, void *line);

/* The line has gone: it gets no answer. */
void records_forget(Records *records, const void *line);

#endif
