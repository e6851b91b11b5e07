#include "base/str.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef enum rc (*decoder)(struct buf *out, struct strv in);

/* Decodes an exact copy behind some text that must stay. */
static enum rc decode_into(struct buf *out, decoder decode, struct strv in)
{
	char *copy = mem_alloc(in.n);
	if (in.n > 0)
		memcpy(copy, in.p, in.n);
	enum rc rc = decode(out, strv_make(copy, in.n));
	free(copy);
	return rc;
}

static void assert_decodes(decoder decode, struct strv in, struct strv expected)
{
	struct buf out;
	buf_init(&out, 10000);
	buf_addc(&out, '>');
	assert_int_equal(decode_into(&out, decode, in), RC_OK);
	assert_true(strv_eq(strv_sub(buf_strv(&out), 1, SIZE_MAX), expected));
	buf_fini(&out);
}

static void assert_refused(decoder decode, struct strv in)
{
	struct buf out;
	buf_init(&out, 10000);
	buf_addc(&out, '>');
	assert_int_equal(decode_into(&out, decode, in), RC_INVALID);
	assert_true(strv_eq(buf_strv(&out), STRV(">")));
	buf_fini(&out);
}

static void numbers_are_whole_and_in_range(void **state)
{
	(void)state;
	uint32_t n32 = 7;
	uint64_t n64 = 7;
	static const char *const bad[] = { "", " 1", "1 ", "-1", "+1", "0x1", "a", "1a", "1.0",
		"18446744073709551616", "18446744073709551617", "18446744073709551620",
		"18446744073709551625", "184467440737095516150", "99999999999999999999999", "/", ":", "1/",
		"1:" };

	assert_int_equal(str_u32(STRV("0"), &n32), RC_OK);
	assert_int_equal(n32, 0);
	assert_int_equal(str_u32(STRV("4294967295"), &n32), RC_OK);
	assert_int_equal(n32, UINT32_MAX);
	assert_int_equal(str_u32(STRV("4294967294"), &n32), RC_OK);
	assert_int_equal(n32, UINT32_MAX - 1);
	assert_int_equal(str_u32(STRV("2147483648"), &n32), RC_OK);
	assert_int_equal(n32, (uint32_t)INT32_MAX + 1);
	assert_int_equal(str_u32(STRV("00012"), &n32), RC_OK);
	assert_int_equal(n32, 12);
	assert_int_equal(str_u32(STRV("4294967296"), &n32), RC_INVALID);
	assert_int_equal(n32, 12);
	assert_int_equal(str_u64(STRV("18446744073709551615"), &n64), RC_OK);
	assert_true(n64 == UINT64_MAX);
	assert_int_equal(str_u64(STRV("18446744073709551614"), &n64), RC_OK);
	assert_true(n64 == UINT64_MAX - 1);
	assert_int_equal(str_u64(STRV("9223372036854775808"), &n64), RC_OK);
	assert_true(n64 == (uint64_t)INT64_MAX + 1);
	assert_int_equal(str_u64(STRV("18446744073709551609"), &n64), RC_OK);
	assert_int_equal(str_u64(STRV("18446744073709551615"), &n64), RC_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(str_u32(strv_cstr(bad[i]), &n32), RC_INVALID);
		assert_int_equal(str_u64(strv_cstr(bad[i]), &n64), RC_INVALID);
	}
	assert_int_equal(str_u64(STRV_NULL, &n64), RC_INVALID);
	assert_int_equal(str_u64(STRV("1\0"), &n64), RC_INVALID);
	assert_true(n64 == UINT64_MAX);
}

static void only_ascii_letters_change_case(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		assert_int_equal(str_lower(c), i >= 'A' && i <= 'Z' ? i + 32 : c);
		assert_int_equal(str_upper(c), i >= 'a' && i <= 'z' ? i - 32 : c);
	}
}

