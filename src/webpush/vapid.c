/*
 * Keys with their public forms made once, JWTs signed with ES256, and a cache of one token for each origin.
 */
#include "webpush/vapid.h"

#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "webpush/p256.h"

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Room for what has a length of its own: a public key, a token of an endpoint's origin, a signature. */
#define PEM_MAX 4096
#define TOKEN_MAX 4096
#define SIGNATURE_DER_MAX 128
#define HEADER_JSON "{\"typ\":\"JWT\",\"alg\":\"ES256\"}"

struct vapid_key {
	atomic_uint refs;
	EVP_PKEY *pair; /* own */
	struct buf pem;
	struct buf base64;
	char id[VAPID_ID + 1];
};

struct token {
	UT_hash_handle hh;
	struct list_node node; /* oldest first */
	char *origin; /* own */
	char *text; /* own */
	int64_t exp;
};

struct vapid_cache {
	struct token *tokens; /* by origin */
	struct list by_age;
	struct vapid_key *key; /* counted: the key of these tokens */
	uint64_t signed_count;
};

/* Makes a key; takes over the pair. */
static enum rc vapid_key_new(EVP_PKEY *pair, struct vapid_key **ret_key)
{
	struct vapid_key *key = mem_zalloc(sizeof(*key));
	unsigned char point[P256_POINT];
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct buf hex;

	atomic_init(&key->refs, 1);
	key->pair = pair;
	buf_init(&key->pem, PEM_MAX);
	buf_init(&key->base64, PEM_MAX);
	enum rc rc = p256_point(pair, point);
	if (rc == RC_OK)
		rc = p256_public_pem(pair, &key->pem);
	if (rc != RC_OK) {
		vapid_key_unref(&key);
		return rc;
	}
	str_base64url(&key->base64, strv_make(point, sizeof(point)));
	SHA256(point, sizeof(point), digest);
	buf_init(&hex, VAPID_ID);
	str_hex(&hex, strv_make(digest, VAPID_ID / 2));
	memcpy(key->id, hex.p, VAPID_ID);
	buf_fini(&hex);
	*ret_key = key;
	return RC_OK;
}

enum rc vapid_key_generate(struct vapid_key **ret_key)
{
	EVP_PKEY *pair = NULL;
	enum rc rc = p256_generate(&pair);
	return rc == RC_OK ? vapid_key_new(pair, ret_key) : rc;
}

enum rc vapid_key_load(struct strv pem, struct vapid_key **ret_key)
{
	EVP_PKEY *pair = NULL;
	enum rc rc = p256_from_private_pem(pem, &pair);
	return rc == RC_OK ? vapid_key_new(pair, ret_key) : rc;
}

enum rc vapid_key_save(const struct vapid_key *key, struct buf *out)
{
	return p256_private_pem(key->pair, out);
}

struct vapid_key *vapid_key_ref(struct vapid_key *key)
{
	atomic_fetch_add(&key->refs, 1);
	return key;
}

void vapid_key_unref(struct vapid_key **key)
{
	struct vapid_key *k = *key;

	*key = NULL;
	if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	EVP_PKEY_free(k->pair);
	buf_fini(&k->pem);
	buf_fini(&k->base64);
	free(k);
}

struct strv vapid_key_pem(const struct vapid_key *key)
{
	return buf_strv(&key->pem);
}

struct strv vapid_key_base64(const struct vapid_key *key)
{
	return buf_strv(&key->base64);
}

struct strv vapid_key_id(const struct vapid_key *key)
{
	return strv_make(key->id, VAPID_ID);
}

/* OpenSSL signs in DER; a JWT needs r and s of 32 octets each. */
static enum rc vapid_raw_signature(const unsigned char *der, size_t n, unsigned char out[2 * P256_SCALAR])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, P256_SCALAR) == P256_SCALAR &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + P256_SCALAR, P256_SCALAR) == P256_SCALAR;

	ECDSA_SIG_free(sig);
	return ok ? RC_OK : RC_UNAVAILABLE;
}

static enum rc vapid_sign_text(EVP_PKEY *pair, struct strv text, unsigned char out[2 * P256_SCALAR])
{
	unsigned char der[SIGNATURE_DER_MAX];
	size_t n = sizeof(der);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pair) == 1 &&
		  EVP_DigestSign(ctx, der, &n, (const unsigned char *)text.p, text.n) == 1;

	EVP_MD_CTX_free(ctx);
	if (!ok) {
		ERR_clear_error();
		return RC_UNAVAILABLE;
	}
	return vapid_raw_signature(der, n, out);
}

