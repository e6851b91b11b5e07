/* Answers of push services: what each of them does to the push, its subscription and its next try. */
#include "push_rig.h"

static int setup(void **state)
{
	static struct push_rig rig;

	push_rig_begin(&rig);
	clock_fake_set(1000000, 1800000000);
	push_rig_subscribe(&rig, RIG_SUB, RIG_HOST "/1", true);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	push_rig_end(*state);
	return 0;
}

/* A push of this kind is in the air. */
static struct push *begin(struct push_rig *r, enum push_kind kind)
{
	struct push *push =
		push_rig_push(r, kind, RIG_SUB, kind == PUSH_DEVICE ? RIG_NOTIFIER : RIG_HOST "/1");

	push_rig_add(r, push, NULL);
	assert_int_equal(r->http.n, 1);
	return r->http.air[0];
}

static void answers_of_success_end_the_push(void **state)
{
	static const unsigned statuses[] = { 200, 201, 202, 204 };
	struct push_rig *r = *state;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		begin(r, PUSH_MESSAGE);
		push_rig_answer(r, statuses[i], NULL);
		assert_int_equal(push_rig_counter(r, CORE_SENT), i + 1);
		assert_int_equal(push_rig_rows(r).count, 0);
	}
	assert_int_equal(origins_waiting(r->queue.origins), 0);
}

static void a_validation_push_that_is_taken_begins_the_window(void **state)
{
	struct push_rig *r = *state;

	push_rig_subscribe(r, RIG_SUB, RIG_HOST "/1", false);
	begin(r, PUSH_VALIDATION);
	assert_int_equal(push_rig_look(r, RIG_SUB).accepted, 0);
	push_rig_answer(r, 201, NULL);
	assert_int_equal(push_rig_look(r, RIG_SUB).accepted, 1800000000);
}

static void a_subscription_that_the_push_service_does_not_know_goes_with_all_that_waits_for_it(void **state)
{
	static const unsigned statuses[] = { 404, 410 };
	struct push_rig *r = *state;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		push_rig_subscribe(r, RIG_SUB, RIG_HOST "/1", true);
		begin(r, PUSH_MESSAGE);
		struct push *waits = push_rig_push(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1");
		waits->due = clock_mono_ms() + 60000;
		push_rig_add(r, waits, NULL);
		push_rig_answer(r, statuses[i], NULL);
		assert_int_equal(push_rig_counter(r, CORE_UNSUBSCRIBED), i + 1);
		assert_int_equal(origins_waiting(r->queue.origins), 0);
		assert_int_equal(push_rig_rows(r).count, 0);
		assert_false(push_rig_look(r, RIG_SUB).found);
	}
}

static void other_errors_of_the_client_are_final_but_cost_no_subscription(void **state)
{
	static const unsigned statuses[] = { 400, 401, 403, 301, 418 };
	struct push_rig *r = *state;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		begin(r, PUSH_MESSAGE);
		push_rig_answer(r, statuses[i], NULL);
		assert_int_equal(push_rig_counter(r, CORE_REFUSED), i + 1);
		assert_int_equal(push_rig_rows(r).count, 0);
	}
	assert_true(push_rig_look(r, RIG_SUB).found);
}

static void what_is_too_large_goes_once_more_without_its_content(void **state)
{
	struct push_rig *r = *state;

	begin(r, PUSH_MESSAGE);
	push_rig_answer(r, 413, NULL);
	assert_int_equal(r->http.n, 1);
	assert_string_equal(r->http.air[0]->plain, "{}");
	struct push_rig_rows rows = push_rig_rows(r);
	assert_string_equal(rows.plain, "{}");
	assert_true(rows.flags & PUSH_SHRUNK);
	push_rig_answer(r, 413, NULL);
	assert_int_equal(push_rig_counter(r, CORE_REFUSED), 1);
	assert_int_equal(push_rig_rows(r).count, 0);
}

static void a_pause_that_is_asked_for_is_kept(void **state)
{
	static const unsigned statuses[] = { 429, 503 };
	struct push_rig *r = *state;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		begin(r, PUSH_MESSAGE);
		push_rig_answer(r, statuses[i], "40");
		assert_int_equal(r->http.n, 0);
		assert_int_equal(push_rig_rows(r).due, clock_wall() + 40);
		assert_int_equal(push_rig_rows(r).tries, 1);
		clock_fake_advance(39000);
		push_rig_settle(r);
		assert_int_equal(r->http.n, 0);
		clock_fake_advance(1001);
		push_rig_settle(r);
		assert_int_equal(r->http.n, 1);
		push_rig_answer(r, 201, NULL);
	}
	assert_int_equal(push_rig_counter(r, CORE_FAILED), 2);
}

