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
	{ "Message-ID: (a comment) <chat$1@x>\r\n", true },
	{ "Message-ID: (see <1@x>)\r\n\t(and \\) (more)) chat$1@x\r\n", true },
	{ "Message-ID: <(inside) chat$1@x>\r\n", true },
	{ "Message-ID: <\"chat$1\"@x>\r\n", true },
	{ "Message-ID: <\"ch\\at$1 with blanks\"@x> (comment)\r\n", true },
	{ "Message-ID: (chat$1@x) <1@x>\r\n", false },
	{ "Message-ID: <\"Chat$1\"@x>\r\n", false },
	{ "Message-ID: <\"\\\"chat$1\"@x>\r\n", false },
	{ "Message-ID: some words <chat$1@x>\r\n", false },
	{ "References: (see <1@x>) <chat$1@x>\r\n", true },
	{ "References: \"Your <message>\" <\"chat$1\"@x>\r\n", true },
	{ "References: (chat$1@x) <1@x> <chat$2@x>\r\n", false },
	{ "References: chat$ <1@x>\r\n", false },
	{ "Subject: x\r\nno colon at all\r\nChat-Version: 1.0\r\n", true },
	{ "no colon at all\r\nChat-Version: 1.0\r\n", false },
	{ ": empty name\r\nChat-Version: 1.0\r\n", true },
	{ "Subject: \xe4\xf6\xfc\r\nChat-Version: 1.0\r\n", true },
	{ "S\xfc"
	  "bject: x\r\nChat-Version: 1.0\r\n",
		false },
	{ "Subject: x\r\nS\xfc"
	  "bject: x\r\nChat-Version: 1.0\r\n",
		true },
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

static void signs_are_found_behind_a_mebibyte_of_header(void **state)
{
	static const char *const signs[] = { "Chat-Version: 1.0\r\n", "Message-ID: <chat$1@x>\r\n",
		"References: <chat$1@x>\r\n", "X-Chat-Version: 1.0\r\n" };
	struct buf text;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		buf_init(&text, 4 * 1024 * 1024);
		buf_adds(&text, "X-Long: ");
		while (text.len < 1024 * 1024)
			buf_adds(&text, "0123456789abcdef");
		buf_adds(&text, "\r\n");
		while (text.len < 2 * 1024 * 1024)
			buf_adds(&text, "Received: by somebody\r\n");
		buf_adds(&text, signs[i]);
		buf_adds(&text, "\r\nbody\r\n");
		assert_int_equal(detected(buf_strv(&text)), i < 3);
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
		cmocka_unit_test(signs_are_found_behind_a_mebibyte_of_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
