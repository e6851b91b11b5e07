#include "imap/metadata_items.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct line {
	struct arena *arena;
	struct parse parse;
};

static void line_begin(struct line *line, const char *text)
{
	line->arena = arena_new(0);
	parse_init(&line->parse, strv_cstr(text), line->arena);
}

static const char *line_error(const struct line *line)
{
	return line->parse.error ? line->parse.error : "syntax";
}

static void assert_names(const char *text, bool bare, const char *expected)
{
	struct metadata_request request = { .count = 0 };
	struct line line;
	struct buf got;
	line_begin(&line, text);
	buf_init(&got, 1000);
	if (!metadata_items_names(&line.parse, bare, &request) || !parse_end(&line.parse))
		fail_msg("%s: %s", text, line_error(&line));
	for (size_t i = 0; i < request.count; i++) {
		buf_addv(&got, request.names[i]);
		buf_addc(&got, ' ');
	}
	buf_addc(&got, '\0');
	assert_string_equal(got.p, expected);
	buf_fini(&got);
	arena_free(&line.arena);
}

static void assert_no_names(const char *text, bool bare, const char *error)
{
	struct metadata_request request = { .count = 0 };
	struct line line;
	line_begin(&line, text);
	if (metadata_items_names(&line.parse, bare, &request) && parse_end(&line.parse))
		fail_msg("taken: %s", text);
	if (error)
		assert_string_equal(line_error(&line), error);
	arena_free(&line.arena);
}

static void entries_come_alone_or_in_a_list(void **state)
{
	(void)state;
	assert_names("/shared/comment", true, "/shared/comment ");
	assert_names("(/shared/comment \"/private/x/y\")", true, "/shared/comment /private/x/y ");
	assert_names("(/shared/comment)", false, "/shared/comment ");
	assert_no_names("/shared/comment", false, NULL);
	assert_no_names("()", true, NULL);
	assert_no_names("(/shared/comment", true, NULL);
	assert_no_names("comment", true, "Invalid entry name");
	assert_no_names("/shared//x", true, "Invalid entry name");
}

static void entries_have_a_limit(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 100000);
	buf_addc(&text, '(');
	for (int i = 0; i < METADATA_NAMES_MAX; i++)
		buf_printf(&text, "%s/shared/%d", i > 0 ? " " : "", i);
	struct metadata_request request = { .count = 0 };
	struct line line;
	buf_adds(&text, ")");
	buf_addc(&text, '\0');
	line_begin(&line, text.p);
	assert_true(metadata_items_names(&line.parse, true, &request));
	assert_int_equal(request.count, METADATA_NAMES_MAX);
	arena_free(&line.arena);
	text.len -= 2;
	buf_adds(&text, " /shared/more)");
	buf_addc(&text, '\0');
	assert_no_names(text.p, true, "Too many entries");
	buf_fini(&text);
}

static void assert_options(const char *text, const char *error, enum entry_depth depth, uint64_t maxsize)
{
	struct metadata_request request = { .count = 0 };
	struct line line;
	line_begin(&line, text);
	bool ok = metadata_items_options(&line.parse, &request) && parse_end(&line.parse);
	if (ok != !error)
		fail_msg("%s: %s", text, ok ? "taken" : line_error(&line));
	if (error) {
		assert_string_equal(line_error(&line), error);
	} else {
		assert_int_equal(request.depth, depth);
		assert_int_equal(request.maxsize, maxsize);
		assert_int_equal(request.sized, strcasestr(text, "MAXSIZE") != NULL);
	}
	arena_free(&line.arena);
}

static void options_are_depth_and_maxsize(void **state)
{
	(void)state;
	assert_options("(DEPTH 0)", NULL, ENTRY_DEPTH_0, 0);
	assert_options("(depth Infinity)", NULL, ENTRY_DEPTH_INFINITY, 0);
	assert_options("(DEPTH 1 MAXSIZE 1024)", NULL, ENTRY_DEPTH_1, 1024);
	assert_options("(MAXSIZE 0)", NULL, ENTRY_DEPTH_0, 0);
	assert_options("(MAXSIZE 4294967296 DEPTH 1)", NULL, ENTRY_DEPTH_1, 4294967296);
	assert_options("(DEPTH 2)", "DEPTH is 0, 1 or infinity", 0, 0);
	assert_options("(SIZE 2)", "Unknown option", 0, 0);
}

static bool options_follow(const char *text)
{
	struct line line;
	line_begin(&line, text);
	bool follow = metadata_items_options_follow(&line.parse);
	assert_int_equal(line.parse.at, 0);
	arena_free(&line.arena);
	return follow;
}

