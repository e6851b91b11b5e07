#include "base/seqset.h"

#include "base/mem.h"
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RANGES_MAX 100

static const char *print(const struct seqset *set, char *text, size_t size)
{
	struct buf out;
	buf_init(&out, size - 1);
	seqset_print(&out, set);
	assert_true(buf_ok(&out));
	if (out.len > 0)
		memcpy(text, out.p, out.len);
	text[out.len] = '\0';
	buf_fini(&out);
	return text;
}

#define ASSERT_SET(set, expected)                                                                            \
	do {                                                                                                 \
		char text_[4096];                                                                            \
		assert_string_equal(print((set), text_, sizeof(text_)), (expected));                         \
	} while (0)

static void parse(struct seqset *set, const char *text)
{
	assert_int_equal(seqset_parse(set, strv_cstr(text), RANGES_MAX), RC_OK);
}

static void assert_parsed(const char *text, const char *expected)
{
	struct seqset set = SEQSET_EMPTY;
	parse(&set, text);
	ASSERT_SET(&set, expected);
	seqset_fini(&set);
}

static void assert_resolved(const char *text, uint32_t last, const char *expected)
{
	struct seqset set = SEQSET_EMPTY;
	parse(&set, text);
	seqset_resolve(&set, last);
	ASSERT_SET(&set, expected);
	assert_false(seqset_has_star(&set));
	seqset_fini(&set);
}

/* The plain picture that sets of small numbers are compared with. */
#define UNIVERSE 40

static void assert_same(const struct seqset *set, const bool *has)
{
	uint64_t count = 0;
	struct seqiter it = seqset_iter(set);
	uint32_t got;

	for (uint32_t n = 1; n < UNIVERSE; n++) {
		assert_int_equal(seqset_contains(set, n), has[n]);
		if (!has[n])
			continue;
		count++;
		assert_true(seqset_next(&it, &got));
		assert_int_equal(got, n);
	}
	assert_false(seqset_next(&it, &got));
	assert_int_equal(seqset_count(set), count);
	for (size_t i = 0; i < set->n; i++) {
		assert_true(set->v[i].lo <= set->v[i].hi);
		if (i > 0)
			assert_true(set->v[i - 1].hi + 1 < set->v[i].lo);
	}
}

/* A small generator of its own: the same numbers in every run. */
static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525U + 1013904223U;
	return *state >> 8;
}

static uint32_t in_universe(uint32_t *state)
{
	return next_random(state) % (UNIVERSE - 1) + 1;
}

static void random_set(struct seqset *set, bool *has, uint32_t *state)
{
	uint32_t steps = next_random(state) % 8;
	seqset_init(set);
	memset(has, 0, UNIVERSE * sizeof(*has));
	for (uint32_t i = 0; i < steps; i++) {
		uint32_t n = in_universe(state);
		seqset_add(set, n);
		has[n] = true;
	}
}

static void adding_and_removing_ranges_agree_with_a_bitmap(void **state)
{
	(void)state;
	struct seqset set = SEQSET_EMPTY;
	bool has[UNIVERSE] = { false };
	uint32_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		uint32_t a = in_universe(&seed);
		uint32_t b = next_random(&seed) % 3 == 0 ? in_universe(&seed) : a;
		bool add = next_random(&seed) % 2;
		if (add)
			seqset_add_range(&set, a, b);
		else
			seqset_remove_range(&set, a, b);
		for (uint32_t n = a < b ? a : b; n <= (a < b ? b : a); n++)
			has[n] = add;
		assert_same(&set, has);
	}
	seqset_fini(&set);
}

static void set_operations_agree_with_a_bitmap(void **state)
{
	(void)state;
	uint32_t seed = 7;

	for (int round = 0; round < 6000; round++) {
		struct seqset a, b;
		bool in_a[UNIVERSE], in_b[UNIVERSE];
		random_set(&a, in_a, &seed);
		random_set(&b, in_b, &seed);
		for (int n = 1; n < UNIVERSE; n++) {
			if (round % 3 == 0)
				in_a[n] = in_a[n] || in_b[n];
			else if (round % 3 == 1)
				in_a[n] = in_a[n] && in_b[n];
			else
				in_a[n] = in_a[n] && !in_b[n];
		}
		if (round % 3 == 0)
			seqset_add_set(&a, &b);
		else if (round % 3 == 1)
			seqset_intersect(&a, &b);
		else
			seqset_remove_set(&a, &b);
		assert_same(&a, in_a);
		assert_same(&b, in_b);
		seqset_fini(&a);
		seqset_fini(&b);
	}
}

