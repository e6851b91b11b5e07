#include "admin_rig.h"

#include "store/db.h"
#include "store/store_priv.h"

#define ALICE "alice@example.org"
#define BOB "bob@example.org"
#define OK_COUNTS "o mailboxes: 1\no messages: 2\no octets: 20\no files: 0\n"

/* Two messages of ten octets for alice, none for bob. */
static int setup(void **state)
{
	if (control_setup_store(state) != 0)
		return -1;
	struct control *control = *state;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t uid;
		assert_int_equal(
			rig_append(control->rig, 1, "INBOX", STRV("A: b\r\n\r\nc\n"), STRV_NULL, &uid),
			RC_OK);
	}
	return 0;
}

static void a_sound_account_is_counted(void **state)
{
	struct control *control = *state;

	assert_request(control, ARGS("check", ALICE), OK_COUNTS "o problems: 0\nx 0\n");
	assert_request(control, ARGS("check", "--repair", "Alice@Example.org"),
		OK_COUNTS "o problems: 0\no left: 0\nx 0\n");
}

static void an_account_that_is_not_there_is_told(void **state)
{
	struct control *control = *state;

	assert_request(control, ARGS("check", "nobody@example.org"),
		"e nobody@example.org: there is no such user\nx 1\n");
	assert_request(
		control, ARGS("check", "nobody"), "e nobody: not an address like user@example.org\nx 1\n");
	assert_request(control, ARGS("check"),
		"e an argument is missing\ne usage: coidctl check ADDRESS|--all [--repair]\nx 64\n");
	assert_request(control, ARGS("check", "--all", ALICE),
		"e too many arguments\ne usage: coidctl check ADDRESS|--all [--repair]\nx 64\n");
}

static void all_accounts_are_checked_in_order(void **state)
{
	assert_request(*state, ARGS("check", "--all"),
		"o " ALICE ": ok mailboxes=1 messages=2\no " BOB
		": ok mailboxes=1 messages=0\no accounts: 2\n"
		"o mailboxes: 2\no messages: 2\no octets: 20\no files: 0\no problems: 0\no damaged: 0\n"
		"o not checked: 0\nx 0\n");
}

/* A counter that is not true. */
static enum rc damage(struct account *account, void *arg)
{
	(void)arg;
	return db_run(account->db, "UPDATE mailbox SET messages = 17 WHERE name = 'INBOX'", "");
}

static void damage_is_told_and_repaired(void **state)
{
	struct control *control = *state;

	assert_int_equal(rig_run(control->rig, 1, JOB_WRITE, damage, NULL), RC_OK);
	char *answer = control_ask(control, ARGS("check", ALICE), "");
	assert_non_null(strstr(answer, "\nx 1\n"));
	assert_null(strstr(answer, "o problems: 0\n"));
	free(answer);
	answer = control_ask(control, ARGS("check", "--all"), "");
	assert_non_null(strstr(answer, "o " ALICE ": problems="));
	assert_non_null(strstr(answer, "o damaged: 1\no not checked: 0\nx 1\n"));
	free(answer);
	answer = control_ask(control, ARGS("check", "--all", "--repair"), "");
	assert_non_null(strstr(answer, " left=0"));
	assert_non_null(strstr(answer, "o left: 0\no damaged: 0\no not checked: 0\nx 0\n"));
	free(answer);
	assert_request(control, ARGS("check", ALICE), OK_COUNTS "o problems: 0\nx 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, control_teardown)
		TEST(a_sound_account_is_counted),
		TEST(an_account_that_is_not_there_is_told),
		TEST(all_accounts_are_checked_in_order),
		TEST(damage_is_told_and_repaired),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
