#include "auth/guard.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

/* `filled` is the time when all guesses will be available again; each guess moves it by a part of the
 * window. */
struct guard_entry {
	UT_hash_handle hh;
	struct list_node node; /* in order of use */
	uint64_t filled; /* clock_mono_ms */
	uint64_t banned_until;
	uint64_t last_ms; /* of the last failure */
	unsigned failures;
	unsigned pending; /* guesses that are being checked */
	size_t size; /* octets of the key */
	char key[]; /* begins with the kind */
};

struct guard {
	pthread_mutex_t lock;
	struct guard_entry *table;
	struct list order;
	size_t count;
	size_t max;
};

struct guard *guard_new(size_t entries_max)
{
	struct guard *guard = mem_zalloc(sizeof(*guard));
	pthread_mutex_init(&guard->lock, NULL);
	list_init(&guard->order);
	guard->max = entries_max;
	return guard;
}

static void guard_entry_drop(struct guard *guard, struct guard_entry *entry)
{
	HASH_DEL(guard->table, entry);
	list_remove(&entry->node);
	guard->count--;
	free(entry);
}

void guard_free(struct guard **guard)
{
	struct guard *g = *guard;
	if (!g)
		return;
	while (!list_empty(&g->order))
		guard_entry_drop(g, CONTAINER_OF(list_first(&g->order), struct guard_entry, node));
	pthread_mutex_destroy(&g->lock);
	free(g);
	*guard = NULL;
}

/* Drops the key that was used longest ago and is neither banned nor being checked. If there is none among
 * the first few, it drops the first one. */
static void guard_evict(struct guard *guard, uint64_t now)
{
	struct guard_entry *victim = NULL;
	int tries = 0;

	LIST_EACH (node, &guard->order) {
		struct guard_entry *entry = CONTAINER_OF(node, struct guard_entry, node);
		if (entry->pending > 0)
			continue;
		if (!victim)
			victim = entry;
		if (entry->banned_until <= now) {
			victim = entry;
			break;
		}
		if (++tries == GUARD_EVICT_TRIES)
			break;
	}
	if (victim)
		guard_entry_drop(guard, victim);
}

static struct guard_entry *guard_find(struct guard *guard, enum guard_kind kind, const char *key, bool make)
{
	size_t size = strlen(key) + 1;
	char *name = mem_alloc(size);
	struct guard_entry *entry = NULL;

	name[0] = (char)('0' + kind);
	memcpy(name + 1, key, size - 1);
	HASH_FIND(hh, guard->table, name, size, entry);
	if (!entry && make) {
		if (guard->count >= guard->max)
			guard_evict(guard, clock_mono_ms());
		entry = mem_zalloc(sizeof(*entry) + size);
		memcpy(entry->key, name, size);
		entry->size = size;
		HASH_ADD_KEYPTR(hh, guard->table, entry->key, entry->size, entry);
		list_append(&guard->order, &entry->node);
		guard->count++;
	} else if (entry && make) {
		list_remove(&entry->node);
		list_append(&guard->order, &entry->node);
	}
	free(name);
	return entry;
}

/* The part of the window that a guess takes; 0: guesses are not limited. */
static uint64_t guard_cost(const struct guard_limits *limits, enum guard_kind kind)
{
	unsigned guesses = limits->guesses[kind];
	if (guesses == 0 || limits->window_ms == 0)
		return 0;
	return limits->window_ms >= guesses ? limits->window_ms / guesses : 1;
}

/* Tells whether `wanted` more guesses are left. */
static bool guard_has_room(const struct guard_limits *limits, enum guard_kind kind,
	const struct guard_entry *entry, uint64_t now, unsigned wanted)
{
	uint64_t used = entry->filled > now ? entry->filled - now : 0;
	return used + wanted * guard_cost(limits, kind) <= limits->window_ms;
}

static enum guard_verdict guard_look(struct guard *guard, const struct guard_limits *limits,
	enum guard_kind kind, const char *key, uint64_t now)
{
	const struct guard_entry *entry = guard_find(guard, kind, key, false);

	if (!entry)
		return GUARD_GO;
	if (entry->banned_until > now)
		return GUARD_REFUSED;
	if (guard_cost(limits, kind) == 0)
		return GUARD_GO;
	if (!guard_has_room(limits, kind, entry, now, 1))
		return GUARD_REFUSED;
	return guard_has_room(limits, kind, entry, now, entry->pending + 1) ? GUARD_GO : GUARD_WAIT;
}

