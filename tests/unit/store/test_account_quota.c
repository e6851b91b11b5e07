/* Quota. */
#include "mail_fixture.h"

#define SIZE (sizeof(TEST_MESSAGE) - 1)

static void usage_follows_every_change(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");

	t_append(f, f->inbox, 0, 3);
	assert_copy(f, f->inbox, "1:2", a, false, "1:2>1:2");
	assert_int_equal(t_quota(f).messages_used, 5);
	assert_int_equal(t_quota(f).storage_used, 5 * SIZE);
	assert_int_equal(t_quota(f).mailboxes_used, 2);
	assert_copy(f, f->inbox, "1:2", a, true, "1:2>3:4");
	assert_int_equal(t_quota(f).messages_used, 5);
	assert_expunge(f, a, "1", true, "1");
	assert_int_equal(t_quota(f).messages_used, 4);
	fixture_reopen(f);
	assert_int_equal(t_quota(f).messages_used, 4);
	assert_int_equal(t_quota(f).storage_used, 4 * SIZE);
	assert_int_equal(t_delete(f, "a"), RC_OK);
	assert_int_equal(t_quota(f).messages_used, 1);
	assert_int_equal(t_quota(f).storage_used, SIZE);
	assert_int_equal(t_quota(f).mailboxes_used, 1);
	fixture_free(&f);
}

static void nothing_is_limited_by_default(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	assert_int_equal(t_quota(f).storage_max, 0);
	assert_int_equal(t_quota(f).messages_max, 0);
	assert_int_equal(t_quota(f).mailboxes_max, f->settings.mailboxes_max);
	fixture_free(&f);
}

static void a_message_over_the_storage_quota_is_refused(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.quota_storage = 2 * SIZE + 1;
	struct fixture *f = fixture_new(&settings);
	struct append_call call = {
		.mailbox = f->inbox, .times = 1, .keywords = { STRV("k") }, .keyword_count = 1
	};

	t_append(f, f->inbox, 0, 1);
	call.prefix = STRV("AB");
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_QUOTA);
	call.prefix = STRV("A");
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
	assert_int_equal(t_quota(f).storage_used, t_quota(f).storage_max);
	assert_int_equal(t_append_call(f, &call, "x"), RC_QUOTA);
	fixture_free(&f);
}

static void several_messages_of_a_job_are_refused_together(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.quota_messages = 3;
	struct fixture *f = fixture_new(&settings);
	struct append_call call = { .mailbox = f->inbox, .times = 4 };

	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_QUOTA);
	assert_uids(f, f->inbox, "");
	call.times = 3;
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
	assert_uids(f, f->inbox, "1:3");
	fixture_free(&f);
}

static void an_account_may_have_limits_of_its_own(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.quota_messages = 1;
	settings.quota_storage = 1000;
	struct fixture *f = fixture_new(&settings);
	struct append_call call = { .mailbox = f->inbox, .times = 1 };

	account_quota_set(f->account, 0, 2);
	assert_int_equal(t_quota(f).storage_max, 0);
	assert_int_equal(t_quota(f).messages_max, 2);
	t_append(f, f->inbox, 0, 2);
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_QUOTA);
	account_quota_set(f->account, QUOTA_DEFAULT, QUOTA_DEFAULT);
	assert_int_equal(t_quota(f).storage_max, 1000);
	assert_int_equal(t_quota(f).messages_max, 1);
	/* Over a limit that was lowered: nothing more comes in, the rest works. */
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_QUOTA);
	assert_copy(f, f->inbox, "1", f->inbox, true, "1>3");
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usage_follows_every_change),
		cmocka_unit_test(nothing_is_limited_by_default),
		cmocka_unit_test(a_message_over_the_storage_quota_is_refused),
		cmocka_unit_test(several_messages_of_a_job_are_refused_together),
		cmocka_unit_test(an_account_may_have_limits_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
