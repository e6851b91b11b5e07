#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ASSERT_BUF(buf, text) assert_true(strv_eq(buf_strv(buf), STRV(text)))

static void everything_appended_is_there_in_order(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 1000);
	assert_int_equal(buf_strv(&buf).n, 0);
	buf_add(&buf, "a\0b", 3);
	buf_adds(&buf, "-text");
	buf_addv(&buf, STRV("-view"));
	buf_addv(&buf, STRV_NULL);
	buf_addc(&buf, '-');
	buf_addu(&buf, 0);
	buf_addc(&buf, '-');
	buf_addu(&buf, UINT64_MAX);
	buf_printf(&buf, "-%s%d", "x", -5);
	buf_printf(&buf, "%s", "");
	assert_true(buf_ok(&buf));
	ASSERT_BUF(&buf, "a\0b-text-view-0-18446744073709551615-x-5");
	buf_fini(&buf);
	assert_int_equal(buf.len, 0);
	assert_null(buf.p);
}

static void the_maximum_is_reached_but_never_passed(void **state)
{
	(void)state;
	for (size_t max = 0; max < 200; max++) {
		struct buf buf;
		buf_init(&buf, max);
		for (size_t i = 0; i < max; i++)
			buf_addc(&buf, 'x');
		assert_true(buf_ok(&buf));
		assert_int_equal(buf.len, max);
		assert_true(buf.cap <= max);
		buf_addc(&buf, 'y');
		assert_false(buf_ok(&buf));
		assert_int_equal(buf.len, max);
		buf_fini(&buf);
	}
}

static void once_full_nothing_more_is_added(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 10);
	buf_adds(&buf, "12345");
	buf_adds(&buf, "678901");
	assert_false(buf_ok(&buf));
	buf_addc(&buf, '6');
	buf_printf(&buf, "%d", 6);
	buf_addu(&buf, 6);
	assert_null(buf_reserve(&buf, 1));
	ASSERT_BUF(&buf, "12345");
	buf_reset(&buf);
	assert_true(buf_ok(&buf));
	buf_addc(&buf, '6');
	ASSERT_BUF(&buf, "6");
	buf_fini(&buf);
}

static void formatted_text_fits_exactly_or_not_at_all(void **state)
{
	(void)state;
	for (size_t max = 0; max < 80; max++) {
		struct buf buf;
		buf_init(&buf, max);
		buf_printf(&buf, "%040d", 1);
		assert_int_equal(buf_ok(&buf), max >= 40);
		assert_int_equal(buf.len, max >= 40 ? 40 : 0);
		buf_fini(&buf);
	}
	struct buf buf;
	buf_init(&buf, 100000);
	for (int i = 0; i < 1000; i++)
		buf_printf(&buf, "%04d,", i);
	assert_int_equal(buf.len, 5000);
	for (int i = 0; i < 1000; i++) {
		char expected[16];
		snprintf(expected, sizeof(expected), "%04d,", i);
		assert_memory_equal(buf.p + i * 5, expected, 5);
	}
	buf_fini(&buf);
}

static void reserved_room_is_used_by_commit(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 100);
	char *room = buf_reserve(&buf, 50);
	assert_non_null(room);
	assert_int_equal(buf.len, 0);
	memcpy(room, "hello", 5);
	buf_commit(&buf, 5);
	ASSERT_BUF(&buf, "hello");
	assert_non_null(buf_reserve(&buf, 95));
	assert_null(buf_reserve(&buf, 96));
	assert_false(buf_ok(&buf));
	buf_reset(&buf);
	assert_null(buf_reserve(&buf, SIZE_MAX));
	buf_fini(&buf);
	buf_init(&buf, 0);
	assert_non_null(buf_reserve(&buf, 0));
	buf_fini(&buf);
}

static void consuming_removes_from_the_front(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 100);
	buf_consume(&buf, 5);
	buf_adds(&buf, "abcdef");
	buf_consume(&buf, 0);
	ASSERT_BUF(&buf, "abcdef");
	buf_consume(&buf, 2);
	ASSERT_BUF(&buf, "cdef");
	buf_consume(&buf, 100);
	assert_int_equal(buf.len, 0);
	buf_fini(&buf);
}

static void shrinking_gives_spare_memory_back(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 100000);
	for (int i = 0; i < 50000; i++)
		buf_addc(&buf, 'x');
	buf_shrink(&buf, 10);
	assert_int_equal(buf.cap, 50000);
	buf_consume(&buf, 49000);
	buf_shrink(&buf, 2000);
	assert_int_equal(buf.cap, 2000);
	buf_shrink(&buf, 4000);
	assert_int_equal(buf.cap, 2000);
	buf_reset(&buf);
	buf_shrink(&buf, 0);
	assert_int_equal(buf.cap, 0);
	assert_null(buf.p);
	buf_adds(&buf, "again");
	ASSERT_BUF(&buf, "again");
	buf_fini(&buf);
}

static void a_wiped_buffer_holds_nothing(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 100);
	buf_wipe(&buf);
	buf_adds(&buf, "secret");
	buf_wipe(&buf);
	assert_null(buf.p);
	assert_int_equal(buf.cap, 0);
	buf_adds(&buf, "x");
	ASSERT_BUF(&buf, "x");
	buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_appended_is_there_in_order),
		cmocka_unit_test(the_maximum_is_reached_but_never_passed),
		cmocka_unit_test(once_full_nothing_more_is_added),
		cmocka_unit_test(formatted_text_fits_exactly_or_not_at_all),
		cmocka_unit_test(reserved_room_is_used_by_commit),
		cmocka_unit_test(consuming_removes_from_the_front),
		cmocka_unit_test(shrinking_gives_spare_memory_back),
		cmocka_unit_test(a_wiped_buffer_holds_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
