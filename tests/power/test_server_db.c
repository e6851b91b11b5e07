/*
 * server.db: power cuts, failing syncs and missing ones while it is cured after a failed sync, repaired,
 * copied, migrated, and opened again after it was replaced. Whatever is left, the next start (or, of a repair
 * that was cut, the next repair) finds every user that was acknowledged, and each owns his folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/rec_io.h"
#include "support/store_rig.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/users_check.h"
#include "store/users_priv.h"
#include "store/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USERS 24
#define NAME_ROOM 256
#define TEXT_MAX (256u * 1024)
#define ALLOWED_MAX 4
#define SYNCS_MAX 60

struct fixture {
	char root[512];
	char cut[600];
	struct rec *rec;
	struct rig rig;
	char *allowed[ALLOWED_MAX]; /* own: states that a cut may leave */
	size_t count;
	struct buf text;
	char reason[512]; /* why a cut is not good */
};

static int setup(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof(f));
	clock_fake_set(1000, 1700000000);
	rig_folder_make(f.root);
	snprintf(f.cut, sizeof(f.cut), "%s.cut", f.root);
	f.rec = rec_new(f.root);
	buf_init(&f.text, TEXT_MAX);
	rig_init(&f.rig, f.root, rec_io(f.rec));
	*state = &f;
	return rig_open(&f.rig) == RC_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (f->rig.store)
		rig_close(&f->rig);
	rec_free(&f->rec);
	rig_folder_remove(f->root);
	rig_folder_remove(f->cut);
	for (size_t i = 0; i < f->count; i++)
		free(f->allowed[i]);
	buf_fini(&f->text);
	clock_fake_set(0, 0);
	return 0;
}

/* Lists the users that the users' strand knows, as text. */

struct listing {
	struct users_job job;
	struct buf *out;
	bool done;
};

static bool list_owned(const struct store *store, const struct user_record *user)
{
	char folder[PATH_ROOM];
	struct user_record owner;
	struct arena *arena = arena_new(0);
	assert_int_equal(owner_folder(folder, sizeof(folder), store->root, user->id), RC_OK);
	enum rc rc = owner_read(store->io, NULL, folder, OWNER_FILE, arena, &owner);
	if (rc == RC_NOT_FOUND)
		rc = owner_read(store->io, NULL, folder, OWNER_FILE_NEW, arena, &owner);
	bool owned = rc == RC_OK && owner_tag(&owner) == owner_tag(user);
	arena_free(&arena);
	return owned;
}

static bool list_user(void *arg, const struct user_record *user)
{
	struct listing *listing = arg;
	buf_printf(listing->out, "%.*s %.*s%s\n", STRV_ARG(user->name), STRV_ARG(user->password),
		list_owned(listing->job.store, user) ? "" : " without a folder of his");
	return true;
}

static enum rc list_run(struct users *users, struct users_job *job)
{
	struct listing *listing = CONTAINER_OF(job, struct listing, job);
	struct arena *arena = arena_new(0);
	struct strv value = STRV("");
	enum rc rc = users_list(users, STRV_NULL, list_user, listing);
	if (rc == RC_OK)
		rc = users_setting_get(users, "test.key", arena, &value);
	buf_printf(listing->out, "setting %.*s\n", STRV_ARG(value));
	arena_free(&arena);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static void list_done(struct users_job *job)
{
	CONTAINER_OF(job, struct listing, job)->done = true;
}

static enum rc list(struct rig *rig, struct buf *out)
{
	struct listing listing = { .job = { .run = list_run, .done = list_done, .home = rig->reactor },
		.out = out };
	buf_reset(out);
	assert_int_equal(users_submit(rig->store, &listing.job), RC_OK);
	while (!listing.done)
		reactor_run_once(rig->reactor, true);
	buf_addc(out, '\0');
	return listing.job.rc;
}

/* The state of now is one that a cut may leave. */
static void allow(struct fixture *f)
{
	assert_true(f->count < ALLOWED_MAX);
	assert_int_equal(list(&f->rig, &f->text), RC_OK);
	f->allowed[f->count++] = strdup(f->text.p);
}

static bool is_allowed(const struct fixture *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->text.p, f->allowed[i]) == 0)
			return true;
	return false;
}

