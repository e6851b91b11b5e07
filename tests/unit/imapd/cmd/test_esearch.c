#include "greeting_rig.h"
#include "message_files.h"

static int setup(void **state)
{
	static const char *const names[] = { "a", "b", "empty" };
	server_setup(state);
	struct server *server = *state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(rig_create(&server->rig, ACCOUNT, names[i]), RC_OK);
	add_sized(server, "INBOX", 20);
	add_sized(server, "a", 20);
	add_sized(server, "a", 20000);
	add_sized(server, "b", 20);
	assert_int_equal(rig_flags(&server->rig, ACCOUNT, "b", 1, MSG_SEEN), RC_OK);
	return 0;
}

/* UIDVALIDITYs become 1. */
static void assert_found(struct client *client, const char *command, const char *expected)
{
	client_send(client, "a ");
	client_send(client, command);
	client_send(client, "\r\n");
	char *answer = client_answer(client);
	mask_number(answer, "UIDVALIDITY ");
	assert_string_equal(answer, expected);
	free(answer);
}

#define FOUND(mailbox, what) "* ESEARCH (TAG \"a\" MAILBOX \"" mailbox "\" UIDVALIDITY 1) UID " what "\r\n"
#define DONE "a OK ESEARCH completed\r\n"

static void each_mailbox_with_results_has_its_answer(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_found(client, "ESEARCH IN (mailboxes (a b empty nowhere)) ALL",
		FOUND("a", "ALL 1:2") FOUND("b", "ALL 1") DONE);
	assert_found(client, "ESEARCH IN (mailboxes (a b)) RETURN (COUNT) SEEN", FOUND("b", "COUNT 1") DONE);
	assert_found(client, "ESEARCH IN (mailboxes (a b)) SUBJECT nothing", DONE);
	client_free(&client);
}

/* "*" is the last message of each, and numbers count in each. */
static void numbers_are_places_in_each_mailbox(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_found(client, "ESEARCH IN (mailboxes (a b)) *", FOUND("a", "ALL 2") FOUND("b", "ALL 1") DONE);
	assert_found(client, "ESEARCH IN (mailboxes (a b)) 2:9", FOUND("a", "ALL 2") DONE);
	assert_found(
		client, "ESEARCH IN (mailboxes (a b)) UID 1", FOUND("a", "ALL 1") FOUND("b", "ALL 1") DONE);
	client_free(&client);
}

static void the_selected_mailbox_is_searched_as_the_session_knows_it(void **state)
{
	struct client *client = client_new(*state, "a");
	assert_found(client, "ESEARCH ALL", FOUND("a", "ALL 1:2") DONE);
	/* Last, and not twice. */
	assert_found(client, "ESEARCH IN (selected mailboxes (a b)) ALL",
		FOUND("b", "ALL 1") FOUND("a", "ALL 1:2") DONE);
	/* The others' messages are not recent. */
	assert_found(client, "ESEARCH IN (selected mailboxes INBOX) RECENT", FOUND("a", "ALL 1:2") DONE);
	client_free(&client);
}

static void what_is_for_the_selected_mailbox_alone_is_refused_elsewhere(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "ESEARCH ALL", "a BAD No mailbox selected\r\n");
	assert_command(client, "ESEARCH IN (mailboxes a) RETURN (SAVE) ALL",
		"a BAD SAVE is for the selected mailbox alone\r\n");
	assert_command(client, "ESEARCH IN (mailboxes a) RETURN (UPDATE) ALL",
		"a BAD UPDATE is for the selected mailbox\r\n");
	assert_command_has(client, "SELECT a", "a OK ");
	assert_command(client, "ESEARCH IN (selected mailboxes b) RETURN (SAVE) ALL",
		"a BAD SAVE is for the selected mailbox alone\r\n");
	assert_command_has(client, "ESEARCH RETURN (SAVE) 2", "a OK ");
	assert_command_has(client, "SEARCH $", "* SEARCH 2\r\n");
	/* "$" has no meaning elsewhere. */
	assert_command_has(client, "ESEARCH IN (mailboxes b) $", "a BAD ");
	assert_command(client, "ESEARCH IN (mailboxes b) CHARSET X-NONE ALL",
		"a NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset\r\n");
	client_free(&client);
}

