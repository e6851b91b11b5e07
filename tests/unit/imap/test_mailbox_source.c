#include "imap/mailbox_source.h"

#include "base/buf.h"
#include "imap/mailbox_filter.h"
#include "support/store_rig.h"

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

/* Parses that many names in one filter, or one filter for each. */
static bool taken(struct store *store, size_t names, bool apart)
{
	struct arena *arena = arena_new(0);
	struct mailbox_sources sources;
	struct parse parse;
	struct buf text;

	buf_init(&text, 64 * MAILBOX_FILTER_NAMES_MAX);
	buf_adds(&text, apart ? "IN (" : "IN (mailboxes (");
	for (size_t i = 0; i < names; i++)
		buf_printf(&text, "%s%sa", i > 0 ? " " : "", apart ? "mailboxes " : "");
	buf_adds(&text, apart ? ") " : ")) ");
	parse_init(&parse, buf_strv(&text), arena);
	bool ok = mailbox_sources_parse(&parse, store, &sources);
	if (!ok)
		assert_string_equal(parse.error, "Too many mailbox names");
	buf_fini(&text);
	arena_free(&arena);
	return ok;
}

static void so_many_names_are_taken_and_no_more(void **state)
{
	char root[512];
	struct rig rig;

	(void)state;
	rig_folder_make(root);
	rig_init(&rig, root, NULL);
	assert_int_equal(rig_open(&rig), RC_OK);
	for (int apart = 0; apart < 2; apart++) {
		assert_true(taken(rig.store, MAILBOX_FILTER_NAMES_MAX - 1, apart));
		assert_true(taken(rig.store, MAILBOX_FILTER_NAMES_MAX, apart));
		assert_false(taken(rig.store, MAILBOX_FILTER_NAMES_MAX + 1, apart));
	}
	rig_close(&rig);
	rig_folder_remove(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_filter_means_its_mailboxes),
		cmocka_unit_test(so_many_names_are_taken_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
