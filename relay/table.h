/*
 * table.h
 *	  An intrusive hash table.
 *
 * The node lives inside the object, so adding allocates nothing but, now and
 * then, a longer row of buckets; without memory for that the table only gets
 * slower.  What makes two objects the same is the caller's to say: he looks
 * through the nodes of a hash.
 *
 *	  for (node = table_first(&table, hash); node; node = table_next(node, hash))
 *		  if (is_wanted(list_object(node, Thing, in_table)))
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TableNode
{
	struct TableNode *next;
	uint64_t hash;
} TableNode;

typedef struct Table
{
	TableNode **buckets;
	size_t bucket_count; /* a power of two */
	size_t count;
	uint64_t seed;
} Table;

/* False without memory. */
bool table_init(Table *table);

/* The nodes are their owners'. */
void table_clear(Table *table);

/* Of several texts, each with its end, so that (ab, c) and (a, bc) differ; begins at a random place. */
uint64_t table_hash(const Table *table, int count, const char *const *texts);

void table_add(Table *table, TableNode *node, uint64_t hash);
void table_remove(Table *table, TableNode *node);

/* Nodes of one hash. */
TableNode *table_first(const Table *table, uint64_t hash);
TableNode *table_next(const TableNode *node, uint64_t hash);

#endif