static bool bad(struct fixture *f, const char *what, const char *detail)
{
	snprintf(f->reason, sizeof(f->reason), "%s%.400s", what, detail);
	return false;
}

/* The next start finds what is allowed. */
static bool start_is_good(struct fixture *f)
{
	struct rig rig;
	rig_init(&rig, f->cut, NULL);
	assert_int_equal(rig_open(&rig), RC_OK);
	bool good = !users_lost(rig.store) || bad(f, "server.db is damaged", "");
	if (good && list(&rig, &f->text) != RC_OK)
		good = bad(f, "the users can't be read", "");
	if (good && !is_allowed(f))
		good = bad(f, "the users are\n", f->text.p);
	rig_close(&rig);
	return good;
}

/* Checks the state that a cut at this point leaves. `done`: the scene reported success before the cut. */
typedef bool look_fn(struct fixture *f, bool done);

static bool start_look(struct fixture *f, bool done)
{
	(void)done;
	return start_is_good(f);
}

static bool cut_is_good(
	struct fixture *f, size_t point, unsigned choice, size_t without, look_fn *look, bool done)
{
	f->reason[0] = '\0';
	rec_cut(f->rec, point, (enum rec_choice)choice, point, without, f->cut);
	bool good = look(f, done);
	rig_folder_remove(f->cut);
	return good;
}

static void cut_between(struct fixture *f, size_t from, size_t to, look_fn *look)
{
	bool thorough = getenv("COID_POWER_THOROUGH") != NULL;
	for (size_t point = from; point <= to; point++)
		for (unsigned choice = 0; choice < REC_CHOICES; choice++)
			if ((thorough || choice == REC_NONE || choice == REC_RANDOM ||
				    choice == point % REC_CHOICES) &&
				!cut_is_good(f, point, choice, SIZE_MAX, look, point == to))
				fail_msg("cut at %zu (%s), choice %u: %s", point, rec_describe(f->rec, point),
					choice, f->reason);
}

/* Long, so that a few of them fill several pages. */
static const char *name_of(unsigned number, const char *suffix)
{
	static char name[NAME_ROOM];
	snprintf(name, sizeof(name), "user%02u%s@%.60s.%.60s.%.60s.example.org", number, suffix,
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
		"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc");
	return name;
}

static void reopen(struct fixture *f)
{
	if (f->rig.store)
		rig_close(&f->rig);
	assert_int_equal(rig_open(&f->rig), RC_OK);
}

/*
 * The WAL holds a change that is synced, and one whose sync has failed, in pages that the first one has and
 * in others. The cure writes it into the database; a cut in the middle of that must leave no page of the
 * second change beside others of the first.
 */
static void cut_the_cure(struct fixture *f, bool killed)
{
	for (unsigned i = 0; i < USERS; i++)
		assert_int_equal(rig_user_add(&f->rig, name_of(i, "")), RC_OK);
	reopen(f);
	assert_int_equal(rig_user_password(&f->rig, name_of(USERS - 1, ""), "synced"), RC_OK);
	allow(f);
	size_t from = rec_point(f->rec);
	if (killed)
		rec_die(f->rec, "server.db-wal", EIO, 1);
	else
		rec_fail(f->rec, REC_OP_SYNC, "server.db-wal", EIO, 1, false);
	assert_int_not_equal(rig_user_add(&f->rig, name_of(0, "in-doubt")), RC_OK);
	if (killed)
		rig_close(&f->rig);
	rec_fail(f->rec, REC_OP_SYNC, "", 0, 0, false);
	reopen(f);
	assert_false(users_lost(f->rig.store));
	rig_close(&f->rig);
	size_t to = rec_point(f->rec);
	/* Before the answer, and if the outcome is unknown, the user may be there. */
	reopen(f);
	enum rc rc = rig_user_add(&f->rig, name_of(0, "in-doubt"));
	assert_true(rc == RC_OK || rc == RC_EXISTS);
	allow(f);
	cut_between(f, from, to, start_look);
}

