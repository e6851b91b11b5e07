#include "core_fixture.h"

static void account_file(struct account *account, const char *name, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "%s/%s", account_path(account), name);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static unsigned open_count(struct fix *fix)
{
	pthread_mutex_lock(&fix->store->lock);
	unsigned count = fix->store->open_count;
	pthread_mutex_unlock(&fix->store->lock);
	return count;
}

static void the_same_id_is_the_same_object_while_somebody_holds_it(void **state)
{
	struct fix *fix = *state;
	struct account *a = account_get(fix->store, 7);
	struct account *b = account_get(fix->store, 7);
	struct account *c = account_get(fix->store, 8);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_int_equal(account_id(a), 7);
	assert_ptr_equal(account_store(a), fix->store);
	assert_ptr_equal(account_log(a), fix->log);
	account_unref(&a);
	assert_null(a);
	account_unref(&a);
	account_unref(&b);
	account_unref(&c);
	assert_int_equal(HASH_COUNT(fix->store->accounts), 0);
}

static void nothing_is_opened_before_the_first_job(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 0x123);
	char path[PATH_ROOM];
	account_file(account, "account.db", path);
	assert_false(exists(path));
	assert_non_null(strstr(path, "/users/23/291/account.db"));
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	assert_true(exists(path));
	assert_int_equal(open_count(fix), 1);
	account_unref(&account);
}

static void an_account_stays_open_without_handles_and_keeps_its_number_of_changes(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	strand_settle(fix, account);
	account_unref(&account);
	assert_int_equal(open_count(fix), 1);
	account = account_get(fix->store, 1);
	assert_int_equal(account->state, ACCOUNT_OPEN);
	assert_int_equal(account->change, 1);
	account_unref(&account);
}

static void what_was_stored_is_there_after_a_restart(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	account_unref(&account);
	fix_restart(fix);
	account = account_get(fix->store, 1);
	assert_true(has_mailbox(fix, account, 0));
	account_unref(&account);
}

static void a_second_process_is_refused(void **state)
{
	struct fix *fix = *state;
	struct store *second = NULL;
	assert_int_equal(store_new(&fix->settings, fix->pool, rec_io(fix->rec), fix->log, &second), RC_INUSE);
	assert_null(second);
}

static void a_root_that_is_not_there_is_refused(void **state)
{
	struct fix *fix = *state;
	struct store *second = NULL;
	struct store_settings settings = fix->settings;
	settings.root = "/nonexistent/coid";
	assert_int_equal(store_new(&settings, fix->pool, NULL, fix->log, &second), RC_NOT_FOUND);
	char longer[PATH_ROOM];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	settings.root = longer;
	assert_int_equal(store_new(&settings, fix->pool, NULL, fix->log, &second), RC_INVALID);
}

static void a_lost_database_is_not_replaced_by_an_empty_one(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	char db[PATH_ROOM], wal[PATH_ROOM], msg[PATH_ROOM];
	account_file(account, "account.db", db);
	account_file(account, "account.db-wal", wal);
	account_file(account, "msg", msg);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	account_unref(&account);
	/* The WAL belongs to a database that is gone. */
	fix_stop(fix);
	assert_int_equal(unlink(db), 0);
	fix->pool = pool_new(2, "test", fix->log);
	fix_start(fix);
	account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_CORRUPT);
	assert_false(exists(db));
	account_unref(&account);
	/* Message files are left. */
	fix_stop(fix);
	assert_int_equal(unlink(wal), 0);
	assert_int_equal(mkdir(msg, 0700), 0);
	fix->pool = pool_new(2, "test", fix->log);
	fix_start(fix);
	account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_CORRUPT);
	assert_false(exists(db));
	account_unref(&account);
}

static void an_account_that_cannot_be_made_fails_alone(void **state)
{
	struct fix *fix = *state;
	struct account *bad = account_get(fix->store, 1);
	struct account *good = account_get(fix->store, 2);
	rec_fail(fix->rec, REC_OP_MKDIR, "/1", ENOSPC, 1, true);
	assert_int_equal(call_now(fix, bad, JOB_WRITE, create_mailbox), RC_NOSPACE);
	assert_int_equal(call_now(fix, good, JOB_WRITE, create_mailbox), RC_OK);
	rec_fail(fix->rec, REC_OP_MKDIR, "", 0, 0, false);
	account_unref(&bad);
	account_unref(&good);
}

