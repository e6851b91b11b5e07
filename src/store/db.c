/*
 * SQLite connections: opening with the pragmas, prepared statements, transactions, checkpoints, error codes.
 */
#include "store/db_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/seqset.h"
#include "store/vfs.h"

#define STATEMENTS_START 32 /* slots; a power of two */
#define CACHE_KIB 512 /* of pages, a connection */
#define WAL_SALT_OFFSET 16
#define REWRITE_PIECE 65536 /* bytes */
#define ROW_BYTES 256 /* about what a changed row adds to the WAL */

/* The statement is found by the address of this text, as all statements are. */
static const char rollback_sql[] = "ROLLBACK";

static enum rc constraint_rc(int code)
{
	bool unique = code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
		      code == SQLITE_CONSTRAINT_ROWID;
	return unique ? RC_EXISTS : RC_CORRUPT;
}

/* Maps SQLite's codes. Codes that are not named here mean "not now". */
static enum rc code_rc(int code)
{
	if (code == SQLITE_IOERR_NOMEM)
		return RC_UNAVAILABLE;
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return RC_OK;
	case SQLITE_FULL:
		return RC_NOSPACE;
	case SQLITE_ERROR:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
	case SQLITE_MISUSE:
		return RC_CORRUPT;
	case SQLITE_IOERR:
		return RC_IO;
	case SQLITE_READONLY:
		return RC_READONLY;
	case SQLITE_CONSTRAINT:
		return constraint_rc(code);
	case SQLITE_TOOBIG:
		return RC_LIMIT;
	default:
		return RC_UNAVAILABLE;
	}
}

enum rc db_result(struct db *db, int result, const char *what)
{
	enum rc rc = code_rc(result);
	if (rc == RC_OK || rc == RC_EXISTS)
		return rc;
	db->last_code = result;
	int errnum = sqlite3_system_errno(db->handle);
	log_error(db->log, "database error db=%s at=%s code=%d errno=%d error=%s", db->name,
		LOG_V(strv_cstr(what)), result, errnum, LOG_V(strv_cstr(sqlite3_errmsg(db->handle))));
	return rc;
}

static size_t statement_slot(const struct statement *table, size_t slots, const char *sql)
{
	size_t i = (size_t)(((uintptr_t)sql >> 3) * 0x9e3779b97f4a7c15u >> 32) & (slots - 1);
	while (table[i].sql && table[i].sql != sql)
		i = (i + 1) & (slots - 1);
	return i;
}

static void statements_grow(struct db *db)
{
	size_t slots = db->slots ? db->slots * 2 : STATEMENTS_START;
	struct statement *table = mem_zalloc(slots * sizeof(*table));
	for (size_t i = 0; i < db->slots; i++)
		if (db->statements[i].sql)
			table[statement_slot(table, slots, db->statements[i].sql)] = db->statements[i];
	free(db->statements);
	db->statements = table;
	db->slots = slots;
}

enum rc db_prepare(struct db *db, const char *sql, sqlite3_stmt **ret_stmt)
{
	if (db->used * 2 >= db->slots)
		statements_grow(db);
	struct statement *slot = &db->statements[statement_slot(db->statements, db->slots, sql)];
	if (!slot->sql) {
		sqlite3_stmt *stmt = NULL;
		int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
		if (code != SQLITE_OK)
			return db_result(db, code, sql);
		*slot = (struct statement){ .sql = sql, .stmt = stmt };
		db->used++;
	}
	if (sqlite3_stmt_busy(slot->stmt)) {
		log_error(db->log, "statement used within its own walk db=%s sql=%s", db->name,
			LOG_V(strv_cstr(sql)));
		abort();
	}
	*ret_stmt = slot->stmt;
	return RC_OK;
}

