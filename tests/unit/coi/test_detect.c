/* COI-40 to COI-43. */
#include "../mime/mime_test.h"

#include "coi/detect.h"

static const struct {
	const char *header; /* without the empty line */
	bool chat;
} table[] = {
	/* Chat-Version: present is enough (COI-40). */
	{ "Chat-Version: 1.0\r\n", true },
	{ "Chat-Version:\r\n", true },
	{ "chat-version: x\r\n", true },
	{ "CHAT-VERSION: 2\r\n", true },
	{ "Subject: a\r\nChat-Version: 1.0\r\nTo: b\r\n", true },
	{ "Chat-Version:\r\n 1.0\r\n", true },
	{ "Chat-Version : 1.0\r\n", true },
	{ "Chat-Version: \xff\xfe\r\n", true },
	{ "Chat-Version: 1.0\n", true },
	{ "X-Chat-Version: 1.0\r\n", false },
	{ "Chat-Versions: 1.0\r\n", false },
	{ "Chat-Versio: 1.0\r\n", false },
	{ "Chat_Version: 1.0\r\n", false },
	{ "Subject: Chat-Version: 1.0\r\n", false },
	{ "Subject: a\r\n Chat-Version: 1.0\r\n", false },
	/* Message-ID begins with chat$ (COI-41). */
	{ "Message-ID: <chat$abc@example.org>\r\n", true },
	{ "message-id:<chat$abc@example.org>\r\n", true },
	{ "MESSAGE-ID:\t \t<chat$abc@example.org>\r\n", true },
	{ "Message-ID:\r\n <chat$abc@example.org>\r\n", true },
	{ "Message-ID:\n\t\n <chat$abc@example.org>\n", true },
	{ "Message-ID: < chat$abc@example.org>\r\n", true },
	{ "Message-ID: <\r\n chat$abc@example.org>\r\n", true },
	{ "Message-ID: <ch\r\n at$abc@example.org>\r\n", true },
	{ "Message-ID: chat$abc@example.org\r\n", true },
	{ "Message-ID: <chat$\r\n", true },
	{ "Message-ID: <Chat$abc@example.org>\r\n", false },
	{ "Message-ID: <CHAT$abc@example.org>\r\n", false },
	{ "Message-ID: <chat@example.org>\r\n", false },
	{ "Message-ID: <chat\r\n", false },
	{ "Message-ID: <xchat$abc@example.org>\r\n", false },
	{ "Message-ID: <<chat$abc@example.org>>\r\n", false },
	{ "Message-ID: <a@b> <chat$abc@example.org>\r\n", false },
	{ "Message-ID:\r\n", false },
	{ "Message-ID: <\r\n", false },
	{ "Message-ID: <a@b>\r\nMessage-ID: <chat$abc@example.org>\r\n", false },
	{ "Message-ID: <chat$abc@example.org>\r\nMessage-ID: <a@b>\r\n", true },
	{ "X-Message-ID: <chat$abc@example.org>\r\n", false },
	{ "Resent-Message-ID: <chat$abc@example.org>\r\n", false },
	/* The first id in References (COI-42). */
	{ "References: <chat$1@x>\r\n", true },
	{ "References: <chat$1@x> <2@x> <3@x>\r\n", true },
	{ "References: <1@x> <chat$2@x>\r\n", false },
	{ "References: <1@x>\r\n <chat$2@x>\r\n", false },
	{ "REFERENCES:\r\n\t<chat$1@x>\r\n\t<2@x>\r\n", true },
	{ "References: < chat$1@x>\r\n", true },
	{ "References: chat$1@x <2@x>\r\n", true },
	{ "References: Your message <chat$1@x>\r\n", true },
	{ "References: <> <chat$1@x>\r\n", false },
	{ "References: <chat$1@x\r\n", true },
	{ "References:\r\n", false },
	{ "References: <a@b>\r\nReferences: <chat$1@x>\r\n", false },
	{ "In-Reply-To: <chat$1@x>\r\n", false },
	/* One of them is enough, in any order. */
	{ "References: <1@x>\r\nMessage-ID: <chat$2@x>\r\n", true },
	{ "Message-ID: <2@x>\r\nReferences: <chat$1@x>\r\n", true },
	{ "Message-ID: <2@x>\r\nReferences: <1@x>\r\nChat-Version: 1\r\n", true },
	/* Broken headers. */
	{ "", false },
	{ "no colon at all\r\nChat-Version: 1.0\r\n", false },
	{ ": empty name\r\nChat-Version: 1.0\r\n", true },
	{ "Subject: \xe4\xf6\xfc\r\nChat-Version: 1.0\r\n", true },
	{ "S\xfc"
	  "bject: x\r\nChat-Version: 1.0\r\n",
		false },
	{ "Chat-Version", false },
};