static void a_new_account_that_was_left_half_made_is_made_again(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	clock_fake_set(1000000, 1700000000);
	rec_fail(fix->rec, REC_OP_RENAME, "account.db", EIO, 1, false);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_IO);
	clock_fake_advance(ACCOUNT_RETRY_MIN_MS);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	account_unref(&account);
}

static void making_an_account_leaves_no_directory_sync_for_the_first_commit(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	unsigned counts[REC_SYNC_KINDS];
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	size_t point = rec_point(fix->rec);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	rec_count(fix->rec, point, rec_point(fix->rec), counts);
	for (int kind = 0; kind < REC_SYNC_KINDS; kind++)
		assert_int_equal(counts[kind], kind == REC_SYNC_WAL ? 1 : 0);
	account_unref(&account);
}

static void opening_an_account_again_costs_no_sync(void **state)
{
	struct fix *fix = *state;
	unsigned counts[REC_SYNC_KINDS], sum = 0;
	struct account *account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	account_unref(&account);
	fix_restart(fix);
	account = account_get(fix->store, 1);
	size_t point = rec_point(fix->rec);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	struct call call = call_make(fix, JOB_WRITE, create_mailbox);
	call.number = 1;
	call_submit(account, &call);
	call_wait(fix, &call);
	rec_count(fix->rec, point, rec_point(fix->rec), counts);
	for (int kind = 0; kind < REC_SYNC_KINDS; kind++)
		sum += counts[kind];
	/* That of the commit. */
	assert_int_equal(sum, 1);
	account_unref(&account);
}

static void only_so_many_accounts_stay_open(void **state)
{
	struct fix *fix = *state;
	fix->settings.open_accounts_max = 3;
	fix_restart(fix);
	struct account *accounts[8];
	for (int i = 0; i < 8; i++) {
		accounts[i] = account_get(fix->store, i + 1);
		assert_int_equal(call_now(fix, accounts[i], JOB_WRITE, create_mailbox), RC_OK);
	}
	/* The limit holds at once. */
	assert_int_equal(open_count(fix), 3);
	struct store_counters counters;
	store_counters(fix->store, &counters);
	assert_int_equal(counters.accounts_open, 3);
	/* All of them work as before. */
	for (int i = 0; i < 8; i++) {
		assert_true(has_mailbox(fix, accounts[i], 0));
		account_unref(&accounts[i]);
	}
}

static void an_account_that_nobody_holds_is_closed_after_a_while(void **state)
{
	struct fix *fix = *state;
	struct account *held = account_get(fix->store, 1), *left = account_get(fix->store, 2);
	clock_fake_set(1000000, 1700000000);
	assert_int_equal(call_now(fix, held, JOB_READ, NULL), RC_OK);
	assert_int_equal(call_now(fix, left, JOB_READ, NULL), RC_OK);
	strand_settle(fix, left);
	account_unref(&left);
	store_tick(fix->store);
	assert_int_equal(open_count(fix), 2);
	clock_fake_advance(ACCOUNT_IDLE_CLOSE_MS + 1);
	while (open_count(fix) == 2) {
		store_tick(fix->store);
		reactor_run_once(fix->reactor, false);
	}
	strand_settle(fix, held);
	assert_int_equal(held->state, ACCOUNT_OPEN);
	account_unref(&held);
}

static enum rc fill(struct account *account, struct call *call)
{
	enum rc rc = db_script(account->db, "CREATE TABLE IF NOT EXISTS filler (a)");
	for (int i = 0; i < 300 && rc == RC_OK; i++)
		rc = db_run(account->db, "INSERT INTO filler VALUES (randomblob(20000))", "");
	/* The first sync is that of the commit, the second the checkpoint's. */
	if (call->arg)
		rec_fail(call->fix->rec, REC_OP_SYNC, "account.db", ENOSPC, 2, false);
	return rc;
}

static enum rc frames(struct account *account, struct call *call)
{
	call->number = db_wal_frames(account->db);
	return RC_OK;
}

static int64_t wal_frames(struct fix *fix, struct account *account)
{
	struct call call = call_make(fix, JOB_READ, frames);
	call_submit(account, &call);
	call_wait(fix, &call);
	return call.number;
}

static void a_long_wal_is_checkpointed_when_the_strand_is_idle(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_WRITE, fill), RC_OK);
	while (wal_frames(fix, account) != 0)
		;
	/* After the next commit the WAL is no longer than the limit. */
	char path[PATH_ROOM];
	struct stat st;
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	account_file(account, "account.db-wal", path);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size <= 262144);
	account_unref(&account);
}

