#include "webpush/ece.h"

#include "base/str.h"

#include <openssl/bn.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define UA_PUBLIC "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define AUTH "BTBZMqHH6r4Tts7J_aSIgg"
#define AS_PRIVATE "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
#define AS_PUBLIC "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
#define SALT "DGv6ra1nlYgDCS1FRnbzlw"
#define PLAIN "When I grow up, I want to be a watermelon"
#define MESSAGE                                                                                              \
	"DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_"                                                     \
	"c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK"                                         \
	"6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"

static void decode(const char *text, unsigned char *out, size_t n)
{
	struct buf octets;

	buf_init(&octets, 4096);
	assert_int_equal(str_base64_decode_any(&octets, strv_cstr(text)), RC_OK);
	assert_int_equal(octets.len, n);
	memcpy(out, octets.p, n);
	buf_fini(&octets);
}

static void receiver_of_the_vector(struct ece_receiver *receiver)
{
	decode(UA_PUBLIC, receiver->p256dh, P256_POINT);
	decode(AUTH, receiver->auth, ECE_AUTH);
}

/* WP-41 */
static void wp_41_the_vector_of_rfc_8291_comes_out_octet_for_octet(void **state)
{
	struct ece_receiver receiver;
	unsigned char scalar[P256_SCALAR], point[P256_POINT], salt[ECE_SALT];
	struct buf out, text;
	EVP_PKEY *sender = NULL;

	(void)state;
	receiver_of_the_vector(&receiver);
	decode(AS_PRIVATE, scalar, sizeof(scalar));
	decode(AS_PUBLIC, point, sizeof(point));
	decode(SALT, salt, sizeof(salt));
	assert_int_equal(p256_from_pair(scalar, point, &sender), RC_OK);
	buf_init(&out, ECE_RECORD);
	buf_init(&text, 2 * ECE_RECORD);
	assert_int_equal(ece_encrypt_with(&receiver, STRV(PLAIN), sender, salt, &out), RC_OK);
	str_base64url(&text, buf_strv(&out));
	assert_true(strv_eq(buf_strv(&text), STRV(MESSAGE)));
	buf_fini(&out);
	buf_fini(&text);
	EVP_PKEY_free(sender);
}

/* WP-41 */
static void wp_41_salt_and_key_are_new_for_each_message(void **state)
{
	struct ece_receiver receiver;
	struct buf a, b;

	(void)state;
	receiver_of_the_vector(&receiver);
	buf_init(&a, ECE_RECORD);
	buf_init(&b, ECE_RECORD);
	assert_int_equal(ece_encrypt(&receiver, STRV(PLAIN), &a), RC_OK);
	assert_int_equal(ece_encrypt(&receiver, STRV(PLAIN), &b), RC_OK);
	assert_int_equal(a.len, ECE_HEADER + sizeof(PLAIN) - 1 + 1 + ECE_TAG);
	assert_memory_not_equal(a.p, b.p, ECE_SALT);
	assert_memory_not_equal(a.p + ECE_SALT + 5, b.p + ECE_SALT + 5, P256_POINT);
	buf_fini(&a);
	buf_fini(&b);
}

static void the_longest_text_fills_one_record_and_one_octet_more_is_refused(void **state)
{
	static char plain[ECE_PLAIN_MAX + 1];
	struct ece_receiver receiver;
	struct buf out;

	(void)state;
	assert_int_equal(ECE_PLAIN_MAX, 3993);
	receiver_of_the_vector(&receiver);
	buf_init(&out, ECE_RECORD);
	assert_int_equal(ece_encrypt(&receiver, strv_make(plain, ECE_PLAIN_MAX + 1), &out), RC_LIMIT);
	assert_int_equal(ece_encrypt(&receiver, strv_make(plain, ECE_PLAIN_MAX), &out), RC_OK);
	assert_int_equal(out.len, ECE_RECORD);
	buf_reset(&out);
	assert_int_equal(ece_encrypt(&receiver, STRV(""), &out), RC_OK);
	buf_fini(&out);
}

static void a_receiver_whose_point_is_not_on_the_curve_is_refused(void **state)
{
	struct ece_receiver receiver;
	struct buf out;
	EVP_PKEY *key = NULL;

	(void)state;
	receiver_of_the_vector(&receiver);
	buf_init(&out, ECE_RECORD);
	receiver.p256dh[64] ^= 1;
	assert_int_equal(ece_encrypt(&receiver, STRV("x"), &out), RC_INVALID);
	receiver.p256dh[64] ^= 1;
	receiver.p256dh[0] = 6; /* hybrid */
	assert_int_equal(p256_from_public(receiver.p256dh, &key), RC_INVALID);
	memset(receiver.p256dh, 0, sizeof(receiver.p256dh)); /* infinity */
	assert_int_equal(p256_from_public(receiver.p256dh, &key), RC_INVALID);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wp_41_the_vector_of_rfc_8291_comes_out_octet_for_octet),
		cmocka_unit_test(wp_41_salt_and_key_are_new_for_each_message),
		cmocka_unit_test(the_longest_text_fills_one_record_and_one_octet_more_is_refused),
		cmocka_unit_test(a_receiver_whose_point_is_not_on_the_curve_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
