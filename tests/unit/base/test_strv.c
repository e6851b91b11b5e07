#include "base/strv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void views_are_equal_when_their_bytes_are(void **state)
{
	(void)state;
	assert_true(strv_eq(STRV("a\0b"), STRV("a\0b")));
	assert_false(strv_eq(STRV("a\0b"), STRV("a\0c")));
	assert_false(strv_eq(STRV("ab"), STRV("abc")));
	assert_true(strv_eq(STRV_NULL, STRV("")));
	assert_true(strv_eq(strv_cstr(NULL), STRV_NULL));
}

static void case_folding_is_for_ascii_only(void **state)
{
	(void)state;
	assert_true(strv_ieq(STRV("InBoX"), STRV("inbox")));
	assert_false(strv_ieq(STRV("inbox"), STRV("inbo")));
	assert_false(strv_ieq(STRV("\xc3\x84"), STRV("\xc3\xa4")));
	/* '[' and '{' differ by the bit that letters differ in. */
	assert_false(strv_ieq(STRV("["), STRV("{")));
	assert_false(strv_ieq(STRV("@"), STRV("`")));
	assert_true(strv_ieq(STRV_NULL, STRV("")));
}

static void a_prefix_is_found_at_the_start_only(void **state)
{
	(void)state;
	assert_true(strv_starts(STRV("BODY[]"), STRV("BODY")));
	assert_false(strv_starts(STRV("BODY[]"), STRV("body")));
	assert_true(strv_istarts(STRV("BODY[]"), STRV("body")));
	assert_false(strv_istarts(STRV("BOD"), STRV("body")));
	assert_false(strv_starts(STRV("xBODY"), STRV("BODY")));
	assert_true(strv_starts(STRV("x"), STRV("")));
	assert_true(strv_starts(STRV_NULL, STRV_NULL));
	assert_true(strv_istarts(STRV_NULL, STRV_NULL));
}

static void order_is_by_bytes_then_by_length(void **state)
{
	(void)state;
	assert_true(strv_cmp(STRV("a"), STRV("b")) < 0);
	assert_true(strv_cmp(STRV("b"), STRV("a")) > 0);
	assert_true(strv_cmp(STRV("ab"), STRV("a")) > 0);
	assert_true(strv_cmp(STRV("a"), STRV("ab")) < 0);
	assert_int_equal(strv_cmp(STRV("ab"), STRV("ab")), 0);
	assert_int_equal(strv_cmp(STRV_NULL, STRV("")), 0);
	assert_true(strv_cmp(STRV_NULL, STRV("a")) < 0);
	assert_true(strv_cmp(STRV("a"), STRV("\xff")) < 0);
	assert_true(strv_icmp(STRV("A"), STRV("b")) < 0);
	assert_true(strv_icmp(STRV("B"), STRV("a")) > 0);
	assert_int_equal(strv_icmp(STRV("aB"), STRV("Ab")), 0);
	assert_true(strv_icmp(STRV("a"), STRV("\xff")) < 0);
	assert_true(strv_icmp(STRV("aa"), STRV("A")) > 0);
}

static void the_index_of_a_missing_byte_is_the_length(void **state)
{
	(void)state;
	assert_int_equal(strv_index(STRV("user@host"), '@'), 4);
	assert_int_equal(strv_index(STRV("user"), '@'), 4);
	assert_int_equal(strv_index(STRV("a\0b"), '\0'), 1);
	assert_int_equal(strv_index(STRV_NULL, 'x'), 0);
}

static void trimming_removes_blanks_from_both_ends(void **state)
{
	(void)state;
	assert_true(strv_eq(strv_trim(STRV(" \t\r\n a b \r\n")), STRV("a b")));
	assert_int_equal(strv_trim(STRV(" \t ")).n, 0);
	assert_int_equal(strv_trim(STRV_NULL).n, 0);
	/* A vertical tab is no blank. */
	assert_int_equal(strv_trim(STRV("\v")).n, 1);
}

static void a_part_is_clipped_to_the_view(void **state)
{
	(void)state;
	assert_true(strv_eq(strv_sub(STRV("abcdef"), 2, 3), STRV("cde")));
	assert_true(strv_eq(strv_sub(STRV("abcdef"), 4, SIZE_MAX), STRV("ef")));
	assert_int_equal(strv_sub(STRV("abc"), 9, 1).n, 0);
	assert_null(strv_sub(STRV_NULL, 3, 3).p);
}

static void secrets_are_compared_whole(void **state)
{
	(void)state;
	assert_true(strv_eq_secret(STRV("secret"), STRV("secret")));
	assert_false(strv_eq_secret(STRV("secret"), STRV("Secret")));
	assert_false(strv_eq_secret(STRV("secret"), STRV("secreT")));
	assert_false(strv_eq_secret(STRV("secret"), STRV("secret1")));
	assert_false(strv_eq_secret(STRV("\x80"), STRV("\x00")));
	assert_true(strv_eq_secret(STRV_NULL, STRV_NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(views_are_equal_when_their_bytes_are),
		cmocka_unit_test(case_folding_is_for_ascii_only),
		cmocka_unit_test(a_prefix_is_found_at_the_start_only),
		cmocka_unit_test(order_is_by_bytes_then_by_length),
		cmocka_unit_test(the_index_of_a_missing_byte_is_the_length),
		cmocka_unit_test(trimming_removes_blanks_from_both_ends),
		cmocka_unit_test(a_part_is_clipped_to_the_view),
		cmocka_unit_test(secrets_are_compared_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
