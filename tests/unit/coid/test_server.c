#include "server_rig.h"

#include <signal.h>

static void a_good_configuration_passes_the_check(void **state)
{
	struct house *house = *state;

	assert_int_equal(server_check(&house->source, &house->errors), RC_OK);
	assert_int_equal(house->errors.len, 0);
}

static void the_check_tries_what_the_configuration_names(void **state)
{
	static const char *const samples[][3] = {
		{ "imap.line_max", "much", "imap.line_max" },
		{ "server.log_file", "/nowhere/log", "/nowhere/log" },
		{ "auth.users_file", "/nowhere/users", "/nowhere/users" },
		{ "webpush.ca_file", "/nowhere/ca.pem", "/nowhere/ca.pem" },
	};
	struct house *house = *state;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		char *before = NULL;
		for (size_t j = 0; j < house->source.override_count; j++) {
			size_t n = strlen(samples[i][0]);
			if (strncmp(house->options[j], samples[i][0], n) == 0)
				before = mem_strdup(house->options[j] + n + 1);
		}
		house_option(house, samples[i][0], samples[i][1]);
		assert_int_not_equal(server_check(&house->source, &house->errors), RC_OK);
		assert_told(house, samples[i][2]);
		/* Nor does it start. */
		assert_int_not_equal(server_new(&house->source, &house->errors, &house->server), RC_OK);
		assert_null(house->server);
		buf_reset(&house->errors);
		house_option(house, samples[i][0], before ? before : i == 0 ? "64K" : "");
		free(before);
	}
	house_option(house, "tls.cert", "/nowhere/cert.pem");
	house_option(house, "tls.key", "/nowhere/key.pem");
	assert_int_not_equal(server_check(&house->source, &house->errors), RC_OK);
	assert_told(house, "/nowhere/cert.pem");
}

static void a_store_has_one_server(void **state)
{
	struct house *house = *state;
	struct server *second = NULL;

	house_start(house);
	house_path(house, "lmtp.socket", "lmtp2");
	house_path(house, "control.socket", "control2");
	house_path(house, "metrics.listen", "metrics2");
	assert_int_equal(server_new(&house->source, &house->errors, &second), RC_INUSE);
	assert_null(second);
	assert_told(house, "another server uses it");
}

static void a_server_runs_until_it_is_told_to_stop(void **state)
{
	struct house *house = *state;
	char path[640];
	const int signals[] = { SIGTERM, SIGINT };

	for (size_t i = 0; i < 2; i++) {
		house_start(house);
		/* It waits, blocked, until the reactor runs. */
		assert_int_equal(raise(signals[i]), 0);
		assert_int_equal(server_run(house->server), 0);
		assert_int_equal(house->server->state, SERVER_STOPPING);
		server_free(&house->server);
		snprintf(path, sizeof(path), "%s/lmtp", house->folder);
		assert_int_equal(access(path, F_OK), -1);
		snprintf(path, sizeof(path), "%s/control", house->folder);
		assert_int_equal(access(path, F_OK), -1);
	}
	char *log = house_log(house);
	assert_non_null(strstr(log, "coid is ready version="));
	assert_non_null(strstr(log, "stopping signal=15\n"));
	assert_non_null(strstr(log, "stopping signal=2\n"));
	assert_non_null(strstr(log, "stopped\n"));
	free(log);
}

static void the_number_of_reactors_has_a_maximum(void **state)
{
	struct house *house = *state;

	house_option(house, "server.reactors", "1");
	house_start(house);
	assert_int_equal(house->server->reactor_count, 1);
	server_free(&house->server);
	house_option(house, "server.reactors", "0");
	house_start(house);
	assert_in_range(house->server->reactor_count, 1, REACTORS_MAX);
	server_free(&house->server);
	house_option(house, "server.reactors", "65");
	assert_int_equal(server_new(&house->source, &house->errors, &house->server), RC_INVALID);
	assert_told(house, "server.reactors");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
		TEST(a_good_configuration_passes_the_check),
		TEST(the_check_tries_what_the_configuration_names),
		TEST(a_store_has_one_server),
		TEST(a_server_runs_until_it_is_told_to_stop),
		TEST(the_number_of_reactors_has_a_maximum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
