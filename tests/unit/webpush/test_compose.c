/* Pushes are made out of messages, of subscriptions, and for tests. */
#include "push_rig.h"
#include "webpush/compose.h"
#include "webpush/retry.h"

#define MAIL "From: Bob <bob@example.org>\r\nSubject: hello\r\n\r\nhello\r\n"
#define REPORT                                                                                               \
	"From: bob@example.org\r\nContent-Type: multipart/report; report-type=disposition-notification;"     \
	" boundary=b\r\n\r\n--b\r\n\r\nread\r\n--b--\r\n"

struct fixture {
	struct push_rig r;
	struct push_list list;
	uint32_t uid; /* of the message, as the next one */
	int64_t mailbox;
	const char *id; /* of the subscription */
	bool flag; /* result */
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	push_rig_begin(&f.r);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	push_list_fini(&f->list);
	push_rig_end(&f->r);
	return 0;
}

enum what { MESSAGES, VALIDATION, TESTS };

static enum rc compose_run(struct fixture *f, struct account *account, enum what what)
{
	struct arena *arena = arena_new(0);
	struct vapid_key *vapid = key_current(&f->r.key);
	struct compose_request request = {
		.core = &f->r.core, .vapid = vapid, .arena = arena, .list = &f->list
	};
	struct push_owed_row row = { f->mailbox, f->uid };
	enum rc rc = RC_OK;

	push_list_drop(&f->list, NULL, NULL);
	switch (what) {
	case MESSAGES:
		rc = compose_messages(&request, account, &row, 1);
		break;
	case VALIDATION:
		rc = compose_validation(&request, account, strv_cstr(f->id), &f->flag);
		break;
	case TESTS:
		rc = compose_tests(&request, account, strv_cstr(f->id));
		break;
	}
	vapid_key_unref(&vapid);
	arena_free(&arena);
	return rc;
}

static enum rc run_messages(struct account *account, void *arg)
{
	return compose_run(arg, account, MESSAGES);
}

static enum rc run_validation(struct account *account, void *arg)
{
	return compose_run(arg, account, VALIDATION);
}

static enum rc run_trial(struct account *account, void *arg)
{
	return compose_run(arg, account, TESTS);
}

static void run(struct fixture *f, rig_fn *fn)
{
	assert_int_equal(rig_run(&f->r.rig, RIG_ACCOUNT, JOB_READ, fn, f), RC_OK);
}

static void append(struct fixture *f, struct strv text)
{
	assert_int_equal(rig_append(&f->r.rig, RIG_ACCOUNT, "INBOX", text, STRV_NULL, &f->uid), RC_OK);
	assert_int_equal(rig_find(&f->r.rig, RIG_ACCOUNT, "INBOX", &f->mailbox), RC_OK);
}

static void a_message_becomes_a_push_per_subscription_that_is_validated(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	push_rig_subscribe(&f->r, "second_subscription", RIG_HOST "/2", true);
	push_rig_subscribe(&f->r, "third_subscription", RIG_HOST "/3", false);
	append(f, STRV(MAIL));
	run(f, run_messages);
	assert_int_equal(f->list.n, 2);
	const struct push *push = f->list.v[0];
	assert_int_equal(push->kind, PUSH_MESSAGE);
	assert_int_equal(push->uid, f->uid);
	assert_int_equal(push->mailbox, f->mailbox);
	assert_int_equal(push->flags, 0);
	assert_int_equal(strlen(push->vapid), VAPID_ID);
	assert_true(push->expires - clock_wall() > 86000 && push->expires - clock_wall() <= 86400);
	assert_non_null(strstr(push->plain, "\"from-email\":\"bob@example.org\""));
	assert_non_null(strstr(push->plain, "\"subject\":\"hello\""));
	assert_non_null(strstr(push->plain, "\"content\":\"hello\\r\\n\""));
	assert_non_null(strstr(push->plain, "\"folder\":\"INBOX\""));
}

static void the_settings_say_how_much_of_a_message_is_told(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	append(f, STRV(MAIL));
	f->r.settings.content = WEBPUSH_HEADERS;
	run(f, run_messages);
	assert_null(strstr(f->list.v[0]->plain, "\"content\""));
	assert_non_null(strstr(f->list.v[0]->plain, "\"subject\""));
	f->r.settings.content = WEBPUSH_MINIMAL;
	run(f, run_messages);
	assert_null(strstr(f->list.v[0]->plain, "\"subject\""));
	assert_non_null(strstr(f->list.v[0]->plain, "\"uid\":1"));
}

