/*
 * bucket_test.c
 *	  A rate with a burst.
 */
#include "bucket.h"

#include "tap.h"

int
main(void)
{
	Bucket bucket = {0};
	int64_t wait = 0;
	unsigned count = 0;

	while (bucket_take(&bucket, 10, 20, 1000000, &wait))
		count++;
	is_number(count, 20, "a full bucket gives its burst");
	is_number(wait, 101, "and then says when it has the next");
	ok(!bucket_take(&bucket, 10, 20, 1000099, &wait), "not a moment earlier");
	is_number(wait, 2, "and not later");
	ok(bucket_take(&bucket, 10, 20, 1000101, &wait), "then it has it");
	for (int64_t now = 1000102; now < 1010101; now++)
		count += bucket_take(&bucket, 10, 20, now, &wait);
	is_number(count, 120, "over ten seconds it gives what the rate says, though asked every millisecond");
	ok(bucket_has(&bucket, 10, 20, 1020000, &wait) && bucket_has(&bucket, 10, 20, 1020000, &wait), "looking takes nothing");
	is_number(bucket.taken_milli, 0, "and a rest fills it, not further than full");
	bucket = (Bucket){0};
	ok(bucket_take(&bucket, 1, 1, 5, &wait) && !bucket_take(&bucket, 1, 1, 5, &wait), "one a second is one");
	is_number(wait, 1001, "and the next a second later");
	return tap_done();
}
