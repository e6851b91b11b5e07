/*
 * Measures SQLite alone with a small transaction in a database that is not open: many databases with the
 * tables of an account, one after the other, each of them changed once.
 *
 * sqlite_floor open|reuse FOLDER DATABASES ROUNDS [sync]
 *
 * `open`: a connection for each, as it is meant: open, pragmas, read the schema, prepare, change, close.
 * `reuse`: one connection for all of them. Its VFS puts the files of the next database beneath it and clears
 * the header of the WAL index, which it keeps in memory. SQLite takes that for the work of another process:
 * it reads the WAL again and drops its pages, but the schema (whose cookie is the same) and the statements
 * stay. `sync`: commits are synced.
 */
#include "base/log.h"
#include "store/schema.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_ROOM 512
#define SHM_PIECES 64
#define WAL_INDEX_HEADER 136 /* octets: two copies of the header, and what follows them */
#define STEP 7919 /* a prime: the order of the databases */

static const char *const pragmas[] = {
	"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;",
	"PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST; PRAGMA cache_size = -512;"
	"PRAGMA wal_autocheckpoint = 0;",
};

static const char *const sql[] = {
	"SELECT modseq_ceiling, boot_id, clean FROM account",
	"SELECT id, name, attrs, uidvalidity, uidnext, highestmodseq FROM mailbox",
	"SELECT count(*) FROM msg WHERE mailbox = 1 AND uid > 5",
	"BEGIN IMMEDIATE",
	"UPDATE account SET modseq_ceiling = modseq_ceiling + 1, clean = 0",
	"UPDATE mailbox SET uidnext = uidnext + 1 WHERE id = 1",
	"COMMIT",
};
#define STATEMENTS (sizeof(sql) / sizeof(sql[0]))

static void die(sqlite3 *db, const char *what)
{
	fprintf(stderr, "sqlite_floor: %s: %s\n", what, db ? sqlite3_errmsg(db) : "failed");
	exit(1);
}

static double cpu_seconds(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double wall_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The VFS of `reuse`. One thread, one connection. */

struct floor_file {
	sqlite3_file base;
	bool wal;
};

static int floor_db = -1, floor_wal = -1;
static void *floor_shm[SHM_PIECES];

static int floor_fd(sqlite3_file *file)
{
	return ((struct floor_file *)file)->wal ? floor_wal : floor_db;
}

static int floor_close(sqlite3_file *file)
{
	(void)file;
	return SQLITE_OK;
}

static int floor_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
	ssize_t got = pread(floor_fd(file), p, (size_t)n, at);
	if (got == n)
		return SQLITE_OK;
	if (got < 0)
		return SQLITE_IOERR_READ;
	memset((char *)p + got, 0, (size_t)(n - got));
	return SQLITE_IOERR_SHORT_READ;
}

static int floor_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	return pwrite(floor_fd(file), p, (size_t)n, at) == n ? SQLITE_OK : SQLITE_IOERR_WRITE;
}

static int floor_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return ftruncate(floor_fd(file), size) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int floor_sync(sqlite3_file *file, int flags)
{
	(void)flags;
	return fdatasync(floor_fd(file)) == 0 ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int floor_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	struct stat st;
	if (fstat(floor_fd(file), &st) != 0)
		return SQLITE_IOERR_FSTAT;
	*ret_size = st.st_size;
	return SQLITE_OK;
}

static int floor_lock(sqlite3_file *file, int level)
{
	(void)file;
	(void)level;
	return SQLITE_OK;
}

static int floor_reserved(sqlite3_file *file, int *ret_reserved)
{
	(void)file;
	*ret_reserved = 0;
	return SQLITE_OK;
}

