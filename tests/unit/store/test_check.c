#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/store_rig.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/bytes.h"
#include "store/check_priv.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TOP (8u * 1024 * 1024)
#define ACCOUNT 7

struct fixture {
	char root[512];
	char home[600];
	struct rig rig;
	struct buf bytes;
	struct buf report;
	struct buf before;
	struct buf after;
	struct check_result result;
};

static const struct strv none = { NULL, 0 };

static void append(struct fixture *f, const char *mailbox, unsigned number, size_t size, struct strv prefix)
{
	buf_reset(&f->bytes);
	rig_message(&f->bytes, number, size);
	assert_int_equal(rig_append(&f->rig, ACCOUNT, mailbox, buf_strv(&f->bytes), prefix, NULL), RC_OK);
}

static struct strv dump(struct fixture *f, struct buf *out)
{
	uint64_t modseq;
	assert_int_equal(rig_dump(&f->rig, ACCOUNT, out, &modseq), RC_OK);
	buf_addc(out, '\0');
	return strv_make(out->p, out->len - 1);
}

/* INBOX: an inline message, two files, one with a prefix; Work: a copy of the first and one of its own; one
 * was removed. */
static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	rig_folder_make(f->root);
	snprintf(f->home, sizeof(f->home), "%s/users/%02x/%d", f->root, ACCOUNT, ACCOUNT);
	rig_init(&f->rig, f->root, NULL);
	f->rig.settings.undelete_age_s = 100000;
	if (rig_open(&f->rig) != RC_OK)
		return -1;
	buf_init(&f->bytes, TOP);
	buf_init(&f->report, TOP);
	buf_init(&f->before, TOP);
	buf_init(&f->after, TOP);
	append(f, "INBOX", 1, 700, none);
	append(f, "INBOX", 2, 9000, STRV("Delivered-To: x@example.org\r\n"));
	append(f, "INBOX", 3, 20000, none);
	append(f, "INBOX", 4, 20000, none);
	assert_int_equal(rig_create(&f->rig, ACCOUNT, "Work"), RC_OK);
	assert_int_equal(rig_copy(&f->rig, ACCOUNT, "INBOX", 1, "Work", false), RC_OK);
	append(f, "Work", 5, 800, none);
	assert_int_equal(rig_flags(&f->rig, ACCOUNT, "INBOX", 2, MSG_SEEN | MSG_FLAGGED), RC_OK);
	assert_int_equal(rig_expunge(&f->rig, ACCOUNT, "INBOX", 4), RC_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	buf_fini(&f->bytes);
	buf_fini(&f->report);
	buf_fini(&f->before);
	buf_fini(&f->after);
	rig_close(&f->rig);
	rig_folder_remove(f->root);
	free(f);
	return 0;
}

static unsigned check(struct fixture *f, bool repair)
{
	buf_reset(&f->report);
	assert_int_equal(rig_check(&f->rig, ACCOUNT, repair, &f->report, &f->result), RC_OK);
	return f->result.problems;
}

static void assert_reported(struct fixture *f, const char *text)
{
	buf_addc(&f->report, '\0');
	if (!strstr(f->report.p, text))
		fail_msg("\"%s\" is not in: %s", text, f->report.p);
}

/* Changes the database as an administrator with an editor might. */
static void meddle(struct fixture *f, const char *sql)
{
	char path[700];
	sqlite3 *db;
	rig_close(&f->rig);
	snprintf(path, sizeof(path), "%s/account.db", f->home);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
	assert_int_equal(rig_open(&f->rig), RC_OK);
}

static void a_good_account_has_no_problems(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(check(f, false), 0);
	assert_int_equal(f->result.mailboxes, 2);
	assert_int_equal(f->result.messages, 5);
	assert_int_equal(f->result.files, 3);
	assert_int_equal(f->report.len, 0);
	assert_int_equal(check(f, true), 0);
}

/* After the repair nothing is left, and what clients see is as it was. */
static void mends(struct fixture *f, const char *sql, const char *text)
{
	dump(f, &f->before);
	meddle(f, sql);
	assert_true(check(f, false) > 0);
	assert_reported(f, text);
	assert_true(check(f, true) > 0);
	assert_int_equal(f->result.left, 0);
	assert_false(f->result.rebuilt);
	assert_int_equal(check(f, false), 0);
	dump(f, &f->after);
	assert_string_equal(f->after.p, f->before.p);
}

