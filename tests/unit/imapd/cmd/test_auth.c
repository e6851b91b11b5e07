#include "auth/auth.h"
#include "base/str.h"
#include "greeting_rig.h"
#include "imapd/command.h"

#include "imapd/cmd/rows.h"
#include "store/message.h"
#include "store/users.h"

#define NAME "alice@example.org"
#define PASSWORD "correct horse"

struct fixture {
	struct server *server;
	struct auth *auth;
};

struct add {
	struct users_job job;
	struct strv hash;
	bool done;
};

static enum rc add_run(struct users *users, struct users_job *job)
{
	struct add *add = (struct add *)job;
	struct user_record record = {
		.name = STRV(NAME),
		.password = add->hash,
		.enabled = true,
		.quota_storage = UINT64_MAX,
		.quota_messages = UINT64_MAX,
	};
	int64_t id;
	return users_add(users, &record, &id);
}

static void add_done(struct users_job *job)
{
	((struct add *)job)->done = true;
}

static void add_user(struct server *server)
{
	struct buf hash;
	buf_init(&hash, 4096);
	assert_int_equal(auth_make_hash("SHA512-CRYPT", STRV(PASSWORD), &hash), RC_OK);
	struct add add = {
		.job = { .write = true, .run = add_run, .done = add_done, .home = server->rig.reactor },
		.hash = buf_strv(&hash),
	};
	assert_int_equal(users_submit(server->rig.store, &add.job), RC_OK);
	while (!add.done)
		reactor_run_once(server->rig.reactor, true);
	assert_int_equal(add.job.rc, RC_OK);
	buf_fini(&hash);
}

static void with_limits(struct server *server)
{
	server->settings.hostname = "test.example";
	server->settings.allow_plaintext_loopback = true;
	server->settings.connections_per_user = 1;
	server->settings.bad_commands_max = 20;
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	void *server = NULL;
	server_setup_with(&server, with_limits);
	f->server = server;
	struct auth_settings settings = {
		.workers = 1,
		.password_scheme = "SHA512-CRYPT",
		.cache_ttl_ms = 60000,
		.scram_iterations = 4096,
		.queue_max = 10,
	};
	assert_int_equal(auth_new(&settings, f->server->rig.store, f->server->rig.log, &f->auth), RC_OK);
	f->server->imapd->auth = f->auth;
	add_user(f->server);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	void *server = f->server;
	for (unsigned i = 0; i < 100000 && auth_waiting(f->auth) > 0; i++) {
		reactor_run_once(f->server->rig.reactor, false);
		usleep(100);
	}
	assert_int_equal(auth_waiting(f->auth), 0);
	auth_free(&f->auth);
	free(f);
	return server_teardown(&server);
}

static struct client *connect_to(struct fixture *f)
{
	struct client *client = client_connect(f->server);
	free(client_until(client, "ready\r\n"));
	return client;
}

/* The base64 of "authzid NUL user NUL password". */
static const char *plain(const char *authzid, const char *user, const char *password, char ret[400])
{
	struct buf message;
	struct buf text;
	buf_init(&message, 300);
	buf_init(&text, 400);
	buf_adds(&message, authzid);
	buf_addc(&message, '\0');
	buf_adds(&message, user);
	buf_addc(&message, '\0');
	buf_adds(&message, password);
	str_base64(&text, buf_strv(&message));
	memcpy(ret, text.p, text.len);
	ret[text.len] = '\0';
	buf_fini(&message);
	buf_fini(&text);
	return ret;
}

/* CL-08: the answer tells the capabilities. */
static void assert_logged_in(struct client *client, const char *command)
{
	client_send(client, command);
	client_send(client, "\r\n");
	char *answer = client_until(client, "] Logged in\r\n");
	assert_non_null(strstr(answer, "a OK [CAPABILITY IMAP4rev1 "));
	assert_non_null(strstr(answer, " LITERAL+ "));
	assert_null(strstr(answer, "AUTH="));
	free(answer);
}

static void login_takes_name_and_password(void **state)
{
	struct client *client = connect_to(*state);
	assert_command_has(client, "CAPABILITY", " AUTH=PLAIN ");
	assert_logged_in(client, "a LOGIN \"Alice@Example.ORG\" {13+}\r\ncorrect horse");
	struct session *session = client_session(client);
	assert_string_equal(session->user, NAME);
	assert_int_equal(session->state, SESSION_AUTH);
	assert_command_has(client, "SELECT INBOX", "a OK [READ-WRITE]");
	client_free(&client);
}

