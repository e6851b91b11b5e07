/*
 * Copies rows of an old database into a new one. The old one may be damaged anywhere: its schema is not
 * trusted, each table is read from both ends up to where it can't be read, and a row that does not fit is
 * left out. Messages that are missing then are found by their bytes (check_rows.c).
 */
#include "store/check_priv.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define COPY_SQL_MAX 2048
#define COPY_COLUMNS_MAX 32
/* attempts to get past a page that can't be read, each twice as far as the one before */
#define COPY_JUMPS 40

/*
 * Tables in an order in which a row comes after the rows that it refers to. The key says where a walk goes
 * on.
 */
static const struct {
	const char *name;
	const char *key; /* NULL: the table has no integer key */
	const char *order; /* of a walk from the other end */
} copy_tables[] = {
	{ "mailbox", "id", "id DESC" },
	{ "subscription", NULL, "name DESC" },
	{ "keyword", NULL, "mailbox DESC, bit DESC" },
	{ "msg", NULL, "mailbox DESC, uid DESC" },
	{ "keyword_more", NULL, "mailbox DESC, uid DESC" },
	{ "expunged", NULL, "mailbox DESC, modseq DESC, uid DESC" },
	{ "mailbox_gone", "id", "id DESC" },
	{ "annotation", NULL, "mailbox DESC, name DESC" },
	{ "blob", "id", "id DESC" },
	{ "blob_inline", "blob", "blob DESC" },
	{ "blob_prefix", "blob", "blob DESC" },
	{ "cache", "blob", "blob DESC" },
	{ "thread_ref", "id", "id DESC" },
	{ "push_owed", NULL, "mailbox DESC, uid DESC" },
};

#define COPY_TABLES COUNT_OF(copy_tables)

struct copy {
	sqlite3 *old; /* borrowed */
	struct db *new; /* borrowed */
	const char *table;
	char columns[COPY_SQL_MAX]; /* that both tables have */
	unsigned count;
	unsigned key; /* the number of the key's column */
	sqlite3_stmt *insert; /* own */
	bool whole; /* the table could be read from one end to the other */
};

enum rc check_read_rc(int code)
{
	if (code == SQLITE_IOERR_NOMEM)
		return RC_UNAVAILABLE;
	switch (code & 0xff) {
	case SQLITE_FULL:
		return RC_NOSPACE;
	case SQLITE_READONLY:
		return RC_READONLY;
	case SQLITE_NOMEM:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_INTERRUPT:
		return RC_UNAVAILABLE;
	default:
		return RC_OK;
	}
}

static bool column_in(sqlite3_stmt *stmt, const char *name)
{
	for (int i = 0; i < sqlite3_column_count(stmt); i++)
		if (sqlite3_stricmp(sqlite3_column_name(stmt, i), name) == 0)
			return true;
	return false;
}

/* Lists the columns that both tables have. *ret_there false: the old database has no such table. */
static enum rc copy_columns(struct copy *copy, const char *key, bool *ret_there)
{
	char sql[128];
	sqlite3_stmt *old = NULL, *new = NULL;
	size_t n = 0;
	snprintf(sql, sizeof(sql), "SELECT * FROM %s", copy->table);
	int code = sqlite3_prepare_v2(copy->old, sql, -1, &old, NULL);
	bool there = code == SQLITE_OK;
	enum rc rc = check_read_rc(code);
	if (there)
		rc = db_result(copy->new, sqlite3_prepare_v2(db_handle(copy->new), sql, -1, &new, NULL),
			"columns of a table");
	there = there && rc == RC_OK;
	copy->count = 0;
	copy->columns[0] = '\0';
	for (int i = 0; there && i < sqlite3_column_count(new) && copy->count < COPY_COLUMNS_MAX; i++) {
		const char *name = sqlite3_column_name(new, i);
		if (!column_in(old, name))
			continue;
		if (key && strcmp(name, key) == 0)
			copy->key = copy->count;
		int added =
			snprintf(copy->columns + n, sizeof(copy->columns) - n, "%s%s", n ? ", " : "", name);
		if (added < 0 || (size_t)added >= sizeof(copy->columns) - n)
			break;
		n += (size_t)added;
		copy->count++;
	}
	sqlite3_finalize(old);
	sqlite3_finalize(new);
	*ret_there = there && copy->count > 0;
	return rc;
}

static enum rc copy_prepare(struct copy *copy)
{
	char sql[2 * COPY_SQL_MAX];
	int n = snprintf(
		sql, sizeof(sql), "INSERT OR IGNORE INTO %s (%s) VALUES (", copy->table, copy->columns);
	for (unsigned i = 0; i < copy->count; i++)
		n += snprintf(sql + n, sizeof(sql) - (size_t)n, "%s?%u", i ? ", " : "", i + 1);
	snprintf(sql + n, sizeof(sql) - (size_t)n, ")");
	int code = sqlite3_prepare_v2(db_handle(copy->new), sql, -1, &copy->insert, NULL);
	return db_result(copy->new, code, "copy of a table");
}

/* Copies a row. A row that violates a rule of the new table is left out; a full disk is an error. */
static enum rc check_copy_row(struct copy *copy, sqlite3_stmt *row)
{
	for (unsigned i = 0; i < copy->count; i++)
		sqlite3_bind_value(copy->insert, (int)i + 1, sqlite3_column_value(row, (int)i));
	int code = sqlite3_step(copy->insert);
	sqlite3_reset(copy->insert);
	sqlite3_clear_bindings(copy->insert);
	int kind = code & 0xff;
	if (code == SQLITE_DONE || kind == SQLITE_CONSTRAINT || kind == SQLITE_MISMATCH ||
		kind == SQLITE_TOOBIG)
		return RC_OK;
	return db_result(copy->new, code, "copy of a row");
}

