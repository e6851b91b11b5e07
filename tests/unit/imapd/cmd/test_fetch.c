#include "net/conn.h"
#include "session_rig.h"

static void add(struct server *server, const char *text)
{
	uint32_t uid;
	assert_int_equal(rig_append(&server->rig, ACCOUNT, "INBOX", strv_cstr(text), STRV_NULL, &uid), RC_OK);
}

static void add_many(struct server *server, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		add(server, "Subject: x\r\n\r\nbody\r\n");
}

static void uid_is_part_of_every_answer_of_uid_fetch(void **state)
{
	add_many(*state, 3);
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "UID FETCH 2 FLAGS",
		"* 2 FETCH (UID 2 FLAGS (\\Recent))\r\na OK UID FETCH completed\r\n");
	assert_command(client, "uid fetch 2:3 (rfc822.size)",
		"* 2 FETCH (UID 2 RFC822.SIZE 20)\r\n* 3 FETCH (UID 3 RFC822.SIZE 20)\r\na OK UID FETCH "
		"completed\r\n");
	client_free(&client);
}

static void beyond_the_end_star_is_the_last_message(void **state)
{
	add_many(*state, 3);
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "UID FETCH 1000:1499 UID", "a OK UID FETCH completed\r\n");
	assert_command(client, "UID FETCH 1000:* UID", "* 3 FETCH (UID 3)\r\na OK UID FETCH completed\r\n");
	assert_command_has(client, "FETCH 4 UID", "a BAD ");
	assert_command_has(client, "FETCH 1:4 UID", "a BAD ");
	assert_command(client, "FETCH * UID", "* 3 FETCH (UID 3)\r\na OK FETCH completed\r\n");
	client_free(&client);
}

static void reading_a_body_sets_seen(void **state)
{
	add_many(*state, 2);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(
		client, "FETCH 1 BODY.PEEK[TEXT]", "* 1 FETCH (BODY[TEXT] {6}\r\nbody\r\n)\r\na OK ");
	assert_command(client, "FETCH 1 BODY[TEXT]",
		"* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[TEXT] {6}\r\nbody\r\n)\r\na OK FETCH completed\r\n");
	/* The second time nothing changes. */
	assert_command(client, "FETCH 1 BODY[TEXT]",
		"* 1 FETCH (BODY[TEXT] {6}\r\nbody\r\n)\r\na OK FETCH completed\r\n");
	assert_command(client, "FETCH 2 (BODY[TEXT] FLAGS)",
		"* 2 FETCH (BODY[TEXT] {6}\r\nbody\r\n FLAGS (\\Seen \\Recent))\r\na OK FETCH completed\r\n");
	client_free(&client);
}

static void examine_leaves_seen_alone(void **state)
{
	add_many(*state, 1);
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "EXAMINE INBOX", "a OK [READ-ONLY]");
	assert_command(client, "FETCH 1 BODY[TEXT]",
		"* 1 FETCH (BODY[TEXT] {6}\r\nbody\r\n)\r\na OK FETCH completed\r\n");
	assert_command_has(client, "FETCH 1 FLAGS", "FETCH (FLAGS (");
	assert_command_has(client, "SEARCH SEEN", "* SEARCH\r\n");
	client_free(&client);
}

static void other_sessions_are_told_of_seen(void **state)
{
	add_many(*state, 1);
	struct client *one = client_new(*state, "INBOX");
	struct client *two = client_new(*state, "INBOX");
	assert_command_has(one, "FETCH 1 RFC822", "FLAGS (\\Seen \\Recent) RFC822 {20}");
	assert_command(two, "NOOP", "* 1 FETCH (FLAGS (\\Seen))\r\na OK NOOP completed\r\n");
	client_free(&one);
	client_free(&two);
}

