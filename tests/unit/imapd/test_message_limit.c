/* MESSAGELIMIT and SAVELIMIT (RFC 9738), with a limit of three messages. */
#include "imap/uid_runs.h"
#include "session_rig.h"

#include "imapd/message_limit.h"

#define CUT "[MESSAGELIMIT 3 4] Only the messages with the highest UIDs were taken\r\n"

static void assert_cut(const char *text, uint64_t limit, const char *expected, uint32_t expected_last)
{
	struct seqset set = SEQSET_EMPTY;
	struct buf out;
	uint32_t last = 0;
	assert_int_equal(seqset_parse(&set, strv_cstr(text), 100), RC_OK);
	bool cut = message_limit_cut(&set, limit, &last);
	assert_int_equal(cut, expected_last > 0);
	assert_int_equal(last, expected_last);
	buf_init(&out, 100);
	seqset_print(&out, &set);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
	seqset_fini(&set);
}

static void the_highest_are_left(void **state)
{
	(void)state;
	assert_cut("1:3", 3, "1:3", 0);
	assert_cut("1:4", 3, "2:4", 2);
	assert_cut("1:2,5,9:10", 3, "5,9:10", 5);
	assert_cut("1:2,5,9:10", 2, "9:10", 9);
	assert_cut("1:2,5,9:10", 1, "10", 10);
	assert_cut("1:4294967294", 1, "4294967294", 4294967294);
	assert_cut("1:1000000", 0, "1:1000000", 0);
}

static void runs_are_turned_round(void **state)
{
	(void)state;
	static const struct uid_run runs[] = { { 2, 3, 1 }, { 7, 7, 3 }, { 9, 11, 4 } };
	static const struct uid_run down[] = { { 11, 11, 6 }, { 10, 10, 5 }, { 9, 9, 4 }, { 7, 7, 3 },
		{ 3, 3, 2 }, { 2, 2, 1 } };
	struct arena *arena = arena_new(0);
	size_t count;
	struct uid_run *got = message_limit_down(arena, runs, 3, &count);
	assert_int_equal(count, 6);
	assert_memory_equal(got, down, sizeof(down));
	arena_free(&arena);
}

static void add_many(struct server *server, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t uid;
		assert_int_equal(rig_append(&server->rig, ACCOUNT, "INBOX",
					 STRV("Subject: x\r\n\r\nbody\r\n"), STRV_NULL, &uid),
			RC_OK);
	}
}

static void limited(struct server *server)
{
	server->settings.message_limit = 3;
	/* Without effect beside the other. */
	server->settings.save_limit = 1;
}

static void saves_limited(struct server *server)
{
	server->settings.save_limit = 3;
}

static int setup(void **state)
{
	return server_setup_with(state, limited);
}

static int setup_save(void **state)
{
	return server_setup_with(state, saves_limited);
}

/* Six messages, UIDs 1:6. */
static struct client *six(void **state)
{
	add_many(*state, 6);
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	return client;
}

static void one_limit_is_announced(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "CAPABILITY", " MESSAGELIMIT=3 ");
	client_send(client, "a CAPABILITY\r\n");
	char *answer = client_answer(client);
	assert_null(strstr(answer, "SAVELIMIT"));
	free(answer);
	client_free(&client);
}

static void fetch_begins_with_the_highest(void **state)
{
	struct client *client = six(state);
	assert_command(client, "FETCH 1:* (UID)",
		"* 6 FETCH (UID 6)\r\n* 5 FETCH (UID 5)\r\n* 4 FETCH (UID 4)\r\na OK " CUT);
	assert_command(client, "UID FETCH 1:5 (UID)",
		"* 5 FETCH (UID 5)\r\n* 4 FETCH (UID 4)\r\n* 3 FETCH (UID 3)\r\n"
		"a OK [MESSAGELIMIT 3 3] Only the messages with the highest UIDs were taken\r\n");
	/* The client does the rest by asking for messages below the last UID. */
	assert_command(client, "UID FETCH 1:3 (UID)",
		"* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\na OK UID FETCH "
		"completed\r\n");
	/* Only messages that are there count. */
	assert_command(client, "UID FETCH 5:1000 (UID)",
		"* 5 FETCH (UID 5)\r\n* 6 FETCH (UID 6)\r\na OK UID FETCH completed\r\n");
	assert_command(client, "FETCH 7 (UID)", "a BAD Invalid message sequence number\r\n");
	client_free(&client);
}

