#include "mime/header.h"

#include "base/str.h"
#include "mime_test.h"

static void assert_words(struct strv value, const char *expected)
{
	struct buf out;
	buf_init(&out, 100000);
	mime_words_decode(&out, value);
	assert_true(str_utf8_valid(buf_strv(&out)));
	test_buf_is(&out, expected);
}

static void encoded_words_are_decoded(void **state)
{
	(void)state;
	assert_words(STRV("=?utf-8?q?J=C3=B6rg?= writes"), "J\xc3\xb6rg writes");
	assert_words(STRV("=?ISO-8859-1?Q?a=E4_b?="), "a\xc3\xa4 b");
	assert_words(STRV("=?utf-8?B?SsO2cmc=?="), "J\xc3\xb6rg");
	assert_words(STRV("=?utf-8*en?b?SsO2cmc?="), "J\xc3\xb6rg");
	assert_words(STRV("=?koi8-r?B?8NLJ18XU?="), "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82");
	assert_words(STRV("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?="), "\xe6\x97\xa5\xe6\x9c\xac");
}

static void each_octet_can_be_escaped_in_a_word(void **state)
{
	(void)state;
	/* ISO-8859-1 has the character of that number above the controls of Windows. */
	for (unsigned octet = 0x20; octet < 256; octet = octet == 0x7e ? 0xa0 : octet + 1) {
		char in[32];
		char two[] = { (char)(0xc0 | octet >> 6), (char)(0x80 | (octet & 63)), '\0' };
		char quoted[] = { '[', (char)octet, ']', '\0' };
		char wide[] = { '[', two[0], two[1], ']', '\0' };
		snprintf(in, sizeof(in), "=?iso-8859-1?q?[=%02X]?=", octet);
		assert_words(strv_cstr(in), octet < 0x80 ? quoted : wide);
		snprintf(in, sizeof(in), "=?iso-8859-1?Q?[=%02x]?=", octet);
		assert_words(strv_cstr(in), octet < 0x80 ? quoted : wide);
	}
	for (const char *p = "/:@G`g"; *p; p++) {
		char in[32];
		char expected[8];
		snprintf(in, sizeof(in), "=?utf-8?q?=%c0=4%c?=", *p, *p);
		snprintf(expected, sizeof(expected), "=%c0=4%c", *p, *p);
		assert_words(strv_cstr(in), expected);
	}
	/* An escape at the very end; one that is cut. */
	assert_words(STRV("=?utf-8?q?a=41?="), "aA");
	assert_words(STRV("=?utf-8?q?a=4?="), "a=4");
	assert_words(STRV("=?utf-8?q?a=?="), "a=");
}

static void the_shortest_words_are_words(void **state)
{
	(void)state;
	assert_words(STRV("=?l1?q?a?="), "a");
	assert_words(STRV("=?l1?b?YQ==?="), "a");
	assert_words(STRV("=?l1?b?\?="), "");
	assert_words(STRV("=?l1?q?\?"), "=?l1?q?\?");
	assert_words(STRV("=?l1?q?"), "=?l1?q?");
	assert_words(STRV("=?l1?q"), "=?l1?q");
	assert_words(STRV("=?l1?"), "=?l1?");
	assert_words(STRV("=?l1*?q?a?="), "a");
	assert_words(STRV("=?l1 ?q?a?="), "=?l1 ?q?a?=");
	assert_words(STRV("=?l1?qq?a?="), "=?l1?qq?a?=");
}