static void wrong_counts_are_mended(void **state)
{
	struct fixture *f = *state;
	mends(f, "UPDATE blob SET refs = 1 WHERE id = 1", "references are counted");
	mends(f, "UPDATE blob SET refs = 5 WHERE id = 2", "references are counted");
	mends(f, "UPDATE blob SET removed_at = 5 WHERE id = 2", "references are counted");
	mends(f, "UPDATE blob SET removed_at = NULL WHERE refs = 0", "references are counted");
	mends(f, "UPDATE mailbox SET messages = 17 WHERE name = 'INBOX'", "its counters are not those");
	mends(f, "UPDATE mailbox SET unseen = 0", "its counters are not those");
	mends(f, "UPDATE mailbox SET deleted = 1", "its counters are not those");
	mends(f, "UPDATE mailbox SET size = size + 1", "its counters are not those");
	mends(f, "UPDATE mailbox SET uidnext = 4 WHERE name = 'INBOX'", "UIDNEXT is too low");
	mends(f, "UPDATE mailbox SET highestmodseq = 2 WHERE name = 'INBOX'", "HIGHESTMODSEQ is too low");
	mends(f, "UPDATE mailbox SET log_rows = 9", "the expunge log is counted wrong");
	mends(f, "UPDATE account SET modseq_ceiling = 1", "the ceiling of modseqs");
	mends(f, "UPDATE msg SET size = 5 WHERE uid = 2", "size is 5");
	mends(f,
		"INSERT INTO cache SELECT 77, version, sent_date, sent_zone, has_nul, sums, preview, "
		"envelope, "
		"body,"
		" bodystructure, parts, headers FROM cache WHERE blob = 1",
		"but no row of its own");
	mends(f, "INSERT INTO blob_prefix VALUES (78, x'00')", "but no row of its own");
	mends(f, "INSERT INTO blob_inline SELECT id, x'00' FROM blob WHERE file IS NOT NULL",
		"has a file and inline");
}

static void keywords_of_no_message_are_removed(void **state)
{
	struct fixture *f = *state;
	mends(f,
		"INSERT INTO keyword_more (mailbox, uid, bits) VALUES (1, 2, x'01'), (1, 4, x'01'), (1, 999, "
		"x'02'), "
		"(77, 1, x'01')",
		"mailbox 1: 2 rows of keywords belong to no message");
	meddle(f, "INSERT INTO keyword_more (mailbox, uid, bits) VALUES (77, 1, x'01')");
	assert_int_equal(check(f, false), 1);
	/* That of a message stays. */
	meddle(f, "DELETE FROM keyword_more WHERE mailbox = 77");
	assert_int_equal(check(f, false), 0);
	meddle(f, "DELETE FROM msg WHERE mailbox = 1 AND uid = 2");
	check(f, false);
	assert_reported(f, "mailbox 1: 1 rows of keywords belong to no message");
}

static void orphan_make(struct fixture *f, const char *name, struct strv bytes)
{
	char path[700];
	snprintf(path, sizeof(path), "%s/msg/%.2s", f->home, name);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/msg/%.2s/%s", f->home, name, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), (ssize_t)bytes.n);
	close(fd);
}

/* Names in folder lost that begin with this. */
static unsigned lost_count(struct fixture *f, const char *prefix)
{
	char path[700];
	unsigned n = 0;
	snprintf(path, sizeof(path), "%s/lost", f->home);
	DIR *dir = opendir(path);
	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir))
		n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	if (dir)
		closedir(dir);
	return n;
}

static void a_message_of_nobody_comes_back(void **state)
{
	struct fixture *f = *state;
	orphan_make(f, "ab00000000000001", STRV("Subject: found\r\n\r\nagain\r\n"));
	orphan_make(f, "ac00000000000001", STRV(""));
	assert_int_equal(check(f, false), 2);
	assert_reported(f, "file ab00000000000001: belongs to no blob");
	assert_int_equal(check(f, true), 2);
	assert_int_equal(f->result.left, 0);
	buf_reset(&f->bytes);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", 1, &f->bytes), RC_OK);
	assert_true(strv_eq(buf_strv(&f->bytes), STRV("Subject: found\r\n\r\nagain\r\n")));
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", 2, &f->bytes), RC_NOT_FOUND);
	assert_int_equal(check(f, true), 0);
}

static void what_is_no_message_is_kept_for_a_time(void **state)
{
	struct fixture *f = *state;
	orphan_make(f, "ab00000000000001", STRV("\x01\x02 no message"));
	assert_int_equal(check(f, true), 1);
	assert_int_equal(f->result.left, 1);
	assert_reported(f, "set aside in folder lost on ");
	assert_int_equal(lost_count(f, "ab00000000000001-"), 1);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(lost_count(f, "ab00000000000001-"), 1);
	/* A stamp made by a clock that was ahead does not make it stay for ever. */
	clock_fake_set(1000, clock_wall() + 365 * 86400);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(lost_count(f, ""), 0);
	clock_fake_set(0, 0);
}

