/* Messages come in. */
#include "mail_fixture.h"

static void an_appended_message_has_what_it_was_given(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct append_call call = { .mailbox = f->inbox,
		.flags = MSG_SEEN | MSG_CHAT,
		.times = 1,
		.keywords = { STRV("$Label1"), STRV("work") },
		.keyword_count = 2 };
	int64_t before = clock_wall();

	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
	assert_int_equal(call.uid, 1);
	assert_changes(f, "KEYWORDS $Label1 work;APPEND 1;");
	for (int i = 0; i < 2; i++) {
		struct msg_row row = t_row(f, f->inbox, 1);
		assert_int_equal(row.flags, MSG_SEEN | MSG_CHAT);
		assert_int_equal(row.keywords, 3);
		assert_int_equal(row.internaldate, 1793000000);
		assert_int_equal(row.zone, -90);
		assert_int_equal(row.size, strlen(TEST_MESSAGE));
		assert_true(row.savedate >= before && row.savedate <= clock_wall());
		assert_int_equal(row.modseq, t_info(f, "INBOX").highestmodseq);
		fixture_reopen(f);
	}
	struct mbox_info info = t_info(f, "INBOX");
	assert_int_equal(info.messages, 1);
	assert_int_equal(info.unseen, 0);
	assert_int_equal(info.uidnext, 2);
	assert_int_equal(info.size, strlen(TEST_MESSAGE));
	fixture_free(&f);
}

static void messages_of_one_job_are_one_change_entry(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	assert_int_equal(t_append(f, f->inbox, MSG_DELETED, 4), 4);
	assert_changes(f, "APPEND 1 2 3 4;");
	assert_int_equal(t_info(f, "INBOX").deleted, 4);
	assert_int_equal(t_info(f, "INBOX").unseen, 4);
	assert_int_equal(t_info(f, "INBOX").recent, 4);
	fixture_free(&f);
}

static void the_prefix_is_part_of_the_message(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct append_call call = { .mailbox = f->inbox, .prefix = STRV("Return-Path: <>\r\n"), .times = 1 };

	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
	assert_int_equal(t_row(f, f->inbox, 1).size, strlen(TEST_MESSAGE) + 17);
	fixture_free(&f);
}

struct read_call {
	struct msg_row row;
	struct buf text;
};

static enum rc read_run(struct account *account, void *arg)
{
	struct read_call *call = arg;
	struct reader *reader;
	buf_reset(&call->text);
	enum rc rc = msg_open(account, &call->row, &reader);
	if (rc != RC_OK)
		return rc;
	rc = reader_read(reader, 0, (size_t)reader_size(reader), &call->text);
	reader_close(&reader);
	return rc;
}

static void the_bytes_come_back(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct append_call call = { .mailbox = f->inbox, .prefix = STRV("Return-Path: <>\r\n"), .times = 1 };
	struct read_call read = { 0 };

	buf_init(&read.text, 4096);
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
	read.row = t_row(f, f->inbox, 1);
	assert_int_equal(run(f, JOB_READ, read_run, &read), RC_OK);
	assert_int_equal(read.text.len, 17 + strlen(TEST_MESSAGE));
	assert_memory_equal(read.text.p, "Return-Path: <>\r\n" TEST_MESSAGE, read.text.len);
	buf_fini(&read.text);
	fixture_free(&f);
}

static void too_large_a_message_is_refused(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.message_max = strlen(TEST_MESSAGE);
	struct fixture *f = fixture_new(&settings);
	struct append_call call = { .mailbox = f->inbox, .times = 1 };

	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE "x"), RC_LIMIT);
	call.prefix = STRV("A: b\r\n");
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_LIMIT);
	assert_uids(f, f->inbox, "1");
	fixture_free(&f);
}

static void a_mailbox_that_is_not_there_takes_no_message(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct append_call call = { .mailbox = 4711, .times = 1 };

	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_NOT_FOUND);
	t_new(f, "a/b");
	call.mailbox = t_id(f, "a");
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_NOT_FOUND);
	fixture_free(&f);
}

static enum rc append_then_fail(struct account *account, void *arg)
{
	enum rc rc = append_run(account, arg);
	return rc == RC_OK ? RC_PERM : rc;
}

