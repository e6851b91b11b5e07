#include "mime/header.h"

#include "mime/mime_priv.h"
#include "mime_test.h"

static void fields_come_in_order_with_their_raw_bytes(void **state)
{
	(void)state;
	struct strv block = STRV("A: 1\r\nB : 2\r\n\t3\r\njunk\r\n: x\r\n  y\r\nC:\n\r\nD: no\r\n");
	struct mime_field field;
	struct strv raw;
	assert_true(mime_header_next(&block, &field, &raw));
	assert_true(strv_eq(field.name, STRV("A")) && strv_eq(field.value, STRV(" 1")));
	assert_true(strv_eq(raw, STRV("A: 1\r\n")));
	assert_true(mime_header_next(&block, &field, NULL));
	assert_true(strv_eq(field.name, STRV("B")) && strv_eq(field.value, STRV(" 2\r\n\t3")));
	assert_true(mime_header_next(&block, &field, &raw));
	assert_true(strv_eq(field.name, STRV("C")) && field.value.n == 0);
	assert_true(strv_eq(raw, STRV("C:\n")));
	/* The empty line ends the block. */
	assert_false(mime_header_next(&block, &field, &raw));
	assert_int_equal(block.n, 0);
	assert_false(mime_header_next(&block, &field, &raw));
}

static void a_block_may_end_inside_a_field(void **state)
{
	(void)state;
	struct strv block = STRV("A: 1\r\n 2");
	struct mime_field field;
	struct strv raw;
	assert_true(mime_header_next(&block, &field, &raw));
	assert_true(strv_eq(field.value, STRV(" 1\r\n 2")));
	assert_true(strv_eq(raw, STRV("A: 1\r\n 2")));
	block = STRV_NULL;
	assert_false(mime_header_next(&block, &field, &raw));
}

static void assert_filter(struct strv block, bool negate, const char *expected)
{
	static const struct strv names[] = { { "TO", 2 }, { "subject", 7 } };
	struct buf out;
	buf_init(&out, 1000);
	mime_header_filter(&out, block, names, 2, negate);
	test_buf_is(&out, expected);
}

static void filtering_keeps_order_and_bytes_and_adds_the_empty_line(void **state)
{
	(void)state;
	struct strv block = STRV("Subject: a\r\n b\r\nX: y\r\nTo: c\r\nSubjects: n\r\nto: d\r\n\r\n");
	assert_filter(block, false, "Subject: a\r\n b\r\nTo: c\r\nto: d\r\n\r\n");
	assert_filter(block, true, "X: y\r\nSubjects: n\r\n\r\n");
	assert_filter(STRV("To: cut"), false, "To: cut\r\n\r\n");
	assert_filter(STRV_NULL, false, "\r\n");
}

static void bulky_fields_are_not_cached(void **state)
{
	(void)state;
	static const char *const bulky[] = { "DKIM-Signature", "arc-seal", "ARC-Authentication-Results",
		"Autocrypt", "Authentication-Results", "X-MS-Exchange-Organization-SCL",
		"X-Google-DKIM-Signature", "x-received", "X-Gm-Message-State" };
	static const char *const small[] = { "From", "Subject", "Received", "References", "Chat-Version",
		"X-Mailer", "List-Id", "Content-Type", "", "X" };
	for (size_t i = 0; i < sizeof(bulky) / sizeof(bulky[0]); i++)
		assert_false(mime_header_cached(strv_cstr(bulky[i])));
	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
		assert_true(mime_header_cached(strv_cstr(small[i])));
}

static void assert_unfolds(struct strv value, const char *expected)
{
	struct buf out;
	buf_init(&out, 1000);
	mime_unfold(&out, value);
	test_buf_is(&out, expected);
}

static void a_folded_field_is_unfolded(void **state)
{
	(void)state;
	assert_unfolds(STRV(" a\r\n b\n\tc \r\n"), "a b\tc");
	assert_unfolds(STRV(" a  b"), "a  b");
	assert_unfolds(STRV(" \r\n \r\n"), "");
	assert_unfolds(STRV_NULL, "");
}

static void assert_msgids(struct strv value, const char *expected)
{
	struct buf out;
	buf_init(&out, 1000);
	while (mime_msgid_next(&value, &out))
		buf_adds(&out, "|");
	test_buf_is(&out, expected);
}

static void message_ids_are_taken_one_by_one(void **state)
{
	(void)state;
	assert_msgids(STRV(" <a@b>\r\n <c@d>(x)<e@f>"), "a@b|c@d|e@f|");
	assert_msgids(STRV("Your message of Monday <a\r\n @b> <>"), "a@b|");
	assert_msgids(STRV("<a <b@c> > <d@e"), "b@c|");
	assert_msgids(STRV("none@here"), "");
	assert_msgids(STRV_NULL, "");
	assert_msgids(STRV("<a\0b>"), "ab|");
}

