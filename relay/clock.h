/*
 * clock.h
 *	  The two clocks.
 *
 * Intervals are measured on the monotonic clock; only what is shown to people
 * or compared with the database's time is wall clock.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t
clock_read_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline int64_t
clock_monotonic_ms(void)
{
	return clock_read_us(CLOCK_MONOTONIC) / 1000;
}

static inline int64_t
clock_monotonic_us(void)
{
	return clock_read_us(CLOCK_MONOTONIC);
}

static inline int64_t
clock_wall_us(void)
{
	return clock_read_us(CLOCK_REALTIME);
}

#endif