void db_reset(sqlite3_stmt *stmt)
{
	if (!stmt)
		return;
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

/*
 * Binding fails only for a wrong number or for lack of memory. An unbound parameter is NULL, so the step
 * fails then.
 */
void db_bind_i64(struct db *db, sqlite3_stmt *stmt, int param, int64_t value)
{
	(void)db;
	sqlite3_bind_int64(stmt, param, value);
}

void db_bind_u64(struct db *db, sqlite3_stmt *stmt, int param, uint64_t value)
{
	(void)db;
	sqlite3_bind_int64(stmt, param, (int64_t)value);
}

void db_bind_text(struct db *db, sqlite3_stmt *stmt, int param, struct strv value)
{
	db->bound_bytes += value.n;
	sqlite3_bind_text64(stmt, param, value.p ? value.p : "", value.n, SQLITE_STATIC, SQLITE_UTF8);
}

void db_bind_blob(struct db *db, sqlite3_stmt *stmt, int param, struct strv value)
{
	db->bound_bytes += value.n;
	sqlite3_bind_blob64(stmt, param, value.p ? value.p : "", value.n, SQLITE_STATIC);
}

void db_bind_null(struct db *db, sqlite3_stmt *stmt, int param)
{
	(void)db;
	sqlite3_bind_null(stmt, param);
}

enum rc db_step(struct db *db, sqlite3_stmt *stmt)
{
	int code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		return RC_OK;
	enum rc rc = code == SQLITE_DONE ? RC_NOT_FOUND : db_result(db, code, sqlite3_sql(stmt));
	db_reset(stmt);
	return rc;
}

enum rc db_exec(struct db *db, sqlite3_stmt *stmt)
{
	enum rc rc;
	do
		rc = db_step(db, stmt);
	while (rc == RC_OK);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc db_uids(struct db *db, sqlite3_stmt *stmt, struct seqset *ret_uids)
{
	struct seqset uids = SEQSET_EMPTY;
	enum rc rc;

	for (rc = db_step(db, stmt); rc == RC_OK; rc = db_step(db, stmt))
		seqset_add(&uids, db_u32(stmt, 0));
	if (rc != RC_NOT_FOUND) {
		seqset_fini(&uids);
		return rc;
	}
	*ret_uids = uids;
	return RC_OK;
}

static void bind_all(struct db *db, sqlite3_stmt *stmt, const char *types, va_list args)
{
	for (int param = 1; *types; types++, param++) {
		switch (*types) {
		case 'i':
			db_bind_i64(db, stmt, param, va_arg(args, int64_t));
			break;
		case 'u':
			db_bind_u64(db, stmt, param, va_arg(args, uint64_t));
			break;
		case 'd':
			db_bind_i64(db, stmt, param, va_arg(args, uint32_t));
			break;
		case 't':
			db_bind_text(db, stmt, param, va_arg(args, struct strv));
			break;
		case 'b':
			db_bind_blob(db, stmt, param, va_arg(args, struct strv));
			break;
		case 'n':
			db_bind_null(db, stmt, param);
			break;
		default:
			abort();
		}
	}
}

enum rc db_run(struct db *db, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_prepare(db, sql, &stmt);
	if (rc != RC_OK)
		return rc;
	va_list args;
	va_start(args, types);
	bind_all(db, stmt, types, args);
	va_end(args);
	return db_exec(db, stmt);
}

enum rc db_query(struct db *db, sqlite3_stmt **ret_stmt, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_prepare(db, sql, &stmt);
	if (rc != RC_OK)
		return rc;
	va_list args;
	va_start(args, types);
	bind_all(db, stmt, types, args);
	va_end(args);
	*ret_stmt = stmt;
	return RC_OK;
}

enum rc db_one(struct db *db, sqlite3_stmt **ret_stmt, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_prepare(db, sql, &stmt);
	if (rc != RC_OK)
		return rc;
	va_list args;
	va_start(args, types);
	bind_all(db, stmt, types, args);
	va_end(args);
	rc = db_step(db, stmt);
	if (rc == RC_OK)
		*ret_stmt = stmt;
	return rc;
}

int64_t db_i64(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_int64(stmt, column);
}

uint64_t db_u64(sqlite3_stmt *stmt, int column)
{
	return (uint64_t)sqlite3_column_int64(stmt, column);
}

uint32_t db_u32(sqlite3_stmt *stmt, int column)
{
	return (uint32_t)sqlite3_column_int64(stmt, column);
}

struct strv db_text(sqlite3_stmt *stmt, int column)
{
	const void *p = sqlite3_column_text(stmt, column);
	return strv_make(p, p ? (size_t)sqlite3_column_bytes(stmt, column) : 0);
}

struct strv db_blob(sqlite3_stmt *stmt, int column)
{
	const void *p = sqlite3_column_blob(stmt, column);
	return strv_make(p, p ? (size_t)sqlite3_column_bytes(stmt, column) : 0);
}

bool db_is_null(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_type(stmt, column) == SQLITE_NULL;
}

int64_t db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes64(db->handle);
}

sqlite3 *db_handle(struct db *db)
{
	return db->handle;
}

enum rc db_script(struct db *db, const char *sql)
{
	return db_result(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL), sql);
}

