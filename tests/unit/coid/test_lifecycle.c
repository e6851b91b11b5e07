#include "coid/lifecycle.h"

#include "base/clock.h"
#include "server_rig.h"

#include <signal.h>

static void assert_log_has(struct house *house, const char *text, bool has)
{
	char *log = house_log(house);
	bool found = strstr(log, text) != NULL;
	free(log);
	if (found != has)
		fail_msg("'%s' %s in the log", text, has ? "is not" : "is");
}

static void a_reload_takes_new_settings(void **state)
{
	struct house *house = *state;

	house_option(house, "lmtp.recipients_max", "123");
	house_option(house, "server.log_level", "error");
	assert_int_equal(lifecycle_reload(house->server, &house->errors), RC_OK);
	assert_int_equal(house->errors.len, 0);
	assert_int_equal(house->server->conf->lmtp.recipients_max, 123);
	/* The new level holds at once: that it was reloaded is not logged any more. */
	assert_log_has(house, "configuration reloaded", false);
	house_option(house, "server.log_level", "info");
	assert_int_equal(lifecycle_reload(house->server, &house->errors), RC_OK);
	assert_log_has(house, "configuration reloaded\n", true);
}

static void settings_that_wait_for_a_start_are_told(void **state)
{
	struct house *house = *state;

	house_option(house, "server.workers", "3");
	house_option(house, "store.queue_max", "77");
	assert_int_equal(lifecycle_reload(house->server, &house->errors), RC_OK);
	assert_told(house, "settings that take effect at the next start: server.workers store.queue_max\n");
	assert_log_has(house,
		"settings that take effect at the next start: \"server.workers store.queue_max\"\n", true);
}

static void a_reload_that_fails_changes_nothing(void **state)
{
	static const char *const samples[][2] = {
		{ "imap.line_max", "much" },
		{ "auth.users_file", "/nowhere/users" },
		{ "server.log_file", "/nowhere/log" },
	};
	struct house *house = *state;
	const struct conf *before = house->server->conf;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		char *options[OPTIONS_MAX];
		size_t count = house->source.override_count;
		for (size_t j = 0; j < count; j++)
			options[j] = mem_strdup(house->options[j]);
		house_option(house, samples[i][0], samples[i][1]);
		assert_int_not_equal(lifecycle_reload(house->server, &house->errors), RC_OK);
		assert_told(house, samples[i][1]);
		assert_ptr_equal(house->server->conf, before);
		for (size_t j = 0; j < house->source.override_count; j++)
			free(house->options[j]);
		memcpy(house->options, options, sizeof(options[0]) * count);
		memset(house->options + count, 0, sizeof(options[0]) * (OPTIONS_MAX - count));
		house->source.override_count = count;
	}
	assert_log_has(house, "configuration not reloaded: ", true);
	house_option(house, "tls.cert", "/nowhere/cert.pem");
	house_option(house, "tls.key", "/nowhere/key.pem");
	assert_int_not_equal(lifecycle_reload(house->server, &house->errors), RC_OK);
	assert_told(house, "/nowhere/cert.pem");
	assert_ptr_equal(house->server->conf, before);
}

static void sighup_reloads(void **state)
{
	struct house *house = *state;

	house_option(house, "lmtp.recipients_max", "124");
	/* Both wait until the reactor runs, and come by number: the reload first. */
	assert_int_equal(raise(SIGHUP), 0);
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(server_run(house->server), 0);
	assert_int_equal(house->server->conf->lmtp.recipients_max, 124);
	assert_log_has(house, "configuration reloaded\n", true);
}

static void a_second_stop_is_harmless(void **state)
{
	struct house *house = *state;

	clock_fake_set(1000000, 1795491369);
	lifecycle_start(house->server);
	assert_int_equal(house->server->state, SERVER_SERVING);
	lifecycle_stop(house->server);
	assert_int_equal(house->server->state, SERVER_STOPPING);
	assert_int_equal(house->server->stop_began, 1000000);
	/* A second stop drops no session and does not restart the waiting time. */
	clock_fake_advance(100);
	lifecycle_stop(house->server);
	assert_int_equal(house->server->stop_began, 1000000);
	lifecycle_finish(house->server);
	clock_fake_set(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup_started, house_teardown)
		TEST(a_reload_takes_new_settings),
		TEST(settings_that_wait_for_a_start_are_told),
		TEST(a_reload_that_fails_changes_nothing),
		TEST(sighup_reloads),
		TEST(a_second_stop_is_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
