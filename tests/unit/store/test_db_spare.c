#include "core_fixture.h"

#include "store/db_priv.h"

#include <fcntl.h>

#define SPARES_MAX 2
#define FILES 6

struct files {
	struct fix *fix;
	struct db_spares *spares;
};

static void file_path(struct fix *fix, unsigned i, char path[256])
{
	snprintf(path, 256, "%s/%u.db", fix->root, i);
}

static void make_file(struct fix *fix, unsigned i, const char *script)
{
	char path[256];
	struct db *db = NULL;
	file_path(fix, i, path);
	assert_int_equal(db_open(path, vfs_name(fix->store->vfs), true, "test", fix->log, &db), RC_OK);
	assert_int_equal(db_script(db, script), RC_OK);
	assert_int_equal(db_checkpoint(db, true), RC_OK);
	db_close(&db);
}

static int files_setup(void **state)
{
	setup(state);
	struct files *files = mem_zalloc(sizeof(*files));
	files->fix = *state;
	files->spares = db_spares_new(vfs_name(files->fix->store->vfs), SPARES_MAX);
	for (unsigned i = 0; i < FILES; i++)
		make_file(files->fix, i,
			"CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB); CREATE INDEX i ON t (b)");
	*state = files;
	return 0;
}

static int files_teardown(void **state)
{
	struct files *files = *state;
	db_spares_free(&files->spares);
	*state = files->fix;
	free(files);
	return teardown(state);
}

static enum rc try_open(struct files *files, unsigned i, struct db **ret_db)
{
	char path[256];
	file_path(files->fix, i, path);
	return db_spare_open(files->spares, path, "test", files->fix->log, ret_db);
}

static struct db *open_file(struct files *files, unsigned i)
{
	struct db *db = NULL;
	assert_int_equal(try_open(files, i, &db), RC_OK);
	return db;
}

static int64_t number_of(struct db *db, const char *sql)
{
	sqlite3_stmt *stmt;
	assert_int_equal(db_one(db, &stmt, sql, ""), RC_OK);
	int64_t value = db_i64(stmt, 0);
	db_reset(stmt);
	return value;
}

static int64_t rows_of(struct db *db)
{
	return number_of(db, "SELECT count(*) FROM t");
}

static void insert(struct db *db, int64_t a, size_t size)
{
	char bytes[5000] = { 0 };
	memset(bytes, (int)('a' + a % 26), size);
	assert_int_equal(db_begin(db, true), RC_OK);
	assert_int_equal(
		db_run(db, "INSERT INTO t (a, b) VALUES (?1, ?2)", "ib", a, strv_make(bytes, size)), RC_OK);
	assert_int_equal(db_commit(db), RC_OK);
}

static void a_connection_is_used_for_the_next_file(void **state)
{
	struct files *files = *state;
	struct db *db = open_file(files, 0);
	const sqlite3 *handle = db_handle(db);
	insert(db, 1, 10);
	assert_int_equal(rows_of(db), 1);
	db_spare_close(files->spares, &db);
	assert_null(db);
	db = open_file(files, 1);
	assert_ptr_equal(db_handle(db), handle);
	assert_int_equal(rows_of(db), 0);
	db_spare_close(files->spares, &db);
	db = open_file(files, 0);
	assert_ptr_equal(db_handle(db), handle);
	assert_int_equal(rows_of(db), 1);
	db_spare_close(files->spares, &db);
}

