#include "greeting_rig.h"

#define FOUR_EXPUNGED "* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n"

/* Small messages into a mailbox, from the server itself. */
static void deliver(struct server *server, const char *mailbox, int count)
{
	struct client *client = client_new(server, NULL);
	for (int i = 0; i < count; i++) {
		client_send(client, "a APPEND ");
		client_send(client, mailbox);
		client_send(client, " {4+}\r\nx: y\r\n");
		char *answer = client_answer(client);
		assert_non_null(strstr(answer, "a OK [APPENDUID "));
		free(answer);
	}
	client_free(&client);
}

static void a_delivery_is_told_at_the_next_command(void **state)
{
	struct client *a = client_new(*state, "INBOX");
	deliver(*state, "INBOX", 2);
	assert_command(a, "NOOP", "* 2 EXISTS\r\n* 2 RECENT\r\na OK NOOP completed\r\n");
	assert_command(a, "NOOP", "a OK NOOP completed\r\n");
	assert_command(a, "FETCH 1:* FLAGS",
		"* 1 FETCH (FLAGS (\\Recent))\r\n* 2 FETCH (FLAGS (\\Recent))\r\na OK FETCH completed\r\n");
	client_free(&a);
}

static void an_idler_is_told_at_once(void **state)
{
	struct client *a = client_new(*state, "INBOX");
	client_send(a, "a IDLE\r\n");
	assert_next(a, "+ idling\r\n");
	deliver(*state, "INBOX", 1);
	assert_next(a, "* 1 EXISTS\r\n");
	assert_quiet(a);
	client_send(a, "DONE\r\n");
	assert_next(a, "* 1 RECENT\r\na OK IDLE completed\r\n");
	client_free(&a);
}

static void a_change_before_idle_is_told_in_it(void **state)
{
	struct client *a = client_new(*state, "INBOX");
	deliver(*state, "INBOX", 1);
	client_send(a, "a IDLE\r\n");
	assert_next(a, "+ idling\r\n");
	free(client_until(a, "* 1 EXISTS\r\n"));
	client_free(&a);
}

static void exactly_one_session_shows_recent(void **state)
{
	struct client *reader = client_new(*state, NULL);
	assert_command_has(reader, "EXAMINE INBOX", "a OK [READ-ONLY]");
	struct client *a = client_new(*state, "INBOX");
	struct client *b = client_new(*state, "INBOX");
	int recent = 0;
	deliver(*state, "INBOX", 1);
	struct client *both[] = { a, b };
	for (int i = 0; i < 2; i++) {
		client_send(both[i], "a NOOP\r\n");
		char *answer = client_answer(both[i]);
		assert_non_null(strstr(answer, "* 1 EXISTS\r\n"));
		free(answer);
		client_send(both[i], "a FETCH 1 FLAGS\r\n");
		answer = client_answer(both[i]);
		recent += strstr(answer, "\\Recent") ? 1 : 0;
		free(answer);
	}
	assert_int_equal(recent, 1);
	/* And none that comes later, nor one that only reads. */
	struct client *c = client_new(*state, "INBOX");
	assert_command(c, "FETCH 1 FLAGS", "* 1 FETCH (FLAGS ())\r\na OK FETCH completed\r\n");
	client_send(reader, "a NOOP\r\n");
	free(client_answer(reader));
	assert_command(reader, "FETCH 1 FLAGS", "* 1 FETCH (FLAGS ())\r\na OK FETCH completed\r\n");
	client_free(&a);
	client_free(&b);
	client_free(&c);
	client_free(&reader);
}

static void expunges_of_others_wait_for_a_command_that_may_tell_them(void **state)
{
	deliver(*state, "INBOX", 4);
	struct client *a = client_new(*state, "INBOX");
	struct client *b = client_new(*state, "INBOX");
	assert_command_has(b, "STORE 1,3 +FLAGS.SILENT (\\Deleted)", "a OK STORE completed\r\n");
	assert_command(b, "EXPUNGE", FOUR_EXPUNGED "a OK EXPUNGE completed\r\n");
	/* Not during FETCH, STORE and SEARCH by number: numbers still mean what they meant. */
	assert_command(a, "FETCH 4 UID", "* 4 FETCH (UID 4)\r\na OK FETCH completed\r\n");
	assert_command(a, "SEARCH UID 2", "* SEARCH 2\r\na OK SEARCH completed\r\n");
	assert_command(a, "FETCH 1 UID", "a NO [EXPUNGEISSUED] Some of the messages no longer exist\r\n");
	assert_command(
		a, "UID FETCH 4 UID", "* 4 FETCH (UID 4)\r\n" FOUR_EXPUNGED "a OK UID FETCH completed\r\n");
	assert_command(
		a, "FETCH 1:* UID", "* 1 FETCH (UID 2)\r\n* 2 FETCH (UID 4)\r\na OK FETCH completed\r\n");
	client_free(&a);
	client_free(&b);
}

