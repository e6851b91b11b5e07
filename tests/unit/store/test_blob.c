#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/store_rig.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/bytes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TOP (8u * 1024 * 1024)
#define ACCOUNT 7

struct fixture {
	char root[512];
	struct rig rig;
	struct buf bytes;
	struct buf out;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	rig_folder_make(f->root);
	rig_init(&f->rig, f->root, NULL);
	if (rig_open(&f->rig) != RC_OK)
		return -1;
	buf_init(&f->bytes, TOP);
	buf_init(&f->out, TOP);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	clock_fake_set(0, 0);
	buf_fini(&f->bytes);
	buf_fini(&f->out);
	rig_close(&f->rig);
	rig_folder_remove(f->root);
	free(f);
	return 0;
}

/* Files below msg/; the path of one of them. */
static unsigned message_files(const struct fixture *f, char ret_path[1024])
{
	char home[600], dir[700];
	unsigned count = 0;
	snprintf(home, sizeof(home), "%s/users/%02x/%d/msg", f->root, ACCOUNT, ACCOUNT);
	for (unsigned xx = 0; xx < BLOB_DIRS; xx++) {
		snprintf(dir, sizeof(dir), "%s/%02x", home, xx);
		DIR *entries = opendir(dir);
		if (!entries)
			continue;
		for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
			if (entry->d_name[0] == '.')
				continue;
			count++;
			if (ret_path)
				snprintf(ret_path, 1024, "%s/%s", dir, entry->d_name);
		}
		closedir(entries);
	}
	return count;
}

static enum rc query_run(struct account *account, void *arg)
{
	const char **sql = arg;
	sqlite3_stmt *stmt;
	if (sqlite3_prepare_v2(db_handle(account->db), *sql, -1, &stmt, NULL) != SQLITE_OK)
		return RC_INVALID;
	*(int64_t *)(void *)sql = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
	sqlite3_finalize(stmt);
	return RC_OK;
}

/* The first column of the first row. */
static int64_t query(struct fixture *f, const char *sql)
{
	union {
		const char *sql;
		int64_t value;
	} arg = { .sql = sql };
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_READ, query_run, &arg), RC_OK);
	return arg.value;
}

static uint32_t append(struct fixture *f, unsigned number, size_t size, struct strv prefix)
{
	uint32_t uid = 0;
	buf_reset(&f->bytes);
	rig_message(&f->bytes, number, size);
	assert_int_equal(rig_append(&f->rig, ACCOUNT, "INBOX", buf_strv(&f->bytes), prefix, &uid), RC_OK);
	return uid;
}

static void assert_message(struct fixture *f, const char *mailbox, uint32_t uid, unsigned number, size_t size,
	struct strv prefix)
{
	buf_reset(&f->bytes);
	buf_addv(&f->bytes, prefix);
	struct buf body;
	buf_init(&body, TOP);
	rig_message(&body, number, size);
	buf_addv(&f->bytes, buf_strv(&body));
	buf_fini(&body);
	buf_reset(&f->out);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, mailbox, uid, &f->out), RC_OK);
	assert_true(strv_eq(buf_strv(&f->out), buf_strv(&f->bytes)));
}

static void reopen(struct fixture *f)
{
	rig_close(&f->rig);
	assert_int_equal(rig_open(&f->rig), RC_OK);
}

static const struct strv no_prefix = { NULL, 0 };

static void a_small_message_is_a_row_and_a_large_one_a_file(void **state)
{
	struct fixture *f = *state;
	uint32_t small = append(f, 1, 2000, no_prefix);
	assert_int_equal(message_files(f, NULL), 0);
	uint32_t large = append(f, 2, 20000, no_prefix);
	assert_int_equal(message_files(f, NULL), 1);
	assert_int_equal(query(f, "SELECT count(*) FROM blob_inline"), 1);
	assert_message(f, "INBOX", small, 1, 2000, no_prefix);
	assert_message(f, "INBOX", large, 2, 20000, no_prefix);
	reopen(f);
	assert_message(f, "INBOX", small, 1, 2000, no_prefix);
	assert_message(f, "INBOX", large, 2, 20000, no_prefix);
}

