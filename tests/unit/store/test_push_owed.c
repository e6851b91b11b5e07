/* Pushes that are owed: noted with the delivery, found by the next process, taken up once. */
#include "store/push_owed.h"
#include "store/store_priv.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ACCOUNT 5

struct fixture {
	struct rig rig;
	char root[512];
	unsigned told;
};

static void on_owed(void *ctx, struct account *account)
{
	struct fixture *f = ctx;

	assert_int_equal(account_id(account), ACCOUNT);
	f->told++;
}

static void open_store(struct fixture *f)
{
	rig_init(&f->rig, f->root, NULL);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	store_on_push_owed(f->rig.store, on_owed, f);
}

static int setup(void **state)
{
	static struct fixture fixture;

	fixture.told = 0;
	rig_folder_make(fixture.root);
	open_store(&fixture);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rig_close(&f->rig);
	rig_folder_remove(f->root);
	return 0;
}

static void restart(struct fixture *f)
{
	rig_close(&f->rig);
	open_store(f);
}

struct call {
	struct push_owed_row rows[8];
	size_t count;
	size_t max;
	bool fail;
};

static enum rc add(struct account *account, void *arg)
{
	struct call *call = arg;
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < call->count; i++)
		rc = push_owed_add(account, call->rows[i].mailbox, call->rows[i].uid);
	return rc == RC_OK && call->fail ? RC_QUOTA : rc;
}

static enum rc drop(struct account *account, void *arg)
{
	struct call *call = arg;
	return push_owed_remove(account, call->rows, call->count);
}

static enum rc take(struct account *account, void *arg)
{
	struct call *call = arg;

	call->count = 0;
	return push_owed_take(account, call->rows, call->max, &call->count);
}

static enum rc count_run(struct account *account, void *arg)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt, "SELECT count(*) FROM push_owed", "");

	if (rc != RC_OK)
		return rc;
	*(int64_t *)arg = db_i64(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

static int64_t count(struct fixture *f)
{
	int64_t rows = -1;

	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_READ, count_run, &rows), RC_OK);
	return rows;
}

static void note(struct fixture *f)
{
	struct call call = { .rows = { { 1, 7 }, { 1, 9 }, { 2, 3 } }, .count = 3 };
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, add, &call), RC_OK);
}

static void what_this_process_owes_is_not_taken_up_again(void **state)
{
	struct fixture *f = *state;
	struct call call = { .max = 8 };

	note(f);
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, take, &call), RC_OK);
	assert_int_equal(call.count, 0);
	assert_int_equal(f->told, 0);
	assert_int_equal(count(f), 3);
}

static void what_an_earlier_process_owed_is_told_when_the_account_is_opened_and_taken_up_once(void **state)
{
	struct fixture *f = *state;
	struct call call = { .max = 2 };

	note(f);
	restart(f);
	assert_int_equal(count(f), 3);
	assert_int_equal(f->told, 1);
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, take, &call), RC_OK);
	assert_int_equal(call.count, 2);
	assert_int_equal(call.rows[0].uid, 7);
	assert_int_equal(call.rows[1].uid, 9);
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, take, &call), RC_OK);
	assert_int_equal(call.count, 1);
	assert_int_equal(call.rows[0].mailbox, 2);
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, take, &call), RC_OK);
	assert_int_equal(call.count, 0);
	assert_int_equal(count(f), 3);
	/* Until they are settled the next one finds them again. */
	restart(f);
	assert_int_equal(count(f), 3);
	assert_int_equal(f->told, 2);
}

static void what_is_settled_is_gone_and_what_is_not_there_is_no_error(void **state)
{
	struct fixture *f = *state;
	struct call call = { .rows = { { 1, 7 }, { 1, 9 }, { 2, 3 }, { 4, 4 } }, .count = 4 };

	note(f);
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE_RELAXED, drop, &call), RC_OK);
	assert_int_equal(count(f), 0);
	restart(f);
	assert_int_equal(count(f), 0);
	assert_int_equal(f->told, 0);
}

static void a_delivery_that_fails_owes_nothing(void **state)
{
	struct fixture *f = *state;
	struct call call = { .rows = { { 1, 7 } }, .count = 1, .fail = true };

	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, add, &call), RC_QUOTA);
	assert_int_equal(count(f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_this_process_owes_is_not_taken_up_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_an_earlier_process_owed_is_told_when_the_account_is_opened_and_taken_up_once,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_settled_is_gone_and_what_is_not_there_is_no_error, setup, teardown),
		cmocka_unit_test_setup_teardown(a_delivery_that_fails_owes_nothing, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
