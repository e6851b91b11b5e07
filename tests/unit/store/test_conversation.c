/* Which messages are found to belong together. */
#include "mail_fixture.h"

#include "store/conversation.h"

static void deliver(struct fixture *f, const char *headers)
{
	struct append_call call = { .mailbox = f->inbox, .times = 1 };
	struct buf text;
	buf_init(&text, 65536);
	buf_printf(&text, "From: a@example.org\r\n%s\r\ntext\r\n", headers);
	buf_addc(&text, '\0');
	assert_int_equal(t_append_call(f, &call, text.p), RC_OK);
	buf_fini(&text);
}

struct thread_call {
	int64_t mailbox;
	uint32_t uid;
	uint64_t thread;
};

static enum rc thread_run(struct account *account, void *arg)
{
	struct thread_call *call = arg;
	const struct msg_row *rows;
	size_t count;
	enum rc rc = msg_index(account, call->mailbox, &rows, &count);
	if (rc != RC_OK)
		return rc;
	size_t at = msg_lower_bound(rows, count, call->uid);
	return at < count ? msg_thread(account, &rows[at], &call->thread) : RC_NOT_FOUND;
}

static uint64_t thread_of(struct fixture *f, unsigned uid)
{
	struct thread_call call = { .mailbox = f->inbox, .uid = uid };
	assert_int_equal(run(f, JOB_READ, thread_run, &call), RC_OK);
	assert_true(call.thread > 0);
	return call.thread;
}

static void assert_together(struct fixture *f, unsigned a, unsigned b)
{
	assert_int_equal(thread_of(f, a), thread_of(f, b));
}

static void assert_apart(struct fixture *f, unsigned a, unsigned b)
{
	assert_int_not_equal(thread_of(f, a), thread_of(f, b));
}

static void answers_belong_to_what_they_answer(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	deliver(f, "Message-ID: <a@x>\r\n");
	deliver(f, "Message-ID: <b@x>\r\nReferences: <a@x>\r\nIn-Reply-To: <a@x>\r\n");
	deliver(f, "Message-ID: <c@x>\r\nIn-Reply-To: <b@x>\r\n");
	deliver(f, "Message-ID: <d@x>\r\nReferences: <a@x>\r\n <b@x>\r\n\t<c@x>\r\n");
	deliver(f, "Message-ID: <other@x>\r\n");
	deliver(f, "message-id:<e@x>\r\nREFERENCES: <lost@x> <c@x>\r\n");
	for (unsigned uid = 2; uid <= 4; uid++)
		assert_together(f, 1, uid);
	assert_together(f, 1, 6);
	assert_apart(f, 1, 5);
	fixture_free(&f);
}

static void the_order_of_arrival_does_not_part_them(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	deliver(f, "Message-ID: <c@x>\r\nReferences: <a@x> <b@x>\r\n");
	deliver(f, "Message-ID: <b@x>\r\nReferences: <a@x>\r\n");
	deliver(f, "Message-ID: <a@x>\r\n");
	assert_together(f, 1, 2);
	assert_together(f, 1, 3);
	/* Answers to a message that never comes. */
	deliver(f, "Message-ID: <1@x>\r\nIn-Reply-To: <never@x>\r\n");
	deliver(f, "Message-ID: <2@x>\r\nIn-Reply-To: <never@x>\r\n");
	assert_together(f, 4, 5);
	fixture_free(&f);
}

static void copies_with_one_id_belong_together(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	deliver(f, "Message-ID: <a@x>\r\nSubject: sent\r\n");
	deliver(f, "Message-ID: <a@x>\r\nSubject: received\r\n");
	/* Without an id nothing is known. */
	deliver(f, "Subject: none\r\n");
	deliver(f, "Subject: none\r\n");
	deliver(f, "Message-ID: nonsense\r\nIn-Reply-To: \r\nReferences: <>\r\n");
	assert_together(f, 1, 2);
	assert_apart(f, 3, 4);
	assert_apart(f, 4, 5);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM thread_ref"), 1);
	assert_copy(f, f->inbox, "1", f->inbox, false, "1>6");
	assert_together(f, 1, 6);
	fixture_free(&f);
}

