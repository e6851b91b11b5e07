/*
 * Disks that fail: every call of every kind of job fails once, with each of the important errors. A job that
 * got an error has left nothing, one that got OK has done its work, and nothing that existed before is
 * harmed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/power.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ACCOUNT POWER_ACCOUNT
#define FRESH 6 /* an account that only some jobs make */
#define TOP (1024u * 1024)
#define CALLS_MAX 200
static const struct strv none = { NULL, 0 };

static void move_out_at_once(struct store_settings *settings)
{
	settings->inline_age_ms = 0;
}

static enum rc append(struct power *power, unsigned number, size_t size)
{
	buf_reset(&power->message);
	rig_message(&power->message, number, size);
	return rig_append(&power->rig, ACCOUNT, "INBOX", buf_strv(&power->message), none, NULL);
}

/* Two small messages, one of them moved out, a large one, one that is removed but not swept. */
static void prepare(struct power *power)
{
	power_init(power, move_out_at_once);
	assert_int_equal(rig_user_add(&power->rig, "b@example.org"), RC_OK);
	assert_int_equal(append(power, 1, 500), RC_OK);
	assert_int_equal(rig_move_out(&power->rig, ACCOUNT), RC_OK);
	assert_int_equal(append(power, 2, 500), RC_OK);
	assert_int_equal(append(power, 3, 9000), RC_OK);
	assert_int_equal(append(power, 4, 9000), RC_OK);
	assert_int_equal(rig_create(&power->rig, ACCOUNT, "Work"), RC_OK);
	assert_int_equal(rig_expunge(&power->rig, ACCOUNT, "INBOX", 4), RC_OK);
}

static enum rc do_append_inline(struct power *power)
{
	return append(power, 5, 700);
}

static enum rc do_append_large(struct power *power)
{
	return append(power, 5, 200000);
}

static enum rc do_flags(struct power *power)
{
	return rig_flags(&power->rig, ACCOUNT, "INBOX", 1, MSG_SEEN);
}

static enum rc do_copy(struct power *power)
{
	return rig_copy(&power->rig, ACCOUNT, "INBOX", 1, "Work", false);
}

static enum rc do_move(struct power *power)
{
	return rig_copy(&power->rig, ACCOUNT, "INBOX", 3, "Work", true);
}

static enum rc do_expunge(struct power *power)
{
	return rig_expunge(&power->rig, ACCOUNT, "INBOX", 2);
}

static enum rc do_create(struct power *power)
{
	return rig_create(&power->rig, ACCOUNT, "New/Below");
}

static enum rc do_rename(struct power *power)
{
	return rig_rename(&power->rig, ACCOUNT, "INBOX", "Old");
}

static enum rc do_delete(struct power *power)
{
	return rig_delete(&power->rig, ACCOUNT, "Work");
}

static enum rc do_move_out(struct power *power)
{
	return rig_move_out(&power->rig, ACCOUNT);
}

static enum rc do_sweep(struct power *power)
{
	return rig_sweep(&power->rig, ACCOUNT);
}

static enum rc do_checkpoint(struct power *power)
{
	return rig_checkpoint(&power->rig, ACCOUNT, true);
}

/* Closes and opens the account meanwhile. */
static enum rc do_reopen(struct power *power)
{
	rig_close(&power->rig);
	enum rc rc = rig_open(&power->rig);
	if (rc == RC_OK)
		rc = append(power, 5, 700);
	return rc;
}

static enum rc do_new_account(struct power *power)
{
	buf_reset(&power->message);
	rig_message(&power->message, 5, 700);
	return rig_append(&power->rig, FRESH, "INBOX", buf_strv(&power->message), none, NULL);
}

/* The folder, msg/ and the directory in it are all new. */
static enum rc do_new_account_large(struct power *power)
{
	buf_reset(&power->message);
	rig_message(&power->message, 5, 9000);
	return rig_append(&power->rig, FRESH, "INBOX", buf_strv(&power->message), none, NULL);
}

