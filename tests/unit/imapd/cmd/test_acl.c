#include "session_rig.h"

#include "imapd/command.h"

#include "imapd/cmd/rows.h"

static void assert_identifier(struct client *client, int octets, const char *expected)
{
	char id[ACL_IDENTIFIER_MAX + 2];
	char command[ACL_IDENTIFIER_MAX + 100];
	memset(id, 'x', sizeof(id));
	snprintf(command, sizeof(command), "SETACL INBOX %.*s lr", octets, id);
	assert_command_has(client, command, expected);
}

static void an_identifier_has_a_limit(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_identifier(client, ACL_IDENTIFIER_MAX - 1, "a NO [CANNOT] ");
	assert_identifier(client, ACL_IDENTIFIER_MAX, "a NO [CANNOT] ");
	assert_identifier(client, ACL_IDENTIFIER_MAX + 1, "a NO [LIMIT] Identifier is too long\r\n");
	client_free(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_identifier_has_a_limit, server_setup, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
