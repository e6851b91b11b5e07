/* Keys on P-256: agreement, PEM, and what is no point or no key of this curve. */
#include "webpush/p256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PEM_MAX 4096

static void two_keys_agree_on_a_secret(void **state)
{
	unsigned char points[2][P256_POINT];
	unsigned char secrets[2][P256_SCALAR];
	EVP_PKEY *keys[2] = { NULL, NULL };

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p256_generate(&keys[i]), RC_OK);
		assert_int_equal(p256_point(keys[i], points[i]), RC_OK);
	}
	for (int i = 0; i < 2; i++) {
		EVP_PKEY *peer = NULL;
		assert_int_equal(p256_from_public(points[1 - i], &peer), RC_OK);
		assert_int_equal(p256_derive(keys[i], peer, secrets[i]), RC_OK);
		EVP_PKEY_free(peer);
	}
	assert_memory_equal(secrets[0], secrets[1], P256_SCALAR);
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
}

static void a_private_key_is_the_same_after_pem(void **state)
{
	unsigned char before[P256_POINT];
	unsigned char after[P256_POINT];
	EVP_PKEY *key = NULL;
	EVP_PKEY *again = NULL;
	struct buf pem;

	(void)state;
	buf_init(&pem, PEM_MAX);
	assert_int_equal(p256_generate(&key), RC_OK);
	assert_int_equal(p256_private_pem(key, &pem), RC_OK);
	assert_int_equal(p256_from_private_pem(buf_strv(&pem), &again), RC_OK);
	assert_int_equal(p256_point(key, before), RC_OK);
	assert_int_equal(p256_point(again, after), RC_OK);
	assert_memory_equal(before, after, P256_POINT);
	buf_wipe(&pem);
	EVP_PKEY_free(key);
	EVP_PKEY_free(again);
}

static void what_is_no_uncompressed_point_on_the_curve_is_refused(void **state)
{
	unsigned char point[P256_POINT];
	unsigned char scalar[P256_SCALAR] = { 1 };
	EVP_PKEY *key = NULL;
	EVP_PKEY *none = NULL;

	(void)state;
	assert_int_equal(p256_generate(&key), RC_OK);
	assert_int_equal(p256_point(key, point), RC_OK);
	EVP_PKEY_free(key);
	point[40] ^= 1;
	assert_int_equal(p256_from_public(point, &none), RC_INVALID);
	point[40] ^= 1;
	for (int form = 0; form < 8; form++) {
		point[0] = (unsigned char)form;
		if (form != 4) {
			assert_int_equal(p256_from_public(point, &none), RC_INVALID);
			assert_int_equal(p256_from_pair(scalar, point, &none), RC_INVALID);
		}
	}
	memset(point, 0, sizeof(point));
	assert_int_equal(p256_from_public(point, &none), RC_INVALID);
	assert_null(none);
}

static void pem_of_another_curve_or_of_a_public_key_is_refused(void **state)
{
	EVP_PKEY *none = NULL;
	EVP_PKEY *key = NULL;
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp384r1");
	struct buf pem;

	(void)state;
	buf_init(&pem, PEM_MAX);
	assert_non_null(other);
	assert_int_equal(p256_private_pem(other, &pem), RC_OK);
	assert_int_equal(p256_from_private_pem(buf_strv(&pem), &none), RC_INVALID);
	buf_reset(&pem);
	assert_int_equal(p256_generate(&key), RC_OK);
	assert_int_equal(p256_public_pem(key, &pem), RC_OK);
	assert_int_equal(p256_from_private_pem(buf_strv(&pem), &none), RC_INVALID);
	assert_int_equal(p256_from_private_pem(STRV_NULL, &none), RC_INVALID);
	assert_int_equal(p256_from_private_pem(STRV("no PEM"), &none), RC_INVALID);
	assert_null(none);
	buf_fini(&pem);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_keys_agree_on_a_secret),
		cmocka_unit_test(a_private_key_is_the_same_after_pem),
		cmocka_unit_test(what_is_no_uncompressed_point_on_the_curve_is_refused),
		cmocka_unit_test(pem_of_another_curve_or_of_a_public_key_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
