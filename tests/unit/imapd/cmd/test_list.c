#include "greeting_rig.h"

static const struct default_mailbox defaults[] = {
	{ "Sent", MBOX_SENT },
	{ "Drafts", MBOX_DRAFTS },
	{ "Trash", MBOX_TRASH },
};

static void with_defaults(struct server *server)
{
	server->rig.settings.defaults = defaults;
	server->rig.settings.default_count = 3;
}

static int setup(void **state)
{
	return server_setup_with(state, with_defaults);
}

static void special_uses_are_told(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "LIST \"\" *",
		"* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n* LIST (\\HasNoChildren \\Drafts) \"/\" "
		"\"Drafts\"\r\n"
		"* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\n"
		"* LIST (\\HasNoChildren \\Trash) \"/\" \"Trash\"\r\na OK LIST completed\r\n");
	client_free(&client);
}

static void an_empty_pattern_asks_for_the_separator(void **state)
{
	struct client *client = client_new(*state, NULL);
	const char *answer = "* LIST (\\Noselect) \"/\" \"\"\r\na OK LIST completed\r\n";
	assert_command(client, "LIST \"\" \"\"", answer);
	assert_command(client, "LIST Sent \"\"", answer);
	assert_command(client, "LSUB \"\" \"\"", "a OK LSUB completed\r\n");
	client_free(&client);
}

static void patterns_and_references_choose(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "CREATE a/b/c", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
	assert_command(client, "LIST \"\" a/%",
		"* LIST (\\Noselect \\HasChildren) \"/\" \"a/b\"\r\na OK LIST completed\r\n");
	assert_command(client, "LIST a/ %",
		"* LIST (\\Noselect \\HasChildren) \"/\" \"a/b\"\r\na OK LIST completed\r\n");
	assert_command(client, "LIST \"a/b\" \"/*\"",
		"* LIST (\\HasNoChildren) \"/\" \"a/b/c\"\r\na OK LIST completed\r\n");
	assert_command(client, "LIST \"\" inbox",
		"* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\na OK LIST completed\r\n");
	assert_command(client, "LIST \"\" nope", "a OK LIST completed\r\n");
	assert_command(client, "LIST \"\" /*", "a OK LIST completed\r\n");
	client_free(&client);
}

static void wrong_lists_are_bad(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "LIST", "a BAD ");
	assert_command_has(client, "LIST \"\"", "a BAD ");
	assert_command_has(client, "LIST \"\" (a b", "a BAD ");
	assert_command_has(client, "LIST \"\" * RETURN (CHILD)", "a BAD ");
	assert_command_has(client, "LIST (RECURSIVEMATCH) \"\" *", "a BAD ");
	assert_command_has(client, "LSUB \"\" (a b)", "a BAD ");
	assert_command_has(client, "LSUB \"\" * RETURN (CHILDREN)", "a BAD ");
	client_free(&client);
}

static void there_is_one_personal_namespace(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(
		client, "NAMESPACE", "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\na OK NAMESPACE completed\r\n");
	assert_command_has(client, "NAMESPACE x", "a BAD ");
	client_free(&client);
}

static void status_tells_the_items_in_their_order(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "APPEND Sent (\\Seen) {1+}\r\nx", "a OK");
	assert_command_has(client, "APPEND Sent {1+}\r\nx", "a OK");
	char *answer;
	client_send(client, "a STATUS Sent (UIDNEXT messages UNSEEN RECENT UIDVALIDITY MESSAGES)\r\n");
	answer = client_answer(client);
	assert_non_null(
		strstr(answer, "* STATUS \"Sent\" (UIDNEXT 3 MESSAGES 2 UNSEEN 1 RECENT 2 UIDVALIDITY "));
	assert_non_null(strstr(answer, " MESSAGES 2)\r\na OK STATUS completed\r\n"));
	free(answer);
	assert_command(client, "STATUS nope (MESSAGES)", "a NO [NONEXISTENT] No such mailbox\r\n");
	assert_command(client, "CREATE x/y", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
	assert_command_has(client, "STATUS x (MESSAGES)", "a NO [CANNOT] ");
	client_free(&client);
}

static void wrong_status_items_are_bad(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "STATUS INBOX", "a BAD ");
	assert_command_has(client, "STATUS INBOX ()", "a BAD ");
	assert_command_has(client, "STATUS INBOX MESSAGES", "a BAD ");
	assert_command_has(client, "STATUS INBOX (MESSAGES", "a BAD ");
	assert_command_has(client, "STATUS INBOX (FOO)", "a BAD Unknown STATUS item\r\n");
	struct buf text;
	buf_init(&text, 10000);
	buf_adds(&text, "STATUS INBOX (RECENT");
	for (int i = 0; i < 32; i++)
		buf_adds(&text, " RECENT");
	buf_adds(&text, ")");
	buf_addc(&text, '\0');
	assert_command(client, text.p, "a BAD Too many items\r\n");
	buf_fini(&text);
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(special_uses_are_told),
		TEST(an_empty_pattern_asks_for_the_separator),
		TEST(patterns_and_references_choose),
		TEST(wrong_lists_are_bad),
		TEST(there_is_one_personal_namespace),
		TEST(status_tells_the_items_in_their_order),
		TEST(wrong_status_items_are_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
