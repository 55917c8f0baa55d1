/*
 * histogram.c
 *	  How often a value was at most so much, as Prometheus counts it.
 */
#include "histogram.h"

void
histogram_observe(Histogram *histogram, double value)
{
	size_t i = 0;

	while (i < histogram->bound_count && value > histogram->bounds[i])
		i++;
	histogram->counts[i]++;
	histogram->sum += value;
}

void
histogram_append(const Histogram *histogram, const char *name, Buf *buf)
{
	uint64_t total = 0;

	for (size_t i = 0; i < histogram->bound_count; i++)
	{
		total += histogram->counts[i];
		buf_printf(buf, "%s_bucket{le=\"%g\"} %llu\n", name, histogram->bounds[i], (unsigned long long) total);
	}
	total += histogram->counts[histogram->bound_count];
	buf_printf(buf, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long) total);
	buf_printf(buf, "%s_sum %.6f\n%s_count %llu\n", name, histogram->sum, name, (unsigned long long) total);
}
