/*
 * The tables of account.db.
 *
 * Table msg decides the speed: its rows are integers in key order, so that an index of 100,000 messages is
 * one scan over few pages. Columns of variable length are in other tables.
 *
 * The account has no columns for its quota usage and for the highest modseq of its mailboxes: both follow
 * from the mailbox rows, which change in the same transaction as the messages. account.modseq is only the
 * highest modseq of deleted mailboxes.
 */
#include "store/schema.h"

#include "store/blob.h"
#include "store/msg_sql.h"

#include <stdio.h>
#include <string.h>

#define THREAD_TABLE                                                                                         \
	"CREATE TABLE thread_ref ("                                                                          \
	" id INTEGER PRIMARY KEY," /* hash of the Message-ID */                                              \
	" thread INTEGER NOT NULL"                                                                           \
	");"

/* Version 5. The keywords from number 64 on, for messages that have such. */
#define MORE_TABLE                                                                                           \
	"CREATE TABLE keyword_more ("                                                                        \
	" mailbox INTEGER NOT NULL,"                                                                         \
	" uid INTEGER NOT NULL,"                                                                             \
	" bits BLOB NOT NULL,"                                                                               \
	" PRIMARY KEY (mailbox, uid)"                                                                        \
	") WITHOUT ROWID;"

/* The data computed at delivery, in the forms of mime/summary.h; the short columns first. */
#define CACHE_TABLE                                                                                          \
	"CREATE TABLE cache ("                                                                               \
	" blob INTEGER PRIMARY KEY,"                                                                         \
	" version INTEGER NOT NULL,"                                                                         \
	" sent_date INTEGER," /* NULL: none */                                                               \
	" sent_zone INTEGER NOT NULL,"                                                                       \
	" has_nul INTEGER NOT NULL,"                                                                         \
	" sums BLOB NOT NULL," /* of the columns before and of each one that follows: cache.c */             \
	" preview BLOB NOT NULL,"                                                                            \
	" envelope BLOB NOT NULL,"                                                                           \
	" body BLOB NOT NULL,"                                                                               \
	" bodystructure BLOB NOT NULL,"                                                                      \
	" parts BLOB NOT NULL,"                                                                              \
	" headers BLOB NOT NULL"                                                                             \
	");"

/* Stored messages whose bytes can't be read any more (damage.h). */
#define DAMAGE_TABLE                                                                                         \
	"CREATE TABLE damage ("                                                                              \
	" blob INTEGER PRIMARY KEY,"                                                                         \
	" found_at INTEGER NOT NULL," /* seconds since 1970 */                                               \
	" noted_at INTEGER NOT NULL" /* when the owner was told; 0: not yet */                               \
	");"

