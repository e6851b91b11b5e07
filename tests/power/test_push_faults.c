/*
 * push.db on a disk whose syncs fail: while it is made, while a push is added, while the server stops, and
 * while it is opened again. A push whose job was answered with OK is there after a power cut at once, and
 * after a power cut behind each later push.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/rec_io.h"
#include "support/store_rig.h"

#include "base/clock.h"
#include "store/pushq.h"
#include "store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define ACCOUNT 5
#define SYNCS_MAX 60
#define PUSHES 6
#define CUT_STEP 263 /* entries of the log */
#define LATER_MS 3600000 /* past every back-off */

/* The times at which syncs begin to fail. */
enum strikes { STRIKES_FIRST, STRIKES_ADD, STRIKES_STOP, STRIKES_AGAIN, STRIKES };

struct fixture {
	char root[512];
	char cut[600];
	struct rec *rec;
	struct rig rig;
	bool promised[PUSHES]; /* answered with OK */
};

struct call {
	struct pushq_job job; /* first */
	unsigned number; /* to be added */
	int64_t account; /* add_many_run */
	bool found[PUSHES];
	bool listed;
	bool done;
};

static void call_done(struct pushq_job *job)
{
	((struct call *)(void *)job)->done = true;
}

static enum rc call_run(struct rig *rig, struct call *call)
{
	call->job.done = call_done;
	call->job.home = rig->reactor;
	pushq_submit(rig->store, &call->job);
	while (!call->done)
		reactor_run_once(rig->reactor, true);
	return call->job.rc;
}

static enum rc add_run(struct pushq *pushq, struct pushq_job *job)
{
	const struct call *call = (const struct call *)(const void *)job;
	struct push_record record = { .account = ACCOUNT,
		.subscription = STRV("sub"),
		.endpoint = STRV("https://push.example.org/x"),
		.keys = STRV("keys"),
		.plain = STRV("plain"),
		.created = 1700000000,
		.expires = 1800000000,
		.mailbox = 1,
		.uid = call->number };
	int64_t id;
	enum rc rc = pushq_add(pushq, &record, &id);
	return rc == RC_OK ? pushq_subscriber(pushq, ACCOUNT, true) : rc;
}

static enum rc add(struct fixture *f, unsigned number)
{
	struct call call = { .job = { .write = true, .sync = true, .run = add_run }, .number = number };
	enum rc rc = call_run(&f->rig, &call);
	f->promised[number] = rc == RC_OK;
	return rc;
}

static bool list_push(void *arg, const struct push_record *record)
{
	struct call *call = arg;
	assert_true(record->uid < PUSHES);
	call->found[record->uid] = true;
	return true;
}

static void list_account(void *arg, int64_t account)
{
	struct call *call = arg;
	call->listed = call->listed || account == ACCOUNT;
}

static enum rc list_run(struct pushq *pushq, struct pushq_job *job)
{
	enum rc rc = pushq_list(pushq, 0, list_push, job);
	return rc == RC_OK ? pushq_subscribers(pushq, list_account, job) : rc;
}

static void cut_at(struct fixture *f, size_t point, const char *what)
{
	static const enum rec_choice choices[] = { REC_NONE, REC_NAMES, REC_RANDOM };
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		struct call call = { .job = { .run = list_run } };
		struct rig rig;
		rec_cut(f->rec, point, choices[i], point + i, SIZE_MAX, f->cut);
		rig_init(&rig, f->cut, NULL);
		assert_int_equal(rig_open(&rig), RC_OK);
		assert_int_equal(call_run(&rig, &call), RC_OK);
		for (unsigned n = 0; n < PUSHES; n++)
			if (f->promised[n] && (!call.found[n] || !call.listed))
				fail_msg("%s: after a power cut (choice %u) push %u is %s, the account %s",
					what, choices[i], n, call.found[n] ? "there" : "lost",
					call.listed ? "listed" : "not listed");
		rig_close(&rig);
		rig_folder_remove(f->cut);
	}
}

static void cut_and_look(struct fixture *f, const char *what)
{
	cut_at(f, rec_point(f->rec), what);
}

static void start(struct fixture *f)
{
	if (!f->rig.store && rig_open(&f->rig) != RC_OK)
		assert_null(f->rig.store);
}