/* SQLite calls this after each commit. Because it is set, SQLite does not checkpoint by itself. */
static int wal_grew(void *arg, sqlite3 *handle, const char *schema, int frames)
{
	struct db *db = arg;
	(void)handle;
	(void)schema;
	db->wal_frames = (unsigned)frames;
	return SQLITE_OK;
}

static enum rc db_is_new(struct db *db, bool *ret_new)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(db, &stmt, "PRAGMA page_count", "");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	*ret_new = db_i64(stmt, 0) == 0;
	db_reset(stmt);
	return RC_OK;
}

/* This runs before anything else: if a later step fails, the WAL stays as it is and still fits the ledger. */
static void db_keep_wal(struct db *db)
{
	int on = 1;
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
}

/*
 * locking_mode has to be the first pragma: any other would read the schema and map the WAL index. A
 * connection that may be used for another file later (db_spare.c) leaves the lock to the VFS.
 */
static enum rc db_setup(struct db *db, bool create, bool exclusive)
{
	static const char creating[] = "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL;";
	char sql[400];
	enum rc rc = exclusive ? db_script(db, "PRAGMA locking_mode = EXCLUSIVE") : RC_OK;
	/*
	 * PRAGMA auto_vacuum writes even if nothing changes, but opening an existing database must not write.
	 */
	if (rc == RC_OK && create)
		rc = db_is_new(db, &create);
	if (rc != RC_OK)
		return rc;
	snprintf(sql, sizeof(sql),
		"%s PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		"PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST; PRAGMA cache_size = -%d;"
		"PRAGMA journal_size_limit = 262144; PRAGMA wal_autocheckpoint = 0;",
		create ? creating : "", CACHE_KIB);
	rc = db_script(db, sql);
	if (rc != RC_OK)
		return rc;
	sqlite3_wal_hook(db->handle, wal_grew, db);
	/* This takes the lock and reads the WAL, so that errors show here and not in the first job. */
	return db_script(db, "SELECT count(*) FROM sqlite_schema;");
}

enum rc db_open_how(const char *path, const char *vfs, bool create, bool exclusive, const char *name,
	struct log *log, struct db **ret_db)
{
	struct db *db = mem_zalloc(sizeof(*db));
	db->log = log;
	db->name = mem_strdup(name);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	if (create)
		flags |= SQLITE_OPEN_CREATE;
	int code = sqlite3_open_v2(path, &db->handle, flags, vfs);
	enum rc rc = db->handle ? db_result(db, code, "open") : RC_UNAVAILABLE;
	if (rc == RC_OK) {
		db_keep_wal(db);
		rc = db_setup(db, create, exclusive);
	}
	if (rc == RC_OK)
		*ret_db = db;
	else
		db_close(&db);
	return rc;
}

enum rc db_open(
	const char *path, const char *vfs, bool create, const char *name, struct log *log, struct db **ret_db)
{
	return db_open_how(path, vfs, create, true, name, log, ret_db);
}

void db_close(struct db **db)
{
	struct db *d = *db;
	if (!d)
		return;
	for (size_t i = 0; i < d->slots; i++)
		sqlite3_finalize(d->statements[i].stmt);
	free(d->statements);
	int code = sqlite3_close(d->handle);
	if (code != SQLITE_OK) {
		/* A bug: something opened on db_handle was not closed, and the file would stay locked. */
		log_error(d->log, "database closed while in use db=%s code=%d", d->name, code);
		abort();
	}
	free(d->name);
	free(d);
	*db = NULL;
}