static enum rc do_user_add(struct power *power)
{
	return rig_user_add(&power->rig, "a@example.org");
}

static enum rc do_user_password(struct power *power)
{
	return rig_user_password(&power->rig, "b@example.org", "changed");
}

static enum rc do_user_remove(struct power *power)
{
	return rig_user_remove(&power->rig, "b@example.org");
}

/* Copies of server.db and server.state are written at the stop. */
static enum rc do_user_add_and_reopen(struct power *power)
{
	enum rc rc = rig_user_add(&power->rig, "a@example.org");
	rig_close(&power->rig);
	/* If the server does not start now, it is started once more, without a fault. */
	enum rc opened = rig_open(&power->rig);
	(void)opened;
	return rc;
}

static const struct {
	const char *name;
	enum rc (*run)(struct power *power);
	bool fresh; /* about account FRESH, which is not there before */
	bool relaxed; /* OK does not promise that the change survives a power cut */
} kinds[] = {
	{ .name = "append inline", .run = do_append_inline },
	{ .name = "append large", .run = do_append_large },
	{ .name = "flags", .run = do_flags, .relaxed = true },
	{ .name = "copy", .run = do_copy },
	{ .name = "move", .run = do_move },
	{ .name = "expunge", .run = do_expunge },
	{ .name = "create", .run = do_create },
	{ .name = "rename", .run = do_rename },
	{ .name = "delete", .run = do_delete },
	{ .name = "move-out", .run = do_move_out },
	{ .name = "sweep", .run = do_sweep },
	{ .name = "checkpoint", .run = do_checkpoint },
	{ .name = "reopen", .run = do_reopen },
	{ .name = "new account", .run = do_new_account, .fresh = true },
	{ .name = "new account, large message", .run = do_new_account_large, .fresh = true },
	{ .name = "user add", .run = do_user_add },
	{ .name = "password", .run = do_user_password },
	{ .name = "user removed", .run = do_user_remove },
	{ .name = "user add, reopen", .run = do_user_add_and_reopen },
};

static const char *const op_names[] = { "open", "read", "write", "truncate", "sync", "rename", "link",
	"unlink", "mkdir" };

struct fault {
	enum rec_op op;
	int error;
	unsigned nth;
	bool on;
};

static int64_t account_of(size_t kind)
{
	return kinds[kind].fresh ? FRESH : ACCOUNT;
}

static char *dump(struct power *power, int64_t account)
{
	uint64_t modseq;
	enum rc rc = rig_dump(&power->rig, account, &power->dump, &modseq);
	if (rc != RC_OK)
		fail_msg("the account cannot be read afterwards: %s", rc_name(rc));
	char *text = mem_strndup(power->dump.p, power->dump.len);
	/* An account that was made again has other UIDVALIDITYs. */
	if (account == FRESH)
		power_blank_uidvalidity(text);
	return text;
}

static void assert_clean(struct power *power, int64_t account, const char *what)
{
	struct buf report;
	struct check_result result = { 0 };
	buf_init(&report, 65536);
	assert_int_equal(rig_sweep(&power->rig, account), RC_OK);
	assert_int_equal(rig_check(&power->rig, account, false, &report, &result), RC_OK);
	if (result.problems > 0)
		fail_msg("%s: the check found %.*s", what, STRV_ARG(buf_strv(&report)));
	buf_fini(&report);
}

/* The state before the jobs, found without touching the account that does not exist yet. */
static char *state_before(size_t kind)
{
	struct power power;
	prepare(&power);
	char *text = dump(&power, account_of(kind));
	power_fini(&power);
	return text;
}

static char *state_good(size_t kind)
{
	struct power power;
	prepare(&power);
	assert_int_equal(kinds[kind].run(&power), RC_OK);
	char *good = dump(&power, account_of(kind));
	power_fini(&power);
	return good;
}

