/* STORE. */
#include "mail_fixture.h"

static void flags_are_set_added_and_removed(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, MSG_DRAFT | MSG_CHAT, 3);
	forget_changes(f);
	t_flags(f, f->inbox, "2:3", FLAGS_ADD, MSG_SEEN | MSG_DELETED);
	assert_changes(f, "FLAGS 2 3;");
	assert_int_equal(t_row(f, f->inbox, 2).flags, MSG_DRAFT | MSG_CHAT | MSG_SEEN | MSG_DELETED);
	assert_int_equal(t_info(f, "INBOX").unseen, 1);
	assert_int_equal(t_info(f, "INBOX").deleted, 2);
	t_flags(f, f->inbox, "3", FLAGS_REMOVE, MSG_SEEN | MSG_DRAFT);
	assert_int_equal(t_row(f, f->inbox, 3).flags, MSG_CHAT | MSG_DELETED);
	t_flags(f, f->inbox, "1:2", FLAGS_SET, MSG_FLAGGED);
	assert_int_equal(t_row(f, f->inbox, 2).flags, MSG_CHAT | MSG_FLAGGED);
	assert_int_equal(t_info(f, "INBOX").unseen, 3);
	assert_int_equal(t_info(f, "INBOX").deleted, 1);
	fixture_reopen(f);
	assert_int_equal(t_row(f, f->inbox, 1).flags, MSG_CHAT | MSG_FLAGGED);
	assert_int_equal(t_row(f, f->inbox, 3).flags, MSG_CHAT | MSG_DELETED);
	fixture_free(&f);
}

static void messages_changed_together_share_a_new_modseq(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, 0, 3);
	uint64_t before = t_info(f, "INBOX").highestmodseq;
	t_flags(f, f->inbox, "1,3", FLAGS_ADD, MSG_SEEN);
	uint64_t after = t_info(f, "INBOX").highestmodseq;
	assert_true(after > before);
	assert_int_equal(t_row(f, f->inbox, 1).modseq, after);
	assert_int_equal(t_row(f, f->inbox, 3).modseq, after);
	assert_true(t_row(f, f->inbox, 2).modseq <= before);
	fixture_free(&f);
}

static void a_message_whose_flags_do_not_change_costs_nothing(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, MSG_SEEN, 3);
	t_flags(f, f->inbox, "2", FLAGS_ADD, MSG_FLAGGED);
	forget_changes(f);
	uint64_t before = t_info(f, "INBOX").highestmodseq;
	t_flags(f, f->inbox, "1:3", FLAGS_ADD, MSG_SEEN);
	t_flags(f, f->inbox, "1:3", FLAGS_REMOVE, MSG_DRAFT);
	t_flags(f, f->inbox, "1,3", FLAGS_SET, MSG_SEEN);
	assert_int_equal(t_info(f, "INBOX").highestmodseq, before);
	assert_changes(f, "");
	t_flags(f, f->inbox, "1:3", FLAGS_SET, MSG_SEEN);
	assert_changes(f, "FLAGS 2;");
	fixture_free(&f);
}

static void internal_flags_change_without_anybody_noticing(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, 0, 1);
	forget_changes(f);
	uint64_t before = t_info(f, "INBOX").highestmodseq;
	t_flags(f, f->inbox, "1", FLAGS_ADD, MSG_MARKED);
	assert_changes(f, "");
	assert_int_equal(t_info(f, "INBOX").highestmodseq, before);
	assert_int_equal(t_row(f, f->inbox, 1).flags, MSG_MARKED);
	fixture_reopen(f);
	assert_int_equal(t_row(f, f->inbox, 1).flags, MSG_MARKED);
	t_flags(f, f->inbox, "1", FLAGS_SET, MSG_SEEN);
	assert_int_equal(t_row(f, f->inbox, 1).flags, MSG_MARKED | MSG_SEEN);
	t_flags(f, f->inbox, "1", FLAGS_REMOVE, MSG_MARKED);
	assert_int_equal(t_row(f, f->inbox, 1).flags, MSG_SEEN);
	fixture_free(&f);
}

