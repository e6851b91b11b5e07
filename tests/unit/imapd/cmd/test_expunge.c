#include "session_rig.h"

static void add_many(struct server *server, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t uid;
		assert_int_equal(rig_append(&server->rig, ACCOUNT, "INBOX",
					 STRV("Subject: x\r\n\r\nbody\r\n"), STRV_NULL, &uid),
			RC_OK);
	}
}

static void deleted_messages_are_removed(void **state)
{
	add_many(*state, 4);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "STORE 2,4 +FLAGS.SILENT (\\Deleted)", "a OK ");
	assert_command(
		client, "EXPUNGE", "* 4 EXPUNGE\r\n* 2 EXPUNGE\r\n* 2 RECENT\r\na OK EXPUNGE completed\r\n");
	assert_command(client, "EXPUNGE", "a OK EXPUNGE completed\r\n");
	assert_command_has(client, "UID SEARCH ALL", "* SEARCH 1 3\r\n");
	client_free(&client);
}

static void uid_expunge_removes_what_is_named(void **state)
{
	add_many(*state, 4);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "STORE 1:3 +FLAGS.SILENT (\\Deleted)", "a OK ");
	assert_command(client, "UID EXPUNGE 2:100",
		"* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 2 RECENT\r\na OK UID EXPUNGE completed\r\n");
	assert_command_has(client, "UID EXPUNGE 50", "a OK ");
	assert_command_has(client, "UID EXPUNGE x", "a BAD ");
	assert_command_has(client, "EXPUNGE 1", "a BAD ");
	assert_command_has(client, "UID SEARCH ALL", "* SEARCH 1 4\r\n");
	client_free(&client);
}

static void a_message_not_yet_announced_stays(void **state)
{
	add_many(*state, 1);
	struct client *one = client_new(*state, "INBOX");
	struct client *two = client_new(*state, NULL);
	assert_command_has(one, "STORE 1 +FLAGS.SILENT (\\Deleted)", "a OK ");
	assert_command_has(two, "APPEND INBOX (\\Deleted) {3+}\r\nabc", "a OK ");
	char *answer;
	client_send(one, "a UID EXPUNGE 1:*\r\n");
	answer = client_answer(one);
	assert_non_null(strstr(answer, "* 1 EXPUNGE\r\n* 1 EXISTS\r\n"));
	free(answer);
	assert_command_has(one, "UID SEARCH ALL", "* SEARCH 2\r\n");
	client_free(&one);
	client_free(&two);
}

static void other_sessions_are_told(void **state)
{
	add_many(*state, 3);
	struct client *one = client_new(*state, "INBOX");
	struct client *two = client_new(*state, "INBOX");
	assert_command_has(one, "STORE 1,3 +FLAGS.SILENT (\\Deleted)", "a OK ");
	assert_command_has(one, "EXPUNGE", "a OK ");
	assert_command_has(two, "NOOP", "* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n");
	client_free(&one);
	client_free(&two);
}

static void a_read_only_mailbox_keeps_its_messages(void **state)
{
	add_many(*state, 1);
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "EXAMINE INBOX", "a OK ");
	assert_command_has(client, "EXPUNGE", "a NO ");
	assert_command_has(client, "UID EXPUNGE 1", "a NO ");
	client_free(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(deleted_messages_are_removed, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			uid_expunge_removes_what_is_named, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_message_not_yet_announced_stays, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(other_sessions_are_told, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_read_only_mailbox_keeps_its_messages, server_setup, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
