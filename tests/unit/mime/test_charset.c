#include "mime/decode.h"

#include "base/str.h"
#include "mime/charset_names.h"
#include "mime_test.h"

static void convert(struct buf *out, const char *name, struct strv in, size_t step)
{
	struct charset *charset = NULL;
	assert_int_equal(charset_open(strv_cstr(name), &charset), RC_OK);
	if (step == 0)
		step = in.n;
	for (size_t i = 0; i < in.n; i += step) {
		struct strv piece = strv_sub(in, i, step);
		char *copy = mem_alloc(piece.n);
		memcpy(copy, piece.p, piece.n);
		charset_feed(charset, strv_make(copy, piece.n), out);
		free(copy);
	}
	charset_finish(charset, out);
	charset_close(&charset);
	assert_null(charset);
}

static void assert_converts(const char *name, struct strv in, const char *expected)
{
	for (size_t step = 0; step <= in.n; step++) {
		struct buf out;
		buf_init(&out, 100000);
		convert(&out, name, in, step);
		assert_true(str_utf8_valid(buf_strv(&out)));
		test_buf_is(&out, expected);
	}
}

#define BAD "\xef\xbf\xbd"

static void texts_become_utf8_in_any_pieces(void **state)
{
	(void)state;
	assert_converts("utf-8", STRV("J\xc3\xb6rg \xf0\x9f\x98\x80"), "J\xc3\xb6rg \xf0\x9f\x98\x80");
	assert_converts("US-ASCII", STRV("plain"), "plain");
	assert_converts("iso-8859-1", STRV("J\xf6rg \x80"), "J\xc3\xb6rg \xe2\x82\xac");
	assert_converts("KOI8-R", STRV("\xf0\xd2"), "\xd0\x9f\xd1\x80");
	assert_converts("iso-2022-jp", STRV("\x1b$BF|K\\\x1b(B."), "\xe6\x97\xa5\xe6\x9c\xac.");
	assert_converts("shift_jis", STRV("\x93\xfa\x96\x7b"), "\xe6\x97\xa5\xe6\x9c\xac");
	assert_converts("gb2312", STRV("\xc4\xe3\xba\xc3"), "\xe4\xbd\xa0\xe5\xa5\xbd");
	assert_converts("GB18030", STRV("\x81\x30\x84\x36"), "\xc2\xa5");
	assert_converts("big5", STRV("\xa7\x41"), "\xe4\xbd\xa0");
	assert_converts("euc-kr", STRV("\xb0\xa1"), "\xea\xb0\x80");
	assert_converts("utf-7", STRV("a+APY-b"),
		"a\xc3\xb6"
		"b");
	assert_converts("unicode-1-1-utf-7", STRV("a+APY-b"),
		"a\xc3\xb6"
		"b");
	assert_converts("utf-16be", STRV("\0a\xd8\x3d\xde\0"), "a\xf0\x9f\x98\x80");
}

static void what_is_invalid_is_replaced(void **state)
{
	(void)state;
	assert_converts("utf-8",
		STRV("a\xff"
		     "b\xc3"),
		"a" BAD "b" BAD);
	assert_converts("utf-8", STRV("\xc0\x80\xed\xa0\x80"), BAD BAD BAD BAD BAD);
	assert_converts("iso-8859-1", STRV("\x81"), BAD);
	assert_converts("us-ascii", STRV("J\xf6rg"), "J" BAD "rg");
	assert_converts("utf-16le", STRV("a\0b"), "a" BAD);
}

static void every_listed_charset_can_be_opened(void **state)
{
	(void)state;
	static const char *const names[] = { "UTF-8", "utf8", "ASCII", "ANSI_X3.4-1968", "646", "UTF-7",
		"UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "LATIN1", "ISO-8859-2", "ISO-8859-3",
		"ISO-8859-4", "ISO-8859-5", "ISO-8859-6", "ISO-8859-7", "ISO-8859-8", "ISO-8859-8-I",
		"ISO-8859-9", "ISO-8859-10", "ISO-8859-11", "ISO-8859-13", "ISO-8859-14", "ISO-8859-15",
		"ISO-8859-16", "TIS-620", "WINDOWS-874", "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1252",
		"WINDOWS-1253", "WINDOWS-1254", "WINDOWS-1255", "WINDOWS-1256", "WINDOWS-1257",
		"WINDOWS-1258", "KOI8-R", "KOI8-U", "IBM437", "IBM850", "IBM852", "IBM855", "IBM866",
		"MACINTOSH", "X-MAC-CYRILLIC", "ISO-2022-JP", "EUC-JP", "SHIFT_JIS", "CP932", "ISO-2022-KR",
		"EUC-KR", "CP949", "GB2312", "GBK", "GB18030", "BIG5", "CP950", "BIG5-HKSCS", "KOI8-T",
		"IBM857", "IBM862", "CP858", "ARMSCII-8", "GEORGIAN-PS", "TCVN", "VISCII", "JOHAB", "EUC-TW",
		"ISO-2022-JP-2", "UTF-32LE", "GREEK",
		/* Spellings that occur in mail. */
		"utf_8", "iso_8859_1", "iso88591", "koi8r", "windows1251", "x-windows-1251", "x-gbk",
		"csISO2022JP", "gb_2312", "shift-jis", "eucjp", "big 5" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct charset *charset = NULL;
		assert_true(charset_known(strv_cstr(names[i])));
		if (charset_open(strv_cstr(names[i]), &charset) != RC_OK)
			fail_msg("%s cannot be opened", names[i]);
		charset_close(&charset);
	}
}