static void what_changed_after_unchangedsince_is_left_alone(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, 0, 4);
	uint64_t since = t_info(f, "INBOX").highestmodseq;
	t_flags(f, f->inbox, "2:3", FLAGS_ADD, MSG_FLAGGED);
	struct flags_call call = {
		.mailbox = f->inbox, .op = FLAGS_ADD, .flags = MSG_SEEN, .unchanged_since = since
	};
	set_of(&call.uids, "1:9");
	assert_int_equal(run(f, JOB_WRITE_RELAXED, flags_run, &call), RC_OK);
	assert_set(&call.modified, "2:3");
	assert_set(&call.gone, "5:9");
	assert_int_equal(t_row(f, f->inbox, 1).flags, MSG_SEEN);
	assert_int_equal(t_row(f, f->inbox, 2).flags, MSG_FLAGGED);
	call.unchanged_since = 0;
	assert_int_equal(run(f, JOB_WRITE_RELAXED, flags_run, &call), RC_OK);
	assert_set(&call.modified, "1:4");
	seqset_fini(&call.uids);
	seqset_fini(&call.modified);
	seqset_fini(&call.gone);
	fixture_free(&f);
}

static void uids_that_are_gone_are_told(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct flags_call call = { .mailbox = f->inbox, .flags = MSG_SEEN, .unchanged_since = UINT64_MAX };

	t_append(f, f->inbox, 0, 5);
	assert_expunge(f, f->inbox, "2,4", true, "2,4");
	set_of(&call.uids, "1:4,6");
	assert_int_equal(run(f, JOB_WRITE_RELAXED, flags_run, &call), RC_OK);
	assert_set(&call.gone, "2,4,6");
	assert_int_equal(t_row(f, f->inbox, 3).flags, MSG_SEEN);
	assert_int_equal(t_row(f, f->inbox, 5).flags, 0);
	seqset_fini(&call.uids);
	seqset_fini(&call.gone);
	fixture_free(&f);
}

static void keywords_are_changed_like_flags(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct flags_call call = { .mailbox = f->inbox,
		.op = FLAGS_ADD,
		.keywords = UINT64_C(1) << 63 | 1,
		.unchanged_since = UINT64_MAX };

	t_append(f, f->inbox, MSG_SEEN, 1);
	set_of(&call.uids, "1");
	assert_int_equal(run(f, JOB_WRITE_RELAXED, flags_run, &call), RC_OK);
	fixture_reopen(f);
	assert_true(t_row(f, f->inbox, 1).keywords == (UINT64_C(1) << 63 | 1));
	call.op = FLAGS_REMOVE;
	call.keywords = 1;
	assert_int_equal(run(f, JOB_WRITE_RELAXED, flags_run, &call), RC_OK);
	assert_true(t_row(f, f->inbox, 1).keywords == UINT64_C(1) << 63);
	call.op = FLAGS_SET;
	call.keywords = 2;
	assert_int_equal(run(f, JOB_WRITE_RELAXED, flags_run, &call), RC_OK);
	assert_int_equal(t_row(f, f->inbox, 1).keywords, 2);
	assert_int_equal(t_row(f, f->inbox, 1).flags, 0);
	seqset_fini(&call.uids);
	seqset_fini(&call.gone);
	fixture_free(&f);
}

static enum rc flags_then_fail(struct account *account, void *arg)
{
	enum rc rc = flags_run(account, arg);
	return rc == RC_OK ? RC_PERM : rc;
}

static void flags_of_a_failed_job_are_as_before(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct flags_call call = { .mailbox = f->inbox,
		.op = FLAGS_ADD,
		.flags = MSG_SEEN | MSG_DELETED,
		.unchanged_since = UINT64_MAX };

	t_append(f, f->inbox, 0, 3);
	struct mbox_info before = t_info(f, "INBOX");
	set_of(&call.uids, "1:2");
	assert_int_equal(run(f, JOB_WRITE_RELAXED, flags_then_fail, &call), RC_PERM);
	struct mbox_info after = t_info(f, "INBOX");
	assert_same_info(&before, &after);
	assert_int_equal(t_row(f, f->inbox, 1).flags, 0);
	seqset_fini(&call.uids);
	seqset_fini(&call.gone);
	fixture_free(&f);
}

