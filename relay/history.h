/*
 * history.h
 *	  Answers the questions of replays from the database.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include <stdint.h>

#include "desk.h"
#include "inventory.h"
#include "replay.h"

typedef struct History History;

/* Can be changed at any time. */
typedef struct HistoryPace
{
	int64_t read_batch;	   /* events of a page of the log */
	int64_t snapshot_page; /* items of a page of a snapshot */
	size_t snapshot_size;  /* and its bytes, about */
} HistoryPace;

/* NULL without memory.  Nothing is asked any more when desk or inventory have gone. */
History *history_new(Desk *desk, Inventory *inventory, const HistoryPace *pace);

/* Questions still open get no answer.  NULL is fine. */
void history_free(History *history);

/* What replays_new() wants; and where the answers go. */
ReplaySource history_source(History *history);
void history_answer_to(History *history, Replays *replays);

/* The session ends: it gets no answer. */
void history_forget(History *history, const Session *session);

#endif