/* Cuts the power right after an answer that a failed sync has contributed to. */
static void cut_at(struct power *power, size_t point, const struct power_after *after, const char *what)
{
	static const enum rec_choice choices[] = { REC_NONE, REC_FILES, REC_NAMES, REC_RANDOM, REC_TORN };
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (!power_leaves(power, point, choices[i], point + i, after))
			fail_msg("%s: after a power cut %s", what, power->reason);
	}
}

static void cut_after_answer(
	struct power *power, size_t kind, size_t point, enum rc rc, const char *states[2], const char *what)
{
	bool is_good = rc == RC_OK;
	bool either = kinds[kind].relaxed || rc == RC_UNAVAILABLE;
	struct power_after after = { .account = account_of(kind),
		.good = states[is_good],
		.other = either ? states[!is_good] : NULL,
		.blank = kinds[kind].fresh };
	cut_at(power, point, &after, what);
}

/* Runs the first jobs after the fault: their answers must hold after a power cut, too. */
static void go_on_and_cut(struct power *power, int64_t account, bool cut, const char *what)
{
	assert_int_equal(rig_user_add(&power->rig, "c@example.org"), RC_OK);
	buf_reset(&power->message);
	rig_message(&power->message, 9, 9000);
	assert_int_equal(
		rig_append(&power->rig, account, "INBOX", buf_strv(&power->message), none, NULL), RC_OK);
	size_t point = rec_point(power->rec);
	char *text = cut ? dump(power, account) : NULL;
	struct power_after after = { .account = account, .good = text, .blank = account == FRESH };
	if (cut)
		cut_at(power, point, &after, what);
	free(text);
}

/*
 * states: before the job, and after it. False: the fault did not strike, because there are fewer such calls.
 */
static bool strike(size_t kind, const struct fault *fault, const char *states[2])
{
	struct power power;
	char what[256];
	int64_t account = account_of(kind);
	snprintf(what, sizeof(what), "%s, %s %u%s fails with %s", kinds[kind].name, op_names[fault->op],
		fault->nth, fault->on ? " and all later" : "", strerror(fault->error));
	prepare(&power);
	rec_fail(power.rec, fault->op, "", fault->error, fault->nth, fault->on);
	enum rc rc = kinds[kind].run(&power);
	size_t answered = rec_point(power.rec);
	unsigned struck = rec_failures(power.rec);
	rec_fail(power.rec, fault->op, "", 0, 0, false);
	if (struck == 0 && rc != RC_OK)
		fail_msg("%s: answered %s without a fault", what, rc_name(rc));
	bool cut = struck > 0 && fault->op == REC_OP_SYNC;
	if (cut)
		cut_after_answer(&power, kind, answered, rc, states, what);
	if (!power.rig.store)
		assert_int_equal(rig_open(&power.rig), RC_OK);
	/* This is later than every back-off. */
	clock_fake_advance(3600 * 1000);
	char *after = dump(&power, account);
	/* If the outcome could not be found out, it may be either. */
	bool is_before = strcmp(after, states[0]) == 0, is_good = strcmp(after, states[1]) == 0;
	if (rc == RC_OK ? !is_good : (!is_before && !(rc == RC_UNAVAILABLE && is_good)))
		fail_msg("%s: answered %s, but the state is\n%s", what, rc_name(rc), after);
	assert_clean(&power, account, what);
	/* The same must hold after opening from the disk. */
	rig_close(&power.rig);
	assert_int_equal(rig_open(&power.rig), RC_OK);
	char *again = dump(&power, account);
	if (strcmp(again, after) != 0)
		fail_msg("%s: after reopening the state is\n%s", what, again);
	assert_clean(&power, account, what);
	go_on_and_cut(&power, account, cut, what);
	free(after);
	free(again);
	power_fini(&power);
	return struck > 0;
}

