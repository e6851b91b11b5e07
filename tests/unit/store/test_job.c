#include "core_fixture.h"

#include <pthread.h>

#define CALLS_MAX 16

static enum rc create_and_fail(struct account *account, struct call *call)
{
	enum rc rc = create_mailbox(account, call);
	return rc == RC_OK ? RC_QUOTA : rc;
}

static enum rc read_found(struct account *account, struct call *call)
{
	enum rc rc = find_mailbox(account, call);
	*(bool *)call->arg = rc == RC_OK;
	return rc;
}

/* Rolls the whole transaction back, as SQLite does on a full disk. */
static enum rc lose_transaction(struct account *account, struct call *call)
{
	if (call->runs == 1)
		sqlite3_exec(db_handle(account->db), "ROLLBACK", NULL, NULL, NULL);
	return call->runs == 1 ? RC_NOSPACE : create_mailbox(account, call);
}

static enum rc touch_modseq(struct account *account, struct call *call)
{
	struct msg_state state = { .uid = 1, .modseq = account_modseq_next(account) };
	(void)call;
	change_msg(account, CHANGE_FLAGS, 1, &state);
	return db_run(account->db, "UPDATE mailbox SET highestmodseq = ?1 WHERE id = 1", "u", state.modseq);
}

static void submit_calls(struct account *account, struct call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		call_submit(account, &calls[i]);
}

static void wait_calls(struct fix *fix, struct call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		call_wait(fix, &calls[i]);
}

static void make_calls(struct fix *fix, struct call *calls, size_t n, unsigned *order)
{
	for (size_t i = 0; i < n; i++) {
		calls[i] = call_make(fix, JOB_WRITE, create_mailbox);
		calls[i].number = (int64_t)i;
		calls[i].order = order;
	}
}

static void a_write_is_synced_before_its_done(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct call call = call_make(fix, JOB_WRITE, create_mailbox);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	size_t point = rec_point(fix->rec);
	call_submit(account, &call);
	call_wait(fix, &call);
	assert_int_equal(call.job.rc, RC_OK);
	assert_int_equal(wal_syncs(fix, point), 1);
	account_unref(&account);
}

static void writes_that_wait_share_one_sync_and_are_done_in_order(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct call calls[CALLS_MAX];
	struct gate gate;
	unsigned order = 0;
	make_calls(fix, calls, CALLS_MAX, &order);
	gate_close(fix, account, &gate);
	size_t point = rec_point(fix->rec);
	submit_calls(account, calls, CALLS_MAX);
	gate_open(fix, &gate);
	wait_calls(fix, calls, CALLS_MAX);
	assert_int_equal(wal_syncs(fix, point), 1);
	for (unsigned i = 0; i < CALLS_MAX; i++) {
		assert_int_equal(calls[i].job.rc, RC_OK);
		assert_int_equal(calls[i].place, i + 1);
		assert_int_equal(calls[i].job.change, i + 1);
	}
	account_unref(&account);
}

static void a_batch_ends_after_the_configured_number_of_jobs(void **state)
{
	struct fix *fix = *state;
	fix->settings.batch_jobs = 4;
	fix_restart(fix);
	struct account *account = account_get(fix->store, 1);
	struct call calls[8];
	struct gate gate;
	make_calls(fix, calls, 8, NULL);
	gate_close(fix, account, &gate);
	size_t point = rec_point(fix->rec);
	submit_calls(account, calls, 8);
	gate_open(fix, &gate);
	wait_calls(fix, calls, 8);
	assert_int_equal(wal_syncs(fix, point), 2);
	account_unref(&account);
}

/* Returns the number of syncs that so many waiting writes need if no setting limits a batch. */
static unsigned syncs_of(struct fix *fix, size_t n)
{
	fix->settings.batch_jobs = 1000;
	fix->settings.batch_wal_bytes = UINT64_MAX;
	fix->settings.strand_max = n;
	fix_restart(fix);
	struct account *account = account_get(fix->store, 1);
	struct call *calls = mem_alloc(n * sizeof(*calls));
	struct gate gate;
	make_calls(fix, calls, n, NULL);
	gate_close(fix, account, &gate);
	size_t point = rec_point(fix->rec);
	submit_calls(account, calls, n);
	gate_open(fix, &gate);
	wait_calls(fix, calls, n);
	unsigned syncs = wal_syncs(fix, point);
	account_unref(&account);
	free(calls);
	return syncs;
}