static void a_checkpoint_whose_sync_finds_no_room_leaves_the_account_in_order(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	clock_fake_set(1000000, 1700000000);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	struct call call = call_make(fix, JOB_WRITE, fill);
	call.arg = fix;
	call_submit(account, &call);
	call_wait(fix, &call);
	strand_settle(fix, account);
	assert_int_equal(rec_failures(fix->rec), 1);
	/* It has been opened anew, or is as it was: either way it works, and the log gets short. */
	assert_int_equal(account->state, ACCOUNT_OPEN);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	while (wal_frames(fix, account) != 0) {
		clock_fake_advance(20000);
		store_tick(fix->store);
	}
	account_unref(&account);
}

static enum rc touch(struct account *account, struct call *call)
{
	(void)call;
	return db_run(
		account->db, "UPDATE mailbox SET highestmodseq = ?1", "u", account_modseq_next(account));
}

static void a_sync_that_fails_at_closing_is_made_up_for_at_the_next_opening(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	clock_fake_set(1000000, 1700000000);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	assert_int_equal(call_now(fix, account, JOB_WRITE_RELAXED, touch), RC_OK);
	strand_settle(fix, account);
	rec_fail(fix->rec, REC_OP_SYNC, "account.db-wal", EIO, 1, false);
	assert_true(strand_borrow(account->strand));
	account_close(account);
	strand_return(account->strand);
	assert_int_equal(rec_failures(fix->rec), 1);
	assert_int_equal(open_count(fix), 0);
	assert_true(account->suspect);
	/* Nobody holds it, and yet it is not forgotten. */
	account_unref(&account);
	clock_fake_advance(ACCOUNT_RETRY_MIN_MS);
	account = account_get(fix->store, 1);
	assert_true(account->suspect);
	assert_true(has_mailbox(fix, account, 0));
	strand_settle(fix, account);
	assert_false(account->suspect);
	account_unref(&account);
}

static void more_dirty_accounts_than_a_few_are_synced_at_once(void **state)
{
	struct fix *fix = *state;
	struct account *accounts[SYNCFS_ACCOUNTS + 1];
	unsigned counts[REC_SYNC_KINDS];
	/* None of them falls quiet meanwhile. */
	clock_fake_set(1000000, 1700000000);
	for (int i = 0; i <= SYNCFS_ACCOUNTS; i++) {
		accounts[i] = account_get(fix->store, i + 1);
		/* A new account's mailboxes have been made by a relaxed commit. */
		assert_int_equal(call_now(fix, accounts[i], JOB_READ, NULL), RC_OK);
		assert_true(account_dirty(accounts[i]));
	}
	size_t point = rec_point(fix->rec);
	store_tick(fix->store);
	for (int i = 0; i <= SYNCFS_ACCOUNTS; i++)
		while (account_dirty(accounts[i]))
			reactor_run_once(fix->reactor, false);
	rec_count(fix->rec, point, rec_point(fix->rec), counts);
	assert_int_equal(counts[REC_SYNC_FS], 1);
	assert_int_equal(counts[REC_SYNC_WAL], 0);
	for (int i = 0; i <= SYNCFS_ACCOUNTS; i++)
		account_unref(&accounts[i]);
}

static void an_idle_open_account_can_be_borrowed(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct gate gate;
	assert_false(account_borrow(account, fix->reactor));
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	strand_settle(fix, account);
	assert_true(account_borrow(account, fix->reactor));
	assert_non_null(arena_strdup(account_arena(account), "x"));
	/* A job that comes meanwhile waits. */
	struct call call = call_make(fix, JOB_READ, NULL);
	call_submit(account, &call);
	reactor_run_once(fix->reactor, false);
	assert_int_equal(call.runs, 0);
	account_return(account);
	call_wait(fix, &call);
	gate_close(fix, account, &gate);
	assert_false(account_borrow(account, fix->reactor));
	gate_open(fix, &gate);
	account_unref(&account);
}

static void nothing_is_borrowed_while_the_inbox_holds_something(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct call call = call_make(fix, JOB_READ, NULL);
	call_submit(account, &call);
	/* Done on the worker, but this reactor has not been told yet. */
	while (reactor_inbox_empty(fix->reactor))
		;
	while (!strand_borrow(account->strand))
		;
	strand_return(account->strand);
	assert_false(account_borrow(account, fix->reactor));
	call_wait(fix, &call);
	assert_true(account_borrow(account, fix->reactor));
	account_return(account);
	account_unref(&account);
}

