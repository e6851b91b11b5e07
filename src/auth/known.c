#include "auth/known.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

/* An account or an address, with its pairs. */
struct known_side {
	UT_hash_handle hh;
	struct list pairs; /* in order of use */
	size_t count;
	uint64_t last_ms; /* the latest use of any of its pairs */
	size_t size;
	char name[];
};

struct known_pair {
	UT_hash_handle hh;
	struct list_node in_order;
	struct list_node in_account;
	struct list_node in_address;
	struct known_side *account;
	struct known_side *address;
	uint64_t last_ms;
	size_t size;
	char name[]; /* account, NUL, address */
};

struct known {
	pthread_mutex_t lock;
	struct known_pair *pairs;
	struct known_side *accounts;
	struct known_side *addresses;
	struct list order; /* longest unused first */
	size_t count;
	size_t max;
	uint64_t age_ms;
};

struct known *known_new(size_t entries_max, uint64_t age_ms)
{
	struct known *known = mem_zalloc(sizeof(*known));
	pthread_mutex_init(&known->lock, NULL);
	list_init(&known->order);
	known->max = entries_max;
	known->age_ms = age_ms;
	return known;
}

static void known_side_unlink(struct known_side **table, struct known_side *side, struct list_node *node)
{
	list_remove(node);
	if (--side->count > 0)
		return;
	HASH_DELETE(hh, *table, side);
	free(side);
}

static void known_drop(struct known *known, struct known_pair *pair)
{
	known_side_unlink(&known->accounts, pair->account, &pair->in_account);
	known_side_unlink(&known->addresses, pair->address, &pair->in_address);
	list_remove(&pair->in_order);
	HASH_DELETE(hh, known->pairs, pair);
	known->count--;
	free(pair);
}

void known_free(struct known **known)
{
	struct known *k = *known;
	if (!k)
		return;
	while (!list_empty(&k->order))
		known_drop(k, CONTAINER_OF(list_first(&k->order), struct known_pair, in_order));
	pthread_mutex_destroy(&k->lock);
	free(k);
	*known = NULL;
}

void known_set_age(struct known *known, uint64_t age_ms)
{
	pthread_mutex_lock(&known->lock);
	known->age_ms = age_ms;
	pthread_mutex_unlock(&known->lock);
}

static struct known_side *known_side_get(struct known_side **table, struct strv name)
{
	struct known_side *side = NULL;

	HASH_FIND(hh, *table, name.p, name.n, side);
	if (side)
		return side;
	side = mem_zalloc(sizeof(*side) + name.n + 1);
	memcpy(side->name, name.p, name.n);
	side->size = name.n;
	list_init(&side->pairs);
	HASH_ADD_KEYPTR(hh, *table, side->name, side->size, side);
	return side;
}

static struct known_pair *known_find(struct known *known, struct strv account, const char *address)
{
	size_t size = account.n + 1 + strlen(address);
	char *name = mem_zalloc(size + 1);
	struct known_pair *pair = NULL;

	memcpy(name, account.p, account.n);
	memcpy(name + account.n + 1, address, strlen(address));
	HASH_FIND(hh, known->pairs, name, size, pair);
	free(name);
	return pair;
}

static struct known_pair *known_make(struct known *known, struct strv account, const char *address)
{
	size_t size = account.n + 1 + strlen(address);
	struct known_pair *pair = mem_zalloc(sizeof(*pair) + size + 1);

	memcpy(pair->name, account.p, account.n);
	memcpy(pair->name + account.n + 1, address, strlen(address));
	pair->size = size;
	pair->account = known_side_get(&known->accounts, account);
	pair->address = known_side_get(&known->addresses, strv_cstr(address));
	pair->account->count++;
	pair->address->count++;
	HASH_ADD_KEYPTR(hh, known->pairs, pair->name, pair->size, pair);
	known->count++;
	return pair;
}

static void known_trim(struct known *known, struct known_side *account)
{
	if (account->count > KNOWN_PER_ACCOUNT)
		known_drop(known, CONTAINER_OF(list_first(&account->pairs), struct known_pair, in_account));
	if (known->count > known->max)
		known_drop(known, CONTAINER_OF(list_first(&known->order), struct known_pair, in_order));
}

void known_add(struct known *known, struct strv account, const char *address)
{
	if (account.n == 0 || address[0] == '\0')
		return;
	pthread_mutex_lock(&known->lock);
	struct known_pair *pair = known_find(known, account, address);
	if (!pair)
		pair = known_make(known, account, address);
	list_remove(&pair->in_order);
	list_remove(&pair->in_account);
	list_remove(&pair->in_address);
	list_append(&known->order, &pair->in_order);
	list_append(&pair->account->pairs, &pair->in_account);
	list_append(&pair->address->pairs, &pair->in_address);
	pair->last_ms = pair->account->last_ms = pair->address->last_ms = clock_mono_ms();
	known_trim(known, pair->account);
	pthread_mutex_unlock(&known->lock);
}

bool known_has(struct known *known, struct strv account, const char *address)
{
	pthread_mutex_lock(&known->lock);
	const struct known_pair *pair = known_find(known, account, address);
	bool has = pair && clock_mono_ms() - pair->last_ms < known->age_ms;
	pthread_mutex_unlock(&known->lock);
	return has;
}

bool known_address(struct known *known, const char *address)
{
	const struct known_side *side = NULL;

	pthread_mutex_lock(&known->lock);
	HASH_FIND(hh, known->addresses, address, strlen(address), side);
	bool has = side && clock_mono_ms() - side->last_ms < known->age_ms;
	pthread_mutex_unlock(&known->lock);
	return has;
}

void known_forget(struct known *known, struct strv account)
{
	struct known_side *side = NULL;

	pthread_mutex_lock(&known->lock);
	HASH_FIND(hh, known->accounts, account.p, account.n, side);
	/* Dropping the last pair drops the side, too. */
	for (size_t left = side ? side->count : 0; left > 0; left--)
		known_drop(known, CONTAINER_OF(list_first(&side->pairs), struct known_pair, in_account));
	pthread_mutex_unlock(&known->lock);
}