static void a_batch_of_255_writes_is_synced_once(void **state)
{
	assert_int_equal(syncs_of(*state, 255), 1);
}

static void a_batch_of_256_writes_is_synced_once(void **state)
{
	assert_int_equal(syncs_of(*state, 256), 1);
}

/* A turn has room for 256 jobs. */
static void a_batch_is_never_longer_than_the_turn_has_room_for(void **state)
{
	assert_int_equal(syncs_of(*state, 257), 2);
}

static void a_batch_ends_after_the_configured_bytes_and_loses_no_job(void **state)
{
	struct fix *fix = *state;
	fix->settings.batch_wal_bytes = 1;
	fix_restart(fix);
	struct account *account = account_get(fix->store, 1);
	struct call calls[4];
	struct gate gate;
	unsigned order = 0;
	make_calls(fix, calls, 4, &order);
	gate_close(fix, account, &gate);
	size_t point = rec_point(fix->rec);
	submit_calls(account, calls, 4);
	gate_open(fix, &gate);
	wait_calls(fix, calls, 4);
	assert_int_equal(wal_syncs(fix, point), 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(calls[i].place, i + 1);
	account_unref(&account);
}

static void a_batch_ends_after_the_configured_time(void **state)
{
	struct fix *fix = *state;
	fix->settings.batch_ms = 0;
	fix_restart(fix);
	struct account *account = account_get(fix->store, 1);
	struct call calls[4];
	struct gate gate;
	make_calls(fix, calls, 4, NULL);
	gate_close(fix, account, &gate);
	size_t point = rec_point(fix->rec);
	submit_calls(account, calls, 4);
	gate_open(fix, &gate);
	wait_calls(fix, calls, 4);
	assert_int_equal(wal_syncs(fix, point), 4);
	account_unref(&account);
}

static void a_job_that_fails_is_undone_alone(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	struct call calls[3];
	struct gate gate;
	noted_init(&noted, fix);
	watch_now(fix, account, &noted.sink);
	make_calls(fix, calls, 3, NULL);
	calls[1].fn = create_and_fail;
	gate_close(fix, account, &gate);
	submit_calls(account, calls, 3);
	gate_open(fix, &gate);
	wait_calls(fix, calls, 3);
	assert_int_equal(calls[0].job.rc, RC_OK);
	assert_int_equal(calls[1].job.rc, RC_QUOTA);
	assert_int_equal(calls[2].job.rc, RC_OK);
	assert_int_equal(calls[2].runs, 1);
	assert_true(has_mailbox(fix, account, 0));
	assert_false(has_mailbox(fix, account, 1));
	assert_true(has_mailbox(fix, account, 2));
	assert_int_equal(noted.lists, 2);
	assert_int_equal(calls[2].job.change, 2);
	change_unwatch(account, &noted.sink);
	account_unref(&account);
}

static void a_single_job_that_fails_leaves_nothing(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_and_fail), RC_QUOTA);
	assert_false(has_mailbox(fix, account, 0));
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	account_unref(&account);
}

static void after_a_lost_transaction_each_job_runs_again_alone(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	struct call calls[4];
	struct gate gate;
	noted_init(&noted, fix);
	watch_now(fix, account, &noted.sink);
	make_calls(fix, calls, 4, NULL);
	calls[2].fn = lose_transaction;
	gate_close(fix, account, &gate);
	submit_calls(account, calls, 4);
	gate_open(fix, &gate);
	wait_calls(fix, calls, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(calls[i].job.rc, RC_OK);
		assert_int_equal(calls[i].runs, i == 3 ? 1 : 2);
		assert_true(has_mailbox(fix, account, i));
	}
	assert_int_equal(noted.lists, 4);
	change_unwatch(account, &noted.sink);
	account_unref(&account);
}

static void a_read_between_writes_sees_those_before_it_and_waits_for_their_commit(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct call calls[4];
	struct gate gate;
	unsigned order = 0;
	bool early = false, late = true;
	make_calls(fix, calls, 4, &order);
	calls[1].job.kind = calls[2].job.kind = JOB_READ;
	calls[1].fn = calls[2].fn = read_found;
	calls[1].number = 0;
	calls[1].arg = &early;
	calls[2].number = 3;
	calls[2].arg = &late;
	gate_close(fix, account, &gate);
	size_t point = rec_point(fix->rec);
	submit_calls(account, calls, 4);
	gate_open(fix, &gate);
	wait_calls(fix, calls, 4);
	assert_true(early);
	assert_false(late);
	assert_int_equal(wal_syncs(fix, point), 1);
	assert_int_equal(calls[1].place, 2);
	assert_int_equal(calls[1].job.change, 1);
	assert_int_equal(calls[2].job.rc, RC_NOT_FOUND);
	assert_int_equal(calls[3].job.change, 2);
	account_unref(&account);
}

