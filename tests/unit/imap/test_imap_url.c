#include "imap/imap_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* "name validity uid label", or "bad". */
static void assert_url(const char *text, const char *expected)
{
	struct arena *arena = arena_new(0);
	struct imap_url url;
	struct buf out;
	/* An exact copy on the heap, so that a read past the end is seen. */
	char *copy = malloc(strlen(text) + 1);
	memcpy(copy, text, strlen(text));
	buf_init(&out, 4096);
	if (imap_url_parse(strv_make(copy, strlen(text)), arena, &url)) {
		const struct fetch_item *item = &url.section.items[0];
		buf_printf(&out, "%s%.*s %u %u %.*s", url.absolute ? "/" : "", STRV_ARG(url.mailbox),
			url.uidvalidity, url.uid, STRV_ARG(item->label));
		if (item->partial)
			buf_printf(&out, ".%llu", (unsigned long long)item->length);
	} else {
		buf_adds(&out, "bad");
	}
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
	free(copy);
	arena_free(&arena);
}

static void messages_and_their_parts(void **state)
{
	(void)state;
	assert_url("/INBOX/;UID=20", "/INBOX 0 20 BODY[]");
	assert_url("/inbox;uidvalidity=4294967295/;uid=1", "/INBOX 4294967295 1 BODY[]");
	assert_url("/a/b;UIDVALIDITY=7/;UID=20/;SECTION=1.2", "/a/b 7 20 BODY[1.2]");
	assert_url("/a/;UID=2/;Section=HEADER.FIELDS%20(From%20To)", "/a 0 2 BODY[HEADER.FIELDS (From To)]");
	assert_url("/a/;UID=2/;SECTION=1.MIME/;PARTIAL=3.4", "/a 0 2 BODY[1.MIME]<3>.4");
	assert_url("/a/;UID=2/;PARTIAL=3", "/a 0 2 BODY[]<3>.4294967295");
	assert_url("/Entw%C3%bCrfe%20%2f%25/;UID=2", "/Entw\xc3\xbcrfe /% 0 2 BODY[]");
	assert_url("/a%3Bb/;UID=2", "/a;b 0 2 BODY[]");
}

static void relative_ones(void **state)
{
	(void)state;
	assert_url(";UID=20", " 0 20 BODY[]");
	assert_url("/;UID=20/;SECTION=1", "/ 0 20 BODY[1]");
	assert_url("c/;UID=20", "c 0 20 BODY[]");
	assert_url("c/d:e/;UID=20", "c/d:e 0 20 BODY[]");
}

static void others_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "/", ";", "/;", "/INBOX", "/INBOX/", ";UID=", ";UID=0",
		";UID=01", ";UID=4294967296", ";UID=1/", ";UID=1/;", ";UID=1;SECTION=1",
		";UID=1/;SECTION=", ";UID=1/;SECTION=%", ";UID=1/;SECTION=%4", ";UID=1/;SECTION=%zz",
		";UID=1/;SECTION=1]", ";UID=1/;SECTION=1%5D", ";UID=1/;SECTION=%0D%0A",
		";UID=1/;PARTIAL=", ";UID=1/;PARTIAL=.1", ";UID=1/;PARTIAL=1.", ";UID=1/;PARTIAL=1.0",
		";UID=1/;PARTIAL=9223372036854775808.1", ";UID=1/;PARTIAL=1/;SECTION=1",
		";UID=1/;SECTION=1/;SECTION=1", ";UID=1?x", "//host/a/;UID=1", "imap://host/a/;UID=1",
		"imap:a/;UID=1", "/a;UIDVALIDITY=/;UID=1", "/a;UIDVALIDITY=0/;UID=1", "/a;X=1/;UID=1",
		"/;UIDVALIDITY=1/;UID=1", "/%00/;UID=1", "/%ff/;UID=1", "/a b/;UID=1", "/a#b/;UID=1",
		"/a\x80/;UID=1" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_url(texts[i], "bad");
}

