#include "greeting_rig.h"
#include "imapd/sync.h"
#include "imapd/sync_print.h"
#include "imapd/view.h"

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
	await_claim(a);
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
	/* Neither a session that comes later nor one that only reads has it. */
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
	/* FETCH, STORE and SEARCH by number tell no EXPUNGE: the numbers keep their meaning. */
	assert_command(a, "FETCH 4 UID", "* 4 FETCH (UID 4)\r\na OK FETCH completed\r\n");
	assert_command(a, "SEARCH UID 2", "* SEARCH 2\r\na OK SEARCH completed\r\n");
	assert_command(a, "FETCH 1 UID", "a NO [EXPUNGEISSUED] Some of the messages no longer exist\r\n");
	assert_command(a, "UID FETCH 4 UID",
		"* 4 FETCH (UID 4)\r\n" FOUR_EXPUNGED "* 2 RECENT\r\na OK UID FETCH completed\r\n");
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
	enum { MESSAGES = VIEW_PENDING_SOON + 1 };
	struct server *server = *state;
	struct client *b = client_new(server, "INBOX");
	char command[64], last[64];
	for (int i = 0; i < MESSAGES; i++)
		client_send(b, "a APPEND INBOX {1+}\r\nx\r\n");
	for (int i = 0; i < MESSAGES; i++)
		free(client_answer(b));
	struct client *a = client_new(server, "INBOX");
	snprintf(command, sizeof(command), "STORE 1:%d +FLAGS.SILENT (\\Seen)", VIEW_PENDING_SOON - 1);
	assert_command_has(b, command, "a OK");
	assert_quiet(a);
	snprintf(command, sizeof(command), "STORE %d +FLAGS.SILENT (\\Seen)", VIEW_PENDING_SOON);
	assert_command_has(b, command, "a OK");
	assert_quiet(a);
	snprintf(command, sizeof(command), "STORE %d +FLAGS.SILENT (\\Seen)", MESSAGES);
	assert_command_has(b, command, "a OK");
	snprintf(last, sizeof(last), "* %d FETCH (FLAGS (\\Seen))\r\n", MESSAGES);
	char *told = client_until(a, last);
	assert_true(strncmp(told, "* 1 FETCH", 9) == 0);
	free(told);
	assert_command(a, "NOOP", "a OK NOOP completed\r\n");
	client_free(&a);
	client_free(&b);
}

