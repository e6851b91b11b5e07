/* Names of entries. */
#include "metadata/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void names_are_valid_or_not(void **state)
{
	static const struct {
		struct strv name;
		bool valid;
		bool usable;
	} table[] = {
		{ { "/private/comment", 16 }, true, true },
		{ { "/SHARED/comment", 15 }, true, true },
		{ { "/private/a/b/c", 14 }, true, true },
		{ { "/private/a b", 12 }, true, true },
		{ { "/private/vendor/acme/x", 22 }, true, true },
		{ { "/private/VENDOR/acme", 20 }, true, false },
		{ { "/private/vendor", 15 }, true, false },
		{ { "/private/vendors", 16 }, true, true },
		{ { "/private", 8 }, true, false },
		{ { "/shared", 7 }, true, false },
		{ { "/privates/x", 11 }, true, false },
		{ { "/x/y", 4 }, true, false },
		{ { "", 0 }, false, false },
		{ { "/", 1 }, false, false },
		{ { "private/comment", 15 }, false, false },
		{ { "/private/", 9 }, false, false },
		{ { "//private/x", 11 }, false, false },
		{ { "/private//x", 11 }, false, false },
		{ { "/private/*", 10 }, false, false },
		{ { "/private/%x", 11 }, false, false },
		{ { "/private/\0", 10 }, false, false },
		{ { "/private/\x1f", 10 }, false, false },
		{ { "/private/\x7f", 10 }, false, false },
		{ { "/private/\xc3\xa4", 11 }, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (entry_name_valid(table[i].name) != table[i].valid)
			fail_msg("valid: row %zu", i);
		if (table[i].valid && entry_name_usable(table[i].name) != table[i].usable)
			fail_msg("usable: row %zu", i);
	}
}

static void a_name_has_a_greatest_length(void **state)
{
	char name[ENTRY_NAME_MAX + 1];

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name, "/private/", 9);
	assert_true(entry_name_valid(strv_make(name, ENTRY_NAME_MAX)));
	assert_false(entry_name_valid(strv_make(name, ENTRY_NAME_MAX + 1)));
}

static void depth_counts_components(void **state)
{
	struct strv top = STRV("/private/a");

	(void)state;
	assert_true(entry_within(STRV("/private/A"), top, ENTRY_DEPTH_0));
	assert_false(entry_within(STRV("/private/a/b"), top, ENTRY_DEPTH_0));
	assert_true(entry_within(STRV("/PRIVATE/a/b"), top, ENTRY_DEPTH_1));
	assert_false(entry_within(STRV("/private/a/b/c"), top, ENTRY_DEPTH_1));
	assert_true(entry_within(STRV("/private/a/b/c"), top, ENTRY_DEPTH_INFINITY));
	assert_false(entry_within(STRV("/private/ab"), top, ENTRY_DEPTH_INFINITY));
	assert_false(entry_within(STRV("/private"), top, ENTRY_DEPTH_INFINITY));
	assert_false(entry_within(STRV("/shared/a/b"), top, ENTRY_DEPTH_INFINITY));
}

static void lower_case_may_spare_the_last_component(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	assert_true(strv_eq(entry_lower(STRV("/Private/ABC/Xy"), false, arena), STRV("/private/abc/xy")));
	assert_true(strv_eq(entry_lower(STRV("/Private/ABC/Xy"), true, arena), STRV("/private/abc/Xy")));
	arena_free(&arena);
}

static void shared_is_told_from_private(void **state)
{
	(void)state;
	assert_true(entry_is_shared(STRV("/Shared/x")));
	assert_false(entry_is_shared(STRV("/shared")));
	assert_false(entry_is_shared(STRV("/private/shared")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_valid_or_not),
		cmocka_unit_test(a_name_has_a_greatest_length),
		cmocka_unit_test(depth_counts_components),
		cmocka_unit_test(lower_case_may_spare_the_last_component),
		cmocka_unit_test(shared_is_told_from_private),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
