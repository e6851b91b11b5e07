/* Keywords of a mailbox. */
#include "mail_fixture.h"

struct names_call {
	int64_t mailbox;
	struct buf text;
};

static enum rc names_run(struct account *account, void *arg)
{
	struct names_call *call = arg;
	const struct strv *names;
	size_t count;
	buf_reset(&call->text);
	enum rc rc = mbox_keywords(account, call->mailbox, &names, &count);
	for (size_t i = 0; rc == RC_OK && i < count; i++)
		buf_printf(&call->text, "%.*s ", STRV_ARG(names[i]));
	return rc;
}

static void assert_names(struct fixture *f, int64_t mailbox, const char *expected)
{
	struct names_call call = { .mailbox = mailbox };
	buf_init(&call.text, 64 * 1024);
	assert_int_equal(run(f, JOB_READ, names_run, &call), RC_OK);
	buf_addc(&call.text, '\0');
	assert_string_equal(call.text.p, expected);
	buf_fini(&call.text);
}

static void a_name_gets_the_next_bit_and_keeps_it(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	const struct strv first[] = { STRV("$Forwarded"), STRV("Work") };
	const struct strv second[] = { STRV("new"), STRV("WORK"), STRV("New") };
	uint64_t mask;

	assert_names(f, f->inbox, "");
	assert_int_equal(t_keywords(f, f->inbox, first, 2, true, &mask), RC_OK);
	assert_int_equal(mask, 3);
	assert_changes(f, "KEYWORDS $Forwarded Work;");
	fixture_reopen(f);
	assert_int_equal(t_keywords(f, f->inbox, second, 3, true, &mask), RC_OK);
	assert_int_equal(mask, 2 | 4);
	assert_changes(f, "KEYWORDS $Forwarded Work new;");
	assert_int_equal(t_keywords(f, f->inbox, second, 3, true, &mask), RC_OK);
	assert_changes(f, "");
	assert_names(f, f->inbox, "$Forwarded Work new ");
	fixture_free(&f);
}

static void names_that_are_not_to_be_made_are_left_out(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	const struct strv names[] = { STRV("a"), STRV("b") };
	uint64_t mask;

	assert_int_equal(t_keywords(f, f->inbox, names + 1, 1, true, &mask), RC_OK);
	assert_int_equal(t_keywords(f, f->inbox, names, 2, false, &mask), RC_OK);
	assert_int_equal(mask, 1);
	assert_names(f, f->inbox, "b ");
	assert_int_equal(t_keywords(f, 99, names, 2, false, &mask), RC_NOT_FOUND);
	fixture_free(&f);
}

static void each_mailbox_has_its_own(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");
	const struct strv name = STRV("x");
	uint64_t mask;

	assert_int_equal(t_keywords(f, a, &name, 1, true, &mask), RC_OK);
	assert_names(f, f->inbox, "");
	assert_names(f, a, "x ");
	assert_int_equal(t_delete(f, "a"), RC_OK);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM keyword"), 0);
	fixture_free(&f);
}

static void there_are_so_many_at_most(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	static char text[MBOX_KEYWORDS_MAX + 1][16];
	static struct strv names[MBOX_KEYWORDS_MAX + 1];
	struct append_call call = { .mailbox = f->inbox, .times = 1, .keyword_count = MBOX_KEYWORDS_MAX };
	uint64_t mask;

	for (int i = 0; i <= MBOX_KEYWORDS_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "k%d", i);
		names[i] = strv_cstr(text[i]);
	}
	assert_int_equal(t_keywords(f, f->inbox, names, MBOX_KEYWORDS_MAX + 1, true, &mask), RC_LIMIT);
	assert_names(f, f->inbox, "");
	memcpy(call.keywords, names, MBOX_KEYWORDS_MAX * sizeof(*names));
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
	assert_int_equal(t_keywords(f, f->inbox, names, MBOX_KEYWORDS_MAX, true, &mask), RC_OK);
	assert_true(mask == UINT64_MAX);
	assert_int_equal(t_keywords(f, f->inbox, names + 1, MBOX_KEYWORDS_MAX, true, &mask), RC_LIMIT);
	fixture_reopen(f);
	assert_int_equal(t_keywords(f, f->inbox, names + 1, MBOX_KEYWORDS_MAX - 1, true, &mask), RC_OK);
	assert_true(mask == UINT64_MAX - 1);
	fixture_free(&f);
}