static void assert_base64(struct strv plain, const char *standard, const char *url)
{
	struct buf out;
	buf_init(&out, 100);
	str_base64(&out, plain);
	assert_true(strv_eq(buf_strv(&out), strv_cstr(standard)));
	buf_reset(&out);
	str_base64url(&out, plain);
	assert_true(strv_eq(buf_strv(&out), strv_cstr(url)));
	buf_fini(&out);
	assert_decodes(str_base64_decode, strv_cstr(standard), plain);
	assert_decodes(str_base64_decode_any, strv_cstr(standard), plain);
	assert_decodes(str_base64_decode_any, strv_cstr(url), plain);
}

static void base64_has_the_vectors_of_rfc_4648(void **state)
{
	(void)state;
	assert_base64(STRV(""), "", "");
	assert_base64(STRV("f"), "Zg==", "Zg");
	assert_base64(STRV("fo"), "Zm8=", "Zm8");
	assert_base64(STRV("foo"), "Zm9v", "Zm9v");
	assert_base64(STRV("foob"), "Zm9vYg==", "Zm9vYg");
	assert_base64(STRV("fooba"), "Zm9vYmE=", "Zm9vYmE");
	assert_base64(STRV("foobar"), "Zm9vYmFy", "Zm9vYmFy");
	assert_base64(STRV("\xfb\xff\xfe"), "+//+", "-__-");
	assert_base64(STRV("\0\0\0\0"), "AAAAAA==", "AAAAAA");
}

static void base64_of_every_byte_value_comes_back(void **state)
{
	(void)state;
	char bytes[256];
	struct buf out;
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	for (size_t n = 0; n <= 256; n++) {
		buf_init(&out, 1000);
		str_base64(&out, strv_make(bytes, n));
		assert_int_equal(out.len, (n + 2) / 3 * 4);
		assert_decodes(str_base64_decode, buf_strv(&out), strv_make(bytes, n));
		buf_fini(&out);
	}
}

static void strict_base64_refuses_anything_else(void **state)
{
	(void)state;
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "Zg==Zg==", "=",
		"==", "===", "====", "Z===", "Zh==", "Zm9=", "Zg==\n", "Zm 9", "Zm9v\r\n", "Zm-_",
		"Z=g=", "Zm9*", "Zm9\xff" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(str_base64_decode, strv_cstr(bad[i]));
	assert_refused(str_base64_decode, STRV("Zm9\0"));
}