static void the_cure_of_a_failed_sync_may_be_cut(void **state)
{
	cut_the_cure(*state, false);
}

static void the_cure_at_the_next_start_may_be_cut(void **state)
{
	cut_the_cure(*state, true);
}

/* Scenes: what is done to server.db beside its commits. */

struct scene {
	void (*prepare)(struct fixture *f); /* what is there is synced */
	bool (*run)(struct fixture *f); /* true: it says that it is done */
	look_fn *look;
	const char *needless[6]; /* syncs without which no promise breaks */
};

static bool is_needless(const struct scene *scene, const char *sync)
{
	for (size_t i = 0; i < COUNT_OF(scene->needless) && scene->needless[i]; i++)
		if (strcmp(sync, scene->needless[i]) == 0)
			return true;
	return false;
}

/* Some cut after it, right before the next sync or at the end, shows that this sync was not made. */
static bool is_noticed(struct fixture *f, const struct scene *scene, size_t sync, size_t to)
{
	static const enum rec_choice choices[] = { REC_NONE, REC_NAMES, REC_FILES, REC_RANDOM };
	enum rec_sync_kind kind;
	size_t point = sync;
	do {
		point = rec_next_sync(f->rec, point + 1, &kind);
		if (point > to)
			point = to;
		for (size_t i = 0; i < COUNT_OF(choices); i++)
			if (!cut_is_good(f, point, choices[i], sync, scene->look, point == to))
				return true;
	} while (point < to);
	return false;
}

/* A new database is made step by step: what is synced several times has to be noticed once. */
static void check_syncs(struct fixture *f, const struct scene *scene, size_t from, size_t to)
{
	char seen[SYNCS_MAX][128];
	bool noticed[SYNCS_MAX] = { false };
	unsigned count = 0, wrong = 0;
	enum rec_sync_kind kind;
	for (size_t sync = rec_next_sync(f->rec, from, &kind); sync < to;
		sync = rec_next_sync(f->rec, sync + 1, &kind)) {
		unsigned i = 0;
		assert_true(count < SYNCS_MAX);
		snprintf(seen[count], sizeof(seen[count]), "%s", rec_describe(f->rec, sync));
		while (strcmp(seen[i], seen[count]) != 0)
			i++;
		count += i == count;
		noticed[i] = is_noticed(f, scene, sync, to) || noticed[i];
	}
	for (unsigned i = 0; i < count; i++) {
		if (noticed[i] != is_needless(scene, seen[i]))
			continue;
		print_error("%s: %s\n", seen[i], noticed[i] ? "is needed" : "a missing sync is not noticed");
		wrong++;
	}
	assert_true(count > 0);
	assert_int_equal(wrong, 0);
}

static void cut_scene(struct fixture *f, const struct scene *scene)
{
	scene->prepare(f);
	size_t from = rec_point(f->rec);
	assert_true(scene->run(f));
	size_t to = rec_point(f->rec);
	cut_between(f, from, to, scene->look);
	check_syncs(f, scene, from, to);
}

/* If a scene reports success although a sync failed, its work is done. If not, it succeeds the next time. */
static bool fail_scene(struct fixture *f, const struct scene *scene, unsigned nth)
{
	scene->prepare(f);
	rec_fail(f->rec, REC_OP_SYNC, "", EIO, nth, false);
	bool done = scene->run(f);
	unsigned struck = rec_failures(f->rec);
	rec_fail(f->rec, REC_OP_SYNC, "", 0, 0, false);
	for (unsigned again = 0; again < 2; again++) {
		size_t point = rec_point(f->rec);
		for (unsigned choice = 0; choice < REC_CHOICES; choice++)
			if (!cut_is_good(f, point, choice, SIZE_MAX, scene->look, done))
				fail_msg("sync %u fails, said to be %s, choice %u: %s", nth,
					done ? "done" : "not done", choice, f->reason);
		if (done)
			break;
		/* Past every pause. */
		clock_fake_advance(3600 * 1000);
		done = scene->run(f);
		assert_true(done);
	}
	return struck > 0;
}

