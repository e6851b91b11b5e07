/* Helpers of the tests of this folder: scanning in pieces, and a message as comparable text. */
#ifndef COID_TESTS_MIME_TEST_H
#define COID_TESTS_MIME_TEST_H

#include "base/mem.h"
#include "mime/mime.h"
#include "mime/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEST_TEXT_MAX (8 * 1024 * 1024)

static inline void test_feed(struct mime_scan *scan, struct strv piece)
{
	/* An exact copy, so that a read past the end is seen. */
	char *copy = mem_alloc(piece.n);
	if (piece.n > 0)
		memcpy(copy, piece.p, piece.n);
	mime_scan_feed(scan, copy, piece.n);
	free(copy);
}

static inline struct mime_msg *test_finish(struct mime_scan *scan)
{
	struct mime_msg *msg = NULL;
	mime_scan_finish(scan, &msg);
	mime_scan_free(&scan);
	assert_non_null(msg);
	return msg;
}

/* Scans in pieces of `step` octets; 0: at once. */
static inline struct mime_msg *test_scan_steps(
	struct strv text, size_t step, const struct mime_limits *limits)
{
	struct mime_scan *scan = mime_scan_new(limits);
	if (step == 0)
		step = text.n;
	for (size_t i = 0; i < text.n; i += step)
		test_feed(scan, strv_sub(text, i, step));
	return test_finish(scan);
}

static inline struct mime_msg *test_scan(struct strv text)
{
	return test_scan_steps(text, 0, NULL);
}

static inline struct mime_msg *test_scan_split(struct strv text, size_t at, const struct mime_limits *limits)
{
	struct mime_scan *scan = mime_scan_new(limits);
	test_feed(scan, strv_sub(text, 0, at));
	test_feed(scan, strv_sub(text, at, text.n));
	return test_finish(scan);
}

static inline void test_print_part(struct buf *out, const struct mime_part *part)
{
	buf_printf(out, "%d #%u %.*s/%.*s %.*s header %lu+%lu (%lu) body %lu+%lu (%lu) cut %d\n",
		(int)part->kind, part->index, STRV_ARG(part->type), STRV_ARG(part->subtype),
		STRV_ARG(part->encoding), (unsigned long)part->header_offset,
		(unsigned long)part->header_size, (unsigned long)part->header_lines,
		(unsigned long)part->body_offset, (unsigned long)part->body_size,
		(unsigned long)part->body_lines, part->header_cut);
	for (size_t i = 0; i < part->field_count; i++) {
		buf_addv(out, part->fields[i].name);
		buf_adds(out, "=");
		buf_addv(out, part->fields[i].value);
		buf_adds(out, "\n");
	}
	for (const struct mime_part *child = part->child; child; child = child->sibling) {
		assert_ptr_equal(child->parent, part);
		test_print_part(out, child);
	}
}

/* All that a scan found out. */
static inline void test_print_msg(struct buf *out, const struct mime_msg *msg)
{
	buf_printf(out, "size %lu nul %d 8bit %d lf %d text ", (unsigned long)msg->size, msg->has_nul,
		msg->has_8bit, msg->has_bare_lf);
	if (msg->text_part)
		buf_printf(out, "at %lu: ", (unsigned long)msg->text_part->body_offset);
	buf_addv(out, msg->text_start);
	buf_adds(out, "\n");
	test_print_part(out, msg->root);
}

static inline void test_buf_is(struct buf *buf, const char *expected)
{
	buf_addc(buf, '\0');
	assert_true(buf_ok(buf));
	assert_string_equal(buf->p, expected);
	buf_fini(buf);
}

#endif
