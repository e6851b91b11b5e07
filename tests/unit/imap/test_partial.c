#include "imap/partial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool read_all(const char *text, struct partial *ret_partial)
{
	struct arena *arena = arena_new(0);
	struct parse parse;
	parse_init(&parse, strv_cstr(text), arena);
	bool ok = partial_parse(&parse, ret_partial) && parse_end(&parse);
	arena_free(&arena);
	return ok;
}

static void assert_cut(const char *text, uint64_t count, uint64_t from, uint64_t to)
{
	struct partial partial;
	uint64_t got_from = UINT64_MAX;
	uint64_t got_to = UINT64_MAX;
	assert_true(read_all(text, &partial));
	partial_cut(&partial, count, &got_from, &got_to);
	if (from == to)
		assert_int_equal(got_from, got_to);
	else
		assert_int_equal(got_from, from);
	assert_true(got_to <= count);
	if (from != to)
		assert_int_equal(got_to, to);
}

static void a_range_is_printed_with_the_smaller_number_first(void **state)
{
	static const char *const ranges[][2] = { { "1:1", "1:1" }, { "1:500", "1:500" }, { "500:1", "1:500" },
		{ "-1:-100", "-1:-100" }, { "-100:-1", "-1:-100" }, { "4294967295:1", "1:4294967295" },
		{ "-4294967295:-4294967295", "-4294967295:-4294967295" } };
	struct partial partial;
	struct buf out;
	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		assert_true(read_all(ranges[i][0], &partial));
		buf_init(&out, 100);
		partial_print(&out, &partial);
		buf_addc(&out, '\0');
		assert_string_equal(out.p, ranges[i][1]);
		buf_fini(&out);
	}
}

static void what_is_no_range_is_refused(void **state)
{
	static const char *const wrong[] = { "", "1", "1:", ":1", "0:1", "1:0", "-1", "-1:", "-1:1", "1:-1",
		"-0:-1", "1:*", "*:1", "1,2", "1:2,3", "4294967296:1", "--1:-2", "- 1:-2", "1 :2", "(1:2)" };
	struct partial partial;
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (read_all(wrong[i], &partial))
			fail_msg("taken: %s", wrong[i]);
}

static void places_are_counted_from_either_end(void **state)
{
	(void)state;
	assert_cut("1:3", 10, 0, 3);
	assert_cut("3:1", 10, 0, 3);
	assert_cut("4:4", 10, 3, 4);
	assert_cut("9:20", 10, 8, 10);
	assert_cut("10:10", 10, 9, 10);
	assert_cut("11:20", 10, 0, 0);
	assert_cut("1:1", 0, 0, 0);
	assert_cut("-1:-3", 10, 7, 10);
	assert_cut("-3:-1", 10, 7, 10);
	assert_cut("-4:-4", 10, 6, 7);
	assert_cut("-9:-20", 10, 0, 2);
	assert_cut("-10:-10", 10, 0, 1);
	assert_cut("-11:-20", 10, 0, 0);
	assert_cut("-1:-4294967295", 3, 0, 3);
	assert_cut("-1:-1", 0, 0, 0);
}

static void a_range_from_the_begin_is_decided_early(void **state)
{
	struct partial partial;
	(void)state;
	assert_true(read_all("7:20", &partial));
	assert_int_equal(partial_enough(&partial), 20);
	assert_true(read_all("20:7", &partial));
	assert_int_equal(partial_enough(&partial), 20);
	assert_true(read_all("-1:-2", &partial));
	assert_int_equal(partial_enough(&partial), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_is_printed_with_the_smaller_number_first),
		cmocka_unit_test(what_is_no_range_is_refused),
		cmocka_unit_test(places_are_counted_from_either_end),
		cmocka_unit_test(a_range_from_the_begin_is_decided_early),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
