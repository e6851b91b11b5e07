#include "imap/mailbox_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool matches(enum mailbox_filter_kind kind, const char *top, const char *name, bool subscribed)
{
	struct strv other = STRV("other");
	bool first = strv_cmp(strv_cstr(top), other) < 0;
	struct strv names[] = { first ? strv_cstr(top) : other, first ? other : strv_cstr(top) };
	struct mailbox_source source = { .filter = { .kind = kind, .names = names, .name_count = 2 } };
	struct mailbox_source nothing = { .filter = { .kind = FILTER_MAILBOXES }, .next = &source };
	struct arena *arena = arena_new(0);
	bool match = mailbox_source_match(&source, strv_cstr(name), subscribed);
	struct mailbox_source *copy = mailbox_source_copy(&nothing, arena);
	assert_int_equal(mailbox_source_match(copy, strv_cstr(name), subscribed), match);
	arena_free(&arena);
	return match;
}

static void every_filter_means_its_mailboxes(void **state)
{
	(void)state;
	assert_true(matches(FILTER_PERSONAL, "x", "a", false));
	assert_true(matches(FILTER_SUBSCRIBED, "x", "a", true));
	assert_false(matches(FILTER_SUBSCRIBED, "a", "a", false));
	assert_true(matches(FILTER_MAILBOXES, "a", "a", false));
	assert_true(matches(FILTER_MAILBOXES, "a", "other", false));
	assert_false(matches(FILTER_MAILBOXES, "a", "a/b", false));
	assert_false(matches(FILTER_MAILBOXES, "a", "A", true));
	assert_true(matches(FILTER_SUBTREE, "a", "a", false));
	assert_true(matches(FILTER_SUBTREE, "a", "a/b", false));
	assert_true(matches(FILTER_SUBTREE, "a", "a/b/c", false));
	assert_false(matches(FILTER_SUBTREE, "a", "ab", false));
	assert_false(matches(FILTER_SUBTREE, "a/b", "a", false));
	assert_true(matches(FILTER_SUBTREE_ONE, "a", "a", false));
	assert_true(matches(FILTER_SUBTREE_ONE, "a", "a/b", false));
	assert_false(matches(FILTER_SUBTREE_ONE, "a", "a/b/c", false));
	assert_true(matches(FILTER_SUBTREE_ONE, "a/b", "a/b/c", false));
	assert_false(mailbox_source_match(NULL, STRV("a"), true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_filter_means_its_mailboxes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
