#include "mime/summary.h"

#include "mime/decode.h"
#include "mime_test.h"
#include "nasty.h"

#define PATH_MAX_DEPTH 8

/* The section's bytes, or "none" or "corrupt". `path` is "4.2.1" or "". */
static void find(
	struct buf *out, struct strv text, struct strv table, const char *path, enum mime_section what)
{
	uint32_t numbers[PATH_MAX_DEPTH];
	size_t depth = 0;
	for (const char *p = path; *p; p++)
		if (*p != '.')
			numbers[depth++] = (uint32_t)(*p - '0');
	struct mime_range range = { .offset = 0 };
	enum rc rc = mime_parts_find(table, numbers, depth, what, &range);
	if (rc == RC_OK) {
		assert_true(range.offset + range.size <= text.n);
		buf_addv(out, strv_sub(text, range.offset, range.size));
	} else {
		buf_adds(out, rc == RC_NOT_FOUND ? "none" : "corrupt");
	}
}

static void assert_section(struct strv text, const char *path, enum mime_section what, const char *expected)
{
	struct buf table;
	struct buf out;
	struct mime_msg *msg = test_scan(text);
	buf_init(&table, TEST_TEXT_MAX);
	buf_init(&out, TEST_TEXT_MAX);
	mime_parts_encode(&table, msg);
	find(&out, text, buf_strv(&table), path, what);
	mime_msg_free(&msg);
	buf_fini(&table);
	test_buf_is(&out, expected);
}

/* The example of RFC 3501 section 6.4.5, made real. */
static const char example[] =
	"Subject: top\nContent-Type: multipart/mixed; boundary=a\n\npre\n"
	"--a\n\np1\n"
	"--a\nContent-Type: application/octet-stream\n\np2\n"
	"--a\nContent-Type: message/rfc822\n\n"
	"Subject: three\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\np3.1\n--b\nX: y\n\np3.2\n--b--\n"
	"--a\nContent-Type: multipart/mixed; boundary=c\n\n"
	"--c\nContent-Type: image/gif\n\np4.1\n"
	"--c\nContent-Type: message/rfc822\n\n"
	"Subject: four\nContent-Type: multipart/mixed; boundary=d\n\n"
	"--d\n\np4.2.1\n"
	"--d\nContent-Type: multipart/alternative; boundary=e\n\n--e\n\np4.2.2.1\n--e\n\np4.2.2.2\n--e--\n"
	"--d--\n"
	"--c--\n"
	"--a--\nepilogue\n";

static void sections_of_the_example_of_rfc_3501_are_found(void **state)
{
	(void)state;
	struct strv text = strv_cstr(example);
	assert_section(text, "", MIME_SECTION_ALL, example);
	assert_section(
		text, "", MIME_SECTION_HEADER, "Subject: top\nContent-Type: multipart/mixed; boundary=a\n\n");
	assert_section(text, "", MIME_SECTION_TEXT, strstr(example, "pre\n"));
	assert_section(text, "", MIME_SECTION_MIME, "none");
	assert_section(text, "1", MIME_SECTION_ALL, "p1");
	assert_section(text, "1", MIME_SECTION_MIME, "\n");
	assert_section(text, "1", MIME_SECTION_HEADER, "none");
	assert_section(text, "1", MIME_SECTION_TEXT, "none");
	assert_section(text, "1.1", MIME_SECTION_ALL, "none");
	assert_section(text, "2", MIME_SECTION_ALL, "p2");
	assert_section(text, "2", MIME_SECTION_MIME, "Content-Type: application/octet-stream\n\n");
	assert_section(text, "3", MIME_SECTION_HEADER,
		"Subject: three\nContent-Type: multipart/mixed; boundary=b\n\n");
	assert_section(text, "3", MIME_SECTION_TEXT, "--b\n\np3.1\n--b\nX: y\n\np3.2\n--b--");
	assert_section(text, "3", MIME_SECTION_MIME, "Content-Type: message/rfc822\n\n");
	assert_section(text, "3.1", MIME_SECTION_ALL, "p3.1");
	assert_section(text, "3.2", MIME_SECTION_ALL, "p3.2");
	assert_section(text, "3.2", MIME_SECTION_MIME, "X: y\n\n");
	assert_section(text, "3.3", MIME_SECTION_ALL, "none");
	assert_section(text, "4.1", MIME_SECTION_ALL, "p4.1");
	assert_section(text, "4.1", MIME_SECTION_MIME, "Content-Type: image/gif\n\n");
	assert_section(text, "4", MIME_SECTION_HEADER, "none");
	assert_section(text, "4.2", MIME_SECTION_HEADER,
		"Subject: four\nContent-Type: multipart/mixed; boundary=d\n\n");
	assert_section(text, "4.2.1", MIME_SECTION_ALL, "p4.2.1");
	assert_section(text, "4.2.2.1", MIME_SECTION_ALL, "p4.2.2.1");
	assert_section(text, "4.2.2.2", MIME_SECTION_ALL, "p4.2.2.2");
	assert_section(text, "4.2.2.2.1", MIME_SECTION_ALL, "none");
	assert_section(text, "5", MIME_SECTION_ALL, "none");
	assert_section(text, "0", MIME_SECTION_ALL, "none");
}

