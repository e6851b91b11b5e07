/* Changes of push.db: gathered over a turn, written in their order, counted failures told. */
#include "push_rig.h"

struct fixture {
	struct push_rig r;
	struct writeback *writeback;
	unsigned failing; /* how often a subscription has failed for long */
	unsigned failures;
};

static void on_failing(
	void *ctx, int64_t account, const char *subscription, const char *endpoint, unsigned failures)
{
	struct fixture *f = ctx;

	assert_int_equal(account, RIG_ACCOUNT);
	assert_string_equal(subscription, RIG_SUB);
	assert_string_equal(endpoint, RIG_HOST "/1");
	f->failing++;
	f->failures = failures;
}

static int setup(void **state)
{
	static struct fixture f;

	push_rig_begin(&f.r);
	clock_fake_set(1000000, 1800000000);
	f.writeback = writeback_new(&f.r.core, on_failing, &f);
	f.failing = f.failures = 0;
	f.r.queue.http = NULL;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	push_rig_settle(&f->r);
	writeback_free(&f->writeback);
	push_rig_end(&f->r);
	return 0;
}

/* A push with a row in push.db; it waits. */
static struct push *kept(struct fixture *f, uint32_t uid)
{
	struct push *push = push_rig_push(&f->r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1");

	push->mailbox = uid ? 3 : 0;
	push->uid = uid;
	push_rig_add(&f->r, push, NULL);
	assert_int_not_equal(push->id, 0);
	return push;
}

static void on_sent(void *arg, int64_t account, int64_t mailbox, uint32_t uid)
{
	assert_int_equal(account, RIG_ACCOUNT);
	assert_int_equal(mailbox, 3);
	*(uint32_t *)arg += uid;
}

static enum rc sum_sent(struct pushq *pushq, void *arg)
{
	return pushq_sent_list(pushq, on_sent, arg);
}

static void the_message_of_a_push_that_is_over_is_remembered(void **state)
{
	struct fixture *f = *state;
	uint32_t sum = 0;

	writeback_remove(f->writeback, kept(f, 7));
	writeback_remove(f->writeback, kept(f, 0));
	assert_int_equal(push_rig_rows(&f->r).count, 0);
	assert_int_equal(push_rig_pushq(&f->r, sum_sent, &sum), RC_OK);
	assert_int_equal(sum, 7);
}

static void a_push_without_a_row_is_no_entry(void **state)
{
	struct fixture *f = *state;
	struct push *push = push_rig_push(&f->r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1");

	writeback_remove(f->writeback, push);
	writeback_delay(f->writeback, push, 5, true);
	writeback_flush(f->writeback);
	assert_int_equal(atomic_load(&f->r.core.pending), 0);
	push_free(&push);
}

static void a_delay_keeps_the_content_unless_it_is_told_to_change_it(void **state)
{
	struct fixture *f = *state;
	struct push *push = kept(f, 7);

	push->tries = 2;
	push->flags = PUSH_URGENT;
	memcpy(push->plain, "{\"changed\":\"x\"}", push->plain_n);
	writeback_delay(f->writeback, push, 1800000100, false);
	struct push_rig_rows rows = push_rig_rows(&f->r);
	assert_int_equal(rows.due, 1800000100);
	assert_int_equal(rows.tries, 2);
	assert_int_equal(rows.flags, PUSH_URGENT);
	assert_string_equal(rows.plain, "{\"content\":\"x\"}");
	writeback_delay(f->writeback, push, 1800000200, true);
	rows = push_rig_rows(&f->r);
	assert_int_equal(rows.due, 1800000200);
	assert_string_equal(rows.plain, "{\"changed\":\"x\"}");
}

static void all_pushes_of_a_subscription_or_of_an_account_go(void **state)
{
	struct fixture *f = *state;

	kept(f, 7);
	kept(f, 8);
	writeback_remove_of(f->writeback, RIG_ACCOUNT, "other_subscription");
	writeback_remove_of(f->writeback, RIG_ACCOUNT + 1, "");
	assert_int_equal(push_rig_rows(&f->r).count, 2);
	writeback_remove_of(f->writeback, RIG_ACCOUNT, RIG_SUB);
	assert_int_equal(push_rig_rows(&f->r).count, 0);
	kept(f, 7);
	writeback_remove_of(f->writeback, RIG_ACCOUNT, "");
	assert_int_equal(push_rig_rows(&f->r).count, 0);
}

static void a_subscription_fails_for_long_by_count_and_by_age(void **state)
{
	struct fixture *f = *state;
	struct push *push = kept(f, 7);

	f->r.settings.fail_count = 3;
	f->r.settings.fail_age_s = 100;
	for (unsigned i = 0; i < 5; i++)
		writeback_failed(f->writeback, push);
	push_rig_settle(&f->r);
	assert_int_equal(f->failing, 0);
	writeback_worked(f->writeback, push);
	writeback_failed(f->writeback, push);
	push_rig_settle(&f->r);
	clock_fake_advance(100000);
	writeback_failed(f->writeback, push);
	push_rig_settle(&f->r);
	assert_int_equal(f->failing, 0);
	writeback_failed(f->writeback, push);
	push_rig_settle(&f->r);
	assert_int_equal(f->failing, 1);
	assert_int_equal(f->failures, 3);
}

static void on_listed(void *arg, int64_t account)
{
	(void)account;
	(*(unsigned *)arg)++;
}

static enum rc count_listed(struct pushq *pushq, void *arg)
{
	return pushq_subscribers(pushq, on_listed, arg);
}

static void an_account_without_subscriptions_is_taken_off_the_list(void **state)
{
	struct fixture *f = *state;
	unsigned listed = 0;

	kept(f, 7);
	assert_int_equal(push_rig_pushq(&f->r, count_listed, &listed), RC_OK);
	assert_int_equal(listed, 1);
	writeback_unlist(f->writeback, RIG_ACCOUNT);
	push_rig_settle(&f->r);
	listed = 0;
	assert_int_equal(push_rig_pushq(&f->r, count_listed, &listed), RC_OK);
	assert_int_equal(listed, 0);
}

static void on_expiry(void *arg, int64_t account, struct strv subscription, struct strv endpoint, int64_t due)
{
	(void)account;
	(void)subscription;
	(void)endpoint;
	*(int64_t *)arg = due;
}

static enum rc read_expiry(struct pushq *pushq, void *arg)
{
	return pushq_expiries(pushq, on_expiry, arg);
}

static void the_end_of_a_validation_is_kept_until_it_has_come(void **state)
{
	struct fixture *f = *state;
	int64_t due = 0;

	writeback_expiry(f->writeback, RIG_ACCOUNT, RIG_SUB, RIG_HOST "/1", 1800000300);
	push_rig_settle(&f->r);
	assert_int_equal(push_rig_pushq(&f->r, read_expiry, &due), RC_OK);
	assert_int_equal(due, 1800000300);
	/* Another one has been set meanwhile: that stays. */
	writeback_expiry(f->writeback, RIG_ACCOUNT, RIG_SUB, RIG_HOST "/1", 0);
	push_rig_settle(&f->r);
	due = 0;
	assert_int_equal(push_rig_pushq(&f->r, read_expiry, &due), RC_OK);
	assert_int_equal(due, 1800000300);
	clock_fake_advance(300000);
	writeback_expiry(f->writeback, RIG_ACCOUNT, RIG_SUB, RIG_HOST "/1", 0);
	push_rig_settle(&f->r);
	due = 0;
	assert_int_equal(push_rig_pushq(&f->r, read_expiry, &due), RC_OK);
	assert_int_equal(due, 0);
}

static void a_turn_is_one_job(void **state)
{
	struct fixture *f = *state;
	struct push *push = kept(f, 7);

	for (unsigned i = 0; i < 100; i++)
		writeback_worked(f->writeback, push);
	writeback_remove(f->writeback, push);
	assert_int_equal(atomic_load(&f->r.core.pending), 0);
	writeback_flush(f->writeback);
	assert_int_equal(atomic_load(&f->r.core.pending), 1);
	writeback_flush(f->writeback);
	assert_int_equal(atomic_load(&f->r.core.pending), 1);
}

static void nothing_is_written_once_the_workers_are_gone(void **state)
{
	struct fixture *f = *state;

	writeback_remove(f->writeback, kept(f, 7));
	f->r.core.closed = true;
	writeback_flush(f->writeback);
	f->r.core.closed = false;
	assert_int_equal(push_rig_rows(&f->r).count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_message_of_a_push_that_is_over_is_remembered),
		TEST(a_push_without_a_row_is_no_entry),
		TEST(a_delay_keeps_the_content_unless_it_is_told_to_change_it),
		TEST(all_pushes_of_a_subscription_or_of_an_account_go),
		TEST(a_subscription_fails_for_long_by_count_and_by_age),
		TEST(an_account_without_subscriptions_is_taken_off_the_list),
		TEST(the_end_of_a_validation_is_kept_until_it_has_come),
		TEST(a_turn_is_one_job),
		TEST(nothing_is_written_once_the_workers_are_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