static void numbers_at_their_borders(void **state)
{
	(void)state;
	assert_url(";UID=1", " 0 1 BODY[]");
	assert_url(";UID=4294967294", " 0 4294967294 BODY[]");
	assert_url(";UID=4294967295", " 0 4294967295 BODY[]");
	assert_url(";UID=4294967297", "bad");
	assert_url(";UID=18446744073709551617", "bad");
	assert_url("/a;UIDVALIDITY=1/;UID=1", "/a 1 1 BODY[]");
	assert_url("/a;UIDVALIDITY=4294967296/;UID=1", "bad");
	assert_url("/a;UIDVALIDITY=00/;UID=1", "bad");
	assert_url(";UID=1/;PARTIAL=0", " 0 1 BODY[]<0>.4294967295");
	assert_url(";UID=1/;PARTIAL=0.1", " 0 1 BODY[]<0>.1");
	assert_url(";UID=1/;PARTIAL=9223372036854775807.1", " 0 1 BODY[]<9223372036854775807>.1");
	assert_url(";UID=1/;PARTIAL=18446744073709551616.1", "bad");
	assert_url(";UID=1/;PARTIAL=0.4294967295", " 0 1 BODY[]<0>.4294967295");
	assert_url(";UID=1/;PARTIAL=0.4294967296", "bad");
	assert_url(";UID=1/;PARTIAL=0.0", "bad");
	assert_url(";UID=1/;PARTIAL=0.01", "bad");
}

static void octets_at_their_borders(void **state)
{
	(void)state;
	/* These octets need no encoding. */
	assert_url("/-._~!$'()*+,&=:@09AZaz/;UID=1", "/-._~!$'()*+,&=:@09AZaz 0 1 BODY[]");
	for (int c = 1; c < 256; c++) {
		char text[32];
		bool letter = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		snprintf(text, sizeof(text), "/x%cx/;UID=1", c);
		if (!letter && !strchr("-._~!$'()*+,&=:@/", c))
			assert_url(text, "bad");
	}
	assert_url("/%01/;UID=1", "/\x01 0 1 BODY[]");
	assert_url("/%7f/;UID=1", "/\x7f 0 1 BODY[]");
	assert_url("/%c2%80/;UID=1", "/\xc2\x80 0 1 BODY[]");
	assert_url("/%80/;UID=1", "bad");
	assert_url("/%c0%80/;UID=1", "bad");
	assert_url("/%f4%8f%bf%bf/;UID=1", "/\xf4\x8f\xbf\xbf 0 1 BODY[]");
	assert_url("/%f4%90%80%80/;UID=1", "bad");
	assert_url("/%ed%a0%80/;UID=1", "bad");
	assert_url("/%4/;UID=1", "bad");
	assert_url("/%/;UID=1", "bad");
	assert_url("/%g0/;UID=1", "bad");
	assert_url("/%0g/;UID=1", "bad");
	assert_url("/%@0/;UID=1", "bad");
	assert_url("/%0:/;UID=1", "bad");
}

static void too_long_ones(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct imap_url url;
	size_t n = IMAP_URL_MAX + 1;
	char *text = malloc(n);
	memset(text, 'a', n);
	memcpy(text + n - 7, "/;UID=1", 7);
	assert_false(imap_url_parse(strv_make(text, n), arena, &url));
	assert_true(imap_url_parse(strv_make(text + 1, n - 1), arena, &url));
	assert_int_equal(url.mailbox.n, IMAP_URL_MAX - 7);
	assert_true(imap_url_parse(strv_make(text + 2, n - 2), arena, &url));
	free(text);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_and_their_parts),
		cmocka_unit_test(relative_ones),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(numbers_at_their_borders),
		cmocka_unit_test(octets_at_their_borders),
		cmocka_unit_test(too_long_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
