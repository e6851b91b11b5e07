#include "greeting_rig.h"
#include "store/message.h"

static void small_limits(struct server *server)
{
	server->settings.hostname = "test.example";
	server->settings.line_max = 200;
	server->settings.line_max_preauth = 60;
	server->settings.literal_max = 100;
	server->settings.literal_max_preauth = 20;
	server->settings.words_max = 20;
	server->settings.bad_commands_max = 3;
	server->settings.connections_max = 4;
	server->settings.connections_reserve = 0;
	server->settings.connections_per_user = 2;
	server->settings.connections_per_ip = 3;
	server->settings.timeout_ms = 1800000;
	server->settings.timeout_preauth_ms = 60000;
	server->settings.idle_keepalive_ms = 120000;
}

static int setup(void **state)
{
	return server_setup_with(state, small_limits);
}

static void small_skips(struct server *server)
{
	small_limits(server);
	server->settings.skip_max = 600;
	server->settings.skip_max_preauth = 500;
}

static int setup_small_skips(void **state)
{
	return server_setup_with(state, small_skips);
}

static int teardown(void **state)
{
	clock_fake_set(0, 0);
	return server_teardown(state);
}

static void skip_greeting(struct client *client)
{
	free(client_until(client, "] test.example coid ready\r\n"));
}

/* Each word once, none of `without`. */
static void assert_capabilities(char *text, const char *const *with, const char *const *without)
{
	for (char *p = text; *p; p++) {
		if (*p == '\r' || *p == ']')
			*p = ' ';
	}
	for (; *with; with++) {
		char word[40];
		snprintf(word, sizeof(word), " %s ", *with);
		char *at = strstr(text, word);
		if (!at || strstr(at + 1, word))
			fail_msg("not once '%s' in '%s'", word, text);
	}
	for (; *without; without++) {
		if (strstr(text, *without))
			fail_msg("'%s' in '%s'", *without, text);
	}
	free(text);
}

static void the_greeting_tells_the_capabilities(void **state)
{
	static const char *const before[] = { "IMAP4rev1", "LITERAL-", "SASL-IR", "LOGINDISABLED", "ID",
		"ENABLE", "NAMESPACE", "UNSELECT", "MOVE", "UIDPLUS", "IDLE", "SPECIAL-USE", "CHILDREN",
		NULL };
	static const char *const not_before[] = { "LITERAL+", "AUTH=", "STARTTLS", NULL };
	static const char *const after[] = { "IMAP4rev1", "LITERAL+", "ID", "ENABLE", "NAMESPACE", "UNSELECT",
		"MOVE", "UIDPLUS", "IDLE", "SPECIAL-USE", "CHILDREN", NULL };
	static const char *const not_after[] = { "LITERAL-", "AUTH=", "STARTTLS", "LOGINDISABLED", "SASL-IR",
		NULL };
	struct client *client = client_connect(*state);
	assert_capabilities(client_until(client, "ready\r\n"), before, not_before);
	client_send(client, "a CAPABILITY\r\n");
	assert_capabilities(client_until(client, "\r\n"), before, not_before);
	assert_next(client, "a OK CAPABILITY completed\r\n");
	client_free(&client);
	client = client_new(*state, NULL);
	client_send(client, "a CAPABILITY\r\n");
	assert_capabilities(client_until(client, "\r\n"), after, not_after);
	assert_next(client, "a OK CAPABILITY completed\r\n");
	client_free(&client);
}

static void a_command_in_the_wrong_state_is_bad(void **state)
{
	struct client *client = client_connect(*state);
	skip_greeting(client);
	assert_command(client, "SELECT INBOX", "a BAD Log in first\r\n");
	assert_command(client, "FETCH 1 FLAGS", "a BAD Log in first\r\n");
	client_free(&client);
	client = client_new(*state, NULL);
	assert_command(client, "LOGIN a b", "a BAD Already logged in\r\n");
	assert_command(client, "UID FETCH 1 FLAGS", "a BAD No mailbox selected\r\n");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	assert_command(client, "CLOSE", "a BAD No mailbox selected\r\n");
	client_free(&client);
}

static void a_wrong_line_is_answered_bad(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "FROB", "a BAD Unknown command\r\n");
	assert_command(client, "UID NOOP", "a BAD Unknown command\r\n");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	assert_command(client, "NOOP x", "a BAD Unexpected arguments\r\n");
	client_send(client, "b\r\n");
	assert_next(client, "b BAD Missing command\r\n");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	client_send(client, "(x) NOOP\r\n");
	assert_next(client, "* BAD Invalid tag\r\n");
	client_send(client, "c NO\rOP\r\n");
	assert_next(client, "c BAD NUL or bare CR in a command\r\n");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	client_free(&client);
}

