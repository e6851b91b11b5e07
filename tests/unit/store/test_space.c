#include "core_fixture.h"

#include "store/bytes.h"

#include <sys/stat.h>

#define RESERVE (1024 * 1024)

/* The real statvfs on a disk that is full. */
static int full_statvfs(void *ctx, const char *path, struct statvfs *info)
{
	int result = io_real.statvfs(ctx, path, info);
	info->f_bavail = 0;
	return result;
}

static uint64_t reserve_bytes(struct fix *fix)
{
	char path[160];
	struct stat st;
	snprintf(path, sizeof(path), "%s/reserve", fix->root);
	return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static void keep_reserve(struct fix *fix)
{
	fix->settings.reserve = RESERVE;
	fix_restart(fix);
	assert_true(reserve_bytes(fix) >= RESERVE);
	assert_int_equal(space_state(fix->store), SPACE_PLENTY);
}

static void a_write_that_finds_no_room_takes_the_reserve_and_succeeds(void **state)
{
	struct fix *fix = *state;
	struct account *account;
	keep_reserve(fix);
	account = account_get(fix->store, 1);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	rec_io(fix->rec)->statvfs = full_statvfs;
	rec_fail(fix->rec, REC_OP_WRITE, "account.db-wal", ENOSPC, 1, false);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	assert_int_equal(rec_failures(fix->rec), 1);
	assert_int_equal(reserve_bytes(fix), 0);
	assert_int_equal(space_state(fix->store), SPACE_FULL);
	assert_int_equal(space_for_mail(fix->store), RC_NOSPACE);
	/* Once only: the next one has to fail. */
	rec_fail(fix->rec, REC_OP_WRITE, "account.db-wal", ENOSPC, 1, true);
	struct call call = call_make(fix, JOB_WRITE, create_mailbox);
	call.number = 1;
	call_submit(account, &call);
	call_wait(fix, &call);
	assert_int_equal(call.job.rc, RC_NOSPACE);
	rec_fail(fix->rec, REC_OP_WRITE, "", 0, 0, false);
	assert_true(has_mailbox(fix, account, 0));
	/* There is room again: first the reserve, then mail. */
	rec_io(fix->rec)->statvfs = io_real.statvfs;
	space_look(fix->store);
	assert_true(reserve_bytes(fix) >= RESERVE);
	space_look(fix->store);
	assert_int_equal(space_for_mail(fix->store), RC_OK);
	account_unref(&account);
}

static void the_reserve_of_an_earlier_process_is_found(void **state)
{
	struct fix *fix = *state;
	keep_reserve(fix);
	fix_restart(fix);
	assert_true(reserve_bytes(fix) >= RESERVE);
	/* A write that fails on a disk with room has met another limit. */
	assert_false(space_give_up(fix->store));
	rec_io(fix->rec)->statvfs = full_statvfs;
	assert_true(space_give_up(fix->store));
	assert_false(space_give_up(fix->store));
	assert_int_equal(reserve_bytes(fix), 0);
}

static void without_a_reserve_a_write_that_finds_no_room_fails(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	assert_int_equal(reserve_bytes(fix), 0);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_OK);
	rec_fail(fix->rec, REC_OP_WRITE, "account.db-wal", ENOSPC, 1, false);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_NOSPACE);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	assert_int_equal(space_state(fix->store), SPACE_PLENTY);
	account_unref(&account);
}

/* More than a sixteenth of the disk is never asked for: with all of it as free_min mail would never be
 * taken. */
static void the_low_water_mark_is_a_part_of_the_disk_at_most(void **state)
{
	struct fix *fix = *state;
	fix->settings.free_min = UINT64_MAX / 2;
	fix_restart(fix);
	assert_int_equal(space_state(fix->store), SPACE_PLENTY);
}

static void while_there_is_little_room_no_mail_is_taken_and_no_account_made(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);
	struct account *other = account_get(fix->store, 2);
	struct spool *spool = NULL;
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	atomic_store(&fix->store->space.state, SPACE_LOW);
	assert_int_equal(spool_new(fix->store, fix->reactor, NULL, NULL, &spool), RC_NOSPACE);
	assert_int_equal(call_now(fix, other, JOB_READ, NULL), RC_NOSPACE);
	assert_true(has_mailbox(fix, account, 0));
	atomic_store(&fix->store->space.state, SPACE_PLENTY);
	assert_int_equal(spool_new(fix->store, fix->reactor, NULL, NULL, &spool), RC_OK);
	spool_abort(&spool);
	account_unref(&account);
	account_unref(&other);
}

static void what_sessions_of_an_account_receive_has_a_limit(void **state)
{
	struct fix *fix = *state;
	fix->settings.message_max = 64 * 1024;
	fix->settings.spool_account_max = 100 * 1024;
	fix_restart(fix);
	struct account *account = account_get(fix->store, 1);
	struct account *other = account_get(fix->store, 2);
	assert_true(spool_account_take(account, 60 * 1024));
	assert_false(spool_account_take(account, 60 * 1024));
	assert_true(spool_account_take(account, 40 * 1024));
	assert_true(spool_account_take(other, 100 * 1024));
	struct spool *spool = NULL;
	assert_int_equal(spool_new(fix->store, fix->reactor, NULL, NULL, &spool), RC_OK);
	assert_int_equal(spool_charge(spool, account, 1), RC_LIMIT);
	spool_account_give(account, 60 * 1024);
	assert_int_equal(spool_charge(spool, account, 30 * 1024), RC_OK);
	char bytes[1024] = { 0 };
	for (int i = 0; i < 10; i++)
		spool_add(spool, bytes, sizeof(bytes));
	assert_int_equal(account->spooled, 50 * 1024);
	spool_abort(&spool);
	assert_int_equal(account->spooled, 40 * 1024);
	account_unref(&account);
	account_unref(&other);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_write_that_finds_no_room_takes_the_reserve_and_succeeds),
		T(the_reserve_of_an_earlier_process_is_found),
		T(without_a_reserve_a_write_that_finds_no_room_fails),
		T(the_low_water_mark_is_a_part_of_the_disk_at_most),
		T(while_there_is_little_room_no_mail_is_taken_and_no_account_made),
		T(what_sessions_of_an_account_receive_has_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
