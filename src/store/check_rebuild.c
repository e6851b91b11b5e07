/*
 * Makes a new database in place of a lost or damaged one. It is made beside the old one, from all rows that
 * can still be read, and takes its place in one rename when it is complete and on disk; the old one is kept
 * as account.db.lost-<n>. Message files stay where they are and keep their names: files that no row mentions
 * any more are brought back afterwards (check_orphan.c). So a rebuild may be interrupted anywhere: the
 * account has either the old database or the new one.
 */
#include "store/check_priv.h"

#include "base/mem.h"
#include "store/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define COPY_PIECE (256 * 1024)
#define COPY_PAGE 4096u

struct rebuild {
	struct check *check;
	struct account *account;
	bool read; /* some rows could be read */
	struct db *new; /* own */
	bool whole; /* every row of the old one was read */
	bool doubt; /* UIDs can't be trusted */
	bool wal_bad; /* the WAL lacks changes */
	uint64_t recovered;
};

static void rebuild_path(const struct account *account, const char *name, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "%s/%s", account->path, name);
}

static enum rc check_rebuild_fail(struct account *account, const char *what, const char *path)
{
	int error = errno;
	log_error(account->store->log, "%s account=%s path=%s error=%s", what, account_shown(account), path,
		strerror(error));
	return io_rc(error);
}

static void rebuild_unlink(struct account *account, const char *name)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	rebuild_path(account, name, path);
	(void)io->unlink(io->ctx, path);
}

static void rebuild_clear_copy(struct account *account)
{
	rebuild_unlink(account, SWAP_COPY);
	rebuild_unlink(account, SWAP_COPY "-wal");
}

/* Removes the work files of this rebuild, or of an earlier one that was interrupted before its decision. */
static void rebuild_clear(struct account *account)
{
	rebuild_unlink(account, SWAP_BUILD);
	rebuild_unlink(account, SWAP_BUILD "-wal");
	rebuild_clear_copy(account);
}

/*
 * Tells whether an error is no damage: there is no room, or a resource is missing now. Then nothing may be
 * left out.
 */
static bool rebuild_cannot(enum rc rc)
{
	return rc == RC_NOSPACE || rc == RC_READONLY || rc == RC_UNAVAILABLE;
}

static enum rc rebuild_new(struct rebuild *rebuild)
{
	struct account *account = rebuild->account;
	const struct store *store = account->store;
	const struct io *io = store->io;
	char path[PATH_ROOM];
	rebuild_path(account, SWAP_BUILD, path);
	int fd = io->open(io->ctx, path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return check_rebuild_fail(account, "new database cannot be made", path);
	enum rc rc = RC_OK;
	if (!io_write_all(io, fd, store->template, store->template_size, 0))
		rc = check_rebuild_fail(account, "new database cannot be written", path);
	(void)io->close(io->ctx, fd);
	return rc == RC_OK ? db_open(path, vfs_name(store->vfs), false, account_shown(account), store->log,
				     &rebuild->new)
			   : rc;
}

/* Copies a piece of a file page by page, so that a bad sector costs only its own page. */
static void rebuild_copy_piece(const struct io *io, int fd, char *piece, size_t n, uint64_t at)
{
	memset(piece, 0, n);
	if (io_read_all(io, fd, piece, n, at) >= 0)
		return;
	for (size_t i = 0; i < n; i += COPY_PAGE) {
		size_t part = n - i < COPY_PAGE ? n - i : COPY_PAGE;
		memset(piece + i, 0, part);
		(void)io_read_all(io, fd, piece + i, part, at + i);
	}
}

/* Copies a file. Pages that can't be read become zeros. RC_NOT_FOUND: no such file. */
static enum rc rebuild_copy_file(struct account *account, const char *from_name, const char *to_name)
{
	const struct io *io = account->store->io;
	char from[PATH_ROOM], to[PATH_ROOM];
	struct stat st;
	rebuild_path(account, from_name, from);
	rebuild_path(account, to_name, to);
	int in = io->open(io->ctx, from, O_RDONLY, 0);
	if (in < 0)
		return errno == ENOENT ? RC_NOT_FOUND
				       : check_rebuild_fail(account, "file cannot be opened", from);
	int out = io->open(io->ctx, to, O_RDWR | O_CREAT | O_EXCL, 0600);
	enum rc rc = out < 0 || fstat(in, &st) != 0 ? check_rebuild_fail(account, "file cannot be copied", to)
						    : RC_OK;
	char *piece = mem_alloc(COPY_PIECE);
	for (uint64_t at = 0; rc == RC_OK && at < (uint64_t)st.st_size; at += COPY_PIECE) {
		uint64_t left = (uint64_t)st.st_size - at;
		size_t n = left < COPY_PIECE ? (size_t)left : COPY_PIECE;
		rebuild_copy_piece(io, in, piece, n, at);
		if (!io_write_all(io, out, piece, n, at))
			rc = check_rebuild_fail(account, "file cannot be written", to);
	}
	free(piece);
	(void)io->close(io->ctx, in);
	if (out >= 0)
		(void)io->close(io->ctx, out);
	return rc;
}

/* Makes a copy with a header that SQLite can read; the old file stays as it is. */
static enum rc rebuild_mend_header(struct account *account, bool with_wal)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	unsigned char head[DB_FORMAT_HEADER];
	struct stat st;
	enum rc rc = rebuild_copy_file(account, "account.db", SWAP_COPY);
	if (rc == RC_OK && with_wal)
		rc = rebuild_copy_file(account, "account.db-wal", SWAP_COPY "-wal");
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	rebuild_path(account, SWAP_COPY, path);
	int fd = io->open(io->ctx, path, O_RDWR, 0);
	if (fd < 0)
		return check_rebuild_fail(account, "file cannot be opened", path);
	bool ok = fstat(fd, &st) == 0 && io_read_all(io, fd, head, sizeof(head), 0) == (ssize_t)sizeof(head);
	if (ok) {
		check_header_mend(account->store, head, (uint64_t)st.st_size);
		ok = io_write_all(io, fd, head, sizeof(head), 0);
	}
	(void)io->close(io->ctx, fd);
	return ok ? RC_OK : RC_IO;
}