static void a_full_disk_fails_every_job_and_harms_nothing(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct call calls[3];
	struct gate gate;
	make_calls(fix, calls, 3, NULL);
	gate_close(fix, account, &gate);
	submit_calls(account, calls, 3);
	rec_fail(fix->rec, REC_OP_WRITE, "account.db-wal", ENOSPC, 1, true);
	gate_open(fix, &gate);
	wait_calls(fix, calls, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(calls[i].job.rc, RC_NOSPACE);
		assert_int_equal(calls[i].runs, 2);
		assert_false(has_mailbox(fix, account, i));
	}
	rec_fail(fix->rec, REC_OP_WRITE, "", 0, 0, false);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	account_unref(&account);
}

static void what_a_failed_sync_leaves_is_not_there_afterwards(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	struct call calls[3];
	struct gate gate;
	noted_init(&noted, fix);
	watch_now(fix, account, &noted.sink);
	make_calls(fix, calls, 3, NULL);
	calls[1].job.kind = JOB_READ;
	calls[1].fn = find_mailbox;
	calls[1].number = 0;
	gate_close(fix, account, &gate);
	submit_calls(account, calls, 3);
	rec_fail(fix->rec, REC_OP_SYNC, "account.db-wal", EIO, 1, false);
	gate_open(fix, &gate);
	wait_calls(fix, calls, 3);
	assert_int_equal(rec_failures(fix->rec), 1);
	assert_int_equal(calls[0].job.rc, RC_IO);
	/* The read was made again, on what is there now. */
	assert_int_equal(calls[1].job.rc, RC_NOT_FOUND);
	assert_int_equal(calls[2].job.rc, RC_IO);
	assert_int_equal(noted.lists, 0);
	assert_false(has_mailbox(fix, account, 0));
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	assert_int_equal(noted.lists, 1);
	change_unwatch(account, &noted.sink);
	account_unref(&account);

	fix_restart(fix);
	account = account_get(fix->store, 1);
	assert_true(has_mailbox(fix, account, 0));
	assert_false(has_mailbox(fix, account, 2));
	account_unref(&account);
}

static void if_the_marker_fails_too_the_account_can_only_be_read_until_it_does_not(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	noted_init(&noted, fix);
	watch_now(fix, account, &noted.sink);
	clock_fake_set(1000000, 1700000000);
	rec_fail(fix->rec, REC_OP_SYNC, "account.db-wal", EIO, 1, true);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_UNAVAILABLE);
	/* Nobody is told of it, and nobody is shut out. */
	assert_int_equal(noted.lists, 0);
	assert_int_equal(account->state, ACCOUNT_OPEN);
	assert_false(has_mailbox(fix, account, 0));
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	rec_fail(fix->rec, REC_OP_SYNC, "", 0, 0, false);

	/* The account is not written before the back-off has passed. */
	struct call call = call_make(fix, JOB_WRITE, create_mailbox);
	call_submit(account, &call);
	call_wait(fix, &call);
	assert_int_equal(call.job.rc, RC_UNAVAILABLE);
	assert_int_equal(call.runs, 0);
	clock_fake_advance(ACCOUNT_RETRY_MIN_MS);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	assert_int_equal(noted.lists, 1);
	assert_int_equal(noted.last_kind, CHANGE_CREATED);
	assert_false(account->suspect);
	change_unwatch(account, &noted.sink);
	account_unref(&account);
	fix_restart(fix);
	account = account_get(fix->store, 1);
	assert_true(has_mailbox(fix, account, 0));
	account_unref(&account);
}

