#include "lmtp_rig.h"

/* Bad commands are counted: each row has a session of its own. */
static void assert_rows(struct mx *mx, const char *const *before, const char *const (*rows)[2], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct relay *relay = relay_connect(mx);
		relay_expect_begin(relay, "220 ");
		for (const char *const *b = before; *b; b += 2)
			relay_command(relay, b[0], b[1]);
		relay_command(relay, rows[i][0], rows[i][1]);
		relay_free(&relay);
	}
}

#define LHLO_REPLY                                                                                           \
	"250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n"       \
	"250 SIZE 100000"
#define ROWS(before, ...)                                                                                    \
	do {                                                                                                 \
		static const char *const rows[][2] = __VA_ARGS__;                                            \
		assert_rows(*state, before, rows, sizeof(rows) / sizeof(rows[0]));                           \
	} while (0)

static const char *const nothing[] = { NULL };
static const char *const lhlo[] = { "LHLO a", LHLO_REPLY, NULL };
static const char *const mail[] = { "LHLO a", LHLO_REPLY, "MAIL FROM:<s@x>", "250 2.1.0 OK", NULL };

static void each_command_has_its_states(void **state)
{
	ROWS(nothing, { { "LHLO a", LHLO_REPLY }, { "MAIL FROM:<s@x>", "503 5.5.1 LHLO first" },
			      { "RCPT TO:<alice@example.org>", "503 5.5.1 MAIL first" },
			      { "DATA", "503 5.5.1 MAIL first" }, { "RSET", "250 2.0.0 OK" },
			      { "NOOP", "250 2.0.0 OK" }, { "VRFY alice", "252 2.5.0 try RCPT" },
			      { "QUIT", "221 2.0.0 mx.test closing" } });
	ROWS(lhlo, { { "LHLO b", LHLO_REPLY }, { "MAIL FROM:<s@x>", "250 2.1.0 OK" },
			   { "RCPT TO:<alice@example.org>", "503 5.5.1 MAIL first" },
			   { "DATA", "503 5.5.1 MAIL first" }, { "RSET", "250 2.0.0 OK" },
			   { "NOOP", "250 2.0.0 OK" }, { "VRFY alice", "252 2.5.0 try RCPT" },
			   { "QUIT", "221 2.0.0 mx.test closing" } });
	ROWS(mail, { { "LHLO b", LHLO_REPLY }, { "MAIL FROM:<s@x>", "503 5.5.1 MAIL was given" },
			   { "RCPT TO:<alice@example.org>", "250 2.1.5 OK" },
			   { "DATA", "503 5.5.1 no valid recipients" }, { "RSET", "250 2.0.0 OK" },
			   { "NOOP", "250 2.0.0 OK" }, { "VRFY alice", "252 2.5.0 try RCPT" },
			   { "QUIT", "221 2.0.0 mx.test closing" } });
}

static void the_form_of_arguments_is_checked_before_the_command_runs(void **state)
{
	ROWS(lhlo, { { "MAIL", "501 5.5.4 expected MAIL FROM:<address>" },
			   { "MAIL <s@x>", "501 5.5.4 expected MAIL FROM:<address>" },
			   { "MAIL TO:<s@x>", "501 5.5.4 expected MAIL FROM:<address>" },
			   { "mail from:  <s@x>", "250 2.1.0 OK" }, { "NOOP anything", "250 2.0.0 OK" },
			   { "RSET anything", "250 2.0.0 OK" },
			   { "LHLO", "501 5.5.4 LHLO needs the client's name" },
			   { "LHLO   ", "501 5.5.4 LHLO needs the client's name" } });
	ROWS(mail, { { "RCPT", "501 5.5.4 expected RCPT TO:<address>" },
			   { "RCPT FROM:<s@x>", "501 5.5.4 expected RCPT TO:<address>" },
			   { "rcpt to: <alice@example.org>", "250 2.1.5 OK" },
			   { "DATA now", "501 5.5.4 DATA takes no argument" } });
}

static void other_words_are_no_commands(void **state)
{
	ROWS(nothing, { { "HELO a", "500 5.5.1 this is LMTP: say LHLO" },
			      { "EHLO a", "500 5.5.1 this is LMTP: say LHLO" },
			      { "STARTTLS", "500 5.5.1 unknown command" },
			      { "", "500 5.5.1 unknown command" }, { " LHLO a", "500 5.5.1 unknown command" },
			      { "LHLOO a", "500 5.5.1 unknown command" },
			      { "LHL a", "500 5.5.1 unknown command" } });
}

static void reset_and_lhlo_forget_the_transaction(void **state)
{
	static const char *const words[] = { "RSET", "LHLO again" };

	for (size_t i = 0; i < 2; i++) {
		struct relay *relay = relay_new(*state);
		relay_command(relay, "MAIL FROM:<s@x>", "250 2.1.0 OK");
		relay_command(relay, "RCPT TO:<alice@example.org>", "250 2.1.5 OK");
		relay_command(relay, words[i], i == 0 ? "250 2.0.0 OK" : LHLO_REPLY);
		assert_int_equal(relay_session(relay)->state, LMTP_READY);
		assert_int_equal(relay_session(relay)->transaction.recipient_count, 0);
		relay_command(relay, "MAIL FROM:<s@x>", "250 2.1.0 OK");
		relay_command(relay, "DATA", "503 5.5.1 no valid recipients");
		relay_free(&relay);
	}
}

static void a_reset_before_lhlo_is_no_lhlo(void **state)
{
	struct relay *relay = relay_connect(*state);

	relay_expect_begin(relay, "220 ");
	relay_command(relay, "RSET", "250 2.0.0 OK");
	relay_command(relay, "MAIL FROM:<s@x>", "503 5.5.1 LHLO first");
	relay_free(&relay);
}

static void the_name_of_a_client_has_a_maximum_and_no_marks(void **state)
{
	struct relay *relay = relay_connect(*state);
	char line[LMTP_HELO_ROOM + 16];

	relay_expect_begin(relay, "220 ");
	for (size_t n = LMTP_HELO_ROOM - 1; n <= LMTP_HELO_ROOM; n++) {
		snprintf(line, sizeof(line), "LHLO %0*d", (int)n, 7);
		relay_command(relay, line,
			n < LMTP_HELO_ROOM ? LHLO_REPLY : "501 5.5.4 LHLO needs the client's name");
	}
	relay_command(relay, "LHLO a(b)<c>\"d\\;e f\x7f\xc3", LHLO_REPLY);
	assert_string_equal(relay_session(relay)->helo, "a?b??c??d??e?f??");
	relay_free(&relay);
}

static void quit_says_goodbye_and_closes(void **state)
{
	struct relay *relay = relay_new(*state);

	relay_send(relay, "QUIT\r\nNOOP\r\n");
	relay_expect(relay, "221 2.0.0 mx.test closing\r\n");
	relay_expect_end(relay);
	relay_free(&relay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_command_has_its_states),
		cmocka_unit_test(the_form_of_arguments_is_checked_before_the_command_runs),
		cmocka_unit_test(other_words_are_no_commands),
		cmocka_unit_test(reset_and_lhlo_forget_the_transaction),
		cmocka_unit_test(a_reset_before_lhlo_is_no_lhlo),
		cmocka_unit_test(the_name_of_a_client_has_a_maximum_and_no_marks),
		cmocka_unit_test(quit_says_goodbye_and_closes),
	};
	return cmocka_run_group_tests(tests, mx_setup, mx_teardown);
}
