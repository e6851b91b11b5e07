#include "imap/append_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Literals in the text are streamed ones: "{3}" CRLF without their bytes. */
static size_t find_literals(char *text, struct lex_literal *literals, size_t max)
{
	size_t count = 0;
	for (char *at = strchr(text, '{'); at && count < max; at = strchr(at + 1, '{')) {
		bool binary = at > text && at[-1] == '~';
		literals[count++] = (struct lex_literal){
			.offset = (size_t)(at - text) - (binary ? 1 : 0), .size = 3, .binary = binary
		};
	}
	return count;
}

/* "box: 2(L B) 1(url)": the flags of each message and its parts. `next`: the literal that was announced, or
 * NULL. */
static void assert_list(
	const char *text, const char *next, bool several, enum append_place place, const char *expected)
{
	static const struct lex_literal plain = { .size = 3 };
	static const struct lex_literal binary = { .size = 3, .binary = true };
	struct lex_literal literals[16];
	struct arena *arena = arena_new(0);
	struct append_list list;
	struct parse parse;
	struct buf out;
	char *copy = malloc(strlen(text) + 1);
	memcpy(copy, text, strlen(text) + 1);
	parse_init(&parse, strv_make(copy, strlen(text)), arena);
	parse.streamed = literals;
	parse.streamed_count = find_literals(copy, literals, 16);
	const struct lex_literal *announced = !next ? NULL : *next == '~' ? &binary : &plain;
	buf_init(&out, 4096);
	assert_int_equal(append_parse_list(&parse, announced, several, &list), place);
	if (place == APPEND_BAD) {
		assert_non_null(parse.error);
	} else if (place != APPEND_AT_NAME) {
		buf_printf(&out, "%.*s:", STRV_ARG(list.mailbox));
		for (size_t i = 0; i < list.count; i++) {
			buf_printf(&out, " %x(", list.specs[i].flags);
			for (size_t p = 0; p < list.specs[i].part_count; p++) {
				const struct append_part *part = &list.parts[list.specs[i].part_from + p];
				if (part->url.p)
					buf_printf(&out, "%s%.*s", p ? " " : "", STRV_ARG(part->url));
				else
					buf_printf(&out, "%s%s", p ? " " : "", part->binary ? "B" : "L");
			}
			buf_addc(&out, ')');
		}
	}
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
	free(copy);
	arena_free(&arena);
}

static void assert_whole(const char *text, const char *expected)
{
	assert_list(text, NULL, true, APPEND_WHOLE, expected);
}

static void assert_bad(const char *text)
{
	assert_list(text, NULL, true, APPEND_BAD, "");
}

static void messages_are_literals_or_made_of_pieces(void **state)
{
	(void)state;
	assert_whole("INBOX {3}\r\n", "INBOX: 0(L)");
	assert_whole("a (\\Seen) \"17-Jul-1996 02:44:25 -0700\" ~{3+}\r\n", "a: 1(B)");
	assert_whole("a UTF8 (~{3}\r\n)", "a: 0(B)");
	assert_whole("a CATENATE (URL x TEXT {3}\r\n url \"y z\" TEXT ~{3}\r\n UTF8 (~{3}\r\n))",
		"a: 0(x L y z B B)");
	assert_whole("a  ( \\Seen )  CATENATE  ( URL  x  TEXT  {3}\r\n )  {3}\r\n ", "a: 1(x L) 0(L)");
	assert_whole("a (\\Draft) catenate (URL \"/a/;UID=1\")", "a: 10(/a/;UID=1)");
	assert_whole("a {3}\r\n (\\Seen) CATENATE (URL x) CATENATE (TEXT {3}\r\n) {3}\r\n",
		"a: 0(L) 1(x) 0(L) 0(L)");
}

