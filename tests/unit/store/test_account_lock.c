/* Locked accounts. */
#include "mail_fixture.h"

#include "store/check.h"
#include "store/account_lock.h"

#include <sys/stat.h>

static enum rc lock_run(struct account *account, void *arg)
{
	struct buf *report = arg;
	buf_reset(report);
	return account_lock(account, report);
}

static enum rc unlock_run(struct account *account, void *arg)
{
	(void)arg;
	return account_unlock(account);
}

static enum rc check_run(struct account *account, void *arg)
{
	struct check_result result;
	return check_account(account, false, arg, &result);
}

static enum rc check_closed_run(struct account *account, void *arg)
{
	struct check_result result;
	return check_account_and_close(account, false, arg, &result);
}

static enum rc nothing_run(struct account *account, void *arg)
{
	(void)account;
	++*(unsigned *)arg;
	return RC_OK;
}

static off_t wal_size(struct fixture *f)
{
	char path[256];
	struct stat st;
	snprintf(path, sizeof(path), "%s/users/01/1/account.db-wal", f->root);
	return stat(path, &st) == 0 ? st.st_size : 0;
}

static void t_lock(struct fixture *f, struct buf *report)
{
	assert_int_equal(run(f, JOB_CLOSED, lock_run, report), RC_OK);
}

static void nobody_gets_at_a_locked_account(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct buf report;
	unsigned runs = 0;

	buf_init(&report, 64 * 1024);
	t_append(f, f->inbox, 0, 3);
	assert_true(wal_size(f) > 0);
	forget_changes(f);
	t_lock(f, &report);
	assert_changes(f, "RESET;");
	assert_int_equal(wal_size(f), 0);
	buf_addc(&report, '\0');
	assert_non_null(strstr(report.p, "/users/01/1\nwal-empty: yes\n"));
	assert_true(account_locked(f->account) && store_account_locked(f->store, 1));
	assert_false(store_account_locked(f->store, 2));
	assert_int_equal(store_locked_count(f->store), 1);
	assert_int_equal(run(f, JOB_READ, nothing_run, &runs), RC_UNAVAILABLE);
	assert_int_equal(run(f, JOB_WRITE, nothing_run, &runs), RC_UNAVAILABLE);
	assert_int_equal(run(f, JOB_WRITE_RELAXED, nothing_run, &runs), RC_UNAVAILABLE);
	assert_int_equal(run(f, JOB_ALONE, check_run, &report), RC_UNAVAILABLE);
	assert_int_equal(run(f, JOB_CLOSED, check_closed_run, &report), RC_UNAVAILABLE);
	assert_int_equal(runs, 0);
	/* Once more changes nothing, and it is not forgotten when nobody has a handle. */
	t_lock(f, &report);
	assert_changes(f, "");
	account_unref(&f->account);
	store_tick(f->store);
	f->account = account_get(f->store, 1);
	assert_int_equal(run(f, JOB_READ, nothing_run, &runs), RC_UNAVAILABLE);
	assert_int_equal(run(f, JOB_CLOSED, unlock_run, NULL), RC_OK);
	assert_int_equal(run(f, JOB_CLOSED, unlock_run, NULL), RC_NOT_FOUND);
	assert_int_equal(store_locked_count(f->store), 0);
	assert_false(store_account_locked(f->store, 1));
	assert_uids(f, f->inbox, "1:3");
	buf_fini(&report);
	fixture_free(&f);
}

static void a_store_ends_and_begins_with_a_locked_account(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct buf report;

	buf_init(&report, 64 * 1024);
	t_append(f, f->inbox, 0, 1);
	t_lock(f, &report);
	fixture_reopen(f);
	assert_int_equal(store_locked_count(f->store), 0);
	assert_uids(f, f->inbox, "1");
	buf_fini(&report);
	fixture_free(&f);
}

static void a_check_leaves_open_what_was_open(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct buf report;

	buf_init(&report, 64 * 1024);
	t_append(f, f->inbox, 0, 1);
	assert_int_equal(run(f, JOB_CLOSED, check_closed_run, &report), RC_OK);
	assert_int_equal(f->store->open_count, 1);
	fixture_reopen(f);
	assert_int_equal(run(f, JOB_CLOSED, check_closed_run, &report), RC_OK);
	assert_int_equal(f->store->open_count, 0);
	buf_fini(&report);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_gets_at_a_locked_account),
		cmocka_unit_test(a_store_ends_and_begins_with_a_locked_account),
		cmocka_unit_test(a_check_leaves_open_what_was_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