static void too_many_bad_commands_in_a_row_end_the_session(void **state)
{
	struct client *client = client_new(*state, NULL);
	for (int i = 0; i < 3; i++) {
		assert_command(client, "FROB", "a BAD Unknown command\r\n");
		assert_command(client, "FROB", "a BAD Unknown command\r\n");
		assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	}
	client_send(client, "a X\r\nb Y\r\nc Z\r\nd NOOP\r\n");
	assert_closed(client, "a BAD Unknown command\r\nb BAD Unknown command\r\nc BAD Unknown command\r\n"
			      "* BYE Too many bad commands\r\n");
	client_free(&client);
}

static void too_long_a_line_is_bad(void **state)
{
	struct client *client = client_connect(*state);
	skip_greeting(client);
	client_send(
		client, "a NOOP 0123456789012345678901234567890123456789012345678901234567890123456789\r\n");
	assert_next(client, "a BAD Line is too long\r\n");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	client_free(&client);
	/* After login there is more room. */
	client = client_new(*state, NULL);
	assert_command(client,
		"ID (\"name\" \"0123456789012345678901234567890123456789012345678901234567890\")",
		"* ID (\"name\" \"coid\")\r\na OK ID completed\r\n");
	char line[301];
	memset(line, 'x', 300);
	line[300] = '\0';
	client_send(client, "a NOOP ");
	client_send(client, line);
	assert_next(client, "a BAD Line is too long\r\n");
	client_send(client, "\r\n");
	client_free(&client);
}

static void an_endless_line_ends_the_session(void **state)
{
	struct client *client = client_connect(*state);
	char piece[1001];
	skip_greeting(client);
	memset(piece, 'x', 1000);
	piece[1000] = '\0';
	for (int i = 0; i < 66; i++)
		client_send(client, piece);
	for (int i = 0; i < 100 && client_session(client); i++)
		turn(client);
	assert_null(client_session(client));
	client_receive(client);
	assert_non_null(memmem(client->in.p, client->in.len, "* BYE ", 6));
	client_free(&client);
}

/* Sends up to `most` octets of a line that is refused already, which the session skips. */
static void assert_skips(struct client *client, unsigned most)
{
	char line[301];
	memset(line, 'x', 300);
	line[300] = '\0';
	/* Longer than a line may be before login and after it: what is beyond counts already. */
	client_send(client, "a NOOP ");
	client_send(client, line);
	assert_next(client, "a BAD Line is too long\r\n");
	assert_non_null(client_session(client));
	assert_true(client_session(client)->lex.skipped < most);
	while (client_session(client)->lex.skipped < most)
		client_send(client, "x");
	assert_quiet(client);
	assert_non_null(client_session(client));
	client_send(client, "x");
	assert_closed(client, "* BYE Too many bytes of a refused command\r\n");
	client_free(&client);
}

static void what_is_thrown_away_of_a_line_has_a_limit(void **state)
{
	struct server *server = *state;
	struct client *client = client_connect(server);
	skip_greeting(client);
	assert_skips(client, (unsigned)server->settings.skip_max_preauth);
	assert_skips(client_new(server, NULL), (unsigned)server->settings.skip_max);
	struct imapd_settings settings;
	imapd_settings_init(&settings);
	assert_int_equal(settings.skip_max_preauth, 64 * 1024);
	assert_int_equal(settings.skip_max, 256 * 1024 * 1024);
}

static void literals_have_a_limit(void **state)
{
	struct client *client = client_connect(*state);
	skip_greeting(client);
	client_send(client, "a LOGIN {21}\r\n");
	assert_next(client, "a BAD [TOOBIG] Literal is too large\r\n");
	client_send(client, "b LOGIN {10}\r\n");
	assert_next(client, "+ OK\r\n");
	client_send(client, "0123456789 {11+}\r\n01234567890\r\nc NOOP\r\n");
	assert_next(client, "b BAD [TOOBIG] Literal is too large\r\n");
	assert_next(client, "c OK NOOP completed\r\n");
	client_free(&client);
	client = client_new(*state, NULL);
	client_send(client, "a CREATE {101}\r\n");
	assert_next(client, "a BAD [TOOBIG] Literal is too large\r\n");
	assert_command_has(client, "STATUS {5+}\r\nINBOX (MESSAGES)", "* STATUS \"INBOX\" (MESSAGES 0)\r\n");
	client_free(&client);
}