static void wrong_ones(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "a", "a ", "a b", "a (\\Seen)", "a {3}\r\n x",
		"a {3}\r\n{3}\r\n", "a CATENATE", "a CATENATE ", "a CATENATE ()", "a CATENATE (URL)",
		"a CATENATE (URL )", "a CATENATE (URL x", "a CATENATE (TEXT \"x\")", "a CATENATE (TEXT x)",
		"a CATENATE ({3}\r\n)", "a CATENATE (URL {3}\r\n)", "a CATENATE (FOO x)",
		"a CATENATE (URL x) b", "a UTF8 {3}\r\n", "a UTF8 ({3}\r\n)", "a UTF8 (~{3}\r\n",
		"a CATENATE (UTF8 ({3}\r\n))", "a \"yesterday\" {3}\r\n", "a (\\Recent) {3}\r\n" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_bad(texts[i]);
	assert_list("a {3}\r\n {3}\r\n", NULL, false, APPEND_BAD, "");
	assert_list("a {3}\r\n", NULL, false, APPEND_WHOLE, "a: 0(L)");
}

static void the_place_of_a_literal_is_known_when_it_is_announced(void **state)
{
	(void)state;
	assert_list("", "{", true, APPEND_AT_NAME, "");
	assert_list("a ", "{", true, APPEND_AT_MESSAGE, "a: 0()");
	assert_list("a  ( \\Seen )  ", "~", true, APPEND_AT_MESSAGE, "a: 1()");
	assert_list("a CATENATE ( URL x  TEXT  ", "{", true, APPEND_AT_MESSAGE, "a: 0(x)");
	assert_list("a (\\Seen) ", "~", true, APPEND_AT_MESSAGE, "a: 1()");
	assert_list("a {3}\r\n (\\Draft) ", "{", true, APPEND_AT_MESSAGE, "a: 0(L) 10()");
	assert_list("a CATENATE (URL x TEXT ", "{", true, APPEND_AT_MESSAGE, "a: 0(x)");
	assert_list("a CATENATE (TEXT {3}\r\n URL ", "{", true, APPEND_AT_URL, "a: 0(L)");
	assert_list("a CATENATE (URL x) ", "{", true, APPEND_AT_MESSAGE, "a: 0(x) 0()");
	assert_list("a UTF8 (", "~", true, APPEND_AT_MESSAGE, "a: 0()");
	assert_list("a CATENATE (UTF8 (", "~", true, APPEND_AT_MESSAGE, "a: 0()");
	assert_list("a UTF8 (", "{", true, APPEND_BAD, "");
	assert_list("a CATENATE (UTF8 (", "{", true, APPEND_BAD, "");
	assert_list("a CATENATE (", "{", true, APPEND_BAD, "");
	assert_list("a CATENATE (URL x ", "{", true, APPEND_BAD, "");
	assert_list("a {3}\r\n", "{", true, APPEND_BAD, "");
	assert_list("a {3}\r\n ", "{", false, APPEND_BAD, "");
	assert_list("a b", "{", true, APPEND_BAD, "");
	assert_list("a (\\Seen ", "{", true, APPEND_BAD, "");
}

static void their_number_has_a_limit(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct append_list list;
	struct parse parse;
	struct buf text;
	buf_init(&text, 1 << 20);
	buf_adds(&text, "a CATENATE (URL x");
	for (int i = 1; i < APPEND_PARTS_MAX; i++)
		buf_adds(&text, " URL x");
	buf_adds(&text, ")");
	parse_init(&parse, buf_strv(&text), arena);
	assert_int_equal(append_parse_list(&parse, NULL, true, &list), APPEND_WHOLE);
	assert_int_equal(list.part_count, APPEND_PARTS_MAX);
	text.len--;
	buf_adds(&text, " URL x)");
	parse_init(&parse, buf_strv(&text), arena);
	assert_int_equal(append_parse_list(&parse, NULL, true, &list), APPEND_BAD);
	buf_reset(&text);
	buf_adds(&text, "a");
	for (int i = 0; i <= APPEND_PARTS_MAX; i++)
		buf_adds(&text, " CATENATE (URL x)");
	parse_init(&parse, buf_strv(&text), arena);
	assert_int_equal(append_parse_list(&parse, NULL, true, &list), APPEND_BAD);
	buf_fini(&text);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_literals_or_made_of_pieces),
		cmocka_unit_test(wrong_ones),
		cmocka_unit_test(the_place_of_a_literal_is_known_when_it_is_announced),
		cmocka_unit_test(their_number_has_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
