#include "block_rig.h"

#include "imapd/command.h"
#include "net/conn.h"

static void a_command_waits_for_room_in_the_strand(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct block block;
	block_strand(&block, *state);
	client_send(client, "a STATUS INBOX (MESSAGES)\r\nb NOOP\r\n");
	assert_quiet(client);
	let_go(&block, client);
	assert_next(client,
		"* STATUS \"INBOX\" (MESSAGES 0)\r\na OK STATUS completed\r\nb OK NOOP completed\r\n");
	client_free(&client);
}

static void done_and_logout_need_no_strand(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct client *other = client_new(*state, "INBOX");
	struct block block;
	client_send(client, "a IDLE\r\n");
	assert_next(client, "+ idling\r\n");
	block_strand(&block, *state);
	client_send(other, "a LIST \"\" *\r\n");
	assert_quiet(other);
	client_send(client, "DONE\r\n");
	assert_next(client, "a OK IDLE completed\r\n");
	client_send(client, "b LOGOUT\r\n");
	assert_closed(client, "* BYE Logging out\r\nb OK LOGOUT completed\r\n");
	client_free(&client);
	let_go(&block, other);
	free(client_until(other, "a OK LIST completed\r\n"));
	client_free(&other);
}

static void a_client_may_vanish_while_it_waits_for_room(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct client *other = client_new(*state, NULL);
	struct block block;
	block_strand(&block, *state);
	client_send(client, "a SELECT INBOX\r\n");
	assert_quiet(client);
	client_free(&client);
	let_go(&block, other);
	assert_command_has(other, "STATUS INBOX (MESSAGES)", "(MESSAGES 0)");
	client_free(&other);
}

static void a_client_may_vanish_while_its_job_runs(void **state)
{
	struct server *server = *state;
	struct client *client = client_new(server, NULL);
	struct client *other = client_new(server, NULL);
	struct block block;
	block_strand(&block, server);
	/* It is queued behind the two as soon as there is room. */
	client_send(client, "a SELECT INBOX\r\n");
	sem_post(&block.go);
	for (int i = 0; i < 3; i++)
		turn(client);
	client_free(&client);
	while (block.done < 2)
		turn(other);
	sem_destroy(&block.started);
	sem_destroy(&block.go);
	/* The watch that came with its SELECT is undone: nobody is left to be told. */
	assert_command_has(other, "APPEND INBOX {1+}\r\nx", "a OK");
	client_free(&other);
}

static void send_change(struct server *server, enum change_kind kind)
{
	struct change change = { .kind = kind };
	struct change_list list = { .account_id = ACCOUNT, .changes = &change, .count = 1 };
	struct change_sink *sink = &server->imapd->hubs[0].sink;
	sink->fn(sink->ctx, &list);
}

static void an_uncertain_account_ends_its_sessions(void **state)
{
	struct client *a = client_new(*state, "INBOX");
	struct client *b = client_new(*state, NULL);
	client_send(a, "a IDLE\r\n");
	assert_next(a, "+ idling\r\n");
	send_change(*state, CHANGE_RESET);
	assert_closed(a, "* BYE [UNAVAILABLE] Account had to be opened anew, please reconnect\r\n");
	assert_closed(b, "* BYE [UNAVAILABLE] Account had to be opened anew, please reconnect\r\n");
	client_free(&a);
	client_free(&b);
}

static void a_removed_account_ends_its_sessions(void **state)
{
	struct client *a = client_new(*state, "INBOX");
	send_change(*state, CHANGE_ACCOUNT_GONE);
	assert_closed(a, "* BYE Account was removed\r\n");
	client_free(&a);
}

static void small_output(struct server *server)
{
	server->settings.output_high_water = 4096;
}

static int setup_small_output(void **state)
{
	return server_setup_with(state, small_output);
}

/* FETCH FLAGS of message 1 over and over, until the connection holds more than it should. */
static void an_idler_that_does_not_read_costs_no_memory(void **state)
{
	struct server *server = *state;
	struct client *other = client_new(server, "INBOX");
	struct client *idler = client_new(server, "INBOX");
	client_send(other, "a APPEND INBOX {1+}\r\nx\r\n");
	free(client_answer(other));
	int small = 4096;
	struct session *session = client_session(idler);
	setsockopt(conn_fd(session->conn), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	client_send(idler, "a NOOP\r\na IDLE\r\n");
	free(client_until(idler, "+ idling\r\n"));
	size_t highest = 0;
	for (int i = 0; i < 1500; i++) {
		assert_command_has(other,
			i % 2 ? "STORE 1 +FLAGS.SILENT (\\Seen)" : "STORE 1 -FLAGS.SILENT (\\Seen)", "a OK");
		if (conn_out_length(session->conn) > highest)
			highest = conn_out_length(session->conn);
	}
	assert_true(highest < 8192);
	/* The change that it missed is told when it reads again. */
	client_send(other, "b STORE 1 FLAGS.SILENT (\\Flagged)\r\n");
	free(client_until(other, "b OK STORE completed\r\n"));
	free(client_until(idler, "FLAGS (\\Flagged"));
	client_free(&other);
	client_free(&idler);
}

/* A text would be taken for a part of the literal. */
static void the_end_in_the_middle_of_a_literal_is_silent(void **state)
{
	enum { SIZE = 2 * 1024 * 1024 };
	struct server *server = *state;
	struct client *client = client_new(server, "INBOX");
	char *message = mem_alloc(SIZE);
	memset(message, 'x', SIZE);
	client_send(client, "a APPEND INBOX {2097152+}\r\n");
	client_send_bytes(client, strv_make(message, SIZE));
	client_send(client, "\r\n");
	free(client_until(client, " completed\r\n"));
	client_send(client, "b FETCH 1 BODY.PEEK[]\r\n");
	struct session *session = client_session(client);
	for (int i = 0; i < 20000 && !(session->cmd && session->cmd->law.in_response); i++)
		turn(client);
	assert_true(session->cmd && session->cmd->law.in_response);
	send_change(server, CHANGE_RESET);
	for (int i = 0; i < 20000 && client_receive(client); i++)
		turn(client);
	assert_true(client->in.len > 0 && client->in.len < SIZE);
	assert_null(memmem(client->in.p, client->in.len, "* BYE", 5));
	free(message);
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)
#define TEST_SHORT(name) cmocka_unit_test_setup_teardown(name, setup_short, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_SHORT(a_command_waits_for_room_in_the_strand),
		TEST_SHORT(done_and_logout_need_no_strand),
		TEST_SHORT(a_client_may_vanish_while_it_waits_for_room),
		TEST_SHORT(a_client_may_vanish_while_its_job_runs),
		TEST(an_uncertain_account_ends_its_sessions),
		TEST(a_removed_account_ends_its_sessions),
		cmocka_unit_test_setup_teardown(
			an_idler_that_does_not_read_costs_no_memory, setup_small_output, server_teardown),
		cmocka_unit_test_setup_teardown(
			the_end_in_the_middle_of_a_literal_is_silent, setup_small_output, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
