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

#include "histogram.h"

#define PREFIX "inventory_relay_"

/* Close codes seen so far, with their counts.  The codes are a closed list (reason.h). */
#define CLOSE_CODE_COUNT 16

static const struct
{
	const char *name;
	const char *kind;
	const char *help;
	const char *label; /* NULL: none.  Those of one name stand together */
} descriptions[METRIC_COUNT] = {
	[METRIC_CONNECTIONS] = {"connections", "gauge", "Open TCP connections."},
	[METRIC_OPEN_FILES_LIMIT] = {"open_files_limit", "gauge", "Files and sockets this process may have open."},
	[METRIC_TLS_EXPIRY] = {"tls_certificate_expiry_seconds", "gauge", "When the certificate ends, in seconds since 1970."},
	[METRIC_RELOADS] = {"reloads_total", "counter", "Configurations taken over by SIGHUP, and refused.", "taken=\"true\""},
	[METRIC_RELOADS_REFUSED] = {"reloads_total", NULL, NULL, "taken=\"false\""},
	[METRIC_SESSIONS] = {"sessions", "gauge", "Open WebSocket sessions."},
	[METRIC_SESSIONS_PLAIN] = {"sessions_by_protocol", "gauge", "Open WebSocket sessions, by what they speak.", "protocol=\"plain\""},
	[METRIC_SESSIONS_ONE] = {"sessions_by_protocol", NULL, NULL, "protocol=\"1\""},
	[METRIC_SESSIONS_UNIDENTIFIED] = {"sessions_unidentified", "gauge", "WebSockets that have not said who they are."},
	[METRIC_SUBSCRIPTIONS] = {"subscriptions", "gauge", "Channels followed, over all sessions."},
	[METRIC_CHANNELS] = {"channels", "gauge", "Channels that somebody follows."},
	[METRIC_SESSIONS_OPENED] = {"sessions_opened_total", "counter", "WebSocket sessions opened."},
	[METRIC_UPGRADES_REFUSED] = {"upgrades_refused_total", "counter", "WebSocket upgrades refused."},
	[METRIC_DENIALS] = {"denials_total", "counter", "Clients and channels refused for want of a good token or of rights."},
	[METRIC_REFUSED_CONNECTIONS] = {"refused_total", "counter", "Clients refused or cut off by a limit.", "limit=\"max-connections\""},
	[METRIC_REFUSED_FILES] = {"refused_total", NULL, NULL, "limit=\"max-open-files\""},
	[METRIC_REFUSED_ADDRESS] = {"refused_total", NULL, NULL, "limit=\"max-connections-per-address\""},
	[METRIC_REFUSED_USER] = {"refused_total", NULL, NULL, "limit=\"max-connections-per-user\""},
	[METRIC_REFUSED_ACCEPTS] = {"refused_total", NULL, NULL, "limit=\"accept-rate\""},
	[METRIC_REFUSED_HANDSHAKES] = {"refused_total", NULL, NULL, "limit=\"handshake-rate\""},
	[METRIC_REFUSED_TIMEOUT] = {"refused_total", NULL, NULL, "limit=\"handshake-timeout\""},
	[METRIC_REFUSED_UNIDENTIFIED] = {"refused_total", NULL, NULL, "limit=\"max-unidentified\""},
	[METRIC_REFUSED_HELLO] = {"refused_total", NULL, NULL, "limit=\"hello-timeout\""},
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
	[METRIC_DATABASE_QUESTIONS] = {"database_questions_total", "counter", "Questions to the database for clients: rights, pages of items and of the log."},
	[METRIC_RESUMES_RECOVERED] = {"resumes_total", "counter", "Clients that came back with a position, which was in memory or not.", "recovered=\"true\""},
	[METRIC_RESUMES_OTHER] = {"resumes_total", NULL, NULL, "recovered=\"false\""},
	[METRIC_SNAPSHOT_PAGES] = {"snapshot_pages_total", "counter", "Pages of items read for clients."},
	[METRIC_RESYNCS_LOG] = {"resyncs_total", "counter", "Times clients had to forget what they have: all when the relay's position is lost, one when its own is.", "reason=\"log\""},
	[METRIC_RESYNCS_POSITION] = {"resyncs_total", NULL, NULL, "reason=\"position\""},
	[METRIC_PRESENCE_MEMBERS] = {"presence_members", "gauge", "Connections that are present somewhere, of all relays, counted by channel."},
	[METRIC_PRESENCE_ATTENDANCES] = {"presence_attendances", "gauge", "The same of this relay, with those who may come back."},
	[METRIC_PRESENCE_CHANGES] = {"presence_changes_total", "counter", "Comings, changes and goings written to the database."},
	[METRIC_PRESENCE_REFUSED] = {"presence_refused_total", "counter", "Those that the database refused."},
	[METRIC_PRESENCE_FRAMES] = {"presence_frames_total", "counter", "Frames queued that tell a follower of a change."},
	[METRIC_PRESENCE_LEASES_LOST] = {"presence_leases_lost_total", "counter", "Times the lease was gone and everybody was written again."},
	[METRIC_ROUND_AGE] = {"publisher_round_age_seconds", "gauge", "Age of the publisher's last round at the last read."},
	[METRIC_OPERATIONS_APPLIED] = {"operations_applied_total", "counter", "Operations of clients that were done."},
	[METRIC_OPERATIONS_REPLAYED] = {"operations_replayed_total", "counter", "Operations that had been done before under their key."},
	[METRIC_OPERATIONS_REFUSED] = {"operations_refused_total", "counter", "Operations answered with an error."},
	[METRIC_OPERATIONS_RETRIED] = {"operation_retries_total", "counter", "Calls repeated after a failure that passes."},
	[METRIC_OPERATIONS_QUEUED] = {"operations_queued_total", "counter", "Times an operation had to wait for a row locked by others."},
	[METRIC_OPERATIONS_WAITING] = {"operations_waiting", "gauge", "Operations that are not answered yet."},
	[METRIC_OPERATION_BATCHES] = {"operation_batches_total", "counter", "Calls that brought operations into the database."},
	[METRIC_QUEUED_BYTES] = {"queued_bytes", "gauge", "Bytes that wait for all clients."},
	[METRIC_RING_EVENTS] = {"ring_events", "gauge", "Recent events held in memory."},
	[METRIC_RING_SECONDS] = {"ring_seconds", "gauge", "Age of the oldest event held in memory."},
	[METRIC_RING_BYTES] = {"ring_bytes", "gauge", "Bytes of the recent events held in memory."},
};