enum rc db_set_full(struct db *db, bool full)
{
	if (db->full == full)
		return RC_OK;
	/* A prepared PRAGMA would take effect when it is prepared, not when it is stepped. */
	enum rc rc = db_script(db, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
	if (rc == RC_OK)
		db->full = full;
	return rc;
}

void db_relax(struct db *db)
{
	if (db_in_transaction(db))
		return;
	enum rc rc = db_set_full(db, false);
	(void)rc; /* then the write is synced, which is slower but not wrong */
}

enum rc db_begin(struct db *db, bool full)
{
	sqlite3_stmt *rollback;
	enum rc rc = db_set_full(db, full);
	/* ROLLBACK is prepared first, so that lack of memory can't prevent it later. */
	if (rc == RC_OK)
		rc = db_prepare(db, rollback_sql, &rollback);
	if (rc == RC_OK)
		rc = db_run(db, "BEGIN IMMEDIATE", "");
	if (rc != RC_OK)
		return rc;
	db->bound_bytes = 0;
	db->changes_before = sqlite3_total_changes64(db->handle);
	db->uncertain = false;
	return RC_OK;
}

enum rc db_commit(struct db *db)
{
	enum rc rc = db_run(db, "COMMIT", "");
	if (rc == RC_OK)
		return RC_OK;
	/*
	 * All frames were written and only their sync has failed, so the commit may be on disk. If a write
	 * fails instead, the last frame, which commits, is incomplete: such a commit does not exist.
	 */
	db->uncertain = rc == RC_IO &&
			(db->last_code == SQLITE_IOERR_FSYNC || db->last_code == SQLITE_IOERR_DIR_FSYNC);
	db_rollback(db);
	return rc;
}

void db_rollback(struct db *db)
{
	if (!db_in_transaction(db))
		return;
	enum rc rc = db_run(db, rollback_sql, "");
	/* A rollback in WAL mode only forgets pages: even if it fails, the transaction is gone. */
	if (rc != RC_OK && db_in_transaction(db))
		abort();
}

bool db_in_transaction(struct db *db)
{
	return sqlite3_get_autocommit(db->handle) == 0;
}

enum rc db_savepoint(struct db *db)
{
	return db_run(db, "SAVEPOINT job", "");
}

enum rc db_release(struct db *db)
{
	return db_run(db, "RELEASE job", "");
}

enum rc db_rollback_to(struct db *db)
{
	enum rc rc = db_run(db, "ROLLBACK TO job", "");
	return rc == RC_OK ? db_release(db) : rc;
}

bool db_read_only(struct db *db)
{
	int read_only = 0;
	int code = sqlite3_file_control(db->handle, "main", VFS_FCNTL_READ_ONLY, &read_only);
	return code == SQLITE_OK && read_only != 0;
}

bool db_commit_uncertain(const struct db *db)
{
	return db->uncertain;
}

enum rc db_sync_wal(struct db *db)
{
	sqlite3_file *file = NULL;
	int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
	if (code == SQLITE_OK && file && file->pMethods)
		code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
	return db_result(db, code, "sync of the WAL");
}

/* Writes the bytes of a file over themselves, so that the kernel holds them as new. */
static int db_file_rewrite(sqlite3_file *file)
{
	sqlite3_int64 size = 0;
	int code = file->pMethods->xFileSize(file, &size);
	char *piece = mem_alloc(REWRITE_PIECE);
	for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += REWRITE_PIECE) {
		int n = size - at < REWRITE_PIECE ? (int)(size - at) : REWRITE_PIECE;
		code = file->pMethods->xRead(file, piece, n, at);
		if (code == SQLITE_OK)
			code = file->pMethods->xWrite(file, piece, n, at);
	}
	free(piece);
	if (code == SQLITE_OK && size > 0)
		code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
	return code;
}

enum rc db_wal_rewrite(struct db *db)
{
	sqlite3_file *file = NULL;
	int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
	if (code == SQLITE_OK && file && file->pMethods)
		code = db_file_rewrite(file);
	return db_result(db, code, "writing the WAL anew");
}