static void a_message_that_is_no_multipart_has_part_one(void **state)
{
	(void)state;
	struct strv text = STRV("Subject: x\n\nbody\n");
	assert_section(text, "1", MIME_SECTION_ALL, "body\n");
	assert_section(text, "1", MIME_SECTION_MIME, "Subject: x\n\n");
	assert_section(text, "1", MIME_SECTION_HEADER, "none");
	assert_section(text, "2", MIME_SECTION_ALL, "none");
	assert_section(text, "1.1", MIME_SECTION_ALL, "none");
	assert_section(text, "", MIME_SECTION_TEXT, "body\n");
	assert_section(STRV(""), "1", MIME_SECTION_ALL, "");
}

static void a_message_that_is_a_message_nests(void **state)
{
	(void)state;
	struct strv text = STRV("Content-Type: message/rfc822\n\nSubject: in\n\nbody\n");
	assert_section(text, "1", MIME_SECTION_ALL, "Subject: in\n\nbody\n");
	assert_section(text, "1", MIME_SECTION_HEADER, "Subject: in\n\n");
	assert_section(text, "1", MIME_SECTION_TEXT, "body\n");
	assert_section(text, "1.1", MIME_SECTION_ALL, "body\n");
	assert_section(text, "1.1", MIME_SECTION_MIME, "Subject: in\n\n");
	assert_section(text, "1.1.1", MIME_SECTION_ALL, "none");
	assert_section(text, "1.2", MIME_SECTION_ALL, "none");
}

static void the_empty_text_of_a_multipart_without_parts_can_be_fetched(void **state)
{
	(void)state;
	struct strv text = STRV("Content-Type: multipart/mixed; boundary=b\n\nnothing\n");
	assert_section(text, "1", MIME_SECTION_ALL, "");
	assert_section(text, "1", MIME_SECTION_MIME, "");
	assert_section(text, "1", MIME_SECTION_HEADER, "none");
	assert_section(text, "2", MIME_SECTION_ALL, "none");
	assert_section(text, "1.1", MIME_SECTION_ALL, "none");
}

static void the_encoding_comes_with_the_range(void **state)
{
	(void)state;
	static const uint32_t path[] = { 1 };
	struct mime_msg *msg = test_scan(STRV("Content-Transfer-Encoding: Base64\n\nAAAA"));
	struct mime_range range;
	struct buf table;
	buf_init(&table, 1000);
	mime_parts_encode(&table, msg);
	assert_int_equal(mime_parts_find(buf_strv(&table), path, 1, MIME_SECTION_ALL, &range), RC_OK);
	assert_int_equal(range.encoding, MIME_ENC_BASE64);
	assert_int_equal(range.size, 4);
	buf_fini(&table);
	mime_msg_free(&msg);
}

/* Every path below `part` leads to its octets. */
static void check_paths(
	struct strv text, struct strv table, const struct mime_part *part, uint32_t *path, size_t depth)
{
	uint32_t n = 0;
	for (const struct mime_part *child = part->child; child && depth < PATH_MAX_DEPTH;
		child = child->sibling) {
		struct mime_range range;
		/* An embedded message has no number of its own unless it is no multipart. */
		bool silent = part->kind == MIME_MESSAGE && child->kind == MIME_MULTIPART;
		path[depth] = ++n;
		if (!silent) {
			assert_int_equal(
				mime_parts_find(table, path, depth + 1, MIME_SECTION_ALL, &range), RC_OK);
			assert_int_equal(range.offset, child->body_offset);
			assert_int_equal(range.size, child->body_size);
			assert_int_equal(
				mime_parts_find(table, path, depth + 1, MIME_SECTION_MIME, &range), RC_OK);
			assert_int_equal(range.offset, child->header_offset);
			assert_int_equal(range.size, child->header_size);
		}
		check_paths(text, table, child, path, silent ? depth : depth + 1);
	}
}

static void every_part_of_every_message_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < NASTY_COUNT; i++) {
		const struct nasty *nasty = &nasty_messages[i];
		struct strv text =
			nasty->raw > 0 ? strv_make(nasty->text, nasty->raw) : strv_cstr(nasty->text);
		struct mime_msg *msg = test_scan(text);
		struct buf table;
		uint32_t path[PATH_MAX_DEPTH] = { 1 };
		buf_init(&table, TEST_TEXT_MAX);
		mime_parts_encode(&table, msg);
		check_paths(
			text, buf_strv(&table), msg->root, path, msg->root->kind == MIME_MULTIPART ? 0 : 1);
		buf_fini(&table);
		mime_msg_free(&msg);
	}
}

