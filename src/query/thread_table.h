/*
 * A hash table from hashes of strings (message ids, subjects) to numbers. Pure memory.
 */
#ifndef COID_QUERY_THREAD_TABLE_H
#define COID_QUERY_THREAD_TABLE_H

#include "base/strv.h"

#include <stddef.h>
#include <stdint.h>

/* A hash of 128 bits with secret keys: equal only for equal strings. */
struct thread_id {
	uint64_t v[2];
};

struct thread_slot {
	struct thread_id id;
	uint32_t value; /* 0: free */
};

struct thread_table {
	struct thread_slot *v; /* own */
	size_t used;
	size_t cap; /* a power of two, at least twice `used` */
};

/* `keys`: four random numbers, the same for all strings that are compared. */
struct thread_id thread_id_make(struct strv v, const uint64_t keys[4]);

void thread_table_init(struct thread_table *table);
void thread_table_fini(struct thread_table *table);
/* The place of the value of that id. A new value is 0 and must be set. Valid until the next call. */
uint32_t *thread_table_at(struct thread_table *table, const struct thread_id *id);

#endif
