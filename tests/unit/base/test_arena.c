#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void memory_is_aligned_and_apart(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	unsigned char *p[200];
	for (size_t i = 0; i < 200; i++) {
		p[i] = arena_alloc(arena, i);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		memset(p[i], (int)i, i);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_equal(p[i][j], i);
	arena_free(&arena);
	assert_null(arena);
	arena_free(&arena);
}

static void zeroed_memory_is_zero_after_a_reset_too(void **state)
{
	(void)state;
	struct arena *arena = arena_new(64);
	memset(arena_alloc(arena, 64), 'x', 64);
	arena_reset(arena);
	unsigned char *p = arena_zalloc(arena, 64);
	for (int i = 0; i < 64; i++)
		assert_int_equal(p[i], 0);
	arena_free(&arena);
}

static void a_reset_keeps_the_first_chunk_and_frees_the_others(void **state)
{
	(void)state;
	struct arena *arena = arena_new(256);
	size_t born = arena_size(arena);
	assert_true(born >= 256);
	void *first = arena_alloc(arena, 16);
	for (int i = 0; i < 1000; i++)
		arena_alloc(arena, 100);
	arena_alloc(arena, 1000000);
	assert_true(arena_size(arena) > 1100000);
	arena_reset(arena);
	assert_int_equal(arena_size(arena), born);
	assert_ptr_equal(arena_alloc(arena, 16), first);
	arena_free(&arena);
}

static void chunks_grow_but_not_without_end(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	size_t before = arena_size(arena);
	size_t most = 0;
	for (int i = 0; i < 10000; i++) {
		arena_alloc(arena, 100);
		size_t now = arena_size(arena);
		if (now - before > most)
			most = now - before;
		before = now;
	}
	assert_in_range(most, 65536, 65536 + 64);
	/* The waste is bounded: 10,000 times 112 bytes, one chunk more at most. */
	assert_true(before < 10000 * 112 + 2 * 65536);
	arena_free(&arena);
}

static void a_large_request_leaves_the_current_chunk_in_use(void **state)
{
	(void)state;
	struct arena *arena = arena_new(4096);
	char *a = arena_alloc(arena, 16);
	memset(arena_alloc(arena, 300000), 1, 300000);
	char *b = arena_alloc(arena, 16);
	assert_ptr_equal(b, a + 16);
	arena_free(&arena);
}

static void strings_are_copied_with_a_nul(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	assert_string_equal(arena_strdup(arena, "text"), "text");
	assert_string_equal(arena_strndup(arena, "text", 2), "te");
	assert_string_equal(arena_strndup(arena, NULL, 0), "");
	struct strv v = arena_strv(arena, STRV("a\0b"));
	assert_int_equal(v.n, 3);
	assert_memory_equal(v.p, "a\0b", 4);
	assert_int_equal(arena_strv(arena, STRV_NULL).n, 0);
	assert_string_equal(arena_printf(arena, "%s-%d", "x", 5), "x-5");
	assert_string_equal(arena_printf(arena, "%s", ""), "");
	char *wide = arena_printf(arena, "%5000d", 1);
	assert_int_equal(strlen(wide), 5000);
	arena_free(&arena);
}

static void an_array_of_views_is_copied_with_its_bytes(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	char text[] = "onetwo";
	struct strv views[] = { { text, 3 }, { text + 3, 3 } };
	struct strv *copy = arena_strvs(arena, views, 2);
	memset(text, 'x', 6);
	assert_true(strv_eq(copy[0], STRV("one")));
	assert_true(strv_eq(copy[1], STRV("two")));
	assert_non_null(arena_strvs(arena, NULL, 0));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_aligned_and_apart),
		cmocka_unit_test(zeroed_memory_is_zero_after_a_reset_too),
		cmocka_unit_test(a_reset_keeps_the_first_chunk_and_frees_the_others),
		cmocka_unit_test(chunks_grow_but_not_without_end),
		cmocka_unit_test(a_large_request_leaves_the_current_chunk_in_use),
		cmocka_unit_test(strings_are_copied_with_a_nul),
		cmocka_unit_test(an_array_of_views_is_copied_with_its_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