static void fetch_makes_only_those_seen_that_it_tells(void **state)
{
	struct client *client = six(state);
	assert_command_has(client, "FETCH 1:6 (BODY[TEXT])", "a OK " CUT);
	assert_command(client, "SEARCH UIDAFTER 3 SEEN", "* SEARCH 4 5 6\r\na OK SEARCH completed\r\n");
	assert_command(client, "SEARCH UIDBEFORE 4 SEEN", "* SEARCH\r\na OK SEARCH completed\r\n");
	client_free(&client);
}

static void the_range_of_partial_counts(void **state)
{
	struct client *client = six(state);
	assert_command(client, "UID FETCH 1:* (UID) (PARTIAL 1:4)",
		"a NO [MESSAGELIMIT 3] The range of PARTIAL is too wide\r\n");
	assert_command(client, "UID FETCH 1:* (UID) (PARTIAL -1:-4)",
		"a NO [MESSAGELIMIT 3] The range of PARTIAL is too wide\r\n");
	assert_command(client, "UID FETCH 1:* (UID) (PARTIAL 1:3)",
		"* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\na OK UID FETCH "
		"completed\r\n");
	assert_command(client, "UID FETCH 1:* (UID) (PARTIAL -2:-2)",
		"* 5 FETCH (UID 5)\r\na OK UID FETCH completed\r\n");
	client_free(&client);
}

static void search_counts_what_it_looks_at(void **state)
{
	struct client *client = six(state);
	assert_command(client, "UID SEARCH ALL", "* SEARCH 4 5 6\r\na OK " CUT);
	assert_command(client, "SEARCH SUBJECT nowhere", "* SEARCH\r\na OK " CUT);
	assert_command(client, "SEARCH RETURN (MIN MAX COUNT) ALL",
		"* ESEARCH (TAG \"a\") MIN 4 MAX 6 COUNT 3\r\na OK " CUT);
	assert_command(client, "UID SEARCH UID 1:3 ALL", "* SEARCH 1 2 3\r\na OK UID SEARCH completed\r\n");
	assert_command(client, "UID SEARCH UIDBEFORE 4", "* SEARCH 1 2 3\r\na OK UID SEARCH completed\r\n");
	assert_command(client, "UID SEARCH UIDAFTER 1 UIDBEFORE 5",
		"* SEARCH 2 3 4\r\na OK UID SEARCH completed\r\n");
	assert_command(client, "UID SEARCH UIDBEFORE 5",
		"* SEARCH 2 3 4\r\na OK [MESSAGELIMIT 3 2] Only the messages with the highest UIDs were "
		"taken\r\n");
	/* This differs from "UID 7:*", which is the last message. */
	assert_command(client, "UID SEARCH UIDAFTER 6", "* SEARCH\r\na OK UID SEARCH completed\r\n");
	assert_command(client, "UID SEARCH UIDBEFORE 1", "* SEARCH\r\na OK UID SEARCH completed\r\n");
	assert_command(client, "UID SEARCH UIDAFTER 4294967295", "* SEARCH\r\na OK UID SEARCH completed\r\n");
	assert_command(client, "UID SEARCH UIDAFTER 3 NOT UIDAFTER 5",
		"* SEARCH 4 5\r\na OK UID SEARCH completed\r\n");
	assert_command(client, "UID SEARCH OR UIDBEFORE 5 UID 6", "* SEARCH 4 6\r\na OK " CUT);
	static const char *const bad[] = { "UIDAFTER", "UIDAFTER 0", "UIDAFTER *", "UIDBEFORE 1:2",
		"UIDBEFORE x" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[64];
		snprintf(text, sizeof(text), "UID SEARCH %s", bad[i]);
		assert_command_has(client, text, "a BAD ");
	}
	client_free(&client);
}