static void a_set_combined_with_itself_is_itself_or_empty(void **state)
{
	(void)state;
	struct seqset set = SEQSET_EMPTY;
	parse(&set, "1:3,7");
	seqset_add_set(&set, &set);
	seqset_intersect(&set, &set);
	seqset_copy(&set, &set);
	ASSERT_SET(&set, "1:3,7");
	assert_true(seqset_equal(&set, &set));
	seqset_remove_set(&set, &set);
	assert_true(seqset_empty(&set));
	seqset_fini(&set);
}

static void ascending_numbers_are_kept_as_one_range(void **state)
{
	(void)state;
	struct seqset set = SEQSET_EMPTY;
	for (uint32_t n = 1; n <= 100000; n++)
		seqset_add(&set, n);
	assert_int_equal(set.n, 1);
	assert_int_equal(seqset_count(&set), 100000);
	seqset_fini(&set);
}

static void many_apart_numbers_are_appended_in_one_go(void **state)
{
	(void)state;
	struct seqset set = SEQSET_EMPTY;
	for (uint32_t n = 1; n <= 200000; n++)
		seqset_add(&set, n * 2);
	assert_int_equal(set.n, 200000);
	assert_true(seqset_contains(&set, 200000));
	assert_false(seqset_contains(&set, 199999));
	seqset_fini(&set);
}

static void number_zero_is_never_in_a_set(void **state)
{
	(void)state;
	struct seqset set = SEQSET_EMPTY;
	seqset_add(&set, 0);
	assert_true(seqset_empty(&set));
	assert_false(seqset_contains(&set, 0));
	seqset_add_range(&set, 0, 3);
	ASSERT_SET(&set, "1:3");
	assert_false(seqset_contains(&set, 0));
	seqset_remove(&set, 0);
	ASSERT_SET(&set, "1:3");
	seqset_fini(&set);
}

static void the_highest_numbers_do_not_wrap(void **state)
{
	(void)state;
	struct seqset set = SEQSET_EMPTY;
	struct seqset other = SEQSET_EMPTY;
	uint32_t number = 0;

	seqset_add_range(&set, UINT32_MAX - 1, UINT32_MAX);
	assert_int_equal(seqset_count(&set), 2);
	struct seqiter it = seqset_iter(&set);
	assert_true(seqset_next(&it, &number));
	assert_true(seqset_next(&it, &number));
	assert_int_equal(number, UINT32_MAX);
	assert_false(seqset_next(&it, &number));
	assert_false(seqset_next(&it, &number));

	seqset_remove(&set, UINT32_MAX);
	ASSERT_SET(&set, "4294967294");
	seqset_add(&set, UINT32_MAX);
	seqset_add(&other, UINT32_MAX);
	seqset_remove_set(&set, &other);
	ASSERT_SET(&set, "4294967294");
	seqset_add_range(&set, 1, UINT32_MAX);
	assert_int_equal(set.n, 1);
	assert_int_equal(seqset_count(&set), UINT32_MAX);
	seqset_remove_set(&set, &other);
	assert_int_equal(seqset_count(&set), UINT32_MAX - 1U);
	seqset_fini(&set);
	seqset_fini(&other);
}

static void a_copy_is_independent(void **state)
{
	(void)state;
	struct seqset a = SEQSET_EMPTY;
	struct seqset b = SEQSET_EMPTY;
	parse(&a, "1,3,5,7,9,11");
	seqset_copy(&b, &a);
	assert_true(seqset_equal(&a, &b));
	seqset_remove(&b, 5);
	assert_false(seqset_equal(&a, &b));
	ASSERT_SET(&a, "1,3,5,7,9,11");
	seqset_clear(&a);
	seqset_copy(&b, &a);
	assert_true(seqset_empty(&b));
	seqset_add(&b, 4);
	seqset_add(&a, 5);
	assert_false(seqset_equal(&a, &b));
	seqset_fini(&a);
	seqset_fini(&b);
}