static enum mime_line first_line(struct strv line)
{
	struct mime_block block = { .any = false };
	size_t name = 0;
	size_t colon = 0;
	return mime_block_line(&block, line, line.n, &name, &colon);
}

static void lines_of_a_header_are_told_apart(void **state)
{
	(void)state;
	struct mime_block block = { .any = false };
	size_t name = 0;
	size_t colon = 0;
	assert_int_equal(first_line(STRV("\r\n")), MIME_LINE_EMPTY);
	assert_int_equal(first_line(STRV("\n")), MIME_LINE_EMPTY);
	assert_int_equal(first_line(STRV("\r")), MIME_LINE_OTHER);
	assert_int_equal(first_line(STRV(" \r\n")), MIME_LINE_FOLDED);
	assert_int_equal(first_line(STRV(":x")), MIME_LINE_SKIPPED);
	assert_int_equal(first_line(STRV("a b: c")), MIME_LINE_OTHER);
	assert_int_equal(first_line(STRV("\xfc: c")), MIME_LINE_OTHER);
	assert_int_equal(mime_block_line(&block, STRV("ab \t: c"), 7, &name, &colon), MIME_LINE_FIELD);
	assert_int_equal(name, 2);
	assert_int_equal(colon, 4);
}

/* The values of a block, each behind its name. */
static void assert_fields(struct strv block, const char *expected)
{
	struct mime_field field;
	struct buf out;
	buf_init(&out, 10000);
	while (mime_header_next(&block, &field, NULL)) {
		buf_addv(&out, field.name);
		buf_addc(&out, '=');
		mime_unfold(&out, field.value);
		buf_addc(&out, '|');
	}
	test_buf_is(&out, expected);
}

static void a_parameter_without_its_indent_goes_on_with_the_field(void **state)
{
	(void)state;
	assert_fields(STRV("Content-Type: application/zip;\r\nname=\"a.zip\"\r\nTo: x\r\n"),
		"Content-Type=application/zip;name=\"a.zip\"|To=x|");
	/* A value with a colon makes no field of it, and one after the other is taken. */
	assert_fields(STRV("C: a/b; \n\t\nboundary=\"x:y\";\nname*0*=utf-8''z\nTo: x\n"),
		"C=a/b; \tboundary=\"x:y\";name*0*=utf-8''z|To=x|");
	/* Only behind a semicolon, and only what looks like one. */
	assert_fields(STRV("C: a/b\nname=x\nTo: x\n"), "C=a/b|To=x|");
	assert_fields(STRV("C: a/b;\nname\nTo: x\n"), "C=a/b;|To=x|");
	assert_fields(STRV("C: a/b;\nTo: x=y\n"), "C=a/b;|To=x=y|");
	assert_fields(STRV("C: a/b;\n\nname=x\n"), "C=a/b;|");
	/* The continuation of a skipped line is skipped, too. */
	assert_fields(STRV("A: b\nno field;\nname=x\n folded\nTo: x\n"), "A=b|To=x|");
}

static void assert_sifted(struct strv block, const struct strv *names, size_t count, bool negate)
{
	for (size_t step = 1; step <= block.n; step = step < 5 ? step + 1 : 3 * step) {
		struct mime_sift sift;
		struct buf expected;
		struct buf got;
		buf_init(&expected, TEST_TEXT_MAX);
		buf_init(&got, TEST_TEXT_MAX);
		mime_header_filter(&expected, block, names, count, negate);
		mime_sift_init(&sift, names, count, negate, mime_sift_to_buf, &got);
		for (size_t i = 0; i < block.n; i += step)
			mime_sift_feed(&sift, strv_sub(block, i, step));
		mime_sift_end(&sift);
		buf_adds(&got, "\r\n");
		assert_int_equal(got.len, expected.len);
		assert_memory_equal(got.p, expected.p, got.len);
		buf_fini(&expected);
		buf_fini(&got);
	}
}

static void a_block_in_pieces_is_filtered_as_a_whole_one(void **state)
{
	(void)state;
	static const struct strv names[] = { { "to", 2 }, { "content-type", 12 } };
	struct buf text;
	buf_init(&text, TEST_TEXT_MAX);
	buf_adds(&text, "From x\r\nTo: a\r\n b\r\njunk\r\n folded junk\r\nContent-Type: a/b;\r\nname=x\r\nX: "
			"y\r\nTO : ");
	for (int i = 0; i < MIME_LINE_MAX; i++)
		buf_adds(&text, "0123456789");
	buf_adds(&text, ";\nname=no parameter behind so long a line\n:x\nSubject: s\n\ttab");
	assert_sifted(buf_strv(&text), names, 2, false);
	assert_sifted(buf_strv(&text), names, 2, true);
	buf_adds(&text, "\r\n\r\nTo: not this\r\n");
	assert_sifted(buf_strv(&text), names, 2, false);
	buf_fini(&text);
	assert_sifted(STRV("To"), names, 2, false);
	assert_sifted(STRV("To:"), names, 2, false);
}

