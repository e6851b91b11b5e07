#include "session_rig.h"

static void add(struct server *server, const char *text)
{
	uint32_t uid;
	assert_int_equal(rig_append(&server->rig, ACCOUNT, "INBOX", strv_cstr(text), STRV_NULL, &uid), RC_OK);
}

static void add_some(struct server *server)
{
	add(server, "Subject: one\r\n\r\nfirst body\r\n");
	add(server, "Subject: two\r\n\r\nsecond body\r\n");
	add(server, "Subject: three\r\n\r\nthird body\r\n");
}

static void numbers_or_uids_are_found(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "STORE 1 +FLAGS.SILENT (\\Deleted)", "a OK ");
	assert_command_has(client, "EXPUNGE", "a OK ");
	assert_command(client, "SEARCH ALL", "* SEARCH 1 2\r\na OK SEARCH completed\r\n");
	assert_command(client, "UID SEARCH ALL", "* SEARCH 2 3\r\na OK UID SEARCH completed\r\n");
	assert_command(client, "SEARCH UID 3:*", "* SEARCH 2\r\na OK SEARCH completed\r\n");
	assert_command(client, "UID SEARCH 1", "* SEARCH 2\r\na OK UID SEARCH completed\r\n");
	assert_command(client, "UID SEARCH NOT 1", "* SEARCH 3\r\na OK UID SEARCH completed\r\n");
	assert_command(client, "SEARCH UID 100:*", "* SEARCH 2\r\na OK SEARCH completed\r\n");
	client_free(&client);
}

static void an_empty_answer_is_an_answer(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "SEARCH ALL", "* SEARCH\r\na OK SEARCH completed\r\n");
	assert_command(client, "UID SEARCH 1:* BODY x", "* SEARCH\r\na OK UID SEARCH completed\r\n");
	add_some(*state);
	assert_command_has(client, "NOOP", "* 3 EXISTS");
	assert_command(client, "SEARCH SUBJECT nothing", "* SEARCH\r\na OK SEARCH completed\r\n");
	assert_command(client, "SEARCH 4:9", "* SEARCH\r\na OK SEARCH completed\r\n");
	assert_command(client, "SEARCH 2:9", "* SEARCH 2 3\r\na OK SEARCH completed\r\n");
	client_free(&client);
}

static void headers_and_bodies_are_searched(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "SEARCH SUBJECT T", "* SEARCH 2 3\r\n");
	assert_command_has(client, "SEARCH BODY \"second\"", "* SEARCH 2\r\n");
	assert_command_has(client, "SEARCH CHARSET UTF-8 TEXT {5+}\r\nTHIRD NOT SEEN", "* SEARCH 3\r\n");
	assert_command_has(client, "SEARCH OR SUBJECT one BODY third", "* SEARCH 1 3\r\n");
	client_free(&client);
}

static void the_recent_messages_are_those_of_the_session(void **state)
{
	add_some(*state);
	struct client *one = client_new(*state, "INBOX");
	struct client *two = client_new(*state, "INBOX");
	assert_command_has(one, "SEARCH RECENT", "* SEARCH 1 2 3\r\n");
	assert_command_has(two, "SEARCH RECENT", "* SEARCH\r\n");
	assert_command_has(two, "SEARCH OLD", "* SEARCH 1 2 3\r\n");
	client_free(&one);
	client_free(&two);
}

static void charsets_are_known_or_listed(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "SEARCH CHARSET X-NONE TEXT x",
		"a NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset\r\n");
	assert_command_has(client, "SEARCH CHARSET KOI8-R TEXT x", "* SEARCH\r\na OK ");
	assert_command_has(client, "SEARCH CHARSET US-ASCII TEXT x", "* SEARCH\r\na OK ");
	assert_command_has(client, "SEARCH CHARSET", "a BAD ");
	assert_command_has(client, "SEARCH", "a BAD ");
	assert_command_has(client, "SEARCH FOO", "a BAD ");
	client_free(&client);
}