static void an_empty_set_works_in_every_operation(void **state)
{
	const struct seqset empty = SEQSET_EMPTY;
	(void)state;
	struct seqset a = SEQSET_EMPTY;
	struct seqset b = SEQSET_EMPTY;
	uint32_t number = 0;
	struct seqiter it = seqset_iter(&a);

	assert_false(seqset_next(&it, &number));
	seqset_add_set(&a, &b);
	seqset_remove_set(&a, &b);
	seqset_intersect(&a, &b);
	seqset_copy(&a, &b);
	seqset_remove_range(&a, 1, 9);
	seqset_resolve(&a, 9);
	assert_true(seqset_equal(&a, &b));
	assert_false(seqset_contains(&a, 1));
	assert_int_equal(seqset_count(&a), 0);
	ASSERT_SET(&a, "");
	parse(&b, "2:4");
	seqset_add_set(&a, &b);
	ASSERT_SET(&a, "2:4");
	seqset_intersect(&a, &empty);
	assert_true(seqset_empty(&a));
	seqset_fini(&a);
	seqset_fini(&b);
}

static void written_order_and_overlap_do_not_matter(void **state)
{
	(void)state;
	assert_parsed("1", "1");
	assert_parsed("3,1,2", "1:3");
	assert_parsed("9:7,1,3:5", "1,3:5,7:9");
	assert_parsed("1:5,2:3", "1:5");
	assert_parsed("1:5,4:9,10", "1:10");
	assert_parsed("5,5,5", "5");
	assert_parsed("4294967294", "4294967294");
	assert_parsed("4294967295", "4294967295");
	assert_parsed("4294967295:1", "1:4294967295");
	assert_parsed("4294967294,4294967295,7", "7,4294967294:4294967295");
}

static void the_lowest_star_is_kept_beside_the_ranges(void **state)
{
	(void)state;
	assert_parsed("*", "*");
	assert_parsed("*:*", "*");
	assert_parsed("5:*", "5:*");
	assert_parsed("*:5", "5:*");
	assert_parsed("1,*", "1,*");
	assert_parsed("3:*,7:9", "7:9,3:*");
	assert_parsed("4294967295:*", "4294967295:*");
	assert_parsed("4294967295,*", "4294967295,*");
	assert_parsed("7:*,*,5:*", "5:*");
	assert_parsed("4,5:*", "4,5:*");
	assert_parsed("1:2,9:*", "1:2,9:*");
}

static void a_star_resolves_as_rfc_3501_says(void **state)
{
	(void)state;
	assert_resolved("*", 10, "10");
	assert_resolved("*", 0, "");
	assert_resolved("*:*", 3, "3");
	assert_resolved("5:*", 10, "5:10");
	assert_resolved("*:5", 10, "5:10");
	assert_resolved("5:*", 5, "5");
	/* "The UID range 559:* always includes the UID of the last message", whatever 559 is. */
	assert_resolved("559:*", 10, "10");
	assert_resolved("*:559", 10, "10");
	assert_resolved("559:*", 0, "");
	assert_resolved("1:*", 1, "1");
	assert_resolved("1,3,*", 3, "1,3");
	assert_resolved("1,3,*", 4, "1,3:4");
	assert_resolved("1,3,*", 9, "1,3,9");
	assert_resolved("1:3,20:*", 2, "1:3");
	assert_resolved("1:3,20:*", 5, "1:3,5");
	assert_resolved("1:2,20:*", 0, "1:2");
	assert_resolved("1:9", 3, "1:9");
	assert_resolved("1:*", UINT32_MAX, "1:4294967295");
	assert_resolved("4294967295:*", 7, "7");
	/* Written out it is a number as others, and means no message that is there. */
	assert_resolved("4294967295", 7, "4294967295");
	assert_resolved("1:4294967295,*", 7, "1:4294967295");
}

static void resolving_a_merged_set_means_the_same_messages(void **state)
{
	(void)state;
	/* {a..b} and {n..*} merged, against the two taken apart, for every small a, b, n and last. */
	for (uint32_t a = 1; a < 7; a++)
		for (uint32_t b = a; b < 7; b++)
			for (uint32_t n = 1; n < 9; n++)
				for (uint32_t last = 0; last < 10; last++) {
					char text[64];
					struct seqset set = SEQSET_EMPTY;
					snprintf(text, sizeof(text), "%u:%u,%u:*", a, b, n);
					parse(&set, text);
					seqset_resolve(&set, last);
					for (uint32_t m = 1; m <= last; m++) {
						bool want = (m >= a && m <= b) || m == last || m >= n;
						assert_int_equal(seqset_contains(&set, m), want);
					}
					seqset_fini(&set);
				}
}

