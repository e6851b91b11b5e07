#include "core_fixture.h"

static struct db *open_db(struct fix *fix)
{
	char path[128];
	struct db *db = NULL;
	snprintf(path, sizeof(path), "%s/test.db", fix->root);
	assert_int_equal(db_open(path, vfs_name(fix->store->vfs), true, "test", fix->log, &db), RC_OK);
	return db;
}

static int64_t pragma(struct db *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	assert_int_equal(sqlite3_prepare_v2(db_handle(db), sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static void a_database_is_opened_with_the_pragmas_it_needs(void **state)
{
	struct fix *fix = *state;
	struct db *db = open_db(fix);
	char path[128];
	sqlite3_stmt *stmt;
	assert_int_equal(db_one(db, &stmt, "PRAGMA journal_mode", ""), RC_OK);
	assert_true(strv_eq(db_text(stmt, 0), STRV("wal")));
	db_reset(stmt);
	assert_int_equal(db_one(db, &stmt, "PRAGMA locking_mode", ""), RC_OK);
	assert_true(strv_eq(db_text(stmt, 0), STRV("exclusive")));
	db_reset(stmt);
	assert_int_equal(pragma(db, "PRAGMA page_size"), 4096);
	assert_int_equal(pragma(db, "PRAGMA auto_vacuum"), 2);
	assert_int_equal(pragma(db, "PRAGMA synchronous"), 1);
	assert_int_equal(pragma(db, "PRAGMA temp_store"), 2);
	assert_int_equal(pragma(db, "PRAGMA secure_delete"), 2);
	assert_int_equal(pragma(db, "PRAGMA wal_autocheckpoint"), 0);
	assert_int_equal(pragma(db, "PRAGMA journal_size_limit"), 262144);
	snprintf(path, sizeof(path), "%s/test.db-shm", fix->root);
	assert_int_not_equal(access(path, F_OK), 0);
	db_close(&db);
	assert_null(db);
	db_close(&db);
}

static void a_statement_is_prepared_once_and_found_again(void **state)
{
	struct db *db = open_db(*state);
	static const char sql[] = "SELECT ?1";
	sqlite3_stmt *first, *second;
	assert_int_equal(db_query(db, &first, sql, "i", (int64_t)1), RC_OK);
	assert_int_equal(db_step(db, first), RC_OK);
	assert_int_equal(db_i64(first, 0), 1);
	db_reset(first);
	assert_int_equal(db_prepare(db, sql, &second), RC_OK);
	assert_ptr_equal(first, second);
	/* The earlier bindings are gone. */
	assert_int_equal(db_step(db, second), RC_OK);
	assert_true(db_is_null(second, 0));
	assert_int_equal(db_step(db, second), RC_NOT_FOUND);
	db_close(&db);
}

static void many_statements_fit_the_cache(void **state)
{
	struct db *db = open_db(*state);
	static char texts[100][24];
	sqlite3_stmt *stmts[100], *again;
	for (int i = 0; i < 100; i++) {
		snprintf(texts[i], sizeof(texts[i]), "SELECT %d", i);
		assert_int_equal(db_prepare(db, texts[i], &stmts[i]), RC_OK);
	}
	for (int i = 0; i < 100; i++) {
		assert_int_equal(db_prepare(db, texts[i], &again), RC_OK);
		assert_ptr_equal(again, stmts[i]);
		assert_int_equal(db_step(db, again), RC_OK);
		assert_int_equal(db_i64(again, 0), i);
		db_reset(again);
	}
	db_close(&db);
}

static void every_type_is_bound_and_read_back(void **state)
{
	struct db *db = open_db(*state);
	sqlite3_stmt *stmt;
	assert_int_equal(
		db_one(db, &stmt, "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7", "iudtbnt", (int64_t)-5, UINT64_MAX,
			(uint32_t)4000000000u, STRV("text"), strv_make("a\0b", 3), STRV_NULL),
		RC_OK);
	assert_int_equal(db_i64(stmt, 0), -5);
	assert_true(db_u64(stmt, 1) == UINT64_MAX);
	assert_int_equal(db_u32(stmt, 2), 4000000000u);
	assert_true(strv_eq(db_text(stmt, 3), STRV("text")));
	assert_true(strv_eq(db_blob(stmt, 4), strv_make("a\0b", 3)));
	assert_true(db_is_null(stmt, 5));
	/* An empty view is the empty string, not NULL. */
	assert_false(db_is_null(stmt, 6));
	assert_int_equal(db_text(stmt, 6).n, 0);
	db_reset(stmt);
	db_reset(NULL);
	db_close(&db);
}

static void uids_of_a_query_make_a_set_or_none(void **state)
{
	struct fix *fix = *state;
	struct db *db = open_db(fix);
	struct seqset uids;
	sqlite3_stmt *stmt;
	assert_int_equal(db_query(db, &stmt, "VALUES (1), (2), (4294967294)", ""), RC_OK);
	assert_int_equal(db_uids(db, stmt, &uids), RC_OK);
	assert_int_equal(uids.n, 2);
	assert_int_equal(uids.v[0].hi, 2);
	assert_int_equal(uids.v[1].lo, UID_MAX);
	seqset_fini(&uids);
	assert_int_equal(db_query(db, &stmt, "SELECT 1 WHERE 0", ""), RC_OK);
	assert_int_equal(db_uids(db, stmt, &uids), RC_OK);
	assert_true(seqset_empty(&uids));
	seqset_fini(&uids);
	/* A number too many. */
	assert_int_equal(
		db_query(db, &stmt, "SELECT 1 UNION ALL SELECT abs(-9223372036854775807 - 1)", ""), RC_OK);
	assert_int_equal(db_uids(db, stmt, &uids), RC_CORRUPT);
	db_close(&db);
}

static void errors_are_mapped(void **state)
{
	struct db *db = open_db(*state);
	sqlite3_stmt *stmt;
	assert_int_equal(
		db_script(db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE, c NOT NULL)"), RC_OK);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (1, 'x', 1)", ""), RC_OK);
	assert_int_equal(db_last_id(db), 1);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (1, 'y', 1)", ""), RC_EXISTS);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (2, 'x', 1)", ""), RC_EXISTS);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (3, 'z', NULL)", ""), RC_CORRUPT);
	assert_int_equal(db_prepare(db, "SELECT nothing FROM nowhere", &stmt), RC_CORRUPT);
	assert_int_equal(db_one(db, &stmt, "SELECT a FROM t WHERE a = 9", ""), RC_NOT_FOUND);
	assert_int_equal(db_run(db, "UPDATE t SET c = 2", ""), RC_OK);
	assert_int_equal(db_changes(db), 1);
	assert_int_equal(db_result(db, SQLITE_FULL, "test"), RC_NOSPACE);
	assert_int_equal(db_result(db, SQLITE_CORRUPT, "test"), RC_CORRUPT);
	assert_int_equal(db_result(db, SQLITE_NOTADB, "test"), RC_CORRUPT);
	assert_int_equal(db_result(db, SQLITE_IOERR_FSYNC, "test"), RC_IO);
	assert_int_equal(db_result(db, SQLITE_IOERR_NOMEM, "test"), RC_UNAVAILABLE);
	assert_int_equal(db_result(db, SQLITE_READONLY, "test"), RC_READONLY);
	assert_int_equal(db_result(db, SQLITE_BUSY, "test"), RC_UNAVAILABLE);
	assert_int_equal(db_result(db, SQLITE_TOOBIG, "test"), RC_LIMIT);
	db_close(&db);
}