/* Writes, checkpoints and reads at random in files that share connections; each file has its own rows. */
static void no_file_shows_rows_of_another(void **state)
{
	struct files *files = *state;
	int64_t count[FILES] = { 0 };
	srand(7);
	for (unsigned round = 0; round < 600; round++) {
		unsigned i = (unsigned)rand() % FILES, j = (i + 1) % FILES;
		struct db *db = open_file(files, i), *other = open_file(files, j);
		assert_int_equal(rows_of(db), count[i]);
		assert_int_equal(rows_of(other), count[j]);
		for (int n = rand() % 4; n > 0; n--) {
			/* The numbers are distinct in all the files together. */
			insert(db, (int64_t)i + FILES * count[i], (size_t)rand() % 4000);
			count[i]++;
		}
		assert_int_equal(
			number_of(db, "SELECT count(*) FROM t WHERE a % 6 <> (SELECT min(a) % 6 FROM t)"), 0);
		if (count[i] > 0)
			assert_int_equal(number_of(db, "SELECT min(a) FROM t"), i);
		if (rand() % 3 == 0)
			assert_int_equal(db_checkpoint(db, rand() % 2 == 0), RC_OK);
		if (rand() % 20 == 0)
			db_close(&db);
		db_spare_close(files->spares, &db);
		db_spare_close(files->spares, &other);
	}
	db_spares_free(&files->spares);
	for (unsigned i = 0; i < FILES; i++) {
		char path[256];
		struct db *db = NULL;
		file_path(files->fix, i, path);
		assert_int_equal(
			db_open(path, vfs_name(files->fix->store->vfs), false, "test", files->fix->log, &db),
			RC_OK);
		assert_int_equal(db_quick_check(db), RC_OK);
		assert_int_equal(rows_of(db), count[i]);
		db_close(&db);
	}
}

/* A WAL that begins anew in another file has a salt of its own: the ledger knows WALs by it. */
static void each_wal_has_a_salt_of_its_own(void **state)
{
	struct files *files = *state;
	uint64_t salts[40];
	for (unsigned round = 0; round < 40; round++) {
		struct db *db = open_file(files, round % FILES);
		insert(db, 1000 + round, 20);
		assert_int_equal(db_wal_salt(db, &salts[round]), RC_OK);
		assert_true(salts[round] != 0);
		for (unsigned before = 0; before < round; before++)
			assert_true(salts[round] != salts[before]);
		assert_int_equal(db_checkpoint(db, true), RC_OK);
		db_spare_close(files->spares, &db);
	}
}

/* The cookie is the same, the tables lie elsewhere. */
static void another_schema_gets_a_new_connection(void **state)
{
	struct files *files = *state;
	make_file(files->fix, FILES,
		"CREATE TABLE u (c); CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB);"
		"CREATE INDEX i ON t (b); INSERT INTO u VALUES (5);"
		"INSERT INTO t VALUES (3, 'x'); INSERT INTO t VALUES (4, 'y')");
	struct db *db = open_file(files, 0);
	int64_t cookie = number_of(db, "PRAGMA schema_version");
	assert_int_equal(rows_of(db), 0);
	db_spare_close(files->spares, &db);
	char path[256], script[64];
	file_path(files->fix, FILES, path);
	assert_int_equal(
		db_open(path, vfs_name(files->fix->store->vfs), false, "test", files->fix->log, &db), RC_OK);
	snprintf(script, sizeof(script), "PRAGMA schema_version = %d", (int)cookie);
	assert_int_equal(db_script(db, script), RC_OK);
	assert_int_equal(db_checkpoint(db, true), RC_OK);
	db_close(&db);
	db = open_file(files, FILES);
	assert_int_equal(number_of(db, "PRAGMA schema_version"), cookie);
	assert_int_equal(rows_of(db), 2);
	assert_int_equal(number_of(db, "SELECT c FROM u"), 5);
	db_close(&db);
}

