/*
 * histogram_test.c
 *	  How often a value was at most so much.
 */
#include "histogram.h"

#include <string.h>

#include "tap.h"

int
main(void)
{
	Histogram histogram = {.bounds = {0.5, 1, 10}, .bound_count = 3};
	Buf text = {0};

	histogram_observe(&histogram, 0.5);
	histogram_observe(&histogram, 0.50001);
	histogram_observe(&histogram, 10);
	histogram_observe(&histogram, 1e9);
	histogram_append(&histogram, "x", &text);
	is_text(buf_text(&text),
			"x_bucket{le=\"0.5\"} 1\nx_bucket{le=\"1\"} 2\nx_bucket{le=\"10\"} 3\nx_bucket{le=\"+Inf\"} 4\n"
			"x_sum 1000000011.000010\nx_count 4\n",
			"a value counts from the first bound that is not below it");
	buf_free(&text);
	return tap_done();
}