static void a_file_that_is_no_database_is_corrupt(void **state)
{
	struct fix *fix = *state;
	char path[128];
	struct db *db = NULL;
	snprintf(path, sizeof(path), "%s/bad.db", fix->root);
	FILE *file = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("no database ", file);
	fclose(file);
	assert_int_equal(db_open(path, NULL, false, "bad", fix->log, &db), RC_CORRUPT);
	assert_null(db);
}

static void a_missing_file_is_not_made_unless_asked(void **state)
{
	struct fix *fix = *state;
	char path[128];
	struct db *db = NULL;
	snprintf(path, sizeof(path), "%s/none.db", fix->root);
	assert_int_equal(
		db_open(path, vfs_name(fix->store->vfs), false, "none", fix->log, &db), RC_UNAVAILABLE);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void only_a_full_commit_syncs(void **state)
{
	struct fix *fix = *state;
	struct db *db = open_db(fix);
	assert_int_equal(db_script(db, "CREATE TABLE t (a)"), RC_OK);
	/* The WAL starts anew after a checkpoint, and then its header is synced once. */
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (0)", ""), RC_OK);
	size_t point = rec_point(fix->rec);
	assert_int_equal(db_begin(db, false), RC_OK);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (1)", ""), RC_OK);
	assert_int_equal(db_commit(db), RC_OK);
	assert_int_equal(wal_syncs(fix, point), 0);
	assert_int_equal(db_begin(db, true), RC_OK);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (1)", ""), RC_OK);
	assert_int_equal(db_commit(db), RC_OK);
	assert_int_equal(wal_syncs(fix, point), 1);
	assert_int_equal(db_begin(db, true), RC_OK);
	assert_int_equal(db_commit(db), RC_OK);
	assert_int_equal(wal_syncs(fix, point), 1);
	/* A cached row outside a transaction. */
	db_relax(db);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (2)", ""), RC_OK);
	assert_int_equal(wal_syncs(fix, point), 1);
	assert_int_equal(db_sync_wal(db), RC_OK);
	assert_int_equal(wal_syncs(fix, point), 2);
	db_close(&db);
}

static void savepoints_undo_and_keep(void **state)
{
	struct db *db = open_db(*state);
	assert_int_equal(db_script(db, "CREATE TABLE t (a)"), RC_OK);
	assert_false(db_in_transaction(db));
	assert_int_equal(db_begin(db, true), RC_OK);
	assert_true(db_in_transaction(db));
	assert_int_equal(db_pending_bytes(db), 0);
	assert_int_equal(db_savepoint(db), RC_OK);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (?1)", "t", STRV("kept")), RC_OK);
	assert_int_equal(db_release(db), RC_OK);
	assert_true(db_pending_bytes(db) > 0);
	assert_int_equal(db_savepoint(db), RC_OK);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (?1)", "t", STRV("undone")), RC_OK);
	assert_int_equal(db_rollback_to(db), RC_OK);
	assert_int_equal(db_commit(db), RC_OK);
	assert_int_equal(pragma(db, "SELECT count(*) FROM t"), 1);
	assert_int_equal(db_begin(db, true), RC_OK);
	assert_int_equal(db_run(db, "DELETE FROM t", ""), RC_OK);
	db_rollback(db);
	db_rollback(db);
	assert_int_equal(pragma(db, "SELECT count(*) FROM t"), 1);
	db_close(&db);
}

static void a_commit_whose_sync_fails_is_uncertain_one_that_finds_no_room_is_not(void **state)
{
	struct fix *fix = *state;
	struct db *db = open_db(fix);
	assert_int_equal(db_script(db, "CREATE TABLE t (a)"), RC_OK);
	assert_int_equal(db_begin(db, true), RC_OK);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (1)", ""), RC_OK);
	rec_fail(fix->rec, REC_OP_WRITE, "test.db-wal", ENOSPC, 1, false);
	assert_int_equal(db_commit(db), RC_NOSPACE);
	assert_false(db_commit_uncertain(db));
	assert_false(db_in_transaction(db));
	static const int errors[] = { EIO, ENOSPC, EDQUOT };
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		assert_int_equal(db_begin(db, true), RC_OK);
		assert_int_equal(db_run(db, "INSERT INTO t VALUES (1)", ""), RC_OK);
		rec_fail(fix->rec, REC_OP_SYNC, "test.db-wal", errors[i], 1, false);
		assert_int_equal(db_commit(db), RC_IO);
		assert_true(db_commit_uncertain(db));
		assert_false(db_in_transaction(db));
	}
	rec_fail(fix->rec, REC_OP_SYNC, "", 0, 0, false);
	db_close(&db);
}

