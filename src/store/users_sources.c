/* Reads a server.db that may be damaged: the rows whose checksum is right, from both ends. */
#include "store/users_check_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void users_list_add(struct users_list *list, const struct user_record *record)
{
	if (list->count == list->cap)
		list->v = mem_grow(list->v, &list->cap, sizeof(*list->v));
	list->v[list->count++] = *record;
}

static int by_id(const void *a, const void *b)
{
	const struct user_record *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

void users_list_sort(struct users_list *list)
{
	if (list->count > 0)
		qsort(list->v, list->count, sizeof(*list->v), by_id);
}

struct user_record *users_list_id(const struct users_list *list, int64_t id)
{
	struct user_record key = { .id = id };
	return list->count > 0 ? bsearch(&key, list->v, list->count, sizeof(key), by_id) : NULL;
}

bool users_source_removed(const struct users_source *source, int64_t id)
{
	for (size_t i = 0; i < source->removed_count; i++)
		if (source->removed[i] == id)
			return true;
	return false;
}

/* Reads rows in this order as far as possible. *ret_last: the id of the last one. */
static enum rc rows_read(struct users_checker *checker, struct users_source *source, struct db *db,
	const char *sql, int64_t stop, unsigned *ret_bad, int64_t *ret_last)
{
	struct user_record record;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(db, &stmt, sql, "");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(db, stmt); rc == RC_OK; rc = db_step(db, stmt)) {
		enum rc row = users_row_read(stmt, checker->arena, &record);
		if (stop && record.id <= stop) {
			db_reset(stmt);
			return RC_OK;
		}
		*ret_last = record.id;
		if (row == RC_OK)
			users_list_add(&source->rows, &record);
		else
			++*ret_bad;
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static void source_rows(struct users_checker *checker, struct users_source *source, struct db *db)
{
	unsigned bad = 0;
	int64_t last = 0, first = 0;
	enum rc rc = rows_read(checker, source, db, "SELECT " USER_COLUMNS "ORDER BY id", 0, &bad, &last);
	if (rc != RC_OK) {
		/* Reads backwards from the other end the rows behind the damage. */
		source->whole = false;
		rc = rows_read(
			checker, source, db, "SELECT " USER_COLUMNS "ORDER BY id DESC", last, &bad, &first);
		(void)rc;
	}
	users_list_sort(&source->rows);
	/* A row that was read from both ends counts once. */
	size_t kept = 0;
	for (size_t i = 0; i < source->rows.count; i++)
		if (kept == 0 || source->rows.v[kept - 1].id != source->rows.v[i].id)
			source->rows.v[kept++] = source->rows.v[i];
	source->rows.count = kept;
	if (bad > 0) {
		source->whole = false;
		if (source == &checker->sources[0])
			users_problem(checker, "%s: %u rows of users are damaged", source->name, bad);
	}
}

static enum rc settings_read(struct users_checker *checker, struct users_source *source, struct db *db)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_query(db, &stmt, "SELECT key, value FROM setting ORDER BY key", "");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(db, stmt); rc == RC_OK; rc = db_step(db, stmt)) {
		source->settings =
			mem_realloc(source->settings, source->setting_count + 1, sizeof(*source->settings));
		source->settings[source->setting_count++] = (struct users_setting){
			.key = arena_strv(checker->arena, db_text(stmt, 0)),
			.value = arena_strv(checker->arena, db_blob(stmt, 1)),
		};
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc removed_read(struct users_source *source, struct db *db)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_query(db, &stmt, "SELECT id FROM removed ORDER BY id", "");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(db, stmt); rc == RC_OK; rc = db_step(db, stmt)) {
		source->removed =
			mem_realloc(source->removed, source->removed_count + 1, sizeof(*source->removed));
		source->removed[source->removed_count++] = db_i64(stmt, 0);
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static void last_id_read(struct users_source *source, struct db *db)
{
	sqlite3_stmt *stmt;
	if (db_one(db, &stmt, "SELECT seq FROM sqlite_sequence WHERE name = 'user'", "") != RC_OK)
		return;
	source->last_id = db_i64(stmt, 0);
	db_reset(stmt);
}

static bool db_is_whole(struct users_checker *checker, struct users_source *source, struct db *db)
{
	sqlite3_stmt *stmt;
	if (db_one(db, &stmt, "PRAGMA integrity_check(1)", "") != RC_OK)
		return false;
	struct strv answer = db_text(stmt, 0);
	bool ok = strv_eq(answer, STRV("ok"));
	if (!ok && source == &checker->sources[0])
		users_problem(checker, "%s: damaged: %s", source->name, LOG_V(answer));
	db_reset(stmt);
	return ok;
}

static enum rc tables_read(struct users_checker *checker, struct users_source *source, struct db *db)
{
	int version = 0;
	enum rc rc = db_version(db, &version);
	if (rc == RC_OK && version == 1)
		checker->older_form |= source == &checker->sources[0];
	if (rc != RC_OK || version != USERS_VERSION)
		return rc == RC_OK ? RC_NOT_FOUND : rc;
	source->there = true;
	source->whole = db_is_whole(checker, source, db);
	source_rows(checker, source, db);
	last_id_read(source, db);
	if (settings_read(checker, source, db) != RC_OK || removed_read(source, db) != RC_OK)
		source->whole = false;
	return RC_OK;
}

enum rc users_source_read(struct users_checker *checker, struct users_source *source)
{
	char path[PATH_ROOM], wal[PATH_ROOM + 8];
	struct db *db = NULL;
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", checker->root, source->name);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	if (checker->io->stat(checker->io->ctx, path, &st) != 0)
		return errno == ENOENT ? RC_NOT_FOUND : io_rc(errno);
	if (st.st_size == 0)
		return RC_NOT_FOUND;
	enum rc rc = db_open(path, vfs_name(checker->vfs), false, source->name, checker->log, &db);
	if (rc == RC_OK)
		rc = tables_read(checker, source, db);
	db_close(&db);
	/* The WAL of a copy was made by opening it here. */
	if (source != &checker->sources[0])
		checker->io->unlink(checker->io->ctx, wal);
	return rc;
}

void users_source_free(struct users_source *source)
{
	free(source->rows.v);
	free(source->settings);
	free(source->removed);
}