static void a_wrong_password_is_told_without_detail(void **state)
{
	struct client *client = connect_to(*state);
	const char *answer = "a NO [AUTHENTICATIONFAILED] Authentication failed.\r\n";
	assert_command(client, "LOGIN " NAME " wrong", answer);
	assert_command(client, "LOGIN nobody@example.org wrong", answer);
	assert_command(client, "LOGIN \"\" \"\"", answer);
	assert_logged_in(client, "a LOGIN " NAME " \"" PASSWORD "\"");
	client_free(&client);
}

static void too_many_wrong_passwords_end_the_session(void **state)
{
	struct client *client = connect_to(*state);
	for (int i = 0; i < 7; i++)
		assert_command_has(client, "LOGIN " NAME " wrong", "a NO [AUTHENTICATIONFAILED]");
	client_send(client, "a LOGIN " NAME " wrong\r\n");
	assert_closed(client,
		"a NO [AUTHENTICATIONFAILED] Authentication failed.\r\n* BYE Too many failed logins\r\n");
	client_free(&client);
}

static void authenticate_plain_works_in_one_line(void **state)
{
	struct client *client = connect_to(*state);
	char text[400];
	char command[500];
	snprintf(command, sizeof(command), "a AUTHENTICATE plain %s", plain("", NAME, PASSWORD, text));
	assert_logged_in(client, command);
	client_free(&client);
}

static void authenticate_plain_works_in_two_steps(void **state)
{
	struct client *client = connect_to(*state);
	char text[400];
	client_send(client, "a AUTHENTICATE PLAIN\r\n");
	assert_next(client, "+ \r\n");
	assert_logged_in(client, plain(NAME, NAME, PASSWORD, text));
	client_free(&client);
}

static void both_steps_may_be_pipelined(void **state)
{
	struct client *client = connect_to(*state);
	char text[400];
	char command[600];
	snprintf(command, sizeof(command), "a AUTHENTICATE PLAIN\r\n%s\r\nb NOOP\r\n",
		plain("", NAME, PASSWORD, text));
	for (const char *p = command; *p; p++)
		client_send_bytes(client, strv_make(p, 1));
	assert_next(client, "+ \r\n");
	free(client_until(client, "] Logged in\r\n"));
	assert_next(client, "b OK NOOP completed\r\n");
	client_free(&client);
}

static void a_star_cancels(void **state)
{
	struct client *client = connect_to(*state);
	client_send(client, "a AUTHENTICATE PLAIN\r\n*\r\n");
	assert_next(client, "+ \r\na BAD Authentication cancelled\r\n");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	client_free(&client);
}

static void wrong_sasl_messages_are_refused(void **state)
{
	struct client *client = connect_to(*state);
	char text[400];
	char command[500];
	assert_command(client, "AUTHENTICATE PLAIN ?", "a BAD Invalid base64\r\n");
	assert_command(
		client, "AUTHENTICATE PLAIN =", "a NO [AUTHENTICATIONFAILED] Invalid PLAIN message\r\n");
	assert_command(client,
		"AUTHENTICATE  PLAIN  YQ== ", "a NO [AUTHENTICATIONFAILED] Invalid PLAIN message\r\n");
	assert_command_has(client, "AUTHENTICATE", "a BAD ");
	client_send(client, "a AUTHENTICATE PLAIN \r\n\r\n");
	assert_next(client, "+ \r\na NO [AUTHENTICATIONFAILED] Invalid PLAIN message\r\n");
	assert_command_has(client, "AUTHENTICATE CRAM-MD5", "a NO [CANNOT] ");
	snprintf(command, sizeof(command), "AUTHENTICATE PLAIN %s",
		plain("bob@example.org", NAME, PASSWORD, text));
	assert_command_has(client, command, "a NO [AUTHORIZATIONFAILED] ");
	client_send(client, "a AUTHENTICATE PLAIN\r\n??\r\n");
	assert_next(client, "+ \r\na BAD Invalid base64\r\n");
	client_free(&client);
}