/* Fields left out, and lines that are none, do not make the next line a part of the field before them. */
static void what_is_filtered_reads_as_before(void **state)
{
	(void)state;
	static const struct strv x[] = { { "x", 1 }, { "y", 1 } };
	struct strv block =
		STRV("A: b;\r\nX: y\r\nboundary=\"a:b\"\r\nC: d;\r\njunk;\r\nname=\"e:f\"\r\nE: f;\r\n:g\r\n"
		     "type=h:i\r\nG: h\r\n");
	struct buf out;
	buf_init(&out, TEST_TEXT_MAX);
	mime_header_filter(&out, block, x, 2, true);
	assert_fields(buf_strv(&out), "A=b;|C=d;|E=f;|G=h|");
	assert_fields(block, "A=b;|X=y|C=d;|E=f;|G=h|");
	buf_fini(&out);
	assert_sifted(block, x, 2, true);
	assert_sifted(block, x, 2, false);
}

static void assert_params(const char *value, const char *expected)
{
	struct buf out;
	buf_init(&out, 10000);
	mime_params_decode(&out, strv_cstr(value));
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
}

static void parameters_are_decoded_to_utf_8(void **state)
{
	(void)state;
	assert_params("", "");
	assert_params("attachment", "");
	assert_params(" text / plain (x); charset=us-ascii", " charset=us-ascii");
	assert_params("attachment; filename*=iso-8859-1'de'%fcber", " filename=\xc3\xbc"
								    "ber");
	assert_params("attachment; filename*0*=utf-8''%c3%bc;\r\n filename*1=\"b er\"; size=5",
		" filename=\xc3\xbc"
		"b er size=5");
	assert_params("attachment; filename*=x-none''%fc", " filename=\xef\xbf\xbd");
	assert_params("attachment; filename=\"\xfc\"", " filename=\xef\xbf\xbd");
}

static void a_name_has_printable_octets_only(void **state)
{
	(void)state;
	assert_int_equal(first_line(STRV("!~: x")), MIME_LINE_FIELD);
	assert_int_equal(first_line(STRV("a\x7f: x")), MIME_LINE_OTHER);
	assert_int_equal(first_line(STRV("a\x80: x")), MIME_LINE_OTHER);
	assert_int_equal(first_line(STRV("a\x01: x")), MIME_LINE_OTHER);
	/* The same of a parameter: a line that is one is no field of its own. */
	assert_int_equal(first_line(STRV("~=b: x")), MIME_LINE_SKIPPED);
	assert_int_equal(first_line(STRV("~=\x7f: x")), MIME_LINE_OTHER);
	assert_fields(STRV("A: 1;\n~=b: x\nB: 2\n"), "A=1;~=b: x|B=2|");
	assert_fields(STRV("A: 1;\n\x7f=b: x\nB: 2\n"), "A=1;|B=2|");
}

/* A line of n octets that ends in ";", and one that would be a parameter of its field. */
static void assert_parameter_follows(size_t n, bool follows)
{
	struct buf text;
	struct mime_field field;
	buf_init(&text, 4 * MIME_LINE_MAX);
	buf_adds(&text, "A:");
	while (text.len < n - 2)
		buf_addc(&text, 'x');
	buf_adds(&text, ";\nb=c\n");
	struct strv block = buf_strv(&text);
	assert_true(mime_header_next(&block, &field, NULL));
	assert_int_equal(field.value.n, follows ? n - 2 + 3 : n - 3);
	buf_fini(&text);
}

static void a_parameter_follows_a_line_that_is_not_too_long(void **state)
{
	(void)state;
	assert_parameter_follows(MIME_LINE_MAX - 1, true);
	assert_parameter_follows(MIME_LINE_MAX, true);
	assert_parameter_follows(MIME_LINE_MAX + 1, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_in_order_with_their_raw_bytes),
		cmocka_unit_test(a_block_may_end_inside_a_field),
		cmocka_unit_test(filtering_keeps_order_and_bytes_and_adds_the_empty_line),
		cmocka_unit_test(bulky_fields_are_not_cached),
		cmocka_unit_test(a_folded_field_is_unfolded),
		cmocka_unit_test(message_ids_are_taken_one_by_one),
		cmocka_unit_test(lines_of_a_header_are_told_apart),
		cmocka_unit_test(a_parameter_without_its_indent_goes_on_with_the_field),
		cmocka_unit_test(a_block_in_pieces_is_filtered_as_a_whole_one),
		cmocka_unit_test(what_is_filtered_reads_as_before),
		cmocka_unit_test(parameters_are_decoded_to_utf_8),
		cmocka_unit_test(a_name_has_printable_octets_only),
		cmocka_unit_test(a_parameter_follows_a_line_that_is_not_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