static void bad_syntax_is_refused_and_leaves_the_set_alone(void **state)
{
	(void)state;
	static const char *const bad[] = { "", ",", ":", "0", "1,", ",1", "1,,2", "1:", ":1", "1:2:3", "1:0",
		"0:1", "01", "1 ", " 1", "1;2", "-1", "+1", "a", "1a", "**", "1*", "*1", "*:", "4294967296",
		"99999999999999999999999999", "1,4294967296", "1.2", "$", "1:*,", "\xc2\xb9" };
	struct seqset set = SEQSET_EMPTY;

	parse(&set, "3:4");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(seqset_parse(&set, strv_cstr(bad[i]), RANGES_MAX), RC_INVALID);
	assert_int_equal(seqset_parse(&set, STRV("1\0"), RANGES_MAX), RC_INVALID);
	assert_int_equal(seqset_parse(&set, STRV_NULL, RANGES_MAX), RC_INVALID);
	ASSERT_SET(&set, "3:4");
	seqset_fini(&set);
}

static void numbers_at_their_borders_are_parsed(void **state)
{
	(void)state;
	assert_parsed("1", "1");
	assert_parsed("4294967294", "4294967294");
	assert_parsed("4294967295", "4294967295");
	assert_parsed("4294967294:4294967295", "4294967294:4294967295");
	assert_parsed("4294967295:1", "1:4294967295");
	assert_parsed("2147483647,2147483648", "2147483647:2147483648");
	assert_parsed("*:4294967295", "4294967295:*");
	static const char *const bad[] = { "4294967296", "4294967297", "1:4294967296", "4294967296:1",
		"18446744073709551617", "18446744073709551615", "00", "1:00", "*:0", "0:*", "*:4294967296",
		"/", "1/2", ";", "1:;" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct seqset set = SEQSET_EMPTY;
		assert_int_equal(seqset_parse(&set, strv_cstr(bad[i]), RANGES_MAX), RC_INVALID);
		assert_true(seqset_empty(&set));
	}
}

static void the_number_of_written_ranges_is_limited(void **state)
{
	(void)state;
	struct seqset set = SEQSET_EMPTY;
	assert_int_equal(seqset_parse(&set, STRV("1,2"), 3), RC_OK);
	assert_int_equal(seqset_parse(&set, STRV("1,1,1"), 3), RC_OK);
	ASSERT_SET(&set, "1");
	assert_int_equal(seqset_parse(&set, STRV("1,1,1,2"), 3), RC_LIMIT);
	ASSERT_SET(&set, "1");
	assert_int_equal(seqset_parse(&set, STRV("1"), 0), RC_LIMIT);
	seqset_fini(&set);
}

static void a_long_descending_set_is_parsed(void **state)
{
	(void)state;
	struct seqset set = SEQSET_EMPTY;
	struct buf text;
	buf_init(&text, 1024 * 1024);
	for (unsigned n = 50000; n > 0; n--)
		buf_printf(&text, "%s%u", n == 50000 ? "" : ",", n * 2);
	assert_true(buf_ok(&text));
	assert_int_equal(seqset_parse(&set, buf_strv(&text), 50000), RC_OK);
	assert_int_equal(set.n, 50000);
	assert_int_equal(set.v[0].lo, 2);
	seqset_fini(&set);
	buf_fini(&text);
}

static void every_cut_of_a_set_is_parsed_or_refused(void **state)
{
	(void)state;
	static const char text[] = "1,33:5,*:7,12:*,4294967294,*";
	for (size_t n = 0; n <= sizeof(text) - 1; n++) {
		/* On the heap, so that a byte read beyond the end is noticed. */
		char *copy = mem_alloc(n);
		struct seqset set = SEQSET_EMPTY;
		memcpy(copy, text, n);
		enum rc rc = seqset_parse(&set, strv_make(copy, n), RANGES_MAX);
		bool complete = n > 0 && text[n - 1] != ',' && text[n - 1] != ':';
		assert_int_equal(rc, complete ? RC_OK : RC_INVALID);
		seqset_fini(&set);
		free(copy);
	}
}