static void other_names_never_reach_iconv(void **state)
{
	(void)state;
	static const char *const names[] = { "", "x", "ISO-2022-CN-EXT", "UTF-8//TRANSLIT", "utf-8//IGNORE",
		"UTF-8/", "-", "x-", "cs", "utf+8", "IBM930", "ISO-2022-JP-3", "../../etc/passwd",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct charset *charset = NULL;
		assert_false(charset_known(strv_cstr(names[i])));
		assert_int_equal(charset_open(strv_cstr(names[i]), &charset), RC_NOT_FOUND);
		assert_null(charset);
		charset_close(&charset);
	}
}

/* Line: name, then 128 code points in hexadecimal. */
static void assert_single_byte(char *line)
{
	char *save = NULL;
	const char *name = strtok_r(line, " \n", &save);
	for (unsigned octet = 0x80; octet <= 0xff; octet++) {
		const char *hex = strtok_r(NULL, " \n", &save);
		/* A letter after it, for those that combine it with what follows. */
		char in[] = { (char)octet, 'x' };
		struct buf expected, out;
		assert_non_null(hex);
		if (*hex == '-')
			continue;
		buf_init(&expected, 16);
		buf_init(&out, 64);
		unsigned long c = strtoul(hex, NULL, 16);
		if (c >= 0x800)
			buf_addc(&expected, (char)(0xe0 | c >> 12));
		buf_addc(&expected, (char)(c >= 0x800 ? 0x80 | (c >> 6 & 63) : 0xc0 | c >> 6));
		buf_addc(&expected, (char)(0x80 | (c & 63)));
		buf_addc(&expected, 'x');
		convert(&out, name, strv_make(in, sizeof(in)), 1);
		if (!strv_eq(buf_strv(&out), buf_strv(&expected)))
			fail_msg("%s: octet %02x is not U+%s", name, octet, hex);
		buf_fini(&expected);
		buf_fini(&out);
	}
	assert_null(strtok_r(NULL, " \n", &save));
}

static void each_octet_of_a_single_byte_charset_has_its_character(void **state)
{
	(void)state;
	FILE *file = fopen("unit/mime/single_byte.txt", "r");
	char line[1024];
	unsigned count = 0;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#')
			continue;
		assert_single_byte(line);
		count++;
	}
	fclose(file);
	assert_int_equal(count, 39);
}

