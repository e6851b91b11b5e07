#include "mime/summary.h"

#include "mime/summary_priv.h"
#include "mime_test.h"

static void assert_envelope(struct strv text, const char *expected)
{
	struct buf out;
	buf_init(&out, TEST_TEXT_MAX);
	struct mime_msg *msg = test_scan(text);
	mime_envelope_print(&out, msg->root);
	mime_msg_free(&msg);
	test_buf_is(&out, expected);
}

#define JOE "((\"Joe\" NIL \"joe\" \"x.org\"))"

static void the_example_of_rfc_3501_is_printed(void **state)
{
	(void)state;
	assert_envelope(STRV("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
			     "From: Terry Gray <gray@cac.washington.edu>\r\n"
			     "Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
			     "To: imap@cac.washington.edu\r\n"
			     "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
			     "Message-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n"),
		"(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
		"((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		"((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		"((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		"((NIL NIL \"imap\" \"cac.washington.edu\")) "
		"((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) "
		"NIL NIL "
		"\"<B27397-0100000@cac.washington.edu>\")");
}

static void missing_fields_are_nil_and_empty_strings_are_empty(void **state)
{
	(void)state;
	assert_envelope(STRV(""), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
	assert_envelope(STRV("Date:\nSubject: \nFrom:\nSender:\nTo: \nIn-Reply-To:\nMessage-ID: \n\n"),
		"(\"\" \"\" NIL NIL NIL NIL NIL NIL \"\" \"\")");
}

static void sender_and_reply_to_default_to_from(void **state)
{
	(void)state;
	assert_envelope(
		STRV("From: Joe <joe@x.org>\n\n"), "(NIL NIL " JOE " " JOE " " JOE " NIL NIL NIL NIL NIL)");
	assert_envelope(STRV("From: Joe <joe@x.org>\nSender: a@b\nReply-To: (nobody)\n\n"),
		"(NIL NIL " JOE " ((NIL NIL \"a\" \"b\")) " JOE " NIL NIL NIL NIL NIL)");
	assert_envelope(
		STRV("Reply-To: Joe <joe@x.org>\n\n"), "(NIL NIL NIL NIL " JOE " NIL NIL NIL NIL NIL)");
}

static void groups_and_routes_have_their_forms(void **state)
{
	(void)state;
	assert_envelope(STRV("To: Friends: <@r1,@r2:a@b>;, undisclosed:;\nBcc: c@d\n\n"),
		"(NIL NIL NIL NIL NIL ((NIL NIL \"Friends\" NIL)(NIL \"@r1,@r2\" \"a\" \"b\")(NIL NIL NIL "
		"NIL)"
		"(NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL)) NIL ((NIL NIL \"c\" \"d\")) NIL NIL)");
}

static void an_address_without_a_domain_is_no_group(void **state)
{
	(void)state;
	assert_envelope(
		STRV("To: root\n\n"), "(NIL NIL NIL NIL NIL ((NIL NIL \"root\" \"\")) NIL NIL NIL NIL)");
	assert_envelope(
		STRV("To: John <>\n\n"), "(NIL NIL NIL NIL NIL ((\"John\" NIL \"\" \"\")) NIL NIL NIL NIL)");
}

static void repeated_address_fields_are_one_list_and_the_first_string_counts(void **state)
{
	(void)state;
	assert_envelope(STRV("To: a@b\nSubject: 1\nTO: c@d\nSubject: 2\n\n"),
		"(NIL \"1\" NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) NIL NIL NIL NIL)");
}

static void strings_are_unfolded_and_stay_encoded(void **state)
{
	(void)state;
	assert_envelope(
		STRV("Subject: =?utf-8?q?a?=\r\n\t=?utf-8?q?b?=\r\nIn-Reply-To: <a@b>\r\n <c@d>\r\n\r\n"),
		"(NIL \"=?utf-8?q?a?=\t=?utf-8?q?b?=\" NIL NIL NIL NIL NIL NIL \"<a@b> <c@d>\" NIL)");
}

static void eight_bit_text_is_a_literal(void **state)
{
	(void)state;
	assert_envelope(STRV("Subject: J\xc3\xb6rg\nTo: J\xf6\0 <a@b>\n\n"),
		"(NIL {5}\r\nJ\xc3\xb6rg NIL NIL NIL (({3}\r\nJ\xf6\x80 NIL \"a\" \"b\")) NIL NIL NIL NIL)");
}

static void addresses_of_a_member_are_limited(void **state)
{
	(void)state;
	struct buf text;
	struct buf out;
	buf_init(&text, TEST_TEXT_MAX);
	buf_init(&out, TEST_TEXT_MAX);
	for (int i = 0; i < 5; i++)
		buf_adds(&text, "To: a@b, c@d\n");
	struct mime_msg *msg = test_scan(buf_strv(&text));
	mime_envelope_print_limited(&out, msg->root, 3);
	mime_msg_free(&msg);
	buf_fini(&text);
	test_buf_is(&out,
		"(NIL NIL NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")(NIL NIL \"a\" \"b\")) "
		"NIL NIL NIL NIL)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_rfc_3501_is_printed),
		cmocka_unit_test(missing_fields_are_nil_and_empty_strings_are_empty),
		cmocka_unit_test(sender_and_reply_to_default_to_from),
		cmocka_unit_test(groups_and_routes_have_their_forms),
		cmocka_unit_test(an_address_without_a_domain_is_no_group),
		cmocka_unit_test(repeated_address_fields_are_one_list_and_the_first_string_counts),
		cmocka_unit_test(strings_are_unfolded_and_stay_encoded),
		cmocka_unit_test(eight_bit_text_is_a_literal),
		cmocka_unit_test(addresses_of_a_member_are_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
