/* Looks for differences between index and bytes. Changes nothing. */
#include "store/check_priv.h"

#include "base/mem.h"
#include "store/message.h"
#include "store/msg_sql.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void __attribute__((format(printf, 3, 0)))
report_line(struct check *check, const char *prefix, const char *format, va_list args)
{
	char line[512];
	if (!check->report)
		return;
	vsnprintf(line, sizeof(line), format, args);
	buf_printf(check->report, "%s%s\n", prefix, line);
}

void check_add(struct check *check, const struct check_problem *problem)
{
	if (check->count == check->cap)
		check->problems = mem_grow(check->problems, &check->cap, sizeof(*check->problems));
	check->problems[check->count++] = *problem;
}

void check_found(struct check *check, const struct check_problem *problem, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report_line(check, "", format, args);
	va_end(args);
	check_add(check, problem);
}

void check_note(struct check *check, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report_line(check, "  ", format, args);
	va_end(args);
}

static enum rc check_integrity(struct check *check)
{
	sqlite3 *handle = db_handle(check->account->db);
	sqlite3_stmt *stmt = NULL;
	char sql[64];
	snprintf(sql, sizeof(sql), "PRAGMA integrity_check(%d)", CHECK_INTEGRITY_ROWS);
	int code = sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	while (code == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);
		if (text && strcmp(text, "ok") != 0)
			check_found(check, &(struct check_problem){ .kind = CHECK_DATABASE }, "database: %s",
				text);
		code = sqlite3_step(stmt);
	}
	sqlite3_finalize(stmt);
	if ((code & 0xff) != SQLITE_CORRUPT && (code & 0xff) != SQLITE_NOTADB)
		return code == SQLITE_DONE ? RC_OK : db_result(check->account->db, code, "integrity_check");
	check_found(check, &(struct check_problem){ .kind = CHECK_DATABASE }, "database: it cannot be read");
	return RC_OK;
}