static void a_list_of_options_is_told_from_one_of_entries(void **state)
{
	(void)state;
	assert_true(options_follow("(DEPTH 1) /shared/x"));
	assert_true(options_follow("(MAXSIZE 1)"));
	assert_false(options_follow("(/shared/x)"));
	assert_false(options_follow("(\"/shared/x\")"));
	assert_false(options_follow("({9}"));
	assert_false(options_follow("/shared/x"));
}

static void a_value_is_a_string_or_nil(void **state)
{
	(void)state;
	struct strv value;
	struct line line;
	line_begin(&line, "NIL \"\" \"a b\" (");
	assert_true(metadata_items_value(&line.parse, &value) && parse_sp(&line.parse));
	assert_null(value.p);
	assert_true(metadata_items_value(&line.parse, &value) && parse_sp(&line.parse));
	assert_non_null(value.p);
	assert_int_equal(value.n, 0);
	assert_true(metadata_items_value(&line.parse, &value) && parse_sp(&line.parse));
	assert_true(strv_eq(value, STRV("a b")));
	assert_false(metadata_items_value(&line.parse, &value));
	arena_free(&line.arena);
}

static void a_copy_outlives_the_line(void **state)
{
	(void)state;
	struct metadata_request request = { .depth = ENTRY_DEPTH_1, .sized = true, .maxsize = 7 };
	struct metadata_request copy;
	struct arena *arena = arena_new(0);
	struct line line;
	char text[] = "(/shared/a /shared/b)";
	line_begin(&line, text);
	assert_true(metadata_items_names(&line.parse, true, &request));
	metadata_items_copy(&request, arena, &copy);
	memset(text, 'x', sizeof(text) - 1);
	arena_free(&line.arena);
	assert_int_equal(copy.count, 2);
	assert_true(strv_eq(copy.names[0], STRV("/shared/a")));
	assert_true(strv_eq(copy.names[1], STRV("/shared/b")));
	assert_int_equal(copy.depth, ENTRY_DEPTH_1);
	assert_true(copy.sized && copy.maxsize == 7);
	arena_free(&arena);
}

static void assert_printed(const struct metadata_entry *entries, size_t count, const char *expected)
{
	struct metadata_answer answer = { .entries = entries, .count = count };
	struct buf out;
	buf_init(&out, 10000);
	metadata_items_print(&out, STRV("M\xc3\xa4rz"), false, &answer);
	assert_int_equal(out.len, strlen(expected));
	if (out.len > 0)
		assert_memory_equal(out.p, expected, out.len);
	buf_fini(&out);
}

static void answers_are_printed_with_their_values(void **state)
{
	(void)state;
	static const struct metadata_entry entries[] = {
		{ { "/shared/a", 9 }, { "v", 1 } },
		{ { "/shared/b", 9 }, { NULL, 0 } },
		{ { "/shared/c", 9 }, { "", 0 } },
		{ { "/shared/d", 9 }, { "{\"x\"}", 5 } },
		{ { "/shared/e", 9 }, { "a\\b", 3 } },
	};
	assert_printed(entries, 0, "");
	assert_printed(entries, 2, "* METADATA \"M&AOQ-rz\" (/shared/a \"v\" /shared/b NIL)\r\n");
	/* Quotes and backslashes go out in literals. */
	assert_printed(entries + 2, 3,
		"* METADATA \"M&AOQ-rz\" (/shared/c \"\" /shared/d {5}\r\n{\"x\"} /shared/e "
		"{3}\r\na\\b)\r\n");
}

static void a_value_with_nul_is_a_literal8(void **state)
{
	(void)state;
	static const struct metadata_entry entry = { { "/shared/a", 9 }, { "x\0y", 3 } };
	struct metadata_answer answer = { .entries = &entry, .count = 1 };
	struct buf out;
	buf_init(&out, 10000);
	metadata_items_print(&out, STRV("m"), true, &answer);
	assert_true(strv_eq(buf_strv(&out), STRV("* METADATA \"m\" (/shared/a ~{3}\r\nx\0y)\r\n")));
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_alone_or_in_a_list),
		cmocka_unit_test(entries_have_a_limit),
		cmocka_unit_test(options_are_depth_and_maxsize),
		cmocka_unit_test(a_list_of_options_is_told_from_one_of_entries),
		cmocka_unit_test(a_value_is_a_string_or_nil),
		cmocka_unit_test(a_copy_outlives_the_line),
		cmocka_unit_test(answers_are_printed_with_their_values),
		cmocka_unit_test(a_value_with_nul_is_a_literal8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