static void a_push_that_fails_too_often_is_given_up(void **state)
{
	struct push_rig *r = *state;

	r->settings.tries_max = 3;
	begin(r, PUSH_MESSAGE);
	for (unsigned i = 1; i < 3; i++) {
		push_rig_answer(r, 500, NULL);
		assert_int_equal(push_rig_rows(r).tries, i);
		clock_fake_advance(r->settings.backoff_max_ms);
		push_rig_settle(r);
		assert_int_equal(r->http.n, 1);
	}
	push_rig_answer(r, 500, NULL);
	assert_int_equal(push_rig_rows(r).count, 0);
	assert_int_equal(push_rig_counter(r, CORE_EXPIRED), 1);
	assert_int_equal(push_rig_counter(r, CORE_FAILED), 3);
}

static void a_try_that_would_be_too_late_is_not_made(void **state)
{
	struct push_rig *r = *state;

	begin(r, PUSH_MESSAGE)->expires = clock_wall() + 30;
	push_rig_answer(r, 429, "40");
	assert_int_equal(push_rig_counter(r, CORE_EXPIRED), 1);
	assert_int_equal(push_rig_rows(r).count, 0);
}

static void a_push_service_that_cannot_be_reached_costs_a_message_no_try_but_a_validation_one(void **state)
{
	struct push_rig *r = *state;

	begin(r, PUSH_MESSAGE);
	push_rig_answer(r, 0, NULL);
	assert_int_equal(push_rig_rows(r).tries, 0);
	queue_forget(&r->queue, RIG_ACCOUNT);
	push_rig_settle(r);
	clock_fake_advance(r->settings.origin_pause_max_ms);
	begin(r, PUSH_VALIDATION);
	push_rig_answer(r, 0, NULL);
	assert_int_equal(push_rig_rows(r).tries, 1);
}

static void a_validation_push_waits_a_minute_at_most(void **state)
{
	struct push_rig *r = *state;

	begin(r, PUSH_VALIDATION)->tries = 8;
	push_rig_answer(r, 500, NULL);
	struct push_rig_rows rows = push_rig_rows(r);
	assert_int_equal(rows.count, 1);
	assert_true(rows.due <= clock_wall() + 60 && rows.due >= clock_wall() + 30);
}

static void a_device_token_is_tried_four_times_again(void **state)
{
	static const unsigned waits[] = { 8, 64, 512, 4096 };
	struct push_rig *r = *state;

	begin(r, PUSH_DEVICE);
	for (size_t i = 0; i < 4; i++) {
		push_rig_answer(r, 500, NULL);
		assert_int_equal(push_rig_rows(r).due, clock_wall() + waits[i]);
		clock_fake_advance(waits[i] * 1000);
		push_rig_settle(r);
		assert_int_equal(r->http.n, 1);
	}
	push_rig_answer(r, 500, NULL);
	assert_int_equal(push_rig_rows(r).count, 0);
	assert_int_equal(push_rig_counter(r, CORE_EXPIRED), 1);
}

static enum rc token_add(struct account *account, void *arg)
{
	(void)arg;
	return device_add(account, STRV("token"), clock_wall(), 5);
}

static enum rc token_name(struct account *account, void *arg)
{
	struct arena *arena = arena_new(0);
	struct device_list list;
	enum rc rc = device_load(account, clock_wall(), arena, &list);

	if (rc == RC_OK)
		snprintf(arg, 64, "%.*s", list.n ? (int)list.v[0].name.n : 0, list.n ? list.v[0].name.p : "");
	arena_free(&arena);
	return rc;
}