enum rc db_checkpoint_doubtful(struct db *db)
{
	enum rc rc = db_wal_rewrite(db);
	return rc == RC_OK ? db_checkpoint(db, true) : rc;
}

enum rc db_checkpoint(struct db *db, bool truncate)
{
	int frames = 0, done = 0;
	int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
	int code = sqlite3_wal_checkpoint_v2(db->handle, "main", mode, &frames, &done);
	enum rc rc = db_result(db, code, "checkpoint");
	if (rc == RC_OK)
		db->wal_frames = frames == done ? 0 : (unsigned)frames;
	return rc;
}

unsigned db_wal_frames(const struct db *db)
{
	return db->wal_frames;
}

void db_wal_found(struct db *db, unsigned frames)
{
	db->wal_frames = frames;
}

sqlite3_file *db_file(struct db *db, int op)
{
	sqlite3_file *file = NULL;
	int code = sqlite3_file_control(db->handle, "main", op, &file);
	return code == SQLITE_OK && file && file->pMethods ? file : NULL;
}

enum rc db_wal_salt(struct db *db, uint64_t *ret_salt)
{
	unsigned char salt[8];
	sqlite3_file *file = db_file(db, SQLITE_FCNTL_JOURNAL_POINTER);
	if (!file || file->pMethods->xRead(file, salt, sizeof(salt), WAL_SALT_OFFSET) != SQLITE_OK)
		return RC_NOT_FOUND;
	uint64_t value = 0;
	for (size_t i = 0; i < sizeof(salt); i++)
		value = value << 8 | salt[i];
	*ret_salt = value;
	return RC_OK;
}

void db_wal_blank(struct db *db)
{
	vfs_file_blank(db_file(db, SQLITE_FCNTL_JOURNAL_POINTER));
}

enum rc db_files(struct db *db, struct stat *ret_db, struct stat *ret_wal)
{
	sqlite3_file *file = db_file(db, SQLITE_FCNTL_FILE_POINTER);
	sqlite3_file *wal = db_file(db, SQLITE_FCNTL_JOURNAL_POINTER);
	return vfs_file_stat(file, ret_db) && vfs_file_stat(wal, ret_wal) ? RC_OK : RC_IO;
}

uint64_t db_pending_bytes(struct db *db)
{
	int64_t rows = sqlite3_total_changes64(db->handle) - db->changes_before;
	return rows == 0 ? 0 : db->bound_bytes + (uint64_t)rows * ROW_BYTES;
}

enum rc db_quick_check(struct db *db)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(db, &stmt, "PRAGMA quick_check(1)", "");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	struct strv answer = db_text(stmt, 0);
	bool ok = strv_eq(answer, STRV("ok"));
	if (!ok)
		log_error(db->log, "database is damaged db=%s error=%s", db->name, LOG_V(answer));
	db_reset(stmt);
	return ok ? RC_OK : RC_CORRUPT;
}

enum rc db_version(struct db *db, int *ret_version)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(db, &stmt, "PRAGMA user_version", "");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	*ret_version = (int)db_i64(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

enum rc db_backup(struct db *db, const char *path, const char *vfs)
{
	sqlite3 *copy = NULL;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int code = sqlite3_open_v2(path, &copy, flags, vfs);
	if (code == SQLITE_OK)
		code = sqlite3_exec(copy,
			"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = "
			"FULL;",
			NULL, NULL, NULL);
	if (code == SQLITE_OK) {
		sqlite3_backup *backup = sqlite3_backup_init(copy, "main", db->handle, "main");
		if (backup)
			sqlite3_backup_step(backup, -1);
		/* sqlite3_backup_finish also returns the error of the step. */
		code = backup ? sqlite3_backup_finish(backup) : sqlite3_extended_errcode(copy);
	}
	enum rc rc = code_rc(code);
	if (rc != RC_OK)
		log_error(db->log, "database cannot be copied db=%s to=%s code=%d", db->name, path, code);
	sqlite3_close(copy);
	return rc;
}
