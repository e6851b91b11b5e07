/*
 * Remembers recent successful logins as keyed digests of (user, password, stored hash), so that a reconnect
 * storm does not need the password hash again. It has no passwords. Any thread; bounded, the oldest entries
 * are dropped first.
 */
#ifndef COID_AUTH_SUCCESS_CACHE_H
#define COID_AUTH_SUCCESS_CACHE_H

#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct success_cache;

struct success_cache *success_cache_new(size_t entries_max, uint64_t ttl_ms);
void success_cache_free(struct success_cache **cache);
void success_cache_set_ttl(struct success_cache *cache, uint64_t ttl_ms);
bool success_cache_has(
	struct success_cache *cache, struct strv user, struct strv password, struct strv stored);
void success_cache_add(
	struct success_cache *cache, struct strv user, struct strv password, struct strv stored);
void success_cache_forget(struct success_cache *cache, struct strv user);

#endif
