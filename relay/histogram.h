/*
 * histogram.h
 *	  How often a value was at most so much, as Prometheus counts it.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define HISTOGRAM_BOUND_COUNT 16

/* Made with its bounds, in rising order; the rest zero. */
typedef struct Histogram
{
	double bounds[HISTOGRAM_BOUND_COUNT];
	size_t bound_count;
	uint64_t counts[HISTOGRAM_BOUND_COUNT + 1]; /* the last: above all bounds */
	double sum;
} Histogram;

void histogram_observe(Histogram *histogram, double value);

/* The lines of a histogram with this name. */
void histogram_append(const Histogram *histogram, const char *name, Buf *buf);

#endif
