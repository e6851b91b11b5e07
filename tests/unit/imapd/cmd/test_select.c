#include "greeting_rig.h"
#include "store/message.h"

static void append(struct client *client, const char *mailbox, const char *flags)
{
	client_send(client, "a APPEND ");
	client_send(client, mailbox);
	client_send(client, flags);
	client_send(client, " {1+}\r\nx\r\n");
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "a OK [APPENDUID "));
	free(answer);
}

/* The answer with "N" for the UIDVALIDITY, which depends on the time. */
static void assert_selected(struct client *client, const char *command, const char *expected)
{
	client_send(client, "a ");
	client_send(client, command);
	client_send(client, "\r\n");
	char *answer = client_answer(client);
	char *at = strstr(answer, "[UIDVALIDITY ");
	assert_non_null(at);
	at += strlen("[UIDVALIDITY ");
	size_t digits = strspn(at, "0123456789");
	assert_true(digits > 0);
	*at = 'N';
	memmove(at + 1, at + digits, strlen(at + digits) + 1);
	mask_number(answer, "[HIGHESTMODSEQ ");
	mask_number(answer, "[MAILBOXID (F");
	assert_string_equal(answer, expected);
	free(answer);
}

static void select_tells_what_there_is(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_selected(client, "SELECT INBOX",
		"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
		"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags "
		"permitted\r\n"
		"* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY N] UIDs valid\r\n"
		"* OK [UIDNEXT 1] Predicted next UID\r\n* OK [HIGHESTMODSEQ 1] Highest\r\n"
		"* OK [MAILBOXID (F1)] Mailbox id\r\n"
		"a OK [READ-WRITE] SELECT completed\r\n");
	assert_command(client, "UNSELECT", "a OK UNSELECT completed\r\n");
	append(client, "INBOX", " (\\Seen)");
	append(client, "INBOX", "");
	append(client, "INBOX", " ($x)");
	assert_selected(client, "EXAMINE inbox",
		"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $x)\r\n"
		"* OK [PERMANENTFLAGS ()] No flags can be changed\r\n"
		"* 3 EXISTS\r\n* 3 RECENT\r\n* OK [UNSEEN 2] First unseen message\r\n"
		"* OK [UIDVALIDITY N] UIDs valid\r\n* OK [UIDNEXT 4] Predicted next UID\r\n"
		"* OK [HIGHESTMODSEQ 1] Highest\r\n"
		"* OK [MAILBOXID (F1)] Mailbox id\r\n"
		"a OK [READ-ONLY] EXAMINE completed\r\n");
	/* Looking took nothing away; selecting does. */
	assert_command_has(client, "SELECT INBOX", "* 3 RECENT\r\n");
	assert_command_has(client, "SELECT INBOX", "* 0 RECENT\r\n");
	client_free(&client);
}

static void a_failed_select_leaves_nothing_selected(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "SELECT nope",
		"* OK [CLOSED] Previous mailbox closed\r\na NO [NONEXISTENT] No such mailbox\r\n");
	assert_command(client, "CHECK", "a BAD No mailbox selected\r\n");
	assert_command(client, "SELECT a//b", "a NO [NONEXISTENT] No such mailbox\r\n");
	assert_command(client, "EXAMINE \"INBOX/DeltaChat\"", "a NO [NONEXISTENT] No such mailbox\r\n");
	assert_command(client, "CREATE up/down", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
	assert_command_has(client, "SELECT up", "a NO [CANNOT] ");
	client_free(&client);
}

static void a_wrong_select_changes_nothing(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "SELECT", "a BAD ");
	assert_command_has(client, "SELECT x y", "a BAD ");
	assert_command_has(client, "SELECT INBOX (WHATEVER)", "a BAD ");
	assert_command_has(client, "SELECT INBOX ()", "a BAD ");
	assert_command_has(client, "SELECT INBOX (CONDSTORE", "a BAD ");
	assert_command(client, "CHECK", "a OK CHECK completed\r\n");
	client_free(&client);
}

static void another_select_takes_the_place_of_the_first(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "CREATE x", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
	append(client, "x", "");
	assert_command_has(client, "SELECT INBOX", "* 0 EXISTS\r\n");
	assert_command_has(client, "SELECT x", "* 1 EXISTS\r\n");
	assert_command(client, "FETCH 1 UID", "* 1 FETCH (UID 1)\r\na OK FETCH completed\r\n");
	client_free(&client);
}

static void an_emptied_mailbox_keeps_its_uidnext(void **state)
{
	struct client *client = client_new(*state, NULL);
	append(client, "INBOX", " (\\Deleted)");
	assert_command_has(client, "SELECT INBOX", "a OK");
	assert_command(client, "CLOSE", "a OK CLOSE completed\r\n");
	assert_command_has(client, "SELECT INBOX", "* OK [UIDNEXT 2] ");
	client_free(&client);
}

static void all_keywords_in_use_are_told(void **state)
{
	struct client *client = client_new(*state, NULL);
	append(client, "INBOX", "");
	assert_command_has(client, "SELECT INBOX", "\\*)");
	for (int i = 0; i < KEYWORDS_FIRST + 2; i++) {
		char command[60];
		snprintf(command, sizeof(command), "STORE 1 +FLAGS.SILENT (k%d)", i);
		assert_command_has(client, command, "a OK");
	}
	assert_command_has(client, "SELECT INBOX", " k63 k64 k65 \\*)] Flags permitted\r\n");
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(select_tells_what_there_is),
		TEST(a_failed_select_leaves_nothing_selected),
		TEST(a_wrong_select_changes_nothing),
		TEST(another_select_takes_the_place_of_the_first),
		TEST(an_emptied_mailbox_keeps_its_uidnext),
		TEST(all_keywords_in_use_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