static void lenient_base64_still_wants_a_meaning(void **state)
{
	(void)state;
	static const char *const bad[] = { "Z", "Zm9vY", "Zg=", "Zh", "Zm9", "=", "====", "Zg=g", "Zm 9",
		"Zg==\n" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(str_base64_decode_any, strv_cstr(bad[i]));
	assert_decodes(str_base64_decode_any, STRV("+/-_"), STRV("\xfb\xff\xbf"));
}

/* Each last character of a text whose last bits must be 0, each octet as one of it, and each length. */
static void base64_has_one_text_for_each_value(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	(void)state;
	for (size_t i = 0; i < 64; i++) {
		char two[] = { 'A', alphabet[i], '\0' };
		char three[] = { 'A', 'A', alphabet[i], '\0' };
		char bytes[] = { 0, 0 };
		bytes[0] = (char)(i >> 4);
		if (i % 16 == 0)
			assert_decodes(str_base64_decode_any, strv_cstr(two), strv_make(bytes, 1));
		else
			assert_refused(str_base64_decode_any, strv_cstr(two));
		bytes[0] = 0;
		bytes[1] = (char)(i >> 2);
		if (i % 4 == 0)
			assert_decodes(str_base64_decode_any, strv_cstr(three), strv_make(bytes, 2));
		else
			assert_refused(str_base64_decode_any, strv_cstr(three));
	}
	for (int c = 0; c < 256; c++) {
		char text[] = { 'A', 'A', 'A', (char)c };
		char bytes[] = { 0, 0, 0 };
		const char *found = c == 0 ? NULL : strchr(alphabet, c == '+' ? '-' : c == '/' ? '_' : c);
		if (found)
			bytes[2] = (char)(found - alphabet);
		if (found)
			assert_decodes(str_base64_decode_any, strv_make(text, 4), strv_make(bytes, 3));
		else if (c == '=')
			assert_decodes(str_base64_decode_any, strv_make(text, 4), strv_make(bytes, 2));
		else
			assert_refused(str_base64_decode_any, strv_make(text, 4));
		if (found && c != '-' && c != '_')
			assert_decodes(str_base64_decode, strv_make(text, 4), strv_make(bytes, 3));
		else if (c != '=')
			assert_refused(str_base64_decode, strv_make(text, 4));
	}
	for (size_t n = 0; n <= 64; n++) {
		char text[64], bytes[48] = { 0 };
		memset(text, 'A', sizeof(text));
		if (n % 4 == 1)
			assert_refused(str_base64_decode_any, strv_make(text, n));
		else
			assert_decodes(
				str_base64_decode_any, strv_make(text, n), strv_make(bytes, n * 3 / 4));
		if (n % 4 == 0)
			assert_decodes(str_base64_decode, strv_make(text, n), strv_make(bytes, n * 3 / 4));
		else
			assert_refused(str_base64_decode, strv_make(text, n));
	}
}

static void a_decoder_that_meets_a_full_buffer_says_so(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 4);
	buf_adds(&out, ">>");
	assert_int_equal(str_base64_decode(&out, STRV("Zm9v")), RC_LIMIT);
	assert_int_equal(out.len, 2);
	buf_reset(&out);
	buf_adds(&out, ">>");
	assert_int_equal(str_base64_decode(&out, STRV("Zm8=")), RC_OK);
	buf_reset(&out);
	assert_int_equal(str_hex_decode(&out, STRV("0011223344")), RC_LIMIT);
	buf_reset(&out);
	assert_int_equal(str_mutf7_decode(&out, STRV("abcde")), RC_LIMIT);
	buf_reset(&out);
	assert_int_equal(str_mutf7_encode(&out, STRV("abc\xc3\xa9")), RC_LIMIT);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

static void hex_goes_both_ways(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 100);
	str_hex(&out, STRV("\x00\x7f\xff\xa5"));
	assert_true(strv_eq(buf_strv(&out), STRV("007fffa5")));
	buf_fini(&out);
	assert_decodes(str_hex_decode, STRV("007FffA5"), STRV("\x00\x7f\xff\xa5"));
	assert_decodes(str_hex_decode, STRV(""), STRV(""));
	assert_refused(str_hex_decode, STRV("0"));
	assert_refused(str_hex_decode, STRV("0g"));
	assert_refused(str_hex_decode, STRV("g0"));
	assert_refused(str_hex_decode, STRV("00 0"));
	assert_refused(str_hex_decode, STRV("\xff\xff"));
}

static const char *const utf8_good[] = { "", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
	"\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa9z" };

/* Invalid sequences, and their repairs with U for U+FFFD. */
static const struct {
	const char *in;
	const char *repaired;
} utf8_bad[] = {
	{ "\x80", "U" },
	{ "\xbf", "U" },
	{ "\xc0\x80", "UU" },
	{ "\xc1\xbf", "UU" },
	{ "\xc2", "U" },
	{ "\xc2z", "Uz" },
	{ "\xe0\x80\x80", "UUU" },
	{ "\xe0\x9f\xbf", "UUU" },
	{ "\xe2\x82", "U" },
	{ "\xe2\x82z", "Uz" },
	{ "\xed\xa0\x80", "UUU" },
	{ "\xed\xbf\xbf", "UUU" },
	{ "\xf0\x80\x80\x80", "UUUU" },
	{ "\xf0\x8f\xbf\xbf", "UUUU" },
	{ "\xf0\x9f\x98", "U" },
	{ "\xf0\x9f\x98z", "Uz" },
	{ "\xf4\x90\x80\x80", "UUUU" },
	{ "\xf5\x80\x80\x80", "UUUU" },
	{ "\xff", "U" },
	{ "a\xffz", "aUz" },
	{ "\xc3\xc3\xa9", "U\xc3\xa9" },
};