static void a_part_cannot_be_sorted(void **state)
{
	struct client *client = six(state);
	assert_command(client, "SEARCH RETURN (SAVE) UID 1", "a OK SEARCH completed\r\n");
	assert_command(client, "SORT (ARRIVAL) UTF-8 ALL",
		"a NO [MESSAGELIMIT 3] Too many messages, narrow them down by UID\r\n");
	assert_command(client, "FETCH $ (UID)", "* 1 FETCH (UID 1)\r\na OK FETCH completed\r\n");
	assert_command(client, "UID SORT RETURN (SAVE) (REVERSE ARRIVAL) UTF-8 UIDAFTER 2",
		"a NO [MESSAGELIMIT 3] Too many messages, narrow them down by UID\r\n");
	assert_command(client, "FETCH $ (UID)", "a OK FETCH completed\r\n");
	assert_command_has(
		client, "UID SORT (REVERSE ARRIVAL) UTF-8 UIDAFTER 3", "a OK UID SORT completed\r\n");
	assert_command(client, "THREAD REFERENCES UTF-8 ALL",
		"a NO [MESSAGELIMIT 3] Too many messages, narrow them down by UID\r\n");
	assert_command_has(client, "UID THREAD REFERENCES UTF-8 UIDAFTER 3", "a OK UID THREAD completed\r\n");
	client_free(&client);
}

static void what_is_saved_is_cut_too(void **state)
{
	struct client *client = six(state);
	assert_command(client, "SEARCH RETURN (SAVE) ALL", "a OK " CUT);
	assert_command(client, "FETCH $ (UID)",
		"* 4 FETCH (UID 4)\r\n* 5 FETCH (UID 5)\r\n* 6 FETCH (UID 6)\r\na OK FETCH completed\r\n");
	client_free(&client);
}

static void store_changes_the_highest(void **state)
{
	struct client *client = six(state);
	struct client *other = client_new(*state, "INBOX");
	assert_command(client, "STORE 1:* +FLAGS (\\Flagged)",
		"* 6 FETCH (FLAGS (\\Flagged \\Recent))\r\n* 5 FETCH (FLAGS (\\Flagged \\Recent))\r\n"
		"* 4 FETCH (FLAGS (\\Flagged \\Recent))\r\na OK " CUT);
	assert_command(client, "UID STORE 1:* +FLAGS.SILENT (\\Seen)", "a OK " CUT);
	assert_command(other, "NOOP",
		"* 4 FETCH (FLAGS (\\Flagged \\Seen))\r\n* 5 FETCH (FLAGS (\\Flagged \\Seen))\r\n"
		"* 6 FETCH (FLAGS (\\Flagged \\Seen))\r\na OK NOOP completed\r\n");
	/* Another code has the place in the tagged line. */
	client_send(client, "a UID STORE 1:* (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Draft)\r\n");
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "* NO " CUT));
	assert_non_null(strstr(answer, "a OK [MODIFIED 4:6] "));
	free(answer);
	client_free(&other);
	client_free(&client);
}

static void copy_is_all_or_nothing(void **state)
{
	struct client *client = six(state);
	assert_command(client, "COPY 1:6 INBOX",
		"a NO [MESSAGELIMIT 3 4] Too many messages to copy, nothing is copied\r\n");
	assert_command(client, "UID COPY 1:* nowhere",
		"a NO [MESSAGELIMIT 3 4] Too many messages to copy, nothing is copied\r\n");
	assert_command(client, "STATUS INBOX (MESSAGES)",
		"* STATUS \"INBOX\" (MESSAGES 6)\r\na OK STATUS completed\r\n");
	assert_command_has(client, "UID COPY 4:6 INBOX", "a OK [COPYUID 1 4:6 7:9] ");
	client_free(&client);
}

