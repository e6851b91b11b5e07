#include "mime/decode.h"

#include <utf8proc.h>

#define DECOMPOSED_MAX 32 /* code points of one decomposition; the longest in Unicode has 18 */

static void casemap_add_code_point(struct buf *out, utf8proc_int32_t c)
{
	utf8proc_uint8_t text[4];
	utf8proc_ssize_t n = utf8proc_encode_char(c, text);
	buf_add(out, text, (size_t)n);
}

static void add_mapped(struct buf *out, utf8proc_int32_t c)
{
	/*
	 * UnicodeData.txt has no decomposition for Hangul syllables, and RFC 5051 does not demand the
	 * algorithmic one.
	 */
	if (c >= 0xac00 && c <= 0xd7a3) {
		casemap_add_code_point(out, c);
		return;
	}
	/* utf8proc gives sharp s a capital that UnicodeData.txt does not. */
	utf8proc_int32_t title = c == 0xdf ? c : utf8proc_totitle(c);
	utf8proc_int32_t text[DECOMPOSED_MAX];
	int boundary = 0;
	utf8proc_ssize_t n = utf8proc_decompose_char(
		title, text, DECOMPOSED_MAX, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &boundary);
	if (n < 0 || n > DECOMPOSED_MAX) {
		casemap_add_code_point(out, c);
		return;
	}
	for (utf8proc_ssize_t i = 0; i < n; i++)
		casemap_add_code_point(out, text[i]);
}

static size_t add_ascii(struct buf *out, struct strv v)
{
	size_t n = 0;
	while (n < v.n && (unsigned char)v.p[n] < 0x80)
		n++;
	char *room = buf_reserve(out, n);
	if (!room)
		return n;
	for (size_t i = 0; i < n; i++)
		room[i] = v.p[i] >= 'a' && v.p[i] <= 'z' ? (char)(v.p[i] - ('a' - 'A')) : v.p[i];
	buf_commit(out, n);
	return n;
}

void mime_casemap(struct buf *out, struct strv utf8)
{
	size_t i = 0;
	while (i < utf8.n) {
		i += add_ascii(out, strv_sub(utf8, i, utf8.n));
		if (i == utf8.n)
			break;
		utf8proc_int32_t c;
		utf8proc_ssize_t n = utf8proc_iterate(
			(const utf8proc_uint8_t *)utf8.p + i, (utf8proc_ssize_t)(utf8.n - i), &c);
		if (n <= 0) {
			casemap_add_code_point(out, 0xfffd);
			i++;
		} else {
			add_mapped(out, c);
			i += (size_t)n;
		}
	}
}

void casemap_lower(struct buf *out, struct strv utf8)
{
	while (utf8.n > 0) {
		utf8proc_int32_t c;
		utf8proc_ssize_t n =
			utf8proc_iterate((const utf8proc_uint8_t *)utf8.p, (utf8proc_ssize_t)utf8.n, &c);
		if (n <= 0) {
			/* The text is not valid UTF-8: the byte is copied. */
			buf_addc(out, *utf8.p);
			n = 1;
		} else {
			casemap_add_code_point(out, utf8proc_tolower(c));
		}
		utf8 = strv_sub(utf8, (size_t)n, utf8.n);
	}
}