/* Makes one walk. *ret_end: it came to the end. *last: the key of the last row, if the table has one. */
static enum rc copy_walk(
	struct copy *copy, const char *rest, bool *ret_end, int64_t *last, uint64_t *ret_rows)
{
	char sql[2 * COPY_SQL_MAX];
	sqlite3_stmt *row = NULL;
	uint64_t rows = 0;
	enum rc rc = RC_OK;
	snprintf(sql, sizeof(sql), "SELECT %s FROM %s%s", copy->columns, copy->table, rest);
	int code = sqlite3_prepare_v2(copy->old, sql, -1, &row, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(row);
	while (rc == RC_OK && code == SQLITE_ROW) {
		rows++;
		*last = sqlite3_column_int64(row, (int)copy->key);
		rc = check_copy_row(copy, row);
		code = sqlite3_step(row);
	}
	sqlite3_finalize(row);
	*ret_end = code == SQLITE_DONE;
	*ret_rows = rows;
	return rc == RC_OK ? check_read_rc(code) : rc;
}

/* Goes on behind the pages that can't be read. */
static enum rc copy_jump(struct copy *copy, const char *key, int64_t last)
{
	bool end = false;
	uint64_t rows = 0;
	enum rc rc = RC_OK;
	int64_t step = 1;
	for (unsigned i = 0; rc == RC_OK && !end && i < COPY_JUMPS && last < INT64_MAX - step; i++) {
		char rest[96];
		snprintf(rest, sizeof(rest), " WHERE %s > %" PRId64 " ORDER BY %s", key, last + step, key);
		int64_t at = last + step;
		rc = copy_walk(copy, rest, &end, &at, &rows);
		if (rows > 0) {
			last = at;
			step = 1;
			i = 0;
		} else {
			step *= 2;
		}
	}
	return rc;
}

static enum rc copy_table(struct copy *copy, size_t which)
{
	const char *key = copy_tables[which].key;
	char rest[96];
	int64_t last = 0;
	uint64_t rows;
	bool end = false;
	copy->table = copy_tables[which].name;
	copy->key = 0;
	enum rc rc = copy_columns(copy, key, &copy->whole);
	if (rc != RC_OK || !copy->whole)
		return rc;
	rc = copy_prepare(copy);
	if (rc == RC_OK)
		rc = copy_walk(copy, "", &end, &last, &rows);
	copy->whole = end;
	if (rc == RC_OK && !end && key)
		rc = copy_jump(copy, key, last);
	snprintf(rest, sizeof(rest), " ORDER BY %s", copy_tables[which].order);
	if (rc == RC_OK && !end)
		rc = copy_walk(copy, rest, &end, &last, &rows);
	sqlite3_finalize(copy->insert);
	copy->insert = NULL;
	return rc;
}

/* Reads a number. 0: it can't be read, or can't be right. */
static enum rc copy_number(sqlite3 *old, const char *sql, int64_t max, int64_t *ret_value)
{
	sqlite3_stmt *stmt = NULL;
	int64_t value = 0;
	int code = sqlite3_prepare_v2(old, sql, -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	*ret_value = value > 0 && value <= max ? value : 0;
	return check_read_rc(code);
}

/*
 * Copies the values that an account has once. A number that can't be right is dropped; check_rows.c finds a
 * new one.
 */
static enum rc copy_account(struct copy *copy)
{
	int64_t modseq = 0, ceiling = 0, uidvalidity = 0;
	enum rc rc = copy_number(copy->old, "SELECT modseq FROM account", CHECK_MODSEQ_MAX, &modseq);
	if (rc == RC_OK)
		rc = copy_number(copy->old, "SELECT modseq_ceiling FROM account", CHECK_MODSEQ_MAX, &ceiling);
	if (rc == RC_OK)
		rc = copy_number(copy->old, "SELECT uidvalidity FROM account",
			UINT32_MAX - CHECK_UIDVALIDITY_ROOM, &uidvalidity);
	if (rc == RC_OK)
		rc = db_run(copy->new,
			"UPDATE account SET modseq = max(modseq, ?1), modseq_ceiling = max(modseq_ceiling, "
			"?2), uidvalidity = max(uidvalidity, ?3)",
			"iii", modseq, ceiling, uidvalidity);
	/* The next ids must be above all old ones: ids are never used again. */
	for (unsigned i = 0; rc == RC_OK && i < 2; i++) {
		static const char *const names[] = { "mailbox", "blob" };
		char sql[96];
		int64_t last = 0;
		snprintf(sql, sizeof(sql), "SELECT seq FROM sqlite_sequence WHERE name = '%s'", names[i]);
		rc = copy_number(copy->old, sql, CHECK_ID_MAX, &last);
		if (rc == RC_OK)
			rc = db_run(copy->new,
				"UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", "ti",
				strv_cstr(names[i]), last);
	}
	return rc;
}

enum rc check_copy(sqlite3 *old, struct db *new, bool *ret_whole)
{
	struct copy copy = { .old = old, .new = new };
	bool whole = true;
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < COPY_TABLES; i++) {
		rc = copy_table(&copy, i);
		/* Tables that can be made again from others, or only save work, raise no doubt about UIDs. */
		bool matters = strcmp(copy_tables[i].name, "cache") != 0 &&
			       strcmp(copy_tables[i].name, "thread_ref") != 0 &&
			       strcmp(copy_tables[i].name, "push_owed") != 0;
		whole = whole && (copy.whole || !matters);
	}
	if (rc == RC_OK)
		rc = copy_account(&copy);
	*ret_whole = whole;
	return rc;
}
