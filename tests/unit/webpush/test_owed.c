/* Batches of delivered messages: settled by a sync of push.db, or lost, and the mark that nothing is owed. */
#include "push_rig.h"

#define SETTLE_MS 1000

static int setup(void **state)
{
	static struct push_rig rig;

	push_rig_begin(&rig);
	clock_fake_set(1000000, 1800000000);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	push_rig_end(*state);
	return 0;
}

struct note {
	uint32_t uid;
	size_t count; /* result */
};

static enum rc note_add(struct account *account, void *arg)
{
	return push_owed_add(account, 1, ((struct note *)arg)->uid);
}

static struct owed_batch *deliver(struct push_rig *r, int64_t account, uint32_t uid)
{
	struct note note = { .uid = uid };
	struct push_owed_row *rows = mem_alloc(sizeof(*rows));

	assert_int_equal(rig_run(&r->rig, account, JOB_WRITE, note_add, &note), RC_OK);
	*rows = (struct push_owed_row){ 1, uid };
	return owed_batch_new(&r->owed, account, rows, 1);
}

/* The store tells of notes of an earlier run only: it is started again. */
static unsigned owing_accounts;

static void on_owed(void *ctx, struct account *account)
{
	(void)ctx;
	(void)account;
	owing_accounts++;
}

static enum rc nothing(struct account *account, void *arg)
{
	(void)account;
	(void)arg;
	return RC_OK;
}

/* Tells whether the account has notes left, after a restart. */
static bool notes_left(struct push_rig *r, int64_t account)
{
	owing_accounts = 0;
	push_rig_close(r);
	push_rig_open(r);
	store_on_push_owed(r->rig.store, on_owed, NULL);
	assert_int_equal(rig_run(&r->rig, account, JOB_READ, nothing, NULL), RC_OK);
	return owing_accounts > 0;
}

static void elapse(struct push_rig *r)
{
	clock_fake_advance(SETTLE_MS);
	push_rig_settle(r);
}

static void a_batch_that_is_settled_loses_its_notes_after_a_second(void **state)
{
	struct push_rig *r = *state;
	struct owed_batch *first = deliver(r, 1, 5);
	struct owed_batch *second = deliver(r, 1, 6);

	assert_int_equal(atomic_load(&r->owed.owing), 2);
	owed_settle(&first);
	owed_settle(&second);
	assert_null(first);
	push_rig_settle(r);
	assert_int_equal(atomic_load(&r->owed.owing), 2);
	elapse(r);
	assert_int_equal(atomic_load(&r->owed.owing), 0);
	assert_int_equal(atomic_load(&r->core.pending), 0);
	assert_false(atomic_load(&r->owed.lost));
	assert_false(notes_left(r, 1));
}

static void a_batch_that_is_lost_keeps_its_notes(void **state)
{
	struct push_rig *r = *state;
	struct owed_batch *batch = deliver(r, 1, 5);
	struct owed_batch *none = NULL;

	owed_lose(&batch);
	owed_lose(&none);
	assert_null(batch);
	assert_true(atomic_load(&r->owed.lost));
	assert_int_equal(atomic_load(&r->owed.owing), 0);
	elapse(r);
	assert_true(notes_left(r, 1));
}

static void too_many_batches_are_lost(void **state)
{
	struct push_rig *r = *state;
	struct owed_batch *batch = deliver(r, 1, 5);

	r->owed.count = OWED_MAX;
	owed_settle(&batch);
	assert_null(batch);
	assert_true(atomic_load(&r->owed.lost));
	r->owed.count = 0;
}

static void each_account_loses_its_own_notes(void **state)
{
	struct push_rig *r = *state;
	struct owed_batch *first = deliver(r, 1, 5);
	struct owed_batch *second = deliver(r, 2, 5);

	owed_settle(&first);
	owed_settle(&second);
	elapse(r);
	assert_int_equal(atomic_load(&r->owed.owing), 0);
	assert_false(notes_left(r, 2));
}

static void after_the_workers_are_gone_nothing_is_settled(void **state)
{
	struct push_rig *r = *state;
	struct owed_batch *batch = deliver(r, 1, 5);

	r->core.closed = true;
	owed_settle(&batch);
	assert_int_equal(r->owed.count, 0);
	assert_true(atomic_load(&r->owed.lost));
	r->core.closed = false;
}

static enum rc was_clean(struct pushq *pushq, void *arg)
{
	*(bool *)arg = pushq_was_clean(pushq);
	return RC_OK;
}

/* Tells whether the process before left the mark. */
static bool is_clean(struct push_rig *r)
{
	bool clean = false;

	push_rig_close(r);
	push_rig_open(r);
	assert_int_equal(push_rig_pushq(r, was_clean, &clean), RC_OK);
	return clean;
}

static void push_db_is_marked_when_a_server_stops_that_owes_nothing(void **state)
{
	struct push_rig *r = *state;
	struct owed_batch *batch = deliver(r, 1, 5);

	r->core.running = true;
	owed_settle(&batch);
	atomic_store(&r->core.stopping, true);
	owed_stop(&r->owed);
	assert_false(r->owed.clean_told);
	push_rig_settle(r);
	assert_true(r->owed.clean_told);
	assert_true(is_clean(r));
}

static void push_db_is_not_marked_while_something_is_looked_for(void **state)
{
	struct push_rig *r = *state;

	r->core.running = true;
	owed_more(&r->owed);
	atomic_store(&r->core.stopping, true);
	owed_stop(&r->owed);
	push_rig_settle(r);
	assert_false(r->owed.clean_told);
	owed_less(&r->owed);
	assert_true(r->owed.clean_told);
	push_rig_settle(r);
}

static void push_db_is_not_marked_if_something_was_lost(void **state)
{
	struct push_rig *r = *state;

	r->core.running = true;
	owed_note_lost(&r->owed);
	atomic_store(&r->core.stopping, true);
	owed_stop(&r->owed);
	push_rig_settle(r);
	assert_false(is_clean(r));
}

static void a_server_that_never_ran_marks_nothing(void **state)
{
	struct push_rig *r = *state;

	atomic_store(&r->core.stopping, true);
	owed_stop(&r->owed);
	push_rig_settle(r);
	assert_false(is_clean(r));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_batch_that_is_settled_loses_its_notes_after_a_second),
		TEST(a_batch_that_is_lost_keeps_its_notes),
		TEST(too_many_batches_are_lost),
		TEST(each_account_loses_its_own_notes),
		TEST(after_the_workers_are_gone_nothing_is_settled),
		TEST(push_db_is_marked_when_a_server_stops_that_owes_nothing),
		TEST(push_db_is_not_marked_while_something_is_looked_for),
		TEST(push_db_is_not_marked_if_something_was_lost),
		TEST(a_server_that_never_ran_marks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