static void a_device_token_that_the_notifier_does_not_know_goes(void **state)
{
	struct push_rig *r = *state;
	char name[64];

	assert_int_equal(rig_run(&r->rig, RIG_ACCOUNT, JOB_WRITE, token_add, NULL), RC_OK);
	assert_int_equal(rig_run(&r->rig, RIG_ACCOUNT, JOB_READ, token_name, name), RC_OK);
	assert_int_equal(strlen(name), DEVICE_NAME);
	push_rig_add(r, push_rig_push(r, PUSH_DEVICE, name, RIG_NOTIFIER), NULL);
	push_rig_answer(r, 410, NULL);
	assert_int_equal(rig_run(&r->rig, RIG_ACCOUNT, JOB_READ, token_name, name), RC_OK);
	assert_string_equal(name, "");
	assert_true(push_rig_look(r, RIG_SUB).found);
}

static void a_host_without_a_public_address_costs_the_subscription(void **state)
{
	struct push_rig *r = *state;
	struct push_answer answer = { .refused = true };

	begin(r, PUSH_MESSAGE);
	outcome_answered(&r->outcome, r->http.air[--r->http.n], &answer);
	assert_false(push_rig_look(r, RIG_SUB).found);
	assert_int_equal(push_rig_counter(r, CORE_REFUSED), 1);
	assert_int_equal(push_rig_counter(r, CORE_FAILED), 0);
	assert_int_equal(push_rig_rows(r).count, 0);
}

static void a_subscription_that_has_failed_for_long_goes(void **state)
{
	struct push_rig *r = *state;

	r->settings.fail_count = 3;
	r->settings.fail_age_s = 100;
	for (unsigned i = 0; i < 3; i++) {
		assert_true(push_rig_look(r, RIG_SUB).found);
		begin(r, PUSH_MESSAGE);
		push_rig_answer(r, 400, NULL);
		clock_fake_advance(60000);
	}
	assert_false(push_rig_look(r, RIG_SUB).found);
	assert_int_equal(push_rig_counter(r, CORE_UNSUBSCRIBED), 1);
}

static void a_test_is_told_the_answer_and_never_tried_again(void **state)
{
	struct push_rig *r = *state;

	queue_wait(&r->queue, push_rig_push(r, PUSH_TEST, RIG_SUB, RIG_HOST "/1"));
	push_rig_settle(r);
	push_rig_answer(r, 201, NULL);
	assert_string_equal(r->text, "201 in 0 ms");
	assert_true(r->ok);
	queue_wait(&r->queue, push_rig_push(r, PUSH_TEST, RIG_SUB, RIG_HOST "/1"));
	push_rig_settle(r);
	push_rig_answer(r, 500, NULL);
	assert_string_equal(r->text, "500 in 0 ms");
	assert_false(r->ok);
	assert_int_equal(r->told, 2);
	assert_int_equal(r->http.n, 0);
	assert_int_equal(origins_waiting(r->queue.origins), 0);
	assert_int_equal(push_rig_counter(r, CORE_SENT) + push_rig_counter(r, CORE_FAILED), 0);
}

static void a_test_is_told_that_the_push_service_rests(void **state)
{
	struct push_rig *r = *state;

	begin(r, PUSH_MESSAGE);
	push_rig_answer(r, 0, NULL);
	assert_int_equal(r->http.n, 0);
	queue_wait(&r->queue, push_rig_push(r, PUSH_TEST, RIG_SUB, RIG_HOST "/1"));
	push_rig_settle(r);
	push_rig_answer(r, 0, NULL);
	assert_non_null(strstr(r->text, "no answer in 0 ms: , its push service rests for another "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_of_success_end_the_push),
		TEST(a_validation_push_that_is_taken_begins_the_window),
		TEST(a_subscription_that_the_push_service_does_not_know_goes_with_all_that_waits_for_it),
		TEST(other_errors_of_the_client_are_final_but_cost_no_subscription),
		TEST(what_is_too_large_goes_once_more_without_its_content),
		TEST(a_pause_that_is_asked_for_is_kept),
		TEST(a_push_that_fails_too_often_is_given_up),
		TEST(a_try_that_would_be_too_late_is_not_made),
		TEST(a_push_service_that_cannot_be_reached_costs_a_message_no_try_but_a_validation_one),
		TEST(a_validation_push_waits_a_minute_at_most),
		TEST(a_device_token_is_tried_four_times_again),
		TEST(a_device_token_that_the_notifier_does_not_know_goes),
		TEST(a_host_without_a_public_address_costs_the_subscription),
		TEST(a_subscription_that_has_failed_for_long_goes),
		TEST(a_test_is_told_the_answer_and_never_tried_again),
		TEST(a_test_is_told_that_the_push_service_rests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
