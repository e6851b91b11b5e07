/* Jobs that change a subscription after something has happened to its pushes. */
#include "push_rig.h"

#define ENDPOINT RIG_HOST "/1"

static int setup(void **state)
{
	static struct push_rig rig;

	push_rig_begin(&rig);
	clock_fake_set(1000000, 1800000000);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	push_rig_end(*state);
	return 0;
}

static struct push_rig_sub after(struct push_rig *r, enum upkeep_kind kind, const char *endpoint)
{
	upkeep_submit(&r->upkeep, kind, RIG_ACCOUNT, RIG_SUB, endpoint);
	return push_rig_look(r, RIG_SUB);
}

static void the_first_acceptance_alone_begins_the_window(void **state)
{
	struct push_rig *r = *state;

	push_rig_subscribe(r, RIG_SUB, ENDPOINT, false);
	assert_int_equal(after(r, UPKEEP_ACCEPTED, ENDPOINT).accepted, 1800000000);
	clock_fake_advance(10000);
	assert_int_equal(after(r, UPKEEP_ACCEPTED, ENDPOINT).accepted, 1800000000);
	push_rig_subscribe(r, RIG_SUB, ENDPOINT, true);
	assert_int_equal(after(r, UPKEEP_ACCEPTED, ENDPOINT).accepted, 0);
}

static void a_subscription_that_is_gone_is_dropped(void **state)
{
	struct push_rig *r = *state;

	push_rig_subscribe(r, RIG_SUB, ENDPOINT, true);
	assert_false(after(r, UPKEEP_GONE, ENDPOINT).found);
	assert_false(after(r, UPKEEP_GONE, ENDPOINT).found);
	assert_int_equal(atomic_load(&r->core.pending), 0);
}

static void a_subscription_that_was_made_anew_with_another_endpoint_stays(void **state)
{
	struct push_rig *r = *state;

	push_rig_subscribe(r, RIG_SUB, ENDPOINT, false);
	assert_true(after(r, UPKEEP_GONE, RIG_HOST "/2").found);
	assert_int_equal(after(r, UPKEEP_ACCEPTED, RIG_HOST "/2").accepted, 0);
	clock_fake_advance(901000);
	assert_true(after(r, UPKEEP_EXPIRE, RIG_HOST "/2").found);
}

static void only_what_was_not_validated_in_time_expires_and_is_counted(void **state)
{
	struct push_rig *r = *state;

	push_rig_subscribe(r, RIG_SUB, ENDPOINT, false);
	assert_true(after(r, UPKEEP_EXPIRE, ENDPOINT).found);
	clock_fake_advance(901000);
	struct push_rig_sub look = after(r, UPKEEP_EXPIRE, ENDPOINT);
	assert_false(look.found);
	assert_int_equal(look.unvalidated, 1);
	push_rig_subscribe(r, RIG_SUB, ENDPOINT, true);
	clock_fake_advance(901000);
	assert_true(after(r, UPKEEP_EXPIRE, ENDPOINT).found);
}

struct token {
	char name[DEVICE_NAME + 1];
	size_t count;
};

static enum rc token_add(struct account *account, void *arg)
{
	(void)arg;
	return device_add(account, STRV("token"), clock_wall(), 5);
}

static enum rc token_list(struct account *account, void *arg)
{
	struct token *token = arg;
	struct arena *arena = arena_new(0);
	struct device_list list = { 0 };
	enum rc rc = device_load(account, clock_wall(), arena, &list);

	token->count = list.n;
	if (list.n > 0)
		snprintf(token->name, sizeof(token->name), "%.*s", STRV_ARG(list.v[0].name));
	arena_free(&arena);
	return rc;
}

static void a_device_token_is_dropped_by_its_name(void **state)
{
	struct push_rig *r = *state;
	struct token token;

	assert_int_equal(rig_run(&r->rig, RIG_ACCOUNT, JOB_WRITE, token_add, NULL), RC_OK);
	assert_int_equal(rig_run(&r->rig, RIG_ACCOUNT, JOB_READ, token_list, &token), RC_OK);
	upkeep_submit(&r->upkeep, UPKEEP_GONE, RIG_ACCOUNT, token.name, RIG_NOTIFIER);
	push_rig_settle(r);
	assert_int_equal(rig_run(&r->rig, RIG_ACCOUNT, JOB_READ, token_list, &token), RC_OK);
	assert_int_equal(token.count, 1);
	upkeep_submit(&r->upkeep, UPKEEP_DEVICE_GONE, RIG_ACCOUNT, token.name, RIG_NOTIFIER);
	push_rig_settle(r);
	assert_int_equal(rig_run(&r->rig, RIG_ACCOUNT, JOB_READ, token_list, &token), RC_OK);
	assert_int_equal(token.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_acceptance_alone_begins_the_window),
		TEST(a_subscription_that_is_gone_is_dropped),
		TEST(a_subscription_that_was_made_anew_with_another_endpoint_stays),
		TEST(only_what_was_not_validated_in_time_expires_and_is_counted),
		TEST(a_device_token_is_dropped_by_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
