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

static void each_octet_can_be_escaped_in_either_case(void **state)
{
	(void)state;
	for (unsigned octet = 0; octet < 256; octet++) {
		char in[8];
		char out = (char)octet;
		snprintf(in, sizeof(in), "=%02X", octet);
		assert_decodes_to(MIME_ENC_QP, strv_cstr(in), strv_make(&out, 1), false);
		snprintf(in, sizeof(in), "=%02x", octet);
		assert_decodes_to(MIME_ENC_QP, strv_cstr(in), strv_make(&out, 1), false);
	}
	/* Characters next to the digits in ASCII are no digits. */
	for (const char *p = "/:@G`g"; *p; p++) {
		char first[] = { '=', *p, '0' };
		char second[] = { '=', '0', *p };
		assert_decodes_to(MIME_ENC_QP, strv_make(first, 3), strv_make(first, 3), true);
		assert_decodes_to(MIME_ENC_QP, strv_make(second, 3), strv_make(second, 3), true);
	}
}

static void only_the_last_blanks_of_a_line_vanish(void **state)
{
	(void)state;
	assert_decodes_to(MIME_ENC_QP, STRV(" \r\n\t\n \t \r\nx"), STRV("\r\n\n\r\nx"), false);
	assert_decodes_to(MIME_ENC_QP, STRV("a=20 \r\n=09\t\r\n"), STRV("a \r\n\t\r\n"), false);
	assert_decodes_to(MIME_ENC_QP, STRV("a =\r\n b"), STRV("a  b"), false);
	assert_decodes_to(MIME_ENC_QP, STRV("=\r\n=\n=\r\nx"), STRV("x"), false);
	assert_decodes_to(MIME_ENC_QP, STRV("a=\t \nb"), STRV("ab"), false);
	assert_decodes_to(MIME_ENC_QP, STRV("a= =\r\nb"), STRV("a= b"), true);
	assert_decodes_to(MIME_ENC_QP, STRV("=0D=0A \r\n"), STRV("\r\n\r\n"), false);
}

static void each_digit_of_base64_has_its_value(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	(void)state;
	for (unsigned value = 0; value < 64; value++) {
		char in[] = { digits[value], digits[value], digits[value], digits[value] };
		unsigned word = value * 0x41041;
		char out[] = { (char)(word >> 16), (char)(word >> 8 & 0xff), (char)(word & 0xff) };
		assert_decodes_to(MIME_ENC_BASE64, strv_make(in, 4), strv_make(out, 3), false);
	}
	for (const char *p = "@[`{.:*,-_"; *p; p++) {
		char in[] = { 'a', 'G', *p, 'V', 's' };
		assert_decodes_to(MIME_ENC_BASE64, strv_make(in, 5), STRV("hel"), true);
	}
}

static void base64_ends_anywhere_in_a_line(void **state)
{
	(void)state;
	assert_decodes_to(MIME_ENC_BASE64, STRV("Zg=="), STRV("f"), false);
	assert_decodes_to(MIME_ENC_BASE64, STRV("Zm8="), STRV("fo"), false);
	assert_decodes_to(MIME_ENC_BASE64, STRV("Zm9v"), STRV("foo"), false);
	assert_decodes_to(MIME_ENC_BASE64, STRV("Z\r\ng\r\n=\r\n=\r\n"), STRV("f"), false);
	assert_decodes_to(MIME_ENC_BASE64, STRV("Z\tm\n8 ="), STRV("fo"), false);
	/* Padding that lacks or is one too many; bits that no encoder leaves. */
	assert_decodes_to(MIME_ENC_BASE64, STRV("Zg"), STRV("f"), true);
	assert_decodes_to(MIME_ENC_BASE64, STRV("Zm8"), STRV("fo"), true);
	assert_decodes_to(MIME_ENC_BASE64, STRV("Zm9vZ"), STRV("foo"), true);
	assert_decodes_to(MIME_ENC_BASE64, STRV("=Zm9v"), STRV("foo"), true);
	assert_decodes_to(MIME_ENC_BASE64, STRV("Z=m9v"), STRV("foo"), true);
	assert_decodes_to(MIME_ENC_BASE64, STRV("Zm9v===="), STRV("foo"), true);
	assert_decodes_to(MIME_ENC_BASE64, STRV("Zh=="), STRV("f"), false);
}

/* Random text of these octets, fed whole and octet by octet, into a buffer that holds all of it or not. */
static void assert_pieces_agree(enum mime_encoding encoding, const char *octets, unsigned seed)
{
	char text[3000];
	size_t kinds = strlen(octets), n = 0;
	srand(seed);
	for (size_t length = (size_t)rand() % sizeof(text); n < length; n++) {
		/* Long runs of the first octets, so that whole groups and lines are taken at once. */
		size_t kind = rand() % 8 ? (size_t)rand() % (kinds / 2) : (size_t)rand() % kinds;
		text[n] = octets[kind];
	}
	for (size_t max = 10; max < 10000; max = max * 3 + (size_t)rand() % 7) {
		struct buf whole, single;
		buf_init(&whole, max);
		buf_init(&single, max);
		bool broken = decode(&whole, encoding, strv_make(text, n), 0);
		assert_int_equal(decode(&single, encoding, strv_make(text, n), 1), broken);
		assert_int_equal(whole.len, single.len);
		assert_int_equal(buf_ok(&whole), buf_ok(&single));
		if (whole.len > 0)
			assert_memory_equal(whole.p, single.p, whole.len);
		buf_fini(&whole);
		buf_fini(&single);
	}
}

static void pieces_of_any_size_give_the_same(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 30; seed++) {
		assert_pieces_agree(MIME_ENC_BASE64, "ABCDEFGHIJKLMNOPQabcdefg0123456789+/\r\n \t", seed);
		assert_pieces_agree(MIME_ENC_BASE64, "ABab01+/ABab01+/\r\n\r\n \t=-", seed);
		assert_pieces_agree(MIME_ENC_QP, "abcdefghijklmnopqrstuvwxyz=AF90\r\n \t", seed);
		assert_pieces_agree(MIME_ENC_QP, "ab cd \tef ==4\r\n\n", seed);
	}
}

static void assert_line_is(struct strv in, char c, size_t n)
{
	struct buf got;
	buf_init(&got, 100000);
	assert_false(decode(&got, MIME_ENC_QP, in, 0));
	assert_int_equal(got.len, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(got.p[i], c);
	buf_fini(&got);
}

/* More than is looked at together: 1024 octets. */
static void long_lines_are_decoded(void **state)
{
	char in[3 * 1030];
	(void)state;
	for (size_t n = 1020; n <= 1030; n++) {
		memset(in, 'x', n);
		assert_line_is(strv_make(in, n), 'x', n);
		for (size_t i = 0; i < n; i++)
			memcpy(in + 3 * i, "=41", 3);
		assert_line_is(strv_make(in, 3 * n), 'A', n);
	}
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
		cmocka_unit_test(each_octet_can_be_escaped_in_either_case),
		cmocka_unit_test(only_the_last_blanks_of_a_line_vanish),
		cmocka_unit_test(each_digit_of_base64_has_its_value),
		cmocka_unit_test(base64_ends_anywhere_in_a_line),
		cmocka_unit_test(pieces_of_any_size_give_the_same),
		cmocka_unit_test(long_lines_are_decoded),
		cmocka_unit_test(other_encodings_pass),
		cmocka_unit_test(encodings_are_known_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
