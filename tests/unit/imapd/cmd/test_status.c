#include "greeting_rig.h"
#include "message_files.h"

static void numbers_are_told_without_selecting(void **state)
{
	struct server *server = *state;
	add_sized(server, "INBOX", 20);
	add_sized(server, "INBOX", 60);
	assert_int_equal(rig_flags(&server->rig, ACCOUNT, "INBOX", 2, MSG_DELETED | MSG_SEEN), RC_OK);
	struct client *client = client_new(server, NULL);
	assert_command(client, "STATUS inbox (UIDNEXT MESSAGES UNSEEN RECENT DELETED SIZE DELETED-STORAGE)",
		"* STATUS \"INBOX\" (UIDNEXT 3 MESSAGES 2 UNSEEN 1 RECENT 2 DELETED 1 SIZE 116 "
		"DELETED-STORAGE 80)\r\na OK STATUS completed\r\n");
	client_free(&client);
}

static void a_name_without_a_mailbox_has_no_numbers(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "CREATE a/b", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
	assert_command_has(client, "STATUS a/b (MESSAGES)", "* STATUS \"a/b\" (MESSAGES 0)\r\n");
	assert_command(client, "STATUS a (MESSAGES)", "a NO [CANNOT] Not possible\r\n");
	assert_command(client, "STATUS nowhere (MESSAGES)", "a NO [NONEXISTENT] No such mailbox\r\n");
	assert_command(client, "STATUS \"a//b\" (MESSAGES)", "a NO [NONEXISTENT] No such mailbox\r\n");
	client_free(&client);
}

static void wrong_items_are_bad(void **state)
{
	static const char *const wrong[] = { "STATUS", "STATUS INBOX", "STATUS INBOX ()",
		"STATUS INBOX (FOO)", "STATUS INBOX MESSAGES", "STATUS INBOX (MESSAGES) x" };
	struct client *client = client_new(*state, NULL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_command_has(client, wrong[i], "a BAD ");
	client_free(&client);
}

/* Otherwise the client would take a lower number for the newer one. */
static void new_messages_of_the_selected_mailbox_are_told_before_they_are_counted(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	add_sized(*state, "INBOX", 20);
	await_claim(client);
	assert_command(client, "STATUS INBOX (MESSAGES)",
		"* 1 EXISTS\r\n* 1 RECENT\r\n* STATUS \"INBOX\" (MESSAGES 1)\r\na OK STATUS completed\r\n");
	client_free(&client);
}

static void imap4rev2_calls_the_selected_mailbox_a_bug_of_the_client(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "a OK STATUS completed\r\n");
	assert_command_has(client, "ENABLE IMAP4rev2", "a OK ");
	assert_command_has(
		client, "STATUS INBOX (MESSAGES)", "a OK [CLIENTBUG] STATUS of the selected mailbox\r\n");
	assert_command(client, "UNSELECT", "a OK UNSELECT completed\r\n");
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "a OK STATUS completed\r\n");
	client_free(&client);
}

/* RFC 7162 section 3.1.10.2: who asks for it wants to be told of it. */
static void asking_for_the_modseq_enables_condstore(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "a OK ");
	assert_false(client_session(client)->enabled & ENABLED_CONDSTORE);
	assert_command_has(client, "STATUS INBOX (HIGHESTMODSEQ)", "(HIGHESTMODSEQ ");
	assert_true(client_session(client)->enabled & ENABLED_CONDSTORE);
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_are_told_without_selecting),
		TEST(a_name_without_a_mailbox_has_no_numbers),
		TEST(wrong_items_are_bad),
		TEST(new_messages_of_the_selected_mailbox_are_told_before_they_are_counted),
		TEST(imap4rev2_calls_the_selected_mailbox_a_bug_of_the_client),
		TEST(asking_for_the_modseq_enables_condstore),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
