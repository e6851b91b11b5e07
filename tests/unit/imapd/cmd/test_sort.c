#include "session_rig.h"

static void add(struct server *server, const char *text)
{
	uint32_t uid;
	assert_int_equal(rig_append(&server->rig, ACCOUNT, "INBOX", strv_cstr(text), STRV_NULL, &uid), RC_OK);
}

static void add_some(struct server *server)
{
	add(server, "Subject: banana\r\nDate: Tue, 3 Nov 2026 01:00:00 +0000\r\nFrom: Zoe "
		    "<anna@x>\r\n\r\nlonger body\r\n");
	add(server, "Subject: Re: apple\r\nDate: Mon, 2 Nov 2026 23:30:00 -0500\r\nFrom: Bert "
		    "<carl@x>\r\n\r\nb\r\n");
	add(server, "Subject: [l] Cherry (fwd)\r\nDate: Sun, 1 Nov 2026\r\nFrom: bob@x\r\nTo: q@y\r\nCc: "
		    "c@y\r\n\r\n");
}

static void each_criterion_sorts(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "SORT (SUBJECT) UTF-8 ALL", "* SORT 2 1 3\r\na OK SORT completed\r\n");
	assert_command_has(client, "SORT (REVERSE SUBJECT) UTF-8 ALL", "* SORT 3 1 2\r\n");
	assert_command_has(client, "SORT (DATE) UTF-8 ALL", "* SORT 3 1 2\r\n");
	assert_command_has(client, "SORT (REVERSE DATE) US-ASCII ALL", "* SORT 2 1 3\r\n");
	assert_command_has(client, "SORT (SIZE) \"utf-8\" ALL", "* SORT 3 2 1\r\n");
	assert_command_has(client, "SORT (FROM) us-ascii ALL", "* SORT 1 3 2\r\n");
	assert_command_has(client, "sort (displayfrom) utf-8 all", "* SORT 2 3 1\r\n");
	assert_command_has(client, "SORT (TO) UTF-8 ALL", "* SORT 1 2 3\r\n");
	assert_command_has(client, "SORT (REVERSE TO) UTF-8 ALL", "* SORT 3 1 2\r\n");
	assert_command_has(client, "SORT (REVERSE CC DISPLAYTO) UTF-8 ALL", "* SORT 3 1 2\r\n");
	/* All came at once. */
	assert_command_has(client, "SORT (ARRIVAL) UTF-8 ALL", "* SORT 1 2 3\r\n");
	assert_command_has(client, "SORT (REVERSE ARRIVAL REVERSE SIZE) UTF-8 ALL", "* SORT 1 2 3\r\n");
	client_free(&client);
}

static void only_what_is_found_is_sorted(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "SORT (DATE) UTF-8 2:3", "* SORT 3 2\r\n");
	assert_command_has(client, "SORT (DATE) UTF-8 SUBJECT apple", "* SORT 2\r\n");
	assert_command(client, "SORT (DATE) UTF-8 SUBJECT nothing", "* SORT\r\na OK SORT completed\r\n");
	assert_command(client, "UID SORT (SUBJECT) UTF-8 NOT 1", "* SORT 2 3\r\na OK UID SORT completed\r\n");
	assert_command_has(client, "STORE 1 +FLAGS.SILENT (\\Deleted)", "a OK ");
	assert_command_has(client, "EXPUNGE", "a OK ");
	assert_command_has(client, "SORT (DATE) UTF-8 ALL", "* SORT 2 1\r\n");
	assert_command_has(client, "UID SORT (DATE) UTF-8 ALL", "* SORT 3 2\r\n");
	client_free(&client);
}

static void wrong_commands_are_told(void **state)
{
	static const char *const wrong[] = { "SORT", "SORT (DATE)", "SORT (DATE) UTF-8", "SORT () UTF-8 ALL",
		"SORT DATE UTF-8 ALL", "SORT (DATE)UTF-8 ALL", "SORT (REVERSE) UTF-8 ALL",
		"SORT (FOO) UTF-8 ALL", "SORT (REVERSE REVERSE DATE) UTF-8 ALL", "SORT (DATE) UTF-8 FOO",
		"SORT (DATE) UTF-8 CHARSET UTF-8 ALL", "SORT RETURN (DATE) UTF-8 ALL",
		"SORT RETURN (FOO) (DATE) UTF-8 ALL", "SORT RETURN ALL (DATE) UTF-8 ALL",
		"SORT ((DATE)) UTF-8 ALL" };
	struct client *client = client_new(*state, "INBOX");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_command_has(client, wrong[i], "a BAD ");
		/* Too many in a row end a session. */
		assert_command_has(client, "NOOP", "a OK ");
	}
	assert_command(
		client, "SORT (DATE) X-NONE ALL", "a NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset\r\n");
	assert_command(client, "SORT RETURN (COUNT) (DATE) x SUBJECT y",
		"a NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset\r\n");
	client_free(&client);
}