static void a_checkpoint_empties_the_wal(void **state)
{
	struct fix *fix = *state;
	struct db *db = open_db(fix);
	char path[128];
	struct stat st;
	assert_int_equal(db_script(db, "CREATE TABLE t (a)"), RC_OK);
	assert_int_equal(db_begin(db, true), RC_OK);
	for (int i = 0; i < 100; i++)
		assert_int_equal(db_run(db, "INSERT INTO t VALUES (randomblob(4000))", ""), RC_OK);
	assert_int_equal(db_commit(db), RC_OK);
	assert_true(db_wal_frames(db) >= 100);
	assert_int_equal(db_checkpoint(db, false), RC_OK);
	assert_int_equal(db_wal_frames(db), 0);
	assert_int_equal(db_checkpoint(db, true), RC_OK);
	snprintf(path, sizeof(path), "%s/test.db-wal", fix->root);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(db_quick_check(db), RC_OK);
	db_close(&db);
}

static void closing_syncs_nothing_and_leaves_the_wal(void **state)
{
	struct fix *fix = *state;
	struct db *db = open_db(fix);
	assert_int_equal(db_script(db, "CREATE TABLE t (a); INSERT INTO t VALUES (7)"), RC_OK);
	size_t point = rec_point(fix->rec);
	db_close(&db);
	assert_int_equal(rec_point(fix->rec), point);
	db = open_db(fix);
	assert_int_equal(pragma(db, "SELECT a FROM t"), 7);
	db_close(&db);
}