static void a_prefix_belongs_to_its_copy(void **state)
{
	struct fixture *f = *state;
	struct strv prefix = STRV("Delivered-To: x@example.org\r\n");
	uint32_t small = append(f, 1, 2000, prefix);
	uint32_t large = append(f, 2, 20000, prefix);
	uint32_t plain = append(f, 2, 20000, no_prefix);
	assert_message(f, "INBOX", small, 1, 2000, prefix);
	assert_message(f, "INBOX", large, 2, 20000, prefix);
	assert_message(f, "INBOX", plain, 2, 20000, no_prefix);
	assert_int_equal(rig_move_out(&f->rig, ACCOUNT), RC_OK);
	f->rig.settings.inline_age_ms = 0;
	reopen(f);
	assert_int_equal(rig_move_out(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(query(f, "SELECT count(*) FROM blob_inline"), 0);
	assert_message(f, "INBOX", small, 1, 2000, prefix);
	assert_message(f, "INBOX", large, 2, 20000, prefix);
}

static enum rc pieces_run(struct account *account, void *arg)
{
	struct fixture *f = arg;
	struct reader *reader;
	struct buf piece;
	enum rc rc = blob_open(account, 1, &reader);
	if (rc != RC_OK)
		return rc;
	assert_false(reader_in_memory(reader));
	buf_init(&piece, TOP);
	for (size_t from = 0; rc == RC_OK && from < 60; from++) {
		for (size_t n = 0; rc == RC_OK && n < 60; n++) {
			buf_reset(&piece);
			rc = reader_read(reader, from, n, &piece);
			assert_true(strv_eq(buf_strv(&piece), strv_sub(buf_strv(&f->bytes), from, n)));
		}
	}
	assert_int_equal(reader_read(reader, reader_size(reader), 1, &piece), RC_INVALID);
	assert_int_equal(reader_read(reader, UINT64_MAX, 2, &piece), RC_INVALID);
	buf_fini(&piece);
	reader_close(&reader);
	reader_close(&reader);
	return rc;
}

static void a_reader_gives_any_piece_across_the_prefix(void **state)
{
	struct fixture *f = *state;
	struct strv prefix = STRV("Delivered-To: x@example.org\r\n");
	uint32_t uid = append(f, 2, 20000, prefix);
	assert_message(f, "INBOX", uid, 2, 20000, prefix);
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_READ, pieces_run, f), RC_OK);
}

static void copies_share_their_bytes(void **state)
{
	struct fixture *f = *state;
	uint32_t uid = append(f, 1, 20000, no_prefix);
	assert_int_equal(rig_create(&f->rig, ACCOUNT, "Other"), RC_OK);
	assert_int_equal(rig_copy(&f->rig, ACCOUNT, "INBOX", uid, "Other", false), RC_OK);
	assert_int_equal(message_files(f, NULL), 1);
	assert_int_equal(query(f, "SELECT refs FROM blob"), 2);
	assert_int_equal(rig_expunge(&f->rig, ACCOUNT, "INBOX", uid), RC_OK);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	assert_message(f, "Other", 1, 1, 20000, no_prefix);
}

static void the_sweep_takes_what_nobody_refers_to(void **state)
{
	struct fixture *f = *state;
	uint32_t large = append(f, 1, 20000, STRV("X: y\r\n"));
	uint32_t small = append(f, 2, 2000, no_prefix);
	assert_int_equal(rig_expunge(&f->rig, ACCOUNT, "INBOX", large), RC_OK);
	assert_int_equal(rig_expunge(&f->rig, ACCOUNT, "INBOX", small), RC_OK);
	assert_int_equal(message_files(f, NULL), 1);
	assert_int_equal(query(f, "SELECT count(*) FROM blob WHERE refs = 0 AND removed_at > 0"), 2);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(message_files(f, NULL), 0);
	assert_int_equal(query(f, "SELECT (SELECT count(*) FROM blob) + (SELECT count(*) FROM blob_inline) + "
				  "(SELECT count(*) FROM blob_prefix) + (SELECT count(*) FROM cache)"),
		0);
	/* Ids are not used again. */
	append(f, 3, 100, no_prefix);
	assert_int_equal(query(f, "SELECT id FROM blob"), 3);
}

