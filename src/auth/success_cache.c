#include "auth/success_cache.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/rand.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>

#define DIGEST_SIZE 32
#define KEY_SIZE 32

struct entry {
	UT_hash_handle hh;
	struct list_node node;
	unsigned char digest[DIGEST_SIZE];
	uint64_t user_hash;
	uint64_t at_ms;
};

struct success_cache {
	pthread_mutex_t lock;
	unsigned char key[KEY_SIZE]; /* random, known to this process only */
	struct entry *table;
	struct list order; /* oldest first */
	size_t count;
	size_t max;
	uint64_t ttl_ms;
};

struct success_cache *success_cache_new(size_t entries_max, uint64_t ttl_ms)
{
	struct success_cache *cache = mem_zalloc(sizeof(*cache));
	pthread_mutex_init(&cache->lock, NULL);
	list_init(&cache->order);
	rand_bytes(cache->key, sizeof(cache->key));
	cache->max = entries_max;
	cache->ttl_ms = ttl_ms;
	return cache;
}

static void entry_drop(struct success_cache *cache, struct entry *entry)
{
	HASH_DEL(cache->table, entry);
	list_remove(&entry->node);
	cache->count--;
	free(entry);
}

void success_cache_free(struct success_cache **cache)
{
	struct success_cache *c = *cache;
	if (!c)
		return;
	while (!list_empty(&c->order))
		entry_drop(c, CONTAINER_OF(list_first(&c->order), struct entry, node));
	pthread_mutex_destroy(&c->lock);
	mem_wipe(c, sizeof(*c));
	free(c);
	*cache = NULL;
}

void success_cache_set_ttl(struct success_cache *cache, uint64_t ttl_ms)
{
	pthread_mutex_lock(&cache->lock);
	cache->ttl_ms = ttl_ms;
	pthread_mutex_unlock(&cache->lock);
}

/*
 * The HMAC over the three strings, each with its length before it, so that no two triples give the same
 * input.
 */
static bool success_cache_digest(const struct success_cache *cache, struct strv user, struct strv password,
	struct strv stored, unsigned char *ret_digest)
{
	struct strv pieces[] = { user, password, stored };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	char name[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", name, 0),
		OSSL_PARAM_construct_end() };
	size_t size = 0;
	bool ok = ctx && EVP_MAC_init(ctx, cache->key, sizeof(cache->key), params) == 1;

	for (size_t i = 0; ok && i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		uint64_t length = pieces[i].n;
		ok = EVP_MAC_update(ctx, (const unsigned char *)&length, sizeof(length)) == 1 &&
		     EVP_MAC_update(ctx, (const unsigned char *)pieces[i].p, pieces[i].n) == 1;
	}
	ok = ok && EVP_MAC_final(ctx, ret_digest, &size, DIGEST_SIZE) == 1 && size == DIGEST_SIZE;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ok;
}

static void drop_expired(struct success_cache *cache)
{
	uint64_t now = clock_mono_ms();
	while (!list_empty(&cache->order)) {
		struct entry *entry = CONTAINER_OF(list_first(&cache->order), struct entry, node);
		if (now - entry->at_ms < cache->ttl_ms)
			break;
		entry_drop(cache, entry);
	}
}

bool success_cache_has(
	struct success_cache *cache, struct strv user, struct strv password, struct strv stored)
{
	unsigned char key[DIGEST_SIZE];
	struct entry *entry = NULL;

	if (!success_cache_digest(cache, user, password, stored, key))
		return false;
	pthread_mutex_lock(&cache->lock);
	drop_expired(cache);
	HASH_FIND(hh, cache->table, key, DIGEST_SIZE, entry);
	pthread_mutex_unlock(&cache->lock);
	return entry != NULL;
}

void success_cache_add(
	struct success_cache *cache, struct strv user, struct strv password, struct strv stored)
{
	unsigned char key[DIGEST_SIZE];
	struct entry *entry = NULL;

	if (!success_cache_digest(cache, user, password, stored, key))
		return;
	pthread_mutex_lock(&cache->lock);
	drop_expired(cache);
	HASH_FIND(hh, cache->table, key, DIGEST_SIZE, entry);
	if (!entry && cache->ttl_ms > 0) {
		if (cache->count >= cache->max)
			entry_drop(cache, CONTAINER_OF(list_first(&cache->order), struct entry, node));
		entry = mem_zalloc(sizeof(*entry));
		memcpy(entry->digest, key, DIGEST_SIZE);
		entry->user_hash = hash_bytes(user.p, user.n);
		entry->at_ms = clock_mono_ms();
		HASH_ADD(hh, cache->table, digest, DIGEST_SIZE, entry);
		list_append(&cache->order, &entry->node);
		cache->count++;
	}
	pthread_mutex_unlock(&cache->lock);
}

void success_cache_forget(struct success_cache *cache, struct strv user)
{
	uint64_t user_hash = hash_bytes(user.p, user.n);

	pthread_mutex_lock(&cache->lock);
	LIST_EACH_SAFE (node, &cache->order) {
		struct entry *entry = CONTAINER_OF(node, struct entry, node);
		if (entry->user_hash == user_hash)
			entry_drop(cache, entry);
	}
	pthread_mutex_unlock(&cache->lock);
}
