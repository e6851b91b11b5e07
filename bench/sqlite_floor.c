/*
 * Measures SQLite alone with a small transaction in a database that is not open: many databases with the
 * tables of an account, one after the other, each of them changed once.
 *
 * sqlite_floor open|reuse FOLDER DATABASES ROUNDS [sync]
 *
 * `open`: a connection for each, as it is meant: open, pragmas, read the schema, prepare, change, close.
 * `reuse`: one connection for all of them, as the store uses it (store/db_spare.c). `sync`: commits are
 * synced.
 */
#include "base/log.h"
#include "store/db.h"
#include "store/io.h"
#include "store/schema.h"
#include "store/vfs.h"

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
#define STEP 7919 /* a prime: the order of the databases */

static const char pragmas[] =
	"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
	"PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST; PRAGMA cache_size = -512;"
	"PRAGMA wal_autocheckpoint = 0;";

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

static void change_opened(const char *folder, unsigned i, bool sync)
{
	char path[PATH_ROOM];
	sqlite3 *db;
	sqlite3_stmt *stmts[STATEMENTS];
	int on = 1;
	const char *synchronous = sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
	database_path(path, folder, i, "");
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		die(db, path);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	if (sqlite3_exec(db, pragmas, NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(db, synchronous, NULL, NULL, NULL) != SQLITE_OK)
		die(db, "pragmas");
	prepare_all(db, stmts);
	run_all(db, stmts);
	for (size_t k = 0; k < STATEMENTS; k++)
		sqlite3_finalize(stmts[k]);
	sqlite3_close(db);
}

/* BEGIN and COMMIT of the list are db_begin and db_commit here. */
static void change_reused(
	struct db_spares *spares, struct log *log, const char *folder, unsigned i, bool sync)
{
	char path[PATH_ROOM];
	struct db *db = NULL;
	database_path(path, folder, i, "");
	if (db_spare_open(spares, path, "floor", log, &db) != RC_OK)
		die(NULL, path);
	for (size_t k = 0; k < STATEMENTS; k++) {
		bool begin = strncmp(sql[k], "BEGIN", 5) == 0, commit = strcmp(sql[k], "COMMIT") == 0;
		enum rc rc = begin ? db_begin(db, sync) : commit ? db_commit(db) : db_run(db, sql[k], "");
		if (rc != RC_OK)
			die(NULL, sql[k]);
	}
	db_spare_close(spares, &db);
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
	struct log *log = log_new(2, LOG_LEVEL_ERROR);
	struct io io = io_real;
	struct vfs *vfs = vfs_new(&io);
	struct db_spares *spares = db_spares_new(vfs_name(vfs), 1);
	for (unsigned round = 0; round < rounds; round++) {
		double cpu = cpu_seconds(), wall = wall_seconds();
		for (unsigned i = 0; i < count; i++) {
			unsigned at = (unsigned)((uint64_t)i * STEP % count);
			if (reuse)
				change_reused(spares, log, argv[2], at, sync);
			else
				change_opened(argv[2], at, sync);
		}
		printf("%s round %u: %.0f us CPU, %.0f us, for each database\n", argv[1], round,
			(cpu_seconds() - cpu) * 1e6 / count, (wall_seconds() - wall) * 1e6 / count);
	}
	db_spares_free(&spares);
	vfs_free(&vfs);
	log_free(&log);
	return 0;
}
