#include "mime/summary_priv.h"

#include "imap_syntax.h"
#include "mime_test.h"
#include "nasty.h"

static void assert_body(struct strv text, bool extended, const char *expected)
{
	struct buf out;
	buf_init(&out, TEST_TEXT_MAX);
	struct mime_msg *msg = test_scan(text);
	mime_body_print(&out, msg->root, extended);
	mime_msg_free(&msg);
	test_buf_is(&out, expected);
}

#define PLAIN(size, lines) "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" " size " " lines

static void a_text_shows_its_lines_and_a_charset(void **state)
{
	(void)state;
	struct strv text = STRV("\r\na\r\nb\r\n");
	assert_body(text, false, PLAIN("6", "2") ")");
	assert_body(text, true, PLAIN("6", "2") " NIL NIL NIL NIL)");
	assert_body(STRV("Content-Type: TEXT/HTML; CHARSET=x; format=flowed\n\n"), false,
		"(\"TEXT\" \"HTML\" (\"CHARSET\" \"x\" \"format\" \"flowed\") NIL NIL \"7bit\" 0 0)");
	assert_body(STRV("Content-Type: text/plain; format=flowed\n\n"), false,
		"(\"text\" \"plain\" (\"format\" \"flowed\" \"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)");
}

static void every_field_of_a_part_is_shown(void **state)
{
	(void)state;
	struct strv text = STRV("Content-Type: application/pdf; name=a.pdf\nContent-ID: <1@x>\n"
				"Content-Description: a\n \"b\"\nContent-MD5: Q2hl\n"
				"Content-Disposition: Attachment; filename=\"a \\\"b\\\".pdf\"; size=3\n"
				"Content-Language: en, de (German)\nContent-Location: http://x/\n y\n"
				"Content-Transfer-Encoding: (c) BASE64 (d)\n\nAAAA\n");
	assert_body(text, false,
		"(\"application\" \"pdf\" (\"name\" \"a.pdf\") \"<1@x>\" \"a \\\"b\\\"\" \"BASE64\" 5)");
	assert_body(text, true,
		"(\"application\" \"pdf\" (\"name\" \"a.pdf\") \"<1@x>\" \"a \\\"b\\\"\" \"BASE64\" 5 "
		"\"Q2hl\" "
		"(\"Attachment\" (\"filename\" \"a \\\"b\\\".pdf\" \"size\" \"3\")) (\"en\" \"de\") "
		"\"http://x/ y\")");
}

static void a_disposition_without_parameters_has_nil(void **state)
{
	(void)state;
	assert_body(STRV("Content-Type: image/png\nContent-Disposition: inline\n\n"), true,
		"(\"image\" \"png\" NIL NIL NIL \"7bit\" 0 NIL (\"inline\" NIL) NIL NIL)");
	assert_body(STRV("Content-Type: image/png\nContent-Disposition: ;x=y\nContent-Language: ,\n\n"), true,
		"(\"image\" \"png\" NIL NIL NIL \"7bit\" 0 NIL NIL NIL NIL)");
}

static void empty_fields_are_nil(void **state)
{
	(void)state;
	assert_body(STRV("Content-Type: image/png\nContent-ID:\nContent-Description: "
			 "\nContent-MD5:\nContent-Location:\n"
			 "Content-Disposition:\nContent-Language:\nContent-Transfer-Encoding:\n\n"),
		true, "(\"image\" \"png\" NIL NIL NIL \"7bit\" 0 NIL NIL NIL NIL)");
}

static void a_multipart_shows_its_parts_and_its_own_fields(void **state)
{
	(void)state;
	struct strv text = STRV("Content-Type: multipart/mixed; boundary=b\nContent-Language: en\n\n"
				"--b\n\nx\n--b\nContent-Type: image/png\n\n--b--\n");
	assert_body(
		text, false, "(" PLAIN("1", "0") ")(\"image\" \"png\" NIL NIL NIL \"7bit\" 0) \"mixed\")");
	assert_body(text, true,
		"(" PLAIN("1", "0") " NIL NIL NIL NIL)(\"image\" \"png\" NIL NIL NIL \"7bit\" 0 NIL "
				    "NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL (\"en\") NIL)");
}

