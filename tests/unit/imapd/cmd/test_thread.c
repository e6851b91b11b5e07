#include "session_rig.h"

static void add(struct server *server, const char *text)
{
	uint32_t uid;
	assert_int_equal(rig_append(&server->rig, ACCOUNT, "INBOX", strv_cstr(text), STRV_NULL, &uid), RC_OK);
}

static int setup(void **state)
{
	server_setup(state);
	add(*state, "Subject: lunch\r\nMessage-ID: <1@x>\r\nDate: Sun, 1 Nov 2026 10:00:00 +0000\r\n\r\n");
	add(*state, "Subject: other\r\nMessage-ID: <2@x>\r\nDate: Sun, 1 Nov 2026 11:00:00 +0000\r\n\r\n");
	add(*state, "Subject: Re: lunch\r\nMessage-ID: <3@x>\r\nIn-Reply-To: <1@x>\r\n"
		    "Date: Sun, 1 Nov 2026 12:00:00 +0000\r\n\r\n");
	add(*state, "Subject: lunch\r\nMessage-ID: <4@x>\r\nReferences: <1@x> <3@x>\r\n"
		    "Date: Sun, 1 Nov 2026 13:00:00 +0000\r\n\r\n");
	return 0;
}

static void conversations_are_told_by_number(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command(
		client, "THREAD REFERENCES UTF-8 ALL", "* THREAD (1 3 4)(2)\r\na OK THREAD completed\r\n");
	assert_command(client, "THREAD ORDEREDSUBJECT US-ASCII ALL",
		"* THREAD (1 (3)(4))(2)\r\na OK THREAD completed\r\n");
	assert_command(client, "thread references utf-8 3:4", "* THREAD (3 4)\r\na OK THREAD completed\r\n");
	client_free(&client);
}

static void nothing_found_is_an_empty_answer(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command(
		client, "THREAD REFERENCES UTF-8 SUBJECT nothing", "* THREAD\r\na OK THREAD completed\r\n");
	client_free(&client);
}

/* Numbers mean what they meant; UIDs do not change. */
static void a_message_that_is_gone_is_left_out(void **state)
{
	struct server *server = *state;
	struct client *client = client_new(server, "INBOX");
	assert_int_equal(rig_flags(&server->rig, ACCOUNT, "INBOX", 1, MSG_DELETED), RC_OK);
	assert_int_equal(rig_expunge(&server->rig, ACCOUNT, "INBOX", 1), RC_OK);
	assert_command_has(client, "THREAD REFERENCES UTF-8 ALL", "* THREAD (2)(3 4)\r\n");
	assert_command_has(client, "UID THREAD REFERENCES UTF-8 ALL", "* THREAD (2)(3 4)\r\n* 1 EXPUNGE\r\n");
	assert_command_has(client, "THREAD REFERENCES UTF-8 ALL", "* THREAD (1)(2 3)\r\n");
	assert_command_has(client, "UID THREAD REFERENCES UTF-8 ALL", "* THREAD (2)(3 4)\r\n");
	client_free(&client);
}

static void wrong_commands_are_told(void **state)
{
	static const char *const wrong[] = { "THREAD", "THREAD REFERENCES", "THREAD REFERENCES UTF-8",
		"THREAD REFERENCES UTF-8 FOO", "THREAD (REFERENCES) UTF-8 ALL" };
	struct client *client = client_new(*state, "INBOX");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_command_has(client, wrong[i], "a BAD ");
	assert_command(client, "THREAD REFS UTF-8 ALL", "a BAD Unknown threading algorithm\r\n");
	assert_command(client, "THREAD REFERENCES X-NONE ALL",
		"a NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset\r\n");
	client_free(&client);
}

static void a_client_may_go_before_the_answer(void **state)
{
	for (unsigned turns = 0; turns < 8; turns++) {
		struct client *client = client_new(*state, "INBOX");
		client_send(client, "a THREAD REFERENCES UTF-8 ALL\r\n");
		for (unsigned i = 0; i < turns; i++)
			turn(client);
		client_free(&client);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(conversations_are_told_by_number),
		TEST(nothing_found_is_an_empty_answer),
		TEST(a_message_that_is_gone_is_left_out),
		TEST(wrong_commands_are_told),
		TEST(a_client_may_go_before_the_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
