#include "query/sorter.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Repeatable. */
static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

struct keys {
	char (*v)[24];
	size_t n;
};

/* Few different beginnings, so that all parts of a comparison decide now and then. */
static void make_keys(struct keys *keys, size_t n, uint32_t seed)
{
	keys->v = mem_zalloc((n + 1) * sizeof(*keys->v));
	keys->n = n;
	for (size_t i = 0; i < n; i++) {
		size_t length = draw(&seed) % 20;
		memset(keys->v[i], 'a', length);
		if (length > 0)
			keys->v[i][draw(&seed) % length] = (char)('a' + draw(&seed) % 3);
	}
}

static void add_all(struct sorter *sorter, const struct keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		sorter_add(sorter, sorter_item_make(strv_cstr(keys->v[i]), (uint32_t)i + 1, i));
}

static void assert_sorted(const struct sorter *sorter, const struct keys *keys)
{
	const struct sort_item *items = sorter_items(sorter);
	assert_int_equal(sorter->count, keys->n);
	for (size_t i = 1; i < keys->n; i++) {
		int order = strcmp(keys->v[items[i - 1].uid - 1], keys->v[items[i].uid - 1]);
		assert_true(order < 0 || (order == 0 && items[i - 1].uid < items[i].uid));
		assert_int_equal(items[i].modseq, items[i].uid - 1);
	}
}

static const size_t sizes[] = { 0, 1, 2, 3, 100, 1023, 1024, 1025, 2048, 2049, 5000, 9999, 65536 };

static void any_number_is_sorted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sorter sorter;
		struct keys keys;
		sorter_init(&sorter);
		make_keys(&keys, sizes[i], (uint32_t)i);
		add_all(&sorter, &keys);
		while (!sorter_step(&sorter, UINT64_MAX))
			sorter_accept(&sorter);
		sorter_accept(&sorter);
		assert_sorted(&sorter, &keys);
		sorter_fini(&sorter);
		free(keys.v);
	}
}

/* The time is always over, and every other slice does not count. */
static void slices_may_be_short_and_run_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sorter sorter;
		struct keys keys;
		uint32_t seed = 5;
		bool done = false;
		sorter_init(&sorter);
		make_keys(&keys, sizes[i], (uint32_t)i + 100);
		add_all(&sorter, &keys);
		while (!done) {
			done = sorter_step(&sorter, 0);
			if (draw(&seed) % 2 == 0)
				done = sorter_step(&sorter, draw(&seed) % 2 == 0 ? 0 : UINT64_MAX);
			sorter_accept(&sorter);
		}
		assert_sorted(&sorter, &keys);
		sorter_fini(&sorter);
		free(keys.v);
	}
}

static void what_was_cut_is_not_there(void **state)
{
	(void)state;
	struct sorter sorter;
	sorter_init(&sorter);
	for (uint32_t i = 0; i < 100; i++)
		sorter_add(&sorter, sorter_item_make(STRV("x"), 100 - i, 0));
	sorter_cut(&sorter, 50);
	sorter_add(&sorter, sorter_item_make(STRV("a"), 1, 0));
	assert_true(sorter_step(&sorter, UINT64_MAX));
	sorter_accept(&sorter);
	assert_int_equal(sorter.count, 51);
	assert_int_equal(sorter_items(&sorter)[0].uid, 1);
	assert_int_equal(sorter_items(&sorter)[1].uid, 51);
	assert_int_equal(sorter_items(&sorter)[50].uid, 100);
	sorter_fini(&sorter);
}

static int sign(int number)
{
	return (number > 0) - (number < 0);
}

static void items_compare_as_their_octets(void **state)
{
	(void)state;
	static const struct strv keys[] = { { "", 0 }, { "\0", 1 }, { "\0\0\0\0\0\0\0\0", 8 }, { "a", 1 },
		{ "abcdefgh", 8 }, { "abcdefgh\0", 9 }, { "abcdefghi", 9 }, { "abcdefghij", 10 },
		{ "abcdefgi", 8 }, { "\xff", 1 }, { "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9 } };
	size_t n = sizeof(keys) / sizeof(keys[0]);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			struct sort_item a = sorter_item_make(keys[i], 1, 0);
			struct sort_item b = sorter_item_make(keys[j], 2, 0);
			int order = sorter_item_compare(&a, &b);
			assert_int_equal(sign(order), -sign(sorter_item_compare(&b, &a)));
			/* Keys of a program never end with nothing but zeros more. */
			if (i > 2 && j > 2)
				assert_int_equal(sign(order), i <= j ? -1 : 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_is_sorted),
		cmocka_unit_test(slices_may_be_short_and_run_again),
		cmocka_unit_test(what_was_cut_is_not_there),
		cmocka_unit_test(items_compare_as_their_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