static void each_call_fails(enum rec_op op, int error, bool on)
{
	unsigned runs = 0;
	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		char *before = state_before(kind), *good = state_good(kind);
		const char *states[] = { before, good };
		struct fault fault = { .op = op, .error = error, .nth = 1, .on = on };
		while (fault.nth < CALLS_MAX && strike(kind, &fault, states)) {
			/* All calls of short jobs are tried, then fewer and fewer. */
			fault.nth += 1 + fault.nth / 12;
			runs++;
		}
		free(before);
		free(good);
	}
	printf("%u runs\n", runs);
}

static void a_write_that_fails_undoes_its_job(void **state)
{
	(void)state;
	each_call_fails(REC_OP_WRITE, EIO, false);
}

static void a_full_disk_refuses_and_harms_nothing(void **state)
{
	(void)state;
	each_call_fails(REC_OP_WRITE, ENOSPC, true);
}

static void a_sync_that_fails_undoes_its_job(void **state)
{
	(void)state;
	each_call_fails(REC_OP_SYNC, EIO, false);
}

static void syncs_that_fail_from_now_on_leave_no_lie(void **state)
{
	(void)state;
	each_call_fails(REC_OP_SYNC, EIO, true);
}

static void without_descriptors_nothing_is_harmed(void **state)
{
	(void)state;
	each_call_fails(REC_OP_OPEN, EMFILE, true);
}

static void a_read_only_disk_refuses(void **state)
{
	(void)state;
	each_call_fails(REC_OP_WRITE, EROFS, true);
	each_call_fails(REC_OP_LINK, EROFS, true);
	each_call_fails(REC_OP_MKDIR, EROFS, true);
	each_call_fails(REC_OP_UNLINK, EROFS, true);
}

static void truncation_and_reading_may_fail(void **state)
{
	(void)state;
	each_call_fails(REC_OP_TRUNCATE, EIO, false);
	each_call_fails(REC_OP_READ, EIO, false);
}

static enum rc append_run(struct account *account, void *arg)
{
	struct msg_new msg = { .content = arg };
	struct mbox_info info;
	uint32_t uid;
	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	return rc == RC_OK ? msg_append(account, info.id, &msg, &uid) : rc;
}

static void what_a_failed_batch_was_told_is_true_after_a_power_cut_too(void **state)
{
	struct power power;
	struct rig_job jobs[5];
	struct content *content;
	(void)state;
	power_init(&power, NULL);
	power_append(&power, "APPEND", "INBOX", 1, 500, none);
	buf_reset(&power.message);
	rig_message(&power.message, 2, 600);
	assert_int_equal(rig_receive(&power.rig, buf_strv(&power.message), &content), RC_OK);
	for (unsigned i = 0; i < 5; i++)
		jobs[i] = (struct rig_job){ .kind = JOB_WRITE, .fn = append_run, .arg = content };
	rec_fail(power.rec, REC_OP_SYNC, "-wal", EIO, 1, false);
	power_begin(&power, "failed batch", true);
	rig_run_batch(&power.rig, ACCOUNT, jobs, 5);
	power_end(&power);
	assert_int_equal(rec_failures(power.rec), 1);
	rec_fail(power.rec, REC_OP_SYNC, "", 0, 0, false);
	unsigned failed = 0;
	for (unsigned i = 0; i < 5; i++)
		failed += jobs[i].rc != RC_OK;
	assert_true(failed > 0);
	content_unref(&content);
	if (failed == 5)
		assert_string_equal(power.steps[power.count - 1].dump, power.steps[power.count - 2].dump);
	size_t answered = rec_point(power.rec);
	power_append(&power, "APPEND", "INBOX", 3, 500, none);
	power_close_store(&power);
	for (size_t point = answered; point <= rec_point(power.rec); point++) {
		for (unsigned i = 0; i < REC_CHOICES + 4; i++) {
			enum rec_choice choice = i < REC_CHOICES ? (enum rec_choice)i
						 : i % 2         ? REC_RANDOM
								 : REC_TORN;
			if (!power_verify(&power, point, choice, point + i, SIZE_MAX))
				fail_msg("cut at %zu (%s): %s", point, rec_describe(power.rec, point),
					power.reason);
		}
	}
	power_fini(&power);
}