static void a_multipart_without_parts_shows_an_empty_text(void **state)
{
	(void)state;
	struct strv text = STRV("Content-Type: multipart/x; boundary=b\n\nnothing\n");
	assert_body(text, false, "(" PLAIN("0", "0") ") \"x\")");
	assert_body(
		text, true, "(" PLAIN("0", "0") " NIL NIL NIL NIL) \"x\" (\"boundary\" \"b\") NIL NIL NIL)");
}

static void a_multipart_that_can_not_be_read_shows_its_body_as_text(void **state)
{
	(void)state;
	assert_body(STRV("Content-Type: multipart/x\n\nnothing\n"), false,
		"((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 8 1) \"x\")");
}

static void a_message_shows_envelope_structure_and_lines(void **state)
{
	(void)state;
	struct strv text =
		STRV("Content-Type: message/rfc822\n\nSubject: x\nContent-Type: image/png\n\na\nb\n");
	assert_body(text, false,
		"(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 40 (NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL) "
		"(\"image\" \"png\" NIL NIL NIL \"7bit\" 4) 5)");
	assert_body(text, true,
		"(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 40 (NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL) "
		"(\"image\" \"png\" NIL NIL NIL \"7bit\" 4 NIL NIL NIL NIL) 5 NIL NIL NIL NIL)");
}

static void an_opaque_message_still_has_the_form_of_a_message(void **state)
{
	(void)state;
	assert_body(STRV("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA\n"), false,
		"(\"message\" \"rfc822\" NIL NIL NIL \"base64\" 5 (NIL NIL NIL NIL NIL NIL NIL NIL NIL "
		"NIL) " PLAIN("0", "0") ") 1)");
	assert_body(STRV("Content-Type: message/global\n\nX: y\n"), false,
		"(\"message\" \"global\" NIL NIL NIL \"7bit\" 5)");
	assert_body(STRV("Content-Type: message/delivery-status\n\nX: y\n"), false,
		"(\"message\" \"delivery-status\" NIL NIL NIL \"7bit\" 5)");
}

static void rfc_2231_values_are_joined_and_keep_their_charset(void **state)
{
	(void)state;
	assert_body(STRV("Content-Type: a/b; name*0*=utf-8'en'%e2%82%ac; name*1=\" x\"; t*0=u; "
			 "t*1=\"v\\\"\"\n\n"),
		false,
		"(\"a\" \"b\" (\"name*\" \"utf-8'en'%E2%82%AC%20x\" \"t\" \"uv\\\"\") NIL NIL \"7bit\" 0)");
}

static void eight_bit_octets_are_literals(void **state)
{
	(void)state;
	assert_body(STRV("Content-Type: \xfc/b; n\xfc=\xff\0\nContent-ID: \xe4\nContent-Transfer-Encoding: "
			 "\x80\n\n"),
		false, "({1}\r\n\xfc \"b\" ({2}\r\nn\xfc {2}\r\n\xff\x80) {1}\r\n\xe4 NIL {1}\r\n\x80 0)");
}

static void assert_global(struct strv text, bool extended, const char *expected)
{
	struct buf out;
	buf_init(&out, TEST_TEXT_MAX);
	struct mime_msg *msg = test_scan(text);
	mime_body_print_global(&out, msg->root, extended);
	mime_msg_free(&msg);
	test_buf_is(&out, expected);
}

static void message_global_is_a_message_in_rfc_9051(void **state)
{
	(void)state;
	assert_global(STRV("Content-Type: message/global\n\nSubject: y\n\nz\n"), false,
		"(\"message\" \"global\" NIL NIL NIL \"7bit\" 14 "
		"(NIL \"y\" NIL NIL NIL NIL NIL NIL NIL NIL) " PLAIN("2", "1") ") 3)");
	assert_global(STRV("Content-Type: text/plain\n\na\n"), false, PLAIN("2", "1") ")");
}

