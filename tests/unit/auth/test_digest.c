#include "auth/digest.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define BYTES_MAX 256

/* Returns true if n octets of digest and salt are accepted, in base64 and in hexadecimal. */
static bool readable(const char *scheme, size_t n)
{
	char bytes[BYTES_MAX];
	char hex[32];
	struct buf text;
	memset(bytes, 'x', sizeof(bytes));
	buf_init(&text, 4 * BYTES_MAX);
	str_base64(&text, strv_make(bytes, n));
	bool ok = digest_readable(strv_cstr(scheme), buf_strv(&text));
	buf_reset(&text);
	str_hex(&text, strv_make(bytes, n));
	snprintf(hex, sizeof(hex), "%s.HEX", scheme);
	assert_int_equal(digest_readable(strv_cstr(hex), buf_strv(&text)), ok);
	buf_fini(&text);
	return ok;
}

static void a_digest_is_whole_and_its_salt_has_a_limit(void **state)
{
	static const struct {
		const char *scheme;
		size_t size;
	} kinds[] = { { "SSHA", 20 }, { "SSHA256", 32 }, { "SSHA512", 64 } };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *scheme = kinds[i].scheme;
		size_t size = kinds[i].size;
		assert_false(readable(scheme, 0));
		assert_false(readable(scheme, size - 1));
		assert_true(readable(scheme, size));
		assert_true(readable(scheme, size + 1));
		assert_true(readable(scheme, size + DIGEST_SALT_MAX - 1));
		assert_true(readable(scheme, size + DIGEST_SALT_MAX));
		assert_false(readable(scheme, size + DIGEST_SALT_MAX + 1));
		assert_false(readable(scheme, BYTES_MAX));
	}
}

static void other_words_are_no_schemes(void **state)
{
	(void)state;
	assert_true(digest_is_scheme(STRV("ssha256.b64")));
	assert_false(digest_is_scheme(STRV("SSHA1")));
	assert_false(digest_is_scheme(STRV("SSHA.")));
	assert_false(digest_is_scheme(STRV("SHA")));
	assert_false(digest_readable(STRV("SHA"), STRV("AAAA")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_digest_is_whole_and_its_salt_has_a_limit),
		cmocka_unit_test(other_words_are_no_schemes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
