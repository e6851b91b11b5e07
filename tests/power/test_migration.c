/*
 * account.db of an older version: before it is changed a copy of it is made, account.db.v<n>. Wherever the
 * power is cut, a database that has the new version has the copy beside it, complete; and the account is as
 * it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/power.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/schema.h"
#include "store/store_priv.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#define ACCOUNT POWER_ACCOUNT
#define VERSION 5
#define MESSAGES 2
#define SYNCS_MAX 40
static const struct strv none = { NULL, 0 };

static enum rc older_run(struct account *account, void *arg)
{
	(void)arg;
	return db_script(account->db,
		"DROP TABLE damage; DROP INDEX blob_unsummed; ALTER TABLE blob DROP COLUMN sum;"
		"PRAGMA user_version = 5;");
}

static void prepare(struct power *power)
{
	power_init(power, NULL);
	for (unsigned i = 1; i <= MESSAGES; i++)
		power_append(power, "APPEND", "INBOX", i, 500, none);
	assert_int_equal(rig_run(&power->rig, ACCOUNT, JOB_READ, older_run, NULL), RC_OK);
	rig_close(&power->rig);
	assert_int_equal(rig_open(&power->rig), RC_OK);
}

/* Opens the account. */
static enum rc migrate(struct power *power)
{
	uint64_t modseq;
	return rig_dump(&power->rig, ACCOUNT, &power->dump, &modseq);
}

/* The version of a database in the folder of the cut, if it has all messages and is whole; else 0. */
static int version_of(const struct power *power, const char *name)
{
	char path[1024];
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int version = 0;
	snprintf(path, sizeof(path), "%s/users/%02x/%d/%s", power->cut, ACCOUNT, ACCOUNT, name);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
		sqlite3_prepare_v2(db,
			"SELECT user_version, integrity_check, (SELECT count(*) FROM msg)"
			" FROM pragma_user_version, pragma_integrity_check",
			-1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW &&
		strcmp((const char *)sqlite3_column_text(stmt, 1), "ok") == 0 &&
		sqlite3_column_int(stmt, 2) == MESSAGES)
		version = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return version;
}

static bool copy_is_there(
	struct power *power, size_t point, enum rec_choice choice, size_t without, bool done)
{
	rec_cut(power->rec, point, choice, point, without, power->cut);
	int version = version_of(power, "account.db"), copy = version_of(power, "account.db.v5");
	rig_folder_remove(power->cut);
	return copy == VERSION || (version == VERSION && !done);
}

/* Returns true if some cut shows that this sync was not made. */
static bool is_noticed(struct power *power, size_t sync, size_t to)
{
	for (size_t point = sync + 1; point <= to; point++)
		if (!copy_is_there(power, point, REC_NONE, sync, point == to) ||
			!copy_is_there(power, point, REC_NAMES, sync, point == to))
			return true;
	return false;
}

static void a_migration_that_is_cut_leaves_a_copy_of_what_was(void **state)
{
	struct power power;
	enum rec_sync_kind kind;
	unsigned copies = 0, folders = 0;
	(void)state;
	prepare(&power);
	size_t from = rec_point(power.rec);
	assert_int_equal(migrate(&power), RC_OK);
	size_t to = rec_point(power.rec);
	char *good = mem_strndup(power.dump.p, power.dump.len);
	struct power_after after = { .account = ACCOUNT, .good = good };
	for (size_t point = from; point <= to; point++) {
		for (unsigned i = 0; i < REC_CHOICES; i++) {
			if (!copy_is_there(&power, point, (enum rec_choice)i, SIZE_MAX, point == to))
				fail_msg("cut at %zu (%s), choice %u: there is no copy", point,
					rec_describe(power.rec, point), i);
			if (i == point % REC_CHOICES &&
				!power_leaves(&power, point, (enum rec_choice)i, point, &after))
				fail_msg("cut at %zu (%s), choice %u: %s", point,
					rec_describe(power.rec, point), i, power.reason);
		}
	}
	/* That of the copy, and that of its name. */
	for (size_t sync = rec_next_sync(power.rec, from, &kind); sync < to;
		sync = rec_next_sync(power.rec, sync + 1, &kind)) {
		bool of_copy = strstr(rec_describe(power.rec, sync), "/account.db.v5") != NULL;
		bool noticed = is_noticed(&power, sync, to);
		copies += noticed && of_copy;
		folders += noticed && kind == REC_SYNC_DIR_HOME;
	}
	assert_true(copies > 0);
	assert_true(folders > 0);
	free(good);
	power_fini(&power);
}

static bool fail_sync(unsigned nth)
{
	struct power power;
	prepare(&power);
	rec_fail(power.rec, REC_OP_SYNC, "", EIO, nth, false);
	enum rc rc = migrate(&power);
	unsigned struck = rec_failures(power.rec);
	rec_fail(power.rec, REC_OP_SYNC, "", 0, 0, false);
	/* Past every pause. */
	clock_fake_advance(3600 * 1000);
	if (rc != RC_OK)
		assert_int_equal(migrate(&power), RC_OK);
	size_t point = rec_point(power.rec);
	for (unsigned i = 0; i < REC_CHOICES; i++)
		if (!copy_is_there(&power, point, (enum rec_choice)i, SIZE_MAX, true))
			fail_msg("sync %u fails, answered %s, choice %u: there is no copy", nth, rc_name(rc),
				i);
	power_fini(&power);
	return struck > 0;
}

static void a_migration_whose_sync_fails_leaves_one_too(void **state)
{
	unsigned nth = 1;
	(void)state;
	while (nth < SYNCS_MAX && fail_sync(nth))
		nth++;
	assert_true(nth > 2 && nth < SYNCS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_migration_that_is_cut_leaves_a_copy_of_what_was),
		cmocka_unit_test(a_migration_whose_sync_fails_leaves_one_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
