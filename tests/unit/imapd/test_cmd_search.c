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
	assert_command(client, "SEARCH CHARSET KOI8-R TEXT x",
		"a NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset\r\n");
	assert_command_has(client, "SEARCH CHARSET US-ASCII TEXT x", "* SEARCH\r\na OK ");
	assert_command_has(client, "SEARCH CHARSET", "a BAD ");
	assert_command_has(client, "SEARCH", "a BAD ");
	assert_command_has(client, "SEARCH FOO", "a BAD ");
	client_free(&client);
}

static void what_is_not_announced_is_not_found(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	add(*state, "Subject: four\r\n\r\n");
	client_send(client, "a SEARCH ALL\r\n");
	char *answer = client_answer(client);
	/* Whether EXISTS was told by then or not: it is told behind the answer. */
	assert_true(strncmp(answer, "* SEARCH 1 2 3\r\n", 16) == 0);
	assert_non_null(strstr(answer, "* 4 EXISTS"));
	free(answer);
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
	assert_command(one, "UID SEARCH ALL", "* SEARCH 1 3\r\n* 2 EXPUNGE\r\na OK UID SEARCH completed\r\n");
	client_free(&one);
	client_free(&two);
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
			what_is_not_announced_is_not_found, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			messages_that_are_gone_are_told_by_the_code, server_setup, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