enum rc vapid_sign(
	const struct vapid_key *key, struct strv aud, int64_t exp, struct strv sub, struct buf *out)
{
	unsigned char signature[2 * P256_SCALAR];
	json_t *claims = json_pack(
		"{s:s%, s:I, s:s%}", "aud", aud.p, aud.n, "exp", (json_int_t)exp, "sub", sub.p, sub.n);
	char *text = claims ? json_dumps(claims, JSON_COMPACT) : NULL;
	size_t start = out->len;

	json_decref(claims);
	if (!text)
		return RC_INVALID;
	str_base64url(out, STRV(HEADER_JSON));
	buf_addc(out, '.');
	str_base64url(out, strv_cstr(text));
	free(text);
	if (!buf_ok(out))
		return RC_LIMIT;
	enum rc rc = vapid_sign_text(key->pair, strv_make(out->p + start, out->len - start), signature);
	if (rc != RC_OK)
		return rc;
	buf_addc(out, '.');
	str_base64url(out, strv_make(signature, sizeof(signature)));
	return buf_ok(out) ? RC_OK : RC_LIMIT;
}

struct vapid_cache *vapid_cache_new(void)
{
	struct vapid_cache *cache = mem_zalloc(sizeof(*cache));
	list_init(&cache->by_age);
	return cache;
}

static void vapid_token_free(struct vapid_cache *cache, struct token *token)
{
	HASH_DEL(cache->tokens, token);
	list_remove(&token->node);
	free(token->origin);
	free(token->text);
	free(token);
}

static void vapid_cache_clear(struct vapid_cache *cache)
{
	LIST_EACH_SAFE (node, &cache->by_age)
		vapid_token_free(cache, CONTAINER_OF(node, struct token, node));
}

void vapid_cache_free(struct vapid_cache **cache)
{
	if (!*cache)
		return;
	vapid_cache_clear(*cache);
	vapid_key_unref(&(*cache)->key);
	free(*cache);
	*cache = NULL;
}

static struct token *vapid_cache_find(struct vapid_cache *cache, struct strv origin)
{
	struct token *token = NULL;
	HASH_FIND(hh, cache->tokens, origin.p, origin.n, token);
	return token;
}

static enum rc vapid_cache_renew(
	struct vapid_cache *cache, struct strv origin, struct strv contact, int64_t now)
{
	struct buf text;

	buf_init(&text, TOKEN_MAX);
	enum rc rc = vapid_sign(cache->key, origin, now + VAPID_LIFE_S, contact, &text);
	if (rc == RC_OK) {
		struct token *token = mem_zalloc(sizeof(*token));
		if (HASH_COUNT(cache->tokens) >= VAPID_CACHE_MAX)
			vapid_token_free(cache, CONTAINER_OF(list_first(&cache->by_age), struct token, node));
		token->origin = mem_strndup(origin.p, origin.n);
		token->text = mem_strndup(text.p, text.len);
		token->exp = now + VAPID_LIFE_S;
		HASH_ADD_KEYPTR(hh, cache->tokens, token->origin, origin.n, token);
		list_append(&cache->by_age, &token->node);
		cache->signed_count++;
	}
	buf_fini(&text);
	return rc;
}

enum rc vapid_cache_get(struct vapid_cache *cache, struct vapid_key *key, struct strv origin,
	struct strv contact, int64_t now, struct buf *out)
{
	if (cache->key != key) {
		vapid_cache_clear(cache);
		vapid_key_unref(&cache->key);
		cache->key = vapid_key_ref(key);
	}
	struct token *token = vapid_cache_find(cache, origin);
	/* If the clock was set back, no token may last for more than a day. */
	if (token && (token->exp - now <= VAPID_RENEW_S || token->exp - now > VAPID_LIFE_S)) {
		vapid_token_free(cache, token);
		token = NULL;
	}
	if (!token) {
		enum rc rc = vapid_cache_renew(cache, origin, contact, now);
		if (rc != RC_OK)
			return rc;
		token = vapid_cache_find(cache, origin);
	}
	buf_printf(out, "vapid t=%s, k=%.*s", token->text, STRV_ARG(vapid_key_base64(key)));
	return buf_ok(out) ? RC_OK : RC_LIMIT;
}

uint64_t vapid_cache_signed(const struct vapid_cache *cache)
{
	return cache->signed_count;
}