/* Does the sync that the store does in the background. */
static enum rc sync_run(struct account *account, void *arg)
{
	uint64_t number = atomic_load(&account->dirty_number);
	(void)arg;
	account_background_synced(account, db_sync_wal(account->db), number);
	return RC_OK;
}

/*
 * The cure of a failed sync writes the WAL into the database. A power cut in the middle of that must not
 * leave some pages of the new state and, from the WAL that is on disk, others of the old one. The database
 * and an empty WAL are synced; then come a commit that is synced, and one that is not, in other pages as
 * well.
 */
static void cut_the_cure(bool stopped)
{
	struct power power;
	power_init(&power, NULL);
	power_append(&power, "APPEND", "INBOX", 1, 500, none);
	power_reopen(&power);
	power_begin(&power, "CREATE", true);
	assert_int_equal(rig_create(&power.rig, ACCOUNT, "Work"), RC_OK);
	power_end(&power);
	power_begin(&power, "STORE", false);
	assert_int_equal(rig_flags(&power.rig, ACCOUNT, "INBOX", 1, MSG_SEEN), RC_OK);
	power_end(&power);
	size_t from = rec_point(power.rec);
	/* A stop syncs, too, and leaves the cure to the next start. */
	rec_fail(power.rec, REC_OP_SYNC, "-wal", EIO, 1, stopped);
	power_begin(&power, "sync of flags", false);
	if (stopped)
		rig_close(&power.rig);
	else
		assert_int_equal(rig_background(&power.rig, ACCOUNT, sync_run, NULL), RC_OK);
	assert_true(rec_failures(power.rec) > 0);
	rec_fail(power.rec, REC_OP_SYNC, "", 0, 0, false);
	if (stopped)
		assert_int_equal(rig_open(&power.rig), RC_OK);
	power_end(&power);
	power_close_store(&power);
	for (size_t point = from; point <= rec_point(power.rec); point++) {
		for (unsigned i = 0; i < REC_CHOICES; i++) {
			if (!power_verify(&power, point, (enum rec_choice)i, point + i, SIZE_MAX))
				fail_msg("cut at %zu (%s): %s", point, rec_describe(power.rec, point),
					power.reason);
		}
	}
	power_fini(&power);
}

static void the_cure_of_a_failed_sync_may_be_cut(void **state)
{
	(void)state;
	cut_the_cure(false);
}

static void the_cure_at_the_next_start_may_be_cut(void **state)
{
	(void)state;
	cut_the_cure(true);
}

#define MANY_FIRST 10
#define MANY_LAST (MANY_FIRST + SYNCFS_ACCOUNTS)

/* Each of them has a relaxed commit that is not synced. */
static void make_dirty(struct power *power)
{
	for (int64_t id = MANY_FIRST; id <= MANY_LAST; id++) {
		buf_reset(&power->message);
		rig_message(&power->message, 1, 300);
		assert_int_equal(
			rig_append(&power->rig, id, "INBOX", buf_strv(&power->message), none, NULL), RC_OK);
		assert_int_equal(rig_flags(&power->rig, id, "INBOX", 1, MSG_SEEN), RC_OK);
	}
}