static void a_message_that_cannot_be_read_is_told_at_the_end(void **state)
{
	struct client *client = client_new(*state, NULL);
	message_files_remove(*state);
	client_send(client, "a ESEARCH IN (mailboxes (a b)) BODY line\r\n");
	char *answer = client_answer(client);
	mask_number(answer, "UIDVALIDITY ");
	assert_non_null(strstr(answer, FOUND("a", "ALL 1") FOUND("b", "ALL 1") "a NO [CORRUPTION] "));
	free(answer);
	client_free(&client);
}

static void a_mailbox_that_goes_meanwhile_is_left_out(void **state)
{
	struct server *server = *state;
	struct client *client = client_new(server, NULL);
	/* Its names are found; the first search waits behind the removal. */
	client_send(client, "a ESEARCH IN (mailboxes (a b)) BODY line\r\n");
	assert_int_equal(rig_delete(&server->rig, ACCOUNT, "b"), RC_OK);
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "MAILBOX \"a\""));
	assert_non_null(strstr(answer, DONE));
	free(answer);
	client_free(&client);
}

static void a_client_may_go_before_the_answer(void **state)
{
	for (unsigned turns = 0; turns < 10; turns++) {
		struct client *client = client_new(*state, "a");
		client_send(client, "a ESEARCH IN (selected mailboxes (b INBOX)) BODY line\r\n");
		for (unsigned i = 0; i < turns; i++)
			turn(client);
		client_free(&client);
	}
}

#define MAILBOXES_MAX 3

static void with_few_mailboxes(struct server *server)
{
	server->settings.esearch_mailboxes_max = MAILBOXES_MAX;
}

static int setup_few(void **state)
{
	return server_setup_with(state, with_few_mailboxes);
}

static void add(struct client *client, const char *mailbox)
{
	char command[64];
	snprintf(command, sizeof(command), "APPEND %s {4+}\r\nx: y", mailbox);
	assert_command_has(client, command, "a OK ");
}

/* The search of all mailboxes: how many answers there are, and how the command ends. */
static void assert_searched(struct client *client, unsigned count, const char *end)
{
	unsigned found = 0;
	client_send(client, "a ESEARCH IN (selected personal) ALL\r\n");
	char *answer = client_answer(client);
	for (const char *p = strstr(answer, "* ESEARCH "); p; p = strstr(p + 1, "* ESEARCH "))
		found++;
	assert_int_equal(found, count);
	assert_non_null(strstr(answer, end));
	free(answer);
}

static void so_many_mailboxes_are_searched_and_no_more(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	char command[32];

	add(client, "INBOX");
	for (unsigned i = 1; i <= MAILBOXES_MAX + 1; i++) {
		snprintf(command, sizeof(command), "CREATE b%u", i);
		assert_command_has(client, command, "a OK ");
		/* One without messages does not count. */
		if (i > 1)
			assert_searched(client, i, "a OK ");
		add(client, command + strlen("CREATE "));
		/* The selected mailbox comes on top. */
		if (i <= MAILBOXES_MAX)
			assert_searched(client, i + 1, "a OK ");
		else
			assert_searched(client, 0, "a NO [LIMIT] Too many mailboxes\r\n");
	}
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_mailbox_with_results_has_its_answer),
		TEST(numbers_are_places_in_each_mailbox),
		TEST(the_selected_mailbox_is_searched_as_the_session_knows_it),
		TEST(what_is_for_the_selected_mailbox_alone_is_refused_elsewhere),
		TEST(a_message_that_cannot_be_read_is_told_at_the_end),
		TEST(a_mailbox_that_goes_meanwhile_is_left_out),
		TEST(a_client_may_go_before_the_answer),
		cmocka_unit_test_setup_teardown(
			so_many_mailboxes_are_searched_and_no_more, setup_few, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
