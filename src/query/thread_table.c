/*
 * A hash table with open addressing; it doubles when it is half full.
 */
#include "query/thread_table.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>

struct thread_id thread_id_make(struct strv v, const uint64_t keys[4])
{
	return (struct thread_id){ { hash_bytes_seeded(v.p, v.n, keys),
		hash_bytes_seeded(v.p, v.n, keys + 2) } };
}

void thread_table_init(struct thread_table *table)
{
	*table = (struct thread_table){ .cap = 64 };
	table->v = mem_zalloc(table->cap * sizeof(*table->v));
}

void thread_table_fini(struct thread_table *table)
{
	free(table->v);
	*table = (struct thread_table){ .v = NULL };
}

static struct thread_slot *thread_table_find(const struct thread_table *table, const struct thread_id *id)
{
	size_t i = (size_t)id->v[0] & (table->cap - 1);
	for (;; i = (i + 1) & (table->cap - 1)) {
		struct thread_slot *slot = &table->v[i];
		if (slot->value == 0 || (slot->id.v[0] == id->v[0] && slot->id.v[1] == id->v[1]))
			return slot;
	}
}

static void thread_table_grow(struct thread_table *table)
{
	struct thread_table larger = { .used = table->used, .cap = table->cap * 2 };
	larger.v = mem_zalloc(larger.cap * sizeof(*larger.v));
	for (size_t i = 0; i < table->cap; i++)
		if (table->v[i].value != 0)
			*thread_table_find(&larger, &table->v[i].id) = table->v[i];
	free(table->v);
	*table = larger;
}

uint32_t *thread_table_at(struct thread_table *table, const struct thread_id *id)
{
	if (2 * (table->used + 1) > table->cap)
		thread_table_grow(table);
	struct thread_slot *slot = thread_table_find(table, id);
	if (slot->value == 0) {
		slot->id = *id;
		table->used++;
	}
	return &slot->value;
}
