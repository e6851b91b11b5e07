#include "auth/auth_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void a_hash_of_every_scheme_verifies_its_own_password_only(void **state)
{
	static const char *const schemes[] = { "YESCRYPT", "SHA512-CRYPT", "BCRYPT" };

	(void)state;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		struct buf hash;
		buf_init(&hash, 1000);
		assert_int_equal(auth_make_hash(schemes[i], STRV("s\xc3\xa9same"), &hash), RC_OK);
		assert_true(auth_hash_readable(buf_strv(&hash)));
		assert_int_equal(auth_verify_hash(buf_strv(&hash), STRV("s\xc3\xa9same")), RC_OK);
		assert_int_equal(auth_verify_hash(buf_strv(&hash), STRV("s\xc3\xa9samE")), RC_AUTH);
		assert_int_equal(auth_verify_hash(buf_strv(&hash), STRV("")), RC_AUTH);
		buf_fini(&hash);
	}
}

static void two_hashes_of_one_password_differ(void **state)
{
	struct buf first, second;

	(void)state;
	buf_init(&first, 1000);
	buf_init(&second, 1000);
	assert_int_equal(auth_make_hash("SHA512-CRYPT", STRV("x"), &first), RC_OK);
	assert_int_equal(auth_make_hash("SHA512-CRYPT", STRV("x"), &second), RC_OK);
	assert_false(strv_eq(buf_strv(&first), buf_strv(&second)));
	buf_fini(&first);
	buf_fini(&second);
}

/* "Hello world!" from the specification of SHA-crypt. */
#define KNOWN                                                                                                \
	"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"                                                 \
	"O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"

static void a_hash_may_carry_its_scheme_in_braces(void **state)
{
	(void)state;
	assert_int_equal(auth_verify_hash(STRV(KNOWN), STRV("Hello world!")), RC_OK);
	assert_int_equal(auth_verify_hash(STRV("{SHA512-CRYPT}" KNOWN), STRV("Hello world!")), RC_OK);
	assert_int_equal(auth_verify_hash(STRV("{CRYPT}" KNOWN), STRV("Hello world!")), RC_OK);
	assert_int_equal(auth_verify_hash(STRV("{sha512-crypt}" KNOWN), STRV("Hello world?")), RC_AUTH);
}

static void an_unreadable_hash_is_told_from_a_wrong_password(void **state)
{
	static const char *const samples[] = { "", "plain", "{PLAIN}", "{SSHA}x", "{SHA512-CRYPT}",
		"{BCRYPT}" KNOWN, "{SHA512-CRYPT", "{}" KNOWN, "$zz$salt$x" };

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		assert_false(auth_hash_readable(strv_cstr(samples[i])));
	for (size_t i = 0; i + 1 < sizeof(samples) / sizeof(samples[0]); i++)
		assert_int_not_equal(auth_verify_hash(strv_cstr(samples[i]), STRV("x")), RC_OK);
	assert_int_not_equal(auth_verify_hash(STRV("$zz$salt$x"), STRV("x")), RC_OK);
}

#define ARGON "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

static void hashes_of_other_servers_are_read_and_checked(void **state)
{
	static const struct {
		const char *stored;
		const char *password;
	} samples[] = {
		{ "{PLAIN}Hello world!", "Hello world!" },
		{ "{CLEARTEXT}Hello world!", "Hello world!" },
		{ "{SSHA}MQCu4ULhbjN/m8GjCqCeGAPRr2ZzYWx0c2FsdA==", "Hello world!" },
		{ "{ssha}MQCu4ULhbjN/m8GjCqCeGAPRr2ZzYWx0c2FsdA==", "Hello world!" },
		{ "{SSHA256}G7PF9TUSELczltJ7gmqKH1Da1d3gpH1nIrag42quQwRzYWx0c2FsdA==", "Hello world!" },
		{ "{SSHA256.HEX}"
		  "1bb3c5f5351210b73396d27b826a8a1f50dad5dde0a47d6722b6a0e36aae430473616c7473616c74",
			"Hello world!" },
		{ "{SSHA512}e5ouc7Gp84W3s3tg+qC3yU9M5JxemWe7T7F5ACNphX45E4f4CTVbkRF1/"
		  "e6TIsObPZJtBwVteHPs2dAh0FETAn"
		  "NhbHRzYWx0",
			"Hello world!" },
		{ "{MD5-CRYPT}$1$saltsalt$le8lFSqqnPaRFOlmAZpvH1", "Hello world!" },
		{ "{BLF-CRYPT}$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U" },
#ifdef COID_ARGON2
		{ "{ARGON2ID}" ARGON, "password" },
		{ ARGON, "password" },
#endif
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct strv stored = strv_cstr(samples[i].stored);
		assert_null(auth_hash_problem(stored));
		assert_int_equal(auth_verify_hash(stored, strv_cstr(samples[i].password)), RC_OK);
		assert_int_equal(auth_verify_hash(stored, STRV("hello world!")), RC_AUTH);
		assert_int_equal(auth_verify_hash(stored, STRV("")), RC_AUTH);
		assert_false(auth_hash_is_current("SHA512-CRYPT", stored));
	}
	assert_true(auth_hash_is_current("SHA512-CRYPT", STRV("{SHA512-CRYPT}" KNOWN)));
	assert_true(auth_hash_is_current("SHA512-CRYPT", STRV(KNOWN)));
	assert_false(auth_hash_is_current("YESCRYPT", STRV(KNOWN)));
}

