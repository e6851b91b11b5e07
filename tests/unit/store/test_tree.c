/* The order of mailbox names, and the two sorted arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/mail_priv.h"

/* The names in the expected order. */
static const char *const ordered[] = { "INBOX", "INBOX/a", "INBOX/a/b", "INBOX/b", "A", "A/x", "A/x/y", "A b",
	"A!", "A-b", "B", "INBOX-old", "INBOXES", "a", "\xc3\xa4" };

static void names_are_compared_with_what_is_below_them_first_and_inbox_ahead(void **state)
{
	(void)state;

	for (size_t i = 0; i < COUNT_OF(ordered); i++) {
		for (size_t k = 0; k < COUNT_OF(ordered); k++) {
			int order = tree_compare(strv_cstr(ordered[i]), strv_cstr(ordered[k]));
			assert_int_equal(order, i < k ? -1 : i > k ? 1 : 0);
		}
	}
}

static void only_whole_components_are_below_a_name(void **state)
{
	(void)state;

	assert_true(tree_below(STRV("a/b"), STRV("a")));
	assert_true(tree_below(STRV("a/b/c"), STRV("a")));
	assert_false(tree_below(STRV("a"), STRV("a")));
	assert_false(tree_below(STRV("ab"), STRV("a")));
	assert_false(tree_below(STRV("b/a"), STRV("a")));
	assert_false(tree_below(STRV("a"), STRV("a/b")));
	assert_true(tree_is_inbox(STRV("iNboX")));
	assert_false(tree_is_inbox(STRV("INBOX/a")));
}

static struct mbox mboxes[COUNT_OF(ordered)];

/* All names, added in an order that is neither theirs nor its reverse. */
static void fill(struct mail *mail)
{
	for (size_t i = 0; i < COUNT_OF(ordered); i++) {
		size_t k = i * 7 % COUNT_OF(ordered);
		mboxes[k] = (struct mbox){ .name = strv_cstr(ordered[k]) };
		tree_add(mail, &mboxes[k]);
	}
}

static void names_are_kept_in_order_and_found(void **state)
{
	struct mail mail = { 0 };
	(void)state;

	fill(&mail);
	assert_int_equal(mail.name_count, COUNT_OF(ordered));
	for (size_t i = 0; i < COUNT_OF(ordered); i++) {
		assert_ptr_equal(mail.names[i], &mboxes[i]);
		assert_ptr_equal(tree_find(&mail, strv_cstr(ordered[i])), &mboxes[i]);
		assert_int_equal(tree_position(&mail, strv_cstr(ordered[i])), i);
	}
	assert_null(tree_find(&mail, STRV("INBOX/")));
	assert_null(tree_find(&mail, STRV("zz\xff")));
	tree_remove(&mail, &mboxes[4]);
	assert_null(tree_find(&mail, STRV("A")));
	assert_int_equal(mail.name_count, COUNT_OF(ordered) - 1);
	assert_ptr_equal(tree_find(&mail, STRV("A/x")), &mboxes[5]);
	free(mail.names);
}

static void a_name_has_children_only_right_behind_it(void **state)
{
	struct mail mail = { 0 };
	(void)state;

	fill(&mail);
	for (size_t i = 0; i < COUNT_OF(ordered); i++) {
		bool has = i + 1 < COUNT_OF(ordered) &&
			   tree_below(strv_cstr(ordered[i + 1]), strv_cstr(ordered[i]));
		assert_int_equal(tree_has_children(&mail, &mboxes[i]), has);
	}
	assert_true(tree_has_children(&mail, &mboxes[0]));
	assert_false(tree_has_children(&mail, &mboxes[COUNT_OF(ordered) - 1]));
	free(mail.names);
}

static void subscriptions_are_copied_and_may_name_what_is_not_there(void **state)
{
	struct mail mail = { 0 };
	char name[16];
	(void)state;

	for (int i = 19; i >= 0; i--) {
		snprintf(name, sizeof(name), "s%02d", i);
		tree_subs_add(&mail, strv_cstr(name));
	}
	memset(name, 'x', sizeof(name));
	assert_int_equal(mail.sub_count, 20);
	assert_true(strv_eq(mail.subs[0], STRV("s00")));
	assert_true(strv_eq(mail.subs[19], STRV("s19")));
	assert_true(tree_subs_contain(&mail, STRV("s07")));
	assert_false(tree_subs_contain(&mail, STRV("s7")));
	tree_subs_remove(&mail, STRV("s07"));
	tree_subs_remove(&mail, STRV("s07"));
	tree_subs_remove(&mail, STRV("t"));
	assert_false(tree_subs_contain(&mail, STRV("s07")));
	assert_true(tree_subs_contain(&mail, STRV("s08")));
	assert_int_equal(mail.sub_count, 19);
	while (mail.sub_count > 0)
		tree_subs_remove(&mail, mail.subs[0]);
	free(mail.subs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_compared_with_what_is_below_them_first_and_inbox_ahead),
		cmocka_unit_test(only_whole_components_are_below_a_name),
		cmocka_unit_test(names_are_kept_in_order_and_found),
		cmocka_unit_test(a_name_has_children_only_right_behind_it),
		cmocka_unit_test(subscriptions_are_copied_and_may_name_what_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
