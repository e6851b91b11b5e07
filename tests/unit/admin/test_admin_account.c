#include "admin_rig.h"

#define ALICE "alice@example.org"

static void a_locked_account_takes_no_mail_until_it_is_unlocked(void **state)
{
	struct control *control = *state;
	uint32_t uid;

	assert_request(control, ARGS("account", "unlock", ALICE), "e " ALICE ": is not locked\nx 1\n");
	char *answer = control_ask(control, ARGS("account", "lock", ALICE), "");
	assert_int_equal(strncmp(answer, "o " ALICE ": locked\n", strlen("o " ALICE ": locked\n")), 0);
	assert_non_null(strstr(answer, "\nx 0\n"));
	free(answer);
	assert_int_equal(rig_append(control->rig, 1, "INBOX", STRV("A: b\r\n\r\nc\r\n"), STRV_NULL, &uid),
		RC_UNAVAILABLE);
	answer = control_ask(control, ARGS("user", "list", "--details"), "");
	assert_non_null(strstr(answer, " locked\n"));
	free(answer);
	assert_request(
		control, ARGS("account", "unlock", "ALICE@example.org"), "o " ALICE ": unlocked\nx 0\n");
	assert_int_equal(
		rig_append(control->rig, 1, "INBOX", STRV("A: b\r\n\r\nc\r\n"), STRV_NULL, &uid), RC_OK);
	assert_int_equal(uid, 1);
}

static void only_an_account_can_be_locked(void **state)
{
	static const char *const verbs[] = { "lock", "unlock" };

	for (size_t i = 0; i < 2; i++) {
		assert_request(*state, ARGS("account", verbs[i], "nobody@example.org"),
			"e nobody@example.org: there is no such user\nx 1\n");
		assert_request(*state, ARGS("account", verbs[i], "nobody"), "e nobody: is not valid\nx 1\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, control_setup_store, control_teardown)
		TEST(a_locked_account_takes_no_mail_until_it_is_unlocked),
		TEST(only_an_account_can_be_locked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