static const char mail_schema_sql[] =
	"CREATE TABLE account ("
	" one INTEGER PRIMARY KEY CHECK (one = 1),"
	" modseq INTEGER NOT NULL," /* no lower than any modseq of a mailbox that is gone */
	" modseq_ceiling INTEGER NOT NULL," /* synced; no modseq above it was ever given out */
	" boot_id TEXT NOT NULL," /* start of the machine in which the file was last opened */
	" clean INTEGER NOT NULL," /* 1: closed in order */
	" uidvalidity INTEGER NOT NULL," /* the last one given out */
	" file_prefix INTEGER NOT NULL DEFAULT 0" /* of files of the next transaction (bytes.h) */
	");"
	"CREATE TABLE mailbox ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" name TEXT NOT NULL UNIQUE,"
	" attrs INTEGER NOT NULL," /* enum mbox_attr */
	" uidvalidity INTEGER NOT NULL,"
	" uidnext INTEGER NOT NULL,"
	" highestmodseq INTEGER NOT NULL,"
	" modseq_floor INTEGER NOT NULL," /* a message's modseq is at least this, whatever its row says */
	" first_recent INTEGER NOT NULL," /* UIDs from here on are \Recent for the next session */
	" recent INTEGER NOT NULL," /* the number of those */
	" messages INTEGER NOT NULL,"
	" unseen INTEGER NOT NULL,"
	" deleted INTEGER NOT NULL,"
	" size INTEGER NOT NULL,"
	" log_rows INTEGER NOT NULL," /* of the expunge log */
	" log_since INTEGER NOT NULL" /* the log is complete for what happened after this modseq */
	");"
	"CREATE TABLE subscription (name TEXT PRIMARY KEY) WITHOUT ROWID;"
	"CREATE TABLE keyword ("
	" mailbox INTEGER NOT NULL,"
	" bit INTEGER NOT NULL,"
	" name TEXT NOT NULL,"
	" PRIMARY KEY (mailbox, bit)"
	") WITHOUT ROWID;" MORE_TABLE "CREATE TABLE msg ("
	" mailbox INTEGER NOT NULL,"
	" uid INTEGER NOT NULL,"
	" flags INTEGER NOT NULL," /* enum msg_flag */
	" keywords INTEGER NOT NULL,"
	" modseq INTEGER NOT NULL,"
	" size INTEGER NOT NULL,"
	" internaldate INTEGER NOT NULL,"
	" zone INTEGER NOT NULL,"
	" savedate INTEGER NOT NULL,"
	" blob INTEGER NOT NULL,"
	" PRIMARY KEY (mailbox, uid)"
	") WITHOUT ROWID;"
	/* Messages with MSG_MARKED: mostly none, and found at once. */
	"CREATE INDEX msg_marked ON msg (mailbox, uid) WHERE flags & " MSG_SQL_MARKED ";"
	"CREATE TABLE expunged ("
	" mailbox INTEGER NOT NULL,"
	" modseq INTEGER NOT NULL,"
	" uid INTEGER NOT NULL,"
	" expunged_at INTEGER NOT NULL,"
	/* the blob's row may be gone; 0: the message was moved */
	" blob INTEGER NOT NULL,"
	" flags INTEGER NOT NULL,"
	" internaldate INTEGER NOT NULL,"
	" zone INTEGER NOT NULL,"
	" PRIMARY KEY (mailbox, modseq, uid)"
	") WITHOUT ROWID;"
	/*
			     * Mailboxes whose rows in `expunged` outlive them until the messages cannot be
			     * had back any more.
			     */
	"CREATE TABLE mailbox_gone ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL,"
	" deleted_at INTEGER NOT NULL"
	");"
	/* METADATA (RFC 5464); mailbox 0: the account's own entries. */
	"CREATE TABLE annotation ("
	" mailbox INTEGER NOT NULL,"
	" name TEXT NOT NULL,"
	" value BLOB NOT NULL,"
	" PRIMARY KEY (mailbox, name)"
	") WITHOUT ROWID;" CACHE_TABLE
		/* the threads of known Message-IDs */
		THREAD_TABLE DAMAGE_TABLE "INSERT INTO account VALUES (1, 1, 0, '', 1, 0, 0);";

static const char to_version_2_sql[] =
	"ALTER TABLE blob ADD COLUMN thread INTEGER NOT NULL DEFAULT 0;" THREAD_TABLE;

/* Version 3. Delivered messages whose pushes are not in push.db on disk yet (push_owed.h); mostly empty. */
static const char owed_schema_sql[] = "CREATE TABLE push_owed ("
				      " mailbox INTEGER NOT NULL,"
				      " uid INTEGER NOT NULL,"
				      " run INTEGER NOT NULL," /* the run of the server that works on it */
				      " PRIMARY KEY (mailbox, uid)"
				      ") WITHOUT ROWID;";

static const char to_version_4_sql[] =
	"ALTER TABLE account ADD COLUMN file_prefix INTEGER NOT NULL DEFAULT 0;";

/*
 * Version 6. Cached data are computed again when they are needed, checksums of messages are filled in little
 * by little.
 */
static const char to_version_6_sql[] = "ALTER TABLE blob ADD COLUMN sum INTEGER;" BLOB_SUM_INDEX DAMAGE_TABLE;
static const char renew_cache_sql[] = "DROP TABLE cache;" CACHE_TABLE;

static enum rc schema_rc(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return RC_NOSPACE;
	case SQLITE_READONLY:
		return RC_READONLY;
	case SQLITE_ERROR: /* a table is there already, or is not */
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return RC_CORRUPT;
	default:
		return RC_IO;
	}
}

static enum rc schema_exec(sqlite3 *db, const char *sql, struct log *log)
{
	char *error = NULL;
	int err = sqlite3_exec(db, sql, NULL, NULL, &error);
	if (err == SQLITE_OK)
		return RC_OK;
	log_error(log, "schema cannot be made error=%s code=%d", LOG_V(strv_cstr(error)), err);
	sqlite3_free(error);
	return schema_rc(err);
}

static enum rc set_version(sqlite3 *db, struct log *log)
{
	char version[48];

	snprintf(version, sizeof(version), "PRAGMA user_version = %d", SCHEMA_VERSION);
	return schema_exec(db, version, log);
}

