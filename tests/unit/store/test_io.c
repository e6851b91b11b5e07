#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/rec_io.h"
#include "support/store_rig.h"

#include "store/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void errors_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(io_rc(ENOSPC), RC_NOSPACE);
	assert_int_equal(io_rc(EDQUOT), RC_NOSPACE);
	assert_int_equal(io_rc(EROFS), RC_READONLY);
	assert_int_equal(io_rc(EMFILE), RC_UNAVAILABLE);
	assert_int_equal(io_rc(ENOENT), RC_NOT_FOUND);
	assert_int_equal(io_rc(EIO), RC_IO);
}

/* Takes and gives three bytes at a time, every other call is interrupted. */
struct slow {
	unsigned calls;
};

static ssize_t slow_pwrite(void *ctx, int fd, const void *p, size_t n, off_t offset)
{
	struct slow *slow = ctx;
	errno = EINTR;
	return slow->calls++ % 2 ? -1 : pwrite(fd, p, n < 3 ? n : 3, offset);
}

static ssize_t slow_pread(void *ctx, int fd, void *p, size_t n, off_t offset)
{
	struct slow *slow = ctx;
	errno = EINTR;
	return slow->calls++ % 2 ? -1 : pread(fd, p, n < 3 ? n : 3, offset);
}

static void short_and_interrupted_calls_go_on(void **state)
{
	char root[512], path[600], back[20];
	struct slow slow = { 0 };
	struct io io = io_real;
	(void)state;
	rig_folder_make(root);
	io.ctx = &slow;
	io.pwrite = slow_pwrite;
	io.pread = slow_pread;
	snprintf(path, sizeof(path), "%s/file", root);
	int fd = io.open(io.ctx, path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_true(io_write_all(&io, fd, "0123456789", 10, 2));
	assert_int_equal(io_read_all(&io, fd, back, sizeof(back), 2), 10);
	assert_memory_equal(back, "0123456789", 10);
	assert_int_equal(io_read_all(&io, fd, back, 4, 5), 4);
	assert_memory_equal(back, "3456", 4);
	io.close(io.ctx, fd);
	assert_false(io_write_all(&io, -1, "x", 1, 0));
	assert_true(io_sync_dir(&io, root));
	assert_false(io_sync_dir(&io, path));
	rig_folder_remove(root);
}

#ifdef COID_TEST_HOOKS

static void the_environment_lets_the_nth_call_fail(void **state)
{
	char root[512], path[600];
	(void)state;
	rig_folder_make(root);
	snprintf(path, sizeof(path), "%s/file", root);
	unsetenv("COID_IO_SLOW");
	unsetenv("COID_IO_FAIL");
	assert_null(io_from_environment());
	setenv("COID_IO_FAIL", "write:/file:ENOSPC:2", 1);
	struct io *io = io_from_environment();
	int fd = io->open(io->ctx, path, O_RDWR | O_CREAT, 0600);
	assert_true(io_write_all(io, fd, "x", 1, 0));
	assert_false(io_write_all(io, fd, "x", 1, 0));
	assert_int_equal(errno, ENOSPC);
	assert_true(io_write_all(io, fd, "x", 1, 0));
	free(io);
	setenv("COID_IO_FAIL", "sync:/file:EIO:2+", 1);
	io = io_from_environment();
	assert_int_equal(io->fdatasync(io->ctx, fd), 0);
	assert_int_equal(io->fsync(io->ctx, fd), -1);
	assert_int_equal(io->fdatasync(io->ctx, fd), -1);
	assert_int_equal(errno, EIO);
	assert_true(io_write_all(io, fd, "x", 1, 0));
	close(fd);
	free(io);
	/* Values that can't be parsed have no effect. */
	setenv("COID_IO_FAIL", "open:/file:EWHAT:1", 1);
	setenv("COID_IO_SLOW", "nonsense", 1);
	io = io_from_environment();
	fd = io->open(io->ctx, path, O_RDWR, 0);
	assert_true(fd >= 0);
	close(fd);
	free(io);
	unsetenv("COID_IO_SLOW");
	unsetenv("COID_IO_FAIL");
	rig_folder_remove(root);
}

#endif

static sqlite3 *db_open_exclusive(const char *path, const struct vfs *vfs)
{
	sqlite3 *db;
	assert_int_equal(
		sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs_name(vfs)),
		SQLITE_OK);
	sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	return db;
}

