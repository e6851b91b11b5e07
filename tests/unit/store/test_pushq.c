#include "base/clock.h"
#include "store/pushq.h"

#include "base/str.h"
#include "support/rec_io.h"
#include "support/store_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <sqlite3.h>

#define NOW 1800000000

struct call {
	struct pushq_job job; /* first */
	enum rc (*fn)(struct pushq *pushq, void *arg);
	void *arg;
	bool done;
};

static enum rc call_run(struct pushq *pushq, struct pushq_job *job)
{
	struct call *call = (struct call *)(void *)job;
	return call->fn(pushq, call->arg);
}

static void call_done(struct pushq_job *job)
{
	((struct call *)(void *)job)->done = true;
}

static void submit(
	struct rig *rig, struct call *call, enum rc (*fn)(struct pushq *pushq, void *arg), void *arg)
{
	*call = (struct call){ .fn = fn, .arg = arg };
	call->job =
		(struct pushq_job){ .write = true, .run = call_run, .done = call_done, .home = rig->reactor };
	pushq_submit(rig->store, &call->job);
}

static void wait_for(struct rig *rig, struct call *call)
{
	while (!call->done)
		reactor_run_once(rig->reactor, true);
}

static enum rc run(struct rig *rig, enum rc (*fn)(struct pushq *pushq, void *arg), void *arg)
{
	struct call call;

	submit(rig, &call, fn, arg);
	wait_for(rig, &call);
	return call.job.rc;
}

struct seen {
	struct buf text;
	int64_t ids[16];
	unsigned count;
};

static bool note(void *arg, const struct push_record *record)
{
	struct seen *seen = arg;

	seen->ids[seen->count++] = record->id;
	buf_printf(&seen->text, "%lld/%.*s/%.*s/%lld/%u ", (long long)record->account,
		STRV_ARG(record->subscription), STRV_ARG(record->plain), (long long)record->due,
		record->tries);
	assert_int_equal(record->keys.n, 3);
	return seen->count < 16;
}

static enum rc list(struct pushq *pushq, void *arg)
{
	struct seen *seen = arg;

	buf_reset(&seen->text);
	seen->count = 0;
	return pushq_list(pushq, 0, note, seen);
}

static enum rc add_one(
	struct pushq *pushq, int64_t account, const char *subscription, const char *plain, int64_t expires)
{
	int64_t id = 0;
	struct push_record record = { .account = account,
		.subscription = strv_cstr(subscription),
		.endpoint = STRV("https://push.example.org/"),
		.keys = STRV("k\0k"),
		.plain = strv_cstr(plain),
		.created = NOW,
		.expires = expires,
		.due = NOW };

	enum rc rc = pushq_add(pushq, &record, &id);
	assert_true(rc != RC_OK || id > 0);
	return rc;
}

static enum rc add_three(struct pushq *pushq, void *arg)
{
	(void)arg;
	enum rc rc = add_one(pushq, 1, "a", "one", NOW + 10);
	if (rc == RC_OK)
		rc = add_one(pushq, 1, "b", "two", NOW + 20);
	return rc == RC_OK ? add_one(pushq, 2, "a", "three", NOW + 30) : rc;
}

static enum rc add_and_fail(struct pushq *pushq, void *arg)
{
	(void)arg;
	enum rc rc = add_one(pushq, 9, "x", "never", NOW);
	return rc == RC_OK ? RC_INVALID : rc;
}

static void open_rig(struct rig *rig, char root[512])
{
	rig_folder_make(root);
	rig_init(rig, root, NULL);
	assert_int_equal(rig_open(rig), RC_OK);
}

static void close_rig(struct rig *rig, const char *root)
{
	rig_close(rig);
	rig_folder_remove(root);
}

static void assert_list(struct rig *rig, struct seen *seen, const char *expected)
{
	assert_int_equal(run(rig, list, seen), RC_OK);
	buf_addc(&seen->text, '\0');
	assert_string_equal(seen->text.p, expected);
}

/* WP-46 */
static void wp_46_what_was_added_is_there_after_a_restart_oldest_first(void **state)
{
	struct rig rig;
	char root[512];
	struct seen seen = { 0 };

	(void)state;
	buf_init(&seen.text, 4096);
	open_rig(&rig, root);
	assert_int_equal(run(&rig, add_three, NULL), RC_OK);
	rig_close(&rig);
	rig_init(&rig, root, NULL);
	assert_int_equal(rig_open(&rig), RC_OK);
	assert_list(&rig, &seen, "1/a/one/1800000000/0 1/b/two/1800000000/0 2/a/three/1800000000/0 ");
	close_rig(&rig, root);
	buf_fini(&seen.text);
}