static void an_answer_to_two_threads_changes_neither(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	deliver(f, "Message-ID: <a@x>\r\n");
	deliver(f, "Message-ID: <b@x>\r\n");
	uint64_t a = thread_of(f, 1);
	uint64_t b = thread_of(f, 2);
	deliver(f, "Message-ID: <c@x>\r\nReferences: <a@x> <b@x>\r\n");
	deliver(f, "Message-ID: <d@x>\r\nReferences: <b@x>\r\n");
	deliver(f, "Message-ID: <e@x>\r\nReferences: <a@x>\r\n");
	assert_int_equal(thread_of(f, 1), a);
	assert_int_equal(thread_of(f, 2), b);
	assert_int_equal(thread_of(f, 3), b);
	assert_int_equal(thread_of(f, 4), b);
	assert_int_equal(thread_of(f, 5), a);
	fixture_free(&f);
}

static void an_address_before_the_id_is_no_id(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	deliver(f, "Message-ID: <a@x>\r\n");
	deliver(f, "Message-ID: <b@x>\r\nIn-Reply-To: Joe <joe@x> wrote <a@x>\r\n");
	deliver(f, "Message-ID: <c@x>\r\nIn-Reply-To: Joe <joe@x> wrote <z@x>\r\n");
	assert_together(f, 1, 2);
	assert_apart(f, 1, 3);
	fixture_free(&f);
}

static void of_many_references_the_first_and_the_last_count(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct buf text;
	buf_init(&text, 4096);
	buf_adds(&text, "Message-ID: <z@x>\r\nReferences:");
	for (int i = 0; i < 100; i++)
		buf_printf(&text, " <%d@x>\r\n", i);
	buf_addc(&text, '\0');
	deliver(f, text.p);
	buf_fini(&text);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM thread_ref"), 3);
	deliver(f, "Message-ID: <0@x>\r\n");
	deliver(f, "Message-ID: <99@x>\r\n");
	deliver(f, "Message-ID: <50@x>\r\n");
	assert_together(f, 1, 2);
	assert_together(f, 1, 3);
	assert_apart(f, 1, 4);
	fixture_free(&f);
}

static void so_many_references_count_all(void **state)
{
	(void)state;
	for (int n = CONVERSATION_REFS_MAX - 1; n <= CONVERSATION_REFS_MAX + 1; n++) {
		struct fixture *f = fixture_new(NULL);
		struct buf text;
		buf_init(&text, 4096);
		buf_adds(&text, "References:");
		for (int i = 0; i < n; i++)
			buf_printf(&text, " <%d@x>\r\n", i);
		buf_addc(&text, '\0');
		/* If there are more, the second one goes first. */
		deliver(f, "Message-ID: <1@x>\r\n");
		deliver(f, text.p);
		buf_fini(&text);
		if (n <= CONVERSATION_REFS_MAX)
			assert_together(f, 1, 2);
		else
			assert_apart(f, 1, 2);
		fixture_free(&f);
	}
}

static void an_id_has_a_longest_length(void **state)
{
	(void)state;
	for (size_t n = CONVERSATION_ID_MAX - 1; n <= CONVERSATION_ID_MAX + 1; n++) {
		struct fixture *f = fixture_new(NULL);
		struct buf text;
		buf_init(&text, 4096);
		buf_adds(&text, "Message-ID: <");
		/* Without its brackets. */
		for (size_t i = 2; i < n; i++)
			buf_addc(&text, 'x');
		buf_adds(&text, "@x>\r\n");
		buf_addc(&text, '\0');
		deliver(f, text.p);
		deliver(f, text.p);
		buf_fini(&text);
		if (n <= CONVERSATION_ID_MAX)
			assert_together(f, 1, 2);
		else
			assert_apart(f, 1, 2);
		fixture_free(&f);
	}
}

