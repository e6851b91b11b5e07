/* Subscriptions that nobody validates are discarded in time, and no others. */
#include "push_rig.h"

#define ENDPOINT RIG_HOST "/1"

static int setup(void **state)
{
	static struct push_rig rig;

	push_rig_begin(&rig);
	clock_fake_set(1000000, 1800000000);
	push_rig_subscribe(&rig, RIG_SUB, ENDPOINT, false);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	push_rig_end(*state);
	return 0;
}

static void watch(struct push_rig *r, const char *subscription, uint64_t seconds)
{
	struct push *push = push_rig_push(r, PUSH_VALIDATION, subscription, ENDPOINT);

	expiry_watch(&r->expiry, push, seconds);
	push_free(&push);
}

static void a_subscription_that_is_not_validated_goes_when_its_time_is_over(void **state)
{
	struct push_rig *r = *state;

	watch(r, RIG_SUB, 900);
	clock_fake_advance(900000);
	assert_true(push_rig_look(r, RIG_SUB).found);
	clock_fake_advance(1000);
	assert_false(push_rig_look(r, RIG_SUB).found);
	assert_int_equal(r->expiry.count, 0);
}

static void a_subscription_that_was_validated_stays(void **state)
{
	struct push_rig *r = *state;

	watch(r, RIG_SUB, 900);
	push_rig_subscribe(r, RIG_SUB, ENDPOINT, true);
	clock_fake_advance(901000);
	assert_true(push_rig_look(r, RIG_SUB).found);
	assert_int_equal(r->expiry.count, 0);
}

static void each_is_discarded_at_its_own_time(void **state)
{
	struct push_rig *r = *state;

	push_rig_subscribe(r, "other_subscription", ENDPOINT, false);
	watch(r, RIG_SUB, 1000);
	watch(r, "other_subscription", 900);
	clock_fake_advance(901000);
	assert_true(push_rig_look(r, "other_subscription").count == 1);
	assert_int_equal(r->expiry.count, 1);
	clock_fake_advance(100000);
	assert_int_equal(push_rig_look(r, RIG_SUB).count, 0);
}

static void what_was_due_while_the_server_was_down_goes_at_once(void **state)
{
	struct push_rig *r = *state;

	clock_fake_advance(2000000);
	expiry_restore(&r->expiry, RIG_ACCOUNT, RIG_SUB, ENDPOINT, 1800000900);
	assert_true(push_rig_look(r, RIG_SUB).found);
	clock_fake_advance(1000);
	assert_false(push_rig_look(r, RIG_SUB).found);
}

static void too_many_are_not_watched(void **state)
{
	struct push_rig *r = *state;

	r->settings.queue_max = 2;
	for (unsigned i = 0; i < 5; i++)
		watch(r, "other_subscription", 900 + i);
	assert_int_equal(r->expiry.count, 2);
}

static void nothing_is_discarded_once_the_server_stops(void **state)
{
	struct push_rig *r = *state;

	watch(r, RIG_SUB, 900);
	atomic_store(&r->core.stopping, true);
	clock_fake_advance(901000);
	assert_true(push_rig_look(r, RIG_SUB).found);
	assert_int_equal(r->expiry.count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_subscription_that_is_not_validated_goes_when_its_time_is_over),
		TEST(a_subscription_that_was_validated_stays),
		TEST(each_is_discarded_at_its_own_time),
		TEST(what_was_due_while_the_server_was_down_goes_at_once),
		TEST(too_many_are_not_watched),
		TEST(nothing_is_discarded_once_the_server_stops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
