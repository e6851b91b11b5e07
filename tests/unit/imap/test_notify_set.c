#include "imap/notify_set.h"

#include "base/mem.h"
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

#define BOTH (NOTIFY_MESSAGE_NEW | NOTIFY_MESSAGE_EXPUNGE)

struct test {
	char root[512];
	struct rig rig;
	struct arena *arena;
	struct notify_set *set;
	enum notify_refusal refusal;
	const char *error;
};

static int setup(void **state)
{
	struct test *t = mem_zalloc(sizeof(*t));
	rig_folder_make(t->root);
	rig_init(&t->rig, t->root, NULL);
	assert_int_equal(rig_open(&t->rig), RC_OK);
	t->arena = arena_new(0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;
	notify_set_unref(&t->set);
	arena_free(&t->arena);
	rig_close(&t->rig);
	rig_folder_remove(t->root);
	free(t);
	return 0;
}

/* The parser's bytes are gone when the set is used. */
static bool parse_text(struct test *t, const char *text)
{
	struct parse parse;
	size_t n = strlen(text);
	char *copy = mem_strndup(text, n);

	notify_set_unref(&t->set);
	arena_reset(t->arena);
	parse_init(&parse, strv_make(copy, n), t->arena);
	bool ok = notify_set_parse(&parse, t->rig.store, &t->set, &t->refusal);
	t->error = parse.error;
	memset(copy, 'x', n);
	free(copy);
	arena_reset(t->arena);
	return ok;
}

static void assert_taken(struct test *t, const char *text)
{
	if (!parse_text(t, text))
		fail_msg("%s: %s", text, t->error);
	assert_int_equal(t->refusal, NOTIFY_TAKEN);
	assert_non_null(t->set);
}

static unsigned match(struct test *t, const char *name, bool subscribed)
{
	return notify_set_match(t->set, strv_cstr(name), subscribed);
}

static void none_wants_nothing(void **state)
{
	struct test *t = *state;
	t->set = notify_set_none();
	assert_int_equal(notify_set_selected(t->set), 0);
	assert_int_equal(notify_set_others(t->set), 0);
	assert_null(notify_set_plan(t->set));
	assert_int_equal(match(t, "INBOX", true), 0);
	assert_false(notify_set_immediate(t->set));
}

static void each_filter_matches_its_mailboxes(void **state)
{
	struct test *t = *state;
	assert_taken(t, "(personal (MessageNew MessageExpunge))");
	assert_int_equal(match(t, "any/thing", false), BOTH);
	assert_taken(t, "(inboxes (MessageNew MessageExpunge FlagChange))");
	assert_int_equal(match(t, "any/thing", false), NOTIFY_MESSAGES);
	assert_taken(t, "(subscribed (MailboxName))");
	assert_int_equal(match(t, "a", false), 0);
	assert_int_equal(match(t, "a", true), NOTIFY_MAILBOX_NAME);
	assert_taken(t, "(subtree (x/y b a) (SubscriptionChange))");
	assert_int_equal(match(t, "a", false), NOTIFY_SUBSCRIPTION);
	assert_int_equal(match(t, "a/b/c/d", false), NOTIFY_SUBSCRIPTION);
	assert_int_equal(match(t, "x/y/z", false), NOTIFY_SUBSCRIPTION);
	assert_int_equal(match(t, "x", false), 0);
	assert_int_equal(match(t, "x/yy", false), 0);
	assert_int_equal(match(t, "ab", false), 0);
	assert_int_equal(match(t, "c/a", false), 0);
	assert_taken(t, "(mailboxes (b inbox a/) (ServerMetadataChange MailboxMetadataChange))");
	assert_int_equal(match(t, "INBOX", false), NOTIFY_SERVER_METADATA | NOTIFY_MAILBOX_METADATA);
	assert_int_not_equal(match(t, "b", false), 0);
	assert_int_equal(match(t, "b/c", false), 0);
	assert_int_equal(notify_set_others(t->set), NOTIFY_SERVER_METADATA | NOTIFY_MAILBOX_METADATA);
}

static void groups_add_up_and_none_takes_out(void **state)
{
	struct test *t = *state;
	assert_taken(t, "(mailboxes INBOX (MessageNew MessageExpunge)) (personal (SubscriptionChange))");
	assert_int_equal(match(t, "INBOX", false), BOTH | NOTIFY_SUBSCRIPTION);
	assert_int_equal(match(t, "other", false), NOTIFY_SUBSCRIPTION);
	assert_taken(t, "(personal (MailboxName)) (subtree a NONE)");
	assert_int_equal(match(t, "a/b", false), 0);
	assert_int_equal(match(t, "b", false), NOTIFY_MAILBOX_NAME);
	assert_taken(t, "(subtree a NONE) (personal (MailboxName)) (mailboxes a/b (MailboxName))");
	assert_int_equal(match(t, "a/b", false), 0);
}

static void the_selected_mailbox_has_a_group_of_its_own(void **state)
{
	struct test *t = *state;
	assert_taken(t, "(selected (MessageNew (FLAGS BODY.PEEK[HEADER.FIELDS (From)]) MessageExpunge))");
	assert_int_equal(notify_set_selected(t->set), BOTH);
	assert_int_equal(notify_set_others(t->set), 0);
	assert_int_equal(match(t, "INBOX", true), 0);
	assert_true(notify_set_immediate(t->set));
	const struct fetch_plan *plan = notify_set_plan(t->set);
	assert_int_equal(plan->count, 3);
	assert_int_equal(plan->items[0].kind, FETCH_UID);
	assert_int_equal(plan->items[1].kind, FETCH_FLAGS);
	assert_true(strv_eq(plan->items[2].label, STRV("BODY[HEADER.FIELDS (From)]")));
	assert_taken(t, "(personal NONE) (selected-delayed (FlagChange MessageExpunge MessageNew))");
	assert_int_equal(notify_set_selected(t->set), NOTIFY_MESSAGES);
	assert_false(notify_set_immediate(t->set));
	assert_null(notify_set_plan(t->set));
	assert_taken(t, "(selected NONE)");
	assert_int_equal(notify_set_selected(t->set), 0);
}

static void what_does_not_follow_the_grammar_is_bad(void **state)
{
	static const char *const texts[] = {
		"",
		"()",
		"(personal NONE) (",
		"(personal NONE)x",
		"(personal (MessageNew))",
		"(personal (FlagChange))",
		"(personal (MessageNew MessageExpunge)",
		"(personal MessageNew)",
		"(other NONE)",
		"(selected NONE) (selected-delayed NONE)",
		"(selected (MailboxName))",
		"(personal (MessageNew (UID) MessageExpunge))",
		"(selected (MessageNew (UID) MessageNew (UID) MessageExpunge))",
		"(selected (MessageNew (FAST) MessageExpunge))",
		"(selected (MessageNew (UID MessageExpunge))",
		"(subtree (a NONE)",
		"(mailboxes a)",
		/* A refusal is no excuse for what comes behind it. */
		"(personal (AnnotationChange)) (other NONE)",
	};
	struct test *t = *state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (parse_text(t, texts[i]))
			fail_msg("taken: %s", texts[i]);
		assert_non_null(t->error);
		assert_null(t->set);
	}
}