static void whatever_comes_in_the_syntax_is_valid(void **state)
{
	(void)state;
	for (size_t i = 0; i < NASTY_COUNT; i++) {
		const struct nasty *nasty = &nasty_messages[i];
		struct strv text =
			nasty->raw > 0 ? strv_make(nasty->text, nasty->raw) : strv_cstr(nasty->text);
		struct mime_msg *msg = test_scan(text);
		struct buf out;
		buf_init(&out, TEST_TEXT_MAX);
		mime_body_print(&out, msg->root, false);
		assert_true(imap_body_valid(buf_strv(&out), false));
		buf_reset(&out);
		mime_body_print(&out, msg->root, true);
		assert_true(imap_body_valid(buf_strv(&out), true));
		buf_reset(&out);
		mime_envelope_print(&out, msg->root);
		assert_true(imap_envelope_valid(buf_strv(&out)));
		buf_fini(&out);
		mime_msg_free(&msg);
	}
}

static void the_checker_refuses_what_is_wrong(void **state)
{
	(void)state;
	static const char *const wrong[] = { "", "()", "NIL", "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0)",
		"(\"image\" \"png\" NIL NIL NIL \"7bit\" 0 0)",
		"(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 0)",
		"(\"image\" \"png\" () NIL NIL \"7bit\" 0)", "(\"image\" \"png\" NIL NIL NIL \"7bit\" 0) ",
		"(\"image\" \"p\xffg\" NIL NIL NIL \"7bit\" 0)", "(\"image\" {3}\r\nab" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(imap_body_valid(strv_cstr(wrong[i]), false));
	assert_false(imap_envelope_valid(STRV("(NIL NIL NIL NIL NIL NIL NIL NIL NIL)")));
	assert_false(imap_envelope_valid(STRV("(NIL NIL () NIL NIL NIL NIL NIL NIL NIL)")));
	assert_false(
		imap_envelope_valid(STRV("(NIL NIL ((NIL NIL \"g\" NIL)) NIL NIL NIL NIL NIL NIL NIL)")));
}

static void languages_have_a_limit(void **state)
{
	(void)state;
	for (size_t n = MIME_LANGUAGES_MAX - 1; n <= MIME_LANGUAGES_MAX + 1; n++) {
		struct buf text, out;
		size_t shown = 0;
		buf_init(&text, 10000);
		buf_init(&out, TEST_TEXT_MAX);
		buf_adds(&text, "Content-Language: ");
		for (size_t i = 0; i < n; i++)
			buf_adds(&text, i == 0 ? "xx" : ", xx");
		buf_adds(&text, "\n\n");
		struct mime_msg *msg = test_scan(buf_strv(&text));
		mime_body_print(&out, msg->root, true);
		for (size_t i = 0; i + 4 <= out.len; i++)
			shown += memcmp(out.p + i, "\"xx\"", 4) == 0;
		assert_int_equal(shown, n < MIME_LANGUAGES_MAX ? n : MIME_LANGUAGES_MAX);
		mime_msg_free(&msg);
		buf_fini(&text);
		buf_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_shows_its_lines_and_a_charset),
		cmocka_unit_test(every_field_of_a_part_is_shown),
		cmocka_unit_test(a_disposition_without_parameters_has_nil),
		cmocka_unit_test(empty_fields_are_nil),
		cmocka_unit_test(a_multipart_shows_its_parts_and_its_own_fields),
		cmocka_unit_test(a_multipart_without_parts_shows_an_empty_text),
		cmocka_unit_test(a_multipart_that_can_not_be_read_shows_its_body_as_text),
		cmocka_unit_test(a_message_shows_envelope_structure_and_lines),
		cmocka_unit_test(an_opaque_message_still_has_the_form_of_a_message),
		cmocka_unit_test(rfc_2231_values_are_joined_and_keep_their_charset),
		cmocka_unit_test(eight_bit_octets_are_literals),
		cmocka_unit_test(message_global_is_a_message_in_rfc_9051),
		cmocka_unit_test(whatever_comes_in_the_syntax_is_valid),
		cmocka_unit_test(the_checker_refuses_what_is_wrong),
		cmocka_unit_test(languages_have_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