/* A PLAIN message of so many octets, most of them the password. */
static void assert_sasl_message(struct client *client, size_t octets, const char *expected)
{
	struct buf message;
	struct buf command;
	buf_init(&message, 2 * SASL_MESSAGE_MAX);
	buf_init(&command, 4 * SASL_MESSAGE_MAX);
	buf_add(&message, "\0" NAME "\0", sizeof(NAME) + 1);
	while (message.len < octets)
		buf_addc(&message, 'p');
	buf_adds(&command, "AUTHENTICATE PLAIN ");
	str_base64(&command, buf_strv(&message));
	buf_addc(&command, '\0');
	assert_command_has(client, command.p, expected);
	buf_fini(&message);
	buf_fini(&command);
}

static void a_sasl_message_has_a_limit(void **state)
{
	struct client *client = connect_to(*state);
	assert_sasl_message(client, SASL_MESSAGE_MAX - 1, "a NO [AUTHENTICATIONFAILED] ");
	assert_sasl_message(client, SASL_MESSAGE_MAX, "a NO [AUTHENTICATIONFAILED] ");
	assert_sasl_message(client, SASL_MESSAGE_MAX + 1, "a BAD ");
	client_free(&client);
}

static void a_user_with_too_many_connections_is_told(void **state)
{
	struct client *first = connect_to(*state);
	assert_logged_in(first, "a LOGIN " NAME " \"" PASSWORD "\"");
	struct client *second = connect_to(*state);
	assert_command(second, "LOGIN " NAME " \"" PASSWORD "\"",
		"a NO [LIMIT] Too many connections of this user\r\n");
	client_free(&first);
	assert_logged_in(second, "a LOGIN " NAME " \"" PASSWORD "\"");
	client_free(&second);
}

static void without_tls_no_password_is_taken(void **state)
{
	struct fixture *f = *state;
	struct imapd_settings settings = f->server->settings;
	settings.allow_plaintext_loopback = false;
	imapd_reload(f->server->imapd, &settings, NULL);
	struct client *client = connect_to(f);
	char text[400];
	char command[500];
	assert_command_has(client, "CAPABILITY", " LOGINDISABLED ");
	assert_command_has(client, "LOGIN " NAME " \"" PASSWORD "\"", "a NO [PRIVACYREQUIRED] ");
	snprintf(command, sizeof(command), "AUTHENTICATE PLAIN %s", plain("", NAME, PASSWORD, text));
	assert_command_has(client, command, "a NO [PRIVACYREQUIRED] ");
	assert_command_has(client, "AUTHENTICATE PLAIN", "a NO [PRIVACYREQUIRED] ");
	client_free(&client);
}

static void a_client_may_vanish_while_its_password_is_checked(void **state)
{
	for (int turns = 0; turns < 5; turns++) {
		struct client *client = connect_to(*state);
		const char *command = "a LOGIN " NAME " wrong\r\n";
		assert_int_equal(send(client->fd, command, strlen(command), MSG_NOSIGNAL), strlen(command));
		for (int i = 0; i < turns; i++)
			turn(client);
		client_free(&client);
	}
}

static void passwords_do_not_stay_in_the_line_buffer(void **state)
{
	struct client *client = connect_to(*state);
	assert_command_has(client, "LOGIN " NAME " \"some wrong password\"", "a NO");
	struct session *session = client_session(client);
	/* The memory that the assembler still has does not contain the password. */
	assert_null(session->lex.command.cap > 0
			    ? memmem(session->lex.command.p, session->lex.command.cap, "wrong", 5)
			    : NULL);
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(login_takes_name_and_password),
		TEST(a_wrong_password_is_told_without_detail),
		TEST(too_many_wrong_passwords_end_the_session),
		TEST(authenticate_plain_works_in_one_line),
		TEST(authenticate_plain_works_in_two_steps),
		TEST(both_steps_may_be_pipelined),
		TEST(a_star_cancels),
		TEST(wrong_sasl_messages_are_refused),
		TEST(a_sasl_message_has_a_limit),
		TEST(a_user_with_too_many_connections_is_told),
		TEST(without_tls_no_password_is_taken),
		TEST(a_client_may_vanish_while_its_password_is_checked),
		TEST(passwords_do_not_stay_in_the_line_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
