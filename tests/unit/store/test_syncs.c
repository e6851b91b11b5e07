/*
 * The number of syncs of each kind of job: kill -9 can't show a missing one, and no other test would notice a
 * superfluous one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/rec_io.h"
#include "support/store_rig.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define ACCOUNT 7
#define TOP (8u * 1024 * 1024)

struct fixture {
	char root[512];
	struct rec *rec;
	struct rig rig;
	struct buf bytes;
	size_t from;
};

static const struct strv none = { NULL, 0 };

static void append(struct fixture *f, unsigned number, size_t size)
{
	buf_reset(&f->bytes);
	rig_message(&f->bytes, number, size);
	assert_int_equal(rig_append(&f->rig, ACCOUNT, "INBOX", buf_strv(&f->bytes), none, NULL), RC_OK);
}

/* An account that is open and in use, with two messages. */
static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	rig_folder_make(f->root);
	f->rec = rec_new(f->root);
	rig_init(&f->rig, f->root, rec_io(f->rec));
	f->rig.settings.inline_age_ms = 0;
	if (rig_open(&f->rig) != RC_OK)
		return -1;
	buf_init(&f->bytes, TOP);
	append(f, 1, 700);
	append(f, 2, 9000);
	assert_int_equal(rig_create(&f->rig, ACCOUNT, "Work"), RC_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	rig_close(&f->rig);
	rec_free(&f->rec);
	rig_folder_remove(f->root);
	buf_fini(&f->bytes);
	free(f);
	return 0;
}

static void begin(struct fixture *f)
{
	f->from = rec_point(f->rec);
}

struct expected {
	unsigned counts[REC_SYNC_KINDS];
};

#define EXPECT(f, ...) expect(f, &(struct expected){ .counts = { __VA_ARGS__ } })

static void expect(struct fixture *f, const struct expected *expected)
{
	unsigned counts[REC_SYNC_KINDS];
	rec_count(f->rec, f->from, rec_point(f->rec), counts);
	for (unsigned kind = 0; kind < REC_SYNC_KINDS; kind++) {
		if (counts[kind] != expected->counts[kind])
			fail_msg("%u syncs of %s, not %u", counts[kind],
				rec_sync_name((enum rec_sync_kind)kind), expected->counts[kind]);
	}
}

static void an_inline_append_syncs_the_wal_once(void **state)
{
	struct fixture *f = *state;
	begin(f);
	append(f, 3, 3000);
	EXPECT(f, [REC_SYNC_WAL] = 1);
}

static void a_large_append_syncs_file_directory_and_wal(void **state)
{
	struct fixture *f = *state;
	begin(f);
	append(f, 3, 100000);
	EXPECT(f, [REC_SYNC_WAL] = 1, [REC_SYNC_SPOOL] = 1, [REC_SYNC_DIR_XX] = 1);
}

static void flags_are_not_synced_at_once(void **state)
{
	struct fixture *f = *state;
	begin(f);
	assert_int_equal(rig_flags(&f->rig, ACCOUNT, "INBOX", 1, MSG_SEEN), RC_OK);
	assert_int_equal(rig_flags(&f->rig, ACCOUNT, "INBOX", 2, MSG_SEEN), RC_OK);
	EXPECT(f, 0);
	begin(f);
	assert_int_equal(rig_sync(&f->rig, ACCOUNT), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 1);
}

static void flags_are_synced_by_the_next_commit_that_is(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(rig_flags(&f->rig, ACCOUNT, "INBOX", 1, MSG_SEEN), RC_OK);
	begin(f);
	append(f, 3, 100);
	EXPECT(f, [REC_SYNC_WAL] = 1);
}

static void flags_are_synced_at_once_if_that_is_configured(void **state)
{
	struct fixture *f = *state;
	rig_close(&f->rig);
	f->rig.settings.sync_flags_always = true;
	assert_int_equal(rig_open(&f->rig), RC_OK);
	assert_int_equal(rig_flags(&f->rig, ACCOUNT, "INBOX", 1, MSG_SEEN), RC_OK);
	begin(f);
	assert_int_equal(rig_flags(&f->rig, ACCOUNT, "INBOX", 1, MSG_FLAGGED), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 1);
}

static enum rc append_run(struct account *account, void *arg)
{
	struct msg_new msg = { .content = arg };
	struct mbox_info info;
	uint32_t uid;
	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	return rc == RC_OK ? msg_append(account, info.id, &msg, &uid) : rc;
}

static void thirty_two_appends_that_wait_together_share_one_sync(void **state)
{
	struct fixture *f = *state;
	struct rig_job jobs[32];
	struct content *content;
	buf_reset(&f->bytes);
	rig_message(&f->bytes, 3, 500);
	assert_int_equal(rig_receive(&f->rig, buf_strv(&f->bytes), &content), RC_OK);
	for (unsigned i = 0; i < 32; i++)
		jobs[i] = (struct rig_job){ .kind = JOB_WRITE, .fn = append_run, .arg = content };
	begin(f);
	rig_run_batch(&f->rig, ACCOUNT, jobs, 32);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(jobs[i].rc, RC_OK);
	/* The batch may end early when the machine is slow. */
	unsigned counts[REC_SYNC_KINDS];
	rec_count(f->rec, f->from, rec_point(f->rec), counts);
	assert_in_range(counts[REC_SYNC_WAL], 1, 8);
	content_unref(&content);
}

