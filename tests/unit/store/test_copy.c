/* COPY and MOVE. */
#include "mail_fixture.h"

static void a_copy_has_flags_dates_and_bytes_of_its_source(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");

	t_append(f, f->inbox, MSG_SEEN, 3);
	t_append(f, a, 0, 4);
	t_flags(f, f->inbox, "2", FLAGS_ADD, MSG_FLAGGED | MSG_MARKED | MSG_CHAT);
	forget_changes(f);
	assert_copy(f, f->inbox, "2:3,9", a, false, "2:3>5:6");
	assert_changes(f, "APPEND 5 6;");
	struct msg_row from = t_row(f, f->inbox, 2);
	struct msg_row to = t_row(f, a, 5);
	assert_int_equal(to.flags, MSG_SEEN | MSG_FLAGGED);
	assert_int_equal(to.internaldate, from.internaldate);
	assert_int_equal(to.zone, from.zone);
	assert_int_equal(to.size, from.size);
	assert_int_equal(to.blob, from.blob);
	assert_true(to.modseq > from.modseq);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM blob WHERE refs = 2"), 2);
	assert_int_equal(t_info(f, "INBOX").messages, 3);
	assert_int_equal(t_info(f, "a").messages, 6);
	assert_int_equal(t_info(f, "a").unseen, 4);
	assert_int_equal(t_info(f, "a").recent, 6);
	fixture_reopen(f);
	assert_uids(f, a, "1:6");
	fixture_free(&f);
}

static void a_copy_of_nothing_changes_nothing(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");

	t_append(f, f->inbox, 0, 1);
	uint64_t modseq = t_info(f, "a").highestmodseq;
	forget_changes(f);
	assert_copy(f, f->inbox, "7:9", a, false, ">");
	assert_copy(f, f->inbox, "7:9", a, true, ">");
	assert_changes(f, "");
	assert_int_equal(t_info(f, "a").highestmodseq, modseq);
	fixture_free(&f);
}

static void a_move_takes_the_messages_out_of_the_source(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");

	t_append(f, f->inbox, MSG_SEEN, 4);
	uint64_t since = t_info(f, "INBOX").highestmodseq;
	forget_changes(f);
	assert_copy(f, f->inbox, "1,3:4", a, true, "1,3:4>1:3");
	assert_changes(f, "APPEND 1 2 3;EXPUNGE 1 3 4;");
	assert_uids(f, f->inbox, "2");
	assert_uids(f, a, "1:3");
	assert_expunged_since(f, f->inbox, since, "1,3:4", true);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM expunged WHERE blob <> 0"), 0);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM blob WHERE refs = 1"), 4);
	assert_int_equal(t_info(f, "INBOX").uidnext, 5);
	assert_true(t_info(f, "INBOX").highestmodseq > since);
	fixture_reopen(f);
	assert_uids(f, f->inbox, "2");
	assert_uids(f, a, "1:3");
	fixture_free(&f);
}

static void moving_within_a_mailbox_gives_new_uids(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, MSG_FLAGGED, 4);
	forget_changes(f);
	assert_copy(f, f->inbox, "2:3", f->inbox, true, "2:3>5:6");
	assert_changes(f, "APPEND 5 6;EXPUNGE 2 3;");
	assert_uids(f, f->inbox, "1,4:6");
	assert_copy(f, f->inbox, "1:6", f->inbox, false, "1,4:6>7:10");
	assert_uids(f, f->inbox, "1,4:10");
	assert_int_equal(t_info(f, "INBOX").messages, 8);
	assert_int_equal(t_quota(f).messages_used, 8);
	fixture_reopen(f);
	assert_uids(f, f->inbox, "1,4:10");
	assert_int_equal(t_row(f, f->inbox, 10).flags, MSG_FLAGGED);
	fixture_free(&f);
}

static void a_copy_that_does_not_fit_the_quota_is_refused_as_a_whole(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.quota_messages = 5;
	struct fixture *f = fixture_new(&settings);
	int64_t a = t_new(f, "a");

	t_append(f, f->inbox, 0, 3);
	assert_int_equal(t_copy(f, f->inbox, "1:3", a, false, NULL), RC_QUOTA);
	assert_uids(f, a, "");
	assert_copy(f, f->inbox, "1:2", a, false, "1:2>1:2");
	assert_copy(f, f->inbox, "1:3", a, true, "1:3>3:5");
	fixture_free(&f);
}