static void move_moves_the_highest(void **state)
{
	struct client *client = six(state);
	assert_command_has(client, "CREATE to", "a OK ");
	assert_command(client, "MOVE 1:* to",
		"* OK [COPYUID 1 4:6 1:3] Moved\r\n* 6 EXPUNGE\r\n* 5 EXPUNGE\r\n* 4 EXPUNGE\r\n* 3 "
		"RECENT\r\na OK " CUT);
	assert_command(client, "UID MOVE 1:* to",
		"* OK [COPYUID 1 1:3 4:6] Moved\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n* 0 "
		"RECENT\r\n"
		"a OK UID MOVE completed\r\n");
	client_free(&client);
}

static void uid_expunge_counts_what_is_deleted(void **state)
{
	struct client *client = six(state);
	assert_command(client, "UID STORE 1,4:6 +FLAGS.SILENT (\\Deleted)",
		"a OK [MESSAGELIMIT 3 4] Only the messages with the highest UIDs were taken\r\n");
	/* Three in a set of six. */
	assert_command(client, "UID EXPUNGE 1:6",
		"* 6 EXPUNGE\r\n* 5 EXPUNGE\r\n* 4 EXPUNGE\r\n* 3 RECENT\r\na OK UID EXPUNGE completed\r\n");
	add_many(*state, 2);
	assert_command_has(client, "NOOP", "* 5 EXISTS");
	assert_command(client, "UID STORE 1:2 +FLAGS.SILENT (\\Deleted)", "a OK UID STORE completed\r\n");
	assert_command(client, "UID STORE 7:8 +FLAGS.SILENT (\\Deleted)", "a OK UID STORE completed\r\n");
	assert_command(client, "UID EXPUNGE 1:*",
		"* 5 EXPUNGE\r\n* 4 EXPUNGE\r\n* 2 EXPUNGE\r\n* 2 RECENT\r\n"
		"a OK [MESSAGELIMIT 3 2] Only the messages with the highest UIDs were taken\r\n");
	assert_command(
		client, "UID EXPUNGE 1:*", "* 1 EXPUNGE\r\n* 1 RECENT\r\na OK UID EXPUNGE completed\r\n");
	client_free(&client);
}

static void highestmodseq_gives_way(void **state)
{
	struct client *client = six(state);
	assert_command_has(client, "ENABLE CONDSTORE", "* ENABLED CONDSTORE\r\n");
	assert_command_has(client, "CREATE to", "a OK ");
	client_send(client, "a UID MOVE 1:* to\r\n");
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "\r\n* OK [HIGHESTMODSEQ "));
	assert_non_null(strstr(answer, "\r\na OK " CUT));
	free(answer);
	client_free(&client);
}

static void expunge_and_close_know_no_limit(void **state)
{
	struct client *client = six(state);
	assert_command(client, "STORE 1:3 +FLAGS.SILENT (\\Deleted)", "a OK STORE completed\r\n");
	assert_command(client, "STORE 4:5 +FLAGS.SILENT (\\Deleted)", "a OK STORE completed\r\n");
	assert_command_has(client, "EXPUNGE", "* 1 EXPUNGE\r\n* 1 RECENT\r\na OK EXPUNGE completed\r\n");
	add_many(*state, 4);
	assert_command_has(client, "NOOP", "* 5 EXISTS");
	assert_command(client, "STORE 1:3 +FLAGS.SILENT (\\Deleted)", "a OK STORE completed\r\n");
	assert_command(client, "STORE 4:5 +FLAGS.SILENT (\\Deleted)", "a OK STORE completed\r\n");
	assert_command(client, "CLOSE", "a OK CLOSE completed\r\n");
	assert_command(client, "STATUS INBOX (MESSAGES UNSEEN)",
		"* STATUS \"INBOX\" (MESSAGES 0 UNSEEN 0)\r\na OK STATUS completed\r\n");
	client_free(&client);
}

