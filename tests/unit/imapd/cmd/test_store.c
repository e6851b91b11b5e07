#include "session_rig.h"

static void add_many(struct server *server, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t uid;
		assert_int_equal(rig_append(&server->rig, ACCOUNT, "INBOX",
					 STRV("Subject: x\r\n\r\nbody\r\n"), STRV_NULL, &uid),
			RC_OK);
	}
}

static void flags_are_set_added_and_removed(void **state)
{
	add_many(*state, 2);
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "STORE 1 FLAGS (\\Seen \\Draft)",
		"* 1 FETCH (FLAGS (\\Seen \\Draft \\Recent))\r\na OK STORE completed\r\n");
	assert_command(client, "STORE 1:2 +FLAGS \\Flagged",
		"* 1 FETCH (FLAGS (\\Flagged \\Seen \\Draft \\Recent))\r\n"
		"* 2 FETCH (FLAGS (\\Flagged \\Recent))\r\na OK STORE completed\r\n");
	assert_command(client, "UID STORE 1 -flags (\\Seen)",
		"* 1 FETCH (UID 1 FLAGS (\\Flagged \\Draft \\Recent))\r\na OK UID STORE completed\r\n");
	assert_command(
		client, "STORE 1 FLAGS ()", "* 1 FETCH (FLAGS (\\Recent))\r\na OK STORE completed\r\n");
	client_free(&client);
}

static void unchanged_flags_are_answered_too(void **state)
{
	add_many(*state, 1);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "STORE 1 +FLAGS (\\Seen)", "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\na OK ");
	assert_command(client, "STORE 1 +FLAGS (\\Seen)",
		"* 1 FETCH (FLAGS (\\Seen \\Recent))\r\na OK STORE completed\r\n");
	client_free(&client);
}

static void silent_hides_only_the_change_of_its_own(void **state)
{
	add_many(*state, 2);
	struct client *one = client_new(*state, "INBOX");
	struct client *two = client_new(*state, "INBOX");
	assert_command(one, "STORE 1 +FLAGS.SILENT (\\Seen)", "a OK STORE completed\r\n");
	assert_command(two, "STORE 2 +FLAGS.SILENT (\\Deleted)",
		"* 1 FETCH (FLAGS (\\Seen))\r\na OK STORE completed\r\n");
	assert_command(one, "UID STORE 1 -FLAGS.SILENT (\\Seen)",
		"* 2 FETCH (UID 2 FLAGS (\\Deleted \\Recent))\r\na OK UID STORE completed\r\n");
	assert_command(one, "NOOP", "a OK NOOP completed\r\n");
	client_free(&one);
	client_free(&two);
}

static void keywords_are_made_on_demand(void **state)
{
	add_many(*state, 2);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(
		client, "STORE 1 +FLAGS ($Work later)", "* 1 FETCH (FLAGS (\\Recent $Work later))\r\n");
	assert_command_has(client, "STORE 1 +FLAGS (LATER)", "* 1 FETCH (FLAGS (\\Recent $Work later))\r\n");
	/* Removing keywords that no message has creates none. */
	assert_command(client, "STORE 1 -FLAGS ($none $work)",
		"* 1 FETCH (FLAGS (\\Recent later))\r\na OK STORE completed\r\n");
	assert_command_has(client, "SEARCH KEYWORD later", "* SEARCH 1\r\n");
	client_free(&client);
}

static void add_keywords(struct client *client, unsigned from, unsigned to)
{
	struct buf command;
	buf_init(&command, 10000);
	for (unsigned i = from; i < to; i += 100) {
		buf_reset(&command);
		buf_adds(&command, "STORE 1 +FLAGS.SILENT (");
		for (unsigned k = i; k < to && k < i + 100; k++)
			buf_printf(&command, "%sk%u", k > i ? " " : "", k);
		buf_adds(&command, ")");
		buf_addc(&command, '\0');
		assert_command_has(client, command.p, "a OK ");
	}
	buf_fini(&command);
}

static void a_mailbox_has_as_many_keywords_as_it_needs(void **state)
{
	add_many(*state, 2);
	struct client *client = client_new(*state, "INBOX");
	struct client *other = client_new(*state, "INBOX");
	add_keywords(client, 0, 64);
	assert_command_has(client, "STORE 2 +FLAGS (k3 the-65th)",
		"k63 the-65th \\*)] Flags permitted\r\n* 2 FETCH (FLAGS (\\Recent k3 the-65th))\r\na OK ");
	assert_command_has(other, "NOOP", "* 2 FETCH (FLAGS (k3 the-65th))\r\n");
	assert_command(other, "FETCH 2 FLAGS", "* 2 FETCH (FLAGS (k3 the-65th))\r\na OK FETCH completed\r\n");
	assert_command_has(other, "SEARCH KEYWORD THE-65TH", "* SEARCH 2\r\n");
	assert_command_has(other, "SEARCH UNKEYWORD the-65th", "* SEARCH 1\r\n");
	assert_command_has(client, "STORE 2 -FLAGS (k3)", "* 2 FETCH (FLAGS (\\Recent the-65th))\r\na OK ");
	assert_command_has(client, "STORE 2 -FLAGS (the-65th)", "* 2 FETCH (FLAGS (\\Recent))\r\na OK ");
	assert_command_has(other, "NOOP", "* 2 FETCH (FLAGS ())\r\n");
	client_free(&client);
	client_free(&other);
}

