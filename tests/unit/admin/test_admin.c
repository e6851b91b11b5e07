#include "admin_rig.h"

static void the_verb_of_most_words_is_run(void **state)
{
	struct control *control = *state;

	control->status = "pid: 1\nuptime: 2s\n";
	assert_request(control, ARGS("status"), "o pid: 1\no uptime: 2s\nx 0\n");
	assert_request(
		control, ARGS("status", "now"), "e too many arguments\ne usage: coidctl status \nx 64\n");
	assert_request(control, ARGS("account", "lock"),
		"e an argument is missing\ne usage: coidctl account lock ADDRESS\nx 64\n");
}

static void an_unknown_verb_is_answered(void **state)
{
	const char *const *const samples[] = { ARGS("what"), ARGS("user"), ARGS("user", "adds"),
		ARGS("users", "add"), ARGS(""), ARGS("", "status"), ARGS("user add") };

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		assert_request(*state, samples[i], "e unknown verb\ne coidctl help lists the verbs\nx 64\n");
}

static void a_reload_tells_what_is_wrong(void **state)
{
	struct control *control = *state;

	assert_request(control, ARGS("reload"), "o reloaded\nx 0\n");
	control->errors = "settings that take effect at the next start: server.root\n";
	assert_request(control, ARGS("reload"),
		"o reloaded\ne settings that take effect at the next start: server.root\nx 0\n");
	control->errors = "tls.cert: no such file\ntls.key: no such file\n";
	control->reload_rc = RC_INVALID;
	assert_request(control, ARGS("reload"), "e tls.cert: no such file\ne tls.key: no such file\nx 1\n");
}

static void help_lists_each_verb_once(void **state)
{
	const char *const *const samples[] = { ARGS("help"), ARGS("help", "user") };

	for (size_t i = 0; i < 2; i++) {
		struct buf bytes;
		int fd = control_connect(*state);
		buf_init(&bytes, 4096);
		control_print(&bytes, samples[i], "");
		control_send(*state, fd, buf_strv(&bytes));
		buf_fini(&bytes);
		char *answer = control_answer(*state, fd);
		assert_int_equal(strncmp(answer, "o usage: coidctl ", 17), 0);
#define SHOWN(words, usage, help, run) assert_non_null(strstr(answer, "o   " words " " usage "\t" help "\n"));
		ADMIN_VERBS_USER(SHOWN)
		ADMIN_VERBS_IMPORT(SHOWN)
		ADMIN_VERBS_SERVER(SHOWN)
		ADMIN_VERBS_CHECK(SHOWN)
		ADMIN_VERBS_ACCOUNT(SHOWN)
		ADMIN_VERBS_COI(SHOWN)
		ADMIN_VERBS_PUSH(SHOWN)
		free(answer);
	}
}

static void the_imap_commands_are_listed(void **state)
{
	assert_request(*state, ARGS("help", "imap"), "o   NOOP\tdoes nothing\nx 0\n");
	assert_request(*state, ARGS("help", "imap", "now"),
		"e too many arguments\ne usage: coidctl help imap \nx 64\n");
}

static void verbs_that_this_server_does_not_offer_are_refused(void **state)
{
	assert_request(*state, ARGS("push", "list", "a@b.example"), "e this server does not push\nx 1\n");
	assert_request(*state, ARGS("vapid", "show"), "e this server does not push\nx 1\n");
	assert_request(*state, ARGS("vapid", "rotate"), "e this server does not push\nx 1\n");
	assert_request(*state, ARGS("coi", "show", "a@b.example"),
		"e COI is switched off in the configuration\nx 1\n");
	assert_request(*state, ARGS("coi", "filter", "a@b.example", "some"),
		"e some: a filter is none, active or seen\nx 1\n");
}

static void names_are_checked_before_anything_is_asked(void **state)
{
	static const char *const verbs[] = { "del", "enable", "disable", "quota" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		assert_request(*state, ARGS("user", verbs[i], "nobody"),
			"e nobody: not an address like user@example.org\nx 1\n");
	assert_request(
		*state, ARGS("check", "nobody"), "e nobody: not an address like user@example.org\nx 1\n");
	assert_request(*state, ARGS("account", "lock", "nobody"), "e nobody: is not valid\nx 1\n");
	assert_request(*state, ARGS("user", "add", "a@b.example"),
		"e the password comes on standard input: --password-stdin\n"
		"e usage: coidctl user add ADDRESS --password-stdin\nx 64\n");
	assert_request(*state, ARGS("user", "add", "a@b.example", "--password-stdin"),
		"e the password is shorter than 8 characters\nx 1\n");
	assert_request(*state, ARGS("user", "quota", "a@b.example", "--storage", "much"),
		"e a limit is a number (storage with K, M, G), none or default\n"
		"e usage: coidctl user quota ADDRESS [--storage SIZE|none|default] "
		"[--messages N|none|default]\nx 64\n");
}

static void an_empty_import_adds_nobody(void **state)
{
	assert_request(*state, ARGS("user", "import", "file"), "o added: 0, failed: 0\nx 0\n");
}

static void a_stop_drops_requests_that_have_not_come_and_takes_no_new_ones(void **state)
{
	struct control *control = *state;
	int half = control_connect(control);

	control_send(control, half, STRV("coid1 1 0\n6:sta"));
	admin_stop(control->admin);
	char *answer = control_answer(control, half);
	assert_string_equal(answer, "");
	free(answer);
	answer = control_answer(control, control_connect(control));
	assert_string_equal(answer, "");
	free(answer);
	assert_int_equal(admin_sessions(control->admin), 0);
}

static void new_settings_are_copied(void **state)
{
	struct control *control = *state;
	char scheme[] = "ARGON2ID";
	struct admin_settings settings = { .password_scheme = scheme, .password_length_min = 12 };

	admin_reload(control->admin, &settings);
	memset(scheme, 'x', sizeof(scheme) - 1);
	assert_string_equal(control->admin->settings.password_scheme, "ARGON2ID");
	assert_request(control, ARGS("user", "passwd", "a@b.example", "--password-stdin"),
		"e the password is shorter than 12 characters\nx 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, control_setup, control_teardown)
		TEST(the_verb_of_most_words_is_run),
		TEST(an_unknown_verb_is_answered),
		TEST(a_reload_tells_what_is_wrong),
		TEST(help_lists_each_verb_once),
		TEST(the_imap_commands_are_listed),
		TEST(verbs_that_this_server_does_not_offer_are_refused),
		TEST(names_are_checked_before_anything_is_asked),
		TEST(an_empty_import_adds_nobody),
		TEST(a_stop_drops_requests_that_have_not_come_and_takes_no_new_ones),
		TEST(new_settings_are_copied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
