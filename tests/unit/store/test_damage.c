/* Messages that can't be read: written down once, told in one note. And checksums that come later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/store_rig.h"

#include "base/mem.h"
#include "store/bytes.h"
#include "store/damage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCOUNT 7

struct fixture {
	char root[512];
	struct rig rig;
	struct buf bytes;
	const char *sql;
	int64_t number;
};

static const struct strv none = { NULL, 0 };

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	rig_folder_make(f->root);
	rig_init(&f->rig, f->root, NULL);
	if (rig_open(&f->rig) != RC_OK)
		return -1;
	buf_init(&f->bytes, 1u << 20);
	for (unsigned i = 1; i <= 4; i++) {
		buf_reset(&f->bytes);
		rig_message(&f->bytes, i, i % 2 ? 20000 : 700);
		assert_int_equal(
			rig_append(&f->rig, ACCOUNT, "INBOX", buf_strv(&f->bytes), none, NULL), RC_OK);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	buf_fini(&f->bytes);
	rig_close(&f->rig);
	rig_folder_remove(f->root);
	free(f);
	return 0;
}

static enum rc count_run(struct account *account, void *arg)
{
	struct fixture *f = arg;
	sqlite3_stmt *stmt = NULL;
	if (sqlite3_prepare_v2(db_handle(account->db), f->sql, -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		f->number = sqlite3_column_int64(stmt, 0);
	return sqlite3_finalize(stmt) == SQLITE_OK ? RC_OK : RC_CORRUPT;
}

static int64_t number(struct fixture *f, const char *sql)
{
	f->sql = sql;
	f->number = -1;
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_READ, count_run, f), RC_OK);
	return f->number;
}

static enum rc script_run(struct account *account, void *arg)
{
	return db_script(account->db, arg);
}

static void script(struct fixture *f, const char *sql)
{
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, script_run, (char *)(uintptr_t)sql), RC_OK);
}

static enum rc note_run(struct account *account, void *arg)
{
	(void)arg;
	return damage_note(account);
}

static void note(struct fixture *f)
{
	assert_int_equal(rig_background(&f->rig, ACCOUNT, note_run, NULL), RC_OK);
}

static enum rc fill_run(struct account *account, void *arg)
{
	(void)arg;
	return blob_fill_sums(account);
}

static void expect_unreadable(struct fixture *f, uint32_t uid)
{
	buf_reset(&f->bytes);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", uid, &f->bytes), RC_CORRUPT);
	rig_settle(&f->rig);
}

static void file_put(const char *path, const char *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	close(fd);
}

/* The store gives out only the original bytes, and does so again as soon as they are back. */
static void a_moved_out_file_is_cut_and_turned_octet_by_octet(void **state)
{
	struct fixture *f = *state;
	char path[1024];
	rig_close(&f->rig);
	f->rig.settings.verify_reads = true;
	f->rig.settings.inline_age_ms = 0;
	assert_int_equal(rig_open(&f->rig), RC_OK);
	assert_int_equal(rig_move_out(&f->rig, ACCOUNT), RC_OK);
	/* The test does not read the message itself: the store does not compare a file again that it has
	 * compared a moment ago. */
	buf_reset(&f->bytes);
	rig_message(&f->bytes, 2, 700);
	size_t size = f->bytes.len;
	char *whole = mem_strndup(f->bytes.p, size);
	uint64_t file = (uint64_t)number(f, "SELECT file FROM blob WHERE id = 2");
	snprintf(path, sizeof(path), "%s/users/%02x/%d/msg/%02x/%016" PRIx64, f->root, ACCOUNT, ACCOUNT,
		file_dir((int64_t)file), file);
	for (size_t n = 0; n < size; n++) {
		file_put(path, whole, n);
		expect_unreadable(f, 2);
	}
	for (size_t at = 0; at < size; at++) {
		const char values[] = { 0x00, (char)0xff, (char)(whole[at] ^ 0x10) };
		char kept = whole[at];
		for (size_t i = 0; i < sizeof(values); i++) {
			whole[at] = values[i];
			file_put(path, whole, size);
			expect_unreadable(f, 2);
		}
		whole[at] = kept;
	}
	file_put(path, whole, size);
	buf_reset(&f->bytes);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 2, &f->bytes), RC_OK);
	assert_true(strv_eq(buf_strv(&f->bytes), strv_make(whole, size)));
	free(whole);
}

static void damage_is_told_in_one_note(void **state)
{
	struct fixture *f = *state;
	note(f);
	assert_int_equal(number(f, "SELECT count(*) FROM msg"), 4);
	script(f, "UPDATE blob SET size = size + 1 WHERE id IN (1, 2)");
	expect_unreadable(f, 1);
	expect_unreadable(f, 2);
	expect_unreadable(f, 1);
	assert_int_equal(number(f, "SELECT count(*) FROM damage WHERE noted_at = 0"), 2);
	note(f);
	assert_int_equal(number(f, "SELECT count(*) FROM msg"), 5);
	assert_int_equal(number(f, "SELECT count(*) FROM damage WHERE noted_at = 0"), 0);
	buf_reset(&f->bytes);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 5, &f->bytes), RC_OK);
	buf_addc(&f->bytes, '\0');
	assert_non_null(strstr(f->bytes.p, "mailbox INBOX, UID 1, "));
	assert_non_null(strstr(f->bytes.p, "mailbox INBOX, UID 2, "));
	assert_int_equal(number(f, "SELECT count(*) FROM push_owed"), 0);
	/* There is no new damage, so there is no other note, even after the account is opened again. */
	expect_unreadable(f, 1);
	rig_close(&f->rig);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	expect_unreadable(f, 1);
	note(f);
	assert_int_equal(number(f, "SELECT count(*) FROM msg"), 5);
	/* Another one waits for its hour. */
	script(f, "UPDATE blob SET size = size + 1 WHERE id = 3");
	expect_unreadable(f, 3);
	note(f);
	assert_int_equal(number(f, "SELECT count(*) FROM msg"), 5);
	script(f, "UPDATE damage SET noted_at = noted_at - 4000 WHERE noted_at > 0");
	note(f);
	assert_int_equal(number(f, "SELECT count(*) FROM msg"), 6);
	/* A clock that was ahead does not silence it. */
	script(f, "UPDATE damage SET noted_at = noted_at + 400000");
	script(f, "UPDATE blob SET size = size + 1 WHERE id = 4");
	expect_unreadable(f, 4);
	note(f);
	assert_int_equal(number(f, "SELECT count(*) FROM msg"), 7);
}

