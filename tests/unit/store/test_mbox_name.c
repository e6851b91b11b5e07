#include "store/mailbox.h"

#include "store/store_priv.h"
#include "support/inbox_rig.h"

#define LONGEST 20
#define DEEPEST 3

static int setup_limits(void **state)
{
	setup(state);
	struct test *t = *state;
	rig_close(&t->rig);
	t->rig.settings.mailbox_name_max = LONGEST;
	t->rig.settings.mailbox_depth_max = DEEPEST;
	return rig_open(&t->rig) == RC_OK ? 0 : -1;
}

static void assert_name(struct test *t, const char *name, const char *expected)
{
	struct arena *arena = arena_new(0);
	struct strv got;
	assert_int_equal(mbox_name_check(t->rig.store, strv_cstr(name), arena, &got), RC_OK);
	if (!strv_eq(got, strv_cstr(expected)))
		fail_msg("'%s' became '%.*s'", name, STRV_ARG(got));
	arena_free(&arena);
}

static void assert_refused_bytes(struct test *t, struct strv name, enum rc expected)
{
	struct arena *arena = arena_new(0);
	struct strv got;
	assert_int_equal(mbox_name_check(t->rig.store, name, arena, &got), expected);
	arena_free(&arena);
}

static void assert_refused(struct test *t, const char *name, enum rc expected)
{
	assert_refused_bytes(t, strv_cstr(name), expected);
}

static void inbox_is_one_in_any_case_with_all_below_it(void **state)
{
	assert_name(*state, "iNbOx", "INBOX");
	assert_name(*state, "inbox/Sub", "INBOX/Sub");
	assert_name(*state, "inboxes", "inboxes");
	assert_name(*state, "a/inbox", "a/inbox");
}

static void a_separator_at_the_end_is_dropped_and_no_level_is_empty(void **state)
{
	assert_name(*state, "a/b/", "a/b");
	assert_refused(*state, "", RC_INVALID);
	assert_refused(*state, "/", RC_INVALID);
	assert_refused(*state, "/a", RC_INVALID);
	assert_refused(*state, "a//b", RC_INVALID);
	assert_refused(*state, "a//", RC_INVALID);
}

/* Two clients that write the same name differently mean the same mailbox. */
static void a_name_has_one_form(void **state)
{
	struct arena *arena = arena_new(0);
	assert_name(*state, "a\xcc\x88", "\xc3\xa4");
	assert_name(*state, "\xc3\xa4", "\xc3\xa4");
	assert_true(strv_eq(mbox_name_nfc(STRV("a\xcc\x88"), arena), STRV("\xc3\xa4")));
	assert_true(strv_eq(mbox_name_nfc(STRV("\xff"), arena), STRV("\xff")));
	assert_true(strv_eq(mbox_name_nfc(STRV("abc"), arena), STRV("abc")));
	arena_free(&arena);
}

static void controls_and_what_is_no_utf8_are_refused(void **state)
{
	static const char *const wrong[] = { "a\tb", "a\x7f", "a\xc2\x80", "a\xc2\x9f", "a\xe2\x80\xa8",
		"a\xe2\x80\xa9", "\xff", "a\xc3" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_refused(*state, wrong[i], RC_INVALID);
	assert_refused_bytes(*state, STRV("a\0b"), RC_INVALID);
	/* Their neighbours are allowed, and so are the wildcards of LIST. */
	assert_name(*state, "a\xc2\xa0", "a\xc2\xa0");
	assert_name(*state, "a*%b ~", "a*%b ~");
}

static void names_and_levels_have_a_limit(void **state)
{
	char name[5000];
	assert_name(*state, "a/b/c", "a/b/c");
	assert_name(*state, "a/b/c/", "a/b/c");
	assert_refused(*state, "a/b/c/d", RC_LIMIT);
	assert_name(*state, "12345678901234567890", "12345678901234567890");
	assert_refused(*state, "123456789012345678901", RC_LIMIT);
	/* The form that is kept counts. */
	assert_name(*state, "123456789012345678a\xcc\x88", "123456789012345678\xc3\xa4");
	/* Beyond any limit it is not even looked at. */
	memset(name, '\t', sizeof(name));
	assert_refused_bytes(*state, strv_make(name, 4097), RC_LIMIT);
	assert_refused_bytes(*state, strv_make(name, 4096), RC_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_limits, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(inbox_is_one_in_any_case_with_all_below_it),
		TEST(a_separator_at_the_end_is_dropped_and_no_level_is_empty),
		TEST(a_name_has_one_form),
		TEST(controls_and_what_is_no_utf8_are_refused),
		TEST(names_and_levels_have_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