static void what_is_known_is_announced_and_found(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	add(*state, "Subject: four\r\n\r\n");
	assert_command(client, "SEARCH ALL",
		"* 4 EXISTS\r\n* 4 RECENT\r\n* SEARCH 1 2 3 4\r\na OK SEARCH completed\r\n");
	add(*state, "Subject: five\r\n\r\n");
	assert_command(client, "UID FETCH 4:* UID",
		"* 5 EXISTS\r\n* 5 RECENT\r\n* 4 FETCH (UID 4)\r\n* 5 FETCH (UID 5)\r\na OK UID FETCH "
		"completed\r\n");
	add(*state, "Subject: six\r\n\r\n");
	assert_command(client, "STATUS INBOX (MESSAGES)",
		"* 6 EXISTS\r\n* 6 RECENT\r\n* STATUS \"INBOX\" (MESSAGES 6)\r\na OK STATUS completed\r\n");
	/* A message that the client can't know of is not changed. */
	add(*state, "Subject: seven\r\n\r\n");
	assert_command(client, "STORE 1:* +FLAGS.SILENT (\\Deleted)",
		"* 7 EXISTS\r\n* 7 RECENT\r\na OK STORE completed\r\n");
	assert_command(client, "SEARCH UNDELETED", "* SEARCH 7\r\na OK SEARCH completed\r\n");
	client_free(&client);
}

static void messages_that_are_gone_are_told_by_the_code(void **state)
{
	add_some(*state);
	struct client *one = client_new(*state, "INBOX");
	struct client *two = client_new(*state, "INBOX");
	assert_command_has(two, "STORE 2 +FLAGS.SILENT (\\Deleted)", "a OK ");
	assert_command_has(two, "EXPUNGE", "a OK ");
	assert_command_has(one, "SEARCH ALL", "* SEARCH 1 3\r\n");
	assert_command_has(one, "SEARCH ALL", "a OK [EXPUNGEISSUED] ");
	assert_command(one, "UID SEARCH ALL",
		"* SEARCH 1 3\r\n* 2 EXPUNGE\r\n* 2 RECENT\r\na OK UID SEARCH completed\r\n");
	client_free(&one);
	client_free(&two);
}

static void the_answer_can_be_what_return_asks_for(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "STORE 1 +FLAGS.SILENT (\\Deleted)", "a OK ");
	assert_command_has(client, "EXPUNGE", "a OK ");
	assert_command(
		client, "SEARCH RETURN () ALL", "* ESEARCH (TAG \"a\") ALL 1:2\r\na OK SEARCH completed\r\n");
	assert_command_has(client, "SEARCH RETURN (MIN) ALL", "* ESEARCH (TAG \"a\") MIN 1\r\n");
	assert_command_has(client, "UID SEARCH RETURN (MAX) ALL", "* ESEARCH (TAG \"a\") UID MAX 3\r\n");
	assert_command_has(client, "UID SEARCH RETURN (COUNT MAX ALL MIN) ALL",
		"* ESEARCH (TAG \"a\") UID MIN 2 MAX 3 ALL 2:3 COUNT 2\r\n");
	assert_command_has(client, "SEARCH return (count) CHARSET UTF-8 SUBJECT three",
		"* ESEARCH (TAG \"a\") COUNT 1\r\n");
	client_free(&client);
}

static void an_empty_extended_answer_is_an_answer(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "SEARCH RETURN () ALL", "* ESEARCH (TAG \"a\")\r\na OK ");
	assert_command_has(client, "UID SEARCH RETURN (MIN MAX ALL COUNT) *",
		"* ESEARCH (TAG \"a\") UID COUNT 0\r\na OK ");
	assert_command_has(client, "SEARCH RETURN (ALL) MODSEQ 1", "* ESEARCH (TAG \"a\")\r\n");
	client_free(&client);
}

static void wrong_return_options_are_refused(void **state)
{
	static const char *const wrong[] = { "RETURN ALL", "RETURN (MIN", "RETURN (FOO) ALL",
		"RETURN (MIN,MAX) ALL", "RETURN (MIN)ALL", "RETURN (MIN)", "RETURN () ",
		"CHARSET UTF-8 RETURN (MIN) ALL" };
	struct client *client = client_new(*state, "INBOX");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		client_send(client, "a SEARCH ");
		client_send(client, wrong[i]);
		client_send(client, "\r\n");
		char *answer = client_answer(client);
		if (strncmp(answer, "a BAD ", 6) != 0)
			fail_msg("%s: %s", wrong[i], answer);
		free(answer);
		assert_command_has(client, "NOOP", "a OK ");
	}
	client_free(&client);
}