/* k0 to k63, all taken, and a message that carries those of the mask. */
static void take_all(struct fixture *f, uint64_t carried)
{
	static char text[KEYWORDS_FIRST][16];
	struct append_call call = { .mailbox = f->inbox, .times = 1 };
	struct strv names[KEYWORDS_FIRST];
	uint64_t mask;

	for (int i = 0; i < KEYWORDS_FIRST; i++) {
		snprintf(text[i], sizeof(text[i]), "k%d", i);
		names[i] = strv_cstr(text[i]);
		if (carried & (UINT64_C(1) << i))
			call.keywords[call.keyword_count++] = names[i];
	}
	assert_int_equal(t_keywords(f, f->inbox, names, KEYWORDS_FIRST, true, &mask), RC_OK);
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
	forget_changes(f);
}

static void a_name_that_no_message_carries_gives_its_bit_away_when_all_are_taken(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	const struct strv names[] = { STRV("new"), STRV("K3"), STRV("newer") };
	const struct strv more[] = { STRV("one"), STRV("two"), STRV("three") };
	const struct strv old[] = { STRV("k7"), STRV("k9") };
	uint64_t mask;

	take_all(f, ~(UINT64_C(1) << 3 | UINT64_C(1) << 7 | UINT64_C(1) << 9));
	/* Three bits are free, but one of them is wanted as it is. */
	assert_int_equal(t_keywords(f, f->inbox, names, 3, true, &mask), RC_OK);
	assert_true(mask == (UINT64_C(1) << 7 | UINT64_C(1) << 3 | UINT64_C(1) << 9));
	assert_int_equal(t_keywords(f, f->inbox, old, 2, false, &mask), RC_OK);
	assert_int_equal(mask, 0);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM keyword"), KEYWORDS_FIRST);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM keyword WHERE bit = 7 AND name = 'new'"), 1);
	/* Keywords that were created and never used give their numbers away again. */
	assert_int_equal(t_keywords(f, f->inbox, more, 3, true, &mask), RC_OK);
	assert_int_equal(t_keywords(f, f->inbox, more, 3, false, &mask), RC_OK);
	assert_true(mask == (UINT64_C(1) << 7 | UINT64_C(1) << 3 | UINT64_C(1) << 9));
	fixture_reopen(f);
	assert_int_equal(t_keywords(f, f->inbox, more, 3, false, &mask), RC_OK);
	assert_true(mask == (UINT64_C(1) << 7 | UINT64_C(1) << 3 | UINT64_C(1) << 9));
	fixture_free(&f);
}

static void a_bit_that_a_message_carries_is_never_given_away(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	const struct strv name = STRV("new");
	const struct strv newer = STRV("newer");
	uint64_t mask;

	take_all(f, UINT64_MAX);
	assert_int_equal(t_keywords(f, f->inbox, &name, 1, true, &mask), RC_OK);
	assert_int_equal(mask, 0);
	assert_int_equal(t_sql(f, "SELECT bit FROM keyword WHERE name = 'new'"), 64);
	/* The last message that had it goes. */
	t_flags(f, f->inbox, "1", FLAGS_ADD, MSG_DELETED);
	assert_expunge(f, f->inbox, NULL, false, NULL);
	assert_int_equal(t_keywords(f, f->inbox, &newer, 1, true, &mask), RC_OK);
	assert_int_equal(mask, 1);
	fixture_free(&f);
}