static void a_long_body_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct buf text;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	buf_init(&text, 256 * 1024);
	buf_adds(&text, MAIL);
	for (unsigned i = 0; i < 2000; i++)
		buf_adds(&text, "0123456789012345678901234567890123456789\r\n");
	append(f, buf_strv(&text));
	buf_fini(&text);
	run(f, run_messages);
	assert_null(strstr(f->list.v[0]->plain, "\"content\""));
	assert_non_null(strstr(f->list.v[0]->plain, "\"subject\":\"hello\""));
}

static enum rc token_add(struct account *account, void *arg)
{
	(void)arg;
	return device_add(account, STRV("token"), clock_wall(), 5);
}

static void a_read_receipt_is_told_to_device_tokens_alone(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	assert_int_equal(rig_run(&f->r.rig, RIG_ACCOUNT, JOB_WRITE, token_add, NULL), RC_OK);
	append(f, STRV(REPORT));
	run(f, run_messages);
	assert_int_equal(f->list.n, 1);
	assert_int_equal(f->list.v[0]->kind, PUSH_DEVICE);
	assert_string_equal(f->list.v[0]->plain, "token");
	assert_string_equal(f->list.v[0]->from, "bob@example.org");
	assert_string_equal(f->list.v[0]->vapid, "");
	int64_t left = f->list.v[0]->expires - clock_wall();
	assert_true(left <= DEVICE_LIFE_S && left > DEVICE_LIFE_S - 60);
}

static void a_message_or_mailbox_that_is_gone_is_left_out(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	append(f, STRV(MAIL));
	f->uid++;
	run(f, run_messages);
	assert_int_equal(f->list.n, 0);
	f->mailbox = 999;
	run(f, run_messages);
	assert_int_equal(f->list.n, 0);
}

static void a_subscription_for_another_key_is_not_told(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	append(f, STRV(MAIL));
	assert_int_equal(key_fake(&f->r.key), RC_OK);
	run(f, run_messages);
	assert_int_equal(f->list.n, 0);
}

static void only_a_subscription_that_waits_gets_a_validation_push(void **state)
{
	struct fixture *f = *state;

	f->id = RIG_SUB;
	run(f, run_validation);
	assert_int_equal(f->list.n, 0);
	assert_true(f->flag);
	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	run(f, run_validation);
	assert_int_equal(f->list.n, 0);
	assert_false(f->flag);
	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", false);
	run(f, run_validation);
	assert_true(f->flag);
	assert_int_equal(f->list.n, 1);
	assert_int_equal(f->list.v[0]->flags, PUSH_URGENT);
	assert_string_equal(f->list.v[0]->plain, "{\"validation\":\"token\"}");
	assert_true(f->list.v[0]->expires <= clock_wall() + 900);
}

static void tests_go_to_all_subscriptions_that_live_or_to_one(void **state)
{
	struct fixture *f = *state;

	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	push_rig_subscribe(&f->r, "second_subscription", RIG_HOST "/2", false);
	f->id = "";
	run(f, run_trial);
	assert_int_equal(f->list.n, 2);
	f->id = "SECOND_subscription";
	run(f, run_trial);
	assert_int_equal(f->list.n, 1);
	assert_string_equal(f->list.v[0]->subscription, "second_subscription");
	assert_non_null(strstr(f->list.v[0]->plain, "\"subject\":\"Test push\""));
	f->id = "third_subscription";
	run(f, run_trial);
	assert_int_equal(f->list.n, 0);
}

static enum rc look_wanted(struct account *account, void *arg)
{
	struct fixture *f = arg;
	return compose_wanted(&f->r.core, account, &f->flag);
}

static enum rc look_unwanted(struct account *account, void *arg)
{
	((struct fixture *)arg)->flag = compose_unwanted(account);
	return RC_OK;
}

static void an_account_is_asked_once_and_again_after_a_change(void **state)
{
	struct fixture *f = *state;

	run(f, look_unwanted);
	assert_false(f->flag);
	run(f, look_wanted);
	assert_false(f->flag);
	run(f, look_unwanted);
	assert_true(f->flag);
	push_rig_subscribe(&f->r, RIG_SUB, RIG_HOST "/1", true);
	run(f, look_wanted);
	assert_true(f->flag);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_becomes_a_push_per_subscription_that_is_validated),
		TEST(the_settings_say_how_much_of_a_message_is_told),
		TEST(a_long_body_is_left_out),
		TEST(a_read_receipt_is_told_to_device_tokens_alone),
		TEST(a_message_or_mailbox_that_is_gone_is_left_out),
		TEST(a_subscription_for_another_key_is_not_told),
		TEST(only_a_subscription_that_waits_gets_a_validation_push),
		TEST(tests_go_to_all_subscriptions_that_live_or_to_one),
		TEST(an_account_is_asked_once_and_again_after_a_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
