#include "imap/lex.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TRANSCRIPT_MAX (1024 * 1024)

enum policy { KEEP, STREAM, REFUSE };

struct feeder {
	size_t line_max;
	size_t literal_max;
	enum policy policy;
};

/* Prints the assembler's events as text that does not depend on how the bytes are cut. */
static void feed_piece(struct lex *lex, const struct feeder *feeder, struct strv in, struct buf *out)
{
	for (;;) {
		struct strv bytes = STRV_NULL;
		switch (lex_feed(lex, &in, &bytes)) {
		case LEX_MORE:
			assert_int_equal(in.n, 0);
			return;
		case LEX_COMMAND:
			buf_printf(out, "<%.*s>", STRV_ARG(lex_command(lex)));
			lex_next_command(lex);
			break;
		case LEX_LITERAL:
			buf_printf(out, "[%s%llu%s@%zu]", lex_literal(lex)->binary ? "~" : "",
				(unsigned long long)lex_literal(lex)->size,
				lex_literal(lex)->kind == LEX_NONSYNC ? "+" : "", lex_literal(lex)->offset);
			if (feeder->policy == KEEP && lex_accept(lex))
				break;
			if (feeder->policy == STREAM && lex_stream(lex))
				break;
			buf_adds(out, "refused;");
			lex_refuse(lex);
			break;
		case LEX_STREAM:
			buf_addv(out, bytes);
			break;
		case LEX_STREAM_END:
			buf_adds(out, ";end;");
			break;
		case LEX_TOO_LONG:
			buf_printf(out, "(long %.*s)", STRV_ARG(strv_sub(lex_command(lex), 0, 4)));
			break;
		case LEX_BAD:
			buf_printf(out, "(bad %.*s)", STRV_ARG(strv_sub(lex_command(lex), 0, 2)));
			break;
		}
	}
}

static char *feed_cut(const struct feeder *feeder, struct strv in, size_t first, size_t step)
{
	struct lex lex;
	struct buf out;
	lex_init(&lex, feeder->line_max, feeder->literal_max);
	buf_init(&out, TRANSCRIPT_MAX);
	/* Each piece is a copy of its own: what was kept must not point into the input. */
	size_t at = 0;
	while (at < in.n) {
		size_t n = at == 0 ? first : step;
		struct strv piece = strv_sub(in, at, n);
		char *copy = mem_strndup(piece.p, piece.n);
		feed_piece(&lex, feeder, strv_make(copy, piece.n), &out);
		free(copy);
		at += piece.n;
	}
	assert_true(buf_ok(&out));
	buf_addc(&out, '\0');
	char *text = mem_strndup(out.p, out.len);
	buf_fini(&out);
	lex_fini(&lex);
	return text;
}

/* Whole, byte by byte, and cut in two at every place. */
static void assert_fed(const struct feeder *feeder, struct strv in, const char *expected)
{
	char *text = feed_cut(feeder, in, in.n, in.n);
	assert_string_equal(text, expected);
	free(text);
	text = feed_cut(feeder, in, 1, 1);
	assert_string_equal(text, expected);
	free(text);
	for (size_t cut = 1; cut < in.n; cut++) {
		text = feed_cut(feeder, in, cut, in.n);
		assert_string_equal(text, expected);
		free(text);
	}
}

static const struct feeder keep = { .line_max = 64, .literal_max = 16, .policy = KEEP };
static const struct feeder stream = { .line_max = 64, .literal_max = 16, .policy = STREAM };
static const struct feeder refuse = { .line_max = 64, .literal_max = 16, .policy = REFUSE };

static void a_line_is_a_command(void **state)
{
	(void)state;
	assert_fed(&keep, STRV("a NOOP\r\n"), "<a NOOP>");
	assert_fed(&keep, STRV("a NOOP\r\nb NOOP\r\n\r\nc X\r\n"), "<a NOOP><b NOOP><><c X>");
}

static void a_bare_line_feed_ends_a_line_too(void **state)
{
	(void)state;
	assert_fed(&keep, STRV("a NOOP\nb NOOP\r\n"), "<a NOOP><b NOOP>");
}

static void a_kept_literal_stands_in_the_command(void **state)
{
	(void)state;
	assert_fed(&keep, STRV("a L {3}\r\nx\0y {2}\r\nzz\r\n"), "[3@4][2@13]<a L {3}\r\nx>");
	assert_fed(&keep, STRV("a L {3+}\r\nx\ny z\r\nb N\r\n"), "[3+@4]<a L {3+}\r\nx\ny z><b N>");
	assert_fed(&keep, STRV("a L ~{1}\r\nx\r\n"), "[~1@4]<a L ~{1}\r\nx>");
}