static void characters_at_the_borders_of_wide_charsets_are_read(void **state)
{
	(void)state;
	assert_converts("utf-8", STRV("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"),
		"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf");
	assert_converts(
		"utf-8", STRV("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	assert_converts("utf-8", STRV("\xf4\x90\x80\x80"), BAD BAD BAD BAD);
	assert_converts("utf-8", STRV("\xe0\x9f\xbf\xf0\x8f\xbf\xbf"), BAD BAD BAD BAD BAD BAD BAD);
	assert_converts("utf-7", STRV("+2L/f/w-+2MDcAA-+2//f/w-"),
		"\xf0\xbf\xbf\xbf\xf1\x80\x80\x80\xf4\x8f\xbf\xbf");
	assert_converts("utf-16be", STRV("\xd7\xff\xe0\0\xff\xff\xd8\0\xdc\0\xdb\xff\xdf\xff"),
		"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	assert_converts("utf-16le", STRV("\xff\xff\0\xd8\0\xdc\xff\xdb\xff\xdf"),
		"\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	assert_converts("utf-16", STRV("\xfe\xff\0A\0B"), "AB");
	assert_converts("utf-16",
		STRV("\xff\xfe"
		     "A\0B\0"),
		"AB");
	assert_converts("utf-32be", STRV("\0\0\xff\xff\0\1\0\0\0\x10\xff\xff"),
		"\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	assert_converts("utf-32le", STRV("\xff\xff\0\0\0\0\1\0\xff\xff\x10\0"),
		"\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	assert_converts("gb18030",
		STRV("\x81\x30\x81\x30\x84\x31\xa4\x39\x90\x30\x81\x30\xe3\x32\x9a\x35\xa2\xe3"),
		"\xc2\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xe2\x82\xac");
	assert_converts("shift_jis", STRV("\xa1\xdf\x81\x40\xfc\x4b\x81\x60"),
		"\xef\xbd\xa1\xef\xbe\x9f\xe3\x80\x80\xe9\xbb\x91\xef\xbd\x9e");
	assert_converts("euc-jp", STRV("\xa1\xa1\xf4\xa6\x8e\xa1\x8e\xdf\x8f\xb0\xa1\x8f\xed\xe3"),
		"\xe3\x80\x80\xe7\x86\x99\xef\xbd\xa1\xef\xbe\x9f\xe4\xb8\x82\xe9\xbe\xa5");
	assert_converts("euc-kr", STRV("\x81\x41\xc6\x52\xfd\xfe"), "\xea\xb0\x82\xed\x9e\xa3\xe8\xa9\xb0");
	assert_converts("big5", STRV("\xa1\x40\xa3\xe1"), "\xe3\x80\x80\xe2\x82\xac");
	assert_converts("iso-2022-jp", STRV("\x1b$B!!\x1b(J\\\x1b(Bx"), "\xe3\x80\x80\xc2\xa5x");
}

static void what_lies_beyond_unicode_is_replaced(void **state)
{
	(void)state;
	assert_converts("utf-16be", STRV("\xd8\0\0A"), BAD "A");
	assert_converts("utf-16be", STRV("\xdc\0\0A"), BAD "A");
	assert_converts("utf-32be", STRV("\0\x11\0\0\0\0\0A"), BAD "A");
	assert_converts("utf-32be", STRV("\0\0\xd8\0\0\0\0A"), BAD "A");
	assert_converts("utf-32be", STRV("\0\0\xdf\xff\0\0\0A"), BAD "A");
}

/* All converters, fed with noise in two cuts, give valid and equal text. */
static void noise_gives_valid_text_in_every_charset(void **state)
{
	(void)state;
	static const char *const names[] = { "UTF-8", "UTF-7", "UTF-16", "UTF-32", "ISO-2022-JP",
		"ISO-2022-KR", "EUC-JP", "SHIFT_JIS", "EUC-KR", "GB18030", "BIG5", "BIG5-HKSCS",
		"WINDOWS-1255", "WINDOWS-1258", "TIS-620" };
	char noise[512];
	uint32_t seed = 1;
	for (size_t round = 0; round < 40; round++) {
		for (size_t i = 0; i < sizeof(noise); i++) {
			seed = seed * 1664525 + 1013904223;
			/* Escapes are frequent, so that stateful converters switch. */
			noise[i] = (seed >> 16 & 15) == 0 ? '\x1b' : (char)(unsigned char)(seed >> 24);
		}
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
			struct buf whole;
			struct buf pieces;
			buf_init(&whole, 100000);
			buf_init(&pieces, 100000);
			convert(&whole, names[n], strv_make(noise, sizeof(noise)), 0);
			convert(&pieces, names[n], strv_make(noise, sizeof(noise)), 3);
			if (!str_utf8_valid(buf_strv(&whole)))
				fail_msg("%s gives invalid text", names[n]);
			if (!strv_eq(buf_strv(&whole), buf_strv(&pieces)))
				fail_msg("%s depends on the pieces", names[n]);
			buf_fini(&whole);
			buf_fini(&pieces);
		}
	}
}

static void a_longer_name_than_any_is_refused(void **state)
{
	(void)state;
	char name[CHARSET_NAME_MAX + 1];
	memset(name, '-', sizeof(name));
	memcpy(name, "utf-8", 5);
	assert_true(charset_known(strv_make(name, CHARSET_NAME_MAX - 1)));
	assert_true(charset_known(strv_make(name, CHARSET_NAME_MAX)));
	assert_false(charset_known(strv_make(name, CHARSET_NAME_MAX + 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_utf8_in_any_pieces),
		cmocka_unit_test(what_is_invalid_is_replaced),
		cmocka_unit_test(each_octet_of_a_single_byte_charset_has_its_character),
		cmocka_unit_test(characters_at_the_borders_of_wide_charsets_are_read),
		cmocka_unit_test(what_lies_beyond_unicode_is_replaced),
		cmocka_unit_test(every_listed_charset_can_be_opened),
		cmocka_unit_test(other_names_never_reach_iconv),
		cmocka_unit_test(noise_gives_valid_text_in_every_charset),
		cmocka_unit_test(a_longer_name_than_any_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
