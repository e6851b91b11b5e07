#include "admin_rig.h"

static void the_status_goes_out_line_by_line(void **state)
{
	struct control *control = *state;
	control->status = "version: 1\nsessions: 0\n";
	assert_request(control, ARGS("status"), "o version: 1\no sessions: 0\nx 0\n");
	assert_request(control, ARGS("help", "imap"), "o   NOOP\tdoes nothing\nx 0\n");
}

static void a_reload_tells_its_faults_and_fails_with_them(void **state)
{
	struct control *control = *state;
	assert_request(control, ARGS("reload"), "o reloaded\nx 0\n");
	/* Settings that wait for a restart are no failure. */
	control->errors = "server.root needs a restart\n";
	assert_request(control, ARGS("reload"), "o reloaded\ne server.root needs a restart\nx 0\n");
	control->errors = "imap.line_max: too large\n";
	control->reload_rc = RC_INVALID;
	assert_request(control, ARGS("reload"), "e imap.line_max: too large\nx 1\n");
}

static void words_that_are_too_many_tell_the_usage(void **state)
{
	static const char *const verbs[][2] = { { "status", "x" }, { "reload", "x" }, { "status", "--all" } };
	for (size_t i = 0; i < 3; i++) {
		char *answer = control_ask(*state, ARGS(verbs[i][0], verbs[i][1]), "");
		assert_int_equal(strncmp(answer, "e ", 2), 0);
		assert_non_null(strstr(answer, "usage: "));
		assert_non_null(strstr(answer, "\nx 64\n"));
		free(answer);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, control_setup, control_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_status_goes_out_line_by_line),
		TEST(a_reload_tells_its_faults_and_fails_with_them),
		TEST(words_that_are_too_many_tell_the_usage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
