#include "imap/acl_rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static unsigned applied(const char *text, unsigned rights)
{
	struct acl_change change;
	assert_true(acl_change_parse(strv_cstr(text), &change));
	return acl_change_apply(change, rights);
}

static void rights_are_replaced_added_and_taken_away(void **state)
{
	(void)state;
	assert_int_equal(applied("lr", ACL_ALL), ACL_LOOKUP | ACL_READ);
	assert_int_equal(applied("+lr", ACL_SEEN), ACL_LOOKUP | ACL_READ | ACL_SEEN);
	assert_int_equal(applied("-lr", ACL_LOOKUP | ACL_SEEN), ACL_SEEN);
	assert_int_equal(applied("", ACL_ALL), 0);
	assert_int_equal(applied("+", ACL_READ), ACL_READ);
	assert_int_equal(applied("-", ACL_READ), ACL_READ);
	assert_int_equal(applied("+" ACL_ALL_LETTERS, 0), ACL_ALL);
}

static void obsolete_rights_stand_for_their_members(void **state)
{
	(void)state;
	assert_int_equal(applied("c", 0), ACL_CREATE | ACL_DELETE_MAILBOX);
	assert_int_equal(applied("d", 0), ACL_DELETE_MESSAGES | ACL_EXPUNGE);
	assert_int_equal(applied("dt", 0), ACL_DELETE_MESSAGES | ACL_EXPUNGE);
	assert_int_equal(applied("lrswipcda", 0), ACL_ALL);
	assert_int_equal(applied("-cd", ACL_ALL), applied("lrswipa", 0));
}

static void every_letter_is_one_right(void **state)
{
	(void)state;
	unsigned seen = 0;
	for (const char *letter = "lrswipkxtea"; *letter; letter++) {
		char text[2] = { *letter, '\0' };
		unsigned right = applied(text, 0);
		assert_true(right != 0 && (right & (right - 1)) == 0 && !(seen & right));
		seen |= right;
	}
	assert_int_equal(seen, ACL_ALL);
}

static void what_is_no_right_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "lrQ", "lrq", "L", "+L", "++l", "l+", "-l-", "0", "l9", " l", "l ",
		"n", "\xc3\xa4" };
	struct acl_change change;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(acl_change_parse(strv_cstr(bad[i]), &change));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rights_are_replaced_added_and_taken_away),
		cmocka_unit_test(obsolete_rights_stand_for_their_members),
		cmocka_unit_test(every_letter_is_one_right),
		cmocka_unit_test(what_is_no_right_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
