#include "core_fixture.h"

static unsigned open_count(struct fix *fix)
{
	pthread_mutex_lock(&fix->store->lock);
	unsigned count = fix->store->open_count;
	pthread_mutex_unlock(&fix->store->lock);
	return count;
}

/* The account that was used longest ago goes, not the one that was opened first. */
static void the_account_used_longest_ago_makes_room(void **state)
{
	struct fix *fix = *state;
	fix->settings.open_accounts_max = 3;
	fix_restart(fix);
	clock_fake_set(1000000, 1700000000);
	struct account *accounts[4];
	for (int i = 0; i < 4; i++)
		accounts[i] = account_get(fix->store, i + 1);
	static const int order[] = { 0, 1, 2, 0, 2 };
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		clock_fake_advance(10);
		assert_int_equal(call_now(fix, accounts[order[i]], JOB_READ, NULL), RC_OK);
		strand_settle(fix, accounts[order[i]]);
	}
	clock_fake_advance(10);
	assert_int_equal(call_now(fix, accounts[3], JOB_READ, NULL), RC_OK);
	strand_settle(fix, accounts[3]);
	assert_int_equal(accounts[0]->state, ACCOUNT_OPEN);
	assert_int_equal(accounts[1]->state, ACCOUNT_CLOSED);
	assert_int_equal(accounts[2]->state, ACCOUNT_OPEN);
	assert_int_equal(accounts[3]->state, ACCOUNT_OPEN);
	assert_int_equal(open_count(fix), 3);
	for (int i = 0; i < 4; i++)
		account_unref(&accounts[i]);
}

/* Those that are at work can't make room: then there is one more for that while. */
static void accounts_at_work_stay_open(void **state)
{
	struct fix *fix = *state;
	fix->settings.open_accounts_max = 1;
	fix_restart(fix);
	struct account *busy = account_get(fix->store, 1), *other = account_get(fix->store, 2);
	assert_int_equal(call_now(fix, busy, JOB_READ, NULL), RC_OK);
	strand_settle(fix, busy);
	assert_true(strand_borrow(busy->strand));
	assert_int_equal(call_now(fix, other, JOB_READ, NULL), RC_OK);
	assert_int_equal(open_count(fix), 2);
	strand_settle(fix, other);
	strand_return(busy->strand);
	/* The next opening closes both. */
	struct account *third = account_get(fix->store, 3);
	assert_int_equal(call_now(fix, third, JOB_READ, NULL), RC_OK);
	assert_int_equal(open_count(fix), 1);
	account_unref(&third);
	account_unref(&other);
	account_unref(&busy);
}

/* An account whose database can't be opened gives its place back. */
static void a_failed_opening_keeps_no_place(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	rec_fail(fix->rec, REC_OP_OPEN, "account.db", EMFILE, 1, false);
	assert_int_not_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	assert_int_equal(open_count(fix), 0);
	account_unref(&account);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_account_used_longest_ago_makes_room),
		T(accounts_at_work_stay_open),
		T(a_failed_opening_keeps_no_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
