#include "lmtp/line.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* Feeds in pieces of `step` octets, as a connection does: what is not used stays. Prints what comes out. */
static void feed(struct strv in, size_t step, struct buf *out)
{
	struct lmtp_line_reader reader;
	size_t at = 0, have = 0;

	lmtp_line_init(&reader);
	while (have < in.n) {
		have = have + step < in.n ? have + step : in.n;
		for (size_t used = 1; used > 0 && at < have; at += used) {
			enum lmtp_line_result result;
			struct strv line = STRV_NULL;
			used = lmtp_line_take(&reader, strv_sub(in, at, have - at), &result, &line);
			if (result == LMTP_LINE_TAKEN)
				buf_printf(out, "[%.*s]", STRV_ARG(line));
			else if (result == LMTP_LINE_TOO_LONG)
				buf_adds(out, "!");
			else if (result == LMTP_LINE_CONTROL)
				buf_adds(out, "?");
		}
	}
}

static void assert_lines(struct strv in, const char *expected)
{
	struct buf out;

	buf_init(&out, 1024 * 1024);
	for (size_t step = 1; step <= in.n; step = step < 20 ? step + 1 : 2 * step) {
		buf_reset(&out);
		feed(in, step, &out);
		buf_addc(&out, '\0');
		assert_string_equal(out.p, expected);
	}
	buf_fini(&out);
}

static void lines_end_with_crlf_or_lf_wherever_the_input_is_cut(void **state)
{
	(void)state;
	assert_lines(STRV("NOOP\r\nRSET\n\r\n\nQUIT\r\nrest"), "[NOOP][RSET][][][QUIT]");
}

static void nul_and_bare_cr_are_refused(void **state)
{
	(void)state;
	assert_lines(STRV("NO\0OP\r\nA\rB\r\n\r\r\nC\r\n"), "???[C]");
}

static struct strv long_line(char *room, size_t n, const char *tail)
{
	memset(room, 'x', n);
	memcpy(room + n, tail, strlen(tail));
	return strv_make(room, n + strlen(tail));
}

static void a_line_has_a_maximum(void **state)
{
	char *room = malloc(3 * LMTP_LINE_MAX + 100), expected[LMTP_LINE_MAX + 100];

	(void)state;
	for (size_t n = LMTP_LINE_MAX - 1; n <= LMTP_LINE_MAX; n++) {
		struct strv in = long_line(room, n, "\nNOOP\n");
		snprintf(expected, sizeof(expected), "[%.*s][NOOP]", (int)n, room);
		assert_lines(in, expected);
	}
	assert_lines(long_line(room, LMTP_LINE_MAX + 1, "\nNOOP\n"), "![NOOP]");
	/* The CR counts. */
	assert_lines(long_line(room, LMTP_LINE_MAX, "\r\nNOOP\r\n"), "![NOOP]");
	free(room);
}

static void a_line_that_is_too_long_is_told_once_and_skipped(void **state)
{
	char *room = malloc(3 * LMTP_LINE_MAX + 100);

	(void)state;
	assert_lines(long_line(room, 3 * LMTP_LINE_MAX, "\r\nNOOP\r\n\r\n"), "![NOOP][]");
	assert_lines(long_line(room, 3 * LMTP_LINE_MAX, ""), "!");
	free(room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_with_crlf_or_lf_wherever_the_input_is_cut),
		cmocka_unit_test(nul_and_bare_cr_are_refused),
		cmocka_unit_test(a_line_has_a_maximum),
		cmocka_unit_test(a_line_that_is_too_long_is_told_once_and_skipped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