static int floor_control(sqlite3_file *file, int op, void *arg)
{
	(void)file;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int floor_sector(sqlite3_file *file)
{
	(void)file;
	return 4096;
}

static int floor_features(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int floor_shm_map(sqlite3_file *file, int i, int size, int extend, void volatile **ret_p)
{
	(void)file;
	if (i >= SHM_PIECES)
		return SQLITE_NOMEM;
	if (!floor_shm[i] && extend)
		floor_shm[i] = calloc(1, (size_t)size);
	*ret_p = floor_shm[i];
	return SQLITE_OK;
}

static int floor_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	(void)file;
	(void)offset;
	(void)n;
	(void)flags;
	return SQLITE_OK;
}

static void floor_shm_barrier(sqlite3_file *file)
{
	(void)file;
}

static int floor_shm_unmap(sqlite3_file *file, int remove)
{
	(void)file;
	(void)remove;
	return SQLITE_OK;
}

static const sqlite3_io_methods floor_methods = {
	.iVersion = 2,
	.xClose = floor_close,
	.xRead = floor_read,
	.xWrite = floor_write,
	.xTruncate = floor_truncate,
	.xSync = floor_sync,
	.xFileSize = floor_size,
	.xLock = floor_lock,
	.xUnlock = floor_lock,
	.xCheckReservedLock = floor_reserved,
	.xFileControl = floor_control,
	.xSectorSize = floor_sector,
	.xDeviceCharacteristics = floor_features,
	.xShmMap = floor_shm_map,
	.xShmLock = floor_shm_lock,
	.xShmBarrier = floor_shm_barrier,
	.xShmUnmap = floor_shm_unmap,
};

static int floor_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *ret_flags)
{
	(void)vfs;
	(void)name;
	*(struct floor_file *)file =
		(struct floor_file){ .base.pMethods = &floor_methods, .wal = flags & SQLITE_OPEN_WAL };
	if (ret_flags)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int floor_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	(void)name;
	(void)sync;
	return SQLITE_OK;
}

static int floor_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret_there)
{
	(void)vfs;
	(void)flags;
	*ret_there = strstr(name, "-wal") != NULL;
	return SQLITE_OK;
}

static int floor_path(sqlite3_vfs *vfs, const char *name, int size, char *ret_path)
{
	(void)vfs;
	snprintf(ret_path, (size_t)size, "%s", name);
	return SQLITE_OK;
}

/* Salts need not be good here. */
static int floor_random(sqlite3_vfs *vfs, int n, char *ret_octets)
{
	(void)vfs;
	for (int i = 0; i < n; i++)
		ret_octets[i] = (char)rand();
	return n;
}

static sqlite3_vfs floor_vfs = {
	.iVersion = 1,
	.szOsFile = sizeof(struct floor_file),
	.mxPathname = PATH_ROOM,
	.zName = "floor",
	.xOpen = floor_open,
	.xDelete = floor_delete,
	.xAccess = floor_access,
	.xFullPathname = floor_path,
	.xRandomness = floor_random,
};

/* The databases. */

static void database_path(char path[PATH_ROOM], const char *folder, unsigned i, const char *suffix)
{
	snprintf(path, PATH_ROOM, "%s/%u.db%s", folder, i, suffix);
}

static void make_first(const char *path)
{
	sqlite3 *db;
	struct log *log = log_new(2, LOG_LEVEL_ERROR);
	if (sqlite3_open(path, &db) != SQLITE_OK || schema_create(db, log) != RC_OK)
		die(db, "schema");
	if (sqlite3_exec(db,
		    "INSERT OR IGNORE INTO account (one, modseq, modseq_ceiling, boot_id, clean, "
		    "uidvalidity) "
		    "VALUES (1, 1, 1000, '', 1, 1); PRAGMA journal_mode = WAL;",
		    NULL, NULL, NULL) != SQLITE_OK)
		die(db, "first row");
	sqlite3_close(db);
	log_free(&log);
}

static void copy_file(const char *from, const char *to)
{
	char bytes[65536];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	if (!in || !out)
		die(NULL, to);
	for (size_t n = fread(bytes, 1, sizeof(bytes), in); n > 0; n = fread(bytes, 1, sizeof(bytes), in))
		if (fwrite(bytes, 1, n, out) != n)
			die(NULL, to);
	if (fclose(out) != 0)
		die(NULL, to);
	fclose(in);
}

