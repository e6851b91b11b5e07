#include "query/status.h"

#include "imap/status_items.h"
#include "store/message.h"
#include "support/inbox_rig.h"

struct question {
	struct status_items items;
	struct status_values values;
	struct mbox_info info;
};

static enum rc ask(struct account *account, void *arg)
{
	struct question *q = arg;
	enum rc rc = mbox_find(account, STRV("INBOX"), &q->info);
	return rc == RC_OK ? status_read(account, &q->info, &q->items, &q->values) : rc;
}

static void read_items(struct test *t, struct question *q)
{
	assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, ask, q), RC_OK);
}

static void the_numbers_are_the_mailboxs(void **state)
{
	struct test *t = *state;
	struct question q = { .items = { .mask = 1u << STATUS_MESSAGES } };
	add(t, "x: y\r\n\r\n");
	add(t, "x: y\r\n\r\n");
	assert_int_equal(rig_flags(&t->rig, ACCOUNT, "INBOX", 1, MSG_SEEN), RC_OK);
	read_items(t, &q);
	assert_int_equal(q.values.info.messages, 2);
	assert_int_equal(q.values.info.unseen, 1);
	assert_int_equal(q.values.info.uidnext, 3);
	assert_int_equal(q.values.message_max, t->rig.settings.message_max);
}

static void the_octets_of_deleted_messages_are_summed_if_they_are_asked_for(void **state)
{
	struct test *t = *state;
	struct question q = { .items = { .mask = 1u << STATUS_DELETED_STORAGE } };
	add(t, "x: y\r\n\r\n");
	add(t, "x: y\r\n\r\n12345");
	add(t, "x: y\r\n\r\n1");
	read_items(t, &q);
	assert_int_equal(q.values.deleted_storage, 0);
	assert_int_equal(rig_flags(&t->rig, ACCOUNT, "INBOX", 2, MSG_DELETED), RC_OK);
	assert_int_equal(rig_flags(&t->rig, ACCOUNT, "INBOX", 3, MSG_DELETED), RC_OK);
	read_items(t, &q);
	assert_int_equal(q.values.deleted_storage, 13 + 9);
	assert_int_equal(q.values.info.deleted, 2);
	/* Its messages are not looked at for other items. */
	q.items.mask = 1u << STATUS_DELETED;
	read_items(t, &q);
	assert_int_equal(q.values.deleted_storage, 0);
	assert_int_equal(q.values.info.deleted, 2);
}

/* RFC 7162: a session that takes the number for its own would never ask for what is between. */
static void no_higher_modseq_is_told_than_the_session_knows_of(void **state)
{
	struct test *t = *state;
	struct question q = { .items = { .mask = 1u << STATUS_HIGHESTMODSEQ } };
	add(t, "x: y\r\n\r\n");
	read_items(t, &q);
	uint64_t highest = q.info.highestmodseq;
	assert_int_equal(q.values.info.highestmodseq, highest);
	q.items.selected = q.info.id;
	q.items.told_modseq = highest - 1;
	read_items(t, &q);
	assert_int_equal(q.values.info.highestmodseq, highest - 1);
	q.items.told_modseq = highest + 1;
	read_items(t, &q);
	assert_int_equal(q.values.info.highestmodseq, highest);
	/* The told modseq does not count for other mailboxes. */
	q.items.selected = q.info.id + 1;
	q.items.told_modseq = 1;
	read_items(t, &q);
	assert_int_equal(q.values.info.highestmodseq, highest);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_numbers_are_the_mailboxs),
		TEST(the_octets_of_deleted_messages_are_summed_if_they_are_asked_for),
		TEST(no_higher_modseq_is_told_than_the_session_knows_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
