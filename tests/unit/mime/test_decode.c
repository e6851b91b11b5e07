#include "mime/decode.h"

#include "base/str.h"
#include "mime_test.h"

/* The result of one encoding, fed in pieces of `step` octets (0: whole). */
static bool decode(struct buf *out, enum mime_encoding encoding, struct strv in, size_t step)
{
	struct mime_decoder decoder;
	mime_decoder_init(&decoder, encoding);
	if (step == 0)
		step = in.n;
	for (size_t i = 0; i < in.n; i += step) {
		struct strv piece = strv_sub(in, i, step);
		char *copy = mem_alloc(piece.n);
		memcpy(copy, piece.p, piece.n);
		mime_decoder_feed(&decoder, strv_make(copy, piece.n), out);
		free(copy);
	}
	mime_decoder_finish(&decoder, out);
	bool broken = decoder.broken;
	mime_decoder_fini(&decoder);
	return broken;
}

static void assert_decodes_to(enum mime_encoding encoding, struct strv in, struct strv expected, bool broken)
{
	for (size_t step = 0; step <= in.n; step++) {
		struct buf out;
		buf_init(&out, 100000);
		assert_int_equal(decode(&out, encoding, in, step), broken);
		assert_int_equal(out.len, expected.n);
		if (expected.n > 0)
			assert_memory_equal(out.p, expected.p, expected.n);
		buf_fini(&out);
	}
}

static void base64_is_decoded(void **state)
{
	(void)state;
	assert_decodes_to(MIME_ENC_BASE64, STRV("aGVs\r\nbG8="), STRV("hello"), false);
	assert_decodes_to(MIME_ENC_BASE64, STRV("aGVsbA=="), STRV("hell"), false);
	assert_decodes_to(MIME_ENC_BASE64, STRV("aGVs bG9 v"), STRV("helloo"), false);
	assert_decodes_to(MIME_ENC_BASE64, STRV("//79+w=="), STRV("\xff\xfe\xfd\xfb"), false);
	assert_decodes_to(MIME_ENC_BASE64, STRV(""), STRV(""), false);
}

static void broken_base64_gives_what_it_holds(void **state)
{
	(void)state;
	assert_decodes_to(MIME_ENC_BASE64, STRV("aGVsbG8"), STRV("hello"), true);
	assert_decodes_to(MIME_ENC_BASE64, STRV("a"), STRV(""), true);
	assert_decodes_to(MIME_ENC_BASE64, STRV("a=GVs"), STRV("hel"), true);
	assert_decodes_to(MIME_ENC_BASE64, STRV("aG-Vs*"), STRV("hel"), true);
	assert_decodes_to(MIME_ENC_BASE64, STRV("aGVsbA==--footer"), STRV("hell"), true);
}

static void quoted_printable_is_decoded(void **state)
{
	(void)state;
	assert_decodes_to(MIME_ENC_QP, STRV("J=F6rg=3d=3D"), STRV("J\xf6rg=="), false);
	assert_decodes_to(MIME_ENC_QP, STRV("a=\r\nb=\nc"), STRV("abc"), false);
	assert_decodes_to(MIME_ENC_QP, STRV("a \t\r\nb  \nc d"), STRV("a\r\nb\nc d"), false);
	assert_decodes_to(MIME_ENC_QP, STRV("a= \t\r\nb"), STRV("ab"), false);
	assert_decodes_to(MIME_ENC_QP, STRV("a=20\r\n"), STRV("a \r\n"), false);
	assert_decodes_to(MIME_ENC_QP, STRV("a="), STRV("a"), false);
	assert_decodes_to(MIME_ENC_QP, STRV("a  "), STRV("a"), false);
}

static void broken_quoted_printable_stays_as_written(void **state)
{
	(void)state;
	assert_decodes_to(MIME_ENC_QP, STRV("a=XYb"), STRV("a=XYb"), true);
	assert_decodes_to(MIME_ENC_QP, STRV("a=4Xb"), STRV("a=4Xb"), true);
	assert_decodes_to(MIME_ENC_QP, STRV("a=4"), STRV("a=4"), true);
	assert_decodes_to(MIME_ENC_QP, STRV("a= b"), STRV("a= b"), true);
	assert_decodes_to(MIME_ENC_QP, STRV("a= 41"), STRV("a= 41"), true);
	assert_decodes_to(MIME_ENC_QP, STRV("a==41"), STRV("a=A"), true);
	assert_decodes_to(MIME_ENC_QP, STRV("a\rb"), STRV("a\rb"), false);
}

static void add_spaces(struct buf *buf, unsigned count, const char *what)
{
	for (unsigned i = 0; i < count; i++)
		buf_addc(buf, what[i % strlen(what)]);
}

static void assert_spaces_vanish(unsigned count, const char *what, bool vanish)
{
	struct buf in;
	struct buf out;
	buf_init(&in, 1000000);
	buf_init(&out, 1000000);
	/* At the end of a line, and of a soft line break. */
	add_spaces(&in, count, what);
	buf_adds(&in, "\nx=");
	add_spaces(&in, count, what);
	buf_adds(&in, "\ny");
	decode(&out, MIME_ENC_QP, buf_strv(&in), 7);
	if (vanish) {
		assert_int_equal(out.len, 3);
		assert_memory_equal(out.p, "\nxy", 3);
	} else {
		assert_int_equal(out.p[0], ' ');
		assert_true(out.len >= 2 * (count - 1) + 3);
	}
	buf_fini(&in);
	buf_fini(&out);
}

static void runs_of_white_space_are_limited(void **state)
{
	(void)state;
	assert_spaces_vanish(MIME_QP_SPACES_MAX, " ", true);
	assert_spaces_vanish(MIME_QP_SPACES_MAX + 1, " ", false);
	assert_spaces_vanish(MIME_QP_RUNS_MAX, " \t", true);
	assert_spaces_vanish(MIME_QP_RUNS_MAX + 1, " \t", false);
}

static void other_encodings_pass(void **state)
{
	(void)state;
	assert_decodes_to(MIME_ENC_7BIT, STRV("=41 \r\n"), STRV("=41 \r\n"), false);
	assert_decodes_to(MIME_ENC_8BIT, STRV("\xff"), STRV("\xff"), false);
	assert_decodes_to(MIME_ENC_BINARY, STRV("\0"), STRV("\0"), false);
	assert_decodes_to(MIME_ENC_UNKNOWN, STRV("x"), STRV("x"), false);
}

static void encodings_are_known_by_name(void **state)
{
	(void)state;
	assert_int_equal(mime_encoding_parse(STRV("7BIT")), MIME_ENC_7BIT);
	assert_int_equal(mime_encoding_parse(STRV("")), MIME_ENC_7BIT);
	assert_int_equal(mime_encoding_parse(STRV(" 8bit ")), MIME_ENC_8BIT);
	assert_int_equal(mime_encoding_parse(STRV("binary")), MIME_ENC_BINARY);
	assert_int_equal(mime_encoding_parse(STRV("Quoted-Printable")), MIME_ENC_QP);
	assert_int_equal(mime_encoding_parse(STRV("base64")), MIME_ENC_BASE64);
	assert_int_equal(mime_encoding_parse(STRV("x-uuencode")), MIME_ENC_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_decoded),
		cmocka_unit_test(broken_base64_gives_what_it_holds),
		cmocka_unit_test(quoted_printable_is_decoded),
		cmocka_unit_test(broken_quoted_printable_stays_as_written),
		cmocka_unit_test(runs_of_white_space_are_limited),
		cmocka_unit_test(other_encodings_pass),
		cmocka_unit_test(encodings_are_known_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
