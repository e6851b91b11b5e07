/*
 * One SQLite connection with a cache of prepared statements. It belongs to a strand; nothing here locks.
 * Errors are logged here, once, and mapped to enum rc. A statement is found by the address of its text, so
 * texts are string constants; it is prepared when first used and kept. [strand] functions of mailboxes,
 * messages and blobs use only the part below "Statements"; only job.c begins and ends transactions.
 */
#ifndef COID_STORE_DB_H
#define COID_STORE_DB_H

#include "base/log.h"
#include "base/rc.h"
#include "base/strv.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct db;
struct seqset;

/* Statements. */

/*
 * The statement for this text, reset, without bindings. It must not be in use: a walk that calls code which
 * uses the same text needs a second text. Errors: RC_NOSPACE, RC_CORRUPT, RC_IO, RC_READONLY, RC_UNAVAILABLE
 * (busy, no memory, anything else). Text that does not compile is a bug: it is logged, RC_CORRUPT.
 */
enum rc db_prepare(struct db *db, const char *sql, sqlite3_stmt **ret_stmt) MUST_CHECK;

/* Parameters are numbered from 1. Bytes are borrowed until db_reset (or the end of db_exec). */
void db_bind_i64(struct db *db, sqlite3_stmt *stmt, int param, int64_t value);
void db_bind_u64(
	struct db *db, sqlite3_stmt *stmt, int param, uint64_t value); /* stored as the int64 of its bits */
void db_bind_text(struct db *db, sqlite3_stmt *stmt, int param, struct strv value);
void db_bind_blob(struct db *db, sqlite3_stmt *stmt, int param, struct strv value);
void db_bind_null(struct db *db, sqlite3_stmt *stmt, int param);

/*
 * RC_OK: there is a row. RC_NOT_FOUND: no more rows; the statement has been reset. Any error also resets it.
 */
enum rc db_step(struct db *db, sqlite3_stmt *stmt) MUST_CHECK;
/*
 * Runs the statement to its end, ignoring rows, and resets it. RC_EXISTS, not logged: UNIQUE or PRIMARY KEY
 * was violated.
 */
enum rc db_exec(struct db *db, sqlite3_stmt *stmt) MUST_CHECK;
/* Ends a walk early (or after a single expected row). Accepts NULL. */
void db_reset(sqlite3_stmt *stmt);

/*
 * Short forms in one call. `types` has a letter for each parameter: i int64_t, u uint64_t, d uint32_t or int,
 * t text (struct strv), b blob (struct strv), n NULL (no argument). The argument must have exactly that type.
 *   rc = db_run(db, "UPDATE mailbox SET uidnext = ?2 WHERE id = ?1", "id", mailbox, uidnext);
 * db_run runs to the end. db_query prepares and binds, for db_step. db_one also steps once: RC_NOT_FOUND if
 * there is no row, else the caller reads the columns and calls db_reset.
 */
enum rc db_run(struct db *db, const char *sql, const char *types, ...) MUST_CHECK;
enum rc db_query(struct db *db, sqlite3_stmt **ret_stmt, const char *sql, const char *types, ...) MUST_CHECK;
enum rc db_one(struct db *db, sqlite3_stmt **ret_stmt, const char *sql, const char *types, ...) MUST_CHECK;

/* Columns are numbered from 0. Views live until the next db_step or db_reset of the statement. */
int64_t db_i64(sqlite3_stmt *stmt, int column);
uint64_t db_u64(sqlite3_stmt *stmt, int column);
uint32_t db_u32(sqlite3_stmt *stmt, int column);
struct strv db_text(sqlite3_stmt *stmt, int column);
struct strv db_blob(sqlite3_stmt *stmt, int column);
bool db_is_null(sqlite3_stmt *stmt, int column);
/* The UIDs in the first column of all rows of a query, which is reset afterwards. The caller owns the set. */
enum rc db_uids(struct db *db, sqlite3_stmt *stmt, struct seqset *ret_uids) MUST_CHECK;

/*
 * A read job calls this before it writes a result that it keeps for later (a cache row): then the commit of a
 * statement outside a transaction is not synced.
 */
void db_relax(struct db *db);

int64_t db_last_id(struct db *db);
/* Rows changed by the last db_exec / db_run. */
int64_t db_changes(struct db *db);
/*
 * The handle for sqlite3_blob_open and the like. Close what you open with it before the job (or slice) ends.
 */
