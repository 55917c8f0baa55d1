/*
 * metrics_test.c
 *	  The numbers, as Prometheus reads them.
 */
#include "metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"

static bool
shows(const char *line)
{
	Buf text = {0};
	char wanted[200];
	bool is_there;

	metrics_append(&text);
	snprintf(wanted, sizeof wanted, "\ninventory_relay_%s\n", line);
	is_there = strstr(buf_text(&text), wanted) != NULL;
	buf_free(&text);
	return is_there;
}

/* Every line is a comment or "name[{labels}] value"; every name has its HELP and TYPE. */
static bool
is_well_formed(void)
{
	Buf text = {0};
	bool is_fine;
	char help[100] = "";
	char *rest;

	metrics_append(&text);
	is_fine = text.size && text.bytes[text.size - 1] == '\n';
	for (char *line = strtok_r(text.bytes, "\n", &rest); line && is_fine; line = strtok_r(NULL, "\n", &rest))
		if (strncmp(line, "# HELP ", 7) == 0)
			sscanf(line, "# HELP %99s", help);
		else if (strncmp(line, "# TYPE ", 7) == 0)
			is_fine = strncmp(line + 7, help, strlen(help)) == 0;
		else
			is_fine = strncmp(line, help, strlen(help)) == 0 && strchr(line, ' ');
	buf_free(&text);
	return is_fine;
}

int
main(void)
{
	ok(shows("events_read_total 0"), "a counter begins at zero");
	metrics_add(METRIC_EVENTS_READ, 2);
	metrics_add(METRIC_EVENTS_READ, 3e9);
	ok(shows("events_read_total 3000000002"), "and counts beyond 32 bits, without rounding");
	metrics_set(METRIC_SESSIONS, 12);
	metrics_set(METRIC_SESSIONS, 11);
	ok(shows("sessions 11"), "a gauge shows its last value");
	metrics_set(METRIC_ROUND_AGE, NAN);
	ok(shows("publisher_round_age_seconds NaN"), "what is not known is not a number");
	metrics_count_close(4101);
	metrics_count_close(0);
	metrics_count_close(4101);
	ok(shows("closes_total{code=\"4101\"} 2"), "closes are counted by code");
	ok(shows("closes_total{code=\"0\"} 1"), "also those of the peer");
	metrics_observe_delivery(1500);
	metrics_observe_delivery(-20);
	metrics_observe_delivery(60000000);
	ok(shows("commit_to_send_seconds_bucket{le=\"0.0005\"} 1"), "a clock that is behind counts as no time");
	ok(shows("commit_to_send_seconds_bucket{le=\"0.002\"} 2"), "a delivery counts in every bucket above it");
	ok(shows("commit_to_send_seconds_bucket{le=\"5\"} 2"), "and in none below");
	ok(shows("commit_to_send_seconds_bucket{le=\"+Inf\"} 3"), "the last bucket has all");
	ok(shows("commit_to_send_seconds_count 3"), "as has the count");
	metrics_add(METRIC_REFUSED_USER, 3);
	ok(shows("refused_total{limit=\"max-connections-per-user\"} 3"), "what is counted by kind has a label");
	metrics_observe_batch(3);
	ok(shows("batch_events_bucket{le=\"5\"} 1"), "batches are counted by their size");
	ok(is_well_formed(), "every line can be read by Prometheus");
	return tap_done();
}