static void a_message_begins_with_a_name_of_so_many_octets(void **state)
{
	struct fixture *f = *state;
	char bytes[CHECK_HEAD_MAX + 10];
	for (unsigned i = 0; i < 3; i++) {
		size_t end = CHECK_HEAD_MAX - 1 + i;
		char name[20];
		memset(bytes, 'x', sizeof(bytes));
		memcpy(bytes + end - 1, ": a\r\n\r\nb", 8);
		snprintf(name, sizeof(name), "ab0000000000000%u", i + 1);
		orphan_make(f, name, strv_make(bytes, end + 7));
		assert_int_equal(check(f, true), 1);
		assert_int_equal(f->result.left, end > CHECK_HEAD_MAX ? 1 : 0);
	}
	assert_int_equal(lost_count(f, "ab00000000000003-"), 1);
	assert_int_equal(lost_count(f, "ab"), 1);
}

static void what_was_set_aside_comes_back_once(void **state)
{
	struct fixture *f = *state;
	char from[700], to[700];
	orphan_make(f, "ab00000000000001", STRV("Subject: found\r\n\r\nagain\r\n"));
	snprintf(from, sizeof(from), "%s/lost", f->home);
	assert_int_equal(mkdir(from, 0700), 0);
	snprintf(from, sizeof(from), "%s/msg/ab/ab00000000000001", f->home);
	snprintf(to, sizeof(to), "%s/lost/ab00000000000001-99999999999", f->home);
	assert_int_equal(rename(from, to), 0);
	/* The stamp is of the year 5138: it is set right. */
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	assert_int_equal(access(to, F_OK), -1);
	assert_int_equal(lost_count(f, "ab00000000000001-"), 1);
	assert_int_equal(check(f, true), 1);
	assert_int_equal(f->result.left, 0);
	assert_int_equal(lost_count(f, ""), 0);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", 1, &f->bytes), RC_OK);
	assert_int_equal(check(f, true), 0);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", 2, &f->bytes), RC_NOT_FOUND);
}

/* The path of the file of blob `id`. */
static void file_of(struct fixture *f, int64_t id, char path[1024])
{
	char db_path[700];
	sqlite3 *db;
	sqlite3_stmt *stmt;
	rig_close(&f->rig);
	snprintf(db_path, sizeof(db_path), "%s/account.db", f->home);
	assert_int_equal(sqlite3_open(db_path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT file FROM blob WHERE id = ?1", -1, &stmt, NULL), SQLITE_OK);
	sqlite3_bind_int64(stmt, 1, id);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	uint64_t file = (uint64_t)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	snprintf(
		path, 1024, "%s/msg/%02x/%016llx", f->home, (unsigned)(file >> 56), (unsigned long long)file);
	assert_int_equal(rig_open(&f->rig), RC_OK);
}

static void a_message_without_bytes_is_expunged(void **state)
{
	struct fixture *f = *state;
	char path[1024];
	file_of(f, 3, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(check(f, false), 1);
	assert_reported(f, "blob 3: its file is missing");
	check(f, true);
	assert_reported(f, "message 3 of mailbox 1: is lost");
	assert_int_equal(f->result.left, 0);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 3, &f->bytes), RC_NOT_FOUND);
	dump(f, &f->after);
	assert_non_null(strstr(f->after.p, "uidnext 5 messages 2 "));
}

static void a_message_with_other_bytes_comes_back_as_a_new_one(void **state)
{
	struct fixture *f = *state;
	char path[1024];
	file_of(f, 2, path);
	assert_int_equal(truncate(path, 5000), 0);
	assert_int_equal(check(f, false), 1);
	check(f, true);
	assert_reported(f, "has come back as a new one");
	assert_int_equal(f->result.left, 0);
	buf_reset(&f->bytes);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 2, &f->bytes), RC_NOT_FOUND);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 5, &f->bytes), RC_OK);
	assert_int_equal(f->bytes.len, 5000 + 29);
}

static void a_message_without_a_blob_is_expunged(void **state)
{
	struct fixture *f = *state;
	meddle(f, "UPDATE msg SET blob = 55 WHERE mailbox = 1 AND uid = 1");
	assert_true(check(f, false) > 0);
	assert_reported(f, "blob 55 has no row");
	check(f, true);
	assert_int_equal(f->result.left, 0);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 1, &f->bytes), RC_NOT_FOUND);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Work", 1, &f->bytes), RC_OK);
}