static enum rc known_run(struct account *account, void *arg)
{
	struct fixture *f = arg;
	f->number = (int64_t)account->blobs.damaged_count;
	return RC_OK;
}

/* Opens the account with so many damaged blobs, none of which is that of a message. */
static int64_t known_after_opening(struct fixture *f, int count)
{
	char sql[300];
	snprintf(sql, sizeof(sql),
		"DELETE FROM damage; INSERT INTO damage (blob, found_at, noted_at)"
		" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
		" SELECT 1000 + i, 1, 1 FROM n",
		count);
	script(f, sql);
	rig_close(&f->rig);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_READ, known_run, f), RC_OK);
	return f->number;
}

static void so_many_damaged_blobs_are_known_and_no_more_are_recorded(void **state)
{
	struct fixture *f = *state;
	script(f, "UPDATE blob SET size = size + 1 WHERE id = 1");
	assert_int_equal(known_after_opening(f, DAMAGE_KNOWN_MAX - 1), DAMAGE_KNOWN_MAX - 1);
	expect_unreadable(f, 1);
	assert_int_equal(number(f, "SELECT count(*) FROM damage WHERE blob = 1"), 1);
	assert_int_equal(known_after_opening(f, DAMAGE_KNOWN_MAX), DAMAGE_KNOWN_MAX);
	expect_unreadable(f, 1);
	assert_int_equal(number(f, "SELECT count(*) FROM damage WHERE blob = 1"), 0);
	assert_int_equal(known_after_opening(f, DAMAGE_KNOWN_MAX + 1), DAMAGE_KNOWN_MAX);
	expect_unreadable(f, 1);
	assert_int_equal(number(f, "SELECT count(*) FROM damage WHERE blob = 1"), 0);
}

/* Counts the lines of the log that tell of the message with this UID and of its copies. */
static unsigned lines_logged(struct fixture *f, uint32_t uid)
{
	FILE *file = tmpfile();
	char line[1024];
	unsigned count = 0;
	assert_non_null(file);
	struct log *log = log_new(fileno(file), LOG_LEVEL_ERROR);
	f->rig.store->log = log;
	expect_unreadable(f, uid);
	f->rig.store->log = f->rig.log;
	rewind(file);
	while (fgets(line, sizeof(line), file))
		count += strstr(line, "message cannot be read") != NULL;
	log_free(&log);
	fclose(file);
	return count;
}

static void so_many_holders_of_a_damaged_blob_are_logged(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(rig_create(&f->rig, ACCOUNT, "Copies"), RC_OK);
	for (uint32_t uid = 1; uid <= 3; uid++) {
		unsigned holders = DAMAGE_LOG_MAX - 2 + uid;
		for (unsigned i = 1; i < holders; i++)
			assert_int_equal(rig_copy(&f->rig, ACCOUNT, "INBOX", uid, "Copies", false), RC_OK);
	}
	script(f, "UPDATE blob SET size = size + 1 WHERE id <= 3");
	assert_int_equal(lines_logged(f, 1), DAMAGE_LOG_MAX - 1);
	assert_int_equal(lines_logged(f, 2), DAMAGE_LOG_MAX);
	assert_int_equal(lines_logged(f, 3), DAMAGE_LOG_MAX);
}

static void missing_checksums_are_filled_in(void **state)
{
	struct fixture *f = *state;
	int64_t sum = number(f, "SELECT sum(sum) FROM blob");
	script(f, "UPDATE blob SET sum = NULL");
	script(f, "UPDATE blob SET size = size + 1 WHERE id = 2");
	rig_close(&f->rig);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rig_background(&f->rig, ACCOUNT, fill_run, NULL), RC_OK);
	/* One that can't be read has none. */
	assert_int_equal(number(f, "SELECT id FROM blob WHERE sum IS NULL"), 2);
	script(f, "UPDATE blob SET size = size - 1 WHERE id = 2");
	rig_close(&f->rig);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	assert_int_equal(rig_background(&f->rig, ACCOUNT, fill_run, NULL), RC_OK);
	assert_int_equal(number(f, "SELECT sum(sum) FROM blob"), sum);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_moved_out_file_is_cut_and_turned_octet_by_octet),
		TEST(damage_is_told_in_one_note),
		TEST(so_many_damaged_blobs_are_known_and_no_more_are_recorded),
		TEST(so_many_holders_of_a_damaged_blob_are_logged),
		TEST(missing_checksums_are_filled_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