static void literals_of_an_unknown_command_are_not_asked_for(void **state)
{
	struct client *client = client_new(*state, NULL);
	client_send(client, "a FROB {5}\r\n");
	assert_next(client, "a BAD Unknown command\r\n");
	client_send(client, "a FROB {5+}\r\nb X\r\n\r\nc NOOP\r\n");
	assert_next(client, "a BAD Unknown command\r\n");
	assert_next(client, "c OK NOOP completed\r\n");
	client_free(&client);
}

static void words_of_a_command_have_a_limit(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "ENABLE 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22",
		"a BAD Too many arguments\r\n");
	assert_command(client, "ENABLE 1 2 3 4 5 6 7 8", "* ENABLED\r\na OK ENABLE completed\r\n");
	client_free(&client);
}

static void pipelined_commands_are_answered_in_order(void **state)
{
	struct client *client = client_new(*state, NULL);
	client_send(client,
		"1 CREATE x\r\n2 STATUS x (MESSAGES)\r\n3 NOOP\r\n4 DELETE x\r\n5 STATUS x (MESSAGES)\r\n"
		"6 NOOP\r\n");
	assert_next(client,
		"1 OK [MAILBOXID (F1)] CREATE completed\r\n* STATUS \"x\" (MESSAGES 0)\r\n2 OK STATUS "
		"completed\r\n"
		"3 OK NOOP completed\r\n4 OK DELETE completed\r\n5 NO [NONEXISTENT] No such mailbox\r\n"
		"6 OK NOOP completed\r\n");
	client_free(&client);
}

static void commands_may_come_byte_by_byte(void **state)
{
	struct client *client = client_new(*state, NULL);
	const char *text = "1 CREATE {1+}\r\nx\r\n2 LIST \"\" x\r\n3 IDLE\r\nDONE\r\n";
	for (const char *p = text; *p; p++)
		client_send_bytes(client, strv_make(p, 1));
	assert_next(client, "1 OK [MAILBOXID (F1)] CREATE completed\r\n* LIST (\\HasNoChildren) \"/\" "
			    "\"x\"\r\n2 OK LIST completed\r\n"
			    "+ idling\r\n3 OK IDLE completed\r\n");
	client_free(&client);
}

static void logout_says_bye_and_closes(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	client_send(client, "a LOGOUT\r\nb NOOP\r\n");
	assert_closed(client, "* BYE Logging out\r\na OK LOGOUT completed\r\n");
	client_free(&client);
	client = client_connect(*state);
	skip_greeting(client);
	client_send(client, "a LOGOUT\r\n");
	assert_closed(client, "* BYE Logging out\r\na OK LOGOUT completed\r\n");
	client_free(&client);
}

static void connections_have_limits(void **state)
{
	struct server *server = *state;
	struct client *clients[4];
	for (int i = 0; i < 3; i++)
		clients[i] = client_connect(server);
	struct client *more = client_connect(server);
	assert_closed(more, "* BYE [LIMIT] Too many connections from your address\r\n");
	client_free(&more);
	for (int i = 0; i < 3; i++)
		client_free(&clients[i]);
	clients[0] = client_connect(server);
	skip_greeting(clients[0]);
	client_free(&clients[0]);
	assert_int_equal(imapd_sessions(server->imapd), 0);
}

static void few_before_login(struct server *server)
{
	small_limits(server);
	server->settings.connections_max = 0;
	server->settings.connections_per_ip = 0;
	server->settings.connections_preauth_per_ip = 2;
}

static int setup_few_before_login(void **state)
{
	return server_setup_with(state, few_before_login);
}

/* AU-34 */
static void au_34_for_one_more_that_has_not_logged_in_the_oldest_has_to_leave(void **state)
{
	struct client *user = client_new(*state, NULL);
	struct client *first = client_connect(*state);
	skip_greeting(first);
	struct client *second = client_connect(*state);
	skip_greeting(second);
	struct client *third = client_connect(*state);
	skip_greeting(third);
	assert_closed(first, "* BYE [LIMIT] Too many connections that have not logged in\r\n");
	assert_command(user, "NOOP", "a OK NOOP completed\r\n");
	assert_command(second, "NOOP", "a OK NOOP completed\r\n");
	assert_command(third, "NOOP", "a OK NOOP completed\r\n");
	/* A session that gives its login back counts as not logged in. */
	assert_command_has(user, "UNAUTHENTICATE", "a OK");
	struct client *fourth = client_connect(*state);
	skip_greeting(fourth);
	assert_closed(second, "* BYE [LIMIT] Too many connections that have not logged in\r\n");
	client_free(&user);
	client_free(&first);
	client_free(&second);
	client_free(&third);
	client_free(&fourth);
}