static void messages_of_no_mailbox_go_to_recovered(void **state)
{
	struct fixture *f = *state;
	meddle(f, "DELETE FROM mailbox WHERE name = 'Work'");
	assert_true(check(f, false) > 0);
	assert_reported(f, "has no row, but 2 messages");
	check(f, true);
	assert_int_equal(f->result.left, 0);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", 1, &f->bytes), RC_OK);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", 2, &f->bytes), RC_OK);
	append(f, "Recovered", 9, 100, none);
}

static void flip(const char *path, off_t offset)
{
	char octet;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &octet, 1, offset), 1);
	octet ^= 0x10;
	assert_int_equal(pwrite(fd, &octet, 1, offset), 1);
	close(fd);
}

static void a_flipped_bit_of_a_file_is_found(void **state)
{
	struct fixture *f = *state;
	char path[1024];
	file_of(f, 3, path);
	flip(path, 12345);
	/* The message is unchanged unless a repair is asked for. */
	buf_reset(&f->bytes);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 3, &f->bytes), RC_OK);
	size_t size = f->bytes.len;
	rig_close(&f->rig);
	f->rig.settings.verify_reads = true;
	assert_int_equal(rig_open(&f->rig), RC_OK);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 3, &f->bytes), RC_CORRUPT);
	assert_int_equal(check(f, false), 1);
	assert_reported(f, "blob 3: its bytes do not have their checksum");
	check(f, true);
	assert_reported(f, "message 3 of mailbox 1: has come back as a new one");
	assert_int_equal(f->result.left, 0);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 3, &f->bytes), RC_NOT_FOUND);
	buf_reset(&f->bytes);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 5, &f->bytes), RC_OK);
	assert_int_equal(f->bytes.len, size);
	assert_int_equal(check(f, false), 0);
}

/* Those in the database are compared at each reading, and both holders of the bytes get new UIDs. */
static void a_flipped_bit_of_inline_bytes_and_of_a_prefix_is_found(void **state)
{
	struct fixture *f = *state;
	meddle(f, "UPDATE blob_inline SET bytes = replace(CAST(bytes AS TEXT), 'e', 'f') WHERE blob = 1");
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 1, &f->bytes), RC_CORRUPT);
	assert_true(check(f, false) > 0);
	assert_reported(f, "blob 1: its bytes do not have their checksum");
	check(f, true);
	assert_int_equal(f->result.left, 0);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 5, &f->bytes), RC_OK);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Work", 3, &f->bytes), RC_OK);
	meddle(f,
		"UPDATE blob_prefix SET bytes = CAST('Delivered-To: y@example.org' || char(13, 10) AS BLOB)");
	assert_int_equal(check(f, false), 1);
	assert_reported(f, "do not have their checksum");
	check(f, true);
	assert_int_equal(f->result.left, 0);
	assert_int_equal(check(f, false), 0);
}

/* The row of the newest message: a repair leaves a new row to the next reader. */
#define NEWEST " WHERE blob = (SELECT max(blob) FROM cache)"

static void damaged_structure_is_found_and_computed_anew(void **state)
{
	struct fixture *f = *state;
	static const char *const changes[] = {
		"envelope = CAST(replace(CAST(envelope AS TEXT), 'a', 'b') AS BLOB)",
		"body = CAST(replace(CAST(body AS TEXT), 'a', 'b') AS BLOB)",
		"bodystructure = CAST(replace(CAST(bodystructure AS TEXT), 'a', 'b') AS BLOB)",
		"parts = CAST(parts || x'00' AS BLOB)",
		"headers = CAST(replace(CAST(headers AS TEXT), 'a', 'b') AS BLOB)",
		"preview = CAST(preview || 'x' AS BLOB)",
		"sent_date = 5",
		"sent_zone = 7",
		"has_nul = 1",
		"version = 99",
		"sums = x'00'",
		/* The row of another message. */
		"envelope = (SELECT envelope FROM cache WHERE blob = 2)",
	};
	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char sql[300];
		append(f, "INBOX", 20 + i, 700, none);
		snprintf(sql, sizeof(sql), "UPDATE cache SET %s" NEWEST, changes[i]);
		mends(f, sql, "its cached structure is damaged");
	}
}

#define CHECK_TEXT_OF(x) #x
#define CHECK_TEXT(x) CHECK_TEXT_OF(x)