static void a_destroyed_account_is_gone_for_ever(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	char path[PATH_ROOM], msg[PATH_ROOM];
	noted_init(&noted, fix);
	watch_now(fix, account, &noted.sink);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	account_file(account, "account.db", path);
	account_file(account, "msg", msg);
	assert_int_equal(mkdir(msg, 0700), 0);
	account_file(account, "msg/00", msg);
	assert_int_equal(mkdir(msg, 0700), 0);
	account_file(account, "msg/00/file", msg);
	close(open(msg, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	account_destroy(account);
	account_destroy(account);
	struct call call = call_make(fix, JOB_READ, NULL);
	call_submit(account, &call);
	call_wait(fix, &call);
	assert_int_equal(call.job.rc, RC_GONE);
	assert_int_equal(call.runs, 0);
	assert_int_equal(noted.last_kind, CHANGE_ACCOUNT_GONE);
	assert_false(exists(account_path(account)));
	assert_int_equal(open_count(fix), 0);
	change_unwatch(account, &noted.sink);
	strand_settle(fix, account);
	account_unref(&account);

	account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_GONE);
	assert_false(exists(account_path(account)));
	account_unref(&account);
}

static enum rc set_version(struct account *account, struct call *call)
{
	char sql[100];
	/* With the tables of ours it would be damage. */
	snprintf(sql, sizeof(sql), "CREATE TABLE later (a); PRAGMA user_version = %lld",
		(long long)call->number);
	return db_script(account->db, sql);
}

static void an_account_of_a_newer_program_is_left_alone(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct call call = call_make(fix, JOB_WRITE, set_version);
	call.number = SCHEMA_VERSION + 1;
	call_submit(account, &call);
	call_wait(fix, &call);
	assert_int_equal(call.job.rc, RC_OK);
	account_unref(&account);
	fix_restart(fix);
	account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_UNAVAILABLE);
	account_unref(&account);
}

static void background_work_waits_for_its_time(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	clock_fake_set(1000000, 1700000000);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	strand_settle(fix, account);
	assert_true(strand_borrow(account->strand));
	/* A new account wishes one of itself. */
	account_background(account, BACKGROUND_CHECKPOINT, 0);
	account_background(account, BACKGROUND_SWEEP, 2000000);
	account_background(account, BACKGROUND_SWEEP, 3000000);
	assert_int_equal(account->due[BACKGROUND_SWEEP], 2000000);
	account_background(account, BACKGROUND_SWEEP, 1500000);
	assert_int_equal(account->due[BACKGROUND_SWEEP], 1500000);
	assert_int_equal(atomic_load(&account->next_due), 1500000);
	account_background(account, BACKGROUND_SWEEP, 0);
	assert_int_equal(atomic_load(&account->next_due), 0);
	account_background(account, BACKGROUND_CLOSE, 1500000);
	strand_return(account->strand);
	store_tick(fix->store);
	strand_settle(fix, account);
	assert_int_equal(open_count(fix), 1);
	clock_fake_advance(500000);
	store_tick(fix->store);
	while (open_count(fix) > 0)
		reactor_run_once(fix->reactor, false);
	strand_settle(fix, account);
	account_unref(&account);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_same_id_is_the_same_object_while_somebody_holds_it),
		T(nothing_is_opened_before_the_first_job),
		T(an_account_stays_open_without_handles_and_keeps_its_number_of_changes),
		T(what_was_stored_is_there_after_a_restart),
		T(a_second_process_is_refused),
		T(a_root_that_is_not_there_is_refused),
		T(a_lost_database_is_not_replaced_by_an_empty_one),
		T(an_account_that_cannot_be_made_fails_alone),
		T(a_new_account_that_was_left_half_made_is_made_again),
		T(making_an_account_leaves_no_directory_sync_for_the_first_commit),
		T(opening_an_account_again_costs_no_sync),
		T(only_so_many_accounts_stay_open),
		T(an_account_that_nobody_holds_is_closed_after_a_while),
		T(a_long_wal_is_checkpointed_when_the_strand_is_idle),
		T(a_checkpoint_whose_sync_finds_no_room_leaves_the_account_in_order),
		T(a_sync_that_fails_at_closing_is_made_up_for_at_the_next_opening),
		T(more_dirty_accounts_than_a_few_are_synced_at_once),
		T(an_idle_open_account_can_be_borrowed),
		T(nothing_is_borrowed_while_the_inbox_holds_something),
		T(a_destroyed_account_is_gone_for_ever),
		T(an_account_of_a_newer_program_is_left_alone),
		T(background_work_waits_for_its_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