static void printing_stops_at_the_maximum_of_the_buffer(void **state)
{
	(void)state;
	struct seqset set = SEQSET_EMPTY;
	struct buf out;
	parse(&set, "1,3,5");
	buf_init(&out, 4);
	seqset_print(&out, &set);
	assert_false(buf_ok(&out));
	buf_fini(&out);
	seqset_fini(&set);
}

static void a_slice_holds_the_numbers_at_its_places(void **state)
{
	(void)state;
	struct seqset set = SEQSET_EMPTY;
	struct seqset part = SEQSET_EMPTY;
	parse(&set, "3:5,9,20:24,4000000000:4294967294");
	for (uint64_t from = 0; from < 12; from++) {
		for (uint64_t to = 0; to < 12; to++) {
			struct seqset expected = SEQSET_EMPTY;
			uint32_t number;
			uint64_t place = 0;
			for (struct seqiter it = seqset_iter(&set); place < to && seqset_next(&it, &number);
				place++)
				if (place >= from)
					seqset_add(&expected, number);
			seqset_slice(&set, from, to, &part);
			assert_true(seqset_equal(&part, &expected));
			seqset_fini(&expected);
		}
	}
	seqset_slice(&set, 0, UINT64_MAX, &part);
	assert_true(seqset_equal(&part, &set));
	seqset_slice(&set, seqset_count(&set), UINT64_MAX, &part);
	assert_true(seqset_empty(&part));
	seqset_fini(&part);
	seqset_fini(&set);
}

static void a_copy_in_an_arena_outlives_the_set(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct seqset set = SEQSET_EMPTY;
	assert_int_equal(seqset_parse(&set, STRV("2:4,9,12:*"), RANGES_MAX), RC_OK);
	struct seqset copy = seqset_in_arena(&set, arena);
	assert_true(seqset_equal(&copy, &set));
	assert_int_equal(copy.star, 12);
	seqset_fini(&set);
	ASSERT_SET(&copy, "2:4,9,12:*");
	struct seqset none = seqset_in_arena(&set, arena);
	assert_true(seqset_empty(&none));
	arena_free(&arena);
}

static void the_largest_uid_leaves_room_for_uidnext(void **state)
{
	(void)state;
	struct seqset set = SEQSET_EMPTY;
	uint32_t next = UID_MAX + 1;
	assert_int_equal(next, UINT32_MAX);
	seqset_add_range(&set, 1, UID_MAX);
	assert_true(seqset_contains(&set, UID_MAX));
	assert_false(seqset_contains(&set, next));
	seqset_fini(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adding_and_removing_ranges_agree_with_a_bitmap),
		cmocka_unit_test(set_operations_agree_with_a_bitmap),
		cmocka_unit_test(a_set_combined_with_itself_is_itself_or_empty),
		cmocka_unit_test(ascending_numbers_are_kept_as_one_range),
		cmocka_unit_test(many_apart_numbers_are_appended_in_one_go),
		cmocka_unit_test(number_zero_is_never_in_a_set),
		cmocka_unit_test(the_highest_numbers_do_not_wrap),
		cmocka_unit_test(a_copy_is_independent),
		cmocka_unit_test(an_empty_set_works_in_every_operation),
		cmocka_unit_test(written_order_and_overlap_do_not_matter),
		cmocka_unit_test(the_lowest_star_is_kept_beside_the_ranges),
		cmocka_unit_test(a_star_resolves_as_rfc_3501_says),
		cmocka_unit_test(resolving_a_merged_set_means_the_same_messages),
		cmocka_unit_test(bad_syntax_is_refused_and_leaves_the_set_alone),
		cmocka_unit_test(numbers_at_their_borders_are_parsed),
		cmocka_unit_test(the_number_of_written_ranges_is_limited),
		cmocka_unit_test(a_long_descending_set_is_parsed),
		cmocka_unit_test(every_cut_of_a_set_is_parsed_or_refused),
		cmocka_unit_test(printing_stops_at_the_maximum_of_the_buffer),
		cmocka_unit_test(a_slice_holds_the_numbers_at_its_places),
		cmocka_unit_test(a_copy_in_an_arena_outlives_the_set),
		cmocka_unit_test(the_largest_uid_leaves_room_for_uidnext),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