static void destroy_page(struct fixture *f, const char *name, off_t offset, size_t n)
{
	char path[700], junk[4096];
	memset(junk, 0xa5, sizeof(junk));
	snprintf(path, sizeof(path), "%s/%s", f->home, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (size_t i = 0; i < n; i += sizeof(junk))
		assert_int_equal(pwrite(fd, junk, sizeof(junk), offset + (off_t)i), sizeof(junk));
	close(fd);
}

static enum rc checkpoint_run(struct account *account, void *arg)
{
	(void)arg;
	return settle_checkpoint(account, true);
}

static void forget(struct fixture *f, const char *name)
{
	char path[700];
	snprintf(path, sizeof(path), "%s/%s", f->home, name);
	(void)unlink(path);
}

static void a_lost_database_is_made_anew_from_the_files(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(rig_background(&f->rig, ACCOUNT, checkpoint_run, NULL), RC_OK);
	rig_close(&f->rig);
	forget(f, "account.db");
	forget(f, "account.db-wal");
	assert_int_equal(rig_open(&f->rig), RC_OK);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 1, &f->bytes), RC_CORRUPT);
	assert_int_equal(check(f, false), 1);
	assert_reported(f, "missing or cannot be opened");
	assert_int_equal(check(f, true), 1);
	assert_int_equal(f->result.left, 0);
	assert_true(f->result.rebuilt);
	/* The three files: nobody knows any more that one had been removed. */
	for (uint32_t uid = 1; uid <= 3; uid++) {
		buf_reset(&f->bytes);
		assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", uid, &f->bytes), RC_OK);
	}
	assert_int_equal(check(f, false), 0);
}

static void a_damaged_database_gives_what_it_still_has(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(rig_background(&f->rig, ACCOUNT, checkpoint_run, NULL), RC_OK);
	buf_reset(&f->bytes);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 2, &f->bytes), RC_OK);
	size_t length = f->bytes.len;
	/* Only an index is damaged, and the count of free pages: everything can still be read. */
	meddle(f, "PRAGMA writable_schema = 1;"
		  "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = "
		  "'keyword')"
		  " WHERE name = 'blob_removed'");
	assert_true(check(f, false) > 0);
	assert_reported(f, "database: ");
	assert_true(check(f, true) > 0);
	assert_true(f->result.rebuilt);
	assert_int_equal(f->result.left, 0);
	dump(f, &f->after);
	buf_reset(&f->bytes);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 2, &f->bytes), RC_OK);
	assert_int_equal(f->bytes.len, length);
	assert_non_null(strstr(f->after.p, "  2 flags 5 "));
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Work", 2, &f->bytes), RC_OK);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 4, &f->bytes), RC_NOT_FOUND);
	assert_null(strstr(f->after.p, "Recovered"));
}