static void the_pause_before_writing_is_tried_again_grows_and_has_an_end(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	clock_fake_set(1000000, 1700000000);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	rec_fail(fix->rec, REC_OP_SYNC, "account.db", EIO, 1, true);
	struct call call = call_make(fix, JOB_WRITE, create_mailbox);
	uint64_t pause = ACCOUNT_RETRY_MIN_MS;
	for (unsigned i = 0; i < 12; i++) {
		call = call_make(fix, JOB_WRITE, create_mailbox);
		call.number = 1;
		call_submit(account, &call);
		call_wait(fix, &call);
		assert_int_equal(call.job.rc, RC_UNAVAILABLE);
		assert_int_equal(account->write_retry_at - clock_mono_ms(), pause);
		assert_true(has_mailbox(fix, account, 0));
		assert_false(has_mailbox(fix, account, 1));
		clock_fake_advance(pause);
		pause = pause * 2 < WRITE_RETRY_MAX_MS ? pause * 2 : WRITE_RETRY_MAX_MS;
	}
	rec_fail(fix->rec, REC_OP_SYNC, "", 0, 0, false);
	call = call_make(fix, JOB_WRITE, create_mailbox);
	call.number = 1;
	call_submit(account, &call);
	call_wait(fix, &call);
	assert_int_equal(call.job.rc, RC_OK);
	assert_int_equal(account->write_retry_ms, 0);
	account_unref(&account);
}

/* If a write fails, the error is told, and existing data can be read. */
static void a_write_that_fails_leaves_the_account_open(void **state)
{
	static const struct {
		int error;
		enum rc rc;
	} cases[] = { { EIO, RC_IO }, { EROFS, RC_READONLY }, { ENOSPC, RC_NOSPACE } };
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	noted_init(&noted, fix);
	watch_now(fix, account, &noted.sink);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rec_fail(fix->rec, REC_OP_WRITE, "account.db-wal", cases[i].error, 1, true);
		assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), cases[i].rc);
		assert_int_equal(call_now(fix, account, JOB_WRITE_RELAXED, touch_modseq), cases[i].rc);
		assert_int_equal(account->state, ACCOUNT_OPEN);
		assert_false(has_mailbox(fix, account, 0));
		rec_fail(fix->rec, REC_OP_WRITE, "", 0, 0, false);
	}
	assert_int_equal(noted.lists, 0);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	change_unwatch(account, &noted.sink);
	account_unref(&account);
}

/* On the strand, whose field it is. */
static enum rc ask_writable(struct account *account, struct call *call)
{
	(void)call;
	return account->write_rc;
}

static void relaxed_commits_that_cannot_be_synced_can_be_read_and_are_written_anew(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	noted_init(&noted, fix);
	watch_now(fix, account, &noted.sink);
	clock_fake_set(1000000, 1700000000);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	assert_int_equal(call_now(fix, account, JOB_WRITE_RELAXED, touch_modseq), RC_OK);
	uint64_t modseq = account->modseq;
	rec_fail(fix->rec, REC_OP_SYNC, "account.db", EIO, 1, true);
	store_tick(fix->store);
	while (rec_failures(fix->rec) == 0)
		reactor_run_once(fix->reactor, false);
	strand_settle(fix, account);
	assert_int_equal(noted.lists, 2);
	assert_true(has_mailbox(fix, account, 0));
	assert_int_equal(account->state, ACCOUNT_OPEN);
	assert_int_not_equal(account->write_rc, RC_OK);
	rec_fail(fix->rec, REC_OP_SYNC, "", 0, 0, false);
	clock_fake_advance(ACCOUNT_RETRY_MIN_MS);
	store_tick(fix->store);
	while (call_now(fix, account, JOB_READ, ask_writable) != RC_OK)
		;
	strand_settle(fix, account);
	assert_false(account_dirty(account));
	assert_true(account->modseq >= modseq);
	change_unwatch(account, &noted.sink);
	account_unref(&account);
}

static void the_back_off_grows_with_each_failure(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	clock_fake_set(1000000, 1700000000);
	rec_fail(fix->rec, REC_OP_OPEN, "account.db", EIO, 1, true);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_IO);
	clock_fake_advance(ACCOUNT_RETRY_MIN_MS);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_IO);
	rec_fail(fix->rec, REC_OP_OPEN, "", 0, 0, false);
	clock_fake_advance(ACCOUNT_RETRY_MIN_MS);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_IO);
	clock_fake_advance(ACCOUNT_RETRY_MIN_MS);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	account_unref(&account);
}

