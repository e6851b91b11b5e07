#include "mime/decode.h"

#include "base/str.h"
#include "mime_test.h"

static void assert_maps(struct strv text, const char *expected)
{
	struct buf out;
	buf_init(&out, 10000);
	mime_casemap(&out, text);
	test_buf_is(&out, expected);
}

static void ascii_becomes_upper_case(void **state)
{
	(void)state;
	assert_maps(STRV("aZ19{}@`"), "AZ19{}@`");
	assert_maps(STRV_NULL, "");
}

static void letters_are_title_cased_and_decomposed(void **state)
{
	(void)state;
	/* Small and capital, composed and decomposed are one. */
	assert_maps(STRV("j\xc3\xb6rg"), "JO\xcc\x88RG");
	assert_maps(STRV("J\xc3\x96RG"), "JO\xcc\x88RG");
	assert_maps(STRV("JO\xcc\x88rg"), "JO\xcc\x88RG");
	assert_maps(STRV("\xce\xb1\xd0\xb6"), "\xce\x91\xd0\x96");
	/* Simple mapping only: sharp s has no title case of one character. */
	assert_maps(STRV("\xc3\x9f"), "\xc3\x9f");
	/* Compatibility: ligature fi, full width a, the dz letters. */
	assert_maps(STRV("\xef\xac\x81"), "fi");
	assert_maps(STRV("\xef\xbd\x81"), "A");
	assert_maps(STRV("\xc7\x86"), "Dz\xcc\x8c");
	assert_maps(STRV("\xc7\x84"), "Dz\xcc\x8c");
}

static void hangul_syllables_stay_whole(void **state)
{
	(void)state;
	assert_maps(STRV("\xea\xb0\x80\xed\x9e\xa3"), "\xea\xb0\x80\xed\x9e\xa3");
}

static void invalid_octets_are_replaced(void **state)
{
	(void)state;
	assert_maps(STRV("a\xff"
			 "b\xc3"),
		"A\xef\xbf\xbd"
		"B\xef\xbf\xbd");
	struct buf out;
	buf_init(&out, 100);
	mime_casemap(&out, STRV("a\0b"));
	assert_true(strv_eq(buf_strv(&out), STRV("A\0B")));
	buf_fini(&out);
}

static void every_character_gives_valid_text(void **state)
{
	(void)state;
	struct buf once;
	buf_init(&once, 1000);
	for (uint32_t c = 0x80; c < 0x30000; c++) {
		char text[4];
		size_t n = 0;
		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		if (c < 0x800)
			text[n++] = (char)(unsigned char)(0xc0 | c >> 6);
		else if (c < 0x10000)
			text[n++] = (char)(unsigned char)(0xe0 | c >> 12);
		else
			text[n++] = (char)(unsigned char)(0xf0 | c >> 18);
		if (c >= 0x10000)
			text[n++] = (char)(unsigned char)(0x80 | (c >> 12 & 63));
		if (c >= 0x800)
			text[n++] = (char)(unsigned char)(0x80 | (c >> 6 & 63));
		text[n++] = (char)(unsigned char)(0x80 | (c & 63));
		buf_reset(&once);
		mime_casemap(&once, strv_make(text, n));
		assert_true(once.len > 0 && buf_ok(&once));
		assert_true(str_utf8_valid(buf_strv(&once)));
	}
	buf_fini(&once);
}

static void substrings_stay_substrings(void **state)
{
	(void)state;
	struct buf whole;
	struct buf part;
	buf_init(&whole, 1000);
	buf_init(&part, 1000);
	mime_casemap(&whole, STRV("Gr\xc3\xbc\xc3\x9f"
				  "e aus K\xc3\xb6ln"));
	mime_casemap(&part, STRV("\xc3\x9c\xc3\x9f"
				 "E AUS k\xc3\x96"));
	assert_non_null(memmem(whole.p, whole.len, part.p, part.len));
	buf_fini(&whole);
	buf_fini(&part);
}

static void a_full_buffer_is_noticed(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 3);
	mime_casemap(&out, STRV("abcd\xc3\xb6xyz"));
	assert_false(buf_ok(&out));
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ascii_becomes_upper_case),
		cmocka_unit_test(letters_are_title_cased_and_decomposed),
		cmocka_unit_test(hangul_syllables_stay_whole),
		cmocka_unit_test(invalid_octets_are_replaced),
		cmocka_unit_test(every_character_gives_valid_text),
		cmocka_unit_test(substrings_stay_substrings),
		cmocka_unit_test(a_full_buffer_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