static void few_connections(struct server *server)
{
	small_limits(server);
	server->settings.connections_max = 1;
	server->settings.connections_per_ip = 0;
}

static int setup_few(void **state)
{
	return server_setup_with(state, few_connections);
}

static void the_server_has_a_limit_of_connections(void **state)
{
	struct server *server = *state;
	struct client *first = client_connect(server);
	struct client *more = client_connect(server);
	assert_closed(more, "* BYE [LIMIT] Too many connections\r\n");
	client_free(&more);
	skip_greeting(first);
	client_free(&first);
}

static void a_user_has_a_limit_of_connections(void **state)
{
	struct client *a = client_new(*state, NULL);
	struct client *b = client_new(*state, NULL);
	struct client *c = client_connect(*state);
	struct session *session;
	skip_greeting(c);
	session = client_session(c);
	assert_int_equal(session_login(session, ACCOUNT, "alice@example.org"), RC_LIMIT);
	assert_int_equal(session->state, SESSION_NOT_AUTH);
	client_free(&a);
	assert_int_equal(session_login(session, ACCOUNT, "alice@example.org"), RC_OK);
	client_free(&b);
	client_free(&c);
}

static void a_client_that_does_not_log_in_is_sent_away(void **state)
{
	clock_fake_set(1000, 1000);
	struct client *client = client_connect(*state);
	skip_greeting(client);
	clock_fake_advance(59000);
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	/* Commands do not prolong it. */
	clock_fake_advance(1500);
	assert_closed(client, "* BYE Login took too long\r\n");
	client_free(&client);
}

static void an_inactive_client_is_logged_out(void **state)
{
	clock_fake_set(1000, 1000);
	struct client *client = client_new(*state, "INBOX");
	clock_fake_advance(1700000);
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	clock_fake_advance(1700000);
	assert_quiet(client);
	clock_fake_advance(200000);
	assert_closed(client, "* BYE Autologout, idle for too long\r\n");
	client_free(&client);
}

static void an_idler_gets_signs_of_life_and_stays(void **state)
{
	clock_fake_set(1000, 1000);
	struct client *client = client_new(*state, "INBOX");
	client_send(client, "a IDLE\r\n");
	assert_next(client, "+ idling\r\n");
	for (int i = 0; i < 20; i++) {
		clock_fake_advance(120001);
		assert_next(client, "* OK Still here\r\n");
	}
	client_send(client, "DONE\r\n");
	assert_next(client, "a OK IDLE completed\r\n");
	clock_fake_advance(120001);
	assert_quiet(client);
	client_free(&client);
}

static void stopping_says_bye_to_everyone(void **state)
{
	struct server *server = *state;
	struct client *waiting = client_new(server, "INBOX");
	struct client *idling = client_new(server, "INBOX");
	struct client *greeted = client_connect(server);
	skip_greeting(greeted);
	client_send(idling, "a IDLE\r\n");
	assert_next(idling, "+ idling\r\n");
	imapd_stop(server->imapd);
	assert_closed(waiting, "* BYE Server is shutting down\r\n");
	assert_closed(idling, "* BYE Server is shutting down\r\n");
	assert_closed(greeted, "* BYE Server is shutting down\r\n");
	client_free(&waiting);
	client_free(&idling);
	client_free(&greeted);
	struct client *late = client_connect(server);
	assert_closed(late, "* BYE Server is shutting down\r\n");
	client_free(&late);
}

static void stopping_waits_for_a_command_but_not_for_long(void **state)
{
	struct server *server = *state;
	clock_fake_set(1000, 1000);
	struct client *client = client_new(server, "INBOX");
	client_send(client, "a APPEND INBOX {1000}\r\n");
	assert_next(client, "+ OK\r\n");
	imapd_stop(server->imapd);
	assert_quiet(client);
	clock_fake_advance(2500);
	assert_closed(client, "* BYE Server is shutting down\r\n");
	client_free(&client);
}