static void utf8_is_valid_only_in_its_shortest_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(utf8_good) / sizeof(utf8_good[0]); i++)
		assert_true(str_utf8_valid(strv_cstr(utf8_good[i])));
	for (size_t i = 0; i < sizeof(utf8_bad) / sizeof(utf8_bad[0]); i++)
		assert_false(str_utf8_valid(strv_cstr(utf8_bad[i].in)));
	assert_true(str_utf8_valid(STRV("\0")));
	assert_true(str_utf8_valid(STRV_NULL));
}

static void bad_utf8_is_repaired_with_one_mark_for_each_broken_beginning(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(utf8_bad) / sizeof(utf8_bad[0]); i++) {
		struct buf out, expected;
		buf_init(&out, 100);
		buf_init(&expected, 100);
		for (const char *p = utf8_bad[i].repaired; *p; p++) {
			if (*p == 'U')
				buf_adds(&expected, "\xef\xbf\xbd");
			else
				buf_addc(&expected, *p);
		}
		str_utf8_repair(&out, strv_cstr(utf8_bad[i].in));
		assert_true(strv_eq(buf_strv(&out), buf_strv(&expected)));
		buf_fini(&out);
		buf_fini(&expected);
	}
	for (size_t i = 0; i < sizeof(utf8_good) / sizeof(utf8_good[0]); i++) {
		struct buf out;
		buf_init(&out, 100);
		str_utf8_repair(&out, strv_cstr(utf8_good[i]));
		assert_true(strv_eq(buf_strv(&out), strv_cstr(utf8_good[i])));
		buf_fini(&out);
	}
}

