#include "support/db_fault.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define CALL_MAX 160

static struct {
	pthread_mutex_t lock;
	struct fault_plan plan;
	bool armed;
	unsigned calls; /* of that kind */
	unsigned struck;
	int backup; /* the result of the end of a copy */
	char call[CALL_MAX];
	struct io io;
} fault = { .lock = PTHREAD_MUTEX_INITIALIZER };

void fault_arm(const struct fault_plan *plan)
{
	pthread_mutex_lock(&fault.lock);
	fault.armed = plan != NULL;
	if (plan) {
		fault.plan = *plan;
		fault.calls = fault.struck = 0;
		fault.call[0] = '\0';
	}
	pthread_mutex_unlock(&fault.lock);
}

unsigned fault_struck(void)
{
	pthread_mutex_lock(&fault.lock);
	unsigned struck = fault.struck;
	pthread_mutex_unlock(&fault.lock);
	return struck;
}

const char *fault_call(void)
{
	return fault.call;
}

/* The error with which this call must fail, or 0. */
static int fault_strikes(enum fault_where where, const char *call)
{
	int error = 0;
	pthread_mutex_lock(&fault.lock);
	if (fault.armed && fault.plan.where == where) {
		fault.calls++;
		if (fault.calls == fault.plan.nth || (fault.plan.on && fault.calls > fault.plan.nth))
			error = fault.plan.error;
		if (error != 0 && fault.struck++ == 0)
			snprintf(fault.call, sizeof(fault.call), "%s", call ? call : "?");
	}
	pthread_mutex_unlock(&fault.lock);
	return error;
}

/* SQLite: the linker makes __real_ and __wrap_ of each name. */

/* NOLINTBEGIN(bugprone-reserved-identifier) */
int __real_sqlite3_open_v2(const char *path, sqlite3 **ret_db, int flags, const char *vfs);
int __real_sqlite3_open(const char *path, sqlite3 **ret_db);
int __real_sqlite3_prepare_v2(
	sqlite3 *db, const char *sql, int n, sqlite3_stmt **ret_stmt, const char **ret_tail);
int __real_sqlite3_prepare_v3(
	sqlite3 *db, const char *sql, int n, unsigned flags, sqlite3_stmt **ret_stmt, const char **ret_tail);
int __real_sqlite3_step(sqlite3_stmt *stmt);
int __real_sqlite3_exec(
	sqlite3 *db, const char *sql, int (*fn)(void *, int, char **, char **), void *arg, char **ret_error);
int __real_sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int mode, int *ret_frames, int *ret_done);
unsigned char *__real_sqlite3_serialize(
	sqlite3 *db, const char *name, sqlite3_int64 *ret_size, unsigned flags);
int __real_sqlite3_backup_step(sqlite3_backup *backup, int pages);
int __real_sqlite3_backup_finish(sqlite3_backup *backup);
int __wrap_sqlite3_open_v2(const char *path, sqlite3 **ret_db, int flags, const char *vfs);
int __wrap_sqlite3_open(const char *path, sqlite3 **ret_db);
int __wrap_sqlite3_prepare_v2(
	sqlite3 *db, const char *sql, int n, sqlite3_stmt **ret_stmt, const char **ret_tail);
int __wrap_sqlite3_prepare_v3(
	sqlite3 *db, const char *sql, int n, unsigned flags, sqlite3_stmt **ret_stmt, const char **ret_tail);
int __wrap_sqlite3_step(sqlite3_stmt *stmt);
int __wrap_sqlite3_exec(
	sqlite3 *db, const char *sql, int (*fn)(void *, int, char **, char **), void *arg, char **ret_error);
int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int mode, int *ret_frames, int *ret_done);
unsigned char *__wrap_sqlite3_serialize(
	sqlite3 *db, const char *name, sqlite3_int64 *ret_size, unsigned flags);
int __wrap_sqlite3_backup_step(sqlite3_backup *backup, int pages);
int __wrap_sqlite3_backup_finish(sqlite3_backup *backup);

int __wrap_sqlite3_open_v2(const char *path, sqlite3 **ret_db, int flags, const char *vfs)
{
	int error = fault_strikes(FAULT_SQL, path);
	/* Without memory there is no handle either. */
	if (error == SQLITE_NOMEM) {
		*ret_db = NULL;
		return error;
	}
	int code = __real_sqlite3_open_v2(path, ret_db, flags, vfs);
	return error != 0 ? error : code;
}

