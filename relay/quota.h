/*
 * quota.h
 *	  What each of many holds and uses: addresses, users.
 *
 * A Quota is found by its key.  It is there while it holds something, and a
 * while longer, until its buckets are certainly full again; so nobody gets a
 * new one by going and coming back, and what is remembered is bounded by what
 * can happen in that time.
 */
#ifndef QUOTA_H
#define QUOTA_H

#include <stddef.h>
#include <stdint.h>

#include "bucket.h"
#include "list.h"

typedef struct Quotas Quotas;

/* The counts and buckets are the user's; the rest is the table's. */
typedef struct Quota
{
	unsigned held_count;
	Bucket accepts;
	Bucket handshakes;
	Bucket operations;

	ListNode in_bucket;
	int64_t seen_at_ms;
	size_t key_size;
	char key[];
} Quota;

/* NULL without memory. */
Quotas *quotas_new(void);
void quotas_free(Quotas *quotas);

/* Found, or made; NULL without memory.  Good until the next sweep, or while something is held. */
Quota *quotas_find(Quotas *quotas, const void *key, size_t key_size, int64_t now_ms);

/* Frees those that hold nothing, were not asked for lately and have full buckets. */
void quotas_sweep(Quotas *quotas, int64_t now_ms);

size_t quotas_count(const Quotas *quotas);

#endif
