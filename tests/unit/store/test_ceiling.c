#include "core_fixture.h"

/* The ceiling over modseqs, and what is believed after a power cut (rec_cut leaves only what was synced). */

static enum rc take_modseq(struct account *account, struct call *call)
{
	call->number = (int64_t)account_modseq_next(account);
	return db_run(account->db, "UPDATE mailbox SET highestmodseq = ?1 WHERE id = 1", "i", call->number);
}

static enum rc jump(struct account *account, struct call *call)
{
	account->modseq = account->ceiling - 3;
	return take_modseq(account, call);
}

static enum rc highest(struct account *account, struct call *call)
{
	struct mbox_info info;
	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	call->number = rc == RC_OK ? (int64_t)info.highestmodseq : -1;
	return rc;
}

static int64_t number_now(struct fix *fix, struct account *account, enum job_kind kind,
	enum rc (*fn)(struct account *, struct call *))
{
	struct call call = call_make(fix, kind, fn);
	call_submit(account, &call);
	call_wait(fix, &call);
	assert_int_equal(call.job.rc, RC_OK);
	return call.number;
}

static int64_t stored(struct account *account, const char *sql)
{
	sqlite3_stmt *stmt;
	assert_int_equal(db_one(account->db, &stmt, sql, ""), RC_OK);
	int64_t value = db_i64(stmt, 0);
	db_reset(stmt);
	return value;
}

/* The store on what a cut now would leave. Its reactor is that of `fix`. */
static struct fix *fix_cut(struct fix *fix, enum rec_choice choice, bool other_boot)
{
	struct fix *after = fix_new();
	assert_int_equal(rmdir(after->root), 0);
	rec_cut(fix->rec, rec_point(fix->rec), choice, 0, SIZE_MAX, after->root);
	assert_int_equal(store_new(&after->settings, after->pool, NULL, after->log, &after->store), RC_OK);
	if (other_boot)
		snprintf(after->store->boot_id, sizeof(after->store->boot_id), "another");
	return after;
}

static void modseqs_grow_and_stay_below_the_ceiling(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	int64_t last = 0;
	for (int i = 0; i < 5; i++) {
		int64_t next = number_now(fix, account, JOB_WRITE, take_modseq);
		assert_true(next > last);
		last = next;
	}
	assert_true((uint64_t)last < account->ceiling);
	assert_int_equal(account_modseq_last(account), last);
	account_unref(&account);
}

static void the_ceiling_is_raised_and_synced_before_it_is_reached(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	number_now(fix, account, JOB_WRITE, take_modseq);
	uint64_t ceiling = account->ceiling;
	size_t point = rec_point(fix->rec);
	number_now(fix, account, JOB_WRITE_RELAXED, jump);
	assert_int_equal(account->ceiling, ceiling);
	assert_int_equal(wal_syncs(fix, point), 0);
	/* One below the ceiling is the last that the old one covers. */
	int64_t last = number_now(fix, account, JOB_WRITE_RELAXED, take_modseq);
	assert_int_equal(account->ceiling, last + MODSEQ_STEP);
	assert_int_equal(wal_syncs(fix, point), 1);
	strand_settle(fix, account);
	assert_true(strand_borrow(account->strand));
	assert_int_equal(stored(account, "SELECT modseq_ceiling FROM account"), account->ceiling);
	strand_return(account->strand);
	account_unref(&account);
}

static void after_a_clean_restart_modseqs_go_on(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	int64_t last = number_now(fix, account, JOB_WRITE_RELAXED, take_modseq);
	account_unref(&account);
	fix_stop(fix);
	fix->pool = pool_new(2, "test", fix->log);
	fix_start(fix);
	snprintf(fix->store->boot_id, sizeof(fix->store->boot_id), "another");
	account = account_get(fix->store, 1);
	assert_int_equal(number_now(fix, account, JOB_READ, highest), last);
	int64_t next = number_now(fix, account, JOB_WRITE, take_modseq);
	assert_true(next > last && next < last + 100);
	account_unref(&account);
}