static void a_job_that_fails_is_undone_alone(void **state)
{
	struct rig rig;
	char root[512];
	struct seen seen = { 0 };
	struct call good, bad, more;

	(void)state;
	buf_init(&seen.text, 4096);
	open_rig(&rig, root);
	submit(&rig, &good, add_three, NULL);
	submit(&rig, &bad, add_and_fail, NULL);
	submit(&rig, &more, list, &seen);
	wait_for(&rig, &good);
	wait_for(&rig, &bad);
	wait_for(&rig, &more);
	assert_int_equal(good.job.rc, RC_OK);
	assert_int_equal(bad.job.rc, RC_INVALID);
	assert_int_equal(more.job.rc, RC_OK);
	assert_int_equal(seen.count, 3);
	close_rig(&rig, root);
	buf_fini(&seen.text);
}

static enum rc delay_first(struct pushq *pushq, void *arg)
{
	const struct seen *seen = arg;
	enum rc rc = pushq_delay(pushq, seen->ids[0], NOW + 5, 2, 0, STRV("1"));
	return rc == RC_OK ? pushq_delay(pushq, seen->ids[1], NOW + 6, 1, 0, STRV_NULL) : rc;
}

static enum rc remove_first(struct pushq *pushq, void *arg)
{
	const struct seen *seen = arg;
	enum rc rc = pushq_remove(pushq, seen->ids[0]);
	return rc == RC_OK ? pushq_remove(pushq, 12345) : rc;
}

static void pushes_are_delayed_and_removed(void **state)
{
	struct rig rig;
	char root[512];
	struct seen seen = { 0 };

	(void)state;
	buf_init(&seen.text, 4096);
	open_rig(&rig, root);
	assert_int_equal(run(&rig, add_three, NULL), RC_OK);
	assert_int_equal(run(&rig, list, &seen), RC_OK);
	assert_int_equal(run(&rig, delay_first, &seen), RC_OK);
	assert_list(&rig, &seen, "1/a/1/1800000005/2 1/b/two/1800000006/1 2/a/three/1800000000/0 ");
	assert_int_equal(run(&rig, remove_first, &seen), RC_OK);
	assert_list(&rig, &seen, "1/b/two/1800000006/1 2/a/three/1800000000/0 ");
	close_rig(&rig, root);
	buf_fini(&seen.text);
}

static enum rc remove_subscription(struct pushq *pushq, void *arg)
{
	(void)arg;
	return pushq_remove_of(pushq, 1, STRV("a"));
}

static enum rc remove_account(struct pushq *pushq, void *arg)
{
	(void)arg;
	return pushq_remove_of(pushq, 1, STRV_NULL);
}

static enum rc remove_old(struct pushq *pushq, void *arg)
{
	(void)arg;
	return pushq_remove_expired(pushq, NOW + 20);
}

static void pushes_go_with_their_subscription_their_account_and_their_time(void **state)
{
	struct rig rig;
	char root[512];
	struct seen seen = { 0 };

	(void)state;
	buf_init(&seen.text, 4096);
	open_rig(&rig, root);
	assert_int_equal(run(&rig, add_three, NULL), RC_OK);
	assert_int_equal(run(&rig, remove_subscription, NULL), RC_OK);
	assert_list(&rig, &seen, "1/b/two/1800000000/0 2/a/three/1800000000/0 ");
	assert_int_equal(run(&rig, remove_account, NULL), RC_OK);
	assert_list(&rig, &seen, "2/a/three/1800000000/0 ");
	assert_int_equal(run(&rig, add_three, NULL), RC_OK);
	assert_int_equal(run(&rig, remove_old, NULL), RC_OK);
	assert_list(&rig, &seen, "2/a/three/1800000000/0 2/a/three/1800000000/0 ");
	close_rig(&rig, root);
	buf_fini(&seen.text);
}

static enum rc fail_thrice(struct pushq *pushq, void *arg)
{
	uint32_t count = 0;
	int64_t since = 0;
	enum rc rc = RC_OK;

