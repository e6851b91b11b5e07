#include "mime/summary.h"

#include "imap_syntax.h"
#include "mime/summary_priv.h"
#include "mime_test.h"

static void summarise(struct strv text, struct arena *arena, struct mime_summary *summary)
{
	struct mime_msg *msg = test_scan(text);
	mime_summary_build(msg, arena, summary);
	/* The summary has no pointers into the message. */
	mime_msg_free(&msg);
}

static void assert_view(struct strv v, const char *expected)
{
	struct buf out;
	buf_init(&out, TEST_TEXT_MAX);
	buf_addv(&out, v);
	test_buf_is(&out, expected);
}

static void all_is_computed_at_once(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct mime_summary summary;
	summarise(STRV("DKIM-Signature: v=1;\r\n b=x\r\nSubject: x\r\nX-Received: y\r\n"
		       "Date: Tue, 24 Nov 2026 03:42:21 +0100\r\nTo: a@b\r\n c@d\r\n\r\nHello \0\r\n"),
		arena, &summary);
	assert_view(summary.envelope,
		"(\"Tue, 24 Nov 2026 03:42:21 +0100\" \"x\" NIL NIL NIL ((NIL NIL \"a\" \"b\")) "
		"NIL NIL NIL NIL)");
	assert_view(summary.body, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 9 1)");
	assert_view(summary.bodystructure,
		"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 9 1 NIL NIL NIL NIL)");
	assert_view(summary.headers,
		"Subject: x\r\nDate: Tue, 24 Nov 2026 03:42:21 +0100\r\nTo: a@b\r\n c@d\r\n");
	assert_view(summary.preview, "Hello");
	assert_int_equal(summary.sent_date, 1795488141);
	assert_int_equal(summary.sent_zone, 60);
	assert_true(summary.has_nul);
	struct mime_range range;
	assert_int_equal(mime_parts_find(summary.parts, NULL, 0, MIME_SECTION_TEXT, &range), RC_OK);
	assert_int_equal(range.size, 9);
	arena_free(&arena);
}

static void an_empty_message_has_a_summary(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct mime_summary summary;
	summarise(STRV(""), arena, &summary);
	assert_true(imap_envelope_valid(summary.envelope));
	assert_true(imap_body_valid(summary.body, false));
	assert_true(imap_body_valid(summary.bodystructure, true));
	assert_int_equal(summary.headers.n, 0);
	assert_int_equal(summary.preview.n, 0);
	assert_true(summary.sent_date == INT64_MIN);
	assert_false(summary.has_nul);
	summarise(STRV("Date: yesterday\n\n"), arena, &summary);
	assert_true(summary.sent_date == INT64_MIN);
	arena_free(&arena);
}

static void a_field_without_a_line_end_is_cached_with_one(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct mime_summary summary;
	summarise(STRV("Subject: x"), arena, &summary);
	assert_view(summary.headers, "Subject: x\r\n");
	arena_free(&arena);
}

static void a_large_header_is_not_cached(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct mime_summary summary;
	struct buf text;
	buf_init(&text, TEST_TEXT_MAX);
	buf_adds(&text, "Subject: ");
	while (text.len < MIME_HEADER_CACHE_MAX - 1)
		buf_addc(&text, 'x');
	buf_adds(&text, "\n");
	summarise(buf_strv(&text), arena, &summary);
	assert_int_equal(summary.headers.n, MIME_HEADER_CACHE_MAX);
	text.p[text.len - 1] = 'x';
	buf_adds(&text, "\n");
	summarise(buf_strv(&text), arena, &summary);
	assert_int_equal(summary.headers.n, 0);
	/* Bulky fields do not count. */
	buf_reset(&text);
	buf_adds(&text, "Subject: x\nDKIM-Signature: ");
	while (text.len < 2 * MIME_HEADER_CACHE_MAX)
		buf_addc(&text, 'x');
	buf_adds(&text, "\n");
	summarise(buf_strv(&text), arena, &summary);
	assert_view(summary.headers, "Subject: x\n");
	buf_fini(&text);
	arena_free(&arena);
}

static void a_cut_header_is_not_cached(void **state)
{
	(void)state;
	struct mime_limits limits = mime_limits_default;
	struct arena *arena = arena_new(0);
	struct mime_summary summary;
	limits.header_bytes = 15;
	struct mime_msg *msg = test_scan_steps(STRV("X-Subject: x\nX-To: a@b\n\n"), 0, &limits);
	mime_summary_build(msg, arena, &summary);
	assert_int_equal(summary.headers.n, 0);
	mime_msg_free(&msg);
	arena_free(&arena);
}