static void an_empty_literal_is_no_end(void **state)
{
	(void)state;
	assert_fed(&keep, STRV("a L {0}\r\n {0+}\r\n\r\n"), "[0@4][0+@10]<a L {0}\r\n {0+}\r\n>");
	assert_fed(&stream, STRV("a L {0}\r\n\r\n"), "[0@4];end;<a L {0}\r\n>");
}

static void literal_bytes_that_look_like_a_literal_are_none(void **state)
{
	(void)state;
	assert_fed(&keep, STRV("a L {5}\r\nx {9}\r\n"), "[5@4]<a L {5}\r\nx {9}>");
}

static void what_only_looks_like_a_literal_is_none(void **state)
{
	(void)state;
	assert_fed(&keep, STRV("a {}\r\n"), "<a {}>");
	assert_fed(&keep, STRV("a {+}\r\n"), "<a {+}>");
	assert_fed(&keep, STRV("a 3}\r\n"), "<a 3}>");
	assert_fed(&keep, STRV("a {3} \r\n"), "<a {3} >");
	assert_fed(&keep, STRV("a {3++}\r\n"), "<a {3++}>");
	assert_fed(&keep, STRV("a {-3}\r\n"), "<a {-3}>");
}

static void a_streamed_literal_is_handed_on(void **state)
{
	(void)state;
	assert_fed(&stream, STRV("a A {40}\r\n0123456789012345678901234567890123456789 (x)\r\nb N\r\n"),
		"[40@4]0123456789012345678901234567890123456789;end;<a A {40}\r\n (x)><b N>");
}

static void a_refused_synchronising_literal_ends_its_command(void **state)
{
	(void)state;
	assert_fed(&refuse, STRV("a A {40}\r\nb N\r\n"), "[40@4]refused;<b N>");
}

static void a_refused_non_synchronising_literal_is_skipped_with_its_line(void **state)
{
	(void)state;
	assert_fed(&refuse, STRV("a A {8+}\r\nb N\r\nc N rest\r\nd N\r\n"), "[8+@4]refused;<d N>");
	assert_fed(&refuse, STRV("a A {0+}\r\nrest\r\nd N\r\n"), "[0+@4]refused;<d N>");
	/* Further literals of the same command go too. */
	assert_fed(&refuse, STRV("a A {3+}\r\nb N {4+}\r\nc N\n x\r\nd N\r\n"), "[3+@4]refused;<d N>");
	/* A synchronising one is not coming: the command is answered. */
	assert_fed(&refuse, STRV("a A {3+}\r\nb N {4}\r\nd N\r\n"), "[3+@4]refused;<d N>");
}

static void literals_beyond_the_limit_are_not_accepted(void **state)
{
	(void)state;
	assert_fed(&keep, STRV("a {16}\r\n0123456789abcdef\r\n"), "[16@2]<a {16}\r\n0123456789abcdef>");
	assert_fed(&keep, STRV("a {17}\r\nb N\r\n"), "[17@2]refused;<b N>");
	/* All of one command together. */
	assert_fed(&keep, STRV("a {9}\r\n012345678 {8}\r\nb N\r\n"), "[9@2][8@17]refused;<b N>");
	/* Larger than any number. */
	assert_fed(&keep, STRV("a {99999999999999999999999}\r\nb N\r\n"),
		"[18446744073709551615@2]refused;<b N>");
}

static void too_many_kept_literals_are_not_accepted(void **state)
{
	(void)state;
	const struct feeder feeder = { .line_max = 100000, .literal_max = 16, .policy = KEEP };
	struct buf in;
	buf_init(&in, 100000);
	buf_adds(&in, "a");
	for (int i = 0; i < LEX_KEPT_MAX + 1; i++)
		buf_adds(&in, " {0}\r\n");
	buf_adds(&in, "b N\r\n");
	char *text = feed_cut(&feeder, buf_strv(&in), in.len, in.len);
	assert_non_null(strstr(text, "refused;<b N>"));
	free(text);
	buf_fini(&in);
}