static void keywords_get_the_bits_of_the_destination(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");
	struct append_call call = { .mailbox = f->inbox,
		.times = 1,
		.keywords = { STRV("one"), STRV("two"), STRV("three") },
		.keyword_count = 3 };
	const struct strv names[] = { STRV("zero"), STRV("THREE") };
	uint64_t mask;

	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
	t_append(f, f->inbox, 0, 1);
	assert_int_equal(t_keywords(f, a, names, 2, true, &mask), RC_OK);
	forget_changes(f);
	assert_copy(f, f->inbox, "1:2", a, true, "1:2>1:2");
	assert_changes(f, "KEYWORDS zero THREE one two;APPEND 1 2;EXPUNGE 1 2;");
	assert_int_equal(t_row(f, a, 1).keywords, 2 | 4 | 8);
	assert_int_equal(t_row(f, a, 2).keywords, 0);
	fixture_free(&f);
}

/* Keyword names k0, k1, ... of the fixture's memory. */
static const struct strv *many_names(void)
{
	static char text[MBOX_KEYWORDS_MAX][16];
	static struct strv names[MBOX_KEYWORDS_MAX];

	for (int i = 0; i < MBOX_KEYWORDS_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "k%d", i);
		names[i] = strv_cstr(text[i]);
	}
	return names;
}

static void fill_keywords(struct fixture *f, int64_t mailbox, const struct strv *names, size_t count)
{
	struct append_call call = { .mailbox = mailbox, .times = 1, .keyword_count = count };
	memcpy(call.keywords, names, count * sizeof(*names));
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
}

static void a_copy_keeps_the_keywords_that_fit(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");
	const struct strv *names = many_names();
	const struct strv mine[] = { STRV("mine"), STRV("k1000"), STRV("yours") };

	fill_keywords(f, f->inbox, mine, 3);
	fill_keywords(f, a, names, MBOX_KEYWORDS_MAX - 1);
	/* There is room for one more. */
	assert_int_equal(t_copy(f, f->inbox, "1", a, false, NULL), RC_OK);
	assert_keywords(f, a, 2, "k1000 mine ");
	assert_int_equal(t_copy(f, f->inbox, "1", a, true, NULL), RC_OK);
	assert_uids(f, f->inbox, "");
	assert_keywords(f, a, 3, "k1000 mine ");
	fixture_reopen(f);
	assert_keywords(f, a, 3, "k1000 mine ");
	assert_int_equal(t_sql(f, "SELECT count(*) FROM keyword_more"), 3);
	/* Once no message there carries one of them any more there is room. */
	t_flags(f, a, "1,3", FLAGS_ADD, MSG_DELETED);
	assert_expunge(f, a, NULL, false, NULL);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM keyword_more"), 1);
	fill_keywords(f, f->inbox, mine, 3);
	assert_int_equal(t_copy(f, f->inbox, "2", a, true, NULL), RC_OK);
	assert_keywords(f, a, 4, "yours k1000 mine ");
	assert_int_equal(t_delete(f, "a"), RC_OK);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM keyword_more"), 0);
	fixture_free(&f);
}

static void copying_needs_both_mailboxes(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, 0, 1);
	assert_int_equal(t_copy(f, f->inbox, "1", 77, false, NULL), RC_NOT_FOUND);
	assert_int_equal(t_copy(f, 77, "1", f->inbox, false, NULL), RC_NOT_FOUND);
	fixture_free(&f);
}

static enum rc copy_then_fail(struct account *account, void *arg)
{
	enum rc rc = copy_run(account, arg);
	return rc == RC_OK ? RC_PERM : rc;
}

static void a_failed_move_leaves_everything_where_it_was(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");
	struct copy_call call = { .from = f->inbox, .to = a, .move = true };

	t_append(f, f->inbox, 0, 3);
	t_append(f, a, 0, 1);
	assert_uids(f, a, "1");
	forget_changes(f);
	set_of(&call.uids, "1:2");
	assert_int_equal(run(f, JOB_WRITE, copy_then_fail, &call), RC_PERM);
	assert_changes(f, "");
	assert_uids(f, f->inbox, "1:3");
	assert_uids(f, a, "1");
	assert_int_equal(t_info(f, "a").uidnext, 2);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM expunged"), 0);
	seqset_fini(&call.uids);
	seqset_fini(&call.result.src);
	seqset_fini(&call.result.dst);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_has_flags_dates_and_bytes_of_its_source),
		cmocka_unit_test(a_copy_of_nothing_changes_nothing),
		cmocka_unit_test(a_move_takes_the_messages_out_of_the_source),
		cmocka_unit_test(moving_within_a_mailbox_gives_new_uids),
		cmocka_unit_test(a_copy_that_does_not_fit_the_quota_is_refused_as_a_whole),
		cmocka_unit_test(keywords_get_the_bits_of_the_destination),
		cmocka_unit_test(a_copy_keeps_the_keywords_that_fit),
		cmocka_unit_test(copying_needs_both_mailboxes),
		cmocka_unit_test(a_failed_move_leaves_everything_where_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