static void a_modseq_is_that_of_what_is_returned(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "ENABLE CONDSTORE", "a OK ");
	/* The middle one has the highest. */
	assert_command_has(client, "STORE 2 +FLAGS (\\Seen)", "a OK ");
	char *answer;
	unsigned all = 0;
	unsigned ends = 0;
	client_send(client, "a SEARCH RETURN (ALL) MODSEQ 1\r\n");
	answer = client_answer(client);
	assert_non_null(strstr(answer, "ALL 1:3 MODSEQ "));
	all = (unsigned)strtoul(strstr(answer, "MODSEQ ") + 7, NULL, 10);
	free(answer);
	client_send(client, "a SEARCH RETURN (MIN MAX) MODSEQ 1\r\n");
	answer = client_answer(client);
	assert_non_null(strstr(answer, "MIN 1 MAX 3 MODSEQ "));
	ends = (unsigned)strtoul(strstr(answer, "MODSEQ ") + 7, NULL, 10);
	free(answer);
	assert_true(ends < all);
	client_send(client, "a SEARCH RETURN (MIN) MODSEQ 1\r\n");
	answer = client_answer(client);
	assert_true(strtoul(strstr(answer, "MODSEQ ") + 7, NULL, 10) < ends);
	free(answer);
	client_free(&client);
}

static void a_result_is_saved_and_used_in_every_command(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "CREATE Other", "a OK ");
	assert_command(client, "SEARCH RETURN (SAVE) SUBJECT t", "a OK SEARCH completed\r\n");
	assert_command(client, "FETCH $ (UID)",
		"* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\na OK FETCH completed\r\n");
	assert_command_has(client, "UID FETCH $ (UID)", "* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\n");
	assert_command_has(client, "SEARCH $", "* SEARCH 2 3\r\n");
	assert_command_has(client, "UID SEARCH UID $ SUBJECT three", "* SEARCH 3\r\n");
	assert_command_has(client, "SEARCH NOT $", "* SEARCH 1\r\n");
	assert_command_has(client, "SEARCH (OR $ 1) SUBJECT o", "* SEARCH 1 2\r\n");
	assert_command_has(client, "COPY $ Other", " 2:3 1:2] ");
	assert_command_has(client, "UID COPY $ Other", " 2:3 3:4] ");
	assert_command_has(client, "STORE $ +FLAGS (\\Seen)", "* 3 FETCH (FLAGS (\\Seen");
	assert_command_has(client, "UID STORE $ +FLAGS (\\Deleted)", "* 3 FETCH (UID 3 FLAGS (");
	assert_command_has(client, "SEARCH RETURN (SAVE) 3", "a OK ");
	assert_command_has(client, "UID EXPUNGE $", "* 3 EXPUNGE\r\n* 2 RECENT\r\na OK ");
	assert_command(client, "FETCH $ (UID)", "a OK FETCH completed\r\n");
	assert_command_has(client, "SEARCH RETURN (SAVE) ALL", "a OK ");
	assert_command_has(client, "MOVE $ Other", "* 1 EXPUNGE\r\n");
	assert_command_has(client, "UID MOVE $ Other", "a OK ");
	client_free(&client);
}

static void what_is_saved_follows_the_return_options(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "SEARCH RETURN (SAVE MIN) ALL", "* ESEARCH (TAG \"a\") MIN 1\r\n");
	assert_command_has(client, "SEARCH $", "* SEARCH 1\r\n");
	assert_command_has(client, "SEARCH RETURN (SAVE MAX) ALL", "* ESEARCH (TAG \"a\") MAX 3\r\n");
	assert_command_has(client, "SEARCH $", "* SEARCH 3\r\n");
	assert_command_has(client, "UID SEARCH RETURN (MAX SAVE MIN) ALL", "UID MIN 1 MAX 3\r\n");
	assert_command_has(client, "SEARCH $", "* SEARCH 1 3\r\n");
	assert_command_has(client, "SEARCH RETURN (MIN SAVE COUNT) ALL", "MIN 1 COUNT 3\r\n");
	assert_command_has(client, "SEARCH $", "* SEARCH 1 2 3\r\n");
	assert_command_has(client, "SEARCH RETURN (SAVE MIN) SUBJECT nothing", "* ESEARCH (TAG \"a\")\r\n");
	assert_command_has(client, "SEARCH $", "* SEARCH\r\n");
	client_free(&client);
}

