#include "auth/saslprep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static void assert_prepared(const char *in, const char *expected)
{
	struct buf out;
	buf_init(&out, 100);
	buf_addc(&out, '<');
	enum rc rc = saslprep_string(&out, strv_cstr(in));
	if (!expected) {
		assert_int_equal(rc, RC_INVALID);
		assert_int_equal(out.len, 1);
	} else {
		assert_int_equal(rc, RC_OK);
		assert_int_equal(out.len, 1 + strlen(expected));
		assert_memory_equal(out.p + 1, expected, strlen(expected));
	}
	buf_fini(&out);
}

static void the_examples_of_the_rfc_hold(void **state)
{
	(void)state;
	assert_prepared("I\xc2\xadX", "IX");
	assert_prepared("user", "user");
	assert_prepared("USER", "USER");
	assert_prepared("\xc2\xaa", "a");
	assert_prepared("\xe2\x85\xa8", "IX");
	assert_prepared("\x07", NULL);
	assert_prepared("\xd8\xa7\x31", NULL);
}

static void spaces_become_one_kind_and_ignorable_characters_nothing(void **state)
{
	(void)state;
	assert_prepared("a b", "a b");
	assert_prepared("a\xc2\xa0\xe3\x80\x80\xe2\x80\x8b z", "a    z");
	assert_prepared("a\xe2\x80\x8c\xe2\x81\xa0\xef\xb8\x8f\xef\xbb\xbfz", "az");
	assert_prepared("\xc2\xad", "");
	assert_prepared("", "");
}

static void names_are_composed(void **state)
{
	(void)state;
	assert_prepared("u\xcc\x88", "\xc3\xbc");
	assert_prepared("\xef\xbc\xa1", "A");
}

static void prohibited_characters_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "a\x7f", "\xc2\x85", "\xdb\x9d", "\xe2\x80\xa8", "\xee\x80\x80",
		"\xef\xb7\x90", "\xef\xbf\xbd", "\xf0\x9f\xbf\xbe", "\xe2\xbf\xb0", "\xe2\x80\x8e",
		"\xf3\xa0\x80\x81", "\xf3\xb0\x80\x80", "\xcd\xb8", "\xff", "\xc0\xaf", "\xed\xa0\x80" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_prepared(bad[i], NULL);
}

static void right_to_left_names_are_so_from_end_to_end(void **state)
{
	(void)state;
	assert_prepared("\xd8\xa7\x31\xd8\xa8", "\xd8\xa7\x31\xd8\xa8");
	assert_prepared("\xd7\x90\xd7\x91", "\xd7\x90\xd7\x91");
	assert_prepared("1\xd8\xa7", NULL);
	assert_prepared("\xd8\xa7x\xd8\xa7", NULL);
}

static void what_does_not_fit_is_not_cut(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 4);
	assert_int_equal(saslprep_string(&out, STRV("abcd")), RC_OK);
	assert_int_equal(saslprep_string(&out, STRV("e")), RC_LIMIT);
	assert_int_equal(out.len, 4);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfc_hold),
		cmocka_unit_test(spaces_become_one_kind_and_ignorable_characters_nothing),
		cmocka_unit_test(names_are_composed),
		cmocka_unit_test(prohibited_characters_are_refused),
		cmocka_unit_test(right_to_left_names_are_so_from_end_to_end),
		cmocka_unit_test(what_does_not_fit_is_not_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
