#include "lmtp_rig.h"

#include <signal.h>
#include <sys/wait.h>

static void the_greeting_names_the_server(void **state)
{
	struct relay *relay = relay_connect(*state);

	relay_expect(relay, "220 mx.test LMTP coid\r\n");
	relay_expect_silence(relay);
	relay_free(&relay);
}

static void connections_have_a_maximum(void **state)
{
	struct relay *first = relay_new(*state), *second = relay_new(*state);
	struct relay *third = relay_connect(*state);

	relay_expect(third, "421 4.3.2 too many connections\r\n");
	relay_expect_end(third);
	relay_free(&third);
	relay_free(&second);
	second = relay_new(*state);
	relay_free(&second);
	relay_free(&first);
}

static void the_bad_command_too_many_ends_the_session(void **state)
{
	struct relay *relay = relay_new(*state);

	relay_command(relay, "WHAT", "500 5.5.1 unknown command");
	relay_command(relay, "NOOP", "250 2.0.0 OK");
	relay_send_bytes(relay, STRV("A\0B\r\n"));
	relay_expect(relay, "500 5.5.2 control characters in a command\r\n");
	relay_command(relay, "DATA", "421 4.7.0 too many errors");
	relay_expect_end(relay);
	relay_free(&relay);
}

static void a_line_that_is_too_long_is_one_bad_command(void **state)
{
	struct relay *relay = relay_new(*state);
	char *line = mem_alloc(3 * LMTP_LINE_MAX);

	memset(line, 'x', 3 * LMTP_LINE_MAX);
	relay_send_bytes(relay, strv_make(line, 3 * LMTP_LINE_MAX));
	relay_command(relay, "", "500 5.5.2 line too long");
	relay_command(relay, "NOOP", "250 2.0.0 OK");
	assert_int_equal(relay_session(relay)->bad_commands, 1);
	free(line);
	relay_free(&relay);
}

static void commands_that_come_together_are_answered_in_order(void **state)
{
	struct relay *relay = relay_new(*state);

	relay_send(relay, "MAIL FROM:<s@x>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<nobody@example.org>\r\n"
			  "RCPT TO:<bob@example.org>\r\nDATA\r\n");
	relay_expect(relay,
		"250 2.1.0 OK\r\n250 2.1.5 OK\r\n550 5.1.1 <nobody@example.org> no such user here\r\n"
		"250 2.1.5 OK\r\n354 end with <CRLF>.<CRLF>\r\n");
	assert_int_equal(relay_session(relay)->state, LMTP_DATA);
	relay_send(relay, "Subject: x\r\n\r\nx\r\n.\r\nMAIL FROM:<s@x>\r\nQUIT\r\n");
	relay_expect_begin(relay, "250 2.1.5 <alice@example.org> delivered, id ");
	relay_expect_begin(relay, "250 2.1.5 <bob@example.org> delivered, id ");
	relay_expect(relay, "250 2.1.0 OK\r\n221 2.0.0 mx.test closing\r\n");
	relay_expect_end(relay);
	relay_free(&relay);
}

static void a_peer_that_says_its_last_word_is_still_answered(void **state)
{
	static const char command[] = "RCPT TO:<alice@example.org>\r\n";
	struct relay *relay = relay_new(*state);

	relay_command(relay, "MAIL FROM:<s@x>", "250 2.1.0 OK");
	assert_int_equal(send(relay->fd, command, sizeof(command) - 1, MSG_NOSIGNAL), sizeof(command) - 1);
	shutdown(relay->fd, SHUT_WR);
	relay_expect(relay, "250 2.1.5 OK\r\n");
	relay_expect_end(relay);
	relay_free(&relay);
}

static void silence_ends_the_session(void **state)
{
	struct relay *relay = relay_new(*state);

	clock_fake_set(1000000, 1000);
	relay_command(relay, "NOOP", "250 2.0.0 OK");
	clock_fake_advance(59999);
	relay_expect_silence(relay);
	clock_fake_advance(1);
	relay_expect(relay, "421 4.4.2 mx.test timed out\r\n");
	relay_expect_end(relay);
	clock_fake_set(0, 0);
	relay_free(&relay);
}

static void silence_in_a_message_ends_the_session(void **state)
{
	struct relay *relay = relay_new(*state);

	relay_command(relay, "MAIL FROM:<s@x>", "250 2.1.0 OK");
	relay_command(relay, "RCPT TO:<alice@example.org>", "250 2.1.5 OK");
	clock_fake_set(1000000, 1000);
	relay_command(relay, "DATA", "354 end with <CRLF>.<CRLF>");
	clock_fake_advance(50000);
	relay_send(relay, "Subject: slow\r\n");
	clock_fake_advance(50000);
	relay_expect_silence(relay);
	clock_fake_advance(10000);
	relay_expect(relay, "421 4.4.2 mx.test timed out\r\n");
	relay_expect_end(relay);
	clock_fake_set(0, 0);
	relay_free(&relay);
}

