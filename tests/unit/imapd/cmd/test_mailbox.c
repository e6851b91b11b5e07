#include "greeting_rig.h"

static void mailboxes_are_made_renamed_and_removed(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "CREATE a/b", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
	assert_command(client, "CREATE a/b", "a NO [ALREADYEXISTS] Mailbox already exists\r\n");
	assert_command(client, "CREATE inbox", "a NO [ALREADYEXISTS] Mailbox already exists\r\n");
	/* A name above others becomes a mailbox; a trailing separator is no part of the name. */
	assert_command(client, "CREATE a/", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
	assert_command(client, "LIST \"\" a*",
		"* LIST (\\HasChildren) \"/\" \"a\"\r\n* LIST (\\HasNoChildren) \"/\" \"a/b\"\r\n"
		"a OK LIST completed\r\n");
	assert_command(client, "RENAME a Trash/a", "a OK RENAME completed\r\n");
	assert_command(client, "LIST \"\" *a*",
		"* LIST (\\Noselect \\HasChildren) \"/\" \"Trash\"\r\n"
		"* LIST (\\HasChildren) \"/\" \"Trash/a\"\r\n* LIST (\\HasNoChildren) \"/\" \"Trash/a/b\"\r\n"
		"a OK LIST completed\r\n");
	assert_command(client, "DELETE Trash/a/b", "a OK DELETE completed\r\n");
	assert_command(client, "DELETE Trash/a", "a OK DELETE completed\r\n");
	assert_command(client, "DELETE Trash/a", "a NO [NONEXISTENT] No such mailbox\r\n");
	client_free(&client);
}

static void what_cannot_be_is_refused(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "DELETE INBOX", "a NO [CANNOT] INBOX can't be deleted\r\n");
	assert_command_has(client, "CREATE a//b", "a NO [CANNOT] ");
	assert_command_has(client, "CREATE \"50% off\"", "a OK [MAILBOXID ");
	assert_command_has(client, "LIST \"\" \"50% off\"", "\"/\" \"50% off\"\r\n");
	assert_command_has(client, "CREATE \"\"", "a NO [CANNOT] ");
	assert_command_has(client, "CREATE \"&AAo-\"", "a NO [CANNOT] ");
	assert_command_has(client, "CREATE \"&bad\"", "a NO Mailbox name is not valid modified UTF-7\r\n");
	assert_command_has(client, "RENAME nope x", "a NO [NONEXISTENT] ");
	assert_command_has(client, "RENAME \"*\" x", "a NO [NONEXISTENT] ");
	assert_command(client, "CREATE x", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
	assert_command(client, "CREATE y/z", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
	assert_command_has(client, "RENAME x y/z", "a NO [ALREADYEXISTS] ");
	assert_command_has(client, "RENAME y y/z/y", "a NO [CANNOT] ");
	assert_command_has(client, "RENAME x a//b", "a NO [CANNOT] ");
	assert_command_has(client, "DELETE y", "a NO [CANNOT] ");
	assert_command_has(client, "CREATE", "a BAD ");
	assert_command_has(client, "RENAME x", "a BAD ");
	client_free(&client);
}

static void renaming_inbox_moves_its_messages(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct client *other = client_new(*state, "INBOX");
	assert_command_has(client, "APPEND INBOX {1+}\r\nx", "a OK");
	assert_command_has(other, "NOOP", "* 1 EXISTS\r\n");
	assert_command(client, "RENAME INBOX old", "a OK RENAME completed\r\n");
	assert_command_has(client, "STATUS old (MESSAGES)", "(MESSAGES 1)");
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "(MESSAGES 0)");
	assert_command(other, "NOOP", "* 1 EXPUNGE\r\n* 0 RECENT\r\na OK NOOP completed\r\n");
	client_free(&client);
	client_free(&other);
}

static void subscriptions_are_names(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "SUBSCRIBE x/y", "a OK SUBSCRIBE completed\r\n");
	assert_command(client, "SUBSCRIBE x/y", "a OK SUBSCRIBE completed\r\n");
	assert_command(client, "LSUB \"\" *y", "* LSUB () \"/\" \"x/y\"\r\na OK LSUB completed\r\n");
	assert_command(client, "LSUB \"\" x%", "* LSUB (\\Noselect) \"/\" \"x\"\r\na OK LSUB completed\r\n");
	/* Once it is subscribed itself it tells itself. */
	assert_command(client, "SUBSCRIBE x", "a OK SUBSCRIBE completed\r\n");
	assert_command(client, "LSUB \"\" x%", "* LSUB () \"/\" \"x\"\r\na OK LSUB completed\r\n");
	assert_command(client, "LSUB \"\" x", "* LSUB () \"/\" \"x\"\r\na OK LSUB completed\r\n");
	assert_command(client, "UNSUBSCRIBE x", "a OK UNSUBSCRIBE completed\r\n");
	assert_command(client, "LSUB \"\" x", "a OK LSUB completed\r\n");
	assert_command(client, "UNSUBSCRIBE x/y", "a OK UNSUBSCRIBE completed\r\n");
	assert_command(client, "LSUB \"\" x*", "a OK LSUB completed\r\n");
	assert_command_has(client, "SUBSCRIBE a//b", "a NO [CANNOT] ");
	client_free(&client);
}

static void names_go_out_as_they_came(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(
		client, "CREATE \"Entw&APw-rfe &- mehr\"", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
	assert_command(client, "LIST \"\" Entw*",
		"* LIST (\\HasNoChildren) \"/\" \"Entw&APw-rfe &- mehr\"\r\na OK LIST completed\r\n");
	assert_command(client, "STATUS {20+}\r\nEntw&APw-rfe &- mehr (UIDNEXT)",
		"* STATUS \"Entw&APw-rfe &- mehr\" (UIDNEXT 1)\r\na OK STATUS completed\r\n");
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mailboxes_are_made_renamed_and_removed),
		TEST(what_cannot_be_is_refused),
		TEST(renaming_inbox_moves_its_messages),
		TEST(subscriptions_are_names),
		TEST(names_go_out_as_they_came),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
