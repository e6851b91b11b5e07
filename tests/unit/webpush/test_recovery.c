/* A process takes up what an earlier one has left in push.db. */
#include "push_rig.h"
#include "webpush/recovery.h"

struct fixture {
	struct push_rig r;
	struct recovery *recovery;
};

static int setup(void **state)
{
	static struct fixture f;

	f.recovery = NULL;
	push_rig_begin(&f.r);
	clock_fake_set(1000000, 1800000000);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->recovery) {
		push_rig_settle(&f->r);
		recovery_free(&f->recovery);
	}
	push_rig_end(&f->r);
	return 0;
}

static void recover(struct fixture *f)
{
	struct push_rig *r = &f->r;

	push_rig_close(r);
	push_rig_open(r);
	f->recovery = recovery_new(
		&(struct recovery_parties){ &r->core, &r->queue, &r->expiry, &r->owed, r->writeback });
	recovery_load(f->recovery);
}

static struct push *left_push(struct push_rig *r, const char *endpoint, uint32_t uid)
{
	struct push *push = push_rig_push(r, PUSH_MESSAGE, RIG_SUB, endpoint);

	push->mailbox = 3;
	push->uid = uid;
	return push;
}

static void pushes_that_have_waited_are_sent_with_the_tries_that_they_had(void **state)
{
	struct fixture *f = *state;
	struct push *push = left_push(&f->r, RIG_HOST "/1", 7);

	push->flags = PUSH_URGENT;
	push_rig_add(&f->r, push, NULL);
	push_rig_answer(&f->r, 429, "40");
	recover(f);
	recovery_take(f->recovery);
	push_rig_settle(&f->r);
	assert_int_equal(f->r.http.n, 0);
	clock_fake_advance(40000);
	push_rig_settle(&f->r);
	assert_int_equal(f->r.http.n, 1);
	push = f->r.http.air[0];
	assert_int_equal(push->kind, PUSH_MESSAGE);
	assert_int_equal(push->account, RIG_ACCOUNT);
	assert_int_equal(push->mailbox, 3);
	assert_int_equal(push->uid, 7);
	assert_int_equal(push->tries, 1);
	assert_int_equal(push->flags, PUSH_URGENT);
	assert_string_equal(push->subscription, RIG_SUB);
	assert_string_equal(push->endpoint, RIG_HOST "/1");
	assert_memory_equal(push->plain, "{\"content\":\"x\"}", push->plain_n);
	push_rig_answer(&f->r, 201, NULL);
	assert_int_equal(push_rig_rows(&f->r).count, 0);
}

static void pushes_whose_time_is_over_are_taken_away(void **state)
{
	struct fixture *f = *state;

	push_rig_add(&f->r, left_push(&f->r, RIG_HOST "/1", 7), NULL);
	clock_fake_advance(86400000);
	recover(f);
	recovery_take(f->recovery);
	assert_int_equal(origins_waiting(f->r.queue.origins), 0);
	assert_int_equal(push_rig_rows(&f->r).count, 0);
}

static void a_message_whose_pushes_were_there_or_have_been_sent_is_known(void **state)
{
	struct fixture *f = *state;
	struct push *other = left_push(&f->r, RIG_HOST "/1", 9);

	push_rig_add(&f->r, left_push(&f->r, RIG_HOST "/1", 7), NULL);
	push_rig_answer(&f->r, 201, NULL);
	push_rig_add(&f->r, left_push(&f->r, RIG_HOST "/1", 8), NULL);
	recover(f);
	assert_false(recovery_knows(f->recovery, other));
	other->uid = 7;
	assert_true(recovery_knows(f->recovery, other));
	other->uid = 8;
	assert_true(recovery_knows(f->recovery, other));
	other->mailbox = 4;
	assert_false(recovery_knows(f->recovery, other));
	push_free(&other);
}