static void unknown_events_are_refused(void **state)
{
	struct test *t = *state;
	assert_true(parse_text(t, "(personal (AnnotationChange))"));
	assert_int_equal(t->refusal, NOTIFY_BAD_EVENT);
	assert_null(t->set);
	assert_true(parse_text(t, "(selected (MessageNew SomethingElse)) (personal (MessageNew))"));
	assert_int_equal(t->refusal, NOTIFY_BAD_EVENT);
	struct buf out;
	buf_init(&out, 1024);
	notify_events_print(&out);
	assert_true(strv_eq(
		buf_strv(&out), STRV("(MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange "
				     "MailboxMetadataChange ServerMetadataChange)")));
	buf_fini(&out);
}

/* "before" + count times "part" + "after" */
static enum notify_refusal refusal_of(
	struct test *t, const char *before, const char *part, size_t count, const char *after)
{
	struct buf text;
	buf_init(&text, 4 * 1024 * 1024);
	buf_adds(&text, before);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i > 0 ? " " : "", part);
	buf_adds(&text, after);
	buf_addc(&text, '\0');
	assert_true(buf_ok(&text));
	if (!parse_text(t, text.p))
		fail_msg("%s", t->error);
	buf_fini(&text);
	return t->refusal;
}

static void beyond_the_limits_is_too_much(void **state)
{
	struct test *t = *state;
	char name[1025];
	memset(name, 'n', sizeof(name));
	name[1024] = '\0';
	assert_int_equal(refusal_of(t, "", "(personal NONE)", NOTIFY_GROUPS_MAX, ""), NOTIFY_TAKEN);
	assert_int_equal(refusal_of(t, "", "(personal NONE)", NOTIFY_GROUPS_MAX + 1, ""), NOTIFY_TOO_MUCH);
	assert_int_equal(
		refusal_of(t, "(selected NONE) ", "(personal NONE)", NOTIFY_GROUPS_MAX, ""), NOTIFY_TOO_MUCH);
	assert_int_equal(refusal_of(t, "(subtree (", "a", MAILBOX_FILTER_NAMES_MAX, ") NONE)"), NOTIFY_TAKEN);
	assert_int_equal(
		refusal_of(t, "(subtree (", "a", MAILBOX_FILTER_NAMES_MAX + 1, ") NONE)"), NOTIFY_TOO_MUCH);
	assert_int_equal(
		refusal_of(t, "(mailboxes a NONE) (mailboxes (", "a", MAILBOX_FILTER_NAMES_MAX, ") NONE)"),
		NOTIFY_TOO_MUCH);
	assert_int_equal(NOTIFY_NAME_BYTES_MAX % 1024, 0);
	unsigned names = NOTIFY_NAME_BYTES_MAX / 1024;
	assert_int_equal(refusal_of(t, "(subtree (", name, names, ") NONE)"), NOTIFY_TAKEN);
	assert_int_equal(refusal_of(t, "(subtree (", name, names, " a) NONE)"), NOTIFY_TOO_MUCH);
	assert_int_equal(refusal_of(t, "(subtree (a", name + 1, names, ") NONE)"), NOTIFY_TAKEN);
}

static void names_that_no_mailbox_can_have_match_nothing(void **state)
{
	struct test *t = *state;
	assert_taken(t, "(mailboxes (a//b \"\") (MailboxName)) (subtree \"c//d\" (MailboxName))");
	assert_int_equal(match(t, "a", false), 0);
	assert_int_equal(match(t, "", false), 0);
	assert_int_equal(match(t, "*", false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(none_wants_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(each_filter_matches_its_mailboxes, setup, teardown),
		cmocka_unit_test_setup_teardown(groups_add_up_and_none_takes_out, setup, teardown),
		cmocka_unit_test_setup_teardown(the_selected_mailbox_has_a_group_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(what_does_not_follow_the_grammar_is_bad, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_events_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(beyond_the_limits_is_too_much, setup, teardown),
		cmocka_unit_test_setup_teardown(
			names_that_no_mailbox_can_have_match_nothing, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