static void a_failed_job_leaves_no_message_and_its_uids_are_used_by_the_next(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct append_call call = {
		.mailbox = f->inbox, .times = 3, .keywords = { STRV("new") }, .keyword_count = 1
	};

	t_append(f, f->inbox, 0, 2);
	forget_changes(f);
	assert_uids(f, f->inbox, "1:2");
	call.content = content_from_bytes(f->store, strv_cstr(TEST_MESSAGE));
	assert_int_equal(run(f, JOB_WRITE, append_then_fail, &call), RC_PERM);
	content_unref(&call.content);
	assert_changes(f, "");
	assert_uids(f, f->inbox, "1:2");
	assert_int_equal(t_quota(f).messages_used, 2);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM keyword"), 0);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM cache"), 2);
	assert_int_equal(t_append(f, f->inbox, 0, 1), 3);
	fixture_free(&f);
}

static void a_failed_job_in_a_batch_undoes_only_itself(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct append_call calls[12];
	struct waiting_job jobs[12];
	struct content *content = content_from_bytes(f->store, strv_cstr(TEST_MESSAGE));
	int64_t other = t_new(f, "other");

	assert_uids(f, f->inbox, "");
	assert_uids(f, other, "");
	for (int i = 0; i < 12; i++) {
		calls[i] = (struct append_call){
			.mailbox = i % 2 ? other : f->inbox, .content = content, .times = 2
		};
		waiting_submit(f->account, &jobs[i], JOB_WRITE, i % 3 == 2 ? append_then_fail : append_run,
			&calls[i]);
	}
	for (int i = 0; i < 12; i++)
		assert_int_equal(waiting_wait(&jobs[i]), i % 3 == 2 ? RC_PERM : RC_OK);
	content_unref(&content);
	assert_uids(f, f->inbox, "1:8");
	assert_uids(f, other, "1:8");
	assert_int_equal(t_quota(f).messages_used, 16);
	fixture_reopen(f);
	assert_uids(f, f->inbox, "1:8");
	assert_uids(f, other, "1:8");
	assert_int_equal(t_quota(f).messages_used, 16);
	fixture_free(&f);
}

static void a_uid_in_use_is_not_given_out_and_set_right_by_select(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct append_call call = { .mailbox = f->inbox, .times = 1 };

	t_append(f, f->inbox, 0, 3);
	t_script(f, (char[]){ "UPDATE mailbox SET uidnext = 2" });
	fixture_reopen(f);
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_CORRUPT);
	assert_uids(f, f->inbox, "1:3");
	assert_int_equal(t_append(f, f->inbox, 0, 1), 4);
	fixture_free(&f);
}

static void uids_end_where_imap_ends_them(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct append_call call = { .mailbox = f->inbox, .times = 1 };

	t_append(f, f->inbox, 0, 1);
	t_script(f, (char[]){ "UPDATE mailbox SET uidnext = 4294967294" });
	fixture_reopen(f);
	assert_int_equal(t_append(f, f->inbox, 0, 1), UINT32_MAX - 1);
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_LIMIT);
	assert_int_equal(t_copy(f, f->inbox, "1", f->inbox, false, NULL), RC_LIMIT);
	assert_uids(f, f->inbox, "1,4294967294");
	assert_expunge(f, f->inbox, NULL, true, "1,4294967294");
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_appended_message_has_what_it_was_given),
		cmocka_unit_test(messages_of_one_job_are_one_change_entry),
		cmocka_unit_test(the_prefix_is_part_of_the_message),
		cmocka_unit_test(the_bytes_come_back),
		cmocka_unit_test(too_large_a_message_is_refused),
		cmocka_unit_test(a_mailbox_that_is_not_there_takes_no_message),
		cmocka_unit_test(a_failed_job_leaves_no_message_and_its_uids_are_used_by_the_next),
		cmocka_unit_test(a_failed_job_in_a_batch_undoes_only_itself),
		cmocka_unit_test(a_uid_in_use_is_not_given_out_and_set_right_by_select),
		cmocka_unit_test(uids_end_where_imap_ends_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