/* Returns whether the fault was reached. */
static bool strike(enum strikes strikes, unsigned nth, bool on)
{
	static const char *const when[] = { "first opening", "add", "stop", "next opening" };
	struct fixture f = { .rec = NULL };
	char what[128];
	snprintf(what, sizeof(what), "%s, sync %u%s fails", when[strikes], nth, on ? " and all later" : "");
	clock_fake_set(1000, 1700000000);
	rig_folder_make(f.root);
	snprintf(f.cut, sizeof(f.cut), "%s.cut", f.root);
	f.rec = rec_new(f.root);
	rig_init(&f.rig, f.root, rec_io(f.rec));
	for (unsigned step = 0; step < STRIKES; step++) {
		if (step != STRIKES_STOP)
			start(&f);
		/* The first job opens push.db. */
		if (step == strikes)
			rec_fail(f.rec, REC_OP_SYNC, "", EIO, nth, on);
		if (step == STRIKES_STOP && f.rig.store)
			rig_close(&f.rig);
		if (step != STRIKES_STOP && f.rig.store)
			(void)!add(&f, step);
		if (step >= strikes)
			cut_and_look(&f, what);
	}
	unsigned struck = rec_failures(f.rec);
	/* Jobs that were refused are carried out now, and their answers hold as well. */
	rec_fail(f.rec, REC_OP_SYNC, "", 0, 0, false);
	clock_fake_advance(LATER_MS);
	start(&f);
	assert_non_null(f.rig.store);
	assert_int_equal(add(&f, STRIKES), RC_OK);
	cut_and_look(&f, what);
	rig_close(&f.rig);
	start(&f);
	assert_non_null(f.rig.store);
	assert_int_equal(add(&f, STRIKES + 1), RC_OK);
	cut_and_look(&f, what);
	rig_close(&f.rig);
	rec_free(&f.rec);
	rig_folder_remove(f.root);
	clock_fake_set(0, 0);
	return struck > 0;
}

static void each_sync_fails(bool on)
{
	unsigned runs = 0;
	for (unsigned strikes = 0; strikes < STRIKES; strikes++)
		for (unsigned nth = 1; nth < SYNCS_MAX && strike((enum strikes)strikes, nth, on); nth++)
			runs++;
	printf("%u runs\n", runs);
	assert_true(runs > STRIKES);
}

/* Enough for a checkpoint, in one transaction. */
static enum rc add_many_run(struct pushq *pushq, struct pushq_job *job)
{
	static char plain[3000];
	struct push_record record = { .account = ((struct call *)(void *)job)->account,
		.subscription = STRV("sub"),
		.endpoint = STRV("https://push.example.org/x"),
		.keys = STRV("keys"),
		.plain = strv_make(plain, sizeof(plain)),
		.created = 1700000000,
		.expires = 1800000000,
		.mailbox = 1,
		.uid = PUSHES - 1 };
	int64_t id;
	enum rc rc = RC_OK;
	memset(plain, 'x', sizeof(plain));
	for (unsigned i = 0; rc == RC_OK && i < CHECKPOINT_FRAMES; i++)
		rc = pushq_add(pushq, &record, &id);
	return rc;
}

static enum rc add_many(struct fixture *f, int64_t account, bool sync)
{
	struct call call = { .job = { .write = true, .sync = sync, .run = add_many_run },
		.account = account };
	return call_run(&f->rig, &call);
}

/* Two accounts have pages of the index for themselves, the WAL is empty, and push 0 is answered. */
static void begin_long(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	clock_fake_set(1000, 1700000000);
	rig_folder_make(f->root);
	snprintf(f->cut, sizeof(f->cut), "%s.cut", f->root);
	f->rec = rec_new(f->root);
	rig_init(&f->rig, f->root, rec_io(f->rec));
	start(f);
	for (int64_t account = ACCOUNT; account <= ACCOUNT + 1; account++)
		assert_int_equal(add_many(f, account, true), RC_OK);
	rig_close(&f->rig);
	start(f);
	assert_int_equal(add(f, 0), RC_OK);
}

static void end_long(struct fixture *f)
{
	rig_close(&f->rig);
	rec_free(&f->rec);
	rig_folder_remove(f->root);
	clock_fake_set(0, 0);
}

/*
 * Frames in doubt must not go into the database before they are written anew: a power cut in the middle
 * would leave some of its pages there, and the push that was answered before in a damaged database.
 */
