#include "imap/uid_runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void messages_of_all_runs_are_counted(void **state)
{
	(void)state;
	static const struct uid_run runs[] = { { 1, 3, 1 }, { 10, 10, 4 }, { 100, UINT32_MAX, 5 } };
	assert_int_equal(uid_runs_count(runs, 0), 0);
	assert_int_equal(uid_runs_count(runs, 1), 3);
	assert_int_equal(uid_runs_count(runs, 2), 4);
	assert_true(uid_runs_count(runs, 3) == (uint64_t)4 + UINT32_MAX - 99);
}

static void a_count_does_not_overflow_32_bits(void **state)
{
	(void)state;
	static const struct uid_run runs[] = { { 1, UINT32_MAX, 1 }, { 1, UINT32_MAX, 1 } };
	assert_true(uid_runs_count(runs, 2) == (uint64_t)2 * UINT32_MAX);
}

static void what_stands_before_a_place_is_counted(void **state)
{
	(void)state;
	static const struct uid_run runs[] = { { 1, 3, 1 }, { 10, 20, 4 } };
	assert_int_equal(uid_runs_before(runs, 0, 0), 0);
	assert_int_equal(uid_runs_before(runs, 0, 1), 0);
	assert_int_equal(uid_runs_before(runs, 0, 3), 2);
	assert_int_equal(uid_runs_before(runs, 1, 0), 3);
	assert_int_equal(uid_runs_before(runs, 1, 10), 3);
	assert_int_equal(uid_runs_before(runs, 1, 20), 13);
	/* Behind the last run. */
	assert_int_equal(uid_runs_before(runs, 2, 0), 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_of_all_runs_are_counted),
		cmocka_unit_test(a_count_does_not_overflow_32_bits),
		cmocka_unit_test(what_stands_before_a_place_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
