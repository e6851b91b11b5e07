/*
 * The server's VAPID key (RFC 8292 section 2): read or made at the start, shared by all threads, replaced by
 * coidctl. A key is immutable and counted (vapid.h); the lock guards the pointer to the present one. It is
 * stored in server.db.
 *
 * A new key makes every subscription void: `replaced` drops the pushes that wait for them, and sessions that
 * watch an account are told that the entry of the key has changed (RFC 5465 section 5.7,
 * ServerMetadataChange). Owned by webpush.c.
 */
#ifndef COID_WEBPUSH_KEY_H
#define COID_WEBPUSH_KEY_H

#include "base/rc.h"
#include "webpush/subs.h"
#include "webpush/vapid.h"

#include <pthread.h>
#include <stdbool.h>

struct core;
struct webpush_rotation;

struct server_key {
	struct core *core; /* borrowed */
	pthread_mutex_t lock;
	struct vapid_key *vapid; /* counted; lock */
	void (*replaced)(void *ctx); /* [push] called when there is a new key */
	void *ctx; /* of replaced */
};

/* There is no key until key_read or key_fake has made one. */
void key_init(struct server_key *key, struct core *core, void (*replaced)(void *ctx), void *ctx);
void key_fini(struct server_key *key);
/*
 * Call this before there are other threads; waits for server.db. Reads the key; `make`: makes one if there is
 * none. RC_NOT_FOUND: there is none. Errors of server.db and of the stored text are returned.
 */
enum rc key_read(struct server_key *key, bool make) MUST_CHECK;
/* Makes a key that is not stored, for a server whose own key can't be read. */
enum rc key_fake(struct server_key *key) MUST_CHECK;
/* The present key; the caller owns a reference (vapid_key_unref). Any thread. */
struct vapid_key *key_current(struct server_key *key);
/* The rules for valid subscriptions at this moment; `vapid` borrows from the key. Any thread. */
struct subs_rules key_rules(const struct core *core, const struct vapid_key *vapid);
/* Carries out webpush_vapid_rotate. Any thread. */
void key_rotate(struct server_key *key, struct webpush_rotation *rotation);

#endif