	(void)arg;
	for (uint32_t i = 0; rc == RC_OK && i < 3; i++) {
		rc = pushq_failed(pushq, 1, STRV("a"), NOW + i, &count, &since);
		assert_int_equal(count, i + 1);
		assert_int_equal(since, NOW);
	}
	if (rc == RC_OK)
		rc = pushq_failed(pushq, 1, STRV("b"), NOW, &count, &since);
	assert_int_equal(count, 1);
	if (rc == RC_OK)
		rc = pushq_worked(pushq, 1, STRV("a"));
	if (rc == RC_OK)
		rc = pushq_failed(pushq, 1, STRV("a"), NOW + 9, &count, &since);
	assert_int_equal(count, 1);
	assert_int_equal(since, NOW + 9);
	return rc;
}

/* WP-45 */
static void wp_45_failures_in_a_row_are_counted_until_it_works(void **state)
{
	struct rig rig;
	char root[512];

	(void)state;
	open_rig(&rig, root);
	assert_int_equal(run(&rig, fail_thrice, NULL), RC_OK);
	close_rig(&rig, root);
}

static void file_path(char path[600], const char *root, const char *name)
{
	snprintf(path, 600, "%s/%s", root, name);
}

static void file_fill(const char *root, const char *name, off_t at, char octet, size_t n)
{
	char path[600];
	static char junk[8192];

	file_path(path, root, name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	memset(junk, octet, sizeof(junk));
	assert_true(n <= sizeof(junk));
	assert_int_equal(pwrite(fd, junk, n, at), n);
	close(fd);
}

/* The first octet, 0: there is no such file. */
static char file_octet(const char *root, const char *name)
{
	char path[600];
	char octet = 0;

	file_path(path, root, name);
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	assert_int_equal(read(fd, &octet, 1), 1);
	close(fd);
	return octet;
}

static enum rc say_corrupt(struct pushq *pushq, void *arg)
{
	(void)pushq;
	(void)arg;
	return RC_CORRUPT;
}

static enum rc run_read(struct rig *rig, enum rc (*fn)(struct pushq *pushq, void *arg), void *arg)
{
	struct call call = { .fn = fn, .arg = arg };

	call.job = (struct pushq_job){ .run = call_run, .done = call_done, .home = rig->reactor };
	pushq_submit(rig->store, &call.job);
	wait_for(rig, &call);
	return call.job.rc;
}

static unsigned count_rows(struct rig *rig)
{
	struct seen seen = { 0 };

	buf_init(&seen.text, 1 << 20);
	assert_int_equal(run_read(rig, list, &seen), RC_OK);
	buf_fini(&seen.text);
	return seen.count;
}

static enum rc add_many(struct pushq *pushq, void *arg)
{
	static char plain[3000];
	enum rc rc = RC_OK;

	(void)arg;
	memset(plain, 'p', sizeof(plain) - 1);
	for (unsigned i = 0; rc == RC_OK && i < 15; i++)
		rc = add_one(pushq, 1, "a", plain, NOW + 10);
	return rc;
}

/* A push.db with many pages, all of them in the database file. */
static void make_many(struct rig *rig, const char *root)
{
	char path[600];
	sqlite3 *db = NULL;

	rig_init(rig, root, NULL);
	assert_int_equal(rig_open(rig), RC_OK);
	assert_int_equal(run(rig, add_many, NULL), RC_OK);
	rig_close(rig);
	file_path(path, root, "push.db");
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Pages of rows; what opening reads lies before them, and what is added later behind. */
static void damage_deep(const char *root)
{
	char path[600];
	struct stat st;

	file_path(path, root, "push.db");
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 20 * 4096);
	file_fill(root, "push.db", st.st_size - 8 * 4096, 'j', 8192);
}

static ino_t file_number(const char *root, const char *name)
{
	char path[600];
	struct stat st;

	file_path(path, root, name);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void damaged_files_are_set_aside_with_their_journals_and_none_replaces_another(void **state)
{
	struct rig rig;
	char root[512];
	char name[64];
	ino_t first = 0;

	(void)state;
	rig_folder_make(root);
	for (unsigned round = 1; round <= 10; round++) {
		make_many(&rig, root);
		rig_init(&rig, root, NULL);
		assert_int_equal(rig_open(&rig), RC_OK);
		assert_int_equal(run(&rig, add_three, NULL), RC_OK);
		rig_close(&rig);
		damage_deep(root);
		rig_init(&rig, root, NULL);
		assert_int_equal(rig_open(&rig), RC_OK);
		assert_int_equal(count_rows(&rig), 0);
		rig_close(&rig);
		if (round == 1)
			first = file_number(root, "push.db.damaged-1");
		/* Eight are kept; then the oldest makes room. */
		for (unsigned number = 1; number <= 9; number++) {
			bool there = number <= round && number <= 8;
			snprintf(name, sizeof(name), "push.db.damaged-%u", number);
			assert_int_equal(file_octet(root, name), there ? 'S' : 0);
			snprintf(name, sizeof(name), "push.db.damaged-%u-wal", number);
			assert_int_equal(file_octet(root, name) != 0, there);
		}
		if (round <= 8)
			assert_int_equal(file_number(root, "push.db.damaged-1"), first);
	}
	rig_folder_remove(root);
}

static void damage_that_opening_would_not_meet_is_noticed(void **state)
{
	struct rig rig;
	char root[512];

	(void)state;
	rig_folder_make(root);
	make_many(&rig, root);
	damage_deep(root);
	rig_init(&rig, root, NULL);
	assert_int_equal(rig_open(&rig), RC_OK);
	assert_int_equal(run(&rig, add_three, NULL), RC_OK);
	assert_int_equal(count_rows(&rig), 3);
	assert_int_equal(file_octet(root, "push.db.damaged-1"), 'S');
	close_rig(&rig, root);
}

static void a_read_that_meets_damage_lets_the_next_job_set_the_file_aside(void **state)
{
	struct rig rig;
	char root[512];

	(void)state;
	rig_folder_make(root);
	make_many(&rig, root);
	rig_init(&rig, root, NULL);
	assert_int_equal(rig_open(&rig), RC_OK);
	assert_int_equal(count_rows(&rig), 15);
	/* A database that is found whole stays. */
	assert_int_equal(run_read(&rig, say_corrupt, NULL), RC_CORRUPT);
	assert_int_equal(count_rows(&rig), 15);
	assert_int_equal(file_octet(root, "push.db.damaged-1"), 0);
	damage_deep(root);
	clock_fake_set(clock_mono_ms() + 2000, NOW);
	assert_int_equal(run(&rig, say_corrupt, NULL), RC_CORRUPT);
	assert_int_equal(count_rows(&rig), 0);
	assert_int_equal(file_octet(root, "push.db.damaged-1"), 'S');
	clock_fake_set(0, 0);
	close_rig(&rig, root);
}

struct kept {
	struct buf text;
	bool clean;
};

static void keep_account(void *arg, int64_t account)
{
	buf_printf(&((struct kept *)arg)->text, "%lld ", (long long)account);
}

static void keep_expiry(
	void *arg, int64_t account, struct strv subscription, struct strv endpoint, int64_t due)
{
	buf_printf(&((struct kept *)arg)->text, "%lld/%.*s/%.*s/%lld ", (long long)account,
		STRV_ARG(subscription), STRV_ARG(endpoint), (long long)(due - NOW));
}

static enum rc read_kept(struct pushq *pushq, void *arg)
{
	struct kept *kept = arg;

	buf_reset(&kept->text);
	kept->clean = pushq_was_clean(pushq);
	enum rc rc = pushq_subscribers(pushq, keep_account, kept);
	buf_adds(&kept->text, "| ");
	return rc == RC_OK ? pushq_expiries(pushq, keep_expiry, kept) : rc;
}

static void assert_kept(struct rig *rig, const char *expected, bool clean)
{
	struct kept kept = { .clean = false };

	buf_init(&kept.text, 4096);
	assert_int_equal(run(rig, read_kept, &kept), RC_OK);
	buf_addc(&kept.text, '\0');
	assert_string_equal(kept.text.p, expected);
	assert_int_equal(kept.clean, clean);
	buf_fini(&kept.text);
}

static enum rc fill_lists(struct pushq *pushq, void *arg)
{
	enum rc rc = RC_OK;

	(void)arg;
	for (int64_t account = 3; rc == RC_OK && account > 0; account--) {
		rc = pushq_subscriber(pushq, account, true);
		if (rc == RC_OK)
			rc = pushq_subscriber(pushq, account, true);
	}
	if (rc == RC_OK)
		rc = pushq_expiry(pushq, 1, STRV("a"), STRV("https://one"), NOW + 20);
	if (rc == RC_OK)
		rc = pushq_expiry(pushq, 2, STRV("a"), STRV("https://two"), NOW + 10);
	return rc == RC_OK ? pushq_expiry(pushq, 1, STRV("b"), STRV("https://one"), NOW + 30) : rc;
}

static enum rc change_lists(struct pushq *pushq, void *arg)
{
	(void)arg;
	enum rc rc = pushq_remove_of(pushq, 2, STRV_NULL);
	/* Set anew meanwhile: it is not what was due. */
	if (rc == RC_OK)
		rc = pushq_expiry(pushq, 1, STRV("a"), STRV_NULL, NOW + 19);
	if (rc == RC_OK)
		rc = pushq_expiry(pushq, 1, STRV("b"), STRV("https://new"), NOW + 5);
	return rc == RC_OK ? pushq_subscriber(pushq, 3, false) : rc;
}

static enum rc over(struct pushq *pushq, void *arg)
{
	(void)arg;
	enum rc rc = pushq_expiry(pushq, 1, STRV("a"), STRV_NULL, NOW + 20);
	return rc == RC_OK ? pushq_set_clean(pushq) : rc;
}

static void reopen(struct rig *rig, const char *root)
{
	rig_close(rig);
	rig_init(rig, root, NULL);
	assert_int_equal(rig_open(rig), RC_OK);
}

static void subscribers_expiries_and_an_end_in_order_are_remembered(void **state)
{
	struct rig rig;
	char root[512];

	(void)state;
	open_rig(&rig, root);
	assert_int_equal(run(&rig, fill_lists, NULL), RC_OK);
	assert_kept(&rig, "1 2 3 | 2/a/https://two/10 1/a/https://one/20 1/b/https://one/30 ", false);
	assert_int_equal(run(&rig, change_lists, NULL), RC_OK);
	assert_kept(&rig, "1 | 1/b/https://new/5 1/a/https://one/20 ", false);
	reopen(&rig, root);
	assert_int_equal(run(&rig, over, NULL), RC_OK);
	assert_kept(&rig, "1 | 1/b/https://new/5 ", false);
	reopen(&rig, root);
	assert_kept(&rig, "1 | 1/b/https://new/5 ", true);
	/* Clean is what was said by the last process alone. */
	reopen(&rig, root);
	assert_kept(&rig, "1 | 1/b/https://new/5 ", false);
	close_rig(&rig, root);
}

static void a_file_of_version_1_keeps_its_pushes(void **state)
{
	struct rig rig;
	char root[512];
	char path[600];
	struct seen seen = { 0 };
	sqlite3 *db;

	(void)state;
	buf_init(&seen.text, 4096);
	open_rig(&rig, root);
	assert_int_equal(run(&rig, add_three, NULL), RC_OK);
	rig_close(&rig);
	snprintf(path, sizeof(path), "%s/push.db", root);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				 "ALTER TABLE push DROP COLUMN mailbox; ALTER TABLE push DROP COLUMN uid;"
				 "ALTER TABLE push DROP COLUMN vapid; DROP TABLE sent;"
				 "DROP TABLE subscriber; DROP TABLE expiry; DROP TABLE life;"
				 "PRAGMA user_version = 1",
				 NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	rig_init(&rig, root, NULL);
	assert_int_equal(rig_open(&rig), RC_OK);
	assert_list(&rig, &seen, "1/a/one/1800000000/0 1/b/two/1800000000/0 2/a/three/1800000000/0 ");
	assert_kept(&rig, "| ", false);
	assert_int_equal(run(&rig, fill_lists, NULL), RC_OK);
	close_rig(&rig, root);
	buf_fini(&seen.text);
}

static void note_sent(void *arg, int64_t account, int64_t mailbox, uint32_t uid)
{
	buf_printf(arg, "%lld/%lld/%u ", (long long)account, (long long)mailbox, uid);
}

static enum rc list_sent(struct pushq *pushq, void *arg)
{
	buf_reset(arg);
	return pushq_sent_list(pushq, note_sent, arg);
}

static enum rc send_one(struct pushq *pushq, void *arg)
{
	const int64_t *at = arg;
	struct push_record record = { .id = 1, .account = 7, .mailbox = 3, .uid = (uint32_t)*at % 1000 };

	return pushq_sent(pushq, &record, *at);
}

/* WP-46 */
static void wp_46_a_message_whose_pushes_are_done_is_remembered_for_some_minutes(void **state)
{
	struct rig rig;
	char root[512];
	struct buf text;
	struct seen seen = { 0 };
	int64_t now = clock_wall();
	int64_t old = now - 301;

	(void)state;
	buf_init(&text, 4096);
	buf_init(&seen.text, 4096);
	open_rig(&rig, root);
	assert_int_equal(run(&rig, add_three, NULL), RC_OK);
	assert_int_equal(run(&rig, send_one, &old), RC_OK);
	assert_int_equal(run(&rig, send_one, &now), RC_OK);
	assert_list(&rig, &seen, "1/b/two/1800000000/0 2/a/three/1800000000/0 ");
	reopen(&rig, root);
	/* The first look for those to forget comes with the first job. */
	assert_int_equal(run(&rig, list_sent, &text), RC_OK);
	assert_int_equal(run(&rig, list_sent, &text), RC_OK);
	buf_addc(&text, '\0');
	char expected[32];
	snprintf(expected, sizeof(expected), "7/3/%u ", (unsigned)(now % 1000));
	assert_string_equal(text.p, expected);
	close_rig(&rig, root);
	buf_fini(&text);
	buf_fini(&seen.text);
}

static enum rc run_synced(struct rig *rig)
{
	struct call call = { .fn = add_three };

	call.job = (struct pushq_job){
		.write = true, .sync = true, .run = call_run, .done = call_done, .home = rig->reactor
	};
	pushq_submit(rig->store, &call.job);
	wait_for(rig, &call);
	return call.job.rc;
}

static void a_job_that_wants_to_be_on_disk_is_told_if_it_is_not(void **state)
{
	struct rig rig;
	char root[512];
	unsigned counts[REC_SYNC_KINDS];

	(void)state;
	rig_folder_make(root);
	struct rec *rec = rec_new(root);
	rig_init(&rig, root, rec_io(rec));
	assert_int_equal(rig_open(&rig), RC_OK);
	assert_int_equal(run_synced(&rig), RC_OK);
	size_t point = rec_point(rec);
	assert_int_equal(run_synced(&rig), RC_OK);
	rec_count(rec, point, rec_point(rec), counts);
	assert_int_equal(counts[REC_SYNC_WAL], 1);
	rec_fail(rec, REC_OP_SYNC, "push.db-wal", EIO, 1, false);
	assert_int_equal(run_synced(&rig), RC_IO);
	rec_fail(rec, REC_OP_SYNC, "push.db-wal", 0, 1, false);
	/* The WAL is written anew after the failed sync before anything counts as synced. */
	point = rec_point(rec);
	assert_int_equal(run_synced(&rig), RC_OK);
	rec_count(rec, point, rec_point(rec), counts);
	assert_true(counts[REC_SYNC_DB] >= 1);
	point = rec_point(rec);
	assert_int_equal(run_synced(&rig), RC_OK);
	rec_count(rec, point, rec_point(rec), counts);
	assert_int_equal(counts[REC_SYNC_DB], 0);
	rig_close(&rig);
	rec_free(&rec);
	rig_folder_remove(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wp_46_what_was_added_is_there_after_a_restart_oldest_first),
		cmocka_unit_test(a_job_that_fails_is_undone_alone),
		cmocka_unit_test(pushes_are_delayed_and_removed),
		cmocka_unit_test(pushes_go_with_their_subscription_their_account_and_their_time),
		cmocka_unit_test(wp_45_failures_in_a_row_are_counted_until_it_works),
		cmocka_unit_test(damaged_files_are_set_aside_with_their_journals_and_none_replaces_another),
		cmocka_unit_test(damage_that_opening_would_not_meet_is_noticed),
		cmocka_unit_test(a_read_that_meets_damage_lets_the_next_job_set_the_file_aside),
		cmocka_unit_test(subscribers_expiries_and_an_end_in_order_are_remembered),
		cmocka_unit_test(a_file_of_version_1_keeps_its_pushes),
		cmocka_unit_test(wp_46_a_message_whose_pushes_are_done_is_remembered_for_some_minutes),
		cmocka_unit_test(a_job_that_wants_to_be_on_disk_is_told_if_it_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