static void jobs_on_rows_sync_the_wal_once(void **state)
{
	struct fixture *f = *state;
	begin(f);
	assert_int_equal(rig_copy(&f->rig, ACCOUNT, "INBOX", 2, "Work", false), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 1);
	begin(f);
	assert_int_equal(rig_copy(&f->rig, ACCOUNT, "INBOX", 1, "Work", true), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 1);
	begin(f);
	assert_int_equal(rig_expunge(&f->rig, ACCOUNT, "INBOX", 2), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 1);
	begin(f);
	assert_int_equal(rig_create(&f->rig, ACCOUNT, "More"), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 1);
	begin(f);
	assert_int_equal(rig_rename(&f->rig, ACCOUNT, "More", "Less"), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 1);
	begin(f);
	assert_int_equal(rig_subscribe(&f->rig, ACCOUNT, "Less", true), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 1);
	begin(f);
	assert_int_equal(rig_delete(&f->rig, ACCOUNT, "Less"), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 1);
}

static void a_move_out_of_any_number_syncs_twice(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 40; i++)
		append(f, i, 500);
	begin(f);
	assert_int_equal(rig_move_out(&f->rig, ACCOUNT), RC_OK);
	EXPECT(f, [REC_SYNC_FS] = 1, [REC_SYNC_WAL] = 1);
}

static void a_sweep_syncs_the_names_and_then_its_rows(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(rig_expunge(&f->rig, ACCOUNT, "INBOX", 1), RC_OK);
	assert_int_equal(rig_expunge(&f->rig, ACCOUNT, "INBOX", 2), RC_OK);
	begin(f);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 1, [REC_SYNC_DIR_XX] = 1);
	begin(f);
	assert_int_equal(rig_sweep(&f->rig, ACCOUNT), RC_OK);
	EXPECT(f, 0);
}

static void emptying_the_wal_costs_four_syncs_and_the_next_commit_one(void **state)
{
	struct fixture *f = *state;
	begin(f);
	assert_int_equal(rig_checkpoint(&f->rig, ACCOUNT, true), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 2, [REC_SYNC_DB] = 1, [REC_SYNC_OTHER] = 1);
	begin(f);
	append(f, 3, 500);
	EXPECT(f, [REC_SYNC_WAL] = 1);
	/* Without emptying it the header of the new WAL has to be synced before its frames. */
	begin(f);
	assert_int_equal(rig_checkpoint(&f->rig, ACCOUNT, false), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 1, [REC_SYNC_DB] = 1, [REC_SYNC_OTHER] = 1);
	begin(f);
	append(f, 4, 500);
	EXPECT(f, [REC_SYNC_WAL] = 2);
}

static void reading_syncs_nothing(void **state)
{
	struct fixture *f = *state;
	begin(f);
	buf_reset(&f->bytes);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 1, &f->bytes), RC_OK);
	assert_int_equal(rig_read(&f->rig, ACCOUNT, "INBOX", 2, &f->bytes), RC_OK);
	EXPECT(f, 0);
}

static void the_first_commit_after_opening_costs_no_more_than_others(void **state)
{
	struct fixture *f = *state;
	rig_close(&f->rig);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	begin(f);
	append(f, 3, 3000);
	EXPECT(f, [REC_SYNC_WAL] = 1);
	rig_close(&f->rig);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	/* A file is made before that commit: what tells of it if it never comes has to be on disk first. */
	begin(f);
	append(f, 4, 9000);
	EXPECT(f, [REC_SYNC_WAL] = 1, [REC_SYNC_SPOOL] = 1, [REC_SYNC_DIR_XX] = 1, [REC_SYNC_DIR_HOME] = 1);
	rig_close(&f->rig);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	/* A relaxed commit is synced for once, so that its loss would be noticed. */
	begin(f);
	assert_int_equal(rig_flags(&f->rig, ACCOUNT, "INBOX", 1, MSG_SEEN), RC_OK);
	EXPECT(f, [REC_SYNC_WAL] = 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_inline_append_syncs_the_wal_once),
		TEST(a_large_append_syncs_file_directory_and_wal),
		TEST(flags_are_not_synced_at_once),
		TEST(flags_are_synced_by_the_next_commit_that_is),
		TEST(flags_are_synced_at_once_if_that_is_configured),
		TEST(thirty_two_appends_that_wait_together_share_one_sync),
		TEST(jobs_on_rows_sync_the_wal_once),
		TEST(a_move_out_of_any_number_syncs_twice),
		TEST(a_sweep_syncs_the_names_and_then_its_rows),
		TEST(emptying_the_wal_costs_four_syncs_and_the_next_commit_one),
		TEST(reading_syncs_nothing),
		TEST(the_first_commit_after_opening_costs_no_more_than_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
