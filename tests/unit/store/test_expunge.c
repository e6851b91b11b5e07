/* EXPUNGE and its log. */
#include "mail_fixture.h"

static void only_deleted_messages_of_the_set_are_expunged(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, 0, 6);
	t_flags(f, f->inbox, "2,4,5", FLAGS_ADD, MSG_DELETED);
	uint64_t since = t_info(f, "INBOX").highestmodseq;
	forget_changes(f);
	assert_expunge(f, f->inbox, "1:4", false, "2,4");
	assert_changes(f, "EXPUNGE 2 4;");
	assert_uids(f, f->inbox, "1,3,5:6");
	assert_expunge(f, f->inbox, NULL, false, "5");
	assert_expunge(f, f->inbox, NULL, false, "");
	assert_expunge(f, f->inbox, "3:9", true, "3,6");
	assert_expunged_since(f, f->inbox, since, "2:6", true);
	assert_int_equal(t_info(f, "INBOX").messages, 1);
	assert_int_equal(t_info(f, "INBOX").deleted, 0);
	assert_int_equal(t_info(f, "INBOX").uidnext, 7);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM blob WHERE refs > 0"), 1);
	fixture_reopen(f);
	assert_uids(f, f->inbox, "1");
	assert_expunged_since(f, f->inbox, since, "2:6", true);
	assert_int_equal(t_append(f, f->inbox, 0, 1), 7);
	fixture_free(&f);
}

static void uids_are_not_used_again_when_the_last_message_goes(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, 0, 3);
	assert_expunge(f, f->inbox, NULL, true, "1:3");
	fixture_reopen(f);
	assert_int_equal(t_append(f, f->inbox, 0, 1), 4);
	fixture_free(&f);
}

static void the_log_tells_what_went_after_a_modseq(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	uint64_t at[4];

	t_append(f, f->inbox, 0, 6);
	for (int i = 0; i < 3; i++) {
		char uids[32];
		at[i] = t_info(f, "INBOX").highestmodseq;
		snprintf(uids, sizeof(uids), "%d:%d", 2 * i + 1, 2 * i + 2);
		assert_expunge(f, f->inbox, uids, true, uids);
	}
	at[3] = t_info(f, "INBOX").highestmodseq;
	assert_expunged_since(f, f->inbox, 0, "1:6", true);
	assert_expunged_since(f, f->inbox, at[0], "1:6", true);
	assert_expunged_since(f, f->inbox, at[1], "3:6", true);
	assert_expunged_since(f, f->inbox, at[2], "5:6", true);
	assert_expunged_since(f, f->inbox, at[3], "", true);
	fixture_free(&f);
}

static void the_log_is_bounded_and_knows_how_far_back_it_is_complete(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.expunge_log_max = 16;
	struct fixture *f = fixture_new(&settings);
	uint64_t at[40];
	char uid[16];

	t_append(f, f->inbox, 0, 40);
	for (int i = 0; i < 40; i++) {
		at[i] = t_info(f, "INBOX").highestmodseq;
		snprintf(uid, sizeof(uid), "%d", i + 1);
		assert_expunge(f, f->inbox, uid, true, uid);
		assert_true(t_sql(f, "SELECT count(*) FROM expunged") <= 16 + 3);
	}
	for (int round = 0; round < 2; round++) {
		assert_int_equal(
			t_sql(f, "SELECT log_rows FROM mailbox"), t_sql(f, "SELECT count(*) FROM expunged"));
		assert_expunged_since(f, f->inbox, at[24], "25:40", true);
		assert_expunged_since(f, f->inbox, at[39], "40", true);
		struct since_call call = { .mailbox = f->inbox, .since = at[10] };
		assert_int_equal(run(f, JOB_READ, since_run, &call), RC_OK);
		assert_false(call.complete);
		seqset_fini(&call.uids);
		fixture_reopen(f);
	}
	fixture_free(&f);
}

