#include "base/rc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void every_code_has_a_word_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < RC_MAX; i++) {
		assert_string_not_equal(rc_name((enum rc)i), "unknown");
		for (int j = 0; j < i; j++)
			assert_string_not_equal(rc_name((enum rc)i), rc_name((enum rc)j));
	}
	assert_string_equal(rc_name(RC_OK), "ok");
	assert_string_equal(rc_name(RC_NOT_FOUND), "not-found");
}

static void a_number_that_is_no_code_is_named_unknown(void **state)
{
	(void)state;
	assert_string_equal(rc_name(RC_MAX), "unknown");
	assert_string_equal(rc_name((enum rc)1000), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_word_of_its_own),
		cmocka_unit_test(a_number_that_is_no_code_is_named_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
