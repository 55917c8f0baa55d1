/*
 * metrics.c
 *	  Counters and gauges of this process, in Prometheus' text format.
 *
 * The histogram's clock starts at the event's created_at, which is the
 * database's clock: on another machine the difference of the clocks is in it.
 */
#include "metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#define PREFIX "inventory_relay_"

/* Close codes seen so far, with their counts.  The codes are a closed list (reason.h). */
#define CLOSE_CODE_COUNT 16

static const struct
{
	const char *name;
	const char *kind;
	const char *help;
} descriptions[METRIC_COUNT] = {
	[METRIC_CONNECTIONS] = {"connections", "gauge", "Open TCP connections."},
	[METRIC_SESSIONS] = {"sessions", "gauge", "Open WebSocket sessions."},
	[METRIC_SESSIONS_UNIDENTIFIED] = {"sessions_unidentified", "gauge", "WebSockets that have not said who they are."},
	[METRIC_SUBSCRIPTIONS] = {"subscriptions", "gauge", "Channels followed, over all sessions."},
	[METRIC_CHANNELS] = {"channels", "gauge", "Channels that somebody follows."},
	[METRIC_SESSIONS_OPENED] = {"sessions_opened_total", "counter", "WebSocket sessions opened."},
	[METRIC_UPGRADES_REFUSED] = {"upgrades_refused_total", "counter", "WebSocket upgrades refused."},
	[METRIC_DENIALS] = {"denials_total", "counter", "Clients and channels refused for want of a good token or of rights."},
	[METRIC_HTTP_REQUESTS] = {"http_requests_total", "counter", "HTTP requests answered."},
	[METRIC_MESSAGES_RECEIVED] = {"messages_received_total", "counter", "Messages received from clients."},
	[METRIC_MESSAGES_RATE_LIMITED] = {"messages_rate_limited_total", "counter", "Messages refused for their rate."},
	[METRIC_ERRORS_SENT] = {"errors_sent_total", "counter", "Error replies to client messages."},
	[METRIC_EVENTS_READ] = {"events_read_total", "counter", "Events read from the database."},
	[METRIC_EVENTS_DELIVERED] = {"events_delivered_total", "counter", "Events queued for sessions, once per session."},
	[METRIC_EVENTS_REPLAYED] = {"events_replayed_total", "counter", "Events read from the log for clients that came back."},
	[METRIC_EVENTS_CONFLATED] = {"events_conflated_total", "counter", "Events replaced in a queue by a newer state of their item, counted when a session ends."},
	[METRIC_FRAMES_SENT] = {"frames_sent_total", "counter", "WebSocket frames written."},
	[METRIC_BYTES_SENT] = {"bytes_sent_total", "counter", "Payload bytes of the frames written."},
	[METRIC_DATABASE_UP] = {"database_up", "gauge", "1 while the event log is followed, else 0."},
	[METRIC_DATABASE_CONNECTS] = {"database_connects_total", "counter", "Connections made to follow the event log."},
	[METRIC_DATABASE_READS] = {"database_reads_total", "counter", "Reads of the event log."},
	[METRIC_RESUMES] = {"resumes_total", "counter", "Clients that came back with a position."},
	[METRIC_SNAPSHOT_PAGES] = {"snapshot_pages_total", "counter", "Pages of items read for clients."},
	[METRIC_RESYNCS] = {"resyncs_total", "counter", "Times the position was lost and clients had to reload."},
	[METRIC_ROUND_AGE] = {"publisher_round_age_seconds", "gauge", "Age of the publisher's last round at the last read."},
	[METRIC_QUEUED_BYTES] = {"queued_bytes", "gauge", "Bytes that wait for all clients."},
	[METRIC_RING_EVENTS] = {"ring_events", "gauge", "Recent events held in memory."},
	[METRIC_RING_BYTES] = {"ring_bytes", "gauge", "Bytes of the recent events held in memory."},
};

/* From half a millisecond, the best a quiet machine does, to what a person notices. */
static const double delivery_bounds[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};

#define DELIVERY_BOUND_COUNT (sizeof delivery_bounds / sizeof *delivery_bounds)

static double values[METRIC_COUNT];
static uint64_t delivery_counts[DELIVERY_BOUND_COUNT + 1];
static double delivery_sum;
static struct
{
	int code;
	uint64_t count;
} closes[CLOSE_CODE_COUNT];

void
metrics_add(Metric metric, double amount)
{
	values[metric] += amount;
}

void
metrics_set(Metric metric, double value)
{
	values[metric] = value;
}

double
metrics_get(Metric metric)
{
	return values[metric];
}

void
metrics_count_close(int code)
{
	for (int i = 0; i < CLOSE_CODE_COUNT; i++)
		if (closes[i].code == code || !closes[i].count)
		{
			closes[i].code = code;
			closes[i].count++;
			return;
		}
}

void
metrics_observe_delivery(int64_t microseconds)
{
	double seconds = microseconds > 0 ? (double) microseconds / 1e6 : 0;
	size_t i = 0;

	while (i < DELIVERY_BOUND_COUNT && seconds > delivery_bounds[i])
		i++;
	delivery_counts[i]++;
	delivery_sum += seconds;
}

static void
append_head(Buf *buf, const char *name, const char *kind, const char *help)
{
	buf_printf(buf, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, kind);
}

static void
append_closes(Buf *buf)
{
	append_head(buf, "closes_total", "counter", "WebSocket sessions ended, by close code; 0 when the peer closed.");
	for (int i = 0; i < CLOSE_CODE_COUNT && closes[i].count; i++)
		buf_printf(buf, PREFIX "closes_total{code=\"%d\"} %llu\n", closes[i].code, (unsigned long long) closes[i].count);
}

static void
append_delivery(Buf *buf)
{
	uint64_t total = 0;

	append_head(buf, "commit_to_send_seconds", "histogram", "From an event's creation to its frame being written.");
	for (size_t i = 0; i < DELIVERY_BOUND_COUNT; i++)
	{
		total += delivery_counts[i];
		buf_printf(buf, PREFIX "commit_to_send_seconds_bucket{le=\"%g\"} %llu\n", delivery_bounds[i], (unsigned long long) total);
	}
	total += delivery_counts[DELIVERY_BOUND_COUNT];
	buf_printf(buf, PREFIX "commit_to_send_seconds_bucket{le=\"+Inf\"} %llu\n", (unsigned long long) total);
	buf_printf(buf, PREFIX "commit_to_send_seconds_sum %.6f\n", delivery_sum);
	buf_printf(buf, PREFIX "commit_to_send_seconds_count %llu\n", (unsigned long long) total);
}

void
metrics_append(Buf *buf)
{
	for (int i = 0; i < METRIC_COUNT; i++)
	{
		append_head(buf, descriptions[i].name, descriptions[i].kind, descriptions[i].help);
		if (isnan(values[i]))
			buf_printf(buf, PREFIX "%s NaN\n", descriptions[i].name);
		else
			buf_printf(buf, PREFIX "%s %.15g\n", descriptions[i].name, values[i]);
	}
	append_closes(buf);
	append_delivery(buf);
}
