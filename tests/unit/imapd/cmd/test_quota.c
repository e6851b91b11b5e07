#include "session_rig.h"
#include "message_files.h"

static void with_limits(struct server *server)
{
	server->rig.settings.quota_storage = 10 * 1024 + 1023;
	server->rig.settings.quota_messages = 5;
	server->rig.settings.mailboxes_max = 10;
}

static int setup_limits(void **state)
{
	return server_setup_with(state, with_limits);
}

static void only_mailboxes(struct server *server)
{
	server->rig.settings.mailboxes_max = 10;
}

static int setup_mailboxes(void **state)
{
	return server_setup_with(state, only_mailboxes);
}

/* Units of 1024 octets: what is used is rounded up, what is allowed down. */
static void what_is_used_and_allowed_is_told(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "GETQUOTA \"\"",
		"* QUOTA \"\" (STORAGE 0 10 MESSAGE 0 5 MAILBOX 1 10)\r\na OK GETQUOTA completed\r\n");
	add_sized(*state, "INBOX", 1025);
	assert_command(client, "GETQUOTA \"\"",
		"* QUOTA \"\" (STORAGE 2 10 MESSAGE 1 5 MAILBOX 1 10)\r\na OK GETQUOTA completed\r\n");
	client_free(&client);
}

static void any_mailbox_belongs_to_the_one_root(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "GETQUOTAROOT INBOX",
		"* QUOTAROOT \"INBOX\" \"\"\r\n* QUOTA \"\" (STORAGE 0 10 MESSAGE 0 5 MAILBOX 1 10)\r\n"
		"a OK GETQUOTAROOT completed\r\n");
	/* It need not exist. */
	assert_command_has(client, "GETQUOTAROOT \"not/there\"", "* QUOTAROOT \"not/there\" \"\"\r\n");
	client_free(&client);
}

/* Clients would show the number of mailboxes as the storage. */
static void without_a_limit_of_storage_a_mailbox_tells_no_other(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "GETQUOTAROOT INBOX",
		"* QUOTAROOT \"INBOX\" \"\"\r\n* QUOTA \"\" ()\r\na OK GETQUOTAROOT completed\r\n");
	assert_command(client, "GETQUOTA \"\"", "* QUOTA \"\" (MAILBOX 1 10)\r\na OK GETQUOTA completed\r\n");
	client_free(&client);
}

static void other_roots_do_not_exist_and_nobody_sets_limits(void **state)
{
	static const char *const wrong[] = { "GETQUOTA", "GETQUOTA \"\" x", "GETQUOTAROOT", "SETQUOTA \"\"",
		"SETQUOTA \"\" (STORAGE)", "SETQUOTA \"\" (STORAGE x)" };
	struct client *client = client_new(*state, NULL);
	assert_command(client, "GETQUOTA other", "a NO [NONEXISTENT] No such quota root\r\n");
	assert_command(client, "SETQUOTA \"\" (STORAGE 5 MESSAGE 7)",
		"a NO [NOPERM] Limits are set by the administrator\r\n");
	assert_command(client, "SETQUOTA \"\" ()", "a NO [NOPERM] Limits are set by the administrator\r\n");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_command_has(client, wrong[i], "a BAD ");
	client_free(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_used_and_allowed_is_told, setup_limits, server_teardown),
		cmocka_unit_test_setup_teardown(
			any_mailbox_belongs_to_the_one_root, setup_limits, server_teardown),
		cmocka_unit_test_setup_teardown(without_a_limit_of_storage_a_mailbox_tells_no_other,
			setup_mailboxes, server_teardown),
		cmocka_unit_test_setup_teardown(
			other_roots_do_not_exist_and_nobody_sets_limits, server_setup, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
