#include "imap/sort_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* NULL: the text was taken as a whole; else the error. */
static const char *read_program(const char *text, struct sort_program *ret_program)
{
	static char error[100];
	struct arena *arena = arena_new(0);
	struct parse parse;
	parse_init(&parse, strv_cstr(text), arena);
	bool ok = sort_program_parse(&parse, ret_program) && parse_end(&parse);
	snprintf(error, sizeof(error), "%s", parse.error ? parse.error : "syntax");
	arena_free(&arena);
	return ok ? NULL : error;
}

static void criteria_come_in_the_order_of_the_client(void **state)
{
	(void)state;
	struct sort_program program;
	assert_null(read_program("(REVERSE DATE Subject reverse arrival)", &program));
	assert_int_equal(program.n, 3);
	assert_int_equal(program.v[0].what, SORT_DATE);
	assert_true(program.v[0].reverse);
	assert_int_equal(program.v[1].what, SORT_SUBJECT);
	assert_false(program.v[1].reverse);
	assert_int_equal(program.v[2].what, SORT_ARRIVAL);
	assert_true(program.v[2].reverse);
}

static void a_criterion_that_comes_again_is_dropped(void **state)
{
	(void)state;
	struct sort_program program;
	assert_null(read_program("(SIZE REVERSE SIZE SIZE TO)", &program));
	assert_int_equal(program.n, 2);
	assert_false(program.v[0].reverse);
	assert_int_equal(program.v[1].what, SORT_TO);
}

static void all_criteria_fit_however_often_they_come(void **state)
{
	(void)state;
	struct sort_program program;
	assert_null(read_program(
		"(ARRIVAL CC DATE DISPLAYFROM DISPLAYTO FROM RELEVANCY SIZE SUBJECT TO ARRIVAL CC "
		"DATE DISPLAYFROM DISPLAYTO FROM RELEVANCY SIZE SUBJECT TO)",
		&program));
	assert_int_equal(program.n, SORT_CRITERIA_MAX);
	for (size_t i = 0; i < program.n; i++)
		assert_int_equal(program.v[i].what, i);
}

static void what_the_criteria_need_is_known(void **state)
{
	(void)state;
	struct sort_program program;
	assert_null(read_program("(ARRIVAL SIZE)", &program));
	assert_true(sort_program_is_memory(&program));
	assert_false(program.relevancy);
	assert_null(read_program("(RELEVANCY)", &program));
	assert_true(program.relevancy && sort_program_is_memory(&program));
	assert_null(read_program("(DATE)", &program));
	assert_true(program.sent && !program.envelope);
	assert_false(sort_program_is_memory(&program));
	assert_null(read_program("(SIZE CC)", &program));
	assert_true(program.envelope && !program.sent);
	assert_false(sort_program_is_memory(&program));
}

static void nonsense_is_refused_with_its_reason(void **state)
{
	(void)state;
	struct sort_program program;
	static const char *const wrong[] = { "", "()", "(", "DATE", "(REVERSE)", "(DATE",
		"(REVERSE REVERSE DATE)", "(DATE,SIZE)", "(DATES)", "((DATE))" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (!read_program(wrong[i], &program))
			fail_msg("taken: %s", wrong[i]);
	assert_string_equal(read_program("(WHEN)", &program), "Unknown sort criterion");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(criteria_come_in_the_order_of_the_client),
		cmocka_unit_test(a_criterion_that_comes_again_is_dropped),
		cmocka_unit_test(all_criteria_fit_however_often_they_come),
		cmocka_unit_test(what_the_criteria_need_is_known),
		cmocka_unit_test(nonsense_is_refused_with_its_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
