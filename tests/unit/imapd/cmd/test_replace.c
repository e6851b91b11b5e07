#include "session_rig.h"

#include "imapd/command.h"

static int server_with_a_message(void **state)
{
	server_setup(state);
	struct server *server = *state;
	struct client *client = client_new(server, NULL);
	assert_command_has(client, "APPEND INBOX {7+}\r\nA: b\r\n\r", "a OK [APPENDUID 1 1] ");
	client_free(&client);
	return 0;
}

static void the_new_message_comes_and_the_old_one_goes(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	client_send(client, "a REPLACE 1 INBOX (\\Seen) {8}\r\n");
	free(client_until(client, "+ OK\r\n"));
	client_send(client, "C: d\r\n\r\n\r\n");
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "* OK [APPENDUID 1 2] Replacement message ready\r\n"));
	assert_non_null(strstr(answer, "* 1 EXPUNGE\r\n"));
	assert_non_null(strstr(answer, "a OK "));
	free(answer);
	assert_command_has(client, "FETCH 1 (FLAGS UID)", "* 1 FETCH (FLAGS (\\Seen");
	client_free(&client);
}

/* The store was asked about the literal. Before the message is whole, news come that must be claimed. */
static void a_claim_while_the_message_comes_delays_it(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct session *session = hub_session(&client->server->imapd->hubs[0], client->id);
	client_send(client, "a REPLACE 1 INBOX {8}\r\n");
	free(client_until(client, "+ OK\r\n"));
	session->claiming = true;
	client_send(client, "C: d\r\n\r\n\r\n");
	for (unsigned i = 0; i < 20000 && session->cmd->state != CMD_GATED; i++)
		turn(client);
	assert_int_equal(session->cmd->state, CMD_GATED);
	session->claiming = false;
	cmd_ungate(session);
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "* OK [APPENDUID 1 2] Replacement message ready\r\n"));
	free(answer);
	client_free(&client);
}

static void a_message_that_is_not_there_is_refused_before_the_literal(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "REPLACE 2 INBOX {8}", "a BAD Invalid message sequence number\r\n");
	assert_command(client, "UID REPLACE 2 INBOX {8}", "a NO No such message\r\n");
	assert_command_has(client, "UID REPLACE 1 Nowhere {8}", "a NO [TRYCREATE] ");
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_with_a_message, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_new_message_comes_and_the_old_one_goes),
		TEST(a_claim_while_the_message_comes_delays_it),
		TEST(a_message_that_is_not_there_is_refused_before_the_literal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