static void after_a_power_cut_everything_looks_new(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	number_now(fix, account, JOB_WRITE, take_modseq);
	/* Seen by clients, and lost. */
	int64_t last = 0;
	for (int i = 0; i < 10; i++)
		last = number_now(fix, account, JOB_WRITE_RELAXED, take_modseq);
	uint64_t ceiling = account->ceiling;
	account_unref(&account);

	struct fix *after = fix_cut(fix, REC_NONE, true);
	account = account_get(after->store, 1);
	int64_t high = number_now(after, account, JOB_READ, highest);
	assert_true(high > last);
	assert_int_equal(high, ceiling);
	assert_int_equal(account->ceiling, ceiling + MODSEQ_STEP);
	assert_true(number_now(after, account, JOB_WRITE, take_modseq) > high);
	account_unref(&account);

	/* Once: the next start finds it closed in order. */
	fix_stop(after);
	after->pool = pool_new(2, "test", after->log);
	assert_int_equal(store_new(&after->settings, after->pool, NULL, after->log, &after->store), RC_OK);
	snprintf(after->store->boot_id, sizeof(after->store->boot_id), "a third");
	account = account_get(after->store, 1);
	assert_int_equal(number_now(after, account, JOB_READ, highest), high + 1);
	account_unref(&account);
	fix_free(after);
}

static void after_a_power_cut_a_raised_ceiling_still_covers_what_was_seen(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	number_now(fix, account, JOB_WRITE, take_modseq);
	number_now(fix, account, JOB_WRITE_RELAXED, jump);
	int64_t last = 0;
	for (int i = 0; i < 10; i++)
		last = number_now(fix, account, JOB_WRITE_RELAXED, take_modseq);
	account_unref(&account);
	struct fix *after = fix_cut(fix, REC_NONE, true);
	account = account_get(after->store, 1);
	assert_true(number_now(after, account, JOB_READ, highest) > last);
	account_unref(&account);
	fix_free(after);
}

static void the_very_first_relaxed_change_is_not_forgotten_either(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	number_now(fix, account, JOB_WRITE, take_modseq);
	account_unref(&account);
	fix_restart(fix);
	account = account_get(fix->store, 1);
	int64_t first = number_now(fix, account, JOB_WRITE_RELAXED, take_modseq);
	int64_t second = number_now(fix, account, JOB_WRITE_RELAXED, take_modseq);
	account_unref(&account);
	struct fix *after = fix_cut(fix, REC_NONE, true);
	account = account_get(after->store, 1);
	assert_true(first < second);
	assert_true(number_now(after, account, JOB_READ, highest) > second);
	account_unref(&account);
	fix_free(after);
}

static void after_a_killed_process_nothing_is_raised_and_what_is_unsynced_gets_synced(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	number_now(fix, account, JOB_WRITE, take_modseq);
	int64_t last = number_now(fix, account, JOB_WRITE_RELAXED, take_modseq);
	account_unref(&account);
	struct fix *after = fix_cut(fix, REC_ALL, false);
	account = account_get(after->store, 1);
	assert_int_equal(number_now(after, account, JOB_READ, highest), last);
	assert_true(account->use_noted);
	assert_true(account_dirty(account));
	assert_int_equal(number_now(after, account, JOB_WRITE, take_modseq), last + 1);
	account_unref(&account);
	fix_free(after);
}

static void an_undone_job_does_not_make_modseqs_go_back(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	int64_t first = number_now(fix, account, JOB_WRITE, take_modseq);
	rec_fail(fix->rec, REC_OP_SYNC, "account.db-wal", EIO, 1, false);
	assert_int_equal(call_now(fix, account, JOB_WRITE, take_modseq), RC_IO);
	assert_true(number_now(fix, account, JOB_WRITE, take_modseq) > first);
	account_unref(&account);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(modseqs_grow_and_stay_below_the_ceiling),
		T(the_ceiling_is_raised_and_synced_before_it_is_reached),
		T(after_a_clean_restart_modseqs_go_on),
		T(after_a_power_cut_everything_looks_new),
		T(after_a_power_cut_a_raised_ceiling_still_covers_what_was_seen),
		T(the_very_first_relaxed_change_is_not_forgotten_either),
		T(after_a_killed_process_nothing_is_raised_and_what_is_unsynced_gets_synced),
		T(an_undone_job_does_not_make_modseqs_go_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