static void what_is_saved_is_emptied_and_kept_by_the_rules(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "SEARCH $", "* SEARCH\r\n");
	assert_command_has(client, "SEARCH RETURN (SAVE) ALL", "a OK ");
	assert_command_has(client, "SEARCH RETURN (COUNT) 1", "a OK ");
	assert_command_has(client, "SEARCH CHARSET X-NONE ALL", "a NO [BADCHARSET ");
	assert_command_has(client, "SEARCH RETURN (SAVE) WRONG", "a BAD ");
	assert_command_has(client, "SEARCH $", "* SEARCH 1 2 3\r\n");
	assert_command_has(client, "SEARCH RETURN (SAVE) CHARSET X-NONE ALL", "a NO [BADCHARSET ");
	assert_command_has(client, "SEARCH $", "* SEARCH\r\n");
	assert_command_has(client, "SEARCH RETURN (SAVE) ALL", "a OK ");
	assert_command_has(client, "SELECT INBOX", "a OK ");
	assert_command_has(client, "SEARCH $", "* SEARCH\r\n");
	/* "$" is a sequence set as a whole only. */
	assert_command_has(client, "FETCH $,1 (UID)", "a BAD ");
	assert_command_has(client, "FETCH 1,$ (UID)", "a BAD ");
	assert_command_has(client, "SEARCH $:*", "a BAD ");
	assert_command_has(client, "SEARCH $x", "a BAD ");
	client_free(&client);
}

static void a_saved_result_loses_what_is_expunged(void **state)
{
	add_some(*state);
	struct client *one = client_new(*state, "INBOX");
	struct client *two = client_new(*state, "INBOX");
	assert_command_has(one, "SEARCH RETURN (SAVE) ALL", "a OK ");
	assert_command_has(two, "STORE 1 +FLAGS.SILENT (\\Deleted)", "a OK ");
	assert_command_has(two, "EXPUNGE", "a OK ");
	assert_command_has(one, "NOOP", "* 1 EXPUNGE\r\n");
	assert_command_has(one, "UID SEARCH $", "* SEARCH 2 3\r\n");
	assert_command(
		one, "FETCH $ (UID)", "* 1 FETCH (UID 2)\r\n* 2 FETCH (UID 3)\r\na OK FETCH completed\r\n");
	client_free(&one);
	client_free(&two);
}

static void a_saved_result_can_be_used_in_a_pipeline(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	client_send(client, "x SEARCH RETURN (SAVE) BODY second\r\ny STORE $ +FLAGS.SILENT (\\Flagged)\r\n"
			    "a SEARCH FLAGGED\r\n");
	char *answer = client_answer(client);
	assert_string_equal(answer, "x OK SEARCH completed\r\ny OK STORE completed\r\n* SEARCH 2\r\n"
				    "a OK SEARCH completed\r\n");
	free(answer);
	client_free(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_or_uids_are_found, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(an_empty_answer_is_an_answer, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			headers_and_bodies_are_searched, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			the_recent_messages_are_those_of_the_session, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(charsets_are_known_or_listed, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_known_is_announced_and_found, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			messages_that_are_gone_are_told_by_the_code, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			the_answer_can_be_what_return_asks_for, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			an_empty_extended_answer_is_an_answer, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			wrong_return_options_are_refused, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_modseq_is_that_of_what_is_returned, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_result_is_saved_and_used_in_every_command, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_saved_follows_the_return_options, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_saved_is_emptied_and_kept_by_the_rules, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_saved_result_loses_what_is_expunged, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_saved_result_can_be_used_in_a_pipeline, server_setup, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