static void a_relaxed_write_is_synced_by_the_next_tick(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	size_t point = rec_point(fix->rec);
	assert_int_equal(call_now(fix, account, JOB_WRITE_RELAXED, touch_modseq), RC_OK);
	assert_int_equal(call_now(fix, account, JOB_WRITE_RELAXED, touch_modseq), RC_OK);
	assert_int_equal(wal_syncs(fix, point), 0);
	assert_true(account_dirty(account));
	store_tick(fix->store);
	while (account_dirty(account))
		reactor_run_once(fix->reactor, false);
	strand_settle(fix, account);
	assert_int_equal(wal_syncs(fix, point), 1);
	store_tick(fix->store);
	strand_settle(fix, account);
	assert_int_equal(wal_syncs(fix, point), 1);
	account_unref(&account);
}

static void a_synced_write_syncs_the_relaxed_ones_before_it(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct call calls[2];
	struct gate gate;
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	calls[0] = call_make(fix, JOB_WRITE_RELAXED, touch_modseq);
	calls[1] = call_make(fix, JOB_WRITE, create_mailbox);
	calls[1].number = 1;
	gate_close(fix, account, &gate);
	size_t point = rec_point(fix->rec);
	submit_calls(account, calls, 2);
	gate_open(fix, &gate);
	wait_calls(fix, calls, 2);
	assert_int_equal(wal_syncs(fix, point), 1);
	assert_false(account_dirty(account));
	account_unref(&account);
}

static void the_first_relaxed_write_after_opening_is_synced(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	size_t point = rec_point(fix->rec);
	assert_int_equal(call_now(fix, account, JOB_WRITE_RELAXED, touch_modseq), RC_OK);
	assert_int_equal(wal_syncs(fix, point), 1);
	assert_int_equal(call_now(fix, account, JOB_WRITE_RELAXED, touch_modseq), RC_OK);
	assert_int_equal(wal_syncs(fix, point), 1);
	account_unref(&account);
}

static void flags_are_synced_at_once_if_configured(void **state)
{
	struct fix *fix = *state;
	fix->settings.sync_flags_always = true;
	fix_restart(fix);
	struct account *account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_WRITE_RELAXED, touch_modseq), RC_OK);
	size_t point = rec_point(fix->rec);
	assert_int_equal(call_now(fix, account, JOB_WRITE_RELAXED, touch_modseq), RC_OK);
	assert_int_equal(wal_syncs(fix, point), 1);
	account_unref(&account);
}

/* The rows are visible and their change is told: only where they are kept was in doubt. */
static void a_relaxed_write_whose_extra_sync_fails_is_made_durable(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	noted_init(&noted, fix);
	watch_now(fix, account, &noted.sink);
	rec_fail(fix->rec, REC_OP_SYNC, "account.db-wal", EIO, 1, false);
	assert_int_equal(call_now(fix, account, JOB_WRITE_RELAXED, touch_modseq), RC_OK);
	assert_int_equal(rec_failures(fix->rec), 1);
	assert_int_equal(noted.lists, 1);
	assert_int_equal(noted.last_kind, CHANGE_FLAGS);
	change_unwatch(account, &noted.sink);
	account_unref(&account);
}

static void a_failed_sync_of_the_tick_is_recovered(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	assert_int_equal(call_now(fix, account, JOB_WRITE_RELAXED, touch_modseq), RC_OK);
	rec_fail(fix->rec, REC_OP_SYNC, "account.db-wal", EIO, 1, false);
	store_tick(fix->store);
	while (rec_failures(fix->rec) == 0)
		reactor_run_once(fix->reactor, false);
	strand_settle(fix, account);
	assert_int_equal(account->state, ACCOUNT_OPEN);
	assert_false(account->suspect);
	assert_true(has_mailbox(fix, account, 0));
	account_unref(&account);
}

static void a_full_strand_refuses_and_the_caller_keeps_the_job(void **state)
{
	struct fix *fix = *state;
	fix->settings.strand_max = 2;
	fix_restart(fix);
	struct account *account = account_get(fix->store, 1);
	struct call calls[4];
	struct gate gate;
	make_calls(fix, calls, 4, NULL);
	gate_close(fix, account, &gate);
	submit_calls(account, calls, 2);
	assert_true(account_full(account));
	assert_int_equal(job_submit(account, &calls[2].job), RC_BUSY);
	assert_null(calls[2].job.account);
	job_submit_always(account, &calls[3].job);
	gate_open(fix, &gate);
	wait_calls(fix, calls, 2);
	call_wait(fix, &calls[3]);
	assert_false(account_full(account));
	account_unref(&account);
}

