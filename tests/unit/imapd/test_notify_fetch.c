#include "block_rig.h"
#include "message_files.h"

#include "imapd/notify_priv.h"
#include "net/conn.h"
#include "support/rec_io.h"

#define LARGE (4 * 1024 * 1024)
#define WATCH_BODY "NOTIFY SET (selected (MessageNew (UID BODY[TEXT]) MessageExpunge))"
#define TEXT_TOLD "BODY[TEXT] {22}\r\none line of the body\r\n"

static void watch(struct client *client, const char *command)
{
	assert_command(client, command, "a OK NOTIFY completed\r\n");
}

static struct notify *notify_of(struct client *client)
{
	return client_session(client)->notify;
}

static void a_new_message_is_told_with_its_attributes(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	watch(client, "NOTIFY SET (selected (MessageNew (UID BODY.PEEK[TEXT]) MessageExpunge))");
	add_sized(*state, "INBOX", 20);
	free(client_until(client, "* 1 EXISTS\r\n"));
	free(client_until(client, "* 1 FETCH (UID 1 " TEXT_TOLD ")\r\n"));
	assert_command_has(client, "FETCH 1 FLAGS", "* 1 FETCH (FLAGS (\\Recent))\r\n");
	client_free(&client);
}

static void attributes_that_set_seen_tell_it(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	watch(client, WATCH_BODY);
	add_sized(*state, "INBOX", 20);
	char *told = client_until(client, TEXT_TOLD);
	assert_non_null(strstr(told, "FLAGS (\\Seen"));
	free(told);
	struct client *other = client_new(*state, "INBOX");
	assert_command(other, "FETCH 1 FLAGS", "* 1 FETCH (FLAGS (\\Seen))\r\na OK FETCH completed\r\n");
	client_free(&other);
	client_free(&client);
}

static void a_mailbox_that_is_only_read_keeps_its_flags(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "EXAMINE INBOX", "a OK [READ-ONLY]");
	watch(client, WATCH_BODY);
	add_sized(*state, "INBOX", 20);
	char *told = client_until(client, TEXT_TOLD);
	assert_null(strstr(told, "\\Seen"));
	free(told);
	assert_command_has(client, "SEARCH UNSEEN", "* SEARCH 1\r\n");
	client_free(&client);
}

static struct rec *recording;

static void with_recording(struct server *server)
{
	recording = rec_new(server->root);
	server->rig.io = rec_io(recording);
}

static int setup_recording(void **state)
{
	return server_setup_with(state, with_recording);
}

static int teardown_recording(void **state)
{
	server_teardown(state);
	rec_free(&recording);
	return 0;
}

/* The disk is full between the delivery and its news, which a command in hand holds back. */
static void a_message_that_cannot_be_marked_is_told_unseen(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	watch(client, WATCH_BODY);
	client_send(client, "b SEARCH SUBJECT {1}\r\n");
	assert_next(client, "+ OK\r\n");
	add_sized(*state, "INBOX", 20);
	await_claim(client);
	rec_fail(recording, REC_OP_WRITE, "-wal", ENOSPC, 1, true);
	client_send(client, "x\r\n");
	char *told = client_until(client, TEXT_TOLD);
	assert_null(strstr(told, "\\Seen"));
	assert_true(rec_failures(recording) > 0);
	free(told);
	rec_fail(recording, REC_OP_WRITE, "-wal", 0, 1, false);
	client_free(&client);
}

static void a_client_that_does_not_read_costs_a_bounded_queue(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	watch(client, "NOTIFY SET (selected (MessageNew (BODY.PEEK[]) MessageExpunge))");
	add_sized(*state, "INBOX", LARGE);
	struct session *session = client_session(client);
	size_t most = 0;
	for (unsigned i = 0; i < 2000; i++) {
		turn(client);
		size_t length = conn_out_length(session->conn);
		most = length > most ? length : most;
	}
	assert_true(notify_of(client)->waits_for_room);
	assert_true(notify_of(client)->in_response);
	assert_true(most > 0 && most < LARGE / 2);
	/* A command begins when the response is whole. */
	client_send(client, "b NOOP\r\n");
	char *told = client_until(client, "b OK NOOP completed\r\n");
	assert_true(strlen(told) > LARGE);
	assert_non_null(strstr(told, "one line of the body\r\n)\r\n"));
	free(told);
	assert_null(notify_of(client)->fetch);
	client_free(&client);
}

static void octets_that_were_promised_and_are_gone_end_the_session(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	watch(client, "NOTIFY SET (selected (MessageNew (BODY.PEEK[]) MessageExpunge))");
	add_sized(*state, "INBOX", LARGE);
	for (int i = 0; i < 20000 && !notify_of(client)->in_response; i++)
		turn(client);
	assert_true(notify_of(client)->in_response);
	message_files_cut(*state);
	for (int i = 0; i < 20000 && client_receive(client); i++)
		turn(client);
	assert_false(client_receive(client));
	assert_true(client->in.len < LARGE);
	assert_null(memmem(client->in.p, client->in.len, "* BYE", 5));
	client_free(&client);
}

static void a_client_may_go_in_the_middle(void **state)
{
	for (unsigned turns = 0; turns < 40; turns += 8) {
		struct client *client = client_new(*state, "INBOX");
		watch(client, "NOTIFY SET (selected (MessageNew (BODY.PEEK[]) MessageExpunge))");
		add_sized(*state, "INBOX", LARGE);
		for (unsigned i = 0; i < turns; i++)
			turn(client);
		client_free(&client);
	}
}

static void condstore_adds_the_modseq(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "ENABLE CONDSTORE", "* ENABLED CONDSTORE\r\n");
	watch(client, "NOTIFY SET (selected (MessageNew (UID) MessageExpunge))");
	add_sized(*state, "INBOX", 20);
	free(client_until(client, "* 1 FETCH (UID 1 MODSEQ ("));
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_message_is_told_with_its_attributes),
		TEST(attributes_that_set_seen_tell_it),
		TEST(a_mailbox_that_is_only_read_keeps_its_flags),
		cmocka_unit_test_setup_teardown(
			a_message_that_cannot_be_marked_is_told_unseen, setup_recording, teardown_recording),
		TEST(a_client_that_does_not_read_costs_a_bounded_queue),
		TEST(octets_that_were_promised_and_are_gone_end_the_session),
		TEST(a_client_may_go_in_the_middle),
		TEST(condstore_adds_the_modseq),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
