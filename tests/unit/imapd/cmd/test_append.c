#include "imapd/append.h"
#include "session_rig.h"

static const char text[] = "Subject: appended\r\n\r\nThe body.\r\n";

static void a_message_is_appended_with_its_flags_and_date(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	client_send(client, "a APPEND INBOX (\\Seen $Work) \"17-Jul-2026 02:44:25 -0700\" {32}\r\n");
	free(client_until(client, "+ OK\r\n"));
	client_send(client, text);
	client_send(client, "\r\n");
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "* 1 EXISTS\r\n"));
	assert_non_null(strstr(answer, "a OK [APPENDUID 1 1] "));
	free(answer);
	assert_command_has(client, "FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])",
		"INTERNALDATE \"17-Jul-2026 02:44:25 -0700\" BODY[] {32}\r\n"
		"Subject: appended\r\n\r\nThe body.\r\n)\r\n");
	assert_command_has(client, "FETCH 1 FLAGS", "\\Seen");
	assert_command_has(client, "FETCH 1 FLAGS", "$Work");
	client_free(&client);
}

static void a_literal_that_needs_no_answer_is_taken(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "APPEND INBOX {3+}\r\nabc", "a OK [APPENDUID 1 1] ");
	assert_command_has(client, "APPEND {5+}\r\nINBOX () ~{3+}\r\nabc", "a OK [APPENDUID 1 2] ");
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "MESSAGES 2");
	client_free(&client);
}

static void the_bytes_may_come_one_by_one(void **state)
{
	struct client *client = client_new(*state, NULL);
	const char *command = "a APPEND {5+}\r\nInbox (\\Flagged) {32+}\r\n"
			      "Subject: appended\r\n\r\nThe body.\r\n\r\n";
	for (size_t i = 0; i < strlen(command); i++)
		client_send_bytes(client, strv_make(command + i, 1));
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "a OK [APPENDUID 1 1] "));
	free(answer);
	client_free(&client);
}

static void the_bytes_may_be_cut_anywhere(void **state)
{
	struct client *client = client_new(*state, NULL);
	const char *command = "a APPEND INBOX {32+}\r\nSubject: appended\r\n\r\nThe body.\r\n\r\n";
	for (size_t i = 1; i < strlen(command); i++) {
		client_send_bytes(client, strv_make(command, i));
		turn(client);
		client_send(client, command + i);
		char *answer = client_answer(client);
		assert_non_null(strstr(answer, "a OK [APPENDUID 1 "));
		free(answer);
	}
	client_free(&client);
}

static void pipelined_appends_run_in_order(void **state)
{
	struct client *client = client_new(*state, NULL);
	client_send(client,
		"x APPEND INBOX {1+}\r\n1\r\ny APPEND INBOX {2+}\r\n22\r\na APPEND INBOX {3+}\r\n333\r\n");
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "x OK [APPENDUID 1 1] "));
	assert_non_null(strstr(answer, "y OK [APPENDUID 1 2] "));
	assert_non_null(strstr(answer, "a OK [APPENDUID 1 3] "));
	free(answer);
	client_free(&client);
}

static void a_missing_mailbox_is_told_before_the_bytes(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "APPEND Nowhere {10}", "a NO [TRYCREATE] Mailbox doesn't exist\r\n");
	/* Bytes that are on their way already are skipped. */
	assert_command(
		client, "APPEND Nowhere {10+}\r\n0123456789", "a NO [TRYCREATE] Mailbox doesn't exist\r\n");
	assert_command_has(client, "NOOP", "a OK ");
	client_free(&client);
}

static void large_bytes_for_a_missing_mailbox_are_skipped(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct buf bytes;
	buf_init(&bytes, 1000000);
	buf_adds(&bytes, "a APPEND Nowhere {500000+}\r\n");
	for (unsigned i = 0; i < 500000; i++)
		buf_addc(&bytes, 'x');
	buf_adds(&bytes, "\r\n");
	client_send_bytes(client, buf_strv(&bytes));
	char *answer = client_answer(client);
	assert_string_equal(answer, "a NO [TRYCREATE] Mailbox doesn't exist\r\n");
	free(answer);
	assert_command_has(client, "NOOP", "a OK ");
	buf_fini(&bytes);
	client_free(&client);
}

static void small_limits(struct server *server)
{
	server->settings.message_max = 1000;
	server->rig.settings.quota_storage = 3000;
}

static int small_setup(void **state)
{
	return server_setup_with(state, small_limits);
}

