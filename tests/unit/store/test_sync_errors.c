/*
 * Each call that makes something durable asks for its sync, and says so when the sync fails: what rests on it
 * would be gone after a power cut. The calls are made one by one on a recording disk; tests/power looks at
 * the jobs that they are part of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/rec_io.h"
#include "support/store_rig.h"

#include "base/mem.h"
#include "store/bytes.h"
#include "store/ledger.h"
#include "store/server_state.h"
#include "store/swap.h"
#include "store/users_priv.h"
#include "store/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCOUNT 7
#define NEIGHBOUR (ACCOUNT + 256) /* in the same group of folders */
#define FILE_ROOM 4200
#define SYNCS_MAX 40
#define USERS 5 /* more than are synced one by one */
#define DIRS 5 /* as well */

struct fixture {
	char root[512];
	struct rec *rec;
	struct rig rig;
	size_t from;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	rig_folder_make(f->root);
	f->rec = rec_new(f->root);
	rig_init(&f->rig, f->root, rec_io(f->rec));
	if (rig_open(&f->rig) != RC_OK || rig_create(&f->rig, ACCOUNT, "Work") != RC_OK)
		return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	rig_close(&f->rig);
	rec_free(&f->rec);
	rig_folder_remove(f->root);
	free(f);
	return 0;
}

/* The nth sync from now on fails; 0: none. */
static void fail_sync(struct fixture *f, unsigned nth)
{
	rec_fail(f->rec, REC_OP_SYNC, "", nth ? EIO : 0, nth, false);
	f->from = rec_point(f->rec);
}

static void assert_failed(struct fixture *f, enum rc rc)
{
	assert_int_equal(rec_failures(f->rec), 1);
	assert_int_not_equal(rc, RC_OK);
	fail_sync(f, 0);
}

static unsigned synced(struct fixture *f, enum rec_sync_kind kind)
{
	unsigned counts[REC_SYNC_KINDS];
	rec_count(f->rec, f->from, rec_point(f->rec), counts);
	return counts[kind];
}

