#include "mime/utf7.h"

#include "mime_test.h"

#define BAD "\xef\xbf\xbd"

static void assert_utf7(struct strv in, const char *expected)
{
	for (size_t step = 1; step <= in.n; step++) {
		struct utf7 utf7 = { .shifted = false };
		struct buf out;
		buf_init(&out, 1000);
		for (size_t i = 0; i < in.n; i += step)
			utf7_feed(&utf7, strv_sub(in, i, step), &out);
		utf7_finish(&utf7, &out);
		assert_false(utf7.shifted);
		test_buf_is(&out, expected);
	}
}

static void the_examples_of_rfc_2152_are_read(void **state)
{
	(void)state;
	assert_utf7(STRV("A+ImIDkQ."), "A\xe2\x89\xa2\xce\x91.");
	assert_utf7(STRV("Hi Mom -+Jjo--!"), "Hi Mom -\xe2\x98\xba-!");
	assert_utf7(STRV("+ZeVnLIqe-"), "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
	assert_utf7(STRV("Item 3 is +AKM-1."), "Item 3 is \xc2\xa3"
					       "1.");
	assert_utf7(STRV("1 +- 2 +2D3eAA-"), "1 + 2 \xf0\x9f\x98\x80");
	assert_utf7(STRV("+AGE b"), "a b");
}

static void invalid_input_is_replaced_and_passed(void **state)
{
	(void)state;
	assert_utf7(STRV("a\xff"
			 "b"),
		"a" BAD "b");
	assert_utf7(STRV("+PY-rg"), BAD "rg");
	assert_utf7(STRV("+"), "");
	assert_utf7(STRV("+A"), BAD);
	assert_utf7(STRV("+ b"), " b");
	/* Half a pair: at the end, before another character, and the second half alone. */
	assert_utf7(STRV("+2D0-x"), BAD "x");
	assert_utf7(STRV("+2D0AYQ-"), BAD "a");
	assert_utf7(STRV("+3gA-"), BAD);
	assert_utf7(STRV("+2D3YPd4A-"), BAD "\xf0\x9f\x98\x80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_rfc_2152_are_read),
		cmocka_unit_test(invalid_input_is_replaced_and_passed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