static void too_many_streamed_literals_are_not_accepted(void **state)
{
	(void)state;
	const struct feeder feeder = { .line_max = 100000, .literal_max = 16, .policy = STREAM };
	struct buf in;
	buf_init(&in, 100000);
	buf_adds(&in, "a");
	for (int i = 0; i < LEX_STREAMED_MAX + 1; i++)
		buf_adds(&in, " {0}\r\n");
	buf_adds(&in, "b N\r\n");
	char *text = feed_cut(&feeder, buf_strv(&in), in.len, in.len);
	assert_non_null(strstr(text, "refused;<b N>"));
	free(text);
	buf_fini(&in);
}

static void a_line_may_have_line_max_bytes(void **state)
{
	(void)state;
	const struct feeder feeder = { .line_max = 6, .literal_max = 16, .policy = KEEP };
	assert_fed(&feeder, STRV("a NOOP\r\nb NOOP\n"), "<a NOOP><b NOOP>");
	assert_fed(&feeder, STRV("a NOOPS\r\nb NOOP\r\n"), "(long a NO)<b NOOP>");
	assert_fed(&feeder, STRV("a NOOPS\nb NOOP\n"), "(long a NO)<b NOOP>");
	assert_fed(
		&feeder, STRV("a 0123456789012345678901234567890123456789\r\nb N\r\n"), "(long a 01)<b N>");
}

static void the_limit_counts_all_lines_of_a_command(void **state)
{
	(void)state;
	const struct feeder feeder = { .line_max = 8, .literal_max = 16, .policy = KEEP };
	assert_fed(&feeder, STRV("a {2}\r\nxx yy\r\n"), "[2@2]<a {2}\r\nxx yy>");
	assert_fed(&feeder, STRV("a {2}\r\nxx yyy\r\nb N\r\n"), "[2@2](long a {2)<b N>");
}

static void a_literal_behind_too_long_a_line_is_skipped(void **state)
{
	(void)state;
	const struct feeder feeder = { .line_max = 6, .literal_max = 16, .policy = KEEP };
	assert_fed(&feeder, STRV("a 01234567890123 {6+}\r\nx N\r\n) y\r\nb N\r\n"), "(long a 01)<b N>");
	assert_fed(&feeder, STRV("a 01234567890123 {6}\r\nb N\r\n"), "(long a 01)<b N>");
}

static void nul_and_bare_cr_spoil_a_line(void **state)
{
	(void)state;
	assert_fed(&keep, STRV("a N\0OP\r\nb N\r\n"), "(bad a )<b N>");
	assert_fed(&keep, STRV("a N\rOP\r\nb N\r\n"), "(bad a )<b N>");
	assert_fed(&keep, STRV("a N\r\r\nb N\r\n"), "(bad a )<b N>");
	assert_fed(&keep, STRV("a N\0OP {5+}\r\nb N\r\n\r\nc N\r\n"), "(bad a )<c N>");
}

static void raw_lines_have_no_literals(void **state)
{
	(void)state;
	struct lex lex;
	struct strv in = STRV("DONE{3}\r\nb NOOP\r\n");
	struct strv bytes;
	lex_init(&lex, 64, 16);
	lex_raw_line(&lex, true);
	assert_int_equal(lex_feed(&lex, &in, &bytes), LEX_COMMAND);
	assert_true(strv_eq(lex_command(&lex), STRV("DONE{3}")));
	/* The assembler reads nothing before the line is given up. */
	assert_int_equal(lex_feed(&lex, &in, &bytes), LEX_MORE);
	assert_int_equal(in.n, 8);
	lex_raw_line(&lex, false);
	lex_next_command(&lex);
	assert_int_equal(lex_feed(&lex, &in, &bytes), LEX_COMMAND);
	assert_true(strv_eq(lex_command(&lex), STRV("b NOOP")));
	lex_fini(&lex);
}

/* Feeds until the assembler wants more or says something. */
static enum lex_event feed(struct lex *lex, const char *text)
{
	struct strv in = strv_cstr(text);
	struct strv bytes;
	return lex_feed(lex, &in, &bytes);
}