static void file_put(struct fixture *f, const char *path)
{
	const struct io *io = f->rig.io;
	int fd = io->open(io->ctx, path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	(void)io->close(io->ctx, fd);
}

/* Within the account's strand. */

static enum rc message_file(struct account *account, void *arg)
{
	struct fixture *f = arg;
	int64_t file = file_name_new(account);
	assert_int_equal(file_dir_make(account, file_dir(file), true), RC_OK);
	fail_sync(f, 1);
	assert_failed(f, file_write(account, file, STRV("bytes"), true));
	assert_int_equal(file_write(account, file, STRV("bytes"), true), RC_OK);
	assert_int_equal(synced(f, REC_SYNC_MESSAGE), 1);
	return RC_OK;
}

static enum rc removed_names(struct account *account, void *arg)
{
	struct fixture *f = arg;
	for (unsigned count = 1; count <= DIRS; count += DIRS - 1) {
		for (unsigned dir = 0; dir < count; dir++) {
			assert_int_equal(file_dir_make(account, dir, true), RC_OK);
			file_gone(account, (int64_t)((uint64_t)dir << 56));
		}
		fail_sync(f, 1);
		assert_failed(f, file_removed_sync(account));
		assert_int_equal(file_removed_sync(account), RC_OK);
		assert_int_equal(synced(f, count == 1 ? REC_SYNC_DIR_XX : REC_SYNC_FS), 1);
		fail_sync(f, 0);
		assert_int_equal(file_removed_sync(account), RC_OK);
		assert_int_equal(synced(f, REC_SYNC_FS) + synced(f, REC_SYNC_DIR_XX), 0);
	}
	return RC_OK;
}

static enum rc marker(struct account *account, void *arg)
{
	struct fixture *f = arg;
	account->blobs.marker = false;
	fail_sync(f, 1);
	assert_failed(f, marker_set(account, true));
	assert_int_equal(marker_set(account, true), RC_OK);
	assert_int_equal(synced(f, REC_SYNC_DIR_HOME), 1);
	return RC_OK;
}

static enum rc ledger(struct account *account, void *arg)
{
	struct fixture *f = arg;
	/* One of an earlier version has none, so its name is synced as well. */
	for (unsigned nth = 1; nth <= 2; nth++) {
		(void)f->rig.io->close(f->rig.io->ctx, account->ledger.fd);
		account->ledger.fd = -1;
		fail_sync(f, nth);
		assert_failed(f, ledger_settle(account, 0));
	}
	(void)f->rig.io->close(f->rig.io->ctx, account->ledger.fd);
	account->ledger.fd = -1;
	assert_int_equal(ledger_settle(account, 0), RC_OK);
	assert_int_equal(synced(f, REC_SYNC_DIR_HOME), 1);
	assert_int_equal(synced(f, REC_SYNC_OTHER), 1);
	return RC_OK;
}

static enum rc lost(struct account *account, void *arg)
{
	struct fixture *f = arg;
	int64_t file = file_name_new(account);
	assert_int_equal(file_dir_make(account, file_dir(file), true), RC_OK);
	assert_int_equal(file_write(account, file, STRV("bytes"), true), RC_OK);
	/* That of the new folder, then that of the name in it. */
	fail_sync(f, 1);
	assert_failed(f, lost_add(account, file));
	fail_sync(f, 2);
	assert_failed(f, lost_add(account, file));
	assert_int_equal(lost_add(account, file), RC_OK);
	assert_int_equal(synced(f, REC_SYNC_DIR), 1);
	return RC_OK;
}

static void in_account(void **state, rig_fn *fn)
{
	struct fixture *f = *state;
	assert_int_equal(rig_background(&f->rig, ACCOUNT, fn, f), RC_OK);
}

static void the_file_of_a_message(void **state)
{
	in_account(state, message_file);
}

static void names_of_removed_files(void **state)
{
	in_account(state, removed_names);
}

static void the_marker_of_an_account(void **state)
{
	in_account(state, marker);
}

static void the_ledger_of_an_account(void **state)
{
	in_account(state, ledger);
}

static void a_file_that_is_set_aside(void **state)
{
	in_account(state, lost);
}

/* Folders and databases. */

static void the_folder_of_a_removed_account(void **state)
{
	struct fixture *f = *state;
	struct account *account = account_get(f->rig.store, NEIGHBOUR);
	fail_sync(f, 1);
	assert_failed(f, folder_account_remove(account));
	assert_int_equal(folder_account_remove(account), RC_OK);
	assert_int_equal(synced(f, REC_SYNC_DIR), 1);
	account_unref(&account);
}

static void a_database_that_takes_the_place_of_another(void **state)
{
	struct fixture *f = *state;
	const struct io *io = f->rig.io;
	struct account *account = account_get(f->rig.store, NEIGHBOUR);
	char build[FILE_ROOM];
	snprintf(build, sizeof(build), "%s/account.db.build", account->path);
	assert_int_equal(io->mkdir(io->ctx, account->path, 0700), 0);
	file_put(f, build);
	fail_sync(f, 1);
	assert_failed(f, swap_decide(account));
	file_put(f, build);
	assert_int_equal(swap_decide(account), RC_OK);
	assert_int_equal(synced(f, REC_SYNC_DIR_HOME), 1);
	fail_sync(f, 1);
	assert_failed(f, swap_finish(account));
	fail_sync(f, 2);
	assert_failed(f, swap_finish(account));
	file_put(f, build);
	assert_int_equal(swap_decide(account), RC_OK);
	fail_sync(f, 0);
	assert_int_equal(swap_finish(account), RC_OK);
	assert_int_equal(synced(f, REC_SYNC_DIR_HOME), 2);
	account_unref(&account);
}

static void numbers_that_are_given_out(void **state)
{
	struct fixture *f = *state;
	struct server_state_text text = { .ids = 5, .uidvalidity = 1700000000 };
	for (unsigned nth = 1; nth <= 2; nth++) {
		fail_sync(f, nth);
		assert_failed(f, server_state_write(f->rig.io, f->rig.log, f->root, &text));
	}
	assert_int_equal(server_state_write(f->rig.io, f->rig.log, f->root, &text), RC_OK);
	assert_int_equal(synced(f, REC_SYNC_OTHER), 1);
	assert_int_equal(synced(f, REC_SYNC_DIR), 1);
}

static enum rc database_make(struct fixture *f, const char *path)
{
	struct db *db = NULL;
	enum rc rc = db_open(path, vfs_name(f->rig.store->vfs), true, "test", f->rig.log, &db);
	if (rc == RC_OK)
		rc = db_begin(db, true);
	if (rc == RC_OK)
		rc = db_script(db, "CREATE TABLE t (a INTEGER)");
	if (rc == RC_OK)
		rc = db_commit(db);
	if (db)
		db_rollback(db);
	db_close(&db);
	return rc;
}

static void a_new_database_and_its_names(void **state)
{
	struct fixture *f = *state;
	unsigned failed = 0;
	for (unsigned nth = 1; nth < SYNCS_MAX; nth++) {
		char path[FILE_ROOM];
		snprintf(path, sizeof(path), "%s/test-%u.db", f->root, nth);
		fail_sync(f, nth);
		enum rc rc = database_make(f, path);
		if (rec_failures(f->rec) == 0) {
			assert_int_equal(rc, RC_OK);
			break;
		}
		assert_failed(f, rc);
		failed++;
	}
	assert_true(failed > 0 && failed < SYNCS_MAX - 1);
	/* The names of the database and of its WAL, at least. */
	assert_true(synced(f, REC_SYNC_DIR) >= 2);
	fail_sync(f, 0);
}

/* Users. */

struct noting {
	struct users_job job;
	bool done;
};

static enum rc noting_run(struct users *users, struct users_job *job)
{
	(void)job;
	for (int64_t id = 1; id <= USERS; id++)
		users_note(users, id, false);
	return RC_OK;
}

static void noting_done(struct users_job *job)
{
	CONTAINER_OF(job, struct noting, job)->done = true;
}

static enum rc note_users(struct fixture *f)
{
	struct noting noting = {
		.job = { .write = true, .run = noting_run, .done = noting_done, .home = f->rig.reactor }
	};
	assert_int_equal(users_submit(f->rig.store, &noting.job), RC_OK);
	while (!noting.done)
		reactor_run_once(f->rig.reactor, true);
	return noting.job.rc;
}

static void owner_files_of_many_users(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < USERS; i++) {
		char name[32];
		snprintf(name, sizeof(name), "user%u@example.org", i);
		assert_int_equal(rig_user_add(&f->rig, name), RC_OK);
	}
	fail_sync(f, 1);
	assert_failed(f, note_users(f));
	assert_int_equal(note_users(f), RC_OK);
	assert_int_equal(synced(f, REC_SYNC_FS), 1);
}

static void the_folder_of_all_users(void **state)
{
	struct fixture f;
	(void)state;
	rig_folder_make(f.root);
	f.rec = rec_new(f.root);
	rig_init(&f.rig, f.root, rec_io(f.rec));
	fail_sync(&f, 1);
	assert_failed(&f, rig_open(&f.rig));
	rec_free(&f.rec);
	rig_folder_remove(f.root);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_file_of_a_message),
		TEST(names_of_removed_files),
		TEST(the_marker_of_an_account),
		TEST(the_ledger_of_an_account),
		TEST(a_file_that_is_set_aside),
		TEST(the_folder_of_a_removed_account),
		TEST(a_database_that_takes_the_place_of_another),
		TEST(numbers_that_are_given_out),
		TEST(a_new_database_and_its_names),
		TEST(owner_files_of_many_users),
		cmocka_unit_test(the_folder_of_all_users),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