enum rc schema_create(sqlite3 *db, struct log *log)
{
	enum rc rc = schema_exec(db, mail_schema_sql, log);
	if (rc == RC_OK)
		rc = schema_exec(db, blob_schema_sql, log);
	if (rc == RC_OK)
		rc = schema_exec(db, owed_schema_sql, log);
	return rc == RC_OK ? set_version(db, log) : rc;
}

enum rc schema_migrate(sqlite3 *db, int from, struct log *log)
{
	enum rc rc = RC_OK;

	if (from == SCHEMA_VERSION)
		return RC_OK;
	if (from < 1 || from > SCHEMA_VERSION) {
		log_error(log, "database has a schema that this program does not know version=%d newest=%d",
			from, SCHEMA_VERSION);
		return from > SCHEMA_VERSION ? RC_UNAVAILABLE : RC_CORRUPT;
	}
	if (from == 1)
		rc = schema_exec(db, to_version_2_sql, log);
	if (rc == RC_OK && from < 3)
		rc = schema_exec(db, owed_schema_sql, log);
	if (rc == RC_OK && from < 4)
		rc = schema_exec(db, to_version_4_sql, log);
	if (rc == RC_OK && from < 5)
		rc = schema_exec(db, MORE_TABLE, log);
	if (rc == RC_OK && from < 6)
		rc = schema_exec(db, to_version_6_sql, log);
	return rc == RC_OK ? set_version(db, log) : rc;
}

enum rc schema_renew_cache(sqlite3 *db, struct log *log)
{
	return schema_exec(db, renew_cache_sql, log);
}

/*
 * Lists the schema, a line for each item: columns of tables without their order, tables with their kind,
 * indexes with their SQL text.
 */
static const char compare_sql[] =
	"SELECT 'column ' || t.name || '.' || c.name || ' ' || c.type || CASE c.\"notnull\" WHEN 1 THEN ' "
	"NOT NULL' ELSE ''"
	" END || coalesce(' DEFAULT ' || c.dflt_value, '') || ' ' || c.pk FROM sqlite_schema t, "
	"pragma_table_info(t.name) c"
	" WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
	" UNION ALL SELECT 'table ' || name || ' ' || wr || strict FROM pragma_table_list"
	" WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'"
	" UNION ALL SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema"
	" WHERE type != 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1";

static bool compare_next(sqlite3_stmt *stmt, int *code, const char **ret_line)
{
	*code = sqlite3_step(stmt);
	*ret_line = *code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
	return *ret_line != NULL;
}

/* Compares two sorted lists. */
static int compare_lists(sqlite3_stmt *good, sqlite3_stmt *found,
	void (*differs)(void *arg, const char *what, bool missing), void *arg)
{
	const char *a, *b;
	int a_code, b_code;
	(void)compare_next(good, &a_code, &a);
	(void)compare_next(found, &b_code, &b);
	while (a || b) {
		int order = !a ? 1 : !b ? -1 : strcmp(a, b);
		if (order != 0)
			differs(arg, order < 0 ? a : b, order < 0);
		if (order <= 0)
			(void)compare_next(good, &a_code, &a);
		if (order >= 0)
			(void)compare_next(found, &b_code, &b);
	}
	return a_code != SQLITE_DONE ? a_code : b_code;
}

enum rc schema_compare(sqlite3 *db, void (*differs)(void *arg, const char *what, bool missing), void *arg)
{
	sqlite3 *fresh = NULL;
	sqlite3_stmt *good = NULL, *found = NULL;
	enum rc rc = RC_UNAVAILABLE;
	int code = sqlite3_open(":memory:", &fresh);
	if (code == SQLITE_OK)
		rc = schema_create(fresh, NULL);
	if (rc == RC_OK)
		code = sqlite3_prepare_v2(fresh, compare_sql, -1, &good, NULL);
	if (rc == RC_OK && code == SQLITE_OK)
		code = sqlite3_prepare_v2(db, compare_sql, -1, &found, NULL);
	if (rc == RC_OK && code == SQLITE_OK)
		code = compare_lists(good, found, differs, arg);
	if (rc == RC_OK && code != SQLITE_OK && code != SQLITE_DONE)
		rc = schema_rc(code);
	sqlite3_finalize(good);
	sqlite3_finalize(found);
	sqlite3_close(fresh);
	return rc;
}

static void compare_note(void *arg, const char *what, bool missing)
{
	(void)what;
	(void)missing;
	*(bool *)arg = false;
}

bool schema_is_ours(sqlite3 *db)
{
	bool same = true;
	return schema_compare(db, compare_note, &same) == RC_OK && same;
}