static void what_is_wrong_with_a_hash_is_said(void **state)
{
	(void)state;
#ifndef COID_ARGON2
	assert_non_null(strstr(auth_hash_problem(STRV("{ARGON2ID}" ARGON)), "built without argon2"));
	assert_int_equal(auth_verify_hash(STRV(ARGON), STRV("password")), RC_INVALID);
#endif
	/* The first is no argon2 text, the second has a salt and a hash that are no base64. */
	assert_int_equal(auth_verify_hash(STRV("$argon2id$v=19$m=256$x$y"), STRV("password")), RC_INVALID);
	assert_int_equal(
		auth_verify_hash(STRV("$argon2id$v=19$m=256,t=2,p=1$!!$!!"), STRV("password")), RC_INVALID);
	assert_int_equal(auth_verify_hash(STRV("{ROT13}abc"), STRV("abc")), RC_INVALID);
	/* 4 GiB of memory, and a thousand passes. */
	assert_non_null(
		auth_hash_problem(STRV("{ARGON2ID}$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EO")));
	assert_non_null(
		auth_hash_problem(STRV("{ARGON2ID}$argon2id$v=19$m=256,t=1000,p=1$c29tZXNhbHQ$nf65EO")));
	assert_non_null(auth_hash_problem(STRV("{ARGON2ID}" KNOWN)));
	assert_non_null(auth_hash_problem(STRV("{SSHA}c2hvcnQ=")));
	assert_non_null(auth_hash_problem(STRV("{SSHA.XYZ}MQCu4ULhbjN/m8GjCqCeGAPRr2ZzYWx0c2FsdA==")));
	assert_non_null(auth_hash_problem(STRV("{ROT13}abc")));
}

static void a_password_has_limits(void **state)
{
	struct buf out;
	char *text = malloc(PASSWORD_MAX + 1);

	(void)state;
	memset(text, 'a', PASSWORD_MAX + 1);
	buf_init(&out, 4000);
	assert_int_equal(auth_make_hash("SHA512-CRYPT", STRV(""), &out), RC_INVALID);
	assert_int_equal(auth_make_hash("SHA512-CRYPT", STRV("a\0b"), &out), RC_INVALID);
	assert_int_equal(auth_make_hash("SHA512-CRYPT", strv_make(text, PASSWORD_MAX + 1), &out), RC_INVALID);
	assert_int_equal(auth_make_hash("ROT13", STRV("x"), &out), RC_INVALID);
	assert_int_equal(auth_make_hash("CRYPT", STRV("x"), &out), RC_INVALID);
	assert_int_equal(auth_make_scram(STRV(""), 4096, &out), RC_INVALID);
	assert_int_equal(auth_make_scram(STRV("x"), 0, &out), RC_INVALID);
	assert_int_equal(auth_make_scram(STRV("x"), AUTH_ITERATIONS_MAX + 1, &out), RC_INVALID);
	assert_int_equal(auth_make_scram(strv_make(text, PASSWORD_MAX + 1), 1, &out), RC_INVALID);
	assert_int_equal(out.len, 0);
	assert_int_equal(auth_make_scram(strv_make(text, PASSWORD_MAX), 1, &out), RC_OK);
	assert_int_equal(auth_make_scram(strv_make(text, PASSWORD_MAX - 1), 1, &out), RC_OK);
	buf_fini(&out);
	free(text);
}