static void flags_of_others_are_told_once(void **state)
{
	deliver(*state, "INBOX", 3);
	struct client *a = client_new(*state, "INBOX");
	struct client *b = client_new(*state, "INBOX");
	struct client *c = client_new(*state, "INBOX");
	client_send(c, "a IDLE\r\n");
	assert_next(c, "+ idling\r\n");
	assert_command(
		b, "STORE 2 +FLAGS (\\Seen)", "* 2 FETCH (FLAGS (\\Seen))\r\na OK STORE completed\r\n");
	assert_next(c, "* 2 FETCH (FLAGS (\\Seen))\r\n");
	assert_command(b, "STORE 2 +FLAGS (\\Flagged)",
		"* 2 FETCH (FLAGS (\\Flagged \\Seen))\r\na OK STORE completed\r\n");
	assert_next(c, "* 2 FETCH (FLAGS (\\Flagged \\Seen))\r\n");
	/* Two changes of one message are one for who was not told the first. */
	assert_command(a, "NOOP", "* 2 FETCH (FLAGS (\\Flagged \\Seen \\Recent))\r\na OK NOOP completed\r\n");
	assert_command(a, "NOOP", "a OK NOOP completed\r\n");
	assert_command(b, "NOOP", "a OK NOOP completed\r\n");
	assert_quiet(c);
	client_free(&a);
	client_free(&b);
	client_free(&c);
}

static void silent_hides_own_changes_only(void **state)
{
	deliver(*state, "INBOX", 2);
	struct client *a = client_new(*state, "INBOX");
	struct client *b = client_new(*state, "INBOX");
	assert_command(b, "STORE 1 +FLAGS.SILENT (\\Flagged)", "a OK STORE completed\r\n");
	/* The other's change of the same message is told, with what it is now. */
	assert_command(a, "STORE 1:2 +FLAGS.SILENT (\\Seen)",
		"* 1 FETCH (FLAGS (\\Flagged \\Seen \\Recent))\r\na OK STORE completed\r\n");
	assert_command(a, "NOOP", "a OK NOOP completed\r\n");
	assert_command(b, "NOOP",
		"* 1 FETCH (FLAGS (\\Flagged \\Seen))\r\n* 2 FETCH (FLAGS (\\Seen))\r\na OK NOOP "
		"completed\r\n");
	client_free(&a);
	client_free(&b);
}

static void a_message_that_came_and_went_is_never_told(void **state)
{
	deliver(*state, "INBOX", 1);
	struct client *a = client_new(*state, "INBOX");
	struct client *b = client_new(*state, "INBOX");
	deliver(*state, "INBOX", 1);
	assert_command_has(b, "NOOP", "* 2 EXISTS\r\n");
	assert_command_has(b, "UID STORE 2 +FLAGS.SILENT (\\Deleted)", "a OK");
	assert_command(b, "UID EXPUNGE 2", "* 2 EXPUNGE\r\na OK UID EXPUNGE completed\r\n");
	assert_command(a, "NOOP", "a OK NOOP completed\r\n");
	client_free(&a);
	client_free(&b);
}

static void expunges_precede_what_is_new(void **state)
{
	deliver(*state, "INBOX", 2);
	struct client *a = client_new(*state, "INBOX");
	struct client *b = client_new(*state, "INBOX");
	assert_command_has(b, "STORE 1 +FLAGS.SILENT (\\Deleted)", "a OK");
	assert_command_has(b, "EXPUNGE", "a OK");
	assert_command_has(b, "STORE 1 +FLAGS.SILENT (\\Seen)", "a OK");
	deliver(*state, "INBOX", 1);
	client_send(a, "a NOOP\r\n");
	char *answer = client_answer(a);
	const char *expected = "* 1 EXPUNGE\r\n* 2 EXISTS\r\n";
	assert_true(strncmp(answer, expected, strlen(expected)) == 0);
	assert_non_null(strstr(answer, "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n"));
	free(answer);
	client_free(&a);
	client_free(&b);
}

