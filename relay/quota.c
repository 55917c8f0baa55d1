/*
 * quota.c
 *	  What each of many holds and uses: addresses, users.
 */
#include "quota.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define QUOTA_BUCKET_COUNT 4096

/* Who was here lately will be again. */
#define QUOTA_KEPT_MS 10000

struct Quotas
{
	List buckets[QUOTA_BUCKET_COUNT];
	size_t count;
	uint64_t hash_seed;
};

Quotas *
quotas_new(void)
{
	Quotas *quotas = calloc(1, sizeof *quotas);

	if (!quotas)
		return NULL;
	for (size_t i = 0; i < QUOTA_BUCKET_COUNT; i++)
		list_init(&quotas->buckets[i]);
	if (getrandom(&quotas->hash_seed, sizeof quotas->hash_seed, 0) < 0)
		quotas->hash_seed = 14695981039346656037u;
	return quotas;
}

void
quotas_free(Quotas *quotas)
{
	ListNode *node;

	if (!quotas)
		return;
	for (size_t i = 0; i < QUOTA_BUCKET_COUNT; i++)
		while ((node = list_take_first(&quotas->buckets[i])))
			free(list_object(node, Quota, in_bucket));
	free(quotas);
}

/* From a random start, since who we count chooses the keys. */
static List *
bucket_of(Quotas *quotas, const unsigned char *key, size_t key_size)
{
	uint64_t hash = quotas->hash_seed;

	for (size_t i = 0; i < key_size; i++)
		hash = (hash ^ key[i]) * 1099511628211u;
	return &quotas->buckets[(hash ^ hash >> 32) % QUOTA_BUCKET_COUNT];
}

Quota *
quotas_find(Quotas *quotas, const void *key, size_t key_size, int64_t now_ms)
{
	List *bucket = bucket_of(quotas, key, key_size);
	Quota *quota;

	for (ListNode *node = list_first(bucket); node; node = list_next(bucket, node))
	{
		quota = list_object(node, Quota, in_bucket);
		if (quota->key_size != key_size || memcmp(quota->key, key, key_size) != 0)
			continue;
		quota->seen_at_ms = now_ms;
		return quota;
	}
	quota = calloc(1, sizeof *quota + key_size);
	if (!quota)
		return NULL;
	quota->seen_at_ms = now_ms;
	quota->key_size = key_size;
	memcpy(quota->key, key, key_size);
	list_append(bucket, &quota->in_bucket);
	quotas->count++;
	return quota;
}

/* One whose buckets are not full again must not get full ones by being forgotten. */
static bool
is_kept(const Quota *quota, int64_t now_ms)
{
	return quota->held_count || now_ms - quota->seen_at_ms < QUOTA_KEPT_MS || now_ms < quota->accepts.full_at_ms ||
		   now_ms < quota->handshakes.full_at_ms || now_ms < quota->operations.full_at_ms;
}

void
quotas_sweep(Quotas *quotas, int64_t now_ms)
{
	for (size_t i = 0; i < QUOTA_BUCKET_COUNT && quotas->count; i++)
	{
		ListNode *next;

		for (ListNode *node = list_first(&quotas->buckets[i]); node; node = next)
		{
			Quota *quota = list_object(node, Quota, in_bucket);

			next = list_next(&quotas->buckets[i], node);
			if (is_kept(quota, now_ms))
				continue;
			list_remove(node);
			free(quota);
			quotas->count--;
		}
	}
}

size_t
quotas_count(const Quotas *quotas)
{
	return quotas->count;
}
