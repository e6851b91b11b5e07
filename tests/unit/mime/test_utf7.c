#include "mime/utf7.h"

#include "mime_test.h"

#define BAD "\xef\xbf\xbd"

static void assert_utf7(struct strv in, const char *expected)
{
	for (size_t step = 1; step <= in.n; step++) {
		struct utf7 utf7 = { .shifted = false };
		struct buf out;
		buf_init(&out, 1000);
		for (size_t i = 0; i < in.n; i += step)
			utf7_feed(&utf7, strv_sub(in, i, step), &out);
		utf7_finish(&utf7, &out);
		assert_false(utf7.shifted);
		test_buf_is(&out, expected);
	}
}

static void the_examples_of_rfc_2152_are_read(void **state)
{
	(void)state;
	assert_utf7(STRV("A+ImIDkQ."), "A\xe2\x89\xa2\xce\x91.");
	assert_utf7(STRV("Hi Mom -+Jjo--!"), "Hi Mom -\xe2\x98\xba-!");
	assert_utf7(STRV("+ZeVnLIqe-"), "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
	assert_utf7(STRV("Item 3 is +AKM-1."), "Item 3 is \xc2\xa3"
					       "1.");
	assert_utf7(STRV("1 +- 2 +2D3eAA-"), "1 + 2 \xf0\x9f\x98\x80");
	assert_utf7(STRV("+AGE b"), "a b");
}

static void invalid_input_is_replaced_and_passed(void **state)
{
	(void)state;
	assert_utf7(STRV("a\xff"
			 "b"),
		"a" BAD "b");
	assert_utf7(STRV("+PY-rg"), BAD "rg");
	assert_utf7(STRV("+"), "");
	assert_utf7(STRV("+A"), BAD);
	assert_utf7(STRV("+ b"), " b");
	/* Half a pair: at the end, before another character, and the second half alone. */
	assert_utf7(STRV("+2D0-x"), BAD "x");
	assert_utf7(STRV("+2D0AYQ-"), BAD "a");
	assert_utf7(STRV("+3gA-"), BAD);
	assert_utf7(STRV("+2D3YPd4A-"), BAD "\xf0\x9f\x98\x80");
}

/* Each border of UTF-8 and of the surrogates; the spellings are those of Python's codec. */
static void characters_at_the_borders_are_read(void **state)
{
	static const struct {
		struct strv utf7;
		const char *utf8;
	} cases[] = {
		{ STRV("+AH8-"), "\x7f" }, /* U+007F */
		{ STRV("+AIA-"), "\xc2\x80" }, /* U+0080 */
		{ STRV("+AP8-"), "\xc3\xbf" }, /* U+00FF */
		{ STRV("+AQA-"), "\xc4\x80" }, /* U+0100 */
		{ STRV("+B/8-"), "\xdf\xbf" }, /* U+07FF */
		{ STRV("+CAA-"), "\xe0\xa0\x80" }, /* U+0800 */
		{ STRV("+D/8-"), "\xe0\xbf\xbf" }, /* U+0FFF */
		{ STRV("+EAA-"), "\xe1\x80\x80" }, /* U+1000 */
		{ STRV("+1/8-"), "\xed\x9f\xbf" }, /* U+D7FF */
		{ STRV("+4AA-"), "\xee\x80\x80" }, /* U+E000 */
		{ STRV("+//0-"), "\xef\xbf\xbd" }, /* U+FFFD */
		{ STRV("+//8-"), "\xef\xbf\xbf" }, /* U+FFFF */
		{ STRV("+2ADcAA-"), "\xf0\x90\x80\x80" }, /* U+10000 */
		{ STRV("+2ADf/w-"), "\xf0\x90\x8f\xbf" }, /* U+103FF */
		{ STRV("+2AHcAA-"), "\xf0\x90\x90\x80" }, /* U+10400 */
		{ STRV("+2D/f/w-"), "\xf0\x9f\xbf\xbf" }, /* U+1FFFF */
		{ STRV("+2EDcAA-"), "\xf0\xa0\x80\x80" }, /* U+20000 */
		{ STRV("+2L/f/w-"), "\xf0\xbf\xbf\xbf" }, /* U+3FFFF */
		{ STRV("+2MDcAA-"), "\xf1\x80\x80\x80" }, /* U+40000 */
		{ STRV("+2b/f/w-"), "\xf1\xbf\xbf\xbf" }, /* U+7FFFF */
		{ STRV("+2cDcAA-"), "\xf2\x80\x80\x80" }, /* U+80000 */
		{ STRV("+27/f/w-"), "\xf3\xbf\xbf\xbf" }, /* U+FFFFF */
		{ STRV("+28DcAA-"), "\xf4\x80\x80\x80" }, /* U+100000 */
		{ STRV("+2/7f/w-"), "\xf4\x8f\xaf\xbf" }, /* U+10FBFF */
		{ STRV("+2//cAA-"), "\xf4\x8f\xb0\x80" }, /* U+10FC00 */
		{ STRV("+2//f/w-"), "\xf4\x8f\xbf\xbf" }, /* U+10FFFF */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_utf7(cases[i].utf7, cases[i].utf8);
}

static void each_digit_has_its_value(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	(void)state;
	for (unsigned value = 1; value < 64; value++) {
		char in[] = { '+', 'A', digits[value], 'A', '-' };
		unsigned c = value << 4;
		char two[] = { (char)(0xc0 | c >> 6), (char)(0x80 | (c & 63)), '\0' };
		char one[] = { (char)c, '\0' };
		assert_utf7(strv_make(in, sizeof(in)), c < 0x80 ? one : two);
	}
	/* Characters next to the digits in ASCII end them. */
	for (const char *p = "@[`{.:*,"; *p; p++) {
		char in[] = { '+', 'A', 'G', 'E', *p };
		char expected[] = { 'a', *p, '\0' };
		assert_utf7(strv_make(in, sizeof(in)), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_at_the_borders_are_read),
		cmocka_unit_test(each_digit_has_its_value),
		cmocka_unit_test(the_examples_of_rfc_2152_are_read),
		cmocka_unit_test(invalid_input_is_replaced_and_passed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