static void each_sync_fails(const struct scene *scene)
{
	void *state;
	bool struck = true;
	unsigned nth = 0;
	while (struck && nth < SYNCS_MAX) {
		assert_int_equal(setup(&state), 0);
		struck = fail_scene(state, scene, ++nth);
		teardown(&state);
	}
	assert_true(nth > 1);
}

static void file_write(struct fixture *f, const char *name, off_t offset, const char *p, size_t n)
{
	const struct io *io = f->rig.io;
	char path[1024];
	snprintf(path, sizeof(path), "%s/%s", f->root, name);
	int fd = io->open(io->ctx, path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_true(io_write_all(io, fd, p, n, (uint64_t)offset));
	assert_int_equal(io->fdatasync(io->ctx, fd), 0);
	io->close(io->ctx, fd);
	assert_true(io_sync_dir(io, f->root));
}

static char *file_read(struct fixture *f, const char *name, size_t *ret_n)
{
	const struct io *io = f->rig.io;
	char path[1024];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", f->root, name);
	assert_int_equal(io->stat(io->ctx, path, &st), 0);
	char *p = malloc((size_t)st.st_size);
	assert_non_null(p);
	int fd = io->open(io->ctx, path, O_RDONLY, 0);
	assert_int_equal(io_read_all(io, fd, p, (size_t)st.st_size, 0), st.st_size);
	io->close(io->ctx, fd);
	*ret_n = (size_t)st.st_size;
	return p;
}

static void file_remove(struct fixture *f, const char *name)
{
	const struct io *io = f->rig.io;
	char path[1024], dir[1024];
	snprintf(path, sizeof(path), "%s/%s", f->root, name);
	assert_int_equal(io->unlink(io->ctx, path), 0);
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	assert_true(io_sync_dir(io, dir));
}

/* Changes what is said with the functions of the store. */

struct asking {
	struct users_job job;
	enum rc (*fn)(struct users *users);
	bool done;
};

static enum rc asking_run(struct users *users, struct users_job *job)
{
	return CONTAINER_OF(job, struct asking, job)->fn(users);
}

static void asking_done(struct users_job *job)
{
	CONTAINER_OF(job, struct asking, job)->done = true;
}

static enum rc ask(struct fixture *f, bool write, enum rc (*fn)(struct users *users))
{
	struct asking asking = {
		.job = { .write = write, .run = asking_run, .done = asking_done, .home = f->rig.reactor },
		.fn = fn
	};
	assert_int_equal(users_submit(f->rig.store, &asking.job), RC_OK);
	while (!asking.done)
		reactor_run_once(f->rig.reactor, true);
	return asking.job.rc;
}

static enum rc setting_fn(struct users *users)
{
	return users_setting_set(users, "test.key", STRV("kept"));
}

/* Four users with passwords and a setting; all of it is in the database file. */
static void fill(struct fixture *f)
{
	static const char *const names[] = { "a@example.org", "b@example.org", "c@example.org",
		"d@example.org" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char password[32];
		snprintf(password, sizeof(password), "password-%zu", i);
		assert_int_equal(rig_user_add(&f->rig, names[i]), RC_OK);
		assert_int_equal(rig_user_password(&f->rig, names[i], password), RC_OK);
	}
	assert_int_equal(ask(f, true, setting_fn), RC_OK);
	reopen(f);
	allow(f);
}

/* Repair: a row is damaged, the owner file of another user is missing, and a third one has no folder. */

static void folder_remove(struct fixture *f, const char *name, const char *above)
{
	const struct io *io = f->rig.io;
	char path[1024];
	snprintf(path, sizeof(path), "%s/%s", f->root, name);
	assert_int_equal(io->rmdir(io->ctx, path), 0);
	snprintf(path, sizeof(path), "%s/%s", f->root, above);
	assert_true(io_sync_dir(io, path));
}

static void repair_prepare(struct fixture *f)
{
	size_t n;
	fill(f);
	rig_close(&f->rig);
	char *p = file_read(f, "server.db", &n);
	char *at = memmem(p, n, "password-2", 10);
	assert_non_null(at);
	file_write(f, "server.db", at - p, "P", 1);
	free(p);
	file_remove(f, "users/02/2/owner");
	file_remove(f, "users/04/4/owner");
	folder_remove(f, "users/04/4", "users/04");
	folder_remove(f, "users/04", "users");
}

static enum rc repair(struct io *io, const char *root)
{
	struct users_check_result result = { 0 };
	struct buf report;
	buf_init(&report, TEXT_MAX);
	enum rc rc = users_check_on(io, root, true, NULL, &report, &result);
	buf_fini(&report);
	return rc == RC_OK && result.left > 0 ? RC_CORRUPT : rc;
}

static bool repair_run(struct fixture *f)
{
	return repair(f->rig.io, f->root) == RC_OK;
}

static bool repair_look(struct fixture *f, bool done)
{
	struct rig rig;
	rig_init(&rig, f->cut, NULL);
	if (!done && repair(&rig.quiet, f->cut) != RC_OK)
		return bad(f, "the next repair fails", "");
	return start_is_good(f);
}

/* A copy of server.db. */

static enum rc copy_fn(struct users *users)
{
	return users_copy_make(users);
}

static void copy_prepare(struct fixture *f)
{
	fill(f);
	assert_int_equal(ask(f, false, copy_fn), RC_OK);
	assert_int_equal(rig_user_add(&f->rig, "e@example.org"), RC_OK);
	assert_int_equal(ask(f, false, copy_fn), RC_OK);
	assert_int_equal(rig_user_add(&f->rig, "f@example.org"), RC_OK);
}

static bool copy_run(struct fixture *f)
{
	return ask(f, false, copy_fn) == RC_OK;
}

/* Returns the number of users in a copy; -1: it is not there; 0: it is damaged. */
static int copy_users(struct fixture *f, const char *name)
{
	char path[1024];
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int count = 0;
	snprintf(path, sizeof(path), "%s/%s", f->cut, name);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_CANTOPEN)
		count = -1;
	else if (sqlite3_prepare_v2(db,
			 "SELECT (SELECT count(*) FROM user), integrity_check FROM pragma_integrity_check",
			 -1, &stmt, NULL) == SQLITE_OK &&
		 sqlite3_step(stmt) == SQLITE_ROW &&
		 strcmp((const char *)sqlite3_column_text(stmt, 1), "ok") == 0)
		count = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return count;
}