static void a_second_stop_waits_for_nothing(void **state)
{
	struct server *server = *state;
	struct client *client = client_new(server, "INBOX");
	client_send(client, "a APPEND INBOX {1000}\r\n");
	assert_next(client, "+ OK\r\n");
	imapd_stop(server->imapd);
	imapd_stop(server->imapd);
	assert_closed(client, "* BYE Server is shutting down\r\n");
	client_free(&client);
}

static void a_client_may_vanish_at_any_moment(void **state)
{
	static const char *const scripts[] = {
		"a SELECT INBOX\r\n",
		"a IDLE\r\n",
		"a APPEND INBOX {10}\r\n",
		"a APPEND INBOX {10+}\r\nabc",
		"a CREATE x\r\n",
		"a LIST \"\" *\r\nb SELECT INBOX\r\nc CLOSE\r\n",
		"a LOGOUT\r\n",
		"a STATUS {10}\r\n",
		"a CREATE y",
	};
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		for (int turns = 0; turns < 4; turns++) {
			struct client *client = client_new(*state, i % 2 ? "INBOX" : NULL);
			assert_int_equal(send(client->fd, scripts[i], strlen(scripts[i]), MSG_NOSIGNAL),
				strlen(scripts[i]));
			for (int t = 0; t < turns; t++)
				turn(client);
			client_free(&client);
		}
	}
}

static void new_settings_are_for_new_sessions(void **state)
{
	struct server *server = *state;
	struct client *old = client_new(server, NULL);
	struct imapd_settings settings = server->settings;
	settings.bad_commands_max = 1;
	imapd_reload(server->imapd, &settings, NULL);
	assert_command(old, "X", "a BAD Unknown command\r\n");
	assert_command(old, "NOOP", "a OK NOOP completed\r\n");
	struct client *new = client_new(server, NULL);
	client_send(new, "a X\r\n");
	assert_closed(new, "a BAD Unknown command\r\n* BYE Too many bad commands\r\n");
	client_free(&old);
	client_free(&new);
}

static void counters_count(void **state)
{
	struct server *server = *state;
	struct imapd_counters counters;
	struct client *client = client_new(server, NULL);
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	client_send(client, "b IDLE\r\n");
	assert_next(client, "+ idling\r\n");
	imapd_counters(server->imapd, &counters);
	assert_int_equal(counters.connections, 1);
	assert_int_equal(counters.sessions, 1);
	assert_int_equal(counters.idling, 1);
	assert_int_equal(counters.commands, 2);
	client_free(&client);
	imapd_counters(server->imapd, &counters);
	assert_int_equal(counters.sessions, 0);
	assert_int_equal(counters.idling, 0);
	assert_true(counters.bytes_in > 0 && counters.bytes_out > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_greeting_tells_the_capabilities),
		TEST(a_command_in_the_wrong_state_is_bad),
		TEST(a_wrong_line_is_answered_bad),
		TEST(too_many_bad_commands_in_a_row_end_the_session),
		TEST(too_long_a_line_is_bad),
		TEST(an_endless_line_ends_the_session),
		cmocka_unit_test_setup_teardown(
			what_is_thrown_away_of_a_line_has_a_limit, setup_small_skips, teardown),
		TEST(literals_have_a_limit),
		TEST(literals_of_an_unknown_command_are_not_asked_for),
		TEST(words_of_a_command_have_a_limit),
		TEST(pipelined_commands_are_answered_in_order),
		TEST(commands_may_come_byte_by_byte),
		TEST(logout_says_bye_and_closes),
		TEST(connections_have_limits),
		cmocka_unit_test_setup_teardown(
			au_34_for_one_more_that_has_not_logged_in_the_oldest_has_to_leave,
			setup_few_before_login, teardown),
		cmocka_unit_test_setup_teardown(the_server_has_a_limit_of_connections, setup_few, teardown),
		TEST(a_user_has_a_limit_of_connections),
		TEST(a_client_that_does_not_log_in_is_sent_away),
		TEST(an_inactive_client_is_logged_out),
		TEST(an_idler_gets_signs_of_life_and_stays),
		TEST(stopping_says_bye_to_everyone),
		TEST(stopping_waits_for_a_command_but_not_for_long),
		TEST(a_second_stop_waits_for_nothing),
		TEST(a_client_may_vanish_at_any_moment),
		TEST(new_settings_are_for_new_sessions),
		TEST(counters_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
