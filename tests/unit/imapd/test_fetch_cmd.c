#include "greeting_rig.h"
#include "message_files.h"

#include "imapd/command.h"
#include "imapd/fetch_cmd.h"
#include "net/conn.h"

#define LARGE (4 * 1024 * 1024)

static void a_set_without_messages_is_answered_at_once(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "UID FETCH 5:9 BODY[]", "a OK UID FETCH completed\r\n");
	assert_command(client, "UID FETCH 1:* FLAGS", "a OK UID FETCH completed\r\n");
	assert_command_has(client, "FETCH 1 FLAGS", "a BAD ");
	client_free(&client);
}

static void more_than_the_reactor_answers_itself_comes_as_well(void **state)
{
	struct server *server = *state;
	for (unsigned i = 0; i <= FETCH_BORROW_MAX; i++)
		add_sized(server, "INBOX", 20);
	struct client *client = client_new(server, "INBOX");
	client_send(client, "a FETCH 1:* UID\r\n");
	char *answer = client_answer(client);
	char last[64];
	snprintf(last, sizeof(last), "* %u FETCH (UID %u)\r\na OK FETCH completed\r\n", FETCH_BORROW_MAX + 1,
		FETCH_BORROW_MAX + 1);
	assert_int_equal(strncmp(answer, "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n", 38), 0);
	assert_non_null(strstr(answer, last));
	free(answer);
	client_free(&client);
}

static void messages_that_cannot_be_read_are_counted_at_the_end(void **state)
{
	struct server *server = *state;
	add_sized(server, "INBOX", 20);
	add_sized(server, "INBOX", 20000);
	add_sized(server, "INBOX", 20000);
	struct client *client = client_new(server, "INBOX");
	message_files_remove(server);
	client_send(client, "a FETCH 1:3 (UID BODY.PEEK[TEXT])\r\n");
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "* 1 FETCH (UID 1 BODY[TEXT] {22}\r\none line of the body\r\n)\r\n"));
	assert_non_null(
		strstr(answer, "* NO [CORRUPTION] 2 of these messages cannot be read as they were stored\r\n"
			       "a OK FETCH completed\r\n"));
	free(answer);
	/* Items that need no bytes are answered as ever. */
	assert_command(client, "FETCH 2 (UID RFC822.SIZE)",
		"* 2 FETCH (UID 2 RFC822.SIZE 20012)\r\na OK FETCH completed\r\n");
	client_free(&client);
}

/* The client would take whatever came instead for the message. */
static void octets_that_were_promised_and_are_gone_end_the_session(void **state)
{
	struct server *server = *state;
	add_sized(server, "INBOX", LARGE);
	struct client *client = client_new(server, "INBOX");
	client_send(client, "a FETCH 1 BODY.PEEK[]\r\n");
	struct session *session = client_session(client);
	for (int i = 0; i < 20000 && !(session->cmd && session->cmd->law.in_response); i++)
		turn(client);
	assert_true(session->cmd && session->cmd->law.in_response);
	message_files_cut(server);
	for (int i = 0; i < 20000 && client_receive(client); i++)
		turn(client);
	assert_false(client_receive(client));
	assert_true(client->in.len > 0 && client->in.len < LARGE);
	assert_null(memmem(client->in.p, client->in.len, "* BYE", 5));
	assert_null(memmem(client->in.p, client->in.len, "a OK", 4));
	client_free(&client);
}

static void a_slice_waits_for_a_client_that_does_not_read(void **state)
{
	struct server *server = *state;
	add_sized(server, "INBOX", LARGE);
	struct client *client = client_new(server, "INBOX");
	struct session *session = client_session(client);
	client_send(client, "a FETCH 1 BODY.PEEK[]\r\n");
	size_t most = 0;
	for (unsigned i = 0; i < 2000; i++) {
		turn(client);
		size_t length = conn_out_length(session->conn);
		most = length > most ? length : most;
	}
	assert_true(session->cmd->law.in_response);
	assert_true(most > 0 && most < LARGE / 2);
	char *answer = client_answer(client);
	assert_true(strlen(answer) > LARGE);
	free(answer);
	client_free(&client);
}

/* The server may not even send the rest of the response. */
static void a_client_may_go_while_a_slice_waits_or_runs(void **state)
{
	struct server *server = *state;
	add_sized(server, "INBOX", LARGE);
	for (unsigned turns = 0; turns < 60; turns += 6) {
		struct client *client = client_new(server, "INBOX");
		client_send(client, "a FETCH 1 BODY.PEEK[]\r\n");
		for (unsigned i = 0; i < turns; i++)
			turn(client);
		client_free(&client);
	}
	struct client *client = client_new(server, "INBOX");
	assert_command(client, "FETCH 1 UID", "* 1 FETCH (UID 1)\r\na OK FETCH completed\r\n");
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_set_without_messages_is_answered_at_once),
		TEST(more_than_the_reactor_answers_itself_comes_as_well),
		TEST(messages_that_cannot_be_read_are_counted_at_the_end),
		TEST(octets_that_were_promised_and_are_gone_end_the_session),
		TEST(a_slice_waits_for_a_client_that_does_not_read),
		TEST(a_client_may_go_while_a_slice_waits_or_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
