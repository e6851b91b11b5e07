#include "imap/search_return.h"

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
		"RETURN (MIN)ALL",
		"RETURN (MINIMUM) ALL",
		"RETURN (NOTHING) ALL",
		"RETURN (PARTIAL) ALL",
		"RETURN (PARTIAL ) ALL",
		"RETURN (PARTIAL 1) ALL",
		"RETURN (PARTIAL 1:*) ALL",
		"RETURN (PARTIAL 0:1) ALL",
		"RETURN (PARTIAL 1:-1) ALL",
		"RETURN (PARTIAL (1:2)) ALL",
		"RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL",
		"RETURN (PARTIAL 1:2 ALL) ALL",
		"RETURN (ALL PARTIAL 1:2) ALL",
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

static void a_part_is_cut_out(void **state)
{
	static const uint32_t list[] = { 7, 1, 2, 3, 9, 8, 4, 5 };
	struct search_result sorted = { .list = list, .count = 8 };
	struct seqset set = SEQSET_EMPTY;
	struct search_result result = { .set = &set, .by_uid = true };
	(void)state;
	assert_prints(
		"RETURN (PARTIAL 1:10) ALL", &result, "* ESEARCH (TAG \"a\") UID PARTIAL (1:10 NIL)\r\n");
	assert_saves("RETURN (SAVE PARTIAL 1:10) ALL", &result, "");
	seqset_add_range(&set, 3, 5);
	seqset_add_range(&set, 9, 12);
	assert_prints(
		"RETURN (PARTIAL 2:4) ALL", &result, "* ESEARCH (TAG \"a\") UID PARTIAL (2:4 4:5,9)\r\n");
	assert_prints("RETURN (PARTIAL -1:-2 COUNT MIN MAX) ALL", &result,
		"* ESEARCH (TAG \"a\") UID MIN 3 MAX 12 PARTIAL (-1:-2 11:12) COUNT 7\r\n");
	assert_prints("RETURN (PARTIAL 9:8) ALL", &result, "* ESEARCH (TAG \"a\") UID PARTIAL (8:9 NIL)\r\n");
	assert_prints("RETURN (PARTIAL 3:6) ALL", &sorted, "* ESEARCH (TAG \"a\") PARTIAL (3:6 2:3,9,8)\r\n");
	assert_prints("RETURN (PARTIAL -2:-1) ALL", &sorted, "* ESEARCH (TAG \"a\") PARTIAL (-1:-2 4:5)\r\n");
	assert_saves("RETURN (SAVE PARTIAL 2:3) ALL", &result, "4:5");
	assert_saves("RETURN (SAVE PARTIAL 2:3 MIN) ALL", &result, "3:5");
	assert_saves("RETURN (SAVE PARTIAL 2:3 MAX) ALL", &result, "4:5,12");
	assert_saves("RETURN (SAVE PARTIAL 2:3 MIN MAX) ALL", &result, "3:5,12");
	assert_saves("RETURN (SAVE PARTIAL 20:30 MIN) ALL", &result, "3");
	assert_saves("RETURN (SAVE PARTIAL 2:3 MIN COUNT) ALL", &result, "3:5,9:12");
	assert_saves("RETURN (SAVE PARTIAL 1:2) ALL", &sorted, "1,7");
	seqset_fini(&set);
}

static void a_search_ends_when_the_answer_is_known(void **state)
{
	static const struct {
		const char *options;
		uint64_t enough;
	} cases[] = {
		{ "RETURN (MIN) ALL", 1 },
		{ "RETURN (MIN SAVE) ALL", 1 },
		{ "RETURN (PARTIAL 3:9) ALL", 9 },
		{ "RETURN (PARTIAL 9:3 SAVE MIN) ALL", 9 },
		{ "RETURN (PARTIAL -3:-9) ALL", 0 },
		{ "RETURN (PARTIAL 3:9 COUNT) ALL", 0 },
		{ "RETURN (PARTIAL 3:9 MAX) ALL", 0 },
		{ "RETURN (MIN MAX) ALL", 0 },
		{ "RETURN (MIN COUNT) ALL", 0 },
		{ "RETURN (SAVE) ALL", 0 },
		{ "RETURN () ALL", 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct search_return options = options_of(cases[i].options);
		assert_int_equal(search_return_enough(&options), cases[i].enough);
	}
}

static void scores_go_with_what_is_returned(void **state)
{
	static const uint32_t list[] = { 5, 1, 9 };
	static const uint8_t scores[] = { 99, 42, 1 };
	struct search_result result = { .list = list, .count = 3, .scores = scores, .modseq = 7 };
	struct search_return options = { .items = SEARCH_RELEVANCY };
	struct parse parse;
	(void)state;
	assert_prints("RETURN (RELEVANCY ALL) ALL", &result,
		"* ESEARCH (TAG \"a\") ALL 5,1,9 RELEVANCY (99 42 1) MODSEQ 7\r\n");
	assert_prints(
		"RETURN (RELEVANCY) ALL", &result, "* ESEARCH (TAG \"a\") RELEVANCY (99 42 1) MODSEQ 7\r\n");
	assert_prints("RETURN (RELEVANCY PARTIAL 2:5) ALL", &result,
		"* ESEARCH (TAG \"a\") PARTIAL (2:5 1,9) RELEVANCY (42 1) MODSEQ 7\r\n");
	result.count = 0;
	assert_prints("RETURN (RELEVANCY ALL) ALL", &result, "* ESEARCH (TAG \"a\") RELEVANCY ()\r\n");
	parse_init(&parse, STRV_NULL, NULL);
	assert_true(search_return_fits(&parse, &options, true));
	assert_false(search_return_fits(&parse, &options, false));
	assert_string_equal(parse.error, "RELEVANCY needs FUZZY");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(what_is_no_option_is_refused),
		cmocka_unit_test(a_set_is_printed_in_mailbox_order),
		cmocka_unit_test(a_list_is_printed_as_it_is_sorted),
		cmocka_unit_test(a_part_is_cut_out),
		cmocka_unit_test(scores_go_with_what_is_returned),
		cmocka_unit_test(a_search_ends_when_the_answer_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
