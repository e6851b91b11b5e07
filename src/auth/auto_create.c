#include "auth/auto_create.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"

#include <pthread.h>
#include <stdlib.h>

#define HOUR_MS ((uint64_t)3600 * 1000)

struct peer {
	UT_hash_handle hh;
	struct list_node node; /* in order of `began` */
	char *name; /* own */
	uint64_t began; /* clock_mono_ms */
	unsigned count;
};

struct auto_create {
	pthread_mutex_t lock;
	struct peer *peers;
	struct list order;
};

static size_t auto_create_characters(struct strv utf8)
{
	size_t count = 0;
	for (size_t i = 0; i < utf8.n; i++)
		count += ((unsigned char)utf8.p[i] & 0xc0) != 0x80;
	return count;
}

static bool local_fits(const struct auto_create_rules *rules, struct strv local)
{
	if (local.n < rules->local_min || local.n > rules->local_max || local.n == 0)
		return false;
	for (size_t i = 0; i < local.n; i++) {
		char c = local.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (!plain && (i == 0 || (c != '.' && c != '_' && c != '-')))
			return false;
	}
	return true;
}

bool auto_create_fits(const struct auto_create_rules *rules, struct strv user, struct strv password)
{
	size_t at = strv_index(user, '@');
	struct strv domain = strv_sub(user, at + 1, user.n);

	if (!rules->enabled || !local_fits(rules, strv_sub(user, 0, at)))
		return false;
	if (!str_utf8_valid(password) || auto_create_characters(password) < rules->password_min)
		return false;
	for (size_t i = 0; i < rules->domain_count; i++) {
		if (strv_ieq(domain, strv_cstr(rules->domains[i])))
			return true;
	}
	return false;
}

struct auto_create *auto_create_new(void)
{
	struct auto_create *limit = mem_zalloc(sizeof(*limit));
	pthread_mutex_init(&limit->lock, NULL);
	list_init(&limit->order);
	return limit;
}

static void peer_free(struct auto_create *limit, struct peer *peer)
{
	HASH_DEL(limit->peers, peer);
	list_remove(&peer->node);
	free(peer->name);
	free(peer);
}

void auto_create_free(struct auto_create **limit)
{
	struct peer *peer;
	struct peer *next;

	if (!*limit)
		return;
	HASH_ITER (hh, (*limit)->peers, peer, next)
		peer_free(*limit, peer);
	pthread_mutex_destroy(&(*limit)->lock);
	free(*limit);
	*limit = NULL;
}

static bool auto_create_take_one(struct auto_create *limit, const char *name, unsigned per_hour)
{
	uint64_t now = clock_mono_ms();
	struct peer *peer = NULL;

	HASH_FIND_STR(limit->peers, name, peer);
	if (!peer) {
		/*
		 * Refusing all others would be worse: then a few thousand peers could keep everybody from
		 * making an account.
		 */
		if (HASH_COUNT(limit->peers) >= AUTO_CREATE_PEERS)
			peer_free(limit, CONTAINER_OF(list_first(&limit->order), struct peer, node));
		peer = mem_zalloc(sizeof(*peer));
		peer->name = mem_strdup(name);
		peer->began = now;
		HASH_ADD_KEYPTR(hh, limit->peers, peer->name, strlen(peer->name), peer);
		list_append(&limit->order, &peer->node);
	}
	if (now - peer->began >= HOUR_MS) {
		peer->began = now;
		peer->count = 0;
		list_remove(&peer->node);
		list_append(&limit->order, &peer->node);
	}
	if (peer->count >= per_hour)
		return false;
	peer->count++;
	return true;
}

bool auto_create_take(struct auto_create *limit, const char *peer, unsigned per_hour)
{
	pthread_mutex_lock(&limit->lock);
	bool ok = auto_create_take_one(limit, peer, per_hour);
	pthread_mutex_unlock(&limit->lock);
	return ok;
}
