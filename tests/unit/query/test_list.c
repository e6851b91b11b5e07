#include "query/list.h"

#include "support/inbox_rig.h"

#define OUT_MAX 65536

struct question {
	struct list_options options;
	struct arena *arena;
	bool utf8;
	struct buf out;
};

static enum rc ask(struct account *account, void *arg)
{
	struct question *q = arg;
	buf_reset(&q->out);
	return list_run(account, &q->options, q->utf8, q->arena, &q->out);
}

static enum rc list(struct test *t, const char *text, size_t max, bool utf8, struct buf *ret_out)
{
	struct question q = { .arena = arena_new(0), .utf8 = utf8 };
	struct parse parse;
	parse_init(&parse, strv_cstr(text), q.arena);
	assert_true(list_options_parse(&parse, &q.options) && parse_end(&parse));
	buf_init(&q.out, max);
	enum rc rc = rig_run(&t->rig, ACCOUNT, JOB_READ, ask, &q);
	arena_free(&q.arena);
	*ret_out = q.out;
	return rc;
}

static void assert_lines(struct test *t, const char *text, const char *expected)
{
	struct buf out;
	assert_int_equal(list(t, text, OUT_MAX, false, &out), RC_OK);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
}

static void subscribe(struct test *t, const char *name)
{
	assert_int_equal(rig_subscribe(&t->rig, ACCOUNT, name, true), RC_OK);
}

static void create(struct test *t, const char *name)
{
	assert_int_equal(rig_create(&t->rig, ACCOUNT, name), RC_OK);
}

static void names_are_told_with_their_attributes(void **state)
{
	struct test *t = *state;
	create(t, "a/b");
	assert_lines(t, "\"\" *",
		"* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
		"* LIST (\\Noselect \\HasChildren) \"/\" \"a\"\r\n"
		"* LIST (\\HasNoChildren) \"/\" \"a/b\"\r\n");
	assert_lines(t, "\"\" %",
		"* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
		"* LIST (\\Noselect \\HasChildren) \"/\" \"a\"\r\n");
	subscribe(t, "a/b");
	assert_lines(
		t, "\"\" a/* RETURN (SUBSCRIBED)", "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"a/b\"\r\n");
	/* A name that two patterns match is told once. */
	assert_lines(t, "\"\" (INBOX I*)", "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n");
}

static void subscribed_names_need_no_mailbox(void **state)
{
	struct test *t = *state;
	subscribe(t, "gone");
	subscribe(t, "INBOX");
	assert_lines(t, "(SUBSCRIBED) \"\" *",
		"* LIST (\\Subscribed \\HasNoChildren) \"/\" \"INBOX\"\r\n"
		"* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" \"gone\"\r\n");
	assert_lines(t, "\"\" g*", "");
}

/* RFC 5258 section 3: a level above is told for the sake of what the patterns would hide. */
static void recursivematch_tells_levels_above_hidden_names(void **state)
{
	struct test *t = *state;
	create(t, "a");
	subscribe(t, "a/b/c");
	assert_lines(t, "(SUBSCRIBED RECURSIVEMATCH) \"\" a",
		"* LIST (\\HasNoChildren) \"/\" \"a\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n");
	/* One that is no name of the account. */
	subscribe(t, "x/y");
	assert_lines(t, "(SUBSCRIBED RECURSIVEMATCH) \"\" x",
		"* LIST (\\NonExistent \\HasChildren) \"/\" \"x\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n");
	/* This pattern hides no name. */
	assert_lines(t, "(SUBSCRIBED RECURSIVEMATCH) \"\" x*",
		"* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" \"x/y\"\r\n");
}

static void status_and_rights_follow_mailboxes_alone(void **state)
{
	struct test *t = *state;
	create(t, "a/b");
	assert_lines(t, "\"\" a* RETURN (STATUS (MESSAGES) MYRIGHTS)",
		"* LIST (\\Noselect \\HasChildren) \"/\" \"a\"\r\n"
		"* LIST (\\HasNoChildren) \"/\" \"a/b\"\r\n"
		"* MYRIGHTS \"a/b\" lrswipkxteacd\r\n"
		"* STATUS \"a/b\" (MESSAGES 0)\r\n");
}

static void names_are_utf8_for_whoever_takes_it(void **state)
{
	struct test *t = *state;
	struct buf out;
	create(t, "\xc3\xa4");
	assert_lines(t, "\"\" \"&AOQ-\"", "* LIST (\\HasNoChildren) \"/\" \"&AOQ-\"\r\n");
	assert_int_equal(list(t, "\"\" *", OUT_MAX, true, &out), RC_OK);
	assert_non_null(memmem(out.p, out.len, "\"/\" \"\xc3\xa4\"\r\n", 10));
	buf_fini(&out);
}

static void more_than_an_answer_may_hold_is_refused(void **state)
{
	static const char line[] = "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n";
	struct buf out;
	assert_int_equal(list(*state, "\"\" *", sizeof(line) - 1, false, &out), RC_OK);
	buf_fini(&out);
	assert_int_equal(list(*state, "\"\" *", sizeof(line) - 2, false, &out), RC_LIMIT);
	buf_fini(&out);
}

static void a_renamed_name_is_told_with_the_old_one(void **state)
{
	const struct mbox_info info = { .id = 5, .name = STRV("new"), .subscribed = true };
	struct arena *arena = arena_new(0);
	(void)state;
	struct strv line = list_name_line(arena, &info, false, STRV("old"));
	assert_true(strv_eq(line, STRV("* LIST (\\Subscribed \\HasNoChildren) \"/\" \"new\" (\"OLDNAME\" "
				       "(\"old\"))\r\n")));
	line = list_name_line(arena, &info, false, STRV_NULL);
	assert_true(strv_eq(line, STRV("* LIST (\\Subscribed \\HasNoChildren) \"/\" \"new\"\r\n")));
	arena_free(&arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_are_told_with_their_attributes),
		TEST(subscribed_names_need_no_mailbox),
		TEST(recursivematch_tells_levels_above_hidden_names),
		TEST(status_and_rights_follow_mailboxes_alone),
		TEST(names_are_utf8_for_whoever_takes_it),
		TEST(more_than_an_answer_may_hold_is_refused),
		cmocka_unit_test(a_renamed_name_is_told_with_the_old_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
