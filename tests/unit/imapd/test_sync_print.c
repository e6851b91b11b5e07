#include "imapd/sync_print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define LINE_MAX_OCTETS 8192

static void an_empty_set_is_not_told(void **state)
{
	(void)state;
	struct seqset uids = SEQSET_EMPTY;
	struct buf out;
	buf_init(&out, 1000);
	sync_print_vanished(&out, &uids, false);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

static void earlier_has_its_own_form(void **state)
{
	(void)state;
	struct seqset uids = SEQSET_EMPTY;
	struct buf out;
	seqset_add_range(&uids, 3, 5);
	seqset_add(&uids, 9);
	buf_init(&out, 1000);
	sync_print_vanished(&out, &uids, false);
	sync_print_vanished(&out, &uids, true);
	assert_true(strv_eq(buf_strv(&out), STRV("* VANISHED 3:5,9\r\n* VANISHED (EARLIER) 3:5,9\r\n")));
	buf_fini(&out);
	seqset_fini(&uids);
}

/* Ranges of ten digits each: lines stay short, and together they tell the whole set once. */
static void many_ranges_are_told_in_lines_of_bounded_length(void **state)
{
	(void)state;
	struct seqset uids = SEQSET_EMPTY;
	struct seqset told = SEQSET_EMPTY;
	struct seqset line = SEQSET_EMPTY;
	struct buf out;
	size_t lines = 0;
	for (uint32_t i = 0; i < 1000; i++)
		seqset_add_range(&uids, 4000000000 + 4 * i, 4000000001 + 4 * i);
	buf_init(&out, 1000000);
	sync_print_vanished(&out, &uids, false);
	for (struct strv left = buf_strv(&out); left.n > 0; lines++) {
		size_t end = strv_index(left, '\n');
		struct strv text = strv_sub(left, 0, end - 1);
		assert_true(end < LINE_MAX_OCTETS);
		assert_true(strv_starts(text, STRV("* VANISHED ")));
		assert_int_equal(seqset_parse(&line, strv_sub(text, 11, text.n), 1000), RC_OK);
		for (size_t i = 0; i < line.n; i++)
			assert_false(seqset_contains(&told, line.v[i].lo));
		seqset_add_set(&told, &line);
		left = strv_sub(left, end + 1, left.n);
	}
	assert_true(lines > 1);
	assert_true(seqset_equal(&told, &uids));
	buf_fini(&out);
	seqset_fini(&uids);
	seqset_fini(&told);
	seqset_fini(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_set_is_not_told),
		cmocka_unit_test(earlier_has_its_own_form),
		cmocka_unit_test(many_ranges_are_told_in_lines_of_bounded_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