static void a_new_keyword_is_told_before_it_is_used(void **state)
{
	deliver(*state, "INBOX", 1);
	struct client *a = client_new(*state, "INBOX");
	struct client *b = client_new(*state, "INBOX");
	assert_command_has(b, "STORE 1 +FLAGS ($Chat)", "* 1 FETCH (FLAGS ($Chat))\r\n");
	assert_command(a, "NOOP",
		"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Chat)\r\n"
		"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Chat \\*)] Flags "
		"permitted\r\n"
		"* 1 FETCH (FLAGS (\\Recent $Chat))\r\na OK NOOP completed\r\n");
	client_free(&a);
	client_free(&b);
}

static void many_changes_do_not_wait_for_a_command(void **state)
{
	enum { MESSAGES = 1100 };
	struct server *server = *state;
	struct client *b = client_new(server, "INBOX");
	for (int i = 0; i < MESSAGES; i++)
		client_send(b, "a APPEND INBOX {1+}\r\nx\r\n");
	for (int i = 0; i < MESSAGES; i++)
		free(client_answer(b));
	struct client *a = client_new(server, "INBOX");
	assert_command_has(b, "STORE 1:* +FLAGS.SILENT (\\Seen)", "a OK");
	char *told = client_until(a, "* 1100 FETCH (FLAGS (\\Seen))\r\n");
	assert_true(strncmp(told, "* 1 FETCH", 9) == 0);
	free(told);
	assert_command(a, "NOOP", "a OK NOOP completed\r\n");
	client_free(&a);
	client_free(&b);
}

static void a_deleted_mailbox_ends_the_sessions_that_have_it_selected(void **state)
{
	struct client *a = client_new(*state, NULL);
	assert_command(a, "CREATE x", "a OK CREATE completed\r\n");
	struct client *b = client_new(*state, "x");
	assert_command(a, "DELETE x", "a OK DELETE completed\r\n");
	assert_closed(b, "* BYE Selected mailbox was deleted\r\n");
	client_free(&b);
	/* Whoever deletes it himself is only left without one. */
	assert_command(a, "CREATE x", "a OK CREATE completed\r\n");
	assert_command_has(a, "SELECT x", "a OK");
	assert_command(a, "DELETE x", "a OK DELETE completed\r\n");
	assert_command(a, "FETCH 1 FLAGS", "a BAD No mailbox selected\r\n");
	client_free(&a);
}

static void a_renamed_mailbox_stays_selected(void **state)
{
	struct client *a = client_new(*state, NULL);
	assert_command(a, "CREATE x", "a OK CREATE completed\r\n");
	struct client *b = client_new(*state, "x");
	assert_command(a, "RENAME x y", "a OK RENAME completed\r\n");
	deliver(*state, "y", 1);
	assert_command(b, "NOOP", "* 1 EXISTS\r\n* 1 RECENT\r\na OK NOOP completed\r\n");
	client_free(&a);
	client_free(&b);
}

static void nothing_is_told_of_other_mailboxes(void **state)
{
	struct client *a = client_new(*state, NULL);
	assert_command(a, "CREATE x", "a OK CREATE completed\r\n");
	struct client *b = client_new(*state, "x");
	deliver(*state, "INBOX", 1);
	assert_command(b, "NOOP", "a OK NOOP completed\r\n");
	/* Nor of the one that was left. */
	assert_command(b, "UNSELECT", "a OK UNSELECT completed\r\n");
	deliver(*state, "x", 1);
	assert_command(b, "NOOP", "a OK NOOP completed\r\n");
	client_free(&a);
	client_free(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_delivery_is_told_at_the_next_command),
		TEST(an_idler_is_told_at_once),
		TEST(a_change_before_idle_is_told_in_it),
		TEST(exactly_one_session_shows_recent),
		TEST(expunges_of_others_wait_for_a_command_that_may_tell_them),
		TEST(flags_of_others_are_told_once),
		TEST(silent_hides_own_changes_only),
		TEST(a_message_that_came_and_went_is_never_told),
		TEST(expunges_precede_what_is_new),
		TEST(a_new_keyword_is_told_before_it_is_used),
		TEST(many_changes_do_not_wait_for_a_command),
		TEST(a_deleted_mailbox_ends_the_sessions_that_have_it_selected),
		TEST(a_renamed_mailbox_stays_selected),
		TEST(nothing_is_told_of_other_mailboxes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