static void a_damaged_database_is_noticed(void **state)
{
	struct fix *fix = *state;
	struct db *db = open_db(fix);
	char path[128], zeros[4096] = { 0 };
	assert_int_equal(db_script(db, "CREATE TABLE t (a); CREATE INDEX i ON t (a)"), RC_OK);
	assert_int_equal(db_begin(db, true), RC_OK);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(db_run(db, "INSERT INTO t VALUES (random())", ""), RC_OK);
	assert_int_equal(db_commit(db), RC_OK);
	assert_int_equal(db_checkpoint(db, true), RC_OK);
	db_close(&db);
	snprintf(path, sizeof(path), "%s/test.db", fix->root);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 3 * 4096), sizeof(zeros));
	close(fd);
	db = open_db(fix);
	assert_int_equal(db_quick_check(db), RC_CORRUPT);
	db_close(&db);
}

static void a_backup_is_a_complete_database(void **state)
{
	struct fix *fix = *state;
	struct db *db = open_db(fix), *copy = NULL;
	char path[128];
	int version = 0;
	snprintf(path, sizeof(path), "%s/copy.db", fix->root);
	assert_int_equal(
		db_script(db, "CREATE TABLE t (a); INSERT INTO t VALUES (7); PRAGMA user_version = 3"),
		RC_OK);
	assert_int_equal(db_backup(db, path, vfs_name(fix->store->vfs)), RC_OK);
	db_close(&db);
	assert_int_equal(db_open(path, vfs_name(fix->store->vfs), false, "copy", fix->log, &copy), RC_OK);
	assert_int_equal(pragma(copy, "SELECT a FROM t"), 7);
	assert_int_equal(db_version(copy, &version), RC_OK);
	assert_int_equal(version, 3);
	assert_int_equal(db_quick_check(copy), RC_OK);
	db_close(&copy);
}

static void a_backup_that_finds_no_room_says_so(void **state)
{
	struct fix *fix = *state;
	struct db *db = open_db(fix);
	char path[128];
	snprintf(path, sizeof(path), "%s/copy.db", fix->root);
	assert_int_equal(db_script(db, "CREATE TABLE t (a); INSERT INTO t VALUES (7)"), RC_OK);
	rec_fail(fix->rec, REC_OP_WRITE, "copy.db", ENOSPC, 1, true);
	assert_int_equal(db_backup(db, path, vfs_name(fix->store->vfs)), RC_NOSPACE);
	rec_fail(fix->rec, REC_OP_WRITE, "", 0, 0, false);
	db_close(&db);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_database_is_opened_with_the_pragmas_it_needs),
		T(a_statement_is_prepared_once_and_found_again),
		T(many_statements_fit_the_cache),
		T(every_type_is_bound_and_read_back),
		T(uids_of_a_query_make_a_set_or_none),
		T(errors_are_mapped),
		T(a_file_that_is_no_database_is_corrupt),
		T(a_missing_file_is_not_made_unless_asked),
		T(only_a_full_commit_syncs),
		T(savepoints_undo_and_keep),
		T(a_commit_whose_sync_fails_is_uncertain_one_that_finds_no_room_is_not),
		T(a_checkpoint_empties_the_wal),
		T(closing_syncs_nothing_and_leaves_the_wal),
		T(a_damaged_database_is_noticed),
		T(a_backup_is_a_complete_database),
		T(a_backup_that_finds_no_room_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
