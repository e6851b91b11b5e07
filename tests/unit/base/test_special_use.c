/* The one table of special uses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/special_use.h"

static void every_use_has_a_name_that_is_read_back_in_any_case(void **state)
{
	unsigned count = 0;
	(void)state;

	for (uint32_t use = 1; use != 0; use <<= 1) {
		const char *name = special_use_name(use);
		assert_int_equal(name != NULL, (use & SPECIAL_USE_MASK) != 0);
		if (!name)
			continue;
		count++;
		assert_int_equal(name[0], '\\');
		assert_int_equal(special_use_parse(strv_cstr(name)), use);
	}
	assert_int_equal(count, 8);
	assert_int_equal(special_use_parse(STRV("\\iMPORTANT")), SPECIAL_USE_IMPORTANT);
}

static void other_words_and_several_uses_at_once_are_none(void **state)
{
	(void)state;

	assert_int_equal(special_use_parse(STRV("Sent")), 0);
	assert_int_equal(special_use_parse(STRV("\\Sent ")), 0);
	assert_int_equal(special_use_parse(STRV("\\Noselect")), 0);
	assert_int_equal(special_use_parse(STRV_NULL), 0);
	assert_null(special_use_name(SPECIAL_USE_SENT | SPECIAL_USE_JUNK));
	assert_null(special_use_name(0));
}

static void views_of_all_mail_cannot_be_set(void **state)
{
	(void)state;

	assert_int_equal(SPECIAL_USE_SETTABLE & (SPECIAL_USE_ALL | SPECIAL_USE_FLAGGED), 0);
	assert_int_equal(SPECIAL_USE_SETTABLE | SPECIAL_USE_ALL | SPECIAL_USE_FLAGGED, (int)SPECIAL_USE_MASK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_use_has_a_name_that_is_read_back_in_any_case),
		cmocka_unit_test(other_words_and_several_uses_at_once_are_none),
		cmocka_unit_test(views_of_all_mail_cannot_be_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