static int64_t query(struct fixture *f, const char *name, const char *sql)
{
	char path[700];
	sqlite3 *db;
	sqlite3_stmt *stmt;
	snprintf(path, sizeof(path), "%s/%s", f->home, name);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

static void what_was_known_of_threads_is_known_again(void **state)
{
	struct fixture *f = *state;
	/* The answer that tells has gone: only the old database knows that <b@x> belongs to the thread of
	 * <a@x>. */
	assert_int_equal(rig_append(&f->rig, ACCOUNT, "Work",
				 STRV("Message-ID: <c@x>\r\nReferences: <a@x> <b@x>\r\n\r\n"), none, NULL),
		RC_OK);
	assert_int_equal(rig_expunge(&f->rig, ACCOUNT, "Work", 3), RC_OK);
	assert_int_equal(
		rig_append(&f->rig, ACCOUNT, "Work", STRV("Message-ID: <b@x>\r\n\r\n"), none, NULL), RC_OK);
	assert_int_equal(rig_background(&f->rig, ACCOUNT, checkpoint_run, NULL), RC_OK);
	meddle(f, "PRAGMA writable_schema = 1;"
		  "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = "
		  "'keyword')"
		  " WHERE name = 'blob_removed'");
	check(f, true);
	assert_true(f->result.rebuilt);
	assert_int_equal(rig_background(&f->rig, ACCOUNT, checkpoint_run, NULL), RC_OK);
	rig_close(&f->rig);
	static const char sql[] = "SELECT thread FROM blob WHERE id = (SELECT blob FROM msg JOIN mailbox m ON"
				  " m.id = mailbox WHERE m.name = 'Work' ORDER BY uid DESC LIMIT 1)";
	assert_int_equal(query(f, "account.db", sql), query(f, "account.db.lost-1", sql));
	assert_int_equal(query(f, "account.db", "SELECT count(*) FROM thread_ref"), 3);
	assert_int_equal(rig_open(&f->rig), RC_OK);
}

/* Returns the number that a database made anew has after the old one had `value`. */
static int64_t rebuilt_number(
	struct fixture *f, const char *table, const char *column, const char *where, int64_t value)
{
	char sql[400], select[200];
	assert_int_equal(rig_background(&f->rig, ACCOUNT, checkpoint_run, NULL), RC_OK);
	snprintf(sql, sizeof(sql),
		"UPDATE %s SET %s = %" PRId64 "%s; PRAGMA writable_schema = 1; UPDATE sqlite_schema SET"
		" rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'keyword')"
		" WHERE name = 'blob_removed'",
		table, column, value, where);
	meddle(f, sql);
	check(f, true);
	assert_true(f->result.rebuilt);
	assert_int_equal(f->result.left, 0);
	rig_close(&f->rig);
	snprintf(select, sizeof(select), "SELECT %s FROM %s%s", column, table, where);
	int64_t found = query(f, "account.db", select);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	return found;
}

static void assert_kept_up_to(
	struct fixture *f, const char *table, const char *column, const char *where, int64_t max)
{
	assert_true(rebuilt_number(f, table, column, where, max + 1) < max - 1);
	assert_true(rebuilt_number(f, table, column, where, max - 1) >= max - 1);
	assert_true(rebuilt_number(f, table, column, where, max) >= max);
}

static void a_modseq_beyond_the_limit_is_damage(void **state)
{
	assert_kept_up_to(*state, "account", "modseq", "", CHECK_MODSEQ_MAX);
}

static void a_ceiling_of_modseqs_beyond_the_limit_is_damage(void **state)
{
	assert_kept_up_to(*state, "account", "modseq_ceiling", "", CHECK_MODSEQ_MAX);
}

static void a_uidvalidity_without_room_above_it_is_damage(void **state)
{
	assert_kept_up_to(*state, "account", "uidvalidity", "", UINT32_MAX - CHECK_UIDVALIDITY_ROOM);
}

/* Returns the UIDVALIDITY that INBOX has after a repair that doubts all UIDs. */
static int64_t renumbered(struct fixture *f, int64_t uidvalidity)
{
	meddle(f, "UPDATE mailbox SET messages = 99 WHERE name = 'Work'");
	return rebuilt_number(f, "mailbox", "uidvalidity", " WHERE name = 'INBOX'", uidvalidity);
}

static void new_uidvalidities_are_above_one_at_the_limit_and_not_one_beyond(void **state)
{
	const int64_t max = UINT32_MAX - CHECK_UIDVALIDITY_ROOM;
	assert_true(renumbered(*state, max + 1) < max - 1);
	assert_true(renumbered(*state, max) > max);
}

static void new_uidvalidities_are_above_one_right_below_the_limit(void **state)
{
	const int64_t max = UINT32_MAX - CHECK_UIDVALIDITY_ROOM;
	assert_int_equal(renumbered(*state, max - 1), max);
}

static void a_last_id_beyond_the_limit_is_damage(void **state)
{
	assert_kept_up_to(*state, "sqlite_sequence", "seq", " WHERE name = 'blob'", CHECK_ID_MAX);
	assert_kept_up_to(*state, "sqlite_sequence", "seq", " WHERE name = 'mailbox'", CHECK_ID_MAX);
}

static void a_database_of_junk_is_set_aside(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(rig_background(&f->rig, ACCOUNT, checkpoint_run, NULL), RC_OK);
	rig_close(&f->rig);
	destroy_page(f, "account.db", 0, 65536);
	forget(f, "account.db-wal");
	assert_int_equal(rig_open(&f->rig), RC_OK);
	assert_int_equal(check(f, false), 1);
	check(f, true);
	assert_true(f->result.rebuilt);
	assert_int_equal(f->result.left, 0);
	char path[700];
	snprintf(path, sizeof(path), "%s/account.db.lost-1", f->home);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", 3, &f->bytes), RC_OK);
	append(f, "INBOX", 8, 100, none);
}

/* Bytes that no row mentions are a message, and so is a blob that is in use and that no message has. */
static void messages_that_have_lost_their_rows_come_back(void **state)
{
	struct fixture *f = *state;
	meddle(f, "DELETE FROM msg WHERE mailbox = 1 AND uid = 3; DELETE FROM blob WHERE id = 5;"
		  "DELETE FROM msg WHERE blob = 5");
	assert_true(check(f, false) > 0);
	check(f, true);
	assert_false(f->result.rebuilt);
	assert_int_equal(f->result.left, 0);
	buf_reset(&f->bytes);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", 1, &f->bytes), RC_OK);
	buf_reset(&f->bytes);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", 2, &f->bytes), RC_OK);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", 3, &f->bytes), RC_NOT_FOUND);
	/* A message whose blob has lost its row keeps its UID if the bytes lie in the database. */
	meddle(f, "DELETE FROM blob WHERE id = 1");
	assert_true(check(f, false) > 0);
	check(f, true);
	assert_int_equal(f->result.left, 0);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 1, &f->bytes), RC_OK);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Work", 1, &f->bytes), RC_OK);
}

