#include "query/vanished.h"

#include "base/mem.h"
#include "store/message.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ACCOUNT 1
#define MESSAGES 40
#define LOG_MAX 8 /* one more is kept before the log is cut */
#define RANGES 100

struct test {
	struct rig rig;
	char root[512];
};

static int setup(void **state)
{
	struct test *t = mem_zalloc(sizeof(*t));
	rig_folder_make(t->root);
	rig_init(&t->rig, t->root, NULL);
	t->rig.settings.expunge_log_max = LOG_MAX;
	assert_int_equal(rig_open(&t->rig), RC_OK);
	for (uint32_t i = 1; i <= MESSAGES; i++) {
		uint32_t uid;
		assert_int_equal(
			rig_append(&t->rig, ACCOUNT, "INBOX", STRV("x: y\r\n\r\n"), STRV_NULL, &uid), RC_OK);
		assert_int_equal(uid, i);
	}
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;
	rig_close(&t->rig);
	rig_folder_remove(t->root);
	free(t);
	return 0;
}

static void expunge(struct test *t, uint32_t lo, uint32_t hi)
{
	for (uint32_t uid = lo; uid <= hi; uid++) {
		assert_int_equal(rig_flags(&t->rig, ACCOUNT, "INBOX", uid, MSG_DELETED), RC_OK);
		assert_int_equal(rig_expunge(&t->rig, ACCOUNT, "INBOX", uid), RC_OK);
	}
}

static enum rc read_modseq(struct account *account, void *arg)
{
	struct mbox_info info;
	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	if (rc == RC_OK)
		*(uint64_t *)arg = info.highestmodseq;
	return rc;
}

static uint64_t modseq_now(struct test *t)
{
	uint64_t modseq = 0;
	assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, read_modseq, &modseq), RC_OK);
	return modseq;
}

struct question {
	uint64_t since;
	struct seqset asked;
	struct seqset uids;
	struct seqset answer;
	uint32_t agreed;
};

static enum rc ask(struct account *account, void *arg)
{
	struct question *q = arg;
	struct mbox_info info;
	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	return rc == RC_OK ? vanished_since(account, info.id, q->since, &q->asked, &q->answer) : rc;
}

static void assert_vanished(struct test *t, uint64_t since, const char *asked, const char *expected)
{
	struct question q = { .since = since };
	struct buf out;
	assert_int_equal(seqset_parse(&q.asked, strv_cstr(asked), RANGES), RC_OK);
	assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, ask, &q), RC_OK);
	buf_init(&out, 10000);
	seqset_print(&out, &q.answer);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
	seqset_fini(&q.asked);
	seqset_fini(&q.answer);
}

static enum rc match(struct account *account, void *arg)
{
	struct question *q = arg;
	struct mbox_info info;
	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	return rc == RC_OK ? vanished_match(account, info.id, &q->asked, &q->uids, &q->agreed) : rc;
}

static void assert_match(struct test *t, const char *seqs, const char *uids, uint32_t expected)
{
	struct question q = { .agreed = 999 };
	assert_int_equal(seqset_parse(&q.asked, strv_cstr(seqs), RANGES), RC_OK);
	assert_int_equal(seqset_parse(&q.uids, strv_cstr(uids), RANGES), RC_OK);
	assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, match, &q), RC_OK);
	assert_int_equal(q.agreed, expected);
	seqset_fini(&q.asked);
	seqset_fini(&q.uids);
}

static void what_was_removed_since_is_told(void **state)
{
	struct test *t = *state;
	uint64_t first = modseq_now(t);
	expunge(t, 3, 4);
	uint64_t second = modseq_now(t);
	expunge(t, 10, 10);
	assert_vanished(t, first, "1:4000000000", "3:4,10");
	assert_vanished(t, first, "4:9", "4");
	assert_vanished(t, second, "1:4000000000", "10");
	assert_vanished(t, second, "1:9", "");
	assert_vanished(t, modseq_now(t), "1:4000000000", "");
	assert_vanished(t, INT64_MAX, "1:4000000000", "");
}

static void behind_the_log_all_that_is_missing_is_told(void **state)
{
	struct test *t = *state;
	uint64_t first = modseq_now(t);
	expunge(t, 1, 2);
	expunge(t, 5, 20);
	uint64_t second = modseq_now(t);
	expunge(t, 40, 40);
	assert_vanished(t, first, "1:4000000000", "1:2,5:20,40");
	assert_vanished(t, first, "2:7,39:4000000000", "2,5:7,40");
	assert_vanished(t, first, "21:39", "");
	assert_vanished(t, first, "41:4000000000", "");
	assert_vanished(t, second, "1:4000000000", "40");
}

static void an_empty_mailbox_has_lost_everything(void **state)
{
	struct test *t = *state;
	uint64_t first = modseq_now(t);
	expunge(t, 1, MESSAGES);
	assert_vanished(t, first, "1:4000000000", "1:40");
	assert_match(t, "1:3", "1:3", 0);
}

static void pairs_agree_up_to_the_first_that_does_not(void **state)
{
	struct test *t = *state;
	assert_match(t, "1:40", "1:40", 40);
	expunge(t, 11, 11);
	assert_match(t, "5,10,20", "5,10,20", 10);
	assert_match(t, "5,10,20", "5,10,21", 21);
	/* One behind a wrong one does not count. */
	assert_match(t, "5,11,20", "5,11,21", 5);
	assert_match(t, "6", "5", 0);
	assert_match(t, "39:50", "40:51", 40);
	assert_match(t, "1:4000000000", "1:4000000000", 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_removed_since_is_told),
		TEST(behind_the_log_all_that_is_missing_is_told),
		TEST(an_empty_mailbox_has_lost_everything),
		TEST(pairs_agree_up_to_the_first_that_does_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