static void a_database_goes_through_the_table(void **state)
{
	char root[512], path[600];
	unsigned counts[REC_SYNC_KINDS];
	(void)state;
	rig_folder_make(root);
	snprintf(path, sizeof(path), "%s/x.db", root);
	struct rec *rec = rec_new(root);
	struct vfs *vfs = vfs_new(rec_io(rec));
	sqlite3 *db = db_open_exclusive(path, vfs);
	assert_int_equal(sqlite3_exec(db, "PRAGMA synchronous = FULL; CREATE TABLE t (a)", NULL, NULL, NULL),
		SQLITE_OK);
	size_t from = rec_point(rec);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO t VALUES (1)", NULL, NULL, NULL), SQLITE_OK);
	rec_count(rec, from, rec_point(rec), counts);
	assert_int_equal(counts[REC_SYNC_WAL], 1);
	assert_true(rec_point(rec) > from + 1);
	rec_fail(rec, REC_OP_WRITE, "-wal", ENOSPC, 1, true);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO t VALUES (2)", NULL, NULL, NULL), SQLITE_FULL);
	rec_fail(rec, REC_OP_SYNC, "-wal", EIO, 1, false);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO t VALUES (3)", NULL, NULL, NULL), SQLITE_IOERR);
	assert_int_equal(sqlite3_extended_errcode(db), SQLITE_IOERR_FSYNC);
	sqlite3_close(db);
	vfs_free(&vfs);
	assert_null(vfs);
	vfs_free(&vfs);
	rec_free(&rec);
	rig_folder_remove(root);
}

static void a_second_connection_is_kept_out(void **state)
{
	char root[512], path[600];
	sqlite3 *other;
	(void)state;
	rig_folder_make(root);
	snprintf(path, sizeof(path), "%s/x.db", root);
	struct io io = io_real;
	struct vfs *vfs = vfs_new(&io);
	sqlite3 *db = db_open_exclusive(path, vfs);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (a)", NULL, NULL, NULL), SQLITE_OK);
	/* With our VFS and with SQLite's own, as the sqlite3 shell uses it. */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
			sqlite3_open_v2(path, &other, SQLITE_OPEN_READWRITE, i ? vfs_name(vfs) : NULL),
			SQLITE_OK);
		assert_int_equal(sqlite3_exec(other, "SELECT * FROM t", NULL, NULL, NULL), SQLITE_BUSY);
		sqlite3_close(other);
	}
	sqlite3_close(db);
	assert_int_equal(sqlite3_open_v2(path, &other, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "SELECT * FROM t", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	vfs_free(&vfs);
	rig_folder_remove(root);
}

static size_t file_length(const char *folder, const char *name)
{
	char path[1200];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return stat(path, &st) == 0 ? (size_t)st.st_size : SIZE_MAX;
}

static void a_cut_keeps_what_was_synced_and_may_lose_the_rest(void **state)
{
	char root[512], path[600], cut[600];
	(void)state;
	rig_folder_make(root);
	snprintf(cut, sizeof(cut), "%s.cut", root);
	struct rec *rec = rec_new(root);
	struct io *io = rec_io(rec);
	snprintf(path, sizeof(path), "%s/a", root);
	int fd = io->open(io->ctx, path, O_RDWR | O_CREAT, 0600);
	assert_true(io_write_all(io, fd, "0123456789", 10, 0));
	assert_int_equal(io->fdatasync(io->ctx, fd), 0);
	/* The name is not on disk yet. */
	rec_cut(rec, rec_point(rec), REC_NONE, 0, SIZE_MAX, cut);
	assert_int_equal(file_length(cut, "a"), SIZE_MAX);
	rig_folder_remove(cut);
	rec_cut(rec, rec_point(rec), REC_NAMES, 0, SIZE_MAX, cut);
	assert_int_equal(file_length(cut, "a"), 10);
	rig_folder_remove(cut);
	assert_true(io_sync_dir(io, root));
	assert_true(io_write_all(io, fd, "x", 1, 19));
	rec_cut(rec, rec_point(rec), REC_NONE, 0, SIZE_MAX, cut);
	assert_int_equal(file_length(cut, "a"), 10);
	rig_folder_remove(cut);
	rec_cut(rec, rec_point(rec), REC_ALL, 0, SIZE_MAX, cut);
	assert_int_equal(file_length(cut, "a"), 20);
	rig_folder_remove(cut);
	/* A sync that was not made. */
	enum rec_sync_kind kind;
	size_t sync = rec_next_sync(rec, 0, &kind);
	assert_int_equal(kind, REC_SYNC_OTHER);
	rec_cut(rec, rec_point(rec), REC_NONE, 0, sync, cut);
	assert_int_equal(file_length(cut, "a"), 0);
	rig_folder_remove(cut);
	/* A name that was removed may still be there. */
	assert_int_equal(io->unlink(io->ctx, path), 0);
	rec_cut(rec, rec_point(rec), REC_NONE, 0, SIZE_MAX, cut);
	assert_int_equal(file_length(cut, "a"), 10);
	rig_folder_remove(cut);
	io->close(io->ctx, fd);
	rec_free(&rec);
	rig_folder_remove(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_told_apart),
		cmocka_unit_test(short_and_interrupted_calls_go_on),
#ifdef COID_TEST_HOOKS
		cmocka_unit_test(the_environment_lets_the_nth_call_fail),
#endif
		cmocka_unit_test(a_database_goes_through_the_table),
		cmocka_unit_test(a_second_connection_is_kept_out),
		cmocka_unit_test(a_cut_keeps_what_was_synced_and_may_lose_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