static bool detected(struct strv text)
{
	struct mime_msg *msg = test_scan(text);
	bool chat = coi_detect(msg);

	mime_msg_free(&msg);
	return chat;
}

static void headers_are_judged_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf text;
		buf_init(&text, 4096);
		buf_adds(&text, table[i].header);
		buf_adds(&text, "\r\nbody\r\n");
		if (detected(buf_strv(&text)) != table[i].chat)
			fail_msg("row %zu: %s", i, table[i].header);
		buf_fini(&text);
	}
}

static void the_verdict_does_not_depend_on_how_the_message_comes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf text;
		buf_init(&text, 4096);
		buf_adds(&text, table[i].header);
		buf_adds(&text, "\r\nbody\r\n");
		for (size_t at = 0; at <= text.len; at++) {
			struct mime_msg *msg = test_scan_split(buf_strv(&text), at, NULL);
			if (coi_detect(msg) != table[i].chat)
				fail_msg("row %zu split at %zu: %s", i, at, table[i].header);
			mime_msg_free(&msg);
		}
		struct mime_msg *msg = test_scan_steps(buf_strv(&text), 1, NULL);
		assert_int_equal(coi_detect(msg), table[i].chat);
		mime_msg_free(&msg);
		buf_fini(&text);
	}
}

static void only_the_top_header_counts(void **state)
{
	(void)state;
	assert_false(detected(STRV("Subject: a\r\n\r\nChat-Version: 1.0\r\nMessage-ID: <chat$1@x>\r\n")));
	assert_false(detected(
		STRV("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		     "--b\r\nChat-Version: 1.0\r\nMessage-ID: <chat$1@x>\r\n\r\ntext\r\n--b--\r\n")));
	assert_false(detected(STRV("Content-Type: message/rfc822\r\n\r\n"
				   "Chat-Version: 1.0\r\nReferences: <chat$1@x>\r\n\r\ntext\r\n")));
}

static void nul_and_line_ends_in_odd_places_do_no_harm(void **state)
{
	(void)state;
	assert_true(detected(STRV("Subject: a\0b\r\nChat-Version: \0\r\n\r\n")));
	assert_false(detected(STRV("Message-ID: <\0chat$1@x>\r\n\r\n")));
	assert_true(detected(STRV("From sender Tue Nov 24\r\nChat-Version: 1\r\n\r\n")));
	assert_false(detected(STRV("\r\nChat-Version: 1\r\n\r\n")));
	assert_false(detected(STRV("\0")));
	assert_false(detected(STRV("")));
}

static void a_header_of_a_mebibyte_is_judged_by_what_was_kept_of_it(void **state)
{
	struct buf text;

	(void)state;
	for (int first = 0; first < 2; first++) {
		buf_init(&text, 4 * 1024 * 1024);
		if (first)
			buf_adds(&text, "Chat-Version: 1.0\r\n");
		buf_adds(&text, "X-Long: ");
		while (text.len < 1024 * 1024)
			buf_adds(&text, "0123456789abcdef");
		buf_adds(&text, "\r\n");
		buf_adds(&text, "Message-ID: <chat$1@x>\r\n\r\nbody\r\n");
		assert_int_equal(detected(buf_strv(&text)), first);
		buf_fini(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_judged_as_the_table_says),
		cmocka_unit_test(the_verdict_does_not_depend_on_how_the_message_comes),
		cmocka_unit_test(only_the_top_header_counts),
		cmocka_unit_test(nul_and_line_ends_in_odd_places_do_no_harm),
		cmocka_unit_test(a_header_of_a_mebibyte_is_judged_by_what_was_kept_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