/* A connection that has changed the schema is one of the new schema. */
static void a_schema_that_was_changed_is_that_of_the_connection(void **state)
{
	struct files *files = *state;
	struct db *db = open_file(files, 0);
	assert_int_equal(db_script(db, "CREATE TABLE more (x)"), RC_OK);
	db_spare_close(files->spares, &db);
	db = open_file(files, 1);
	assert_int_equal(number_of(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'more'"), 0);
	db_spare_close(files->spares, &db);
	db = open_file(files, 0);
	assert_int_equal(number_of(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'more'"), 1);
	db_spare_close(files->spares, &db);
}

static void files_that_are_wrong_are_told_as_without_a_spare(void **state)
{
	struct files *files = *state;
	struct db *db = open_file(files, 0);
	char path[256];
	db_spare_close(files->spares, &db);
	assert_int_equal(try_open(files, 99, &db), RC_UNAVAILABLE);
	assert_null(db);
	file_path(files->fix, 50, path);
	const struct io *io = files->fix->store->io;
	int fd = io->open(io->ctx, path, O_WRONLY | O_CREAT, 0600);
	static const char text[4096] = "This is no database.";
	assert_true(io_write_all(io, fd, text, sizeof(text), 0));
	assert_int_equal(io->close(io->ctx, fd), 0);
	db = open_file(files, 0);
	db_spare_close(files->spares, &db);
	assert_int_equal(try_open(files, 50, &db), RC_CORRUPT);
	assert_null(db);
	db = open_file(files, 0);
	db_spare_close(files->spares, &db);
}

static void a_file_that_is_open_elsewhere_stays_closed(void **state)
{
	struct files *files = *state;
	struct db *db = open_file(files, 0), *other = NULL;
	db_spare_close(files->spares, &db);
	db = open_file(files, 1);
	assert_int_equal(try_open(files, 1, &other), RC_UNAVAILABLE);
	assert_null(other);
	db_spare_close(files->spares, &db);
	/* A connection that waits holds no lock. */
	db = open_file(files, 1);
	db_spare_close(files->spares, &db);
}

static void a_connection_that_saw_an_error_is_not_kept(void **state)
{
	struct files *files = *state;
	struct db *db = open_file(files, 0);
	insert(db, 1, 10);
	rec_fail(files->fix->rec, REC_OP_WRITE, "0.db-wal", EIO, 1, false);
	assert_int_equal(db_begin(db, true), RC_OK);
	assert_int_equal(db_run(db, "INSERT INTO t (a) VALUES (2)", ""), RC_OK);
	assert_int_not_equal(db_commit(db), RC_OK);
	db_spare_close(files->spares, &db);
	db = open_file(files, 0);
	assert_int_equal(db->last_code, 0);
	assert_int_equal(rows_of(db), 1);
	db_spare_close(files->spares, &db);
}

static void a_transaction_that_is_open_is_undone(void **state)
{
	struct files *files = *state;
	struct db *db = open_file(files, 0);
	assert_int_equal(db_begin(db, true), RC_OK);
	assert_int_equal(db_run(db, "INSERT INTO t (a) VALUES (2)", ""), RC_OK);
	db_spare_close(files->spares, &db);
	db = open_file(files, 0);
	assert_int_equal(rows_of(db), 0);
	db_spare_close(files->spares, &db);
}

static void only_so_many_wait(void **state)
{
	struct files *files = *state;
	struct db *db[FILES];
	unsigned again = 0;
	for (unsigned i = 0; i < FILES; i++) {
		db[i] = open_file(files, i);
		insert(db[i], i, 10);
	}
	for (unsigned i = 0; i < FILES; i++)
		db_spare_close(files->spares, &db[i]);
	for (unsigned i = 0; i < FILES; i++)
		db[i] = open_file(files, i);
	/* Each has the one statement that was prepared for it; one that was used before has more. */
	for (unsigned i = 0; i < FILES; i++)
		again += db[i]->used > 1;
	assert_int_equal(again, SPARES_MAX);
	for (unsigned i = 0; i < FILES; i++)
		db_spare_close(files->spares, &db[i]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_connection_is_used_for_the_next_file),
		T(no_file_shows_rows_of_another),
		T(each_wal_has_a_salt_of_its_own),
		T(another_schema_gets_a_new_connection),
		T(a_schema_that_was_changed_is_that_of_the_connection),
		T(files_that_are_wrong_are_told_as_without_a_spare),
		T(a_file_that_is_open_elsewhere_stays_closed),
		T(a_connection_that_saw_an_error_is_not_kept),
		T(a_transaction_that_is_open_is_undone),
		T(only_so_many_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
