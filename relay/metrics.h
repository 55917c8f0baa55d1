/*
 * metrics.h
 *	  Counters and gauges of this process, in Prometheus' text format.
 *
 * There is one set of them, as there is one process.  Names, kinds and help
 * stand in one table in metrics.c.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

typedef enum Metric
{
	METRIC_CONNECTIONS,
	METRIC_OPEN_FILES_LIMIT,
	METRIC_TLS_EXPIRY,
	METRIC_RELOADS,
	METRIC_RELOADS_REFUSED,
	METRIC_SESSIONS,
	METRIC_SESSIONS_PLAIN,
	METRIC_SESSIONS_ONE,
	METRIC_SESSIONS_UNIDENTIFIED,
	METRIC_SUBSCRIPTIONS,
	METRIC_CHANNELS,
	METRIC_SESSIONS_OPENED,
	METRIC_UPGRADES_REFUSED,
	METRIC_DENIALS,
	METRIC_REFUSED_CONNECTIONS,
	METRIC_REFUSED_ADDRESS,
	METRIC_REFUSED_USER,
	METRIC_REFUSED_ACCEPTS,
	METRIC_REFUSED_HANDSHAKES,
	METRIC_REFUSED_TIMEOUT,
	METRIC_REFUSED_UNIDENTIFIED,
	METRIC_REFUSED_HELLO,
	METRIC_HTTP_REQUESTS,
	METRIC_MESSAGES_RECEIVED,
	METRIC_MESSAGES_RATE_LIMITED,
	METRIC_ERRORS_SENT,
	METRIC_EVENTS_READ,
	METRIC_EVENTS_DELIVERED,
	METRIC_EVENTS_REPLAYED,
	METRIC_EVENTS_CONFLATED,
	METRIC_FRAMES_SENT,
	METRIC_BYTES_SENT,
	METRIC_DATABASE_UP,
	METRIC_DATABASE_CONNECTS,
	METRIC_DATABASE_READS,
	METRIC_DATABASE_QUESTIONS,
	METRIC_RESUMES_RECOVERED,
	METRIC_RESUMES_OTHER,
	METRIC_SNAPSHOT_PAGES,
	METRIC_RESYNCS_LOG,
	METRIC_RESYNCS_POSITION,
	METRIC_ROUND_AGE,
	METRIC_OPERATIONS_APPLIED,
	METRIC_OPERATIONS_REPLAYED,
	METRIC_OPERATIONS_REFUSED,
	METRIC_OPERATIONS_RETRIED,
	METRIC_OPERATIONS_QUEUED,
	METRIC_OPERATIONS_WAITING,
	METRIC_OPERATION_BATCHES,
	METRIC_QUEUED_BYTES,
	METRIC_RING_EVENTS,
	METRIC_RING_BYTES,
	METRIC_RING_SECONDS,
	METRIC_COUNT
} Metric;

void metrics_add(Metric metric, double amount);
void metrics_set(Metric metric, double value);

/* One WebSocket closed with this code; 0 when the peer closed. */
void metrics_count_close(int code);

/* Time from an event's creation in the database to its frame being written. */
void metrics_observe_delivery(int64_t microseconds);

/* Events that went out in one frame, to a client that takes several. */
void metrics_observe_batch(size_t event_count);

double metrics_get(Metric metric);
void metrics_append(Buf *buf);

#endif