static void an_id_without_end_does_not_count(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct buf text;
	buf_init(&text, 4096);
	buf_adds(&text, "Message-ID: <");
	for (int i = 0; i <= CONVERSATION_ID_MAX; i++)
		buf_addc(&text, 'x');
	buf_adds(&text, ">\r\nReferences: <a@x>\r\n");
	buf_addc(&text, '\0');
	deliver(f, text.p);
	buf_fini(&text);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM thread_ref"), 1);
	fixture_free(&f);
}

/* It is named after the oldest id: another database comes to the same result. */
static void a_thread_has_the_same_name_everywhere(void **state)
{
	(void)state;
	uint64_t threads[2];
	for (unsigned i = 0; i < 2; i++) {
		struct fixture *f = fixture_new(NULL);
		if (i == 1)
			deliver(f, "Subject: another\r\n");
		deliver(f, "Message-ID: <b@x>\r\nReferences: <a@x>\r\n");
		threads[i] = thread_of(f, i + 1);
		fixture_free(&f);
	}
	assert_int_equal(threads[0], threads[1]);
}

static void a_rolled_back_message_leaves_nothing(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.quota_messages = 2;
	struct fixture *f = fixture_new(&settings);
	struct append_call call = { .mailbox = f->inbox, .times = 3 };
	assert_int_equal(t_append_call(f, &call, "Message-ID: <a@x>\r\n\r\n"), RC_QUOTA);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM thread_ref"), 0);
	fixture_free(&f);
}

static void an_older_database_gets_its_threads_when_it_is_opened(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	deliver(f, "Message-ID: <a@x>\r\n");
	deliver(f, "Message-ID: <b@x>\r\nReferences: <a@x>\r\n");
	deliver(f, "Subject: no id\r\n");
	deliver(f, "Message-ID: <c@x>\r\nIn-Reply-To: <b@x>\r\n");
	uint64_t thread = thread_of(f, 1);
	char down[] = "DROP TABLE damage; DROP INDEX blob_unsummed; ALTER TABLE blob DROP COLUMN sum; "
		      "DROP TABLE push_owed; DROP TABLE keyword_more; DROP TABLE thread_ref; "
		      "ALTER TABLE blob DROP COLUMN thread; "
		      "ALTER TABLE account DROP COLUMN file_prefix; PRAGMA user_version = 1;"
		      "DELETE FROM cache WHERE blob = 3";
	t_script(f, down);
	fixture_reopen(f);
	assert_int_equal(t_sql(f, "PRAGMA user_version"), SCHEMA_VERSION);
	assert_int_equal(thread_of(f, 1), thread);
	assert_together(f, 1, 2);
	assert_together(f, 1, 4);
	assert_apart(f, 1, 3);
	deliver(f, "Message-ID: <d@x>\r\nIn-Reply-To: <c@x>\r\n");
	assert_together(f, 1, 5);
	char path[200];
	snprintf(path, sizeof(path), "%s/account.db.v1", account_path(f->account));
	assert_int_equal(access(path, F_OK), 0);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_belong_to_what_they_answer),
		cmocka_unit_test(the_order_of_arrival_does_not_part_them),
		cmocka_unit_test(copies_with_one_id_belong_together),
		cmocka_unit_test(an_answer_to_two_threads_changes_neither),
		cmocka_unit_test(an_address_before_the_id_is_no_id),
		cmocka_unit_test(of_many_references_the_first_and_the_last_count),
		cmocka_unit_test(so_many_references_count_all),
		cmocka_unit_test(an_id_has_a_longest_length),
		cmocka_unit_test(an_id_without_end_does_not_count),
		cmocka_unit_test(a_thread_has_the_same_name_everywhere),
		cmocka_unit_test(a_rolled_back_message_leaves_nothing),
		cmocka_unit_test(an_older_database_gets_its_threads_when_it_is_opened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