static void a_cut_or_foreign_table_is_corrupt(void **state)
{
	(void)state;
	static const uint32_t path[] = { 4, 2, 2, 2 };
	struct mime_range range;
	struct buf table;
	struct mime_msg *msg = test_scan(strv_cstr(example));
	buf_init(&table, 1000);
	mime_parts_encode(&table, msg);
	mime_msg_free(&msg);
	for (size_t n = 0; n < table.len; n++) {
		char *copy = mem_alloc(n);
		memcpy(copy, table.p, n);
		assert_int_equal(
			mime_parts_find(strv_make(copy, n), path, 4, MIME_SECTION_ALL, &range), RC_CORRUPT);
		free(copy);
	}
	table.p[0] = 2;
	assert_int_equal(mime_parts_find(buf_strv(&table), NULL, 0, MIME_SECTION_ALL, &range), RC_CORRUPT);
	table.p[0] = 1;
	table.p[1] = 3;
	assert_int_equal(mime_parts_find(buf_strv(&table), NULL, 0, MIME_SECTION_ALL, &range), RC_CORRUPT);
	buf_fini(&table);
}

/* All that can be asked of a table: no answer lies beyond the numbers of 63 bits, and no read beyond the
 * table. */
static void ask_everything(struct strv bytes)
{
	char *copy = mem_alloc(bytes.n);
	memcpy(copy, bytes.p, bytes.n);
	struct strv table = strv_make(copy, bytes.n);
	for (uint32_t path = 0; path < 5 * 5 * 5 * 5; path++) {
		uint32_t numbers[4] = { path % 5, path / 5 % 5, path / 25 % 5, path / 125 };
		for (size_t depth = 0; depth <= 4; depth++) {
			for (unsigned what = MIME_SECTION_ALL; what <= MIME_SECTION_MIME; what++) {
				struct mime_range range;
				enum rc rc = mime_parts_find(
					table, numbers, depth, (enum mime_section)what, &range);
				if (rc == RC_OK) {
					assert_true(range.offset <= INT64_MAX);
					assert_true(range.size <= INT64_MAX - range.offset);
					assert_true(range.encoding <= MIME_ENC_UNKNOWN);
				} else {
					assert_true(rc == RC_NOT_FOUND || rc == RC_CORRUPT);
				}
			}
		}
	}
	free(copy);
}

static void each_turned_octet_of_a_table_gives_an_error_or_bounded_ranges(void **state)
{
	(void)state;
	static const unsigned turns[] = { 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff };
	struct mime_msg *msg = test_scan(strv_cstr(example));
	struct buf table, shifted;
	buf_init(&table, 1000);
	buf_init(&shifted, 1000);
	mime_parts_encode(&table, msg);
	mime_msg_free(&msg);
	for (size_t i = 0; i < table.len; i++) {
		char whole = table.p[i];
		for (size_t t = 0; t < sizeof(turns) / sizeof(turns[0]); t++) {
			table.p[i] = (char)((unsigned char)whole ^ turns[t]);
			ask_everything(buf_strv(&table));
			/* The same table for a copy with lines before it. */
			buf_reset(&shifted);
			mime_parts_shift(&shifted, buf_strv(&table), 100);
			ask_everything(buf_strv(&shifted));
		}
		table.p[i] = whole;
		/* Cut here. */
		buf_reset(&shifted);
		mime_parts_shift(&shifted, strv_sub(buf_strv(&table), 0, i), 100);
		if (i > 0)
			ask_everything(buf_strv(&shifted));
	}
	buf_fini(&table);
	buf_fini(&shifted);
}

static void numbers_too_large_are_corrupt(void **state)
{
	(void)state;
	static const uint32_t path[] = { 1, 1 };
	struct mime_range range;
	/* A size of 2^63, and a message that promises a child that is not there. */
	struct strv large = STRV("\x01\0\0\0\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01");
	assert_int_equal(mime_parts_find(large, NULL, 0, MIME_SECTION_ALL, &range), RC_CORRUPT);
	struct strv sum = STRV("\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01\0");
	assert_int_equal(mime_parts_find(sum, NULL, 0, MIME_SECTION_ALL, &range), RC_CORRUPT);
	struct strv childless = STRV("\x01\x02\0\0\0\0");
	assert_int_equal(mime_parts_find(childless, path, 1, MIME_SECTION_HEADER, &range), RC_CORRUPT);
	assert_int_equal(mime_parts_find(childless, path, 2, MIME_SECTION_ALL, &range), RC_CORRUPT);
	struct strv many = STRV("\x01\x01\xff\x7f\0\0\0\0\xff\xff\xff\x7f\0\0\0");
	static const uint32_t second[] = { 2 };
	assert_int_equal(mime_parts_find(many, second, 1, MIME_SECTION_ALL, &range), RC_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_of_the_example_of_rfc_3501_are_found),
		cmocka_unit_test(a_message_that_is_no_multipart_has_part_one),
		cmocka_unit_test(a_message_that_is_a_message_nests),
		cmocka_unit_test(the_empty_text_of_a_multipart_without_parts_can_be_fetched),
		cmocka_unit_test(the_encoding_comes_with_the_range),
		cmocka_unit_test(every_part_of_every_message_is_found),
		cmocka_unit_test(a_cut_or_foreign_table_is_corrupt),
		cmocka_unit_test(each_turned_octet_of_a_table_gives_an_error_or_bounded_ranges),
		cmocka_unit_test(numbers_too_large_are_corrupt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