static void a_message_above_the_limit_is_refused(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "APPEND INBOX {1001}", "a NO [TOOBIG] Message is too large\r\n");
	assert_command(
		client, "APPEND INBOX {18446744073709551615}", "a NO [TOOBIG] Message is too large\r\n");
	client_free(&client);
}

static void a_message_beyond_the_quota_is_refused(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct buf bytes;
	buf_init(&bytes, 2000);
	buf_adds(&bytes, "APPEND INBOX {900+}\r\n");
	for (unsigned i = 0; i < 900; i++)
		buf_addc(&bytes, 'x');
	buf_addc(&bytes, '\0');
	for (unsigned i = 0; i < 3; i++)
		assert_command_has(client, bytes.p, "a OK [APPENDUID 1 ");
	assert_command_has(client, bytes.p, "a NO [OVERQUOTA] ");
	assert_command_has(client, "APPEND INBOX {900}", "a NO [OVERQUOTA] ");
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "MESSAGES 3");
	buf_fini(&bytes);
	client_free(&client);
}

static void wrong_arguments_are_refused(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "APPEND INBOX", "a BAD ");
	assert_command_has(client, "APPEND INBOX \"text\"", "a BAD ");
	assert_command_has(client, "APPEND INBOX (\\Recent) {3}", "a BAD ");
	assert_command_has(client, "APPEND INBOX (\\Seen {3}", "a BAD ");
	assert_command_has(client, "APPEND INBOX \"yesterday\" {3}", "a BAD ");
	assert_command_has(client, "APPEND INBOX{3}", "a BAD ");
	assert_command_has(client, "APPEND INBOX {3+}\r\nabc def", "a BAD ");
	assert_command_has(client, "APPEND INBOX {0+}\r\n", "a NO ");
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "MESSAGES 0");
	client_free(&client);
}

static void a_client_that_hangs_up_leaves_nothing(void **state)
{
	static const char *const beginnings[] = {
		"a APPEND INBOX {100000}\r\n",
		"a APPEND INBOX {100000+}\r\nSubject: x\r\n",
		"a APPEND INBOX {20+}\r\nSubject: x\r\n",
		"a APPEND INBOX {3+}\r\nabc",
	};
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		struct client *client = client_new(*state, NULL);
		client_send(client, beginnings[i]);
		client_free(&client);
	}
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "MESSAGES 0");
	client_free(&client);
}

static void a_large_message_is_the_same_when_it_comes_back(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct buf bytes;
	size_t size = 3000000;
	buf_init(&bytes, size + 1000);
	buf_adds(&bytes, "a APPEND INBOX {3000000+}\r\n");
	size_t head = bytes.len;
	buf_adds(&bytes, "Subject: large\r\n\r\n");
	for (unsigned i = 0; bytes.len < head + size - 80; i++)
		buf_printf(&bytes, "This is line %u of a large message\r\n", i);
	while (bytes.len < head + size)
		buf_addc(&bytes, '.');
	buf_adds(&bytes, "\r\n");
	client_send_bytes(client, buf_strv(&bytes));
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "a OK [APPENDUID 1 1] "));
	free(answer);
	client_send(client, "x FETCH 1 BODY.PEEK[]\r\n");
	free(client_until(client, "{3000000}\r\n"));
	answer = client_until(client, ")\r\nx OK ");
	assert_int_equal(strlen(answer), size + strlen(")\r\nx OK "));
	assert_memory_equal(answer, bytes.p + head, size);
	free(answer);
	buf_fini(&bytes);
	client_free(&client);
}

static void another_session_is_told(void **state)
{
	struct client *one = client_new(*state, "INBOX");
	struct client *two = client_new(*state, "INBOX");
	assert_command_has(one, "APPEND INBOX {3+}\r\nabc", "* 1 EXISTS\r\n");
	assert_command_has(two, "NOOP", "* 1 EXISTS\r\n");
	client_free(&one);
	client_free(&two);
}

static void several_messages_are_appended_at_once(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	client_send(client, "a APPEND INBOX (\\Seen) {3}\r\n");
	free(client_until(client, "+ OK\r\n"));
	client_send(client, "one (\\Flagged $Work) \"17-Jul-2026 02:44:25 -0700\" {3}\r\n");
	free(client_until(client, "+ OK\r\n"));
	client_send(client, "two {5+}\r\nthree\r\n");
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "* 3 EXISTS\r\n"));
	assert_non_null(strstr(answer, "a OK [APPENDUID 1 1:3] "));
	free(answer);
	assert_command_has(client, "FETCH 1 (FLAGS BODY.PEEK[])", "BODY[] {3}\r\none)");
	assert_command_has(client, "FETCH 2 (INTERNALDATE BODY.PEEK[])",
		"INTERNALDATE \"17-Jul-2026 02:44:25 -0700\" BODY[] {3}\r\ntwo)");
	assert_command_has(client, "SEARCH SEEN", "* SEARCH 1\r\n");
	assert_command_has(client, "SEARCH FLAGGED KEYWORD $Work", "* SEARCH 2\r\n");
	assert_command_has(client, "FETCH 3 BODY.PEEK[]", "three)");
	client_free(&client);
}