static void nothing_is_known_before_it_is_loaded(void **state)
{
	struct fixture *f = *state;
	struct push *push = left_push(&f->r, RIG_HOST "/1", 7);

	f->recovery = recovery_new(&(struct recovery_parties){ .core = &f->r.core });
	assert_false(recovery_knows(f->recovery, push));
	push_free(&push);
}

static void a_subscription_that_was_not_validated_is_discarded_by_the_next_process(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", false);
	push_rig_add(&f->r, push_rig_push(&f->r, PUSH_VALIDATION, RIG_SUB, RIG_HOST "/1"), NULL);
	recover(f);
	recovery_take(f->recovery);
	assert_int_equal(f->r.expiry.count, 1);
	clock_fake_advance(901000);
	push_rig_settle(&f->r);
	assert_int_equal(f->r.expiry.count, 0);
	assert_false(push_rig_look(&f->r, RIG_SUB).found);
}

static unsigned opened;

static void on_owed(void *ctx, struct account *account)
{
	(void)ctx;
	assert_int_equal(account_id(account), 12);
	opened++;
}

static enum rc owe(struct account *account, void *arg)
{
	(void)arg;
	return push_owed_add(account, 1, 5);
}

static enum rc list_accounts(struct pushq *pushq, void *arg)
{
	enum rc rc = RC_OK;

	(void)arg;
	for (int64_t account = 10; rc == RC_OK && account < 20; account++)
		rc = pushq_subscriber(pushq, account, true);
	return rc;
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

static void listed_accounts_are_opened_after_a_crash_and_taken_off_the_list_if_they_want_nothing(void **state)
{
	struct fixture *f = *state;
	unsigned listed = 0;

	assert_int_equal(rig_run(&f->r.rig, 12, JOB_WRITE, owe, NULL), RC_OK);
	assert_int_equal(push_rig_pushq(&f->r, list_accounts, NULL), RC_OK);
	recover(f);
	opened = 0;
	store_on_push_owed(f->r.rig.store, on_owed, NULL);
	recovery_take(f->recovery);
	assert_int_equal(atomic_load(&f->r.owed.owing), 1);
	for (unsigned i = 0; i < 10; i++)
		push_rig_settle(&f->r);
	assert_int_equal(opened, 1);
	assert_int_equal(atomic_load(&f->r.owed.owing), 0);
	assert_int_equal(push_rig_pushq(&f->r, count_listed, &listed), RC_OK);
	assert_int_equal(listed, 0);
	assert_false(atomic_load(&f->r.owed.lost));
}

static void accounts_are_left_to_the_next_start_if_the_server_stops_meanwhile(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(push_rig_pushq(&f->r, list_accounts, NULL), RC_OK);
	recover(f);
	recovery_take(f->recovery);
	atomic_store(&f->r.core.stopping, true);
	for (unsigned i = 0; i < 10; i++)
		push_rig_settle(&f->r);
	assert_int_equal(atomic_load(&f->r.owed.owing), 0);
	assert_true(atomic_load(&f->r.owed.lost));
}

static void no_account_is_opened_if_the_last_process_owed_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(push_rig_pushq(&f->r, list_accounts, NULL), RC_OK);
	f->r.core.running = true;
	atomic_store(&f->r.core.stopping, true);
	owed_stop(&f->r.owed);
	recover(f);
	recovery_take(f->recovery);
	assert_int_equal(atomic_load(&f->r.owed.owing), 0);
	assert_int_equal(atomic_load(&f->r.core.pending), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pushes_that_have_waited_are_sent_with_the_tries_that_they_had),
		TEST(pushes_whose_time_is_over_are_taken_away),
		TEST(a_message_whose_pushes_were_there_or_have_been_sent_is_known),
		TEST(nothing_is_known_before_it_is_loaded),
		TEST(a_subscription_that_was_not_validated_is_discarded_by_the_next_process),
		TEST(listed_accounts_are_opened_after_a_crash_and_taken_off_the_list_if_they_want_nothing),
		TEST(accounts_are_left_to_the_next_start_if_the_server_stops_meanwhile),
		TEST(no_account_is_opened_if_the_last_process_owed_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