static struct mime_msg *scan_repeated(const char *begin, const char *item, size_t size)
{
	struct buf text;
	buf_init(&text, 2 * size + 1000);
	buf_adds(&text, "Content-Type: text/plain\nSubject: kept\nTo: kept@b\nFrom: ");
	buf_adds(&text, begin);
	while (text.len < size)
		buf_adds(&text, item);
	buf_adds(&text, "\" <c@d>\n\nbody");
	struct mime_msg *msg = test_scan(buf_strv(&text));
	buf_fini(&text);
	return msg;
}

static void an_envelope_too_long_is_made_short(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct mime_summary summary;
	/* Sender and Reply-To are those of From: 3 times 800,000 octets pass the limit, 300 addresses do
	 * not. */
	static const char item[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				   "aaaaaaaaaaaaaaaaaaaaaaaaaaa"
				   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b,";
	struct mime_msg *msg = scan_repeated("", item, 800000);
	mime_summary_build(msg, arena, &summary);
	assert_true(imap_envelope_valid(summary.envelope));
	assert_true(summary.envelope.n < 200000);
	assert_non_null(memmem(summary.envelope.p, summary.envelope.n, "kept\" \"b", 8));
	mime_msg_free(&msg);
	/* A name that does not fit at all leaves NIL. */
	msg = scan_repeated("\"", "abcdefgh", 1000000);
	mime_summary_build(msg, arena, &summary);
	assert_view(summary.envelope, "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
	mime_msg_free(&msg);
	arena_free(&arena);
}

static void five_thousand_recipients_are_all_in_the_envelope(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct mime_summary summary;
	struct buf text;
	buf_init(&text, TEST_TEXT_MAX);
	buf_adds(&text, "Date: x\r\nTo: ");
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "%s\"Person number %d\" <person.number.%d@department.example.org>",
			i > 0 ? ",\r\n " : "", i, i);
	buf_adds(&text, "\r\nFrom: a@b\r\nSubject: behind it\r\nMIME-Version: 1.0\r\n"
			"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n");
	assert_true(text.len > 300000);
	struct mime_msg *msg = test_scan(buf_strv(&text));
	mime_summary_build(msg, arena, &summary);
	assert_true(imap_envelope_valid(summary.envelope));
	assert_true(strv_starts(summary.envelope, STRV("(\"x\" \"behind it\" ((NIL NIL \"a\" \"b\"))")));
	static const char last[] =
		"(\"Person number 4999\" NIL \"person.number.4999\" \"department.example.org\"))";
	assert_non_null(memmem(summary.envelope.p, summary.envelope.n, last, strlen(last)));
	assert_view(summary.body,
		"((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0) \"mixed\")");
	mime_msg_free(&msg);
	buf_fini(&text);
	arena_free(&arena);
}

static void many_large_parts_are_shown_as_one(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct mime_summary summary;
	struct mime_limits limits = mime_limits_default;
	struct buf text;
	limits.values_total = 2 * MIME_STRUCTURE_MAX;
	buf_init(&text, 4 * MIME_STRUCTURE_MAX);
	buf_adds(&text, "Content-Type: multipart/mixed; boundary=b\n\n");
	for (int i = 0; i < 70; i++) {
		buf_adds(&text, "--b\nContent-Description: ");
		for (int j = 0; j < 12500; j++)
			buf_adds(&text, "12345678");
		buf_adds(&text, "\n\n");
	}
	struct mime_msg *msg = test_scan_steps(buf_strv(&text), 0, &limits);
	mime_summary_build(msg, arena, &summary);
	assert_true(imap_body_valid(summary.body, false));
	assert_true(imap_body_valid(summary.bodystructure, true));
	assert_view(summary.body,
		"((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0) \"mixed\")");
	mime_msg_free(&msg);
	buf_fini(&text);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_computed_at_once),
		cmocka_unit_test(an_empty_message_has_a_summary),
		cmocka_unit_test(a_field_without_a_line_end_is_cached_with_one),
		cmocka_unit_test(a_large_header_is_not_cached),
		cmocka_unit_test(a_cut_header_is_not_cached),
		cmocka_unit_test(an_envelope_too_long_is_made_short),
		cmocka_unit_test(five_thousand_recipients_are_all_in_the_envelope),
		cmocka_unit_test(many_large_parts_are_shown_as_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