struct follow {
	struct call first;
	struct call second;
	bool owned;
};

static void follow_done(struct job *job)
{
	struct follow *follow = CONTAINER_OF(job, struct follow, first.job);
	strand_assert(job->account->strand);
	follow->owned = !db_in_transaction(job->account->db);
	job_submit_always(job->account, &follow->second.job);
}

static void a_job_without_a_home_is_done_on_the_worker_and_may_submit_the_next(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct follow follow = { .first = call_make(fix, JOB_WRITE, create_mailbox),
		.second = call_make(fix, JOB_READ, find_mailbox) };
	follow.first.job.home = NULL;
	follow.first.job.done = follow_done;
	call_submit(account, &follow.first);
	account_unref(&account);
	call_wait(fix, &follow.second);
	assert_true(follow.owned);
	assert_int_equal(follow.second.job.rc, RC_OK);
}

static enum rc background_create(struct account *account, void *arg)
{
	return create_mailbox(account, arg);
}

static enum rc in_transaction_of_its_own(struct account *account, struct call *call)
{
	(void)account;
	(void)call;
	return RC_OK;
}

static void transact_done(struct job *job)
{
	struct call *call = CONTAINER_OF(job, struct call, job);
	call->job.rc = job_transaction(job->account, background_create, call);
	sem_post(call->arg);
}

static void background_work_has_synced_transactions_and_tells_its_changes(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct noted noted;
	struct call call = call_make(fix, JOB_READ, in_transaction_of_its_own);
	sem_t over;
	sem_init(&over, 0, 0);
	noted_init(&noted, fix);
	watch_now(fix, account, &noted.sink);
	call.job.home = NULL;
	call.job.done = transact_done;
	call.arg = &over;
	size_t point = rec_point(fix->rec);
	call_submit(account, &call);
	while (sem_wait(&over) != 0)
		;
	strand_settle(fix, account);
	assert_int_equal(call.job.rc, RC_OK);
	assert_int_equal(wal_syncs(fix, point), 1);
	assert_true(has_mailbox(fix, account, 0));
	assert_int_equal(noted.lists, 1);
	change_unwatch(account, &noted.sink);
	account_unref(&account);
	sem_destroy(&over);
}

/* Several reactors with threads of their own, more accounts than may be open. */

#define STRESS_REACTORS 2
#define STRESS_ACCOUNTS 4
#define STRESS_JOBS 40

struct stress {
	struct fix *fix;
	struct reactor *reactor;
	pthread_t thread;
	struct account *accounts[STRESS_ACCOUNTS];
	struct change_sink sink;
	struct call calls[STRESS_JOBS];
	size_t submitted;
	size_t finished;
	uint64_t told[STRESS_ACCOUNTS + 1]; /* by account id */
	struct reactor_msg start;
};

static void stress_told(void *ctx, struct change_list *list)
{
	struct stress *stress = ctx;
	assert_true(list->number > stress->told[list->account_id]);
	stress->told[list->account_id] = list->number;
}

static enum rc stress_run(struct account *account, struct call *call)
{
	if (call->number % 3 == 0)
		return RC_OK;
	if (call->number % 3 == 1)
		return touch_modseq(account, call);
	enum rc rc = create_mailbox(account, call);
	return rc == RC_EXISTS ? RC_OK : rc;
}

static void stress_submit(struct stress *stress);

static void stress_done(struct job *job)
{
	struct call *call = CONTAINER_OF(job, struct call, job);
	struct stress *stress = call->arg;
	reactor_assert(stress->reactor);
	/* Every list up to the result's number has been told before the result. */
	assert_true(stress->told[account_id(job->account)] >= job->change);
	if (++stress->finished == STRESS_JOBS)
		reactor_stop(stress->reactor);
	else
		stress_submit(stress);
}

static void stress_submit(struct stress *stress)
{
	static const enum job_kind kinds[3] = { JOB_READ, JOB_WRITE_RELAXED, JOB_WRITE };
	if (stress->submitted == STRESS_JOBS)
		return;
	size_t i = stress->submitted++;
	struct call *call = &stress->calls[i];
	*call = call_make(stress->fix, kinds[i % 3], stress_run);
	call->number = (int64_t)i;
	call->arg = stress;
	call->job.home = stress->reactor;
	call->job.done = stress_done;
	job_submit_always(stress->accounts[i % STRESS_ACCOUNTS], &call->job);
}