static void several_messages_may_come_one_by_one(void **state)
{
	struct client *client = client_new(*state, NULL);
	const char *command =
		"a APPEND {5+}\r\nInbox (\\Flagged) {3+}\r\none ~{3+}\r\ntwo () {3+}\r\nsix\r\n";
	for (size_t i = 0; i < strlen(command); i++)
		client_send_bytes(client, strv_make(command + i, 1));
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "a OK [APPENDUID 1 1:3] "));
	free(answer);
	for (size_t i = 1; i < strlen(command); i++) {
		client_send_bytes(client, strv_make(command, i));
		turn(client);
		client_send(client, command + i);
		answer = client_answer(client);
		assert_non_null(strstr(answer, "a OK [APPENDUID 1 "));
		free(answer);
	}
	client_free(&client);
}

static void all_messages_are_stored_or_none(void **state)
{
	struct client *client = client_new(*state, NULL);
	/* Taken back by an empty one, refused, or wrong, at the second. */
	assert_command_has(client, "APPEND INBOX {3+}\r\none {0+}\r\n {3+}\r\ntwo", "a NO ");
	assert_command_has(client, "APPEND INBOX {3+}\r\none {2000}", "a NO [TOOBIG] ");
	assert_command_has(client, "APPEND INBOX {3+}\r\none (\\Recent) {3+}\r\ntwo {3+}\r\nsix", "a BAD ");
	assert_command_has(client, "APPEND INBOX {3+}\r\none two", "a BAD ");
	assert_command_has(client, "APPEND INBOX {3+}\r\none{3+}\r\ntwo", "a BAD ");
	assert_command_has(client, "STATUS INBOX (MESSAGES UIDNEXT)", "MESSAGES 0 UIDNEXT 1");
	assert_command_has(client, "NOOP", "a OK ");
	client_free(&client);
}

static void all_messages_together_are_held_against_the_quota(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct buf bytes;
	buf_init(&bytes, 8000);
	buf_adds(&bytes, "APPEND INBOX");
	for (unsigned m = 0; m < 4; m++) {
		buf_adds(&bytes, " {900+}\r\n");
		for (unsigned i = 0; i < 900; i++)
			buf_addc(&bytes, 'x');
	}
	buf_addc(&bytes, '\0');
	assert_command_has(client, bytes.p, "a NO [OVERQUOTA] ");
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "MESSAGES 0");
	/* The fourth is refused before its bytes are sent. */
	bytes.len -= 900 + 1 + strlen("{900+}\r\n");
	buf_adds(&bytes, "{900}");
	buf_addc(&bytes, '\0');
	assert_command_has(client, bytes.p, "a NO [OVERQUOTA] ");
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "MESSAGES 0");
	buf_fini(&bytes);
	client_free(&client);
}

/* Neither the number of literals nor the length of a line bounds it: what is stored is forgotten. */
static void many_messages_are_appended_at_once(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct buf bytes;
	buf_init(&bytes, 200000);
	buf_adds(&bytes, "APPEND INBOX");
	for (unsigned m = 1; m <= 2000; m++)
		buf_printf(&bytes, " (\\Seen k%u) \"3-Feb-2025 18:28:47 +0000\" {4+}\r\n%04u", m % 7, m);
	buf_addc(&bytes, '\0');
	assert_true(bytes.len > 80000);
	assert_command_has(client, bytes.p, "a OK [APPENDUID 1 1:2000] ");
	assert_command_has(client, "SELECT INBOX", "* 2000 EXISTS\r\n");
	assert_command_has(
		client, "FETCH 1234 (FLAGS BODY.PEEK[])", "(\\Seen \\Recent k2) BODY[] {4}\r\n1234)");
	buf_fini(&bytes);
	client_free(&client);
}