static void a_bit_of_a_message_that_was_moved_away_keeps_its_name_while_there_is_room(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	const struct strv name = STRV("new");
	uint64_t mask;
	int64_t other = t_new(f, "other");

	take_all(f, UINT64_MAX);
	assert_int_equal(t_copy(f, f->inbox, "1", other, true, NULL), RC_OK);
	assert_int_equal(t_keywords(f, f->inbox, &name, 1, true, &mask), RC_OK);
	assert_int_equal(t_sql(f, "SELECT bit FROM keyword WHERE name = 'new'"), 64);
	fixture_free(&f);
}

struct reuse_call {
	struct fixture *f;
	struct keyword_set set;
};

static enum rc reuse_and_fail(struct account *account, void *arg)
{
	struct reuse_call *call = arg;
	const struct strv name = STRV("new");

	enum rc rc = mbox_keyword_set(account, call->f->inbox, &name, 1, true, &call->set);
	return rc == RC_OK ? RC_PERM : rc;
}

static void a_bit_that_was_given_away_by_a_job_that_failed_has_its_old_name(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct reuse_call call = { .f = f };
	const struct strv names[] = { STRV("k0"), STRV("new") };
	uint64_t mask;

	take_all(f, UINT64_MAX - 1);
	assert_int_equal(run(f, JOB_WRITE, reuse_and_fail, &call), RC_PERM);
	assert_int_equal(call.set.first, 1);
	assert_changes(f, "");
	assert_int_equal(t_keywords(f, f->inbox, names, 2, false, &mask), RC_OK);
	assert_int_equal(mask, 1);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM keyword WHERE bit = 0 AND name = 'k0'"), 1);
	fixture_free(&f);
}

static void a_name_has_a_length(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	char text[MBOX_KEYWORD_NAME_MAX + 1];
	uint64_t mask;

	memset(text, 'k', sizeof(text));
	struct strv longest = strv_make(text, MBOX_KEYWORD_NAME_MAX);
	struct strv longer = strv_make(text, MBOX_KEYWORD_NAME_MAX + 1);
	struct strv empty = STRV("");
	assert_int_equal(t_keywords(f, f->inbox, &longest, 1, true, &mask), RC_OK);
	assert_int_equal(t_keywords(f, f->inbox, &longer, 1, true, &mask), RC_LIMIT);
	assert_int_equal(t_keywords(f, f->inbox, &empty, 1, true, &mask), RC_INVALID);
	fixture_free(&f);
}

static void lost_rows_leave_the_other_keywords_where_they_are(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	const struct strv names[] = { STRV("c"), STRV("d") };
	uint64_t mask;

	t_script(f, (char[]){ "INSERT INTO keyword VALUES (1, 0, 'a'), (1, 2, 'c'), (1, 1024, 'no'), (1, -1, "
			      "'no')" });
	fixture_reopen(f);
	assert_names(f, f->inbox, "a $Lost1 c ");
	assert_int_equal(t_keywords(f, f->inbox, names, 2, true, &mask), RC_OK);
	assert_int_equal(mask, 4 | 8);
	fixture_reopen(f);
	assert_names(f, f->inbox, "a $Lost1 c d ");
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_gets_the_next_bit_and_keeps_it),
		cmocka_unit_test(names_that_are_not_to_be_made_are_left_out),
		cmocka_unit_test(each_mailbox_has_its_own),
		cmocka_unit_test(there_are_so_many_at_most),
		cmocka_unit_test(a_name_that_no_message_carries_gives_its_bit_away_when_all_are_taken),
		cmocka_unit_test(a_bit_that_a_message_carries_is_never_given_away),
		cmocka_unit_test(a_bit_of_a_message_that_was_moved_away_keeps_its_name_while_there_is_room),
		cmocka_unit_test(a_bit_that_was_given_away_by_a_job_that_failed_has_its_old_name),
		cmocka_unit_test(a_name_has_a_length),
		cmocka_unit_test(lost_rows_leave_the_other_keywords_where_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
