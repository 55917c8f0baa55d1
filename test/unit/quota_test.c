/*
 * quota_test.c
 *	  What each of many holds and uses.
 */
#include "quota.h"

#include <stdio.h>

#include "tap.h"

int
main(void)
{
	Quotas *quotas = quotas_new();
	Quota *one = quotas_find(quotas, "one", 3, 1000);
	int64_t ignored;
	char key[16];

	ok(one && one == quotas_find(quotas, "one", 3, 1001), "the same key finds the same");
	ok(one != quotas_find(quotas, "one", 2, 1001), "a shorter one another");
	one->held_count = 1;
	quotas_sweep(quotas, 5000);
	is_number(quotas_count(quotas), 2, "who was here lately is remembered");
	quotas_sweep(quotas, 60000);
	is_number(quotas_count(quotas), 1, "who has gone is not");
	ok(one == quotas_find(quotas, "one", 3, 60000), "who holds something stays");
	for (int i = 0; i < 10000; i++)
		quotas_find(quotas, key, (size_t) sprintf(key, "%d", i), 60000);
	is_number(quotas_count(quotas), 10001, "there may be many");
	one->held_count = 0;
	bucket_take_many(&one->operations, 100, 1, 100, 60000, &ignored);
	quotas_sweep(quotas, 100000);
	is_number(quotas_count(quotas), 1, "who has used up what he may is remembered");
	quotas_sweep(quotas, 159000);
	ok(one == quotas_find(quotas, "one", 3, 149000), "until he may again");
	quotas_sweep(quotas, 161000);
	is_number(quotas_count(quotas), 0, "and all go");
	quotas_free(quotas);
	quotas_free(NULL);
	return tap_done();
}