static bool copy_look(struct fixture *f, bool done)
{
	int now = copy_users(f, "server.db.copy"), older = copy_users(f, "server.db.copy.1");
	if (now == 0 || older == 0)
		return bad(f, "a copy is damaged", "");
	return (now > older ? now : older) >= (done ? 6 : 5) || bad(f, "the newest copy is missing", "");
}

/* From version 1. */

static void migrate_prepare(struct fixture *f)
{
	static const char *const names[] = { "users/01/1/owner", "users/02/2/owner", "users/03/3/owner",
		"users/04/4/owner", "server.state" };
	char path[1024];
	struct db *db = NULL;
	fill(f);
	rig_close(&f->rig);
	struct vfs *vfs = vfs_new(f->rig.io);
	snprintf(path, sizeof(path), "%s/server.db", f->root);
	assert_int_equal(db_open(path, vfs_name(vfs), false, "test", NULL, &db), RC_OK);
	assert_int_equal(
		db_script(db, "ALTER TABLE user DROP COLUMN identity; ALTER TABLE user DROP COLUMN sum;"
			      "DELETE FROM setting WHERE key <> 'test.key'; PRAGMA user_version = 1;"),
		RC_OK);
	assert_int_equal(db_checkpoint(db, true), RC_OK);
	db_close(&db);
	vfs_free(&vfs);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		file_remove(f, names[i]);
}