static void what_another_session_removed_is_told_besides(void **state)
{
	struct client *client = six(state);
	struct client *other = client_new(*state, "INBOX");
	assert_command(other, "STORE 5 +FLAGS.SILENT (\\Deleted)", "a OK STORE completed\r\n");
	assert_command_has(other, "EXPUNGE", "* 5 EXPUNGE\r\n");
	assert_command(client, "FETCH 1:* (UID)",
		"* 6 FETCH (UID 6)\r\n* 4 FETCH (UID 4)\r\n* NO " CUT
		"a NO [EXPUNGEISSUED] Some of the messages no longer exist\r\n");
	assert_command(client, "SEARCH ALL",
		"* SEARCH 4 6\r\n* NO " CUT "a OK [EXPUNGEISSUED] Some of the messages no longer exist\r\n");
	assert_command(client, "UID SEARCH ALL", "* SEARCH 4 6\r\n* 5 EXPUNGE\r\n* 5 RECENT\r\na OK " CUT);
	client_free(&other);
	client_free(&client);
}

static void append_is_all_or_nothing(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "APPEND INBOX {1+}\r\nx {1+}\r\nx {1+}\r\nx {1+}\r\nx",
		"a NO [MESSAGELIMIT 3] Too many messages");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	assert_command_has(client, "APPEND INBOX {1+}\r\nx {1+}\r\nx {1+}\r\nx", "a OK [APPENDUID 1 1:3] ");
	client_free(&client);
}

static void saves_alone_can_be_limited(void **state)
{
	struct client *client = six(state);
	assert_command_has(client, "CAPABILITY", " SAVELIMIT=3 ");
	client_send(client, "a CAPABILITY\r\n");
	char *answer = client_answer(client);
	assert_null(strstr(answer, "MESSAGELIMIT"));
	free(answer);
	assert_command(client, "COPY 1:6 INBOX",
		"a NO [MESSAGELIMIT 3 4] Too many messages to copy, nothing is copied\r\n");
	assert_command_has(client, "APPEND INBOX {1+}\r\nx {1+}\r\nx {1+}\r\nx {1+}\r\nx",
		"a NO [MESSAGELIMIT 3] Too many messages");
	assert_command_has(client, "FETCH 1:6 (UID)", "* 6 FETCH (UID 6)\r\na OK FETCH completed\r\n");
	assert_command(client, "SEARCH ALL", "* SEARCH 1 2 3 4 5 6\r\na OK SEARCH completed\r\n");
	assert_command(client, "STORE 1:6 +FLAGS.SILENT (\\Seen)", "a OK STORE completed\r\n");
	assert_command_has(client, "CREATE to", "a OK ");
	assert_command_has(client, "MOVE 1:6 to", "* 1 EXPUNGE\r\n* 0 RECENT\r\na OK MOVE completed\r\n");
	client_free(&client);
}

static void nothing_is_limited_or_announced_by_default(void **state)
{
	struct client *client = six(state);
	client_send(client, "a CAPABILITY\r\n");
	char *answer = client_answer(client);
	assert_null(strstr(answer, "LIMIT=3"));
	assert_null(strstr(answer, "SAVELIMIT"));
	free(answer);
	assert_command(
		client, "UID SEARCH UIDAFTER 1", "* SEARCH 2 3 4 5 6\r\na OK UID SEARCH completed\r\n");
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_highest_are_left),
		cmocka_unit_test(runs_are_turned_round),
		TEST(one_limit_is_announced),
		TEST(fetch_begins_with_the_highest),
		TEST(fetch_makes_only_those_seen_that_it_tells),
		TEST(the_range_of_partial_counts),
		TEST(search_counts_what_it_looks_at),
		TEST(a_part_cannot_be_sorted),
		TEST(what_is_saved_is_cut_too),
		TEST(store_changes_the_highest),
		TEST(copy_is_all_or_nothing),
		TEST(move_moves_the_highest),
		TEST(uid_expunge_counts_what_is_deleted),
		TEST(highestmodseq_gives_way),
		TEST(expunge_and_close_know_no_limit),
		TEST(what_another_session_removed_is_told_besides),
		TEST(append_is_all_or_nothing),
		cmocka_unit_test_setup_teardown(saves_alone_can_be_limited, setup_save, server_teardown),
		cmocka_unit_test_setup_teardown(
			nothing_is_limited_or_announced_by_default, server_setup, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