int __wrap_sqlite3_open(const char *path, sqlite3 **ret_db)
{
	return __wrap_sqlite3_open_v2(path, ret_db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
}

int __wrap_sqlite3_prepare_v2(
	sqlite3 *db, const char *sql, int n, sqlite3_stmt **ret_stmt, const char **ret_tail)
{
	int error = fault_strikes(FAULT_SQL, sql);
	if (error == 0)
		return __real_sqlite3_prepare_v2(db, sql, n, ret_stmt, ret_tail);
	*ret_stmt = NULL;
	return error;
}

int __wrap_sqlite3_prepare_v3(
	sqlite3 *db, const char *sql, int n, unsigned flags, sqlite3_stmt **ret_stmt, const char **ret_tail)
{
	int error = fault_strikes(FAULT_SQL, sql);
	if (error == 0)
		return __real_sqlite3_prepare_v3(db, sql, n, flags, ret_stmt, ret_tail);
	*ret_stmt = NULL;
	return error;
}

int __wrap_sqlite3_step(sqlite3_stmt *stmt)
{
	const char *sql = sqlite3_sql(stmt);
	int error = fault_strikes(FAULT_SQL, sql);
	if (error == 0 || (sql && strcmp(sql, "ROLLBACK") == 0)) {
		int code = __real_sqlite3_step(stmt);
		return error == 0 ? code : error;
	}
	return error;
}

/* Runs the script statement by statement, so that it may fail in the middle. No caller wants the rows. */
int __wrap_sqlite3_exec(
	sqlite3 *db, const char *sql, int (*fn)(void *, int, char **, char **), void *arg, char **ret_error)
{
	int code = SQLITE_OK;
	if (fn)
		return __real_sqlite3_exec(db, sql, fn, arg, ret_error);
	while (code == SQLITE_OK && *sql) {
		sqlite3_stmt *stmt = NULL;
		code = __wrap_sqlite3_prepare_v2(db, sql, -1, &stmt, &sql);
		if (code != SQLITE_OK || !stmt)
			continue;
		do
			code = __wrap_sqlite3_step(stmt);
		while (code == SQLITE_ROW);
		sqlite3_finalize(stmt);
		code = code == SQLITE_DONE ? SQLITE_OK : code;
	}
	if (ret_error)
		*ret_error = code == SQLITE_OK ? NULL : sqlite3_mprintf("a call that fails");
	return code;
}

int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int mode, int *ret_frames, int *ret_done)
{
	int error = fault_strikes(FAULT_SQL, "checkpoint");
	return error != 0 ? error : __real_sqlite3_wal_checkpoint_v2(db, name, mode, ret_frames, ret_done);
}

unsigned char *__wrap_sqlite3_serialize(
	sqlite3 *db, const char *name, sqlite3_int64 *ret_size, unsigned flags)
{
	return fault_strikes(FAULT_SQL, "serialize") ? NULL
						     : __real_sqlite3_serialize(db, name, ret_size, flags);
}

int __wrap_sqlite3_backup_step(sqlite3_backup *backup, int pages)
{
	fault.backup = fault_strikes(FAULT_SQL, "copy of a database");
	return fault.backup != 0 ? fault.backup : __real_sqlite3_backup_step(backup, pages);
}

int __wrap_sqlite3_backup_finish(sqlite3_backup *backup)
{
	int code = __real_sqlite3_backup_finish(backup);
	int error = fault.backup;
	fault.backup = 0;
	return error != 0 ? error : code;
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* Files. */

static int fault_open(void *ctx, const char *path, int flags, mode_t mode)
{
	int error = fault_strikes(FAULT_OPEN, path);
	if (error == 0)
		return io_real.open(ctx, path, flags, mode);
	errno = error;
	return -1;
}

static DIR *fault_opendir(void *ctx, const char *path)
{
	int error = fault_strikes(FAULT_OPEN, path);
	if (error == 0)
		return io_real.opendir(ctx, path);
	errno = error;
	return NULL;
}

static ssize_t fault_pread(void *ctx, int fd, void *p, size_t n, off_t offset)
{
	int error = fault_strikes(FAULT_READ, "read");
	if (error == 0)
		return io_real.pread(ctx, fd, p, n, offset);
	errno = error;
	return -1;
}

static int fault_no_sync(void *ctx, int fd)
{
	(void)ctx;
	(void)fd;
	return 0;
}

struct io *fault_io(void)
{
	fault.io = io_real;
	fault.io.open = fault_open;
	fault.io.opendir = fault_opendir;
	fault.io.pread = fault_pread;
	fault.io.fdatasync = fault.io.fsync = fault.io.syncfs = fault_no_sync;
	return &fault.io;
}