static bool migrate_run(struct fixture *f)
{
	if (!f->rig.store)
		assert_int_equal(rig_open(&f->rig), RC_OK);
	return list(&f->rig, &f->text) == RC_OK;
}

/* An older server.db is put into the place of the open one. */

static void replace_prepare(struct fixture *f)
{
	const struct io *io = f->rig.io;
	char from[1024], to[1024];
	size_t n;
	fill(f);
	char *older = file_read(f, "server.db", &n);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rig_user_add(&f->rig, name_of(i, "")), RC_OK);
	file_write(f, "older", 0, older, n);
	free(older);
	snprintf(from, sizeof(from), "%s/older", f->root);
	snprintf(to, sizeof(to), "%s/server.db", f->root);
	assert_int_equal(io->rename(io->ctx, from, to), 0);
	assert_true(io_sync_dir(io, f->root));
}

static bool replace_run(struct fixture *f)
{
	return list(&f->rig, &f->text) == RC_OK;
}

/* Until it is open the old WAL may lie beside it. */
static bool replace_look(struct fixture *f, bool done)
{
	return !done || start_is_good(f);
}

/* The next start finds numbers that server.state has lost in server.db and in the folders. */
static const struct scene repair_scene = {
	.prepare = repair_prepare,
	.run = repair_run,
	.look = repair_look,
	/* All is in the database file before it gets its name; the second user's folder has been there. */
	.needless = { "sync server.state.tmp", "sync server.db.new-journal", "sync server.db.new-wal",
		"sync directory users/02",
		/* for what an earlier one has left */
		"syncfs root" },
};
static const struct scene copy_scene = { .prepare = copy_prepare, .run = copy_run, .look = copy_look };
static const struct scene migrate_scene = {
	.prepare = migrate_prepare,
	.run = migrate_run,
	.look = start_look,
	/* A migration that is lost is made again, with new owner files. */
	.needless = { "sync server.state.tmp", "sync directory root", "sync server.db-wal" },
};
static const struct scene replace_scene = {
	.prepare = replace_prepare, .run = replace_run, .look = replace_look
};

static void a_repair_may_be_cut_and_needs_its_syncs(void **state)
{
	cut_scene(*state, &repair_scene);
}

static void a_copy_may_be_cut_and_needs_its_syncs(void **state)
{
	cut_scene(*state, &copy_scene);
}

static void a_migration_may_be_cut_and_needs_its_syncs(void **state)
{
	cut_scene(*state, &migrate_scene);
}

static void a_replaced_one_is_not_opened_beside_the_old_wal(void **state)
{
	cut_scene(*state, &replace_scene);
}

static void a_repair_whose_sync_fails_says_so(void **state)
{
	(void)state;
	each_sync_fails(&repair_scene);
}

static void a_copy_whose_sync_fails_is_made_again(void **state)
{
	(void)state;
	each_sync_fails(&copy_scene);
}

static void a_migration_whose_sync_fails_is_made_again(void **state)
{
	(void)state;
	each_sync_fails(&migrate_scene);
}

static void a_replaced_one_is_opened_again_when_its_sync_has_failed(void **state)
{
	(void)state;
	each_sync_fails(&replace_scene);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_cure_of_a_failed_sync_may_be_cut),
		TEST(the_cure_at_the_next_start_may_be_cut),
		TEST(a_repair_may_be_cut_and_needs_its_syncs),
		TEST(a_copy_may_be_cut_and_needs_its_syncs),
		TEST(a_migration_may_be_cut_and_needs_its_syncs),
		TEST(a_replaced_one_is_not_opened_beside_the_old_wal),
		cmocka_unit_test(a_repair_whose_sync_fails_says_so),
		cmocka_unit_test(a_copy_whose_sync_fails_is_made_again),
		cmocka_unit_test(a_migration_whose_sync_fails_is_made_again),
		cmocka_unit_test(a_replaced_one_is_opened_again_when_its_sync_has_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
