#include "imap/print.h"
#include "imap/rc_text.h"

#include "base/clock.h"
#include "store/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ASSERT_OUT(call, expected)                                                                           \
	do {                                                                                                 \
		struct buf out;                                                                              \
		buf_init(&out, 8192);                                                                        \
		call;                                                                                        \
		assert_true(buf_ok(&out));                                                                   \
		assert_int_equal(out.len, strlen(expected));                                                 \
		assert_memory_equal(out.p, (expected), out.len);                                             \
		buf_fini(&out);                                                                              \
	} while (0)

static void strings_are_quoted_where_they_can_be(void **state)
{
	(void)state;
	ASSERT_OUT(print_astring(&out, STRV("")), "\"\"");
	ASSERT_OUT(print_astring(&out, STRV("a b")), "\"a b\"");
	ASSERT_OUT(print_astring(&out, STRV("\"\\")), "\"\\\"\\\\\"");
	ASSERT_OUT(print_astring(&out, STRV("a\"b\\c")), "\"a\\\"b\\\\c\"");
	ASSERT_OUT(print_astring(&out, STRV("\x01\x7f")), "\"\x01\x7f\"");
}

static void other_strings_are_literals(void **state)
{
	(void)state;
	ASSERT_OUT(print_astring(&out, STRV("a\r\nb")), "{4}\r\na\r\nb");
	ASSERT_OUT(print_astring(&out, STRV("\xc3\xbc")), "{2}\r\n\xc3\xbc");
	ASSERT_OUT(print_astring(&out, STRV("\x80")), "{1}\r\n\x80");
	ASSERT_OUT(print_astring(&out, STRV("\r")), "{1}\r\n\r");
	char big[PRINT_QUOTED_MAX + 1];
	char expected[PRINT_QUOTED_MAX + 100];
	memset(big, 'x', sizeof(big));
	snprintf(expected, sizeof(expected), "{%d}\r\n%.*s", PRINT_QUOTED_MAX + 1, PRINT_QUOTED_MAX + 1, big);
	ASSERT_OUT(print_astring(&out, strv_make(big, sizeof(big))), expected);
	for (int n = PRINT_QUOTED_MAX - 1; n <= PRINT_QUOTED_MAX; n++) {
		snprintf(expected, sizeof(expected), "\"%.*s\"", n, big);
		ASSERT_OUT(print_astring(&out, strv_make(big, (size_t)n)), expected);
	}
}

static void no_string_is_nil(void **state)
{
	(void)state;
	ASSERT_OUT(print_nstring(&out, STRV_NULL), "NIL");
	ASSERT_OUT(print_nstring(&out, STRV("NIL")), "\"NIL\"");
}

static void mailbox_names_are_encoded_and_quoted(void **state)
{
	(void)state;
	ASSERT_OUT(print_mailbox(&out, STRV("a/b"), false), "\"a/b\"");
	ASSERT_OUT(print_mailbox(&out, STRV("R&D"), false), "\"R&-D\"");
	ASSERT_OUT(print_mailbox(&out, STRV("\xc3\xbc"), false), "\"&APw-\"");
	ASSERT_OUT(print_mailbox(&out, STRV("\xc3\xbc&"), true), "\"\xc3\xbc&\"");
	ASSERT_OUT(print_mailbox(&out, STRV("a\"b\\"), false), "\"a\\\"b\\\\\"");
}

static void message_data_begin_with_a_number_or_a_uid(void **state)
{
	(void)state;
	ASSERT_OUT(print_fetch_head(&out, false, 3, 70), "* 3 FETCH (");
	ASSERT_OUT(print_fetch_head(&out, true, 3, 70), "* 70 UIDFETCH (");
}

static void flags_come_in_one_order(void **state)
{
	(void)state;
	const struct strv names[] = { { "$a", 2 }, { "b", 1 } };
	ASSERT_OUT(print_flags(&out, 0, false, 0, NULL, names, 2), "()");
	ASSERT_OUT(print_flags(&out, MSG_FLAGS_CLIENT, true, 3, NULL, names, 2),
		"(\\Answered \\Flagged \\Deleted \\Seen \\Draft \\Recent $a b)");
	ASSERT_OUT(print_flags(&out, MSG_CHAT, false, 2, NULL, names, 2), "(b)");
	/* A keyword whose name is not known is left out. */
	ASSERT_OUT(print_flags(&out, MSG_SEEN, false, 4, NULL, names, 2), "(\\Seen)");
}

static void dates_keep_their_zone(void **state)
{
	(void)state;
	ASSERT_OUT(print_date_time(&out, clock_from_utc(1996, 7, 17, 9, 44, 25), -420),
		"\"17-Jul-1996 02:44:25 -0700\"");
	ASSERT_OUT(print_date_time(&out, clock_from_utc(2025, 12, 31, 18, 30, 0), 330),
		"\"01-Jan-2026 00:00:00 +0530\"");
}

static void every_error_has_a_text_and_no_detail(void **state)
{
	(void)state;
	for (unsigned rc = 0; rc < RC_MAX; rc++) {
		const char *text = rc_text((enum rc)rc);
		assert_non_null(text);
		for (const char *p = text; *p; p++)
			assert_true(*p >= ' ' && *p < 0x7f);
	}
	assert_null(rc_text_code(RC_OK));
	assert_string_equal(rc_text_code(RC_EXISTS), "ALREADYEXISTS");
	assert_string_equal(rc_text_code(RC_QUOTA), "OVERQUOTA");
	assert_string_equal(rc_text_code(RC_AUTH), "AUTHENTICATIONFAILED");
	assert_string_equal(rc_text((enum rc)4711), rc_text(RC_AGAIN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_quoted_where_they_can_be),
		cmocka_unit_test(other_strings_are_literals),
		cmocka_unit_test(no_string_is_nil),
		cmocka_unit_test(mailbox_names_are_encoded_and_quoted),
		cmocka_unit_test(message_data_begin_with_a_number_or_a_uid),
		cmocka_unit_test(flags_come_in_one_order),
		cmocka_unit_test(dates_keep_their_zone),
		cmocka_unit_test(every_error_has_a_text_and_no_detail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