static void scram_keys_have_the_form_of_rfc_5803(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(auth_make_scram(STRV("pencil"), 4096, &out), RC_OK);
	struct strv text = buf_strv(&out);
	assert_true(strv_starts(text, STRV("SCRAM-SHA-256$4096:")));
	/* 16 octets of salt, then two keys of 32, in base64. */
	text = strv_sub(text, sizeof("SCRAM-SHA-256$4096:") - 1, text.n);
	assert_int_equal(strv_index(text, '$'), 24);
	text = strv_sub(text, 25, text.n);
	assert_int_equal(strv_index(text, ':'), 44);
	assert_int_equal(text.n, 89);
	buf_fini(&out);
}

static void what_looks_like_a_scheme_is_one(void **state)
{
	(void)state;
	assert_true(auth_hash_has_scheme(STRV("{CRYPT}x")));
	assert_true(auth_hash_has_scheme(STRV("{FUTURE-2}x")));
	assert_false(auth_hash_has_scheme(STRV("{lower}x")));
	assert_true(auth_hash_has_scheme(STRV("{A}x")));
	assert_false(auth_hash_has_scheme(STRV("{}x")));
	assert_false(auth_hash_has_scheme(STRV("{CRYPT")));
	assert_false(auth_hash_has_scheme(STRV("p{CRYPT}")));
}

static void what_is_not_of_the_configured_scheme_is_not_current(void **state)
{
	(void)state;
	assert_true(auth_hash_is_current("YESCRYPT", STRV("$y$j9T$x$y")));
	assert_true(auth_hash_is_current("YESCRYPT", STRV("{CRYPT}$y$j9T$x$y")));
	assert_false(auth_hash_is_current("YESCRYPT", STRV("{SHA512-CRYPT}$6$a$b")));
	assert_false(auth_hash_is_current("SHA512-CRYPT", STRV("$5$a$b")));
	assert_false(auth_hash_is_current("SHA512-CRYPT", STRV("{SSHA}abcd")));
	assert_false(auth_hash_is_current("SHA512-CRYPT", STRV("")));
	assert_true(auth_scram_is_current(4096, STRV("SCRAM-SHA-256$4096:salt$key:key")));
	assert_false(auth_scram_is_current(4096, STRV("SCRAM-SHA-256$40960:salt$key:key")));
	assert_false(auth_scram_is_current(4096, STRV("")));
}

static void a_stored_password_is_as_long_as_one_may_be(void **state)
{
	struct buf stored;

	(void)state;
	buf_init(&stored, 2 * PASSWORD_MAX);
	buf_adds(&stored, "{PLAIN}");
	size_t start = stored.len;
	for (size_t n = 1; n <= PASSWORD_MAX + 1; n++) {
		buf_addc(&stored, 'a');
		struct strv password = strv_sub(buf_strv(&stored), start, stored.len);
		assert_int_equal(
			auth_verify_hash(buf_strv(&stored), password), n <= PASSWORD_MAX ? RC_OK : RC_AUTH);
		assert_int_equal(auth_hash_readable(buf_strv(&stored)), n <= PASSWORD_MAX);
	}
	buf_fini(&stored);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hash_of_every_scheme_verifies_its_own_password_only),
		cmocka_unit_test(two_hashes_of_one_password_differ),
		cmocka_unit_test(a_hash_may_carry_its_scheme_in_braces),
		cmocka_unit_test(hashes_of_other_servers_are_read_and_checked),
		cmocka_unit_test(what_is_wrong_with_a_hash_is_said),
		cmocka_unit_test(an_unreadable_hash_is_told_from_a_wrong_password),
		cmocka_unit_test(a_password_has_limits),
		cmocka_unit_test(scram_keys_have_the_form_of_rfc_5803),
		cmocka_unit_test(what_looks_like_a_scheme_is_one),
		cmocka_unit_test(what_is_not_of_the_configured_scheme_is_not_current),
		cmocka_unit_test(a_stored_password_is_as_long_as_one_may_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