static void a_deleted_mailbox_ends_the_sessions_that_have_it_selected(void **state)
{
	struct client *a = client_new(*state, NULL);
	assert_command(a, "CREATE x", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
	struct client *b = client_new(*state, "x");
	assert_command(a, "DELETE x", "a OK DELETE completed\r\n");
	assert_closed(b, "* BYE Selected mailbox was deleted\r\n");
	client_free(&b);
	/* A session that deletes the mailbox itself only has none selected afterwards. */
	assert_command(a, "CREATE x", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
	assert_command_has(a, "SELECT x", "a OK");
	assert_command(a, "DELETE x", "a OK DELETE completed\r\n");
	assert_command(a, "FETCH 1 FLAGS", "a BAD No mailbox selected\r\n");
	client_free(&a);
}

static void a_renamed_mailbox_stays_selected(void **state)
{
	struct client *a = client_new(*state, NULL);
	assert_command(a, "CREATE x", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
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
	assert_command(a, "CREATE x", "a OK [MAILBOXID (F1)] CREATE completed\r\n");
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

/* Numbers of MODSEQ and HIGHESTMODSEQ become 1. */
static void assert_masked(struct client *client, const char *command, const char *expected)
{
	client_send(client, "a ");
	client_send(client, command);
	client_send(client, "\r\n");
	char *answer = client_answer(client);
	mask_number(answer, "MODSEQ (");
	mask_number(answer, "HIGHESTMODSEQ ");
	assert_string_equal(answer, expected);
	free(answer);
}

static void condstore_tells_uid_and_modseq(void **state)
{
	deliver(*state, "INBOX", 2);
	struct client *a = client_new(*state, "INBOX");
	struct client *b = client_new(*state, "INBOX");
	assert_masked(b, "ENABLE CONDSTORE",
		"* ENABLED CONDSTORE\r\n* OK [HIGHESTMODSEQ 1] Highest\r\na OK ENABLE completed\r\n");
	assert_command_has(a, "STORE 2 FLAGS.SILENT (\\Seen)", "a OK");
	assert_masked(b, "NOOP", "* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (1))\r\na OK NOOP completed\r\n");
	/* Its own silent change: the MODSEQ alone. */
	assert_masked(b, "STORE 1 FLAGS.SILENT (\\Seen)",
		"* 1 FETCH (UID 1 MODSEQ (1))\r\na OK STORE completed\r\n");
	assert_command(b, "STORE 1 FLAGS.SILENT (\\Seen)", "a OK STORE completed\r\n");
	/* Another's on top: the flags. */
	assert_command_has(a, "STORE 1 +FLAGS.SILENT (\\Draft)", "a OK");
	assert_masked(b, "STORE 1 +FLAGS.SILENT (\\Flagged)",
		"* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen \\Draft) MODSEQ (1))\r\na OK STORE completed\r\n");
	assert_command(b, "NOOP", "a OK NOOP completed\r\n");
	client_free(&a);
	client_free(&b);
}

/* RFC 7162 section 3.2: an answer that tells a change tells its MODSEQ, since nothing else will. */
static void a_change_that_a_fetch_tells_has_its_modseq(void **state)
{
	deliver(*state, "INBOX", 3);
	struct client *a = client_new(*state, NULL);
	assert_command_has(a, "SELECT INBOX (CONDSTORE)", "a OK");
	struct client *b = client_new(*state, "INBOX");
	assert_command_has(b, "STORE 1 +FLAGS.SILENT (\\Flagged)", "a OK");
	assert_masked(a, "FETCH 1:2 (FLAGS)",
		"* 1 FETCH (UID 1 MODSEQ (1) FLAGS (\\Flagged \\Recent))\r\n* 2 FETCH (FLAGS (\\Recent))\r\n"
		"a OK FETCH completed\r\n");
	assert_command(a, "NOOP", "a OK NOOP completed\r\n");
	/* Told once, it is no news. */
	assert_command(
		a, "FETCH 1 (FLAGS)", "* 1 FETCH (FLAGS (\\Flagged \\Recent))\r\na OK FETCH completed\r\n");
	assert_command_has(b, "STORE 2 +FLAGS.SILENT (\\Flagged)", "a OK");
	assert_masked(a, "UID FETCH 2 (MODSEQ FLAGS)",
		"* 2 FETCH (UID 2 MODSEQ (1) FLAGS (\\Flagged \\Recent))\r\na OK UID FETCH completed\r\n");
	/* Without the flags it is told behind the answer. */
	assert_command_has(b, "STORE 3 +FLAGS.SILENT (\\Flagged)", "a OK");
	assert_masked(a, "FETCH 3 (UID)",
		"* 3 FETCH (UID 3)\r\n* 3 FETCH (UID 3 FLAGS (\\Flagged \\Recent) MODSEQ (1))\r\n"
		"a OK FETCH completed\r\n");
	client_free(&a);
	client_free(&b);
}

static void a_modseq_above_a_held_back_expunge_is_taken_back(void **state)
{
	deliver(*state, "INBOX", 4);
	struct client *a = client_new(*state, "INBOX");
	struct client *b = client_new(*state, "INBOX");
	assert_command_has(b, "ENABLE QRESYNC", "* ENABLED QRESYNC\r\n* OK [HIGHESTMODSEQ ");
	assert_command_has(a, "STORE 1,3 +FLAGS.SILENT (\\Deleted)", "a OK");
	assert_command_has(b, "NOOP", "* 3 FETCH ");
	assert_command(a, "EXPUNGE", FOUR_EXPUNGED "* 2 RECENT\r\na OK EXPUNGE completed\r\n");
	assert_masked(b, "STORE 2 +FLAGS.SILENT (\\Seen)",
		"* 2 FETCH (UID 2 MODSEQ (1))\r\n* OK [HIGHESTMODSEQ 1] Highest\r\na OK STORE completed\r\n");
	assert_command(b, "FETCH 4 (UID)", "* 4 FETCH (UID 4)\r\na OK FETCH completed\r\n");
	assert_masked(
		b, "NOOP", "* VANISHED 1,3\r\n* OK [HIGHESTMODSEQ 1] Highest\r\na OK NOOP completed\r\n");
	assert_command(b, "NOOP", "a OK NOOP completed\r\n");
	client_free(&a);
	client_free(&b);
}

#define KEYWORDS_TOLD(names)                                                                                 \
	"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft " names ")\r\n"                              \
	"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft " names                         \
	" \\*)] Flags permitted\r\n"

static void a_name_is_told_before_an_answer_that_has_it(void **state)
{
	deliver(*state, "INBOX", 2);
	struct client *a = client_new(*state, "INBOX");
	struct client *b = client_new(*state, "INBOX");
	assert_command(b, "STORE 1 +FLAGS (one)",
		KEYWORDS_TOLD("one") "* 1 FETCH (FLAGS (one))\r\na OK STORE completed\r\n");
	assert_command(a, "FETCH 1:2 (FLAGS)",
		KEYWORDS_TOLD("one") "* 1 FETCH (FLAGS (\\Recent one))\r\n"
				     "* 2 FETCH (FLAGS (\\Recent))\r\na OK FETCH completed\r\n");
	assert_command(b, "UID STORE 2 +FLAGS.SILENT (two)",
		KEYWORDS_TOLD("one two") "a OK UID STORE completed\r\n");
	assert_command_has(a, "FETCH 2 (BODY[] FLAGS)", KEYWORDS_TOLD("one two") "* 2 FETCH (");
	assert_command(a, "NOOP", "a OK NOOP completed\r\n");
	client_free(&a);
	client_free(&b);
}

/* RFC 3501 section 7.3.2. */
static void the_number_of_recent_messages_is_told_when_it_changes(void **state)
{
	deliver(*state, "INBOX", 3);
	struct client *a = client_new(*state, "INBOX");
	struct client *b = client_new(*state, "INBOX");
	assert_command_has(b, "STORE 1:2 +FLAGS.SILENT (\\Deleted)", "a OK");
	assert_command_has(a, "NOOP", "* 2 FETCH (FLAGS (\\Deleted \\Recent))\r\n");
	/* To this one none was recent. */
	assert_command(b, "UID EXPUNGE 1", "* 1 EXPUNGE\r\na OK UID EXPUNGE completed\r\n");
	assert_command(a, "NOOP", "* 1 EXPUNGE\r\n* 2 RECENT\r\na OK NOOP completed\r\n");
	client_send(a, "a IDLE\r\n");
	assert_next(a, "+ idling\r\n");
	assert_command(b, "EXPUNGE", "* 1 EXPUNGE\r\na OK EXPUNGE completed\r\n");
	assert_next(a, "* 1 EXPUNGE\r\n");
	assert_next(a, "* 1 RECENT\r\n");
	client_free(&a);
	client_free(&b);
}

static void many_changes_between_commands_take_back_at_once(void **state)
{
	enum { MESSAGES = 1100 };
	struct client *b = client_new(*state, "INBOX");
	for (int i = 0; i < MESSAGES; i++)
		client_send(b, "a APPEND INBOX {1+}\r\nx\r\n");
	for (int i = 0; i < MESSAGES; i++)
		free(client_answer(b));
	struct client *a = client_new(*state, "INBOX");
	assert_command_has(a, "ENABLE QRESYNC", "* OK [HIGHESTMODSEQ ");
	assert_command_has(b, "STORE 1 +FLAGS.SILENT (\\Deleted)", "a OK");
	assert_command_has(b, "EXPUNGE", "a OK");
	assert_command_has(b, "STORE 1:* +FLAGS.SILENT (\\Seen)", "a OK");
	char *told = client_until(a, "* OK [HIGHESTMODSEQ ");
	assert_non_null(strstr(told, "* 1100 FETCH (UID 1100 FLAGS (\\Seen) MODSEQ ("));
	assert_null(strstr(told, "VANISHED"));
	free(told);
	free(client_until(a, "\r\n"));
	assert_masked(a, "NOOP", "* VANISHED 1\r\n* OK [HIGHESTMODSEQ 1] Highest\r\na OK NOOP completed\r\n");
	client_free(&a);
	client_free(&b);
}

static void vanished_lines_are_bounded(void **state)
{
	(void)state;
	struct seqset uids = SEQSET_EMPTY;
	struct buf out;
	for (uint32_t i = 0; i < 1000; i++)
		seqset_add_range(&uids, UINT32_MAX - 10 - i * 3, UINT32_MAX - 9 - i * 3);
	buf_init(&out, 1 << 20);
	sync_print_vanished(&out, &uids, true);
	sync_print_vanished(&out, &(struct seqset){ 0 }, false);
	buf_addc(&out, '\0');
	unsigned lines = 0;
	for (char *at = out.p; *at; lines++) {
		char *end = strstr(at, "\r\n");
		assert_int_equal(strncmp(at, "* VANISHED (EARLIER) 42949", 26), 0);
		assert_true(end - at < 8192);
		at = end + 2;
	}
	assert_int_equal(lines, 3);
	buf_fini(&out);
	seqset_fini(&uids);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_that_a_fetch_tells_has_its_modseq),
		TEST(a_name_is_told_before_an_answer_that_has_it),
		TEST(the_number_of_recent_messages_is_told_when_it_changes),
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
		TEST(condstore_tells_uid_and_modseq),
		TEST(a_modseq_above_a_held_back_expunge_is_taken_back),
		TEST(many_changes_between_commands_take_back_at_once),
		cmocka_unit_test(vanished_lines_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
