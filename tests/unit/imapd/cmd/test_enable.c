#include "greeting_rig.h"
#include "message_files.h"

static void what_is_known_is_enabled_and_told(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "ENABLE utf8=accept X-OTHER imap4rev2",
		"* ENABLED UTF8=ACCEPT IMAP4rev2\r\na OK ENABLE completed\r\n");
	assert_int_equal(client_session(client)->enabled, ENABLED_UTF8 | ENABLED_REV2);
	assert_command(client, "ENABLE X-OTHER", "* ENABLED\r\na OK ENABLE completed\r\n");
	/* The extensions that are on stay on. */
	assert_int_equal(client_session(client)->enabled, ENABLED_UTF8 | ENABLED_REV2);
	assert_command_has(client, "ENABLE", "a BAD ");
	assert_command_has(client, "ENABLE (CONDSTORE)", "a BAD ");
	client_free(&client);
}

static void qresync_holds_condstore(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "ENABLE QRESYNC", "* ENABLED QRESYNC\r\na OK ENABLE completed\r\n");
	assert_int_equal(client_session(client)->enabled, ENABLED_QRESYNC | ENABLED_CONDSTORE);
	client_free(&client);
}

static void the_modseq_of_the_selected_mailbox_is_told_once(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "ENABLE CONDSTORE", "* ENABLED CONDSTORE\r\n* OK [HIGHESTMODSEQ ");
	assert_command(client, "ENABLE CONDSTORE", "* ENABLED CONDSTORE\r\na OK ENABLE completed\r\n");
	client_free(&client);
}

static void imap4rev2_has_no_recent_messages(void **state)
{
	add_sized(*state, "INBOX", 20);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "FETCH 1 FLAGS", "(FLAGS (\\Recent))");
	assert_command_has(client, "ENABLE IMAP4rev2", "a OK ");
	assert_command_has(client, "FETCH 1 FLAGS", "(FLAGS ())");
	client_free(&client);
}

static void uidonly_takes_message_numbers_away(void **state)
{
	add_sized(*state, "INBOX", 20);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "ENABLE UIDONLY", "* ENABLED UIDONLY\r\n");
	assert_command_has(client, "FETCH 1 FLAGS", "a BAD [UIDREQUIRED] ");
	assert_command_has(client, "UID FETCH 1 FLAGS", "* 1 UIDFETCH (FLAGS (\\Recent))\r\n");
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_known_is_enabled_and_told),
		TEST(qresync_holds_condstore),
		TEST(the_modseq_of_the_selected_mailbox_is_told_once),
		TEST(imap4rev2_has_no_recent_messages),
		TEST(uidonly_takes_message_numbers_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
