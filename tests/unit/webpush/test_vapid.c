#include "webpush/vapid.h"

#include "base/mem.h"
#include "base/str.h"

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1800000000

static struct vapid_key *new_key(void)
{
	struct vapid_key *key = NULL;
	assert_int_equal(vapid_key_generate(&key), RC_OK);
	return key;
}

static json_t *part(struct strv *token)
{
	struct buf text;
	size_t dot = strv_index(*token, '.');

	buf_init(&text, 4096);
	assert_int_equal(str_base64_decode_any(&text, strv_sub(*token, 0, dot)), RC_OK);
	json_t *value = json_loadb(text.p, text.len, 0, NULL);
	assert_non_null(value);
	*token = strv_sub(*token, dot + 1, token->n);
	buf_fini(&text);
	return value;
}

/* Checked with the public key alone, in the form that others get. */
static bool verifies(const struct vapid_key *key, struct strv text, struct strv signature)
{
	struct strv pem = vapid_key_pem(key);
	unsigned char *der = NULL;
	struct buf raw;

	buf_init(&raw, 64);
	assert_int_equal(str_base64_decode_any(&raw, signature), RC_OK);
	assert_int_equal(raw.len, 64);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	ECDSA_SIG_set0(sig, BN_bin2bn((unsigned char *)raw.p, 32, NULL),
		BN_bin2bn((unsigned char *)raw.p + 32, 32, NULL));
	int n = i2d_ECDSA_SIG(sig, &der);
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *public = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	assert_non_null(public);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, public);
	bool ok = EVP_DigestVerify(ctx, der, (size_t)n, (const unsigned char *)text.p, text.n) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(public);
	BIO_free(bio);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	buf_fini(&raw);
	return ok;
}

/* WP-42 */
static void wp_42_a_token_has_the_shape_of_rfc_8292_and_verifies(void **state)
{
	struct vapid_key *key = new_key();
	struct buf token;

	(void)state;
	buf_init(&token, 4096);
	assert_int_equal(vapid_sign(key, STRV("https://push.example.net"), NOW,
				 STRV("mailto:a\"b@example.org"), &token),
		RC_OK);
	struct strv rest = buf_strv(&token);
	json_t *header = part(&rest);
	json_t *claims = part(&rest);
	assert_string_equal(json_string_value(json_object_get(header, "alg")), "ES256");
	assert_string_equal(json_string_value(json_object_get(header, "typ")), "JWT");
	assert_string_equal(json_string_value(json_object_get(claims, "aud")), "https://push.example.net");
	assert_string_equal(json_string_value(json_object_get(claims, "sub")), "mailto:a\"b@example.org");
	assert_int_equal(json_integer_value(json_object_get(claims, "exp")), NOW);
	struct strv text = strv_sub(buf_strv(&token), 0, token.len - rest.n - 1);
	assert_true(verifies(key, text, rest));
	assert_false(verifies(key, strv_sub(text, 0, text.n - 1), rest));
	json_decref(header);
	json_decref(claims);
	buf_fini(&token);
	vapid_key_unref(&key);
}

/* WP-02 */
static void wp_02_the_public_key_is_pem_of_a_subject_public_key_info(void **state)
{
	struct vapid_key *key = new_key();
	struct strv pem = vapid_key_pem(key);

	(void)state;
	assert_true(strv_starts(pem, STRV("-----BEGIN PUBLIC KEY-----\n")));
	assert_int_equal(pem.n, 178);
	assert_int_equal(vapid_key_base64(key).n, 87);
	vapid_key_unref(&key);
}

/* WP-03 */
static void wp_03_a_saved_key_is_the_same_when_it_is_loaded(void **state)
{
	struct vapid_key *key = new_key();
	struct vapid_key *again = NULL;
	struct vapid_key *other = new_key();
	struct buf pem;

	(void)state;
	buf_init(&pem, 4096);
	assert_int_equal(vapid_key_save(key, &pem), RC_OK);
	assert_int_equal(vapid_key_load(buf_strv(&pem), &again), RC_OK);
	assert_true(strv_eq(vapid_key_id(key), vapid_key_id(again)));
	assert_false(strv_eq(vapid_key_id(key), vapid_key_id(other)));
	assert_true(strv_eq(vapid_key_pem(key), vapid_key_pem(again)));
	vapid_key_unref(&again);
	assert_int_equal(vapid_key_load(STRV("no key"), &again), RC_INVALID);
	assert_int_equal(vapid_key_load(STRV(""), &again), RC_INVALID);
	buf_wipe(&pem);
	vapid_key_unref(&key);
	vapid_key_unref(&other);
}

