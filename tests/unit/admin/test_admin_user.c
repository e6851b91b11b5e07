#include "admin_rig.h"

#define ALICE "alice@example.org"
#define BOB "bob@example.org"

static void a_user_is_added_once(void **state)
{
	struct control *control = *state;
	const char *const *add = ARGS("user", "add", "Carol@Example.ORG", "--password-stdin");

	assert_request_with(control, add, "good password\n", "o carol@example.org: added\nx 0\n");
	assert_request_with(control, add, "good password\n", "e carol@example.org: is there already\nx 1\n");
	assert_request(control, ARGS("user", "list"), "o " ALICE "\no " BOB "\no carol@example.org\nx 0\n");
}

static void a_password_is_the_first_line_and_long_enough(void **state)
{
	static const char short_one[] = "e the password is shorter than 8 characters\nx 1\n";
	struct control *control = *state;
	const char *const *passwd = ARGS("user", "passwd", ALICE, "--password-stdin");

	assert_request_with(control, passwd, "12345678", "o " ALICE ": password changed\nx 0\n");
	assert_request_with(control, passwd, "12345678\r\nmore\n", "o " ALICE ": password changed\nx 0\n");
	/* Characters count, not octets. */
	assert_request_with(control, passwd,
		"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"
		"1234\n",
		"o " ALICE ": password changed\nx 0\n");
	assert_request_with(control, passwd, "1234567\n", short_one);
	assert_request_with(control, passwd, "1234567\r\n89\n", short_one);
	assert_request_with(control, passwd, "\n12345678\n", short_one);
	assert_request_with(control, passwd, "", short_one);
	assert_request_with(control, ARGS("user", "passwd", "nobody@example.org", "--password-stdin"),
		"12345678\n", "e nobody@example.org: there is no such user\nx 1\n");
}

static void a_user_is_disabled_enabled_and_removed(void **state)
{
	static const char *const verbs[] = { "disable", "enable", "del" };
	struct control *control = *state;

	assert_request(control, ARGS("user", "disable", BOB), "o " BOB ": disabled\nx 0\n");
	char *list = control_ask(control, ARGS("user", "list", "--details"), "");
	assert_non_null(strstr(list, "o " ALICE " id=1 enabled created="));
	assert_non_null(strstr(list, "o " BOB " id=2 disabled created="));
	assert_non_null(strstr(list, " last-login=never\n"));
	free(list);
	assert_request(control, ARGS("user", "enable", BOB), "o " BOB ": enabled\nx 0\n");
	assert_request(control, ARGS("user", "del", BOB), "o " BOB ": removed\nx 0\n");
	assert_request(control, ARGS("user", "list"), "o " ALICE "\nx 0\n");
	for (size_t i = 0; i < 3; i++)
		assert_request(
			control, ARGS("user", verbs[i], BOB), "e " BOB ": there is no such user\nx 1\n");
}

static void a_quota_is_shown_and_set(void **state)
{
	struct control *control = *state;
	char text[128];

	assert_request(control, ARGS("user", "quota", ALICE),
		"o storage: 0 of unlimited\no messages: 0 of unlimited\nx 0\n");
	assert_request(control, ARGS("user", "quota", ALICE, "--storage", "10M"),
		"o storage: 0 of 10485760\no messages: 0 of unlimited\nx 0\n");
	assert_request(control, ARGS("user", "quota", "--messages", "7", ALICE),
		"o storage: 0 of 10485760\no messages: 0 of 7\nx 0\n");
	assert_request(
		control, ARGS("user", "quota", ALICE), "o storage: 0 of 10485760\no messages: 0 of 7\nx 0\n");
	assert_request(control, ARGS("user", "quota", ALICE, "--storage", "none", "--messages", "none"),
		"o storage: 0 of unlimited\no messages: 0 of unlimited\nx 0\n");
	snprintf(text, sizeof(text), "o storage: 0 of %llu\no messages: 0 of unlimited\nx 0\n",
		(unsigned long long)INT64_MAX);
	assert_request(control, ARGS("user", "quota", ALICE, "--storage", "9223372036854775807"), text);
	assert_request(control, ARGS("user", "quota", ALICE, "--storage", "default"),
		"o storage: 0 of unlimited\no messages: 0 of unlimited\nx 0\n");
	assert_request(control, ARGS("user", "quota", "nobody@example.org"),
		"e nobody@example.org: there is no such user\nx 1\n");
	assert_request(control, ARGS("user", "quota", "nobody@example.org", "--messages", "1"),
		"e nobody@example.org: there is no such user\nx 1\n");
}

static void a_limit_that_is_no_number_is_refused(void **state)
{
	static const char *const limits[][2] = { { "--storage", "much" }, { "--storage", "-1" },
		{ "--storage", "9223372036854775808" }, { "--storage", "" }, { "--messages", "1K" },
		{ "--messages", "9223372036854775808" }, { "--messages", "None" } };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		char *answer =
			control_ask(*state, ARGS("user", "quota", ALICE, limits[i][0], limits[i][1]), "");
		assert_int_equal(
			strncmp(answer, "e a limit is a number (storage with K, M, G), none or default\n",
				62),
			0);
		free(answer);
	}
}

static void a_list_is_longer_than_a_page(void **state)
{
	struct control *control = *state;
	char name[64];
	unsigned lines = 0;

	for (unsigned i = 0; i < 1100; i++) {
		snprintf(name, sizeof(name), "user%04u@example.org", i);
		assert_int_equal(rig_user_add(control->rig, name), RC_OK);
	}
	char *answer = control_ask(control, ARGS("user", "list"), "");
	const char *last = "";
	for (char *line = answer, *end = strchr(line, '\n'); end; line = end + 1, end = strchr(line, '\n')) {
		*end = '\0';
		/* The lines are in order, without duplicates. */
		assert_true(strcmp(last, line) < 0);
		last = line;
		lines++;
	}
	assert_int_equal(lines, 1100 + 2 + 1);
	free(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, control_setup_store, control_teardown)
		TEST(a_user_is_added_once),
		TEST(a_password_is_the_first_line_and_long_enough),
		TEST(a_user_is_disabled_enabled_and_removed),
		TEST(a_quota_is_shown_and_set),
		TEST(a_limit_that_is_no_number_is_refused),
		TEST(a_list_is_longer_than_a_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