/* From half a millisecond, the best a quiet machine does, to what a person notices. */
static Histogram delivery = {
	.bounds = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5},
	.bound_count = 13,
};

/* Events that went out together, up to the most that a frame takes (session.c). */
static Histogram batch = {
	.bounds = {1, 2, 5, 10, 20, 50, 100, 200},
	.bound_count = 8,
};

static double values[METRIC_COUNT];
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
	histogram_observe(&delivery, microseconds > 0 ? (double) microseconds / 1e6 : 0);
}

void
metrics_observe_batch(size_t event_count)
{
	histogram_observe(&batch, (double) event_count);
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
append_value(Buf *buf, Metric metric)
{
	const char *label = descriptions[metric].label;

	buf_printf(buf, PREFIX "%s", descriptions[metric].name);
	if (label)
		buf_printf(buf, "{%s}", label);
	if (isnan(values[metric]))
		buf_append_text(buf, " NaN\n");
	else
		buf_printf(buf, " %.15g\n", values[metric]);
}

void
metrics_append(Buf *buf)
{
	for (Metric metric = 0; metric < METRIC_COUNT; metric++)
	{
		if (descriptions[metric].kind)
			append_head(buf, descriptions[metric].name, descriptions[metric].kind, descriptions[metric].help);
		append_value(buf, metric);
	}
	append_closes(buf);
	append_head(buf, "commit_to_send_seconds", "histogram", "From an event's creation to its frame being written.");
	histogram_append(&delivery, PREFIX "commit_to_send_seconds", buf);
	append_head(buf, "batch_events", "histogram", "Events in one frame, of clients that take batches.");
	histogram_append(&batch, PREFIX "batch_events", buf);
}