static void assert_rebuilt_as_it_was(struct fixture *f, const char *text)
{
	assert_true(check(f, false) > 0);
	assert_reported(f, text);
	assert_true(check(f, true) > 0);
	assert_true(f->result.rebuilt);
	assert_int_equal(f->result.left, 0);
	assert_int_equal(check(f, false), 0);
	dump(f, &f->after);
	assert_string_equal(f->after.p, f->before.p);
}

/* Every octet of the header that this program always writes alike. UIDs and all else are as before. */
static void every_damage_of_the_header_is_found_and_mended(void **state)
{
	struct fixture *f = *state;
	bool thorough = getenv("COID_CHECK_THOROUGH") != NULL;
	char path[700];
	snprintf(path, sizeof(path), "%s/account.db", f->home);
	dump(f, &f->before);
	for (unsigned at = 0; at < 100; at++) {
		bool counts = (at >= 24 && at < 44) || (at >= 52 && at < 56) || at >= 92;
		if (counts || (!thorough && at % 4 != 0 && at != 18 && at != 19 && at < 61))
			continue;
		assert_int_equal(rig_background(&f->rig, ACCOUNT, checkpoint_run, NULL), RC_OK);
		rig_close(&f->rig);
		flip(path, at);
		assert_int_equal(rig_open(&f->rig), RC_OK);
		assert_rebuilt_as_it_was(f, "database: ");
		append(f, "INBOX", 40 + at, 300, none);
		dump(f, &f->before);
	}
}

static void every_damage_of_the_schema_is_found_and_mended(void **state)
{
	struct fixture *f = *state;
	static const char *const changes[] = {
		"DROP INDEX msg_marked",
		"DROP INDEX blob_removed",
		"DROP TABLE damage",
		"DROP TABLE push_owed",
		"DROP TABLE cache",
		"DROP TABLE thread_ref",
		"ALTER TABLE blob DROP COLUMN thread",
		"ALTER TABLE cache RENAME COLUMN preview TO perview",
		"CREATE TABLE strange (a)",
		"CREATE TRIGGER strange AFTER INSERT ON msg BEGIN DELETE FROM msg; END",
		"PRAGMA user_version = 1",
		"PRAGMA user_version = 99",
		"PRAGMA user_version = 0",
	};
	dump(f, &f->before);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		meddle(f, changes[i]);
		assert_rebuilt_as_it_was(f, "database: ");
	}
	/* One that holds mail: the messages come back all the same. */
	meddle(f, "DROP TABLE mailbox");
	assert_true(check(f, true) > 0);
	assert_int_equal(f->result.left, 0);
	for (uint32_t uid = 1; uid <= 5; uid++) {
		buf_reset(&f->bytes);
		assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", uid, &f->bytes), RC_OK);
	}
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", 6, &f->bytes), RC_NOT_FOUND);
	meddle(f, "DROP TABLE msg");
	check(f, true);
	assert_int_equal(f->result.left, 0);
	/* The copy of the first message was one only by its row. */
	for (uint32_t uid = 6; uid <= 9; uid++) {
		buf_reset(&f->bytes);
		assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", uid, &f->bytes), RC_OK);
	}
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "Recovered", 10, &f->bytes), RC_NOT_FOUND);
}

/* Made by a later program: other tables and a higher version. It is left alone. */
static void a_newer_database_is_not_taken_for_damage(void **state)
{
	struct fixture *f = *state;
	meddle(f, "CREATE TABLE later (a); PRAGMA user_version = 99");
	buf_reset(&f->report);
	assert_int_equal(rig_check(&f->rig, ACCOUNT, true, &f->report, &f->result), RC_UNAVAILABLE);
	meddle(f, "DROP TABLE later; PRAGMA user_version = " CHECK_TEXT(SCHEMA_VERSION));
	assert_int_equal(check(f, false), 0);
}

