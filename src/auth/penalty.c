#include "auth/penalty.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

#define PENALTY_FIRST_MS 250
#define PENALTY_FORGET_MS (10 * 60 * 1000)

struct entry {
	UT_hash_handle hh;
	struct list_node node; /* in order of the last failure */
	char *key; /* own */
	unsigned failures;
	uint64_t last_ms;
};

struct penalty {
	pthread_mutex_t lock;
	struct entry *table;
	struct list order;
	size_t count;
	size_t max;
};

struct penalty *penalty_new(size_t entries_max)
{
	struct penalty *penalty = mem_zalloc(sizeof(*penalty));
	pthread_mutex_init(&penalty->lock, NULL);
	list_init(&penalty->order);
	penalty->max = entries_max;
	return penalty;
}

static void entry_drop(struct penalty *penalty, struct entry *entry)
{
	HASH_DEL(penalty->table, entry);
	list_remove(&entry->node);
	penalty->count--;
	free(entry->key);
	free(entry);
}

void penalty_free(struct penalty **penalty)
{
	struct penalty *p = *penalty;
	if (!p)
		return;
	while (!list_empty(&p->order))
		entry_drop(p, CONTAINER_OF(list_first(&p->order), struct entry, node));
	pthread_mutex_destroy(&p->lock);
	free(p);
	*penalty = NULL;
}

/* A remembered entry that has not been forgotten meanwhile, or NULL. */
static struct entry *entry_live(struct penalty *penalty, const char *key)
{
	struct entry *entry = NULL;
	HASH_FIND_STR(penalty->table, key, entry);
	if (entry && clock_mono_ms() - entry->last_ms > PENALTY_FORGET_MS) {
		entry_drop(penalty, entry);
		return NULL;
	}
	return entry;
}

static uint64_t delay_of(unsigned failures, uint64_t max_ms)
{
	if (failures == 0)
		return 0;
	unsigned shift = failures - 1 > 16 ? 16 : failures - 1;
	uint64_t delay = (uint64_t)PENALTY_FIRST_MS << shift;
	return delay < max_ms ? delay : max_ms;
}

uint64_t penalty_fail(struct penalty *penalty, const char *key, uint64_t max_ms)
{
	pthread_mutex_lock(&penalty->lock);
	struct entry *entry = entry_live(penalty, key);
	if (!entry) {
		if (penalty->count >= penalty->max)
			entry_drop(penalty, CONTAINER_OF(list_first(&penalty->order), struct entry, node));
		entry = mem_zalloc(sizeof(*entry));
		entry->key = mem_strdup(key);
		HASH_ADD_KEYPTR(hh, penalty->table, entry->key, strlen(entry->key), entry);
		penalty->count++;
	} else {
		list_remove(&entry->node);
	}
	list_append(&penalty->order, &entry->node);
	if (entry->failures < UINT32_MAX)
		entry->failures++;
	entry->last_ms = clock_mono_ms();
	uint64_t delay = delay_of(entry->failures, max_ms);
	pthread_mutex_unlock(&penalty->lock);
	return delay;
}

uint64_t penalty_peek(struct penalty *penalty, const char *key, uint64_t max_ms)
{
	pthread_mutex_lock(&penalty->lock);
	const struct entry *entry = entry_live(penalty, key);
	uint64_t delay = entry ? delay_of(entry->failures, max_ms) : 0;
	pthread_mutex_unlock(&penalty->lock);
	return delay;
}

void penalty_clear(struct penalty *penalty, const char *key)
{
	pthread_mutex_lock(&penalty->lock);
	struct entry *entry = NULL;
	HASH_FIND_STR(penalty->table, key, entry);
	if (entry)
		entry_drop(penalty, entry);
	pthread_mutex_unlock(&penalty->lock);
}
