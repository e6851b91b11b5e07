#include "mime/summary.h"

#include "base/str.h"
#include "mime/summary_priv.h"
#include "mime_test.h"

static void assert_preview(struct strv text, const char *expected)
{
	struct buf out;
	struct mime_msg *msg = test_scan(text);
	buf_init(&out, 4 * MIME_PREVIEW_CHARS);
	mime_preview(&out, msg);
	mime_msg_free(&msg);
	assert_true(str_utf8_valid(buf_strv(&out)));
	buf_fini(&out);
	/* Again with room for the NUL that the comparison needs. */
	buf_init(&out, 4 * MIME_PREVIEW_CHARS + 1);
	msg = test_scan(text);
	mime_preview(&out, msg);
	mime_msg_free(&msg);
	test_buf_is(&out, expected);
}

static void plain_text_becomes_one_line(void **state)
{
	(void)state;
	assert_preview(STRV("\n  Hello,\r\n\r\n\tworld \x01 \x7f!  \n"), "Hello, world !");
	assert_preview(STRV("Content-Type: text/plain; charset=utf-8\n\n\xef\xbb\xbf"
			    "a\xc2\xa0\xe2\x80\x8b"
			    "b"),
		"a b");
}

static void nothing_gives_nothing(void **state)
{
	(void)state;
	assert_preview(STRV(""), "");
	assert_preview(STRV("\n \n"), "");
	assert_preview(STRV("Content-Type: image/png\n\nx"), "");
	assert_preview(STRV("Content-Type: text/calendar\n\nx"), "");
	assert_preview(STRV("\n\xc2\x85\xc2\x9f"), "");
}

static void encodings_and_charsets_are_decoded(void **state)
{
	(void)state;
	assert_preview(STRV("Content-Type: text/plain; charset=iso-8859-1\n"
			    "Content-Transfer-Encoding: quoted-printable\n\nJ=F6rg=\n!"),
		"J\xc3\xb6rg!");
	assert_preview(STRV("Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: "
			    "base64\n\nSsO2\ncmc=\n"),
		"J\xc3\xb6rg");
	/* Without a charset UTF-8 is tried; an unknown one is read as that, too. */
	assert_preview(STRV("\nJ\xc3\xb6rg \xf6"), "J\xc3\xb6rg \xef\xbf\xbd");
	assert_preview(STRV("Content-Type: text/plain; charset=x-none\n\nJ\xc3\xb6rg \xf6\0"),
		"J\xc3\xb6rg \xef\xbf\xbd");
}

static void html_is_stripped(void **state)
{
	(void)state;
	assert_preview(STRV("Content-Type: text/html; "
			    "charset=utf-8\n\n<html><head><title>T</title><style>p{}</style></head>"
			    "<body><p>Hello&nbsp;<b>W</b>orld</p><script>x<y</script><br/"
			    ">&lt;&#33;&#x41;&amp;&euro;</body>"),
		"Hello World <!A&\xe2\x82\xac");
}

/* The text is n times "c ", and `tail`. */
static void assert_cut(const char *c, size_t n, size_t expected_chars)
{
	struct buf text;
	struct buf out;
	buf_init(&text, 100000);
	buf_init(&out, 4 * MIME_PREVIEW_CHARS);
	buf_adds(&text, "Content-Type: text/plain; charset=utf-8\n\n");
	for (size_t i = 0; i < n; i++)
		buf_adds(&text, c);
	struct mime_msg *msg = test_scan(buf_strv(&text));
	mime_preview(&out, msg);
	size_t chars = 0;
	for (size_t i = 0; i < out.len; i++)
		chars += ((unsigned char)out.p[i] & 0xc0) != 0x80;
	assert_int_equal(chars, expected_chars);
	assert_true(buf_ok(&out));
	assert_true(str_utf8_valid(buf_strv(&out)));
	mime_msg_free(&msg);
	buf_fini(&out);
	buf_fini(&text);
}

static void at_most_two_hundred_characters_are_shown(void **state)
{
	(void)state;
	assert_cut("x", 199, 199);
	assert_cut("x", 1000, 200);
	assert_cut("\xf0\x9f\x98\x80", 1500, 200);
	/* It does not end with a space. */
	assert_cut("x ", 1000, 199);
}

static void a_character_at_the_cut_is_dropped(void **state)
{
	(void)state;
	struct mime_limits limits = mime_limits_default;
	struct buf out;
	limits.preview_bytes = 2;
	struct mime_msg *msg = test_scan_steps(STRV("\na\xc3\xb6zzz"), 0, &limits);
	buf_init(&out, 100);
	mime_preview(&out, msg);
	mime_msg_free(&msg);
	test_buf_is(&out, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_becomes_one_line),
		cmocka_unit_test(nothing_gives_nothing),
		cmocka_unit_test(encodings_and_charsets_are_decoded),
		cmocka_unit_test(html_is_stripped),
		cmocka_unit_test(at_most_two_hundred_characters_are_shown),
		cmocka_unit_test(a_character_at_the_cut_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