static void assert_flags_after_cut(struct power *power)
{
	struct rig rig;
	uint64_t modseq;
	rec_cut(power->rec, rec_point(power->rec), REC_NONE, 0, SIZE_MAX, power->cut);
	rig_init(&rig, power->cut, NULL);
	assert_int_equal(rig_open(&rig), RC_OK);
	for (int64_t id = MANY_FIRST; id <= MANY_LAST; id++) {
		assert_int_equal(rig_dump(&rig, id, &power->dump, &modseq), RC_OK);
		buf_addc(&power->dump, '\0');
		if (!strstr(power->dump.p, " unseen 0 ") || !strstr(power->dump.p, " messages 1 "))
			fail_msg("account %d: %s", (int)id, power->dump.p);
	}
	rig_close(&rig);
	rig_folder_remove(power->cut);
}

/* A second after the commits. */
static void sync_many(bool fails)
{
	struct power power;
	power_init(&power, NULL);
	make_dirty(&power);
	size_t from = rec_point(power.rec);
	enum rec_sync_kind kind;
	if (fails)
		rec_fail(power.rec, REC_OP_SYNC, "", EIO, 1, false);
	store_tick(power.rig.store);
	rig_settle(&power.rig);
	assert_int_equal(rec_failures(power.rec), fails);
	if (fails)
		assert_string_equal(rec_describe(power.rec, from), "failed syncfs   at 0, 0 bytes");
	else
		assert_int_equal(rec_next_sync(power.rec, from, &kind), from);
	/* Each account finds out for itself what that means, and is opened again. */
	uint64_t modseq;
	for (int64_t id = MANY_FIRST; fails && id <= MANY_LAST; id++)
		(void)!rig_dump(&power.rig, id, &power.dump, &modseq);
	clock_fake_advance(3600 * 1000);
	for (int64_t id = MANY_FIRST; fails && id <= MANY_LAST; id++)
		assert_int_equal(rig_dump(&power.rig, id, &power.dump, &modseq), RC_OK);
	assert_flags_after_cut(&power);
	power_fini(&power);
}

static void flags_of_many_accounts_are_synced_together(void **state)
{
	(void)state;
	sync_many(false);
}

static void flags_of_many_accounts_are_there_after_a_syncfs_that_fails(void **state)
{
	(void)state;
	sync_many(true);
}

static void one_account_with_a_failing_disk_is_alone(void **state)
{
	struct power power;
	struct rig *rig = &power.rig;
	(void)state;
	prepare(&power);
	assert_int_equal(rig_create(rig, ACCOUNT + 1, "Other"), RC_OK);
	rec_fail(power.rec, REC_OP_SYNC, "/5/", EIO, 1, true);
	assert_int_not_equal(append(&power, 5, 700), RC_OK);
	assert_int_not_equal(append(&power, 6, 700), RC_OK);
	assert_int_equal(rig_create(rig, ACCOUNT + 1, "Another"), RC_OK);
	rec_fail(power.rec, REC_OP_SYNC, "", 0, 0, false);
	clock_fake_advance(3600 * 1000);
	assert_int_equal(append(&power, 7, 700), RC_OK);
	assert_clean(&power, ACCOUNT, "afterwards");
	power_fini(&power);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_that_fails_undoes_its_job),
		cmocka_unit_test(a_full_disk_refuses_and_harms_nothing),
		cmocka_unit_test(a_sync_that_fails_undoes_its_job),
		cmocka_unit_test(syncs_that_fail_from_now_on_leave_no_lie),
		cmocka_unit_test(without_descriptors_nothing_is_harmed),
		cmocka_unit_test(a_read_only_disk_refuses),
		cmocka_unit_test(truncation_and_reading_may_fail),
		cmocka_unit_test(what_a_failed_batch_was_told_is_true_after_a_power_cut_too),
		cmocka_unit_test(the_cure_of_a_failed_sync_may_be_cut),
		cmocka_unit_test(the_cure_at_the_next_start_may_be_cut),
		cmocka_unit_test(flags_of_many_accounts_are_synced_together),
		cmocka_unit_test(flags_of_many_accounts_are_there_after_a_syncfs_that_fails),
		cmocka_unit_test(one_account_with_a_failing_disk_is_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
