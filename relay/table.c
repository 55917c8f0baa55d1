/*
 * table.c
 *	  An intrusive hash table.
 */
#include "table.h"

#include <stdlib.h>
#include <sys/random.h>

#define FIRST_BUCKET_COUNT 64

bool
table_init(Table *table)
{
	*table = (Table){.bucket_count = FIRST_BUCKET_COUNT, .seed = 14695981039346656037u};
	table->buckets = calloc(table->bucket_count, sizeof(TableNode *));
	/* clients choose the keys: they must not be able to choose the buckets */
	(void) !getrandom(&table->seed, sizeof table->seed, 0);
	return table->buckets != NULL;
}

void
table_clear(Table *table)
{
	free(table->buckets);
	*table = (Table){0};
}

/* FNV-1a */
uint64_t
table_hash(const Table *table, int count, const char *const *texts)
{
	uint64_t hash = table->seed;

	for (int i = 0; i < count; i++)
		for (const char *c = texts[i];; c++)
		{
			hash = (hash ^ (unsigned char) *c) * 1099511628211u;
			if (!*c)
				break;
		}
	return hash ^ hash >> 32;
}

static void
grow(Table *table)
{
	size_t count = table->bucket_count * 2;
	TableNode **buckets = calloc(count, sizeof(TableNode *));

	if (!buckets)
		return;
	for (size_t i = 0; i < table->bucket_count; i++)
		for (TableNode *node = table->buckets[i], *next; node; node = next)
		{
			TableNode **bucket = &buckets[node->hash & (count - 1)];

			next = node->next;
			node->next = *bucket;
			*bucket = node;
		}
	free(table->buckets);
	table->buckets = buckets;
	table->bucket_count = count;
}

void
table_add(Table *table, TableNode *node, uint64_t hash)
{
	TableNode **bucket;

	if (++table->count > table->bucket_count)
		grow(table);
	bucket = &table->buckets[hash & (table->bucket_count - 1)];
	node->hash = hash;
	node->next = *bucket;
	*bucket = node;
}

void
table_remove(Table *table, TableNode *node)
{
	TableNode **place = &table->buckets[node->hash & (table->bucket_count - 1)];

	while (*place != node)
		place = &(*place)->next;
	*place = node->next;
	table->count--;
}

TableNode *
table_first(const Table *table, uint64_t hash)
{
	TableNode *node = table->buckets[hash & (table->bucket_count - 1)];

	return node && node->hash != hash ? table_next(node, hash) : node;
}

TableNode *
table_next(const TableNode *node, uint64_t hash)
{
	TableNode *next = node->next;

	while (next && next->hash != hash)
		next = next->next;
	return next;
}
