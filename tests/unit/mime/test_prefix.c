#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "mime/header.h"
#include "mime/summary.h"

static const char prefix_text[] = "Return-Path: <a@example.org>\r\nDelivered-To: b@example.org\r\n";

static const char message_text[] =
	"From: a@example.org\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
	"boundary=x\r\n\r\n"
	"preamble\r\n--x\r\nContent-Type: text/plain\r\n\r\none\r\n"
	"--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ntwo\r\n--x--\r\n";

static struct mime_summary scan(struct arena *arena, struct strv text)
{
	struct mime_summary summary;
	struct mime_msg *msg;
	struct mime_scan *s = mime_scan_new(NULL);
	mime_scan_feed(s, text.p, text.n);
	mime_scan_finish(s, &msg);
	mime_scan_free(&s);
	mime_summary_build(msg, arena, &summary);
	mime_msg_free(&msg);
	return summary;
}

static void a_shifted_table_is_the_table_of_the_longer_message(void **state)
{
	struct arena *arena = arena_new(0);
	struct buf whole, shifted, headers;
	(void)state;
	buf_init(&whole, 1 << 16);
	buf_init(&shifted, 1 << 16);
	buf_init(&headers, 1 << 16);
	/* Prefixes long enough to need more octets for the number. */
	for (unsigned repeat = 1; repeat < 400; repeat = repeat * 3 + 1) {
		buf_reset(&whole);
		for (unsigned i = 0; i < repeat; i++)
			buf_addv(&whole, STRV(prefix_text));
		size_t added = whole.len;
		struct mime_summary plain = scan(arena, STRV(message_text));
		buf_reset(&headers);
		mime_headers_prefix(&headers, strv_make(whole.p, added), plain.headers);
		buf_addv(&whole, STRV(message_text));
		struct mime_summary longer = scan(arena, buf_strv(&whole));
		buf_reset(&shifted);
		mime_parts_shift(&shifted, plain.parts, added);
		assert_true(strv_eq(buf_strv(&shifted), longer.parts));
		if (longer.headers.n > 0)
			assert_true(strv_eq(buf_strv(&headers), longer.headers));
	}
	buf_fini(&whole);
	buf_fini(&shifted);
	buf_fini(&headers);
	arena_free(&arena);
}

static void a_section_lies_behind_the_prefix(void **state)
{
	struct arena *arena = arena_new(0);
	struct mime_summary plain = scan(arena, STRV(message_text));
	struct buf shifted;
	struct mime_range before, after;
	uint32_t path[] = { 2 };
	(void)state;
	buf_init(&shifted, 1 << 16);
	mime_parts_shift(&shifted, plain.parts, sizeof(prefix_text) - 1);
	assert_int_equal(mime_parts_find(plain.parts, path, 1, MIME_SECTION_TEXT, &before), RC_OK);
	assert_int_equal(mime_parts_find(buf_strv(&shifted), path, 1, MIME_SECTION_TEXT, &after), RC_OK);
	assert_int_equal(after.offset, before.offset + sizeof(prefix_text) - 1);
	assert_int_equal(after.size, before.size);
	assert_int_equal(mime_parts_find(buf_strv(&shifted), NULL, 0, MIME_SECTION_HEADER, &after), RC_OK);
	assert_int_equal(after.offset, 0);
	buf_fini(&shifted);
	arena_free(&arena);
}

static void what_is_no_table_stays_as_it_is(void **state)
{
	struct buf out;
	(void)state;
	buf_init(&out, 100);
	mime_parts_shift(&out, STRV("\x01"), 5);
	assert_int_equal(out.len, 1);
	buf_reset(&out);
	mime_parts_shift(&out, STRV("\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), 5);
	assert_int_equal(out.len, 13);
	buf_reset(&out);
	mime_parts_shift(&out, STRV_NULL, 5);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

static void no_prefix_changes_nothing(void **state)
{
	struct arena *arena = arena_new(0);
	struct mime_summary plain = scan(arena, STRV("X: y\r\n\r\nbody"));
	struct buf out;
	(void)state;
	buf_init(&out, 1000);
	mime_parts_shift(&out, plain.parts, 0);
	assert_true(strv_eq(buf_strv(&out), plain.parts));
	buf_reset(&out);
	mime_headers_prefix(&out, STRV(prefix_text), STRV_NULL);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shifted_table_is_the_table_of_the_longer_message),
		cmocka_unit_test(a_section_lies_behind_the_prefix),
		cmocka_unit_test(what_is_no_table_stays_as_it_is),
		cmocka_unit_test(no_prefix_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