/* Cut short right before the rename, it is finished by the next opening. */
static void a_swap_that_was_interrupted_is_finished(void **state)
{
	struct fixture *f = *state;
	char path[700], other[700];
	dump(f, &f->before);
	assert_int_equal(rig_background(&f->rig, ACCOUNT, checkpoint_run, NULL), RC_OK);
	rig_close(&f->rig);
	snprintf(path, sizeof(path), "%s/account.db", f->home);
	snprintf(other, sizeof(other), "%s/account.db.new", f->home);
	assert_int_equal(rename(path, other), 0);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	dump(f, &f->after);
	assert_string_equal(f->after.p, f->before.p);
	assert_int_equal(access(other, F_OK), -1);
	snprintf(other, sizeof(other), "%s/account.db.lost-1", f->home);
	assert_int_equal(access(other, F_OK), 0);
	assert_int_equal(check(f, false), 0);
}

static enum rc nothing_run(struct account *account, void *arg)
{
	(void)account;
	(void)arg;
	return RC_OK;
}

/* Interrupts a swap while old databases with the numbers up to `count` are there, and opens the account. */
static enum rc swapped_with_old_ones(struct fixture *f, unsigned count)
{
	char path[700], other[700];
	assert_int_equal(rig_background(&f->rig, ACCOUNT, checkpoint_run, NULL), RC_OK);
	rig_close(&f->rig);
	snprintf(path, sizeof(path), "%s/account.db", f->home);
	snprintf(other, sizeof(other), "%s/" SWAP_NEW, f->home);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
	for (unsigned n = 1; n <= count; n++) {
		snprintf(path, sizeof(path), "%s/account.db.lost-%u", f->home, n);
		assert_int_equal(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
	}
	assert_int_equal(rig_open(&f->rig), RC_OK);
	return rig_run(&f->rig, ACCOUNT, JOB_READ, nothing_run, NULL);
}

static void so_many_old_databases_are_kept(void **state)
{
	struct fixture *f = *state;
	char path[700];
	snprintf(path, sizeof(path), "%s/account.db.lost-%d", f->home, SWAP_LOST_MAX);
	assert_int_equal(swapped_with_old_ones(f, SWAP_LOST_MAX - 2), RC_OK);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(swapped_with_old_ones(f, SWAP_LOST_MAX - 1), RC_OK);
	assert_int_equal(access(path, F_OK), 0);
	assert_true(swapped_with_old_ones(f, SWAP_LOST_MAX) != RC_OK);
	/* The swap is finished as soon as there is a free number. */
	assert_int_equal(unlink(path), 0);
	rig_close(&f->rig);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	assert_int_equal(check(f, false), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_account_has_no_problems),
		TEST(wrong_counts_are_mended),
		TEST(keywords_of_no_message_are_removed),
		TEST(a_message_of_nobody_comes_back),
		TEST(what_is_no_message_is_kept_for_a_time),
		TEST(a_message_begins_with_a_name_of_so_many_octets),
		TEST(what_was_set_aside_comes_back_once),
		TEST(a_message_without_bytes_is_expunged),
		TEST(a_message_with_other_bytes_comes_back_as_a_new_one),
		TEST(a_message_without_a_blob_is_expunged),
		TEST(a_flipped_bit_of_a_file_is_found),
		TEST(a_flipped_bit_of_inline_bytes_and_of_a_prefix_is_found),
		TEST(damaged_structure_is_found_and_computed_anew),
		TEST(messages_of_no_mailbox_go_to_recovered),
		TEST(a_lost_database_is_made_anew_from_the_files),
		TEST(a_damaged_database_gives_what_it_still_has),
		TEST(what_was_known_of_threads_is_known_again),
		TEST(a_modseq_beyond_the_limit_is_damage),
		TEST(a_ceiling_of_modseqs_beyond_the_limit_is_damage),
		TEST(a_uidvalidity_without_room_above_it_is_damage),
		TEST(new_uidvalidities_are_above_one_at_the_limit_and_not_one_beyond),
		TEST(new_uidvalidities_are_above_one_right_below_the_limit),
		TEST(a_last_id_beyond_the_limit_is_damage),
		TEST(a_database_of_junk_is_set_aside),
		TEST(messages_that_have_lost_their_rows_come_back),
		TEST(every_damage_of_the_header_is_found_and_mended),
		TEST(every_damage_of_the_schema_is_found_and_mended),
		TEST(a_newer_database_is_not_taken_for_damage),
		TEST(a_swap_that_was_interrupted_is_finished),
		TEST(so_many_old_databases_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
