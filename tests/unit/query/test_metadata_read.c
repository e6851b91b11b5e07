#include "query/metadata_read.h"

#include "support/inbox_rig.h"

struct question {
	const struct metadata *metadata;
	struct metadata_request request;
	const char *mailbox;
	struct buf out;
};

static enum rc set_comment(struct account *account, void *arg)
{
	struct question *q = arg;
	struct metadata_scope scope = { .mailbox_name = STRV("INBOX") };
	struct metadata_error error;
	struct mbox_info info;
	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	scope.mailbox = info.id;
	if (rc == RC_OK)
		rc = metadata_set(
			q->metadata, account, &scope, STRV("/private/comment"), STRV("hello"), &error);
	return rc;
}

static enum rc ask(struct account *account, void *arg)
{
	struct question *q = arg;
	struct mbox_info info;
	buf_reset(&q->out);
	mbox_describe(account, strv_cstr(q->mailbox), &info);
	return metadata_read_list(q->metadata, account, &info, &q->request, false, &q->out);
}

static void assert_printed(struct test *t, struct question *q, const char *mailbox, const char *expected)
{
	q->mailbox = mailbox;
	assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, ask, q), RC_OK);
	buf_addc(&q->out, '\0');
	assert_string_equal(q->out.p, expected);
}

static void entries_follow_the_mailbox_if_it_is_there(void **state)
{
	const struct metadata_settings settings = { .value_max = 100, .entries_max = 10 };
	const struct strv names[] = { STRV("/private/comment"), STRV("/shared/x") };
	struct test *t = *state;
	struct metadata *metadata = metadata_new(&settings);
	struct question q = { .metadata = metadata, .request = { .names = names, .count = 2 } };
	buf_init(&q.out, 4096);
	assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_WRITE, set_comment, &q), RC_OK);
	assert_printed(t, &q, "INBOX", "* METADATA \"INBOX\" (/private/comment \"hello\" /shared/x NIL)\r\n");
	/* A name that is only subscribed, or a level above others. */
	assert_printed(t, &q, "nowhere", "");
	buf_fini(&q.out);
	metadata_free(&metadata);
}

static void a_server_without_metadata_prints_nothing(void **state)
{
	const struct strv name = STRV("/private/comment");
	struct question q = { .request = { .names = &name, .count = 1 } };
	buf_init(&q.out, 4096);
	assert_printed(*state, &q, "INBOX", "");
	buf_fini(&q.out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(entries_follow_the_mailbox_if_it_is_there),
		TEST(a_server_without_metadata_prints_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
