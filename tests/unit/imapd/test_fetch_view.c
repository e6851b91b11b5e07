#include "message_files.h"

#include "imapd/fetch_view.h"
#include "imapd/view.h"
#include "query/fetch.h"

/* A session with INBOX selected, and what it would fetch. */
struct test {
	struct client *client;
	struct session *session;
	struct arena *arena;
	struct fetch *fetch;
	struct seqset uids;
};

static void test_init(struct test *t, struct server *server, const char *mailbox)
{
	*t = (struct test){ .client = client_new(server, mailbox), .arena = arena_new(0) };
	t->session = hub_session(&server->imapd->hubs[0], t->client->id);
}

static void test_fini(struct test *t)
{
	fetch_free(&t->fetch);
	seqset_fini(&t->uids);
	arena_free(&t->arena);
	client_free(&t->client);
}

static enum rc make(struct test *t, const char *text, bool by_uid, bool flags)
{
	struct seqset set = SEQSET_EMPTY;
	struct fetch_plan plan;
	fetch_free(&t->fetch);
	seqset_fini(&t->uids);
	fetch_plan_state(t->arena, true, flags, false, &plan);
	assert_int_equal(seqset_parse(&set, strv_cstr(text), 100), RC_OK);
	enum rc rc = fetch_view_new(t->session, NULL, &plan, &set, by_uid, &t->uids, &t->fetch);
	seqset_fini(&set);
	return rc;
}

static void assert_uids(struct test *t, const char *text, bool by_uid, const char *expected)
{
	struct buf out;
	assert_int_equal(make(t, text, by_uid, true), RC_OK);
	buf_init(&out, 1000);
	seqset_print(&out, &t->uids);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	assert_int_equal(t->fetch->run_count > 0, expected[0] != '\0');
	buf_fini(&out);
}

static void add_and_expunge(struct server *server)
{
	for (int i = 0; i < 5; i++)
		add_sized(server, "INBOX", 20);
	assert_int_equal(rig_flags(&server->rig, ACCOUNT, "INBOX", 2, MSG_DELETED), RC_OK);
	assert_int_equal(rig_expunge(&server->rig, ACCOUNT, "INBOX", 2), RC_OK);
}

static void a_set_means_the_messages_that_the_session_knows(void **state)
{
	struct test t;
	add_and_expunge(*state);
	test_init(&t, *state, "INBOX");
	assert_uids(&t, "1:2,4", false, "1,3,5");
	assert_uids(&t, "*", false, "5");
	assert_uids(&t, "1:4", true, "1,3:4");
	assert_uids(&t, "2", true, "");
	assert_uids(&t, "9:*", true, "5");
	/* Nobody has told it of this one. */
	add_sized(*state, "INBOX", 20);
	assert_uids(&t, "1:100", true, "1,3:5");
	test_fini(&t);
}

static void a_number_beyond_the_mailbox_is_refused(void **state)
{
	struct test t;
	add_and_expunge(*state);
	test_init(&t, *state, "INBOX");
	assert_int_equal(make(&t, "4:5", false, true), RC_INVALID);
	assert_null(t.fetch);
	assert_int_equal(make(&t, "5", true, true), RC_OK);
	test_fini(&t);
}

static void recent_messages_come_along_where_flags_are_told(void **state)
{
	struct test t;
	add_and_expunge(*state);
	test_init(&t, *state, "INBOX");
	assert_int_equal(make(&t, "1:*", true, false), RC_OK);
	assert_int_equal(seqset_count(&t.fetch->recent), 0);
	assert_int_equal(make(&t, "1:*", true, true), RC_OK);
	assert_true(seqset_contains(&t.fetch->recent, 5));
	test_fini(&t);
	/* They are the first session's alone. */
	test_init(&t, *state, "INBOX");
	assert_int_equal(make(&t, "1:*", true, true), RC_OK);
	assert_false(seqset_contains(&t.fetch->recent, 5));
	test_fini(&t);
}

static void a_fetch_knows_what_the_session_has_enabled(void **state)
{
	static const struct {
		const char *name;
		bool condstore, rev2, uidonly;
	} rows[] = {
		{ NULL, false, false, false },
		{ "CONDSTORE", true, false, false },
		{ "IMAP4rev2", false, true, false },
		{ "UIDONLY", false, false, true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct test t;
		char command[64];
		test_init(&t, *state, "INBOX");
		if (rows[i].name) {
			snprintf(command, sizeof(command), "ENABLE %s", rows[i].name);
			assert_command_has(t.client, command, "* ENABLED ");
		}
		assert_int_equal(make(&t, "1:*", true, true), RC_OK);
		assert_int_equal(t.fetch->condstore, rows[i].condstore);
		assert_int_equal(t.fetch->rev2, rows[i].rev2);
		assert_int_equal(t.fetch->uidonly, rows[i].uidonly);
		test_fini(&t);
	}
}

static enum rc slice(struct account *account, void *arg)
{
	return fetch_slice(account, arg);
}

/* Flags that a slice has sent are no news any more; the MODSEQ alone tells nobody of another's change. */
static void what_a_slice_has_sent_is_not_told_again(void **state)
{
	struct server *server = *state;
	struct test t;
	add_and_expunge(server);
	test_init(&t, server, "INBOX");
	assert_int_equal(rig_flags(&server->rig, ACCOUNT, "INBOX", 1, MSG_SEEN), RC_OK);
	assert_int_equal(rig_flags(&server->rig, ACCOUNT, "INBOX", 3, MSG_SEEN), RC_OK);
	assert_int_equal(view_pending_flags(t.session->view), 2);
	assert_int_equal(make(&t, "1", false, true), RC_OK);
	assert_int_equal(rig_run(&server->rig, ACCOUNT, JOB_READ, slice, t.fetch), RC_OK);
	assert_true(fetch_view_take(t.session, t.fetch));
	assert_int_equal(view_pending_flags(t.session->view), 1);
	assert_command(t.client, "NOOP",
		"* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))\r\n"
		"* 2 FETCH (FLAGS (\\Seen \\Recent))\r\na OK NOOP completed\r\n");
	test_fini(&t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_set_means_the_messages_that_the_session_knows),
		TEST(a_number_beyond_the_mailbox_is_refused),
		TEST(recent_messages_come_along_where_flags_are_told),
		TEST(a_fetch_knows_what_the_session_has_enabled),
		TEST(what_a_slice_has_sent_is_not_told_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