/*
 * Opens an old database in spite of a damaged schema, and changes neither it nor its WAL. *ret_old NULL:
 * there is nothing to read.
 */
static enum rc rebuild_open(struct account *account, const char *name, sqlite3 **ret_old)
{
	char path[PATH_ROOM];
	sqlite3 *old = NULL;
	rebuild_path(account, name, path);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int code = sqlite3_open_v2(path, &old, flags, vfs_name(account->store->vfs));
	int on = 1;
	if (code == SQLITE_OK) {
		sqlite3_db_config(old, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite3_file_control(old, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
		code = sqlite3_exec(old,
			"PRAGMA locking_mode = EXCLUSIVE; PRAGMA writable_schema = ON; PRAGMA "
			"wal_autocheckpoint = 0;"
			"PRAGMA cache_size = -2048; SELECT count(*) FROM sqlite_schema",
			NULL, NULL, NULL);
	}
	*ret_old = code == SQLITE_OK ? old : NULL;
	if (code == SQLITE_OK)
		return RC_OK;
	log_warn(account->store->log, "nothing can be read of the old database account=%s file=%s code=%d",
		account_shown(account), name, code);
	sqlite3_close(old);
	/* The copy was written a moment ago, so a failure to read it is no damage of the old database. */
	if ((code & 0xff) == SQLITE_IOERR && strcmp(name, SWAP_COPY) == 0)
		return RC_IO;
	return check_read_rc(code);
}

static enum rc rebuild_read(struct rebuild *rebuild, const char *name)
{
	sqlite3 *old;
	enum rc rc = rebuild_open(rebuild->account, name, &old);
	if (rc != RC_OK || !old)
		return rc;
	rebuild->read = true;
	rc = check_copy(old, rebuild->new, &rebuild->whole);
	sqlite3_close(old);
	return rc;
}

/*
 * If the WAL is damaged in the middle, the pages behind the damage are written into a copy of the database,
 * and rows are read from that.
 */
static enum rc rebuild_read_wal(struct rebuild *rebuild)
{
	struct account *account = rebuild->account;
	const struct io *io = account->store->io;
	char wal[PATH_ROOM], copy[PATH_ROOM];
	uint64_t pages = 0;
	rebuild_path(account, "account.db-wal", wal);
	rebuild_path(account, SWAP_COPY, copy);
	enum rc rc = rebuild_mend_header(account, false);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	rc = wal_salvage(io, wal, copy, &pages);
	if (rebuild_cannot(rc))
		return rc;
	return rc == RC_OK && pages > 0 ? rebuild_read(rebuild, SWAP_COPY) : RC_OK;
}

/* Reads all sources of rows, beginning with the best. */
static enum rc rebuild_read_all(struct rebuild *rebuild)
{
	struct account *account = rebuild->account;
	unsigned bad = 0;
	enum rc rc = rebuild->wal_bad ? rebuild_read_wal(rebuild) : RC_OK;
	rebuild_clear_copy(account);
	if (rc != RC_OK)
		return rc;
	rc = check_header_read(account, NULL, &bad);
	if (rc == RC_NOT_FOUND || rc == RC_CORRUPT)
		return RC_OK;
	if (rebuild_cannot(rc))
		return rc;
	if (rc != RC_OK)
		bad = 1;
	rc = RC_OK;
	bool was_read = rebuild->read;
	rebuild->read = false;
	if (bad == 0)
		rc = rebuild_read(rebuild, "account.db");
	/* The copy has zeros in place of bad sectors, which SQLite may get past. */
	if (rc == RC_OK && !rebuild->read) {
		rc = rebuild_mend_header(account, true);
		if (rc == RC_OK)
			rc = rebuild_read(rebuild, SWAP_COPY);
	}
	rebuild->read = rebuild->read || was_read;
	return rc;
}

static enum rc rebuild_doubts(struct rebuild *rebuild)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(rebuild->new, &stmt,
		"SELECT EXISTS (SELECT 1 FROM mailbox b LEFT JOIN (SELECT mailbox, count(*) AS n, max(uid) "
		"AS uid FROM msg"
		" GROUP BY mailbox) m ON m.mailbox = b.id WHERE b.messages != coalesce(m.n, 0) OR b.uidnext "
		"<="
		" coalesce(m.uid, 0) OR typeof(b.uidvalidity) != 'integer' OR b.uidvalidity < 1 OR "
		"b.uidvalidity >"
		" 4294967295) OR NOT EXISTS (SELECT 1 FROM mailbox WHERE name = 'INBOX')",
		"");
	if (rc != RC_OK)
		return rc;
	rebuild->doubt = !rebuild->whole || rebuild->wal_bad || db_i64(stmt, 0) != 0;
	db_reset(stmt);
	return RC_OK;
}

static enum rc rebuild_rows(struct rebuild *rebuild)
{
	struct db *new = rebuild->new;
	/*
	 * The new prefix differs from that of every file, so that no file without a row is taken for one of a
	 * transaction that never committed.
	 */
	enum rc rc = db_run(new,
		"UPDATE account SET boot_id = '', clean = 0, file_prefix = (random() & 2147483647) + 1", "");
	if (rc == RC_OK)
		rc = rebuild_read_all(rebuild);
	if (rc == RC_OK)
		rc = rebuild_doubts(rebuild);
	if (rc == RC_OK)
		rc = check_rows_sound(rebuild->account->store, new);
	if (rc == RC_OK)
		rc = check_rows_fix(rebuild->account->store, new, &rebuild->recovered);
	if (rc == RC_OK && (rebuild->doubt || rebuild->recovered > 0))
		rc = check_rows_renumber(rebuild->account->store, new);
	return rc;
}

static enum rc rebuild_fill(struct rebuild *rebuild)
{
	enum rc rc = db_begin(rebuild->new, true);
	if (rc != RC_OK)
		return rc;
	rc = rebuild_rows(rebuild);
	if (rc == RC_OK)
		rc = db_commit(rebuild->new);
	if (rc != RC_OK) {
		db_rollback(rebuild->new);
		return rc;
	}
	/* Everything is in the file and synced; no WAL belongs to it. */
	return db_checkpoint(rebuild->new, true);
}

static void rebuild_report(struct rebuild *rebuild)
{
	bool renumbered = rebuild->doubt || rebuild->recovered > 0;
	check_note(rebuild->check, "a new database was made, %s",
		!rebuild->read    ? "nothing could be read of the old one"
		: !rebuild->whole ? "some of the old one could not be read"
				  : "with all rows of the old one");
	if (rebuild->recovered > 0)
		check_note(rebuild->check,
			"%" PRIu64 " messages that had lost their rows are in " CHECK_MAILBOX " now",
			rebuild->recovered);
	check_note(rebuild->check, renumbered ? "all UIDVALIDITYs are new" : "UIDs are as they were");
}

/* Tells whether the ledger claims more than the WAL has, or can't be compared. */
static bool rebuild_wal_bad(struct account *account)
{
	unsigned frames = 0;
	if (account->damage)
		return true;
	if (account->db)
		return false;
	bool bad = ledger_open(account) != RC_OK || ledger_examine(account, &frames) != RC_OK;
	ledger_close(account);
	return bad;
}

enum rc check_rebuild(struct check *check)
{
	struct account *account = check->account;
	struct rebuild rebuild = { .check = check, .account = account, .wal_bad = rebuild_wal_bad(account) };
	/* Sessions end: what they have seen may not come back. */
	account_fail(account, RC_CORRUPT, true);
	rebuild_clear(account);
	enum rc rc = rebuild_new(&rebuild);
	if (rc == RC_OK)
		rc = rebuild_fill(&rebuild);
	rebuild_report(&rebuild);
	db_close(&rebuild.new);
	if (rc == RC_OK)
		rc = swap_decide(account);
	rebuild_clear(account);
	if (rc == RC_OK)
		rc = swap_finish(account);
	account->retry_at = 0;
	account->suspect = false;
	check->result.rebuilt = rc == RC_OK;
	return rc == RC_OK ? account_ready(account) : rc;
}
