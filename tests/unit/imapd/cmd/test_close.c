#include "greeting_rig.h"

static void append(struct client *client, const char *mailbox, const char *flags)
{
	client_send(client, "a APPEND ");
	client_send(client, mailbox);
	client_send(client, flags);
	client_send(client, " {1+}\r\nx\r\n");
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "a OK [APPENDUID "));
	free(answer);
}

static void close_removes_deleted_messages_without_a_word(void **state)
{
	struct client *client = client_new(*state, NULL);
	append(client, "INBOX", " (\\Deleted)");
	append(client, "INBOX", "");
	assert_command_has(client, "SELECT INBOX", "* 2 EXISTS\r\n");
	assert_command(client, "CLOSE", "a OK CLOSE completed\r\n");
	assert_command(client, "CHECK", "a BAD No mailbox selected\r\n");
	assert_command_has(client, "SELECT INBOX", "* 1 EXISTS\r\n");
	assert_command(client, "FETCH 1 UID", "* 1 FETCH (UID 2)\r\na OK FETCH completed\r\n");
	client_free(&client);
}

static void close_leaves_what_was_not_announced(void **state)
{
	struct client *client = client_new(*state, NULL);
	append(client, "INBOX", " (\\Deleted)");
	struct client *other = client_new(*state, "INBOX");
	/* Arrives behind the back of the other, marked at once. */
	append(client, "INBOX", " (\\Deleted)");
	assert_command(other, "CLOSE", "a OK CLOSE completed\r\n");
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "(MESSAGES 1)");
	client_free(&client);
	client_free(&other);
}

static void close_of_what_is_only_read_removes_nothing(void **state)
{
	struct client *client = client_new(*state, NULL);
	append(client, "INBOX", " (\\Deleted)");
	assert_command_has(client, "EXAMINE INBOX", "a OK");
	assert_command(client, "STORE 1 +FLAGS (\\Seen)", "a NO Mailbox is selected read-only\r\n");
	assert_command(client, "CLOSE", "a OK CLOSE completed\r\n");
	assert_command_has(client, "SELECT INBOX", "* 1 EXISTS\r\n");
	assert_command(client, "UNSELECT", "a OK UNSELECT completed\r\n");
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "(MESSAGES 1)");
	client_free(&client);
}

static void close_of_nothing_deleted_only_deselects(void **state)
{
	struct client *client = client_new(*state, NULL);
	append(client, "INBOX", "");
	assert_command_has(client, "SELECT INBOX", "* 1 EXISTS\r\n");
	assert_command(client, "CLOSE", "a OK CLOSE completed\r\n");
	assert_command_has(client, "SELECT INBOX", "* 1 EXISTS\r\n");
	client_free(&client);
}

static void unselect_keeps_deleted_messages(void **state)
{
	struct client *client = client_new(*state, NULL);
	append(client, "INBOX", " (\\Deleted)");
	assert_command_has(client, "SELECT INBOX", "* 1 EXISTS\r\n");
	assert_command(client, "UNSELECT", "a OK UNSELECT completed\r\n");
	assert_command(client, "UNSELECT", "a BAD No mailbox selected\r\n");
	assert_command_has(client, "SELECT INBOX", "* 1 EXISTS\r\n");
	client_free(&client);
}

static void check_tells_what_is_new(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	append(client, "INBOX", "");
	assert_command(client, "CHECK", "a OK CHECK completed\r\n");
	struct client *other = client_new(*state, NULL);
	append(other, "INBOX", "");
	assert_command_has(client, "CHECK", "* 2 EXISTS\r\n");
	client_free(&other);
	client_free(&client);
}

static void none_of_them_takes_arguments(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "CLOSE x", "a BAD ");
	assert_command_has(client, "UNSELECT x", "a BAD ");
	assert_command_has(client, "CHECK x", "a BAD ");
	assert_command(client, "CHECK", "a OK CHECK completed\r\n");
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(close_removes_deleted_messages_without_a_word),
		TEST(close_leaves_what_was_not_announced),
		TEST(close_of_what_is_only_read_removes_nothing),
		TEST(close_of_nothing_deleted_only_deselects),
		TEST(unselect_keeps_deleted_messages),
		TEST(check_tells_what_is_new),
		TEST(none_of_them_takes_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