static void stress_start(struct reactor *reactor, struct reactor_msg *msg)
{
	struct stress *stress = CONTAINER_OF(msg, struct stress, start);
	(void)reactor;
	for (int i = 0; i < 8; i++)
		stress_submit(stress);
}

static void *stress_main(void *arg)
{
	struct stress *stress = arg;
	reactor_run(stress->reactor);
	return NULL;
}

static void many_jobs_of_many_accounts_from_several_threads_all_finish(void **state)
{
	struct fix *fix = *state;
	fix->settings.open_accounts_max = 2;
	fix_restart(fix);
	struct stress *stress = mem_zalloc(STRESS_REACTORS * sizeof(*stress));
	for (unsigned r = 0; r < STRESS_REACTORS; r++) {
		stress[r].fix = fix;
		stress[r].reactor = reactor_new(r + 1u, fix->log);
		stress[r].sink = (struct change_sink){
			.reactor = stress[r].reactor, .fn = stress_told, .ctx = &stress[r]
		};
		stress[r].start.fn = stress_start;
		for (unsigned i = 0; i < STRESS_ACCOUNTS; i++) {
			stress[r].accounts[i] = account_get(fix->store, (int64_t)i + 1);
			watch_now(fix, stress[r].accounts[i], &stress[r].sink);
		}
	}
	for (unsigned r = 0; r < STRESS_REACTORS; r++) {
		reactor_post(stress[r].reactor, &stress[r].start);
		pthread_create(&stress[r].thread, NULL, stress_main, &stress[r]);
	}
	for (unsigned i = 0; i < 20; i++)
		store_tick(fix->store);
	for (unsigned r = 0; r < STRESS_REACTORS; r++)
		pthread_join(stress[r].thread, NULL);
	for (unsigned r = 0; r < STRESS_REACTORS; r++)
		for (unsigned i = 0; i < STRESS_ACCOUNTS; i++) {
			change_unwatch(stress[r].accounts[i], &stress[r].sink);
			account_unref(&stress[r].accounts[i]);
		}
	pool_drain(fix->pool);
	for (unsigned r = 0; r < STRESS_REACTORS; r++) {
		assert_int_equal(stress[r].finished, STRESS_JOBS);
		reactor_free(&stress[r].reactor);
	}
	free(stress);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_write_is_synced_before_its_done),
		T(writes_that_wait_share_one_sync_and_are_done_in_order),
		T(a_batch_ends_after_the_configured_number_of_jobs),
		T(a_batch_of_255_writes_is_synced_once),
		T(a_batch_of_256_writes_is_synced_once),
		T(a_batch_is_never_longer_than_the_turn_has_room_for),
		T(a_batch_ends_after_the_configured_bytes_and_loses_no_job),
		T(a_batch_ends_after_the_configured_time),
		T(a_job_that_fails_is_undone_alone),
		T(a_single_job_that_fails_leaves_nothing),
		T(after_a_lost_transaction_each_job_runs_again_alone),
		T(a_read_between_writes_sees_those_before_it_and_waits_for_their_commit),
		T(a_full_disk_fails_every_job_and_harms_nothing),
		T(what_a_failed_sync_leaves_is_not_there_afterwards),
		T(if_the_marker_fails_too_the_account_can_only_be_read_until_it_does_not),
		T(the_pause_before_writing_is_tried_again_grows_and_has_an_end),
		T(a_write_that_fails_leaves_the_account_open),
		T(relaxed_commits_that_cannot_be_synced_can_be_read_and_are_written_anew),
		T(the_back_off_grows_with_each_failure),
		T(a_relaxed_write_is_synced_by_the_next_tick),
		T(a_synced_write_syncs_the_relaxed_ones_before_it),
		T(the_first_relaxed_write_after_opening_is_synced),
		T(flags_are_synced_at_once_if_configured),
		T(a_relaxed_write_whose_extra_sync_fails_is_made_durable),
		T(a_failed_sync_of_the_tick_is_recovered),
		T(a_full_strand_refuses_and_the_caller_keeps_the_job),
		T(a_job_without_a_home_is_done_on_the_worker_and_may_submit_the_next),
		T(background_work_has_synced_transactions_and_tells_its_changes),
		T(many_jobs_of_many_accounts_from_several_threads_all_finish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
