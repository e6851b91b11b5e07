#include "imapd/search_return.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The error, "" if something is left behind the options, NULL if all was taken. */
static const char *refused(const char *text, struct search_return *ret_options)
{
	struct arena *arena = arena_new(0);
	struct parse parse;
	parse_init(&parse, strv_cstr(text), arena);
	bool ok = search_return_parse(&parse, ret_options);
	const char *error = ok ? NULL : parse.error ? parse.error : "syntax";
	if (ok && !strv_eq(parse_rest(&parse), STRV("ALL")))
		error = "";
	arena_free(&arena);
	return error;
}

static struct search_return options_of(const char *text)
{
	struct search_return options;
	assert_null(refused(text, &options));
	return options;
}

static void assert_prints(const char *text, const struct search_result *result, const char *expected)
{
	struct search_return options = options_of(text);
	struct buf out;
	buf_init(&out, 4096);
	search_return_print(&options, result, STRV("a"), &out);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
}

static void assert_saves(const char *text, const struct search_result *result, const char *expected)
{
	struct search_return options = options_of(text);
	struct seqset saved = SEQSET_EMPTY;
	struct buf out;
	buf_init(&out, 4096);
	search_return_saved(&options, result, &saved);
	seqset_print(&out, &saved);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
	seqset_fini(&saved);
}

static void options_are_read(void **state)
{
	(void)state;
	assert_false(options_of("ALL").extended);
	assert_int_equal(options_of("ALL").items, 0);
	assert_true(options_of("RETURN () ALL").extended);
	assert_int_equal(options_of("RETURN () ALL").items, SEARCH_ALL);
	assert_int_equal(options_of("return (min) ALL").items, SEARCH_MIN);
	assert_int_equal(options_of("RETURN (MIN MAX ALL COUNT SAVE) ALL").items,
		SEARCH_MIN | SEARCH_MAX | SEARCH_ALL | SEARCH_COUNT | SEARCH_SAVE);
}

static void what_is_no_option_is_refused(void **state)
{
	static const char *const wrong[] = {
		"RETURN",
		"RETURN ALL",
		"RETURN (",
		"RETURN ()",
		"RETURN (MIN",
		"RETURN (MIN )",
		"RETURN ( MIN) ALL",
		"RETURN (MIN  MAX) ALL",
		"RETURN (MIN)ALL",
		"RETURN (MINIMUM) ALL",
		"RETURN (NOTHING) ALL",
	};
	struct search_return options;
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (!refused(wrong[i], &options))
			fail_msg("taken: %s", wrong[i]);
}

static void a_set_is_printed_in_mailbox_order(void **state)
{
	struct seqset set = SEQSET_EMPTY;
	struct search_result result = { .set = &set, .by_uid = true };
	(void)state;
	assert_prints("RETURN (MIN MAX ALL COUNT) ALL", &result, "* ESEARCH (TAG \"a\") UID COUNT 0\r\n");
	assert_saves("RETURN (MIN SAVE) ALL", &result, "");
	seqset_add_range(&set, 3, 5);
	seqset_add(&set, 9);
	assert_prints("RETURN (MIN MAX ALL COUNT) ALL", &result,
		"* ESEARCH (TAG \"a\") UID MIN 3 MAX 9 ALL 3:5,9 COUNT 4\r\n");
	result.modseq = 77;
	result.by_uid = false;
	assert_prints("RETURN (MAX) ALL", &result, "* ESEARCH (TAG \"a\") MAX 9 MODSEQ 77\r\n");
	assert_saves("RETURN (SAVE) ALL", &result, "3:5,9");
	assert_saves("RETURN (SAVE MIN) ALL", &result, "3");
	assert_saves("RETURN (SAVE MIN MAX) ALL", &result, "3,9");
	assert_saves("RETURN (SAVE MIN COUNT) ALL", &result, "3:5,9");
	seqset_fini(&set);
}

static void a_list_is_printed_as_it_is_sorted(void **state)
{
	static const uint32_t list[] = { 7, 1, 2, 3, 9, 8, 4, 5 };
	struct search_result result = { .list = list, .count = 8 };
	(void)state;
	assert_prints("RETURN () ALL", &result, "* ESEARCH (TAG \"a\") ALL 7,1:3,9,8,4:5\r\n");
	assert_prints("RETURN (MIN MAX COUNT) ALL", &result, "* ESEARCH (TAG \"a\") MIN 7 MAX 5 COUNT 8\r\n");
	assert_saves("RETURN (SAVE) ALL", &result, "1:5,7:9");
	assert_saves("RETURN (SAVE MIN) ALL", &result, "7");
	result.count = 0;
	assert_prints("RETURN () ALL", &result, "* ESEARCH (TAG \"a\")\r\n");
	assert_saves("RETURN (SAVE) ALL", &result, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(what_is_no_option_is_refused),
		cmocka_unit_test(a_set_is_printed_in_mailbox_order),
		cmocka_unit_test(a_list_is_printed_as_it_is_sorted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
