#include "imap/objectid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void ids_are_read_as_they_are_written(void **state)
{
	(void)state;
	struct buf out;
	uint32_t epoch = 0;
	int64_t blob = 0;
	uint64_t thread = 0;
	buf_init(&out, OBJECTID_MAX);
	objectid_email(&out, UINT32_MAX, INT64_MAX);
	assert_true(objectid_read_email(buf_strv(&out), &epoch, &blob));
	assert_int_equal(epoch, UINT32_MAX);
	assert_true(blob == INT64_MAX);
	buf_reset(&out);
	objectid_thread(&out, 0x1234567890abcdefU);
	assert_true(strv_eq(buf_strv(&out), STRV("T1234567890abcdef")));
	assert_true(objectid_read_thread(buf_strv(&out), &thread));
	assert_true(thread == 0x1234567890abcdefU);
	buf_reset(&out);
	objectid_mailbox(&out, 77);
	assert_true(strv_eq(buf_strv(&out), STRV("F77")));
	assert_true(buf_ok(&out));
	buf_fini(&out);
}

static void others_are_nobodys(void **state)
{
	(void)state;
	static const char *const emails[] = { "", "M", "M1", "M1-", "M-1", "M01-1", "M1-01", "M1-1x", "m1-1",
		"M4294967296-1", "M1-9223372036854775808", "T1-1", "M1--1", "M0-1", "M1-0" };
	static const char *const threads[] = { "", "T", "T123", "T1234567890abcdeF", "T1234567890abcdefa",
		"M1234567890abcdef", "T1234567890abcde-" };
	uint32_t epoch;
	int64_t blob;
	uint64_t thread;
	for (size_t i = 0; i < sizeof(emails) / sizeof(emails[0]); i++)
		if (objectid_read_email(strv_cstr(emails[i]), &epoch, &blob))
			fail_msg("taken: %s", emails[i]);
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++)
		if (objectid_read_thread(strv_cstr(threads[i]), &thread))
			fail_msg("taken: %s", threads[i]);
}

static bool takes(const char *text)
{
	struct arena *arena = arena_new(0);
	struct parse parse;
	struct strv id = STRV_NULL;
	char *copy = malloc(strlen(text) + 1);
	memcpy(copy, text, strlen(text));
	parse_init(&parse, strv_make(copy, strlen(text)), arena);
	bool ok = objectid_parse(&parse, &id) && parse_end(&parse);
	assert_true(ok || parse.error);
	free(copy);
	arena_free(&arena);
	return ok;
}

static void the_syntax_is_that_of_the_rfc(void **state)
{
	(void)state;
	char longest[OBJECTID_SYNTAX_MAX + 2];
	assert_true(takes("M6d99ac3275bb4e"));
	assert_true(takes("a-b_C9"));
	assert_true(takes("-"));
	assert_false(takes(""));
	assert_false(takes("a.b"));
	assert_false(takes("\"a\""));
	assert_false(takes("(a)"));
	assert_false(takes("a+b"));
	memset(longest, 'x', sizeof(longest));
	for (size_t n = OBJECTID_SYNTAX_MAX - 1; n <= OBJECTID_SYNTAX_MAX + 1; n++) {
		longest[n] = '\0';
		assert_int_equal(takes(longest), n <= OBJECTID_SYNTAX_MAX);
		longest[n] = 'x';
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_read_as_they_are_written),
		cmocka_unit_test(others_are_nobodys),
		cmocka_unit_test(the_syntax_is_that_of_the_rfc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
