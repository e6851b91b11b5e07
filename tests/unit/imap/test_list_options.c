#include "imap/list_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* NULL: all was taken; else the error. */
static const char *error_of(const char *text, struct arena *arena, struct list_options *ret_options)
{
	struct parse parse;
	parse_init(&parse, strv_cstr(text), arena);
	if (list_options_parse(&parse, ret_options) && parse_end(&parse))
		return NULL;
	return parse.error ? parse.error : "syntax";
}

/* LIST "" (p p p) with so many patterns. */
static void assert_patterns(size_t count, const char *error)
{
	struct arena *arena = arena_new(0);
	struct list_options options = { .extended = false };
	struct buf text;
	buf_init(&text, 10000);
	buf_adds(&text, "\"\" (");
	for (size_t i = 0; i < count; i++)
		buf_adds(&text, i > 0 ? " p" : "p");
	buf_adds(&text, ")");
	buf_addc(&text, '\0');
	const char *got = error_of(text.p, arena, &options);
	if (error) {
		assert_non_null(got);
		assert_string_equal(got, error);
	} else {
		assert_null(got);
		assert_int_equal(options.pattern_count, count);
		assert_true(options.extended);
		assert_true(strv_eq(options.patterns[count - 1], STRV("p")));
	}
	buf_fini(&text);
	arena_free(&arena);
}

static void patterns_have_a_limit(void **state)
{
	(void)state;
	assert_patterns(1, NULL);
	assert_patterns(LIST_PATTERNS_MAX - 1, NULL);
	assert_patterns(LIST_PATTERNS_MAX, NULL);
	assert_patterns(LIST_PATTERNS_MAX + 1, "Too many patterns");
}

static void the_old_syntax_has_one_pattern(void **state)
{
	struct arena *arena = arena_new(0);
	struct list_options options = { .extended = false };
	(void)state;
	assert_null(error_of("a/ %", arena, &options));
	assert_false(options.extended);
	assert_int_equal(options.pattern_count, 1);
	assert_true(strv_eq(options.reference, STRV("a/")));
	assert_non_null(error_of("\"\" p p", arena, &options));
	arena_free(&arena);
}

/* RETURN (STATUS (MESSAGES MESSAGES ...)) */
static void assert_items(size_t count, const char *error)
{
	struct arena *arena = arena_new(0);
	struct list_options options = { .extended = false };
	struct buf text;
	buf_init(&text, 10000);
	buf_adds(&text, "\"\" * RETURN (STATUS (");
	for (size_t i = 0; i < count; i++)
		buf_adds(&text, i > 0 ? " MESSAGES" : "MESSAGES");
	buf_adds(&text, "))");
	buf_addc(&text, '\0');
	const char *got = error_of(text.p, arena, &options);
	assert_int_equal(got != NULL, error != NULL);
	if (error)
		assert_string_equal(got, error);
	else
		assert_int_equal(options.status.count, count);
	buf_fini(&text);
	arena_free(&arena);
}

static void status_items_have_a_limit(void **state)
{
	(void)state;
	assert_items(STATUS_ITEMS_MAX - 1, NULL);
	assert_items(STATUS_ITEMS_MAX, NULL);
	assert_items(STATUS_ITEMS_MAX + 1, "Too many items");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_have_a_limit),
		cmocka_unit_test(the_old_syntax_has_one_pattern),
		cmocka_unit_test(status_items_have_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