static void a_cut_does_not_split_a_character(void **state)
{
	(void)state;
	struct strv v = STRV("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
	static const size_t expected[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };
	for (size_t max = 0; max < sizeof(expected) / sizeof(expected[0]); max++) {
		assert_int_equal(str_utf8_cut(v, max), expected[max]);
		assert_true(str_utf8_valid(strv_sub(v, 0, str_utf8_cut(v, max))));
	}
	assert_int_equal(str_utf8_cut(STRV_NULL, 5), 0);
	/* Even input that breaks the promise stays in bounds. */
	assert_int_equal(str_utf8_cut(STRV("\x80\x80\x80"), 2), 0);
}

static void ascii_has_neither_nul_nor_eight_bits(void **state)
{
	(void)state;
	assert_true(str_is_ascii(STRV("abc\x01\x7f")));
	assert_true(str_is_ascii(STRV_NULL));
	assert_false(str_is_ascii(STRV("a\0")));
	assert_false(str_is_ascii(STRV("a\x80")));
}

/* Pairs of UTF-8 and its one spelling in modified UTF-7. */
static const struct {
	struct strv utf8;
	struct strv mutf7;
} mutf7_pairs[] = {
	{ STRV(""), STRV("") },
	{ STRV("INBOX"), STRV("INBOX") },
	{ STRV("&"), STRV("&-") },
	{ STRV("a&b&&"), STRV("a&-b&-&-") },
	{ STRV("-"), STRV("-") },
	{ STRV("Entw\xc3\xbcrfe"), STRV("Entw&APw-rfe") },
	/* The example of RFC 3501. */
	{ STRV("~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"),
		STRV("~peter/mail/&U,BTFw-/&ZeVnLIqe-") },
	{ STRV("\xc3\xa9&"), STRV("&AOk-&-") },
	{ STRV("\xc3\xa9-"), STRV("&AOk--") },
	{ STRV("\xc3\xa9\xc3\xa9"), STRV("&AOkA6Q-") },
	{ STRV("\xc3\xa9\xc3\xa9\xc3\xa9"), STRV("&AOkA6QDp-") },
	{ STRV("\xf0\x9f\x98\x80"), STRV("&2D3eAA-") },
	{ STRV("\x01"), STRV("&AAE-") },
	/* Each border of UTF-8 and of the surrogates. */
	{ STRV("\x7f"), STRV("&AH8-") }, /* U+007F */
	{ STRV("\xc2\x80"), STRV("&AIA-") }, /* U+0080 */
	{ STRV("\xc3\xbf"), STRV("&AP8-") }, /* U+00FF */
	{ STRV("\xc4\x80"), STRV("&AQA-") }, /* U+0100 */
	{ STRV("\xdf\xbf"), STRV("&B,8-") }, /* U+07FF */
	{ STRV("\xe0\xa0\x80"), STRV("&CAA-") }, /* U+0800 */
	{ STRV("\xe0\xbf\xbf"), STRV("&D,8-") }, /* U+0FFF */
	{ STRV("\xe1\x80\x80"), STRV("&EAA-") }, /* U+1000 */
	{ STRV("\xed\x9f\xbf"), STRV("&1,8-") }, /* U+D7FF */
	{ STRV("\xee\x80\x80"), STRV("&4AA-") }, /* U+E000 */
	{ STRV("\xef\xbf\xbd"), STRV("&,,0-") }, /* U+FFFD */
	{ STRV("\xef\xbf\xbf"), STRV("&,,8-") }, /* U+FFFF */
	{ STRV("\xf0\x90\x80\x80"), STRV("&2ADcAA-") }, /* U+10000 */
	{ STRV("\xf0\x90\x8f\xbf"), STRV("&2ADf,w-") }, /* U+103FF */
	{ STRV("\xf0\x90\x90\x80"), STRV("&2AHcAA-") }, /* U+10400 */
	{ STRV("\xf0\x9f\xbf\xbf"), STRV("&2D,f,w-") }, /* U+1FFFF */
	{ STRV("\xf0\xa0\x80\x80"), STRV("&2EDcAA-") }, /* U+20000 */
	{ STRV("\xf0\xbf\xbf\xbf"), STRV("&2L,f,w-") }, /* U+3FFFF */
	{ STRV("\xf1\x80\x80\x80"), STRV("&2MDcAA-") }, /* U+40000 */
	{ STRV("\xf1\xbf\xbf\xbf"), STRV("&2b,f,w-") }, /* U+7FFFF */
	{ STRV("\xf2\x80\x80\x80"), STRV("&2cDcAA-") }, /* U+80000 */
	{ STRV("\xf3\xbf\xbf\xbf"), STRV("&27,f,w-") }, /* U+FFFFF */
	{ STRV("\xf4\x80\x80\x80"), STRV("&28DcAA-") }, /* U+100000 */
	{ STRV("\xf4\x8f\xaf\xbf"), STRV("&2,7f,w-") }, /* U+10FBFF */
	{ STRV("\xf4\x8f\xb0\x80"), STRV("&2,,cAA-") }, /* U+10FC00 */
	{ STRV("\xf4\x8f\xbf\xbf"), STRV("&2,,f,w-") }, /* U+10FFFF */
	{ STRV("\0"), STRV("&AAA-") },
	{ STRV("a\tb"), STRV("a&AAk-b") },
};

static void mailbox_names_go_to_utf7_and_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mutf7_pairs) / sizeof(mutf7_pairs[0]); i++) {
		assert_decodes(str_mutf7_encode, mutf7_pairs[i].utf8, mutf7_pairs[i].mutf7);
		assert_decodes(str_mutf7_decode, mutf7_pairs[i].mutf7, mutf7_pairs[i].utf8);
	}
}

