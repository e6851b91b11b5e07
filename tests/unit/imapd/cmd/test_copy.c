#include "session_rig.h"

static void add_many(struct server *server, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t uid;
		assert_int_equal(rig_append(&server->rig, ACCOUNT, "INBOX",
					 STRV("Subject: x\r\n\r\nbody\r\n"), STRV_NULL, &uid),
			RC_OK);
	}
	assert_int_equal(rig_create(&server->rig, ACCOUNT, "Target"), RC_OK);
}

static void copy_tells_the_new_uids(void **state)
{
	add_many(*state, 4);
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "COPY 1,3:4 Target", "a OK [COPYUID 1 1,3:4 1:3] COPY completed\r\n");
	assert_command(client, "UID COPY 2 Target", "a OK [COPYUID 1 2 4] UID COPY completed\r\n");
	assert_command_has(client, "STATUS Target (MESSAGES)", "MESSAGES 4");
	client_free(&client);
}

static void copies_keep_flags_and_date(void **state)
{
	add_many(*state, 1);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(
		client, "APPEND INBOX (\\Flagged $Key) \"17-Jul-2026 02:44:25 -0700\" {3+}\r\nabc", "a OK ");
	assert_command_has(client, "COPY 2 Target", "a OK [COPYUID 1 2 1]");
	assert_command_has(client, "SELECT Target", "a OK ");
	assert_command_has(client, "FETCH 1 (INTERNALDATE FLAGS)",
		"INTERNALDATE \"17-Jul-2026 02:44:25 -0700\" FLAGS (\\Flagged \\Recent $Key)");
	client_free(&client);
}

static void copying_into_the_selected_mailbox_is_told(void **state)
{
	add_many(*state, 2);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "COPY 1:* INBOX", "* 4 EXISTS\r\n");
	client_free(&client);
}

static void moved_messages_are_told_before_they_vanish(void **state)
{
	add_many(*state, 4);
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "MOVE 2:3 Target",
		"* OK [COPYUID 1 2:3 1:2] Moved\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 2 RECENT\r\na OK MOVE "
		"completed\r\n");
	assert_command(client, "UID MOVE 1,4 Target",
		"* OK [COPYUID 1 1,4 3:4] Moved\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n* 0 RECENT\r\na OK UID MOVE "
		"completed\r\n");
	client_free(&client);
}

static void nothing_to_copy_is_ok(void **state)
{
	add_many(*state, 1);
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "UID COPY 77 Target", "a OK UID COPY completed\r\n");
	assert_command(client, "UID MOVE 77:99 Target", "a OK UID MOVE completed\r\n");
	client_free(&client);
}

static void a_missing_target_can_be_created(void **state)
{
	add_many(*state, 1);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "COPY 1 Nowhere", "a NO [TRYCREATE] ");
	assert_command_has(client, "MOVE 1 Nowhere", "a NO [TRYCREATE] ");
	assert_command_has(client, "UID COPY 77 Nowhere", "a NO [TRYCREATE] ");
	assert_command_has(client, "UID FETCH 1 UID", "* 1 FETCH (UID 1)");
	client_free(&client);
}

static void wrong_requests_are_bad(void **state)
{
	add_many(*state, 1);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "COPY 2 Target", "a BAD ");
	assert_command_has(client, "COPY 1", "a BAD ");
	assert_command_has(client, "COPY 1 Target x", "a BAD ");
	assert_command_has(client, "MOVE x Target", "a BAD ");
	client_free(&client);
}

static void a_read_only_mailbox_can_be_copied_but_not_moved(void **state)
{
	add_many(*state, 1);
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "EXAMINE INBOX", "a OK ");
	assert_command_has(client, "COPY 1 Target", "a OK [COPYUID ");
	assert_command_has(client, "MOVE 1 Target", "a NO ");
	client_free(&client);
}

static void nothing_is_copied_by_numbers_of_which_one_is_gone(void **state)
{
	add_many(*state, 3);
	struct client *one = client_new(*state, "INBOX");
	struct client *two = client_new(*state, "INBOX");
	assert_command_has(two, "UID MOVE 2 Target", "* 2 EXPUNGE\r\na OK ");
	assert_command(one, "COPY 1:3 Target",
		"* 2 EXPUNGE\r\n* 2 RECENT\r\n"
		"a NO [EXPUNGEISSUED] Some of the messages no longer exist, none is copied\r\n");
	assert_command_has(two, "STATUS Target (MESSAGES)", "(MESSAGES 1)");
	assert_command_has(one, "COPY 1:2 Target", "a OK [COPYUID 1 1,3 2:3] COPY completed\r\n");
	assert_command_has(two, "UID MOVE 3 Target", "* 2 EXPUNGE\r\na OK ");
	assert_command(one, "MOVE 1:2 Target",
		"* 2 EXPUNGE\r\n* 1 RECENT\r\n"
		"a NO [EXPUNGEISSUED] Some of the messages no longer exist, none is moved\r\n");
	assert_command_has(one, "SEARCH ALL", "* SEARCH 1\r\n");
	assert_command_has(one, "UID MOVE 3 Target", "a OK UID MOVE completed\r\n");
	assert_command_has(one, "UID COPY 1:3 Target", "a OK [COPYUID 1 1 5] UID COPY completed\r\n");
	client_free(&one);
	client_free(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(copy_tells_the_new_uids, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(copies_keep_flags_and_date, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			copying_into_the_selected_mailbox_is_told, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			moved_messages_are_told_before_they_vanish, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(nothing_to_copy_is_ok, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_missing_target_can_be_created, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(wrong_requests_are_bad, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_read_only_mailbox_can_be_copied_but_not_moved, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			nothing_is_copied_by_numbers_of_which_one_is_gone, server_setup, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
