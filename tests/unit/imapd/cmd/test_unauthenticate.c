#include "deflate_rig.h"

static void with_compression(struct server *server)
{
	server->settings.compress = true;
}

static int setup(void **state)
{
	return server_setup_with(state, with_compression);
}

static void nothing_of_the_login_is_left(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "ENABLE UTF8=ACCEPT CONDSTORE", "a OK ");
	assert_command(client, "NOTIFY SET (personal (MailboxName))", "a OK NOTIFY completed\r\n");
	assert_command(client, "UNAUTHENTICATE", "a OK Log in again\r\n");
	struct session *session = client_session(client);
	assert_int_equal(session->enabled, 0);
	assert_null(session->view);
	assert_null(session->notify);
	assert_null(session->account);
	assert_command_has(client, "SELECT INBOX", "a BAD ");
	assert_command_has(client, "UNAUTHENTICATE", "a BAD ");
	client_free(&client);
}

static void another_login_may_follow_on_the_same_connection(void **state)
{
	struct server *server = *state;
	struct client *client = client_new(server, "INBOX");
	assert_command(client, "UNAUTHENTICATE", "a OK Log in again\r\n");
	assert_int_equal(session_login(client_session(client), 2, "bob@example.org"), RC_OK);
	assert_command_has(client, "SELECT INBOX", "* 0 EXISTS\r\n");
	/* News of the first account are not for this one. */
	uint32_t uid;
	assert_int_equal(
		rig_append(&server->rig, ACCOUNT, "INBOX", STRV("x: y\r\n\r\n"), STRV_NULL, &uid), RC_OK);
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	client_free(&client);
}

static void while_compression_is_active_it_is_refused(void **state)
{
	struct client *client = client_new(*state, NULL);
	z_stream stream;
	inflater_init(&stream);
	assert_command(client, "COMPRESS DEFLATE", "a OK DEFLATE active\r\n");
	compressed_send(client, "b UNAUTHENTICATE\r\n");
	assert_inflated(client, &stream, "b BAD Not possible while compression is active\r\n");
	compressed_send(client, "c STATUS INBOX (MESSAGES)\r\n");
	assert_inflated(client, &stream, "* STATUS \"INBOX\" (MESSAGES 0)\r\nc OK STATUS completed\r\n");
	inflateEnd(&stream);
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_of_the_login_is_left),
		TEST(another_login_may_follow_on_the_same_connection),
		TEST(while_compression_is_active_it_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
