#include "greeting_rig.h"

static void idle_ends_with_done(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	client_send(client, "a IDLE\r\n");
	assert_next(client, "+ idling\r\n");
	client_send(client, "done\r\n");
	assert_next(client, "a OK IDLE completed\r\n");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	client_free(&client);
}

static void idle_needs_no_mailbox(void **state)
{
	struct client *client = client_new(*state, NULL);
	client_send(client, "a IDLE\r\nDONE\r\n");
	assert_next(client, "+ idling\r\na OK IDLE completed\r\n");
	client_free(&client);
}

static void anything_but_done_ends_idle_badly(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	client_send(client, "a IDLE\r\nb NOOP\r\nc NOOP\r\n");
	assert_next(client, "+ idling\r\na BAD DONE expected\r\nc OK NOOP completed\r\n");
	client_send(client, "a IDLE\r\n");
	assert_next(client, "+ idling\r\n");
	client_send_bytes(client, STRV("DO\0NE\r\n"));
	assert_next(client, "a BAD NUL or bare CR in a command\r\n");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	client_free(&client);
}

static void an_idler_holds_no_read_buffer(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	client_send(client, "a IDLE\r\n");
	assert_next(client, "+ idling\r\n");
	struct session *session = client_session(client);
	assert_true(session->idling);
	assert_int_equal(session->lex.command.cap, 0);
	client_free(&client);
}

static void idlers_are_not_told_of_recent_alone(void **state)
{
	struct client *idler = client_new(*state, "INBOX");
	struct client *other = client_new(*state, NULL);
	client_send(idler, "a IDLE\r\n");
	assert_next(idler, "+ idling\r\n");
	assert_command_has(other, "APPEND INBOX {1+}\r\nx", "a OK");
	assert_next(idler, "* 1 EXISTS\r\n");
	await_claim(idler);
	assert_quiet(idler);
	client_send(idler, "DONE\r\n");
	assert_next(idler, "* 1 RECENT\r\na OK IDLE completed\r\n");
	client_free(&idler);
	client_free(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(idle_ends_with_done),
		TEST(idle_needs_no_mailbox),
		TEST(anything_but_done_ends_idle_badly),
		TEST(an_idler_holds_no_read_buffer),
		TEST(idlers_are_not_told_of_recent_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