static void a_long_wal_in_doubt_is_not_copied_as_it_is(void **state)
{
	struct fixture f;
	(void)state;
	begin_long(&f);
	rec_fail(f.rec, REC_OP_SYNC, "push.db-wal", EIO, 1, false);
	size_t from = rec_point(f.rec);
	assert_int_equal(add_many(&f, ACCOUNT + 1, true), RC_IO);
	assert_int_equal(rec_failures(f.rec), 1);
	rec_fail(f.rec, REC_OP_SYNC, "", 0, 0, false);
	assert_int_equal(add(&f, 1), RC_OK);
	f.promised[1] = false;
	for (size_t point = from; point < rec_point(f.rec); point += CUT_STEP)
		cut_at(&f, point, "a long transaction in doubt");
	f.promised[1] = true;
	cut_and_look(&f, "after a long transaction in doubt");
	end_long(&f);
}

static void the_sync_of_a_checkpoint_that_fails_leaves_doubt(void **state)
{
	struct fixture f;
	(void)state;
	begin_long(&f);
	rec_fail(f.rec, REC_OP_SYNC, "push.db-wal", EIO, 1, false);
	assert_int_equal(add_many(&f, ACCOUNT + 1, false), RC_OK);
	/* It comes after the answer. */
	assert_int_equal(add(&f, 1), RC_OK);
	assert_int_equal(rec_failures(f.rec), 1);
	cut_and_look(&f, "after a checkpoint that failed");
	end_long(&f);
}

static void damage(struct fixture *f)
{
	static char junk[4096];
	const struct io *io = f->rig.io;
	char path[600];
	struct stat st;
	snprintf(path, sizeof(path), "%s/push.db", f->root);
	assert_int_equal(io->stat(io->ctx, path, &st), 0);
	memset(junk, 0xa5, sizeof(junk));
	int fd = io->open(io->ctx, path, O_RDWR, 0);
	assert_true(fd >= 0);
	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(junk))
		assert_true(io_write_all(io, fd, junk, sizeof(junk), (uint64_t)at));
	assert_int_equal(io->fdatasync(io->ctx, fd), 0);
	io->close(io->ctx, fd);
}

/* Both files of the damaged one are there under their new names. */
static bool is_set_aside(struct fixture *f, size_t point, enum rec_choice choice)
{
	char path[700];
	struct stat st;
	rec_cut(f->rec, point, choice, point, SIZE_MAX, f->cut);
	snprintf(path, sizeof(path), "%s/push.db.damaged-1", f->cut);
	bool aside = stat(path, &st) == 0;
	snprintf(path, sizeof(path), "%s/push.db.damaged-1-wal", f->cut);
	aside = stat(path, &st) == 0 && st.st_size > 0 && aside;
	rig_folder_remove(f->cut);
	return aside;
}

/* The old WAL never lies beside the new file, and what was damaged can be looked at. */
static void setting_aside_may_be_cut(void **state)
{
	struct fixture f = { .rec = NULL };
	(void)state;
	clock_fake_set(1000, 1700000000);
	rig_folder_make(f.root);
	snprintf(f.cut, sizeof(f.cut), "%s.cut", f.root);
	f.rec = rec_new(f.root);
	rig_init(&f.rig, f.root, rec_io(f.rec));
	/* The first one is in the database, the second one in the WAL. */
	for (unsigned number = 0; number < 2; number++) {
		start(&f);
		assert_int_equal(add(&f, number), RC_OK);
		f.promised[number] = false;
		rig_close(&f.rig);
	}
	damage(&f);
	start(&f);
	size_t from = rec_point(f.rec);
	assert_int_equal(add(&f, 2), RC_OK);
	size_t to = rec_point(f.rec);
	f.promised[2] = false;
	for (size_t point = from; point < to; point++)
		cut_at(&f, point, "set aside");
	f.promised[2] = true;
	cut_at(&f, to, "set aside");
	for (unsigned choice = 0; choice < REC_CHOICES; choice++)
		assert_true(is_set_aside(&f, to, (enum rec_choice)choice));
	rig_close(&f.rig);
	rec_free(&f.rec);
	rig_folder_remove(f.root);
	clock_fake_set(0, 0);
}

static void a_sync_that_fails_loses_no_push_that_was_answered(void **state)
{
	(void)state;
	each_sync_fails(false);
}

static void syncs_that_fail_from_now_on_lose_no_push_that_was_answered(void **state)
{
	(void)state;
	each_sync_fails(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_wal_in_doubt_is_not_copied_as_it_is),
		cmocka_unit_test(the_sync_of_a_checkpoint_that_fails_leaves_doubt),
		cmocka_unit_test(setting_aside_may_be_cut),
		cmocka_unit_test(a_sync_that_fails_loses_no_push_that_was_answered),
		cmocka_unit_test(syncs_that_fail_from_now_on_lose_no_push_that_was_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