/* Finds messages without a mailbox or without a blob, or with another size than their blob. */
static enum rc check_messages(struct check *check)
{
	struct db *db = check->account->db;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(db, &stmt,
		"SELECT mailbox, count(*) FROM msg WHERE mailbox NOT IN (SELECT id FROM mailbox) GROUP BY "
		"mailbox",
		"");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(db, stmt); rc == RC_OK; rc = db_step(db, stmt)) {
		struct check_problem problem = {
			.kind = CHECK_NO_MAILBOX, .id = db_i64(stmt, 0), .uid = db_i64(stmt, 1)
		};
		check_found(check, &problem, "mailbox %" PRId64 ": has no row, but %" PRId64 " messages",
			problem.id, problem.uid);
	}
	if (rc != RC_NOT_FOUND)
		return rc;
	rc = db_query(db, &stmt,
		"SELECT m.mailbox, m.uid, m.blob, b.id, m.size, b.size FROM msg m LEFT JOIN blob b ON b.id = "
		"m.blob"
		" WHERE b.id IS NULL OR b.size != m.size",
		"");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(db, stmt); rc == RC_OK; rc = db_step(db, stmt)) {
		struct check_problem problem = {
			.id = db_i64(stmt, 0), .uid = db_i64(stmt, 1), .blob = db_i64(stmt, 2)
		};
		problem.kind = db_is_null(stmt, 3) ? CHECK_NO_BLOB : CHECK_SIZE;
		if (problem.kind == CHECK_NO_BLOB)
			check_found(check, &problem,
				"message %" PRId64 " of mailbox %" PRId64 ": blob %" PRId64 " has no row",
				problem.uid, problem.id, problem.blob);
		else
			check_found(check, &problem,
				"message %" PRId64 " of mailbox %" PRId64 ": size is %" PRId64
				", but blob %" PRId64 " has %" PRId64,
				problem.uid, problem.id, db_i64(stmt, 4), problem.blob, db_i64(stmt, 5));
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc check_refs(struct check *check)
{
	struct db *db = check->account->db;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(db, &stmt,
		"SELECT b.id, b.refs, coalesce(m.n, 0), b.removed_at IS NOT NULL FROM blob b"
		" LEFT JOIN (SELECT blob, count(*) AS n FROM msg GROUP BY blob) m ON m.blob = b.id"
		" WHERE b.refs != coalesce(m.n, 0) OR (b.refs = 0) != (b.removed_at IS NOT NULL)",
		"");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(db, stmt); rc == RC_OK; rc = db_step(db, stmt)) {
		struct check_problem problem = {
			.kind = CHECK_REFS, .blob = db_i64(stmt, 0), .length = db_u64(stmt, 2)
		};
		check_found(check, &problem,
			"blob %" PRId64 ": %" PRId64 " references are counted (%s), there are %" PRIu64,
			problem.blob, db_i64(stmt, 1), db_i64(stmt, 3) ? "removed" : "in use",
			problem.length);
	}
	if (rc != RC_NOT_FOUND)
		return rc;
	rc = db_query(db, &stmt,
		"SELECT blob FROM blob_inline WHERE blob NOT IN (SELECT id FROM blob)"
		" UNION SELECT blob FROM blob_prefix WHERE blob NOT IN (SELECT id FROM blob)"
		" UNION SELECT blob FROM cache WHERE blob NOT IN (SELECT id FROM blob)",
		"");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(db, stmt); rc == RC_OK; rc = db_step(db, stmt)) {
		struct check_problem problem = { .kind = CHECK_STRAY, .blob = db_i64(stmt, 0) };
		check_found(check, &problem,
			"blob %" PRId64 ": has bytes or a cache row, but no row of its own", problem.blob);
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* Finds keywords of messages that do not exist. */
static enum rc check_keywords(struct check *check)
{
	struct db *db = check->account->db;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(db, &stmt,
		"SELECT k.mailbox, count(*) FROM keyword_more k WHERE NOT EXISTS"
		" (SELECT 1 FROM msg m WHERE m.mailbox = k.mailbox AND m.uid = k.uid) GROUP BY k.mailbox",
		"");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(db, stmt); rc == RC_OK; rc = db_step(db, stmt)) {
		struct check_problem problem = { .kind = CHECK_KEYWORDS, .id = db_i64(stmt, 0) };
		check_found(check, &problem,
			"mailbox %" PRId64 ": %" PRId64 " rows of keywords belong to no message", problem.id,
			db_i64(stmt, 1));
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc check_counters(struct check *check)
{
	struct db *db = check->account->db;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(db, &stmt,
		"SELECT b.id, b.name, b.messages != coalesce(m.n, 0) OR b.unseen != coalesce(m.unseen, 0)"
		" OR b.deleted != coalesce(m.deleted, 0) OR b.size != coalesce(m.size, 0),"
		" b.uidnext <= max(coalesce(m.uid, 0), coalesce(e.uid, 0)),"
		" b.highestmodseq < max(coalesce(m.modseq, 0), coalesce(e.modseq, 0)), b.log_rows != "
		"coalesce(e.n, 0),"
		" b.messages"
		" FROM mailbox b LEFT JOIN (SELECT mailbox, count(*) AS n, sum((flags & " MSG_SQL_SEEN
		") = 0) AS unseen,"
		"  sum((flags & " MSG_SQL_DELETED ") != 0) AS deleted, sum(size) AS size, max(uid) AS "
		"uid, max(modseq) AS "
		"modseq"
		"  FROM msg GROUP BY mailbox) m ON m.mailbox = b.id"
		" LEFT JOIN (SELECT mailbox, count(*) AS n, max(uid) "
		"AS uid, max(modseq) AS modseq"
		"  FROM expunged GROUP BY mailbox) e ON e.mailbox = "
		"b.id",
		"");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(db, stmt); rc == RC_OK; rc = db_step(db, stmt)) {
		struct check_problem problem = { .kind = CHECK_COUNTERS, .id = db_i64(stmt, 0) };
		struct strv name = db_text(stmt, 1);
		check->result.mailboxes++;
		check->result.messages += db_u64(stmt, 6);
		if (db_i64(stmt, 2))
			check_found(check, &problem,
				"mailbox %.*s: its counters are not those of its messages", STRV_ARG(name));
		if (db_i64(stmt, 3))
			check_found(check, &problem, "mailbox %.*s: UIDNEXT is too low", STRV_ARG(name));
		if (db_i64(stmt, 4))
			check_found(
				check, &problem, "mailbox %.*s: HIGHESTMODSEQ is too low", STRV_ARG(name));
		if (db_i64(stmt, 5))
			check_found(check, &problem, "mailbox %.*s: the expunge log is counted wrong",
				STRV_ARG(name));
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc check_ceiling(struct check *check)
{
	struct db *db = check->account->db;
	sqlite3_stmt *stmt;
	enum rc rc = db_one(db, &stmt,
		"SELECT a.modseq_ceiling, m.modseq FROM account a,"
		" (SELECT coalesce(max(highestmodseq), 0) AS modseq FROM mailbox) m WHERE a.modseq_ceiling < "
		"m.modseq",
		"");
	if (rc == RC_NOT_FOUND)
		return RC_OK;
	if (rc != RC_OK)
		return rc;
	check_found(check, &(struct check_problem){ .kind = CHECK_MODSEQ },
		"account: the ceiling of modseqs is %" PRIu64 ", but %" PRIu64 " is in use", db_u64(stmt, 0),
		db_u64(stmt, 1));
	db_reset(stmt);
	return RC_OK;
}

static int check_file_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* Collects the sorted names of all files that have a row; the caller frees *ret_files. */
static enum rc files_known(struct check *check, int64_t **ret_files, size_t *ret_count)
{
	struct db *db = check->account->db;
	int64_t *files = NULL;
	size_t count = 0, cap = 0;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(db, &stmt, "SELECT file FROM blob WHERE file IS NOT NULL", "");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(db, stmt); rc == RC_OK; rc = db_step(db, stmt)) {
		if (count == cap)
			files = mem_grow(files, &cap, sizeof(*files));
		files[count++] = db_i64(stmt, 0);
	}
	if (rc != RC_NOT_FOUND) {
		free(files);
		return rc;
	}
	if (count > 0)
		qsort(files, count, sizeof(*files), check_file_compare);
	*ret_files = files;
	*ret_count = count;
	return RC_OK;
}

static enum rc check_directory(struct check *check, unsigned dir, const int64_t *known, size_t count)
{
	const struct io *io = check->account->store->io;
	char *path = file_dir_path(check->account, dir);
	DIR *entries = io->opendir(io->ctx, path);
	int error = errno;
	free(path);
	if (!entries)
		return error == ENOENT ? RC_OK : io_rc(error);
	for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
		struct check_problem problem = { .kind = CHECK_FILE };
		if (!file_name_parse(strv_cstr(entry->d_name), &problem.file) ||
			file_dir(problem.file) != dir)
			continue;
		check->result.files++;
		if (count == 0 || !bsearch(&problem.file, known, count, sizeof(*known), check_file_compare))
			check_found(check, &problem, "file %s: belongs to no blob", entry->d_name);
	}
	(void)closedir(entries);
	return RC_OK;
}

static enum rc check_files(struct check *check)
{
	int64_t *known = NULL;
	size_t count = 0;
	enum rc rc = files_known(check, &known, &count);
	for (unsigned dir = 0; rc == RC_OK && dir < BLOB_DIRS; dir++)
		rc = check_directory(check, dir, known, count);
	free(known);
	if (rc == RC_OK)
		rc = check_aside(check);
	return rc;
}

static bool check_damaged(const struct check *check)
{
	for (size_t i = 0; i < check->count; i++) {
		if (check->problems[i].kind == CHECK_DATABASE)
			return true;
	}
	return false;
}

/* Makes one pass. It ends early if the database is damaged. */
static enum rc check_pass(struct check *check)
{
	check->count = 0;
	check->result.mailboxes = check->result.messages = check->result.octets = check->result.files = 0;
	enum rc rc = check_header(check);
	if (rc == RC_OK)
		rc = check_schema(check);
	if (rc == RC_OK)
		rc = check_integrity(check);
	if (rc == RC_OK && check_damaged(check))
		return RC_OK;
	if (rc == RC_CORRUPT) {
		check_found(check, &(struct check_problem){ .kind = CHECK_DATABASE },
			"database: it cannot be read");
		return RC_OK;
	}
	if (rc == RC_OK)
		rc = check_messages(check);
	if (rc == RC_OK)
		rc = check_blobs(check);
	if (rc == RC_OK)
		rc = check_cache(check);
	if (rc == RC_OK)
		rc = check_refs(check);
	if (rc == RC_OK)
		rc = check_keywords(check);
	if (rc == RC_OK)
		rc = check_counters(check);
	if (rc == RC_OK)
		rc = check_ceiling(check);
	if (rc == RC_OK)
		rc = check_files(check);
	if (rc == RC_CORRUPT) {
		check_found(check, &(struct check_problem){ .kind = CHECK_DATABASE },
			"database: it cannot be read");
		return RC_OK;
	}
	return rc;
}

/*
 * Removes files that a dead process or a failed commit has left, if the background work has not done so yet:
 * they are no fault of the account. Errors show in the check that follows.
 */
static void sweep_first(struct account *account)
{
	/*
	 * A commit in doubt is settled first, if the account can be written again: its files stay until then.
	 */
	enum rc rc = account->db ? account_writable(account) : RC_OK;
	if (rc == RC_OK)
		rc = RC_AGAIN;
	while (rc == RC_AGAIN && account->db)
		rc = blob_sweep_orphans(account);
}

/*
 * A new database agrees with itself. What remains to be repaired are messages without bytes and bytes without
 * messages.
 */
static enum rc check_repair_all(struct check *check)
{
	if (check_damaged(check)) {
		enum rc rc = check_rebuild(check);
		if (rc == RC_OK)
			rc = check_pass(check);
		if (rc != RC_OK || check->count == 0)
			return rc;
		if (check_damaged(check))
			return RC_CORRUPT;
	}
	return check_repair(check);
}

static enum rc check_and_repair(struct check *check, bool repair)
{
	struct account *account = check->account;
	enum rc rc = RC_OK;
	sweep_first(account);
	if (account->db)
		rc = check_pass(check);
	else if (account->fail_rc == RC_CORRUPT)
		check_found(check, &(struct check_problem){ .kind = CHECK_DATABASE }, "database: %s",
			account->damage ? account->damage : "it is missing or cannot be opened");
	else
		rc = account->fail_rc;
	check->result.problems = check->result.left = (unsigned)check->count;
	for (size_t i = 0; i < check->count; i++)
		check->result.strays += check->problems[i].kind == CHECK_FILE;
	if (rc != RC_OK || !repair || check->count == 0)
		return rc;
	rc = check_repair_all(check);
	if (rc != RC_OK)
		return rc;
	/* Problems that remain are listed under a heading of their own. */
	if (check->report)
		buf_adds(check->report, "repaired; what is left:\n");
	rc = check_pass(check);
	check->result.left = (unsigned)check->count;
	if (check->report && check->count == 0)
		buf_adds(check->report, "  nothing\n");
	return rc;
}

enum rc check_account(
	struct account *account, bool repair, struct buf *report, struct check_result *ret_result)
{
	struct check check = { .account = account, .report = report };
	strand_assert(account->strand);
	enum rc rc = check_and_repair(&check, repair);
	free(check.problems);
	if (rc == RC_OK)
		*ret_result = check.result;
	return rc;
}

enum rc check_account_and_close(
	struct account *account, bool repair, struct buf *report, struct check_result *ret_result)
{
	bool was_closed = account->state == ACCOUNT_CLOSED;
	enum rc rc = account_ready(account);
	if (account->state == ACCOUNT_GONE || account->state == ACCOUNT_LOCKED)
		return rc;
	rc = check_account(account, repair, report, ret_result);
	if (was_closed && account->state == ACCOUNT_OPEN && strand_length(account->strand) == 0)
		account_close(account);
	return rc;
}