static void a_key_on_another_curve_is_refused(void **state)
{
	EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp384r1");
	BIO *bio = BIO_new(BIO_s_mem());
	struct vapid_key *key = NULL;
	char *p = NULL;

	(void)state;
	PEM_write_bio_PKCS8PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL);
	long n = BIO_get_mem_data(bio, &p);
	assert_int_equal(vapid_key_load(strv_make(p, (size_t)n), &key), RC_INVALID);
	BIO_free(bio);
	EVP_PKEY_free(pair);
}

static void get(
	struct vapid_cache *cache, struct vapid_key *key, const char *origin, int64_t now, struct buf *out)
{
	buf_reset(out);
	assert_int_equal(
		vapid_cache_get(cache, key, strv_cstr(origin), STRV("mailto:a@example.org"), now, out),
		RC_OK);
}

/* WP-42 */
static void wp_42_tokens_are_cached_by_origin_and_renewed_in_time(void **state)
{
	struct vapid_key *key = new_key();
	struct vapid_cache *cache = vapid_cache_new();
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	get(cache, key, "https://a", NOW, &out);
	assert_true(strv_starts(buf_strv(&out), STRV("vapid t=")));
	char *first = mem_strndup(out.p, out.len);
	get(cache, key, "https://a", NOW + VAPID_LIFE_S - VAPID_RENEW_S - 1, &out);
	assert_true(strv_eq(buf_strv(&out), strv_cstr(first)));
	assert_int_equal(vapid_cache_signed(cache), 1);
	get(cache, key, "https://b", NOW, &out);
	assert_int_equal(vapid_cache_signed(cache), 2);
	get(cache, key, "https://a", NOW + VAPID_LIFE_S - VAPID_RENEW_S, &out);
	assert_int_equal(vapid_cache_signed(cache), 3);
	/* The clock was set back. */
	get(cache, key, "https://a", NOW - 100000, &out);
	assert_int_equal(vapid_cache_signed(cache), 4);
	/* A new key voids them all. */
	struct vapid_key *other = new_key();
	get(cache, other, "https://b", NOW, &out);
	assert_int_equal(vapid_cache_signed(cache), 5);
	free(first);
	buf_fini(&out);
	vapid_cache_free(&cache);
	vapid_key_unref(&key);
	vapid_key_unref(&other);
}

static void the_cache_of_tokens_is_bounded(void **state)
{
	struct vapid_key *key = new_key();
	struct vapid_cache *cache = vapid_cache_new();
	struct buf out;
	char origin[64];

	(void)state;
	buf_init(&out, 4096);
	for (int i = 0; i < VAPID_CACHE_MAX; i++) {
		snprintf(origin, sizeof(origin), "https://host-%d.example", i);
		get(cache, key, origin, NOW, &out);
	}
	/* The first is still there; with one more it has to go. */
	get(cache, key, "https://host-0.example", NOW, &out);
	assert_int_equal(vapid_cache_signed(cache), VAPID_CACHE_MAX);
	get(cache, key, "https://more.example", NOW, &out);
	get(cache, key, "https://more.example", NOW, &out);
	assert_int_equal(vapid_cache_signed(cache), VAPID_CACHE_MAX + 1);
	get(cache, key, "https://host-0.example", NOW, &out);
	assert_int_equal(vapid_cache_signed(cache), VAPID_CACHE_MAX + 2);
	get(cache, key, "https://host-2.example", NOW, &out);
	assert_int_equal(vapid_cache_signed(cache), VAPID_CACHE_MAX + 2);
	buf_fini(&out);
	vapid_cache_free(&cache);
	vapid_key_unref(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wp_42_a_token_has_the_shape_of_rfc_8292_and_verifies),
		cmocka_unit_test(wp_02_the_public_key_is_pem_of_a_subject_public_key_info),
		cmocka_unit_test(wp_03_a_saved_key_is_the_same_when_it_is_loaded),
		cmocka_unit_test(a_key_on_another_curve_is_refused),
		cmocka_unit_test(wp_42_tokens_are_cached_by_origin_and_renewed_in_time),
		cmocka_unit_test(the_cache_of_tokens_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