static void every_character_comes_back_from_utf7(void **state)
{
	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c += c < 0x3000 ? 1 : 97) {
		struct buf in, coded, out;
		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		buf_init(&in, 16);
		buf_init(&coded, 64);
		buf_init(&out, 16);
		if (c < 0x80) {
			buf_addc(&in, (char)c);
		} else if (c < 0x800) {
			buf_addc(&in, (char)(0xc0 | c >> 6));
			buf_addc(&in, (char)(0x80 | (c & 63)));
		} else if (c < 0x10000) {
			buf_addc(&in, (char)(0xe0 | c >> 12));
			buf_addc(&in, (char)(0x80 | (c >> 6 & 63)));
			buf_addc(&in, (char)(0x80 | (c & 63)));
		} else {
			buf_addc(&in, (char)(0xf0 | c >> 18));
			buf_addc(&in, (char)(0x80 | (c >> 12 & 63)));
			buf_addc(&in, (char)(0x80 | (c >> 6 & 63)));
			buf_addc(&in, (char)(0x80 | (c & 63)));
		}
		buf_addc(&in, 'x');
		assert_int_equal(str_mutf7_encode(&coded, buf_strv(&in)), RC_OK);
		assert_int_equal(str_mutf7_decode(&out, buf_strv(&coded)), RC_OK);
		assert_true(strv_eq(buf_strv(&in), buf_strv(&out)));
		buf_fini(&in);
		buf_fini(&coded);
		buf_fini(&out);
	}
}

static void utf7_with_a_second_spelling_is_refused(void **state)
{
	(void)state;
	static const struct strv bad[] = {
		STRV("&"), STRV("a&"), STRV("&AOk"), STRV("&AOk&-"), /* unterminated */
		STRV("&AGE-"), STRV("&ACY-"), STRV("&AOkAYQ-"), /* printable ASCII and '&' in a run */
		STRV("&AOk-&AOk-"), /* two runs that could be one */
		STRV("&AOl-"), STRV("&AOm-"), /* padding bits that are not zero */
		STRV("&A-"), STRV("&AO-"), STRV("&AOkA-"), STRV("&AOkAA-"),
		STRV("&AOkA6QA-"), /* half units */
		STRV("&2D0-"), STRV("&3gA-"), STRV("&2D0A6Q-"), STRV("&2D3YPQ-"),
		STRV("&3gDYPQ-"), /* surrogates */
		STRV("&AO/-"), STRV("&AOk=-"), STRV("& -"), STRV("&A\0k-"), STRV("&AO\xff-"), /* no digits */
		STRV("\xc3\xa9"), STRV("a\x80"), STRV("\x7f"), STRV("\t"), STRV("\0"),
		STRV("a\r\n"), /* raw bytes */
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(str_mutf7_decode, bad[i]);
}

static void utf7_is_not_made_of_bad_utf8(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(utf8_bad) / sizeof(utf8_bad[0]); i++)
		assert_refused(str_mutf7_encode, strv_cstr(utf8_bad[i].in));
}

static void every_cut_of_a_utf7_name_is_decoded_or_refused(void **state)
{
	(void)state;
	static const char name[] = "~peter&-/&U,BTFw-/&ZeVnLIqe-x";
	for (size_t n = 0; n < sizeof(name); n++) {
		struct buf out;
		buf_init(&out, 100);
		size_t open = 0;
		for (size_t i = 0; i < n; i++) {
			if (name[i] == '&')
				open = 1;
			else if (name[i] == '-')
				open = 0;
		}
		assert_int_equal(
			decode_into(&out, str_mutf7_decode, strv_make(name, n)), open ? RC_INVALID : RC_OK);
		buf_fini(&out);
	}
}

