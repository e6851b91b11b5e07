#include "auth/penalty.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void each_failure_costs_twice_the_one_before(void **state)
{
	struct penalty *penalty = penalty_new(10);

	(void)state;
	clock_fake_set(1000, 1000);
	assert_int_equal(penalty_peek(penalty, "a", 15000), 0);
	assert_int_equal(penalty_fail(penalty, "a", 15000), 250);
	assert_int_equal(penalty_fail(penalty, "a", 15000), 500);
	assert_int_equal(penalty_peek(penalty, "a", 15000), 500);
	assert_int_equal(penalty_fail(penalty, "b", 15000), 250);
	for (int i = 0; i < 40; i++)
		penalty_fail(penalty, "a", 15000);
	assert_int_equal(penalty_peek(penalty, "a", 15000), 15000);
	clock_fake_set(0, 0);
	penalty_free(&penalty);
}

static void a_success_or_ten_minutes_wipe_the_slate(void **state)
{
	struct penalty *penalty = penalty_new(10);

	(void)state;
	clock_fake_set(1000, 1000);
	penalty_fail(penalty, "a", 15000);
	penalty_clear(penalty, "a");
	assert_int_equal(penalty_peek(penalty, "a", 15000), 0);
	penalty_clear(penalty, "never seen");
	penalty_fail(penalty, "a", 15000);
	clock_fake_advance(10 * 60 * 1000 + 1);
	assert_int_equal(penalty_peek(penalty, "a", 15000), 0);
	assert_int_equal(penalty_fail(penalty, "a", 15000), 250);
	clock_fake_set(0, 0);
	penalty_free(&penalty);
}

static void the_table_is_bounded_and_drops_the_oldest(void **state)
{
	struct penalty *penalty = penalty_new(3);
	char key[16];

	(void)state;
	clock_fake_set(1000, 1000);
	for (int i = 0; i < 4; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		penalty_fail(penalty, key, 15000);
		clock_fake_advance(1);
	}
	assert_int_equal(penalty_peek(penalty, "k0", 15000), 0);
	assert_int_equal(penalty_peek(penalty, "k1", 15000), 250);
	assert_int_equal(penalty_peek(penalty, "k3", 15000), 250);
	clock_fake_set(0, 0);
	penalty_free(&penalty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failure_costs_twice_the_one_before),
		cmocka_unit_test(a_success_or_ten_minutes_wipe_the_slate),
		cmocka_unit_test(the_table_is_bounded_and_drops_the_oldest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