static void one_expunge_larger_than_the_log_leaves_it_empty(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.expunge_log_max = 4;
	struct fixture *f = fixture_new(&settings);

	t_append(f, f->inbox, 0, 50);
	uint64_t before = t_info(f, "INBOX").highestmodseq;
	assert_expunge(f, f->inbox, "1:49", true, "1:49");
	assert_expunged_since(f, f->inbox, before, "", false);
	assert_expunged_since(f, f->inbox, t_info(f, "INBOX").highestmodseq, "", true);
	assert_expunge(f, f->inbox, "50", true, "50");
	assert_expunged_since(f, f->inbox, t_info(f, "INBOX").highestmodseq - 1, "50", true);
	fixture_free(&f);
}

static void a_log_that_was_counted_wrong_is_counted_again(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.expunge_log_max = 4;
	struct fixture *f = fixture_new(&settings);

	t_append(f, f->inbox, 0, 20);
	assert_expunge(f, f->inbox, "1:2", true, "1:2");
	t_script(f, (char[]){ "UPDATE mailbox SET log_rows = 1000" });
	fixture_reopen(f);
	assert_expunge(f, f->inbox, "3", true, "3");
	assert_int_equal(t_sql(f, "SELECT log_rows FROM mailbox"), 3);
	assert_expunged_since(f, f->inbox, 0, "1:3", true);
	fixture_free(&f);
}

static void the_log_names_bytes_dates_and_time(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t now = clock_wall();

	t_append(f, f->inbox, MSG_FLAGGED, 1);
	struct msg_row row = t_row(f, f->inbox, 1);
	assert_expunge(f, f->inbox, "1", true, "1");
	assert_int_equal(t_sql(f, "SELECT blob FROM expunged"), row.blob);
	assert_int_equal(t_sql(f, "SELECT flags FROM expunged"), MSG_FLAGGED);
	assert_int_equal(t_sql(f, "SELECT internaldate FROM expunged"), row.internaldate);
	assert_int_equal(t_sql(f, "SELECT zone FROM expunged"), -90);
	assert_true(t_sql(f, "SELECT expunged_at FROM expunged") >= now);
	fixture_free(&f);
}

static void a_shared_message_lives_on_in_the_other_mailbox(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");

	t_append(f, f->inbox, 0, 1);
	assert_copy(f, f->inbox, "1", a, false, "1>1");
	assert_expunge(f, f->inbox, NULL, true, "1");
	assert_int_equal(t_sql(f, "SELECT refs FROM blob"), 1);
	assert_expunge(f, a, NULL, true, "1");
	assert_int_equal(t_sql(f, "SELECT count(*) FROM blob WHERE refs > 0"), 0);
	fixture_free(&f);
}

static enum rc expunge_then_fail(struct account *account, void *arg)
{
	enum rc rc = expunge_run(account, arg);
	return rc == RC_OK ? RC_PERM : rc;
}

static void a_failed_expunge_removes_nothing(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct expunge_call call = { .mailbox = f->inbox, .any_flags = true };

	t_append(f, f->inbox, 0, 3);
	struct mbox_info before = t_info(f, "INBOX");
	assert_int_equal(run(f, JOB_WRITE, expunge_then_fail, &call), RC_PERM);
	seqset_fini(&call.removed);
	struct mbox_info after = t_info(f, "INBOX");
	assert_int_equal(after.messages, before.messages);
	assert_int_equal(after.size, before.size);
	assert_int_equal(after.uidnext, before.uidnext);
	assert_int_equal(after.highestmodseq, before.highestmodseq);
	assert_uids(f, f->inbox, "1:3");
	assert_expunged_since(f, f->inbox, 0, "", true);
	call.mailbox = 5;
	assert_int_equal(run(f, JOB_WRITE, expunge_run, &call), RC_NOT_FOUND);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_deleted_messages_of_the_set_are_expunged),
		cmocka_unit_test(uids_are_not_used_again_when_the_last_message_goes),
		cmocka_unit_test(the_log_tells_what_went_after_a_modseq),
		cmocka_unit_test(the_log_is_bounded_and_knows_how_far_back_it_is_complete),
		cmocka_unit_test(one_expunge_larger_than_the_log_leaves_it_empty),
		cmocka_unit_test(a_log_that_was_counted_wrong_is_counted_again),
		cmocka_unit_test(the_log_names_bytes_dates_and_time),
		cmocka_unit_test(a_shared_message_lives_on_in_the_other_mailbox),
		cmocka_unit_test(a_failed_expunge_removes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
