#include "auth/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void a_plain_message_has_three_parts(void **state)
{
	struct strv authzid, user, password;

	(void)state;
	assert_int_equal(sasl_plain_parse(STRV("\0tim\0tanstaaf"), &authzid, &user, &password), RC_OK);
	assert_int_equal(authzid.n, 0);
	assert_true(strv_eq(user, STRV("tim")));
	assert_true(strv_eq(password, STRV("tanstaaf")));
	assert_int_equal(sasl_plain_parse(STRV("Ursel\0Kurt\0xipj"), &authzid, &user, &password), RC_OK);
	assert_true(strv_eq(authzid, STRV("Ursel")));
}

static void a_broken_plain_message_is_refused(void **state)
{
	static const struct strv samples[] = { { "", 0 }, { "a", 1 }, { "\0a", 2 }, { "\0\0b", 3 },
		{ "\0a\0", 3 }, { "\0a\0b\0", 5 } };
	struct strv authzid, user, password;

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		assert_int_equal(sasl_plain_parse(samples[i], &authzid, &user, &password), RC_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_message_has_three_parts),
		cmocka_unit_test(a_broken_plain_message_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
