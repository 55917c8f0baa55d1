/*
 * bucket.h
 *	  A rate with a burst: so many at once, so many a second on average.
 *
 * What was taken is remembered and fades; nothing taken is a full bucket, so a
 * zeroed one is full.  Thousandths are counted, or refills would round away.
 * Rate and burst are given anew each time, since a reload may change them.
 */
#ifndef BUCKET_H
#define BUCKET_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Bucket
{
	int64_t taken_milli;
	int64_t at_ms;
	int64_t full_at_ms; /* if nothing more is taken: until then it has something to remember */
} Bucket;

static inline void
bucket_refill(Bucket *bucket, int64_t rate, int64_t now_ms)
{
	bucket->taken_milli -= (now_ms - bucket->at_ms) * rate;
	bucket->at_ms = now_ms;
	if (bucket->taken_milli < 0)
		bucket->taken_milli = 0;
}

/* Whether so many could be taken; if not, *retry_after_ms says when.  Not more than the burst. */
static inline bool
bucket_has_many(Bucket *bucket, int64_t count, int64_t rate, int64_t burst, int64_t now_ms, int64_t *retry_after_ms)
{
	int64_t over_milli;

	bucket_refill(bucket, rate, now_ms);
	over_milli = bucket->taken_milli + count * 1000 - burst * 1000;
	if (over_milli <= 0)
		return true;
	*retry_after_ms = over_milli / rate + 1;
	return false;
}

static inline bool
bucket_has(Bucket *bucket, int64_t rate, int64_t burst, int64_t now_ms, int64_t *retry_after_ms)
{
	return bucket_has_many(bucket, 1, rate, burst, now_ms, retry_after_ms);
}

/* Takes so many.  When there are less nothing is taken, and the answer is false. */
static inline bool
bucket_take_many(Bucket *bucket, int64_t count, int64_t rate, int64_t burst, int64_t now_ms, int64_t *retry_after_ms)
{
	if (!bucket_has_many(bucket, count, rate, burst, now_ms, retry_after_ms))
		return false;
	bucket->taken_milli += count * 1000;
	bucket->full_at_ms = now_ms + bucket->taken_milli / rate + 1;
	return true;
}

static inline bool
bucket_take(Bucket *bucket, int64_t rate, int64_t burst, int64_t now_ms, int64_t *retry_after_ms)
{
	return bucket_take_many(bucket, 1, rate, burst, now_ms, retry_after_ms);
}

#endif