static void an_abandoned_command_is_read_to_its_end(void **state)
{
	(void)state;
	struct lex lex;
	lex_init(&lex, 64, 16);
	/* The input ends in a streamed literal. */
	assert_int_equal(feed(&lex, "a A {10}\r\n"), LEX_LITERAL);
	assert_true(lex_stream(&lex));
	assert_int_equal(feed(&lex, "0123"), LEX_STREAM);
	lex_abandon(&lex);
	assert_int_equal(feed(&lex, "456789 rest\r\n"), LEX_MORE);
	assert_true(lex_idle(&lex));
	/* The input ends in a kept literal. */
	assert_int_equal(feed(&lex, "a A {10}\r\n"), LEX_LITERAL);
	assert_true(lex_accept(&lex));
	assert_int_equal(feed(&lex, "0123"), LEX_MORE);
	lex_abandon(&lex);
	assert_int_equal(feed(&lex, "456789 rest\r\n"), LEX_MORE);
	assert_true(lex_idle(&lex));
	/* Behind a literal, in the rest of its line. */
	assert_int_equal(feed(&lex, "a A {1}\r\n"), LEX_LITERAL);
	assert_true(lex_accept(&lex));
	assert_int_equal(feed(&lex, "0 re"), LEX_MORE);
	lex_abandon(&lex);
	assert_int_equal(feed(&lex, "st\r\n"), LEX_MORE);
	assert_true(lex_idle(&lex));
	/* While a literal is being asked for; and whole. */
	assert_int_equal(feed(&lex, "a A {1}\r\n"), LEX_LITERAL);
	lex_abandon(&lex);
	assert_true(lex_idle(&lex));
	assert_int_equal(feed(&lex, "a A\r\n"), LEX_COMMAND);
	lex_abandon(&lex);
	assert_true(lex_idle(&lex));
	lex_fini(&lex);
}

static void skipped_bytes_are_counted(void **state)
{
	(void)state;
	struct lex lex;
	lex_init(&lex, 4, 16);
	assert_int_equal(feed(&lex, "a 0123456789"), LEX_TOO_LONG);
	for (int i = 0; i < 10; i++)
		assert_int_equal(feed(&lex, "0123456789"), LEX_MORE);
	assert_int_equal(lex.skipped, 100);
	assert_true(lex.command.len <= LEX_MARK_MAX);
	assert_int_equal(feed(&lex, "\r\n"), LEX_MORE);
	assert_int_equal(feed(&lex, "b N\r\n"), LEX_COMMAND);
	lex_next_command(&lex);
	assert_int_equal(lex.skipped, 0);
	lex_fini(&lex);
}

static void memory_is_given_back_between_commands(void **state)
{
	(void)state;
	struct lex lex;
	char line[4096];
	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	lex_init(&lex, 65536, 16);
	assert_int_equal(feed(&lex, line), LEX_COMMAND);
	lex_next_command(&lex);
	assert_true(lex.command.cap <= LEX_KEEP_BYTES);
	lex_release(&lex);
	assert_int_equal(lex.command.cap, 0);
	lex_fini(&lex);
}

static void new_limits_hold_at_once(void **state)
{
	(void)state;
	struct lex lex;
	lex_init(&lex, 4, 4);
	lex_limits(&lex, 20, 10);
	assert_int_equal(feed(&lex, "a 01234567890 {9}\r\n"), LEX_LITERAL);
	assert_true(lex_accept(&lex));
	assert_int_equal(feed(&lex, "012345678\r\n"), LEX_COMMAND);
	lex_fini(&lex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_a_command),
		cmocka_unit_test(a_bare_line_feed_ends_a_line_too),
		cmocka_unit_test(a_kept_literal_stands_in_the_command),
		cmocka_unit_test(an_empty_literal_is_no_end),
		cmocka_unit_test(literal_bytes_that_look_like_a_literal_are_none),
		cmocka_unit_test(what_only_looks_like_a_literal_is_none),
		cmocka_unit_test(a_streamed_literal_is_handed_on),
		cmocka_unit_test(a_refused_synchronising_literal_ends_its_command),
		cmocka_unit_test(a_refused_non_synchronising_literal_is_skipped_with_its_line),
		cmocka_unit_test(literals_beyond_the_limit_are_not_accepted),
		cmocka_unit_test(too_many_kept_literals_are_not_accepted),
		cmocka_unit_test(too_many_streamed_literals_are_not_accepted),
		cmocka_unit_test(a_line_may_have_line_max_bytes),
		cmocka_unit_test(the_limit_counts_all_lines_of_a_command),
		cmocka_unit_test(a_literal_behind_too_long_a_line_is_skipped),
		cmocka_unit_test(nul_and_bare_cr_spoil_a_line),
		cmocka_unit_test(raw_lines_have_no_literals),
		cmocka_unit_test(an_abandoned_command_is_read_to_its_end),
		cmocka_unit_test(skipped_bytes_are_counted),
		cmocka_unit_test(memory_is_given_back_between_commands),
		cmocka_unit_test(new_limits_hold_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