static void a_client_that_hangs_up_between_messages_leaves_nothing(void **state)
{
	static const char *const beginnings[] = {
		"a APPEND INBOX {3+}\r\nabc {100000}\r\n",
		"a APPEND INBOX {3+}\r\nabc {100000+}\r\nSubject: x\r\n",
		"a APPEND INBOX {20+}\r\n01234567890123456789 {3+}\r\nabc",
		"a APPEND INBOX {20+}\r\n01234567890123456789 (\\Seen",
	};
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		struct client *client = client_new(*state, NULL);
		client_send(client, beginnings[i]);
		client_free(&client);
	}
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "MESSAGES 0");
	client_free(&client);
}

#define THREE_MESSAGES 3 /* of a hundred octets, which are looked at as headers, too */
#define MESSAGE_MEMORY (APPEND_MESSAGE_MEMORY + 100 + 100)

/* The limit is the memory of two messages. It is checked before a message begins, so a third one is taken. */
static void just_enough_memory(struct server *server)
{
	server->settings.append_memory_max = (THREE_MESSAGES - 1) * MESSAGE_MEMORY;
}

static void too_little_memory(struct server *server)
{
	server->settings.append_memory_max = (THREE_MESSAGES - 1) * MESSAGE_MEMORY - 1;
}

static int setup_just_enough_memory(void **state)
{
	return server_setup_with(state, just_enough_memory);
}

static int setup_too_little_memory(void **state)
{
	return server_setup_with(state, too_little_memory);
}

static void assert_three_messages(struct client *client, const char *expected)
{
	struct buf command;
	buf_init(&command, 4096);
	buf_adds(&command, "APPEND INBOX");
	for (int i = 0; i < THREE_MESSAGES; i++)
		buf_printf(&command, " {100+}\r\nX: %095d\r\n", i);
	buf_addc(&command, '\0');
	assert_command_has(client, command.p, expected);
	buf_fini(&command);
}

static void messages_in_flight_may_fill_their_memory(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_three_messages(client, "a OK [APPENDUID 1 1:3] ");
	client_free(&client);
}

static void messages_beyond_their_memory_are_refused(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct imapd_settings settings;
	assert_three_messages(client, "a NO [LIMIT] Too many messages in one APPEND\r\n");
	assert_command_has(client, "STATUS INBOX (MESSAGES)", "MESSAGES 0");
	client_free(&client);
	imapd_settings_init(&settings);
	assert_int_equal(settings.append_memory_max, 128 * 1024 * 1024);
}

static void a_url_is_told_up_to_a_limit(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	char url[BADURL_MAX + 1];
	memset(url, 'u', sizeof(url));
	for (size_t n = BADURL_MAX - 1; n <= BADURL_MAX + 1; n++) {
		const char *code = append_badurl_code(arena, strv_make(url, n));
		size_t shown = n < BADURL_MAX ? n : BADURL_MAX;
		assert_int_equal(strlen(code), strlen("BADURL \"\"") + shown);
		assert_int_equal(code[strlen(code) - 1], '"');
	}
	/* Each octet encoded: room for all. */
	memset(url, '\x7f', sizeof(url));
	const char *code = append_badurl_code(arena, strv_make(url, sizeof(url)));
	assert_int_equal(strlen(code), strlen("BADURL \"\"") + 3 * BADURL_MAX);
	assert_string_equal(code + strlen(code) - 4, "%7F\"");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_message_is_appended_with_its_flags_and_date, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_literal_that_needs_no_answer_is_taken, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(the_bytes_may_come_one_by_one, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(the_bytes_may_be_cut_anywhere, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			pipelined_appends_run_in_order, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_missing_mailbox_is_told_before_the_bytes, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			large_bytes_for_a_missing_mailbox_are_skipped, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_message_above_the_limit_is_refused, small_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_message_beyond_the_quota_is_refused, small_setup, server_teardown),
		cmocka_unit_test_setup_teardown(wrong_arguments_are_refused, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_client_that_hangs_up_leaves_nothing, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_large_message_is_the_same_when_it_comes_back, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			messages_in_flight_may_fill_their_memory, setup_just_enough_memory, server_teardown),
		cmocka_unit_test_setup_teardown(
			messages_beyond_their_memory_are_refused, setup_too_little_memory, server_teardown),
		cmocka_unit_test(a_url_is_told_up_to_a_limit),
		cmocka_unit_test_setup_teardown(another_session_is_told, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			several_messages_are_appended_at_once, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			several_messages_may_come_one_by_one, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			all_messages_are_stored_or_none, small_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			all_messages_together_are_held_against_the_quota, small_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			many_messages_are_appended_at_once, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(a_client_that_hangs_up_between_messages_leaves_nothing,
			server_setup, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
