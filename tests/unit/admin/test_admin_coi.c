#include "admin_rig.h"

#include "coi/coi.h"

#define ALICE "alice@example.org"
#define OFF "o enabled: no\no message-filter: none\no mailbox-root: COI\nx 0\n"
#define NOBODY "e nobody@example.org: there is no such user\nx 1\n"

static struct coi *offered;

static int setup_with(void **state, bool enabled)
{
	const struct coi_settings settings = { .enabled = enabled, .mailbox_root = "COI" };
	control_setup_store(state);
	struct control *control = *state;
	offered = coi_new(&settings, control->log);
	coi_attach(offered, control->rig->store);
	control->admin->hooks.coi = offered;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, true);
}

static int setup_off(void **state)
{
	return setup_with(state, false);
}

static int teardown(void **state)
{
	control_teardown(state);
	coi_free(&offered);
	return 0;
}

static void an_account_is_enabled_and_disabled(void **state)
{
	struct control *control = *state;
	assert_request(control, ARGS("coi", "show", ALICE), OFF);
	char *answer = control_ask(control, ARGS("coi", "enable", ALICE), "");
	assert_int_equal(strncmp(answer, "o enabled: yes\n", 15), 0);
	/* The answer tells the new state. */
	assert_request(control, ARGS("coi", "show", ALICE), answer);
	assert_request(control, ARGS("coi", "enable", ALICE), answer);
	free(answer);
	answer = control_ask(control, ARGS("coi", "disable", ALICE), "");
	assert_int_equal(strncmp(answer, "o enabled: no\n", 14), 0);
	free(answer);
	assert_request(control, ARGS("coi", "show", "bob@example.org"), OFF);
}

static void a_filter_is_one_of_three(void **state)
{
	static const char *const filters[] = { "active", "seen", "none" };
	struct control *control = *state;
	int64_t chats;
	free(control_ask(control, ARGS("coi", "enable", ALICE), ""));
	for (size_t i = 0; i < 3; i++) {
		char line[64];
		snprintf(line, sizeof(line), "\no message-filter: %s\n", filters[i]);
		char *answer = control_ask(control, ARGS("coi", "filter", ALICE, filters[i]), "");
		assert_non_null(strstr(answer, line));
		free(answer);
	}
	assert_int_equal(rig_find(control->rig, 1, "COI/Chats", &chats), RC_OK);
	assert_request(control, ARGS("coi", "filter", ALICE, "some"),
		"e some: a filter is none, active or seen\nx 1\n");
}

static void who_is_not_there_has_no_settings(void **state)
{
	struct control *control = *state;
	assert_request(control, ARGS("coi", "show", "nobody@example.org"), NOBODY);
	assert_request(control, ARGS("coi", "enable", "nobody@example.org"), NOBODY);
	assert_request(control, ARGS("coi", "filter", "nobody@example.org", "seen"), NOBODY);
	/* Nor who was removed a moment ago. */
	assert_request(control, ARGS("user", "del", ALICE), "o " ALICE ": removed\nx 0\n");
	assert_request(control, ARGS("coi", "show", ALICE), "e " ALICE ": there is no such user\nx 1\n");
}

static void words_that_are_missing_tell_the_usage(void **state)
{
	const char *const *const wrong[] = { ARGS("coi", "show"), ARGS("coi", "filter", ALICE),
		ARGS("coi", "enable", ALICE, "x") };
	for (size_t i = 0; i < 3; i++) {
		char *answer = control_ask(*state, wrong[i], "");
		assert_non_null(strstr(answer, "\nx 64\n"));
		free(answer);
	}
}

static void a_server_without_coi_says_so(void **state)
{
	static const char off[] = "e COI is switched off in the configuration\nx 1\n";
	assert_request(*state, ARGS("coi", "show", ALICE), off);
	assert_request(*state, ARGS("coi", "filter", ALICE, "seen"), off);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_account_is_enabled_and_disabled),
		TEST(a_filter_is_one_of_three),
		TEST(who_is_not_there_has_no_settings),
		TEST(words_that_are_missing_tell_the_usage),
		cmocka_unit_test_setup_teardown(a_server_without_coi_says_so, setup_off, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