static void durations_need_a_unit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = { { "0", 0 }, { "0s", 0 }, { "500ms", 500 }, { "10s", 10000 }, { "5m", 300000 },
		{ "2h", 7200000 }, { "7d", 604800000 }, { "1w", 604800000 },
		{ "18446744073709551615ms", UINT64_MAX } };
	static const char *const bad[] = { "", "s", "10", "10 s", " 10s", "-1s", "1.5h", "10S", "10sec",
		"1h30m", "10y", "18446744073709551616ms", "18446744073709551615s", "30500568905w" };
	uint64_t ms = 1;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(str_duration(strv_cstr(good[i].text), &ms), RC_OK);
		assert_true(ms == good[i].ms);
	}
	ms = 77;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(str_duration(strv_cstr(bad[i]), &ms), RC_INVALID);
	assert_int_equal(ms, 77);
}

static void sizes_have_units_of_1024(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = { { "0", 0 }, { "4096", 4096 }, { "4096B", 4096 }, { "16K", 16384 }, { "16k", 16384 },
		{ "16KB", 16384 }, { "16KiB", 16384 }, { "16kib", 16384 }, { "1M", 1048576 },
		{ "2G", 2147483648 }, { "1T", 1099511627776 }, { "16777215T", 18446742974197923840U },
		{ "18446744073709551615", UINT64_MAX } };
	static const char *const bad[] = { "", "K", "-1", "1 K", "1iB", "1KK", "1P", "1Ki", "1BB", "1.5M",
		"16777216T", "18446744073709551616", "18446744073709551615K" };
	uint64_t bytes = 1;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(str_size(strv_cstr(good[i].text), &bytes), RC_OK);
		assert_true(bytes == good[i].bytes);
	}
	bytes = 77;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(str_size(strv_cstr(bad[i]), &bytes), RC_INVALID);
	assert_int_equal(bytes, 77);
}

static void escaped_text_is_printable_and_cut(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 100);
	str_escape(&out, STRV("a\r\"\\\x7f\xff z"), 100);
	assert_true(strv_eq(buf_strv(&out), STRV("a\\x0d\\x22\\x5c\\x7f\\xff z")));
	buf_reset(&out);
	str_escape(&out, STRV("abcdef"), 6);
	assert_true(strv_eq(buf_strv(&out), STRV("abcdef")));
	buf_reset(&out);
	str_escape(&out, STRV("abcdef"), 5);
	assert_true(strv_eq(buf_strv(&out), STRV("abcde...")));
	buf_reset(&out);
	str_escape(&out, STRV_NULL, 0);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_whole_and_in_range),
		cmocka_unit_test(only_ascii_letters_change_case),
		cmocka_unit_test(base64_has_the_vectors_of_rfc_4648),
		cmocka_unit_test(base64_of_every_byte_value_comes_back),
		cmocka_unit_test(strict_base64_refuses_anything_else),
		cmocka_unit_test(lenient_base64_still_wants_a_meaning),
		cmocka_unit_test(base64_has_one_text_for_each_value),
		cmocka_unit_test(a_decoder_that_meets_a_full_buffer_says_so),
		cmocka_unit_test(hex_goes_both_ways),
		cmocka_unit_test(utf8_is_valid_only_in_its_shortest_form),
		cmocka_unit_test(bad_utf8_is_repaired_with_one_mark_for_each_broken_beginning),
		cmocka_unit_test(a_cut_does_not_split_a_character),
		cmocka_unit_test(ascii_has_neither_nul_nor_eight_bits),
		cmocka_unit_test(mailbox_names_go_to_utf7_and_back),
		cmocka_unit_test(every_character_comes_back_from_utf7),
		cmocka_unit_test(utf7_with_a_second_spelling_is_refused),
		cmocka_unit_test(utf7_is_not_made_of_bad_utf8),
		cmocka_unit_test(every_cut_of_a_utf7_name_is_decoded_or_refused),
		cmocka_unit_test(durations_need_a_unit),
		cmocka_unit_test(sizes_have_units_of_1024),
		cmocka_unit_test(escaped_text_is_printable_and_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