static void a_stop_ends_a_session_that_has_nothing_in_hand(void **state)
{
	struct mx *mx = *state;
	struct relay *idle = relay_new(mx), *receiving = relay_new(mx);

	relay_command(receiving, "MAIL FROM:<s@x>", "250 2.1.0 OK");
	relay_command(receiving, "RCPT TO:<bob@example.org>", "250 2.1.5 OK");
	relay_command(receiving, "DATA", "354 end with <CRLF>.<CRLF>");
	lmtp_stop(mx->lmtp);
	relay_expect(idle, "421 4.3.2 mx.test shutting down\r\n");
	relay_expect_end(idle);
	relay_expect_silence(receiving);
	relay_send(receiving, "Subject: last\r\n\r\n.\r\n");
	relay_expect_begin(receiving, "250 2.1.5 <bob@example.org> delivered, id ");
	relay_expect(receiving, "421 4.3.2 mx.test shutting down\r\n");
	relay_expect_end(receiving);
	/* No new ones. */
	struct relay *late = relay_connect(mx);
	relay_expect_end(late);
	relay_free(&late);
	relay_free(&receiving);
	relay_free(&idle);
}

static void a_second_stop_drops_what_is_left(void **state)
{
	struct mx *mx = *state;
	struct relay *relay = relay_new(mx);

	relay_command(relay, "MAIL FROM:<s@x>", "250 2.1.0 OK");
	relay_command(relay, "RCPT TO:<bob@example.org>", "250 2.1.5 OK");
	relay_command(relay, "DATA", "354 end with <CRLF>.<CRLF>");
	lmtp_stop(mx->lmtp);
	relay_expect_silence(relay);
	lmtp_stop(mx->lmtp);
	relay_expect_end(relay);
	relay_free(&relay);
}

static void new_settings_are_for_sessions_to_come(void **state)
{
	struct mx *mx = *state;
	struct lmtp_settings settings = mx->settings;
	struct relay *old = relay_new(mx);

	settings.hostname = "new.test";
	lmtp_reload(mx->lmtp, &settings);
	struct relay *relay = relay_connect(mx);
	relay_expect(relay, "220 new.test LMTP coid\r\n");
	relay_command(old, "QUIT", "221 2.0.0 mx.test closing");
	relay_free(&relay);
	relay_free(&old);
}

/* Tells whether that move aborts, in a process of its own. */
static bool move_aborts(const struct mx *mx, enum lmtp_state from, enum lmtp_state to)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct lmtp_session session = { .state = from, .hub = &mx->lmtp->hubs[0] };
		signal(SIGABRT, SIG_DFL);
		lmtp_session_move(&session, to);
		_exit(session.state == to ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	else
		assert_int_equal(WTERMSIG(status), SIGABRT);
	return WIFSIGNALED(status);
}

static void only_the_moves_of_the_drawing_are_possible(void **state)
{
	static const unsigned to[] = {
		[LMTP_START] = 1u << LMTP_READY | 1u << LMTP_CLOSING,
		[LMTP_READY] = 1u << LMTP_READY | 1u << LMTP_MAIL | 1u << LMTP_CLOSING,
		[LMTP_MAIL] = 1u << LMTP_READY | 1u << LMTP_LOOKUP | 1u << LMTP_DATA | 1u << LMTP_CLOSING,
		[LMTP_LOOKUP] = 1u << LMTP_MAIL,
		[LMTP_DATA] = 1u << LMTP_DELIVER | 1u << LMTP_CLOSING,
		[LMTP_DELIVER] = 1u << LMTP_READY,
		[LMTP_CLOSING] = 0,
	};

	for (int i = LMTP_START; i <= LMTP_CLOSING; i++) {
		for (int j = LMTP_START; j <= LMTP_CLOSING; j++)
			assert_int_equal(move_aborts(*state, (enum lmtp_state)i, (enum lmtp_state)j),
				!(to[i] & 1u << j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, mx_setup, mx_teardown)
		TEST(the_greeting_names_the_server),
		TEST(connections_have_a_maximum),
		TEST(the_bad_command_too_many_ends_the_session),
		TEST(a_line_that_is_too_long_is_one_bad_command),
		TEST(commands_that_come_together_are_answered_in_order),
		TEST(a_peer_that_says_its_last_word_is_still_answered),
		TEST(silence_ends_the_session),
		TEST(silence_in_a_message_ends_the_session),
		TEST(a_stop_ends_a_session_that_has_nothing_in_hand),
		TEST(a_second_stop_drops_what_is_left),
		TEST(new_settings_are_for_sessions_to_come),
		TEST(only_the_moves_of_the_drawing_are_possible),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
