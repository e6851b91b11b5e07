/*
 * VAPID (RFC 8292): the server's key pair, and tokens signed with it. A key is immutable and counted: any
 * thread. A cache of tokens is owned by its maker and used on one thread.
 */
#ifndef COID_WEBPUSH_VAPID_H
#define COID_WEBPUSH_VAPID_H

#include "base/buf.h"
#include "base/rc.h"

#include <stdint.h>

#define VAPID_LIFE_S (12 * 3600) /* of a token; RFC 8292 allows 24 h */
#define VAPID_RENEW_S 3600 /* a cached token is renewed when this is left of its life */
#define VAPID_CACHE_MAX 1000 /* origins */
#define VAPID_ID 16 /* characters of a key's short name */

struct vapid_key;

enum rc vapid_key_generate(struct vapid_key **ret_key) MUST_CHECK;
/* Loads the text that vapid_key_save made. RC_INVALID. */
enum rc vapid_key_load(struct strv pem, struct vapid_key **ret_key) MUST_CHECK;
enum rc vapid_key_save(const struct vapid_key *key, struct buf *out) MUST_CHECK;
struct vapid_key *vapid_key_ref(struct vapid_key *key);
void vapid_key_unref(struct vapid_key **key);
/*
 * PEM of the SubjectPublicKeyInfo; base64url of the point; a short name that identifies the key. All live as
 * long as the key.
 */
struct strv vapid_key_pem(const struct vapid_key *key);
struct strv vapid_key_base64(const struct vapid_key *key);
struct strv vapid_key_id(const struct vapid_key *key);

/* Appends a JWT (RFC 7519) for `aud`, valid until `exp` (seconds since 1970), in the name of `sub`. */
enum rc vapid_sign(const struct vapid_key *key, struct strv aud, int64_t exp, struct strv sub,
	struct buf *out) MUST_CHECK;

struct vapid_cache;
struct vapid_cache *vapid_cache_new(void);
void vapid_cache_free(struct vapid_cache **cache);
/*
 * Appends "vapid t=..., k=..." for the origin. Signs only if no token in the cache is valid for long enough.
 */
enum rc vapid_cache_get(struct vapid_cache *cache, struct vapid_key *key, struct strv origin,
	struct strv contact, int64_t now, struct buf *out) MUST_CHECK;
/* The number of tokens that have been signed; for tests. */
uint64_t vapid_cache_signed(const struct vapid_cache *cache);

#endif