static void removed_messages_stay_as_long_as_they_can_be_had_back(void **state)
{
	struct fixture *f = *state;
	f->rig.settings.undelete_age_s = 1000;
	clock_fake_set(1000, 1700000000);
	reopen(f);
	uint32_t uid = append(f, 1, 20000, no_prefix);
	assert_int_equal(rig_expunge(&f->rig, ACCOUNT, "INBOX", uid), RC_OK);
	clock_fake_advance(999 * 1000);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(message_files(f, NULL), 1);
	clock_fake_advance(2 * 1000);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(message_files(f, NULL), 0);
}

static void an_open_reader_survives_the_sweep(void **state)
{
	struct fixture *f = *state;
	char path[1024];
	uint32_t uid = append(f, 1, 20000, no_prefix);
	assert_int_equal(message_files(f, path), 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	struct reader *reader = reader_new_file(&io_real, fd, f->bytes.len, NULL, 0);
	assert_int_equal(rig_expunge(&f->rig, ACCOUNT, "INBOX", uid), RC_OK);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(message_files(f, NULL), 0);
	assert_int_equal(reader_read(reader, 0, f->bytes.len, &f->out), RC_OK);
	assert_true(strv_eq(buf_strv(&f->out), buf_strv(&f->bytes)));
	reader_close(&reader);
}

static void inline_messages_move_out_when_they_are_old(void **state)
{
	struct fixture *f = *state;
	f->rig.settings.inline_age_ms = 60000;
	clock_fake_set(1000, 1700000000);
	reopen(f);
	uint32_t first = append(f, 1, 2000, no_prefix);
	clock_fake_advance(59000);
	uint32_t second = append(f, 2, 2000, no_prefix);
	assert_int_equal(rig_move_out(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(message_files(f, NULL), 0);
	clock_fake_advance(1000);
	assert_int_equal(rig_move_out(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(message_files(f, NULL), 1);
	assert_int_equal(query(f, "SELECT count(*) FROM blob_inline"), 1);
	assert_message(f, "INBOX", first, 1, 2000, no_prefix);
	assert_message(f, "INBOX", second, 2, 2000, no_prefix);
}

static void inline_messages_move_out_when_they_are_many(void **state)
{
	struct fixture *f = *state;
	f->rig.settings.inline_total_max = 100000;
	reopen(f);
	for (unsigned i = 0; i < 300; i++)
		append(f, i, 500, no_prefix);
	rig_settle(&f->rig);
	assert_true(query(f, "SELECT sum(size) FROM blob WHERE file IS NULL") <= 100000);
	assert_true(message_files(f, NULL) > 100);
	for (unsigned i = 0; i < 300; i++)
		assert_message(f, "INBOX", i + 1, i, 500, no_prefix);
}

static void a_missing_or_short_file_is_said_to_be_damaged(void **state)
{
	struct fixture *f = *state;
	char path[1024];
	uint32_t uid = append(f, 1, 20000, no_prefix);
	assert_int_equal(message_files(f, path), 1);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", uid, &f->out), RC_CORRUPT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", uid, &f->out), RC_CORRUPT);
}

static enum rc append_then_fail_run(struct account *account, void *arg)
{
	struct msg_new msg = { .content = arg };
	struct mbox_info info;
	uint32_t uid;
	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	if (rc == RC_OK)
		rc = msg_append(account, info.id, &msg, &uid);
	return rc == RC_OK ? RC_CANNOT : rc;
}

static void the_file_of_an_undone_job_is_removed(void **state)
{
	struct fixture *f = *state;
	struct content *content;
	append(f, 1, 100, no_prefix);
	buf_reset(&f->bytes);
	rig_message(&f->bytes, 2, 20000);
	assert_int_equal(rig_receive(&f->rig, buf_strv(&f->bytes), &content), RC_OK);
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, append_then_fail_run, content), RC_CANNOT);
	assert_int_equal(message_files(f, NULL), 0);
	/* The failing job is in a batch with others, which stay. */
	struct rig_job jobs[2] = { { .kind = JOB_WRITE, .fn = append_then_fail_run, .arg = content },
		{ .kind = JOB_WRITE, .fn = append_then_fail_run, .arg = content } };
	rig_run_batch(&f->rig, ACCOUNT, jobs, 2);
	assert_int_equal(jobs[0].rc, RC_CANNOT);
	assert_int_equal(message_files(f, NULL), 0);
	content_unref(&content);
	assert_message(f, "INBOX", 1, 1, 100, no_prefix);
}

/* Marks the account as in use, as a crash leaves it. */
static void as_after_a_crash(struct fixture *f)
{
	sqlite3 *db;
	char home[1024];
	rig_close(&f->rig);
	snprintf(home, sizeof(home), "%s/users/%02x/%d/account.db", f->root, ACCOUNT, ACCOUNT);
	assert_int_equal(sqlite3_open(home, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE account SET clean = 0", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(rig_open(&f->rig), RC_OK);
}

static unsigned lost_files(struct fixture *f)
{
	char path[1024];
	unsigned n = 0;
	snprintf(path, sizeof(path), "%s/users/%02x/%d/lost", f->root, ACCOUNT, ACCOUNT);
	DIR *dir = opendir(path);
	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static void orphans_of_a_crash_are_swept_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	char path[1024], orphan[1024], lost[1024], other[1024];
	uint32_t uid = append(f, 1, 20000, no_prefix);
	assert_int_equal(message_files(f, path), 1);
	int64_t file = query(f, "SELECT file FROM blob");
	int64_t prefix = query(f, "SELECT file_prefix FROM account");
	assert_int_not_equal(prefix, (file >> 24) & UINT32_MAX);
	int64_t next = (int64_t)(((uint64_t)file >> 56 << 56) | ((uint64_t)prefix << 24) | 7);
	snprintf(orphan, sizeof(orphan), "%.*s%016llx", (int)(strlen(path) - 16), path,
		(unsigned long long)next);
	snprintf(lost, sizeof(lost), "%.*s%016llx", (int)(strlen(path) - 16), path,
		(unsigned long long)file ^ 1);
	snprintf(other, sizeof(other), "%.*snotes.txt", (int)(strlen(path) - 16), path);
	assert_int_equal(link(path, orphan), 0);
	assert_int_equal(link(path, lost), 0);
	assert_int_equal(link(path, other), 0);
	/* Closed in order: nobody looks. */
	reopen(f);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(access(orphan, F_OK), 0);
	assert_int_equal(rig_flags(&f->rig, ACCOUNT, "INBOX", uid, MSG_SEEN), RC_OK);
	as_after_a_crash(f);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	/* A file that was never acknowledged is removed, one that may have been is kept. */
	assert_int_equal(access(orphan, F_OK), -1);
	assert_int_equal(access(lost, F_OK), -1);
	assert_int_equal(lost_files(f), 1);
	assert_int_equal(access(other, F_OK), 0);
	assert_message(f, "INBOX", uid, 1, 20000, no_prefix);
}

static void a_clock_that_was_ahead_does_not_stop_the_sweep(void **state)
{
	struct fixture *f = *state;
	int64_t now = clock_wall();
	append(f, 1, 20000, no_prefix);
	append(f, 2, 300, no_prefix);
	clock_fake_set(1000, now + 3650 * 86400);
	assert_int_equal(rig_expunge(&f->rig, ACCOUNT, "INBOX", 1), RC_OK);
	assert_int_equal(rig_expunge(&f->rig, ACCOUNT, "INBOX", 2), RC_OK);
	clock_fake_set(2000, now);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(query(f, "SELECT count(*) FROM blob WHERE removed_at > strftime('%s') + 60"), 0);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(query(f, "SELECT count(*) FROM blob"), 0);
	assert_int_equal(message_files(f, NULL), 0);
	clock_fake_set(0, 0);
}

static enum rc large_memory_run(struct account *account, void *arg)
{
	struct msg_new msg = { .content = arg };
	struct mbox_info info;
	uint32_t uid;
	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	return rc == RC_OK ? msg_append(account, info.id, &msg, &uid) : rc;
}

static void a_large_content_made_from_memory_becomes_a_file_at_once(void **state)
{
	struct fixture *f = *state;
	buf_reset(&f->bytes);
	rig_message(&f->bytes, 2, 20000);
	struct content *content = content_from_bytes(f->rig.store, buf_strv(&f->bytes));
	assert_int_equal(rig_run(&f->rig, ACCOUNT, JOB_WRITE, large_memory_run, content), RC_OK);
	content_unref(&content);
	assert_int_equal(message_files(f, NULL), 1);
	assert_message(f, "INBOX", 1, 2, 20000, no_prefix);
}

static void one_content_goes_to_many_accounts(void **state)
{
	struct fixture *f = *state;
	struct content *content;
	buf_reset(&f->bytes);
	rig_message(&f->bytes, 2, 20000);
	assert_int_equal(rig_receive(&f->rig, buf_strv(&f->bytes), &content), RC_OK);
	for (int64_t id = ACCOUNT; id < ACCOUNT + 3; id++)
		assert_int_equal(rig_run(&f->rig, id, JOB_WRITE, large_memory_run, content), RC_OK);
	content_unref(&content);
	rig_settle(&f->rig);
	char path[1024];
	struct stat st;
	assert_int_equal(message_files(f, path), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_nlink, 3);
	assert_message(f, "INBOX", 1, 2, 20000, no_prefix);
}

static void a_name_of_a_file_is_read_back(void **state)
{
	int64_t file;
	(void)state;
	assert_true(file_name_parse(STRV("ff00000000000001"), &file));
	assert_int_equal((uint64_t)file, UINT64_C(0xff00000000000001));
	assert_int_equal(file_dir(file), 0xff);
	assert_false(file_name_parse(STRV("ff0000000000000"), &file));
	assert_false(file_name_parse(STRV("ff000000000000011"), &file));
	assert_false(file_name_parse(STRV("FF00000000000001"), &file));
	assert_false(file_name_parse(STRV("ff0000000000000g"), &file));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_small_message_is_a_row_and_a_large_one_a_file),
		TEST(a_prefix_belongs_to_its_copy),
		TEST(a_reader_gives_any_piece_across_the_prefix),
		TEST(copies_share_their_bytes),
		TEST(the_sweep_takes_what_nobody_refers_to),
		TEST(removed_messages_stay_as_long_as_they_can_be_had_back),
		TEST(an_open_reader_survives_the_sweep),
		TEST(inline_messages_move_out_when_they_are_old),
		TEST(inline_messages_move_out_when_they_are_many),
		TEST(a_missing_or_short_file_is_said_to_be_damaged),
		TEST(the_file_of_an_undone_job_is_removed),
		TEST(orphans_of_a_crash_are_swept_and_nothing_else),
		TEST(a_clock_that_was_ahead_does_not_stop_the_sweep),
		TEST(a_large_content_made_from_memory_becomes_a_file_at_once),
		TEST(one_content_goes_to_many_accounts),
		cmocka_unit_test(a_name_of_a_file_is_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
