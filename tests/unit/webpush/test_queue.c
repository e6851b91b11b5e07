/* Pushes that wait: written down, sent in turn, dropped when too many or void. */
#include "push_rig.h"

static int setup(void **state)
{
	static struct push_rig rig;

	push_rig_begin(&rig);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	push_rig_end(*state);
	return 0;
}

static void enter(struct push_rig *r, enum push_kind kind, const char *subscription, const char *endpoint)
{
	queue_wait(&r->queue, push_rig_push(r, kind, subscription, endpoint));
}

static void a_push_is_in_push_db_while_it_is_in_the_air_and_not_after_its_end(void **state)
{
	struct push_rig *r = *state;

	push_rig_add(r, push_rig_push(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1"), NULL);
	assert_int_equal(r->http.n, 1);
	assert_int_equal(push_rig_rows(r).count, 1);
	push_rig_answer(r, 201, NULL);
	assert_int_equal(push_rig_rows(r).count, 0);
	assert_int_equal(push_rig_counter(r, CORE_SENT), 1);
}

static void a_push_waits_until_it_is_due(void **state)
{
	struct push_rig *r = *state;
	struct push *push = push_rig_push(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1");

	clock_fake_set(1000000, 1800000000);
	push->expires = clock_wall() + 100;
	push->due = clock_mono_ms() + 5000;
	queue_wait(&r->queue, push);
	push_rig_settle(r);
	assert_int_equal(r->http.n, 0);
	assert_int_equal(atomic_load(&r->queue.shown_waiting), 1);
	clock_fake_advance(5000);
	push_rig_settle(r);
	assert_int_equal(r->http.n, 1);
	assert_int_equal(atomic_load(&r->queue.shown_active), 1);
}

static void too_many_for_one_push_service_cost_the_oldest(void **state)
{
	struct push_rig *r = *state;

	r->queue.http = NULL;
	r->settings.queue_per_origin = 2;
	for (int i = 1; i <= 3; i++) {
		struct push *push = push_rig_push(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1");
		push->id = i;
		queue_wait(&r->queue, push);
	}
	assert_int_equal(origins_waiting(r->queue.origins), 2);
	assert_int_equal(push_rig_counter(r, CORE_DROPPED), 1);
	LIST_EACH (node, &r->queue.all)
		assert_int_not_equal(CONTAINER_OF(node, struct push, in_all)->id, 1);
}

static void too_many_in_all_cost_whoever_has_most(void **state)
{
	struct push_rig *r = *state;

	r->queue.http = NULL;
	r->settings.queue_max = 2;
	enter(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1");
	enter(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1");
	enter(r, PUSH_MESSAGE, "other_subscription", "https://other.example.org/1");
	assert_int_equal(origins_waiting(r->queue.origins), 2);
	assert_int_equal(push_rig_counter(r, CORE_DROPPED), 1);
	assert_string_equal(CONTAINER_OF(list_first(&r->queue.all)->next, struct push, in_all)->subscription,
		"other_subscription");
}

static void an_endpoint_that_is_not_allowed_any_more_is_never_asked_and_its_subscription_dropped(void **state)
{
	struct push_rig *r = *state;

	r->settings.allow_private = true;
	push_rig_subscribe(r, RIG_SUB, RIG_HOST "/1", true);
	r->settings.allow_private = false;
	enter(r, PUSH_MESSAGE, RIG_SUB, "https://127.0.0.1/1");
	push_rig_settle(r);
	assert_int_equal(r->http.n, 0);
	/* Another endpoint than that of the subscription: it stays. */
	assert_true(push_rig_look(r, RIG_SUB).found);
	push_rig_subscribe(r, RIG_SUB, "https://push.example.org/2", true);
	r->settings.allow_private = false;
	enter(r, PUSH_TEST, RIG_SUB, "http://push.example.org/2");
	assert_int_equal(r->told, 1);
	assert_string_equal(r->text, "refused: the endpoint is not allowed");
	assert_true(push_rig_look(r, RIG_SUB).found);
}

static void a_device_push_without_a_notifier_ends(void **state)
{
	struct push_rig *r = *state;

	r->core.notifier_origin[0] = '\0';
	enter(r, PUSH_DEVICE, "token", RIG_NOTIFIER);
	assert_int_equal(origins_waiting(r->queue.origins), 0);
}

static void a_push_whose_time_is_over_is_not_sent(void **state)
{
	struct push_rig *r = *state;
	struct push *push = push_rig_push(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1");

	push->expires = clock_wall() - 1;
	push_rig_add(r, push, NULL);
	assert_int_equal(r->http.n, 0);
	assert_int_equal(push_rig_counter(r, CORE_EXPIRED), 1);
	assert_int_equal(push_rig_rows(r).count, 0);
	assert_int_equal(origins_active(r->queue.origins), 0);
}

static void a_push_that_was_made_for_another_key_is_not_sent(void **state)
{
	struct push_rig *r = *state;
	struct push *push = push_rig_push(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1");

	snprintf(push->vapid, sizeof(push->vapid), "0123456789abcdef");
	push_rig_add(r, push, NULL);
	assert_int_equal(r->http.n, 0);
	assert_int_equal(push_rig_rows(r).count, 0);
}

static void a_new_key_takes_what_waits_and_what_is_in_the_air(void **state)
{
	struct push_rig *r = *state;

	for (int i = 0; i < 2; i++) {
		struct push *push = push_rig_push(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1");
		struct vapid_key *key = key_current(&r->key);
		memcpy(push->vapid, vapid_key_id(key).p, VAPID_ID);
		vapid_key_unref(&key);
		push_rig_add(r, push, NULL);
	}
	/* An endpoint that has never answered gets one request at a time. */
	assert_int_equal(r->http.n, 1);
	assert_int_equal(origins_waiting(r->queue.origins), 1);
	assert_int_equal(key_fake(&r->key), RC_OK);
	queue_forget_keys(&r->queue);
	assert_int_equal(r->http.n, 0);
	assert_int_equal(origins_waiting(r->queue.origins), 0);
	assert_int_equal(origins_active(r->queue.origins), 0);
	assert_int_equal(push_rig_rows(r).count, 0);
}

static void a_subscription_that_goes_takes_its_own_pushes_alone(void **state)
{
	struct push_rig *r = *state;

	push_rig_add(r, push_rig_push(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1"), NULL);
	push_rig_add(r, push_rig_push(r, PUSH_MESSAGE, "other_subscription", RIG_HOST "/2"), NULL);
	queue_forget_subscription(&r->queue, RIG_ACCOUNT + 1, RIG_SUB);
	assert_int_equal(r->http.n, 2);
	queue_forget_subscription(&r->queue, RIG_ACCOUNT, RIG_SUB);
	assert_int_equal(r->http.n, 1);
	assert_string_equal(r->http.air[0]->subscription, "other_subscription");
	assert_int_equal(push_rig_rows(r).count, 1);
	queue_forget(&r->queue, RIG_ACCOUNT);
	assert_int_equal(r->http.n, 0);
	assert_int_equal(push_rig_rows(r).count, 0);
}

static void a_subscription_that_goes_takes_a_push_that_is_on_its_way_into_push_db(void **state)
{
	struct push_rig *r = *state;
	struct push_list list = { 0 };

	push_list_add(&list, push_rig_push(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1"));
	push_list_add(&list, push_rig_push(r, PUSH_MESSAGE, "other_subscription", RIG_HOST "/2"));
	queue_add(&r->queue, &list, NULL);
	queue_forget_subscription(&r->queue, RIG_ACCOUNT, RIG_SUB);
	assert_int_equal(push_rig_rows(r).count, 1);
	assert_int_equal(r->http.n, 1);
	assert_string_equal(r->http.air[0]->subscription, "other_subscription");
}

struct lists {
	unsigned accounts;
	unsigned expiries;
	int64_t due;
};

static void on_account(void *arg, int64_t account)
{
	assert_int_equal(account, RIG_ACCOUNT);
	((struct lists *)arg)->accounts++;
}

static void on_expiry(void *arg, int64_t account, struct strv subscription, struct strv endpoint, int64_t due)
{
	struct lists *lists = arg;

	assert_int_equal(account, RIG_ACCOUNT);
	assert_true(strv_eq(subscription, STRV(RIG_SUB)));
	assert_true(strv_eq(endpoint, STRV(RIG_HOST "/1")));
	lists->expiries++;
	lists->due = due;
}

static enum rc read_lists(struct pushq *pushq, void *arg)
{
	enum rc rc = pushq_subscribers(pushq, on_account, arg);
	return rc == RC_OK ? pushq_expiries(pushq, on_expiry, arg) : rc;
}

static void a_validation_push_is_remembered_with_its_account_and_its_end(void **state)
{
	struct push_rig *r = *state;
	struct lists lists = { 0 };

	clock_fake_set(1000000, 1800000000);
	push_rig_add(r, push_rig_push(r, PUSH_VALIDATION, RIG_SUB, RIG_HOST "/1"), NULL);
	assert_int_equal(push_rig_pushq(r, read_lists, &lists), RC_OK);
	assert_int_equal(lists.accounts, 1);
	assert_int_equal(lists.expiries, 1);
	assert_int_equal(lists.due, 1800000000 + 900);
	assert_int_equal(r->expiry.count, 1);
}

static void when_the_server_stops_tests_are_told_and_the_others_stay_in_push_db(void **state)
{
	struct push_rig *r = *state;

	push_rig_add(r, push_rig_push(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1"), NULL);
	enter(r, PUSH_TEST, RIG_SUB, RIG_HOST "/1");
	push_rig_settle(r);
	assert_int_equal(r->http.n, 2);
	r->queue.http = NULL;
	enter(r, PUSH_TEST, RIG_SUB, RIG_HOST "/1");
	r->queue.http = &r->http;
	atomic_store(&r->core.stopping, true);
	queue_stop(&r->queue);
	assert_int_equal(r->http.n, 0);
	assert_int_equal(r->told, 2);
	assert_string_equal(r->text, "not sent: the server stops");
	assert_int_equal(push_rig_rows(r).count, 1);
}

static void nothing_is_sent_once_the_server_stops(void **state)
{
	struct push_rig *r = *state;

	atomic_store(&r->core.stopping, true);
	enter(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1");
	push_rig_settle(r);
	assert_int_equal(r->http.n, 0);
	assert_int_equal(origins_waiting(r->queue.origins), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_push_is_in_push_db_while_it_is_in_the_air_and_not_after_its_end),
		TEST(a_push_waits_until_it_is_due),
		TEST(too_many_for_one_push_service_cost_the_oldest),
		TEST(too_many_in_all_cost_whoever_has_most),
		TEST(an_endpoint_that_is_not_allowed_any_more_is_never_asked_and_its_subscription_dropped),
		TEST(a_device_push_without_a_notifier_ends),
		TEST(a_push_whose_time_is_over_is_not_sent),
		TEST(a_push_that_was_made_for_another_key_is_not_sent),
		TEST(a_new_key_takes_what_waits_and_what_is_in_the_air),
		TEST(a_subscription_that_goes_takes_its_own_pushes_alone),
		TEST(a_subscription_that_goes_takes_a_push_that_is_on_its_way_into_push_db),
		TEST(a_validation_push_is_remembered_with_its_account_and_its_end),
		TEST(when_the_server_stops_tests_are_told_and_the_others_stay_in_push_db),
		TEST(nothing_is_sent_once_the_server_stops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