/* RFC 9051 section 7.1: no star where no new name is taken. */
static void the_last_keyword_takes_the_star_away(void **state)
{
	add_many(*state, 2);
	struct client *client = client_new(*state, "INBOX");
	add_keywords(client, 0, MBOX_KEYWORDS_MAX - 1);
	assert_command_has(client, "SELECT INBOX", " k1022 \\*)] Flags permitted\r\n");
	add_keywords(client, MBOX_KEYWORDS_MAX - 1, MBOX_KEYWORDS_MAX);
	assert_command_has(client, "SELECT INBOX", " k1023)] Flags permitted\r\n");
	assert_command_has(client, "STORE 2 +FLAGS (k3 one-too-many)", "a NO [LIMIT]");
	assert_command_has(client, "STORE 2 FLAGS (k1023)", "* 2 FETCH (FLAGS (k1023))\r\na OK ");
	client_free(&client);
}

static void wrong_flags_and_items_are_bad(void **state)
{
	add_many(*state, 1);
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "STORE 1 +FLAGS (\\Recent)", "a BAD ");
	assert_command_has(client, "STORE 1 +FLAGS (\\Unknown)", "a BAD ");
	assert_command_has(client, "STORE 1 +FLAGS (\\Seen", "a BAD ");
	assert_command_has(client, "STORE 1 +FLAGS", "a BAD ");
	assert_command_has(client, "STORE 1 *FLAGS (\\Seen)", "a BAD ");
	assert_command_has(client, "STORE 1 FLAGS.LOUD (\\Seen)", "a BAD ");
	assert_command_has(client, "STORE 2 FLAGS (\\Seen)", "a BAD ");
	client_free(&client);
}

static void a_read_only_mailbox_keeps_its_flags(void **state)
{
	add_many(*state, 1);
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "EXAMINE INBOX", "a OK [READ-ONLY]");
	assert_command_has(client, "STORE 1 FLAGS (\\Seen)", "a NO ");
	assert_command_has(client, "SEARCH SEEN", "* SEARCH\r\na OK ");
	client_free(&client);
}

static void messages_that_are_gone_are_passed_over(void **state)
{
	add_many(*state, 3);
	struct client *one = client_new(*state, "INBOX");
	struct client *two = client_new(*state, "INBOX");
	assert_command_has(two, "STORE 2 +FLAGS.SILENT (\\Deleted)", "a OK ");
	assert_command_has(two, "EXPUNGE", "* 2 EXPUNGE\r\na OK ");
	assert_command_has(one, "STORE 1:3 +FLAGS (\\Seen)",
		"* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n* 3 FETCH (FLAGS (\\Seen \\Recent))\r\na OK "
		"[EXPUNGEISSUED] Some of the messages no longer exist\r\n");
	assert_command(one, "STORE 1:3 +FLAGS.SILENT (\\Flagged)", "a OK STORE completed\r\n");
	assert_command(one, "STORE 2 +FLAGS.SILENT (\\Seen)", "a OK STORE completed\r\n");
	assert_command(one, "STORE 2 +FLAGS (\\Seen)",
		"a OK [EXPUNGEISSUED] Some of the messages no longer exist\r\n");
	assert_command_has(one, "UID STORE 2 +FLAGS.SILENT (\\Seen)",
		"* 2 EXPUNGE\r\n* 2 RECENT\r\na OK UID STORE completed\r\n");
	assert_command_has(one, "SEARCH FLAGGED", "* SEARCH 1 2\r\na OK ");
	client_free(&one);
	client_free(&two);
}

static void many_flags_are_told_in_slices(void **state)
{
	add_many(*state, 1);
	struct client *client = client_new(*state, "INBOX");
	/* 2^13 messages by copying the mailbox onto itself. */
	for (unsigned i = 0; i < 13; i++)
		assert_command_has(client, "COPY 1:* INBOX", "a OK ");
	client_send(client, "a STORE 1:* +FLAGS (\\Flagged \\Answered \\Deleted $AKeywordOfSomeLength)\r\n");
	char *answer = client_answer(client);
	size_t count = 0;
	for (char *at = strstr(answer, " FETCH ("); at; at = strstr(at + 1, " FETCH ("))
		count++;
	assert_int_equal(count, 8192);
	free(answer);
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	client_free(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			flags_are_set_added_and_removed, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			unchanged_flags_are_answered_too, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			silent_hides_only_the_change_of_its_own, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(keywords_are_made_on_demand, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_mailbox_has_as_many_keywords_as_it_needs, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			the_last_keyword_takes_the_star_away, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(wrong_flags_and_items_are_bad, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_read_only_mailbox_keeps_its_flags, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			messages_that_are_gone_are_passed_over, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(many_flags_are_told_in_slices, server_setup, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
