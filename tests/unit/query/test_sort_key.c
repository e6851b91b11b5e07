#include "query/sort_key.h"

#include "base/mem.h"
#include "imap/sort_program.h"
#include "store/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool parse_program(const char *text, struct sort_program *program)
{
	struct arena *arena = arena_new(0);
	struct parse parse;
	parse_init(&parse, strv_cstr(text), arena);
	bool ok = sort_program_parse(&parse, program) && parse_end(&parse);
	assert_true(ok || parse.error);
	arena_free(&arena);
	return ok;
}

static void programs_are_read(void **state)
{
	(void)state;
	struct sort_program program;
	assert_true(parse_program("(date reverse Subject ARRIVAL)", &program));
	assert_int_equal(program.n, 3);
	assert_int_equal(program.v[0].what, SORT_DATE);
	assert_false(program.v[0].reverse);
	assert_int_equal(program.v[1].what, SORT_SUBJECT);
	assert_true(program.v[1].reverse);
	assert_int_equal(program.v[2].what, SORT_ARRIVAL);
	assert_true(program.sent && program.envelope);
	assert_false(sort_program_is_memory(&program));
	assert_true(parse_program("(REVERSE SIZE ARRIVAL)", &program));
	assert_true(sort_program_is_memory(&program));
}

static void what_comes_again_decides_nothing(void **state)
{
	(void)state;
	struct sort_program program;
	struct buf text;
	assert_true(parse_program("(DATE SIZE REVERSE DATE DATE REVERSE SIZE)", &program));
	assert_int_equal(program.n, 2);
	assert_false(program.v[0].reverse);
	/* However many there are. */
	buf_init(&text, 1000000);
	buf_addc(&text, '(');
	for (int i = 0; i < 10000; i++)
		buf_adds(&text, i % 2 ? "REVERSE FROM " : "DISPLAYTO ");
	buf_adds(&text, "CC TO DISPLAYFROM RELEVANCY SUBJECT ARRIVAL DATE SIZE)");
	buf_addc(&text, '\0');
	assert_true(parse_program(text.p, &program));
	assert_int_equal(program.n, SORT_CRITERIA_MAX);
	buf_fini(&text);
}

static void what_is_no_program_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = { "", "()", "DATE", "(DATE", "DATE)", "(REVERSE)", "(REVERSE )",
		"(REVERSE REVERSE DATE)", "(DATES)", "(BCC)", "((DATE))", "(\"DATE\")" };
	struct sort_program program;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (parse_program(wrong[i], &program))
			fail_msg("taken: %s", wrong[i]);
}

static struct strv base_of(struct sort_scratch *scratch, const char *subject)
{
	bool reply;
	return sort_base_subject(scratch, strv_cstr(subject), &reply);
}

static void subjects_are_decoded_first_and_mapped_last(void **state)
{
	(void)state;
	struct sort_scratch scratch;
	sort_scratch_init(&scratch);
	assert_true(strv_eq(base_of(&scratch, "Re: hello"), STRV("HELLO")));
	assert_true(strv_eq(base_of(&scratch, "=?utf-8?q?Re=3A?= =?utf-8?q?_h=C3=A9llo_=28fwd=29?="),
		STRV("HE\xcc\x81LLO")));
	assert_true(strv_eq(base_of(&scratch, "=?koi8-r?b?8NLJ18XU?="),
		base_of(&scratch, "=?utf-8?b?0J/RgNC40LLQtdGC?=")));
	assert_int_equal(base_of(&scratch, "Re: ").n, 0);
	assert_int_equal(base_of(&scratch, "").n, 0);
	sort_scratch_fini(&scratch);
}

static void what_cannot_be_converted_comes_after_all_that_can(void **state)
{
	(void)state;
	struct sort_scratch scratch;
	sort_scratch_init(&scratch);
	struct strv odd = base_of(&scratch, "Re: =?x-none?q?abc=FF?=");
	assert_true(strv_eq(odd, STRV("\xff"
				      "abc\xff")));
	assert_true(strv_eq(base_of(&scratch, "caf\xe9"), STRV("\xff"
							       "caf\xe9")));
	/* An empty word gives an empty text. */
	assert_int_equal(base_of(&scratch, "Re: =?x-none?q?"
					   "?=")
				 .n,
		0);
	sort_scratch_fini(&scratch);
}

static void long_texts_are_cut_and_still_told_apart(void **state)
{
	(void)state;
	struct sort_scratch scratch;
	char a[5001];
	char b[5001];
	memset(a, 'a', 5000);
	memset(b, 'a', 5000);
	a[5000] = b[5000] = '\0';
	b[4999] = 'b';
	sort_scratch_init(&scratch);
	char *first = mem_strndup(base_of(&scratch, a).p, SORT_TEXT_MAX + 16);
	assert_int_equal(base_of(&scratch, a).n, SORT_TEXT_MAX + 16);
	assert_memory_equal(base_of(&scratch, a).p, first, SORT_TEXT_MAX + 16);
	assert_memory_not_equal(base_of(&scratch, b).p, first, SORT_TEXT_MAX + 16);
	a[SORT_TEXT_MAX + 1] = '\0';
	assert_int_equal(base_of(&scratch, a).n, SORT_TEXT_MAX + 16);
	a[SORT_TEXT_MAX] = '\0';
	assert_int_equal(base_of(&scratch, a).n, SORT_TEXT_MAX);
	a[SORT_TEXT_MAX - 1] = '\0';
	assert_int_equal(base_of(&scratch, a).n, SORT_TEXT_MAX - 1);
	free(first);
	sort_scratch_fini(&scratch);
}

static void a_missing_date_is_that_of_arrival(void **state)
{
	(void)state;
	struct msg_row row = { .internaldate = 5 };
	struct msg_cached cached = { .sent_date = INT64_MIN };
	assert_int_equal(sort_sent_date(&row, &cached), 5);
	cached.sent_date = -7;
	assert_int_equal(sort_sent_date(&row, &cached), -7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_read),
		cmocka_unit_test(what_comes_again_decides_nothing),
		cmocka_unit_test(what_is_no_program_is_refused),
		cmocka_unit_test(subjects_are_decoded_first_and_mapped_last),
		cmocka_unit_test(what_cannot_be_converted_comes_after_all_that_can),
		cmocka_unit_test(long_texts_are_cut_and_still_told_apart),
		cmocka_unit_test(a_missing_date_is_that_of_arrival),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