static void characters_at_the_borders_come_out_of_words(void **state)
{
	(void)state;
	assert_words(STRV("=?utf-8?q?=7E=C2=80=DF=BF=E0=A0=80=EF=BF=BF=F0=90=80=80=F4=8F=BF=BF?="),
		"~\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	assert_words(STRV("=?utf-7?q?+2L/f/w-+2MDcAA-+2//f/w-?="),
		"\xf0\xbf\xbf\xbf\xf1\x80\x80\x80\xf4\x8f\xbf\xbf");
	assert_words(STRV("=?utf-16be?b?2ADcANv/3/8=?="), "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	/* A pair of surrogates split between words. */
	assert_words(STRV("=?utf-16be?b?2AA=?= =?utf-16be?b?3AA=?="), "\xf0\x90\x80\x80");
}

static void white_space_between_words_vanishes(void **state)
{
	(void)state;
	assert_words(STRV("=?utf-8?q?a?= =?utf-8?q?b?="), "ab");
	assert_words(STRV("=?utf-8?q?a?=\r\n =?iso-8859-1?q?b?=  c  d"), "ab  c  d");
	assert_words(STRV("=?utf-8?q?a?= b =?utf-8?q?c?="), "a b c");
	assert_words(STRV("x =?utf-8?q?a?=y"), "x ay");
	assert_words(STRV("=?utf-8?q?a?= =?unknown?q?b?="), "a =?unknown?q?b?=");
}

static void a_character_may_be_split_between_words(void **state)
{
	(void)state;
	assert_words(STRV("=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?="), "J\xc3\xb6rg");
	assert_words(STRV("=?utf-8?b?SsM=?= =?UTF-8?q?=B6rg?="), "J\xc3\xb6rg");
	assert_words(STRV("=?utf-8?q?J=C3?= x"), "J\xef\xbf\xbd x");
}

static void what_cannot_be_decoded_stays_as_written(void **state)
{
	(void)state;
	assert_words(STRV("=?x-unknown?q?a=20b?="), "=?x-unknown?q?a=20b?=");
	assert_words(STRV("=?utf-8?x?a?="), "=?utf-8?x?a?=");
	assert_words(STRV("=?utf-8?q?a"), "=?utf-8?q?a");
	assert_words(STRV("=?utf-8?q?a?"), "=?utf-8?q?a?");
	assert_words(STRV("=?\?q?a?="), "=?\?q?a?=");
	assert_words(STRV("=?utf-8?q"), "=?utf-8?q");
	assert_words(STRV("=?"), "=?");
	assert_words(STRV("1 + 1 =?2"), "1 + 1 =?2");
	assert_words(STRV("=?utf-8?q?=zz=4?="), "=zz=4");
	assert_words(STRV("=?utf-8?q?\?="), "");
	assert_words(STRV_NULL, "");
}

static void raw_text_is_unfolded_and_made_valid(void **state)
{
	(void)state;
	assert_words(STRV(" a\r\n b \r\n"), "a b");
	assert_words(STRV("J\xc3\xb6rg"), "J\xc3\xb6rg");
	assert_words(STRV("J\xf6rg"), "J\xef\xbf\xbdrg");
	assert_words(STRV("=?utf-8?q?=FF=C0=80?="), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void line_ends_and_nul_never_come_out(void **state)
{
	(void)state;
	assert_words(STRV("a\0b=?utf-8?q?=0D=0A=00c?="), "a b   c");
}

static void assert_convert(struct strv value, const char *expected, bool converted)
{
	struct buf out;
	buf_init(&out, 100000);
	assert_int_equal(mime_words_convert(&out, value), converted);
	test_buf_is(&out, expected);
}

/* RFC 5255 section 4.6 */
static void what_cannot_be_converted_is_only_decoded(void **state)
{
	(void)state;
	assert_convert(STRV("plain"), "plain", true);
	assert_convert(
		STRV("=?koi8-r?B?8NLJ18XU?= x"), "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 x", true);
	assert_convert(STRV("=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?="), "J\xc3\xb6rg", true);
	assert_convert(STRV("=?utf-8?q?=EF=BF=BD?="), "\xef\xbf\xbd", true);
	assert_convert(STRV("\xef\xbf\xbd"), "\xef\xbf\xbd", true);
	assert_convert(STRV("=?utf-8?q?a=FF?= b"), "a\xff b", false);
	assert_convert(STRV("=?utf-8?q?a=C3?= b"), "a\xc3 b", false);
	assert_convert(STRV("=?x-none?q?a=FFb?=\r\n =?x-none?b?YQ==?= c"),
		"a\xff"
		"ba c",
		false);
	assert_convert(STRV("=?koi8-r?B?8NLJ18XU?= =?x-none?q?b?="),
		"\xf0\xd2\xc9\xd7\xc5\xd4"
		"b",
		false);
	assert_convert(STRV("a =?us-ascii?q?=FF?="), "a \xff", false);
	assert_convert(STRV("raw \xe4"), "raw \xe4", false);
	assert_convert(STRV("=?utf-7?q?+2AAx-?="), "+2AAx-", false);
	assert_convert(STRV("=?x-none?q?a=0D=0A=00b?="), "a   b", false);
	assert_convert(STRV("=?x?y?z?="), "=?x?y?z?=", true);
}

static void the_first_field_of_a_name_is_found(void **state)
{
	(void)state;
	struct mime_field field;
	struct strv block = STRV(
		"Subjects: no\r\nX: a\r\n Subject: folded\r\nsubject : yes\r\n more\r\nSubject: two\r\n");
	assert_true(mime_header_find(block, STRV("Subject"), &field));
	assert_true(strv_eq(field.value, STRV(" yes\r\n more")));
	assert_true(mime_header_find(block, STRV("x"), &field));
	assert_false(mime_header_find(block, STRV("folded"), &field));
	assert_false(mime_header_find(STRV_NULL, STRV("x"), &field));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encoded_words_are_decoded),
		cmocka_unit_test(each_octet_can_be_escaped_in_a_word),
		cmocka_unit_test(the_shortest_words_are_words),
		cmocka_unit_test(characters_at_the_borders_come_out_of_words),
		cmocka_unit_test(white_space_between_words_vanishes),
		cmocka_unit_test(a_character_may_be_split_between_words),
		cmocka_unit_test(what_cannot_be_decoded_stays_as_written),
		cmocka_unit_test(raw_text_is_unfolded_and_made_valid),
		cmocka_unit_test(line_ends_and_nul_never_come_out),
		cmocka_unit_test(what_cannot_be_converted_is_only_decoded),
		cmocka_unit_test(the_first_field_of_a_name_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