struct more_call {
	int64_t mailbox;
	const char *uids;
	enum flag_op op;
	struct strv names[3];
	size_t count;
};

static enum rc more_run(struct account *account, void *arg)
{
	struct more_call *call = arg;
	struct seqset uids = SEQSET_EMPTY;
	struct seqset modified = SEQSET_EMPTY;
	struct keyword_set set;
	enum rc rc = mbox_keyword_set(account, call->mailbox, call->names, call->count, true, &set);
	assert_int_equal(seqset_parse(&uids, strv_cstr(call->uids), 10), RC_OK);
	if (rc == RC_OK)
		rc = msg_store_flags(
			account, call->mailbox, &uids, call->op, 0, &set, UINT64_MAX, &modified, NULL);
	seqset_fini(&uids);
	return rc;
}

static void store_names(
	struct fixture *f, const char *uids, enum flag_op op, struct strv one, struct strv two)
{
	struct more_call call = { .mailbox = f->inbox, .uids = uids, .op = op, .names = { one, two } };
	call.count = two.n > 0 ? 2 : 1;
	assert_int_equal(run(f, JOB_WRITE_RELAXED, more_run, &call), RC_OK);
}

static void keywords_beyond_the_first_are_flags_as_others(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	static char text[KEYWORDS_FIRST][16];
	struct append_call call = { .mailbox = f->inbox, .times = 1, .keyword_count = KEYWORDS_FIRST };

	for (int i = 0; i < KEYWORDS_FIRST; i++) {
		snprintf(text[i], sizeof(text[i]), "k%d", i);
		call.keywords[i] = strv_cstr(text[i]);
	}
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
	t_append(f, f->inbox, 0, 2);
	store_names(f, "2:3", FLAGS_ADD, STRV("k5"), STRV("more"));
	store_names(f, "3", FLAGS_ADD, STRV("most"), STRV(""));
	assert_keywords(f, f->inbox, 2, "k5 more ");
	assert_keywords(f, f->inbox, 3, "k5 more most ");
	assert_int_equal(t_sql(f, "SELECT count(*) FROM msg WHERE flags & 1024"), 0);
	uint64_t before = t_row(f, f->inbox, 3).modseq;
	store_names(f, "3", FLAGS_ADD, STRV("most"), STRV(""));
	assert_true(t_row(f, f->inbox, 3).modseq == before);
	store_names(f, "3", FLAGS_REMOVE, STRV("more"), STRV(""));
	assert_true(t_row(f, f->inbox, 3).modseq > before);
	fixture_reopen(f);
	assert_keywords(f, f->inbox, 1 + 1, "k5 more ");
	assert_keywords(f, f->inbox, 3, "k5 most ");
	store_names(f, "2:3", FLAGS_SET, STRV("k5"), STRV(""));
	assert_keywords(f, f->inbox, 2, "k5 ");
	assert_int_equal(t_sql(f, "SELECT count(*) FROM keyword_more"), 0);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keywords_beyond_the_first_are_flags_as_others),
		cmocka_unit_test(flags_are_set_added_and_removed),
		cmocka_unit_test(messages_changed_together_share_a_new_modseq),
		cmocka_unit_test(a_message_whose_flags_do_not_change_costs_nothing),
		cmocka_unit_test(internal_flags_change_without_anybody_noticing),
		cmocka_unit_test(what_changed_after_unchangedsince_is_left_alone),
		cmocka_unit_test(uids_that_are_gone_are_told),
		cmocka_unit_test(keywords_are_changed_like_flags),
		cmocka_unit_test(flags_of_a_failed_job_are_as_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