enum guard_verdict guard_take(
	struct guard *guard, const struct guard_limits *limits, const struct guard_who *who)
{
	enum guard_verdict verdict = GUARD_GO;
	uint64_t now = clock_mono_ms();

	pthread_mutex_lock(&guard->lock);
	for (int kind = 0; kind < GUARD_KINDS; kind++) {
		enum guard_verdict one = GUARD_GO;
		if (who->key[kind])
			one = guard_look(guard, limits, (enum guard_kind)kind, who->key[kind], now);
		if (one > verdict)
			verdict = one;
	}
	for (int kind = 0; verdict == GUARD_GO && kind < GUARD_KINDS; kind++) {
		if (who->key[kind])
			guard_find(guard, (enum guard_kind)kind, who->key[kind], true)->pending++;
	}
	pthread_mutex_unlock(&guard->lock);
	return verdict;
}

void guard_release(struct guard *guard, const struct guard_who *who, bool right)
{
	pthread_mutex_lock(&guard->lock);
	for (int kind = 0; kind < GUARD_KINDS; kind++) {
		struct guard_entry *entry = NULL;
		if (who->key[kind])
			entry = guard_find(guard, (enum guard_kind)kind, who->key[kind], false);
		if (entry && entry->pending > 0)
			entry->pending--;
		if (entry && right && kind == GUARD_PAIR) {
			entry->failures = 0;
			entry->filled = 0;
		}
		/* A key without failures need not be remembered. */
		if (entry && entry->pending == 0 && entry->failures == 0)
			guard_entry_drop(guard, entry);
	}
	pthread_mutex_unlock(&guard->lock);
}

static void guard_count(struct guard_entry *entry, uint64_t now)
{
	if (entry->failures > 0 && now - entry->last_ms > GUARD_FORGET_MS)
		entry->failures = 0;
	if (entry->failures < UINT32_MAX)
		entry->failures++;
	entry->last_ms = now;
}

unsigned guard_failed(struct guard *guard, const struct guard_limits *limits, const struct guard_who *who)
{
	uint64_t now = clock_mono_ms();
	unsigned bans = 0;

	pthread_mutex_lock(&guard->lock);
	for (int i = 0; i < GUARD_KINDS; i++) {
		enum guard_kind kind = (enum guard_kind)i;
		if (!who->key[kind])
			continue;
		struct guard_entry *entry = guard_find(guard, kind, who->key[kind], true);
		if (entry->pending > 0)
			entry->pending--;
		guard_count(entry, now);
		uint64_t cost = guard_cost(limits, kind);
		if (cost == 0)
			continue;
		entry->filled = (entry->filled > now ? entry->filled : now) + cost;
		if (entry->banned_until <= now && !guard_has_room(limits, kind, entry, now, 1)) {
			entry->banned_until = now + limits->ban_ms;
			bans |= 1u << kind;
		}
	}
	pthread_mutex_unlock(&guard->lock);
	return bans;
}

void guard_refused(struct guard *guard, const struct guard_who *who)
{
	uint64_t now = clock_mono_ms();

	pthread_mutex_lock(&guard->lock);
	for (int kind = 0; kind < GUARD_KINDS; kind++) {
		/* Refused guesses of strangers must not delay the account's own answers. */
		if (who->key[kind] && kind != GUARD_ACCOUNT)
			guard_count(guard_find(guard, (enum guard_kind)kind, who->key[kind], true), now);
	}
	pthread_mutex_unlock(&guard->lock);
}

unsigned guard_failures(struct guard *guard, const struct guard_who *who)
{
	uint64_t now = clock_mono_ms();
	unsigned most = 0;

	pthread_mutex_lock(&guard->lock);
	for (int kind = 0; kind < GUARD_KINDS; kind++) {
		const struct guard_entry *entry = NULL;
		if (who->key[kind])
			entry = guard_find(guard, (enum guard_kind)kind, who->key[kind], false);
		if (entry && now - entry->last_ms <= GUARD_FORGET_MS && entry->failures > most)
			most = entry->failures;
	}
	pthread_mutex_unlock(&guard->lock);
	return most;
}