static void make_all(const char *folder, unsigned count)
{
	char first[PATH_ROOM], path[PATH_ROOM];
	database_path(first, folder, 0, "");
	make_first(first);
	for (unsigned i = 1; i < count; i++) {
		database_path(path, folder, i, "");
		copy_file(first, path);
	}
}

/* The work. */

static void prepare_all(sqlite3 *db, sqlite3_stmt *stmts[STATEMENTS])
{
	for (size_t i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &stmts[i], NULL) !=
			SQLITE_OK)
			die(db, sql[i]);
}

static void run_all(sqlite3 *db, sqlite3_stmt *stmts[STATEMENTS])
{
	for (size_t i = 0; i < STATEMENTS; i++) {
		int code = sqlite3_step(stmts[i]);
		while (code == SQLITE_ROW)
			code = sqlite3_step(stmts[i]);
		if (code != SQLITE_DONE)
			die(db, sql[i]);
		sqlite3_reset(stmts[i]);
	}
}

static void set_up(sqlite3 *db, bool exclusive, bool sync)
{
	const char *synchronous = sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF";
	if ((exclusive && sqlite3_exec(db, pragmas[0], NULL, NULL, NULL) != SQLITE_OK) ||
		sqlite3_exec(db, pragmas[1], NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(db, synchronous, NULL, NULL, NULL) != SQLITE_OK)
		die(db, "pragmas");
}

static void change_opened(const char *folder, unsigned i, bool sync)
{
	char path[PATH_ROOM];
	sqlite3 *db;
	sqlite3_stmt *stmts[STATEMENTS];
	int on = 1;
	database_path(path, folder, i, "");
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		die(db, path);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	set_up(db, true, sync);
	prepare_all(db, stmts);
	run_all(db, stmts);
	for (size_t k = 0; k < STATEMENTS; k++)
		sqlite3_finalize(stmts[k]);
	sqlite3_close(db);
}

static void change_reused(const char *folder, unsigned i, bool sync)
{
	static sqlite3 *db;
	static sqlite3_stmt *stmts[STATEMENTS];
	char path[PATH_ROOM];
	if (floor_db >= 0) {
		close(floor_db);
		close(floor_wal);
	}
	database_path(path, folder, i, "");
	floor_db = open(path, O_RDWR);
	database_path(path, folder, i, "-wal");
	floor_wal = open(path, O_RDWR | O_CREAT, 0600);
	if (floor_db < 0 || floor_wal < 0)
		die(NULL, path);
	if (floor_shm[0])
		memset(floor_shm[0], 0, WAL_INDEX_HEADER);
	if (!db) {
		if (sqlite3_open_v2("any", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, "floor") !=
			SQLITE_OK)
			die(db, "open");
		set_up(db, false, sync);
		prepare_all(db, stmts);
	}
	run_all(db, stmts);
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: see the head of bench/sqlite_floor.c\n");
		return 64;
	}
	bool reuse = strcmp(argv[1], "reuse") == 0, sync = argc > 5;
	unsigned count = (unsigned)strtoul(argv[3], NULL, 10), rounds = (unsigned)strtoul(argv[4], NULL, 10);
	if (count == 0)
		return 64;
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
	make_all(argv[2], count);
	if (reuse)
		sqlite3_vfs_register(&floor_vfs, 0);
	for (unsigned round = 0; round < rounds; round++) {
		double cpu = cpu_seconds(), wall = wall_seconds();
		for (unsigned i = 0; i < count; i++) {
			unsigned at = (unsigned)((uint64_t)i * STEP % count);
			if (reuse)
				change_reused(argv[2], at, sync);
			else
				change_opened(argv[2], at, sync);
		}
		printf("%s round %u: %.0f us CPU, %.0f us, for each database\n", argv[1], round,
			(cpu_seconds() - cpu) * 1e6 / count, (wall_seconds() - wall) * 1e6 / count);
	}
	return 0;
}