static void return_options_are_answered(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "SORT RETURN () (SUBJECT) UTF-8 ALL",
		"* ESEARCH (TAG \"a\") ALL 2,1,3\r\na OK SORT completed\r\n");
	assert_command(client, "UID SORT RETURN (MIN MAX ALL COUNT) (DATE) UTF-8 ALL",
		"* ESEARCH (TAG \"a\") UID MIN 3 MAX 2 ALL 3,1:2 COUNT 3\r\na OK UID SORT completed\r\n");
	assert_command_has(
		client, "SORT RETURN (MAX) (REVERSE DATE) UTF-8 ALL", "* ESEARCH (TAG \"a\") MAX 3\r\n");
	assert_command_has(client, "SORT RETURN (COUNT MIN) (DATE) UTF-8 SUBJECT nothing",
		"* ESEARCH (TAG \"a\") COUNT 0\r\n");
	assert_command_has(
		client, "SORT RETURN (MIN) (DATE) UTF-8 SUBJECT nothing", "* ESEARCH (TAG \"a\")\r\n");
	client_free(&client);
}

static void what_is_saved_can_be_used(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "SORT RETURN (SAVE) (DATE) UTF-8 2:3", "a OK SORT completed\r\n");
	assert_command_has(client, "SEARCH $", "* SEARCH 2 3\r\n");
	assert_command_has(client, "SORT RETURN (SAVE MIN) (DATE) UTF-8 ALL", "MIN 3\r\n");
	assert_command_has(client, "SEARCH $", "* SEARCH 3\r\n");
	assert_command_has(client, "SORT RETURN (SAVE MIN MAX) (DATE) UTF-8 ALL", "MIN 3 MAX 2\r\n");
	assert_command_has(client, "SEARCH $", "* SEARCH 2 3\r\n");
	assert_command_has(client, "UID SORT RETURN (SAVE MIN ALL) (DATE) UTF-8 ALL", "MIN 3 ALL 3,1:2\r\n");
	assert_command_has(client, "SORT (SUBJECT) UTF-8 $", "* SORT 2 1 3\r\n");
	assert_command_has(client, "SORT RETURN (SAVE) (DATE) X-NONE ALL", "a NO [BADCHARSET");
	assert_command(client, "SORT (SUBJECT) UTF-8 $", "* SORT\r\na OK SORT completed\r\n");
	client_free(&client);
}

/* RFC 9394: places in the order of the answer. */
static void windows_are_on_the_sorted_list(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "SORT RETURN (PARTIAL 1:2) (DATE) UTF-8 ALL",
		"* ESEARCH (TAG \"a\") PARTIAL (1:2 3,1)\r\na OK SORT completed\r\n");
	assert_command_has(client, "SORT RETURN (PARTIAL -1:-2 COUNT) (DATE) UTF-8 ALL",
		"PARTIAL (-1:-2 1:2) COUNT 3\r\n");
	assert_command_has(
		client, "UID SORT RETURN (PARTIAL 4:9) (DATE) UTF-8 ALL", "UID PARTIAL (4:9 NIL)\r\n");
	assert_command_has(
		client, "SORT RETURN (SAVE PARTIAL 1:2) (DATE) UTF-8 ALL", "PARTIAL (1:2 3,1)\r\n");
	assert_command_has(client, "SEARCH $", "* SEARCH 1 3\r\n");
	client_free(&client);
}

static void modseq_is_told_when_it_is_asked_for(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "STORE 3 +FLAGS.SILENT (\\Seen)", "a OK ");
	assert_command_has(client, "SORT (SUBJECT) UTF-8 ALL MODSEQ 1", "* SORT 2 1 3 (MODSEQ ");
	assert_command_has(client, "SORT RETURN (ALL) (SUBJECT) UTF-8 MODSEQ 1", " ALL 2,1,3 MODSEQ ");
	assert_command(client, "SORT (SUBJECT) UTF-8 MODSEQ 100000", "* SORT\r\na OK SORT completed\r\n");
	client_free(&client);
}

/* A message that another session has expunged is left out; the numbers stay. */
static void a_message_may_be_gone(void **state)
{
	add_some(*state);
	struct client *client = client_new(*state, "INBOX");
	struct client *other = client_new(*state, "INBOX");
	assert_command_has(other, "STORE 1 +FLAGS.SILENT (\\Deleted)", "a OK ");
	assert_command_has(other, "EXPUNGE", "a OK ");
	assert_command(client, "SORT (DATE) UTF-8 ALL",
		"* SORT 3 2\r\na OK [EXPUNGEISSUED] Some of the messages no longer exist\r\n");
	assert_command(client, "UID SORT (DATE) UTF-8 2:3", "* SORT 3 2\r\na OK UID SORT completed\r\n");
	assert_command(client, "UID SORT (DATE) UTF-8 ALL",
		"* SORT 3 2\r\n* 1 EXPUNGE\r\n* 2 RECENT\r\na OK UID SORT completed\r\n");
	client_free(&client);
	client_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_criterion_sorts, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(only_what_is_found_is_sorted, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(wrong_commands_are_told, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(return_options_are_answered, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(what_is_saved_can_be_used, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			modseq_is_told_when_it_is_asked_for, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(a_message_may_be_gone, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			windows_are_on_the_sorted_list, server_setup, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
