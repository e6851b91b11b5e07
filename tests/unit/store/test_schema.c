/* The tables of a new account, and files of other programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/schema.h"

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static sqlite3 *open_memory(void)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	return db;
}

static void a_new_database_has_its_tables_and_version(void **state)
{
	(void)state;
	sqlite3 *db = open_memory();

	assert_int_equal(schema_create(db, NULL), RC_OK);
	assert_int_equal(number(db, "PRAGMA user_version"), SCHEMA_VERSION);
	assert_int_equal(number(db, "SELECT count(*) FROM account"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM mailbox"), 0);
	assert_int_equal(schema_migrate(db, SCHEMA_VERSION, NULL), RC_OK);
	sqlite3_close(db);
}

static void message_rows_hold_nothing_of_variable_length(void **state)
{
	(void)state;
	sqlite3 *db = open_memory();

	assert_int_equal(schema_create(db, NULL), RC_OK);
	assert_int_equal(
		number(db, "SELECT count(*) FROM pragma_table_info('msg') WHERE type <> 'INTEGER'"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM pragma_table_info('msg')"), 10);
	/* The only index is that of the messages marked for the mover, which are few. */
	assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'msg'"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'msg' AND"
				    " sql LIKE '%WHERE flags & 512'"),
		1);
	sqlite3_close(db);
}

static void tables_that_are_there_already_are_an_error(void **state)
{
	(void)state;
	sqlite3 *db = open_memory();

	assert_int_equal(schema_create(db, NULL), RC_OK);
	assert_int_equal(schema_create(db, NULL), RC_CORRUPT);
	sqlite3_close(db);
}

static void a_database_of_an_unknown_version_is_left_alone(void **state)
{
	(void)state;
	sqlite3 *db = open_memory();

	assert_int_equal(schema_migrate(db, SCHEMA_VERSION + 1, NULL), RC_UNAVAILABLE);
	assert_int_equal(schema_migrate(db, 0, NULL), RC_CORRUPT);
	assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema"), 0);
	sqlite3_close(db);
}

#define TO_VERSION_5 "DROP TABLE damage; DROP INDEX blob_unsummed; ALTER TABLE blob DROP COLUMN sum;"
#define TO_VERSION_4 TO_VERSION_5 "DROP TABLE keyword_more;"
#define TO_VERSION_3 TO_VERSION_4 "ALTER TABLE account DROP COLUMN file_prefix;"

/* The database has the form before checksums, before push_owed, and before threads. */
static void a_database_of_an_older_version_gets_what_is_new(void **state)
{
	static const char *const down[] = {
		TO_VERSION_5 "PRAGMA user_version = 5",
		TO_VERSION_4 "PRAGMA user_version = 4",
		TO_VERSION_3 "PRAGMA user_version = 3",
		TO_VERSION_3 "DROP TABLE push_owed; PRAGMA user_version = 2",
		TO_VERSION_3
		"DROP TABLE push_owed; DROP TABLE thread_ref; ALTER TABLE blob DROP COLUMN thread;"
		"PRAGMA user_version = 1",
	};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		sqlite3 *db = open_memory();
		assert_int_equal(schema_create(db, NULL), RC_OK);
		assert_int_equal(sqlite3_exec(db, down[i], NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(schema_migrate(db, 5 - (int)i, NULL), RC_OK);
		assert_int_equal(schema_renew_cache(db, NULL), RC_OK);
		assert_int_equal(number(db, "PRAGMA user_version"), SCHEMA_VERSION);
		assert_int_equal(number(db, "SELECT count(*) FROM push_owed"), 0);
		assert_int_equal(number(db, "SELECT count(sum) FROM blob"), 0);
		assert_int_equal(number(db, "SELECT count(sums) FROM cache"), 0);
		assert_int_equal(number(db, "SELECT count(*) FROM damage"), 0);
		assert_int_equal(number(db, "SELECT count(*) FROM keyword_more"), 0);
		assert_int_equal(number(db, "SELECT count(*) FROM thread_ref"), 0);
		assert_int_equal(number(db, "SELECT file_prefix FROM account"), 0);
		sqlite3_close(db);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_database_has_its_tables_and_version),
		cmocka_unit_test(message_rows_hold_nothing_of_variable_length),
		cmocka_unit_test(tables_that_are_there_already_are_an_error),
		cmocka_unit_test(a_database_of_an_unknown_version_is_left_alone),
		cmocka_unit_test(a_database_of_an_older_version_gets_what_is_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
