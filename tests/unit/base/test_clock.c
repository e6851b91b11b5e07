#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <time.h>

static int teardown(void **state)
{
	(void)state;
	clock_fake_set(0, 0);
	return 0;
}

static void real_clocks_move_forward_and_agree_with_the_system(void **state)
{
	(void)state;
	uint64_t ms = clock_mono_ms();
	uint64_t us = clock_mono_us();
	assert_true(us / 1000 >= ms);
	assert_true(clock_mono_us() >= us);
	assert_in_range(clock_wall(), time(NULL) - 2, time(NULL) + 2);
	assert_in_range(clock_wall_us() / 1000000, time(NULL) - 2, time(NULL) + 2);
}

static void a_fake_clock_stands_until_it_is_moved(void **state)
{
	(void)state;
	clock_fake_set(5000, 1000);
	assert_int_equal(clock_mono_ms(), 5000);
	assert_int_equal(clock_mono_us(), 5000000);
	assert_int_equal(clock_wall(), 1000);
	clock_fake_advance(1500);
	assert_int_equal(clock_mono_ms(), 6500);
	assert_int_equal(clock_wall(), 1001);
	assert_int_equal(clock_wall_us(), 1001500000);
	clock_fake_set(1, 0);
	assert_int_equal(clock_wall(), 0);
	clock_fake_set(1, -1);
	assert_int_equal(clock_wall(), -1);
	clock_fake_advance(500);
	assert_int_equal(clock_wall(), -1);
}

static void the_real_clocks_come_back(void **state)
{
	(void)state;
	clock_fake_set(5000, 1000);
	clock_fake_set(0, 0);
	assert_true(clock_wall() > 1600000000);
	clock_fake_advance(100000);
	assert_in_range(clock_wall(), time(NULL) - 2, time(NULL) + 2);
}

static void known_dates_become_seconds(void **state)
{
	(void)state;
	assert_int_equal(clock_from_utc(1970, 1, 1, 0, 0, 0), 0);
	assert_int_equal(clock_from_utc(1969, 12, 31, 23, 59, 59), -1);
	assert_int_equal(clock_from_utc(2000, 2, 29, 12, 0, 0), 951825600);
	assert_int_equal(clock_from_utc(2000, 3, 1, 0, 0, 0), 951868800);
	assert_int_equal(clock_from_utc(2038, 1, 19, 3, 14, 8), 2147483648);
	assert_int_equal(clock_from_utc(1600, 1, 1, 0, 0, 0), -11676096000);
	/* A leap second and overflowing fields simply carry on. */
	assert_int_equal(clock_from_utc(2016, 12, 31, 23, 59, 60), clock_from_utc(2017, 1, 1, 0, 0, 0));
	assert_int_equal(clock_from_utc(2016, 13, 1, 0, 0, 0), clock_from_utc(2017, 1, 1, 0, 0, 0));
	assert_int_equal(clock_from_utc(2016, 0, 1, 0, 0, 0), clock_from_utc(2015, 12, 1, 0, 0, 0));
}

static void assert_like_libc(int64_t seconds)
{
	struct tm ours, theirs;
	time_t t = (time_t)seconds;
	clock_to_utc(seconds, &ours);
	assert_non_null(gmtime_r(&t, &theirs));
	assert_int_equal(ours.tm_year, theirs.tm_year);
	assert_int_equal(ours.tm_mon, theirs.tm_mon);
	assert_int_equal(ours.tm_mday, theirs.tm_mday);
	assert_int_equal(ours.tm_hour, theirs.tm_hour);
	assert_int_equal(ours.tm_min, theirs.tm_min);
	assert_int_equal(ours.tm_sec, theirs.tm_sec);
	assert_int_equal(ours.tm_wday, theirs.tm_wday);
	assert_int_equal(ours.tm_yday, theirs.tm_yday);
	assert_int_equal(clock_from_utc(ours.tm_year + 1900, ours.tm_mon + 1, ours.tm_mday, ours.tm_hour,
				 ours.tm_min, ours.tm_sec),
		seconds);
}

static void seconds_become_dates_as_libc_has_them(void **state)
{
	(void)state;
	/* Every day of 800 years, at a time of day that moves. */
	int64_t time_of_day = 0;
	for (int64_t day = -146097; day < 146097; day++) {
		time_of_day = (time_of_day + 12345) % 86400;
		assert_like_libc(day * 86400 + time_of_day);
	}
	assert_like_libc(-1);
	assert_like_libc(0);
	assert_like_libc(253402300799);
}

static void months_have_names_in_both_directions(void **state)
{
	(void)state;
	assert_true(strv_eq(clock_month_name(0), STRV("Jan")));
	assert_true(strv_eq(clock_month_name(11), STRV("Dec")));
	for (int month = 0; month < 12; month++)
		assert_int_equal(clock_month_number(clock_month_name(month)), month);
	assert_int_equal(clock_month_number(STRV("fEBRUARY")), 1);
	assert_int_equal(clock_month_number(STRV("Fe")), -1);
	assert_int_equal(clock_month_number(STRV("anF")), -1);
	assert_int_equal(clock_month_number(STRV_NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_clocks_move_forward_and_agree_with_the_system),
		cmocka_unit_test_teardown(a_fake_clock_stands_until_it_is_moved, teardown),
		cmocka_unit_test_teardown(the_real_clocks_come_back, teardown),
		cmocka_unit_test(known_dates_become_seconds),
		cmocka_unit_test(seconds_become_dates_as_libc_has_them),
		cmocka_unit_test(months_have_names_in_both_directions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
