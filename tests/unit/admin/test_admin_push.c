#include "admin_rig.h"

#include "support/subscription.h"
#include "webpush/webpush.h"

#define ALICE "alice@example.org"
#define ID "0123456789"
#define NOBODY "e nobody@example.org: there is no such user\nx 1\n"

static int setup(void **state)
{
	struct webpush_settings settings;
	struct buf errors;
	control_setup_store(state);
	struct control *control = *state;
	webpush_settings_init(&settings);
	buf_init(&errors, 4096);
	assert_int_equal(
		webpush_new(&settings, control->rig->store, control->log, &errors, &control->webpush), RC_OK);
	buf_fini(&errors);
	control->admin->hooks.webpush = control->webpush;
	return webpush_start(control->webpush) == RC_OK ? 0 : -1;
}

static enum rc subscribe(struct account *account, void *arg)
{
	(void)arg;
	return subscription_make(account, ID, "all");
}

static void subscribed(struct control *control)
{
	assert_int_equal(rig_run(control->rig, 1, JOB_WRITE, subscribe, NULL), RC_OK);
}

static void subscriptions_are_listed_and_removed(void **state)
{
	struct control *control = *state;
	assert_request(control, ARGS("push", "list", ALICE), "x 0\n");
	subscribed(control);
	char *answer = control_ask(control, ARGS("push", "list", ALICE), "");
	assert_non_null(strstr(answer, ID));
	assert_non_null(strstr(answer, "\nx 0\n"));
	free(answer);
	assert_request(control, ARGS("push", "list", "bob@example.org"), "x 0\n");
	assert_request(control, ARGS("push", "remove", ALICE, ID), "o " ID ": removed\nx 0\n");
	assert_request(control, ARGS("push", "remove", ALICE, ID),
		"e " ID ": there is no such push subscription or device token\nx 1\n");
	assert_request(control, ARGS("push", "list", ALICE), "x 0\n");
}

static void who_is_not_there_has_no_subscriptions(void **state)
{
	struct control *control = *state;
	assert_request(control, ARGS("push", "list", "nobody@example.org"), NOBODY);
	assert_request(control, ARGS("push", "remove", "nobody@example.org", ID), NOBODY);
	assert_request(control, ARGS("push", "test", "nobody@example.org"), NOBODY);
}

static void a_test_without_a_subscription_fails(void **state)
{
	assert_request(*state, ARGS("push", "test", ALICE, "9999999999"),
		"e " ALICE ": there is no such push subscription\nx 1\n");
}

static void the_key_is_shown_and_renewed(void **state)
{
	struct control *control = *state;
	char *before = control_ask(control, ARGS("vapid", "show"), "");
	assert_int_equal(strncmp(before, "o -----BEGIN PUBLIC KEY-----\n", 29), 0);
	assert_request(control, ARGS("vapid", "show"), before);
	assert_request(control, ARGS("vapid", "rotate"),
		"o there is a new key; clients have to subscribe again\nx 0\n");
	char *after = control_ask(control, ARGS("vapid", "show"), "");
	assert_string_not_equal(after, before);
	free(before);
	free(after);
}

static void words_that_are_missing_tell_the_usage(void **state)
{
	const char *const *const wrong[] = { ARGS("push", "list"), ARGS("push", "remove", ALICE),
		ARGS("push", "test"), ARGS("push", "test", ALICE, ID, "x"), ARGS("vapid", "show", "x"),
		ARGS("vapid", "rotate", "x") };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *answer = control_ask(*state, wrong[i], "");
		assert_non_null(strstr(answer, "\nx 64\n"));
		free(answer);
	}
}

static void a_server_that_does_not_push_says_so(void **state)
{
	static const char off[] = "e this server does not push\nx 1\n";
	assert_request(*state, ARGS("push", "list", ALICE), off);
	assert_request(*state, ARGS("push", "remove", ALICE, ID), off);
	assert_request(*state, ARGS("push", "test", ALICE), off);
	assert_request(*state, ARGS("vapid", "show"), off);
	assert_request(*state, ARGS("vapid", "rotate"), off);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, control_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(subscriptions_are_listed_and_removed),
		TEST(who_is_not_there_has_no_subscriptions),
		TEST(a_test_without_a_subscription_fails),
		TEST(the_key_is_shown_and_renewed),
		TEST(words_that_are_missing_tell_the_usage),
		cmocka_unit_test_setup_teardown(
			a_server_that_does_not_push_says_so, control_setup_store, control_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