sqlite3 *db_handle(struct db *db);
/* Maps and logs the result of a call made on db_handle; `what` names the call. */
enum rc db_result(struct db *db, int result, const char *what) MUST_CHECK;

/* Connection and transactions: job.c, account.c, users.c, check.c. */

/*
 * Opens an existing database file (create: also makes one, with our page size and vacuum mode) with all
 * pragmas: exclusive, WAL, no automatic checkpoint. `vfs` NULL: SQLite's own. `name` is for log lines and
 * copied.
 */
enum rc db_open(const char *path, const char *vfs, bool create, const char *name, struct log *log,
	struct db **ret_db) MUST_CHECK;
/* Closes the connection without a checkpoint and without a sync. */
void db_close(struct db **db);

/*
 * Connections for accounts, kept for the next account when one is closed (db_spare.c). At most `max` of them
 * wait. Any thread. `vfs` is borrowed.
 */
struct db_spares;
struct db_spares *db_spares_new(const char *vfs, unsigned max);
void db_spares_free(struct db_spares **spares);
/* Do what db_open (without create) and db_close do. */
enum rc db_spare_open(struct db_spares *spares, const char *path, const char *name, struct log *log,
	struct db **ret_db) MUST_CHECK;
void db_spare_close(struct db_spares *spares, struct db **db);

/* Runs several statements from a text, by sqlite3_exec. */
enum rc db_script(struct db *db, const char *sql) MUST_CHECK;
/* BEGIN IMMEDIATE; full: its COMMIT syncs. */
enum rc db_begin(struct db *db, bool full) MUST_CHECK;
enum rc db_commit(struct db *db) MUST_CHECK;
/* Does nothing outside a transaction. */
void db_rollback(struct db *db);
bool db_in_transaction(struct db *db);
enum rc db_savepoint(struct db *db) MUST_CHECK;
enum rc db_release(struct db *db) MUST_CHECK;
enum rc db_rollback_to(struct db *db) MUST_CHECK;
/* True: the file was opened for reading, because its file system takes no writes. To write, open it again. */
bool db_read_only(struct db *db);
/*
 * True: after the failure of the last db_commit it is unknown whether the transaction is in the WAL (promise
 * 4).
 */
bool db_commit_uncertain(const struct db *db);

/* Syncs the relaxed commits in the WAL. */
enum rc db_sync_wal(struct db *db) MUST_CHECK;
/*
 * Copies the WAL into the database file. truncate: also empties the WAL, of which nothing is needed any more.
 */
enum rc db_checkpoint(struct db *db, bool truncate) MUST_CHECK;
/*
 * Writes the WAL over itself and syncs it. Call this before a checkpoint if a sync of the WAL has failed, in
 * this process or in one before it. The kernel may hold frames that will never reach the disk, however often
 * the WAL is synced. After a power cut in the middle of the checkpoint SQLite would find the end of the WAL
 * before them, and older pages in it would cover some of the newer ones in the database.
 */
enum rc db_wal_rewrite(struct db *db) MUST_CHECK;
/* Writes the WAL anew (db_wal_rewrite), then makes a checkpoint that truncates it. */
enum rc db_checkpoint_doubtful(struct db *db) MUST_CHECK;
/* Frames in the WAL after the last commit. db_wal_found sets the number at opening. */
unsigned db_wal_frames(const struct db *db);
void db_wal_found(struct db *db, unsigned frames);
/* The salt, which differs between this WAL and earlier ones. RC_NOT_FOUND: it has no header. */
enum rc db_wal_salt(struct db *db, uint64_t *ret_salt) MUST_CHECK;
/*
 * Tells that the WAL is empty and that its emptiness is on disk: its header need not be synced before its
 * frames.
 */
void db_wal_blank(struct db *db);
/* The status of the open database and WAL files, whatever their names lead to by now. */
enum rc db_files(struct db *db, struct stat *ret_db, struct stat *ret_wal) MUST_CHECK;
/* About the number of bytes that the current transaction will add to the WAL. */
uint64_t db_pending_bytes(struct db *db);
enum rc db_quick_check(struct db *db) MUST_CHECK;
enum rc db_version(struct db *db, int *ret_version) MUST_CHECK;
/*
 * Makes a complete copy as a new file. The copy is synced, and so is its name, as that of each file that
 * SQLite makes through our VFS.
 */
enum rc db_backup(struct db *db, const char *path, const char *vfs) MUST_CHECK;

#endif
