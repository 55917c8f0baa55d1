/*
 * hash.h
 *	  A number for a text (FNV-1a), to find or to spread things by.
 *
 * Not for secrets: who chooses the texts can make numbers meet.
 */
#ifndef HASH_H
#define HASH_H

#include <stdint.h>

#define HASH_SEED 14695981039346656037u

/* Goes on from a hash; the text's end counts, so that "a", "bc" and "ab", "c" differ. */
static inline uint64_t
hash_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char) *text) * 1099511628211u;
	while (*text++);
	return hash;
}

/* The bits that differ little are spread over all. */
static inline uint64_t
hash_mix(uint64_t hash)
{
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdu;
	hash ^= hash >> 33;
	return hash;
}

#endif