static void a_message_that_is_gone_is_told_by_the_code(void **state)
{
	add_many(*state, 3);
	struct client *one = client_new(*state, "INBOX");
	struct client *two = client_new(*state, "INBOX");
	assert_command_has(two, "STORE 2 +FLAGS.SILENT (\\Deleted)", "a OK ");
	assert_command_has(two, "EXPUNGE", "* 2 EXPUNGE\r\n");
	assert_command(one, "FETCH 1:3 UID",
		"* 1 FETCH (UID 1)\r\n* 3 FETCH (UID 3)\r\na NO [EXPUNGEISSUED] Some of the messages no "
		"longer exist\r\n");
	assert_command_has(one, "UID FETCH 1:3 UID", "* 2 EXPUNGE\r\n* 2 RECENT\r\na OK ");
	assert_command(
		one, "FETCH 1:2 UID", "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 3)\r\na OK FETCH completed\r\n");
	client_free(&one);
	client_free(&two);
}

static void wrong_requests_are_bad(void **state)
{
	add_many(*state, 1);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "FETCH", "a BAD ");
	assert_command_has(client, "FETCH 1", "a BAD ");
	assert_command_has(client, "FETCH x FLAGS", "a BAD ");
	assert_command_has(client, "FETCH 0 FLAGS", "a BAD ");
	assert_command_has(client, "FETCH 1 FLAG", "a BAD ");
	assert_command_has(client, "FETCH 1 (FLAGS) x", "a BAD ");
	client_free(&client);
}

static void a_reader_that_does_not_read_costs_a_bounded_queue(void **state)
{
	struct server *server = *state;
	struct buf bytes;
	buf_init(&bytes, 200000);
	buf_adds(&bytes, "Subject: x\r\n\r\n");
	while (bytes.len < 100000)
		buf_adds(&bytes, "one line of the body\r\n");
	for (unsigned i = 0; i < 60; i++) {
		uint32_t uid;
		assert_int_equal(
			rig_append(&server->rig, ACCOUNT, "INBOX", buf_strv(&bytes), STRV_NULL, &uid), RC_OK);
	}
	struct client *client = client_new(server, "INBOX");
	struct session *session = hub_session(&server->imapd->hubs[0], client->id);
	client_send(client, "a FETCH 1:* BODY.PEEK[]\r\n");
	size_t most = 0;
	for (unsigned i = 0; i < 3000; i++) {
		turn(client);
		if (conn_out_length(session->conn) > most)
			most = conn_out_length(session->conn);
	}
	assert_true(most > 0 && most < 1024 * 1024);
	char *answer = client_answer(client);
	/* The responses that were sent are complete. */
	size_t count = 0;
	for (char *at = strstr(answer, " FETCH (BODY[] {"); at; at = strstr(at + 1, " FETCH (BODY[] {"))
		count++;
	assert_int_equal(count, 60);
	assert_true(strlen(answer) > 60 * bytes.len);
	free(answer);
	buf_fini(&bytes);
	client_free(&client);
}

static void a_client_may_hang_up_in_the_middle(void **state)
{
	struct server *server = *state;
	struct buf bytes;
	uint32_t uid;
	buf_init(&bytes, 5000000);
	buf_adds(&bytes, "Subject: x\r\n\r\n");
	while (bytes.len < 4000000)
		buf_adds(&bytes, "one line of the body\r\n");
	assert_int_equal(
		rig_append(&server->rig, ACCOUNT, "INBOX", buf_strv(&bytes), STRV_NULL, &uid), RC_OK);
	for (unsigned turns = 0; turns < 200; turns += 20) {
		struct client *client = client_new(server, "INBOX");
		client_send(client, "a FETCH 1 BODY[]\r\nb UID SEARCH BODY nowhere\r\n");
		for (unsigned i = 0; i < turns; i++)
			turn(client);
		client_free(&client);
	}
	buf_fini(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			uid_is_part_of_every_answer_of_uid_fetch, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			beyond_the_end_star_is_the_last_message, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(reading_a_body_sets_seen, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(examine_leaves_seen_alone, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			other_sessions_are_told_of_seen, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_message_that_is_gone_is_told_by_the_code, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(wrong_requests_are_bad, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_reader_that_does_not_read_costs_a_bounded_queue, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_client_may_hang_up_in_the_middle, server_setup, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
