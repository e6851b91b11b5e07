#include "mime/summary.h"

#include "mime_test.h"

static void assert_nstring(struct strv v, const char *expected)
{
	struct buf out;
	buf_init(&out, 1000);
	mime_nstring_print(&out, v);
	test_buf_is(&out, expected);
}

static void strings_are_quoted(void **state)
{
	(void)state;
	assert_nstring(STRV_NULL, "NIL");
	assert_nstring(STRV(""), "\"\"");
	assert_nstring(STRV("a b\t\x01\x7f"), "\"a b\t\x01\x7f\"");
	assert_nstring(STRV("\"a\\b\""), "\"\\\"a\\\\b\\\"\"");
}

static void what_cannot_be_quoted_is_a_literal(void **state)
{
	(void)state;
	assert_nstring(STRV("\xc3\xb6\""), "{3}\r\n\xc3\xb6\"");
	assert_nstring(STRV("a\r"), "{2}\r\na\r");
	assert_nstring(STRV("a\n"), "{2}\r\na\n");
}

static void nul_never_goes_out(void **state)
{
	(void)state;
	assert_nstring(STRV("a\0b"), "{3}\r\na\x80"
				     "b");
}

static void a_full_buffer_is_noticed(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 6);
	mime_nstring_print(&out, STRV("\xff\xff\xff"));
	assert_false(buf_ok(&out));
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_quoted),
		cmocka_unit_test(what_cannot_be_quoted_is_a_literal),
		cmocka_unit_test(nul_never_goes_out),
		cmocka_unit_test(a_full_buffer_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
