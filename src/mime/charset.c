#include "mime/decode.h"

#include "base/mem.h"
#include "base/str.h"
#include "mime/charset_names.h"
#include "mime/utf7.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MAX 16 /* longest incomplete sequence that is carried over */

struct charset {
	bool utf7;
	struct utf7 utf7_state;
	bool utf8; /* read by ourselves: iconv lets code points beyond U+10FFFF pass */
	iconv_t cd; /* own, unless utf7 or utf8 */
	unsigned unit; /* octets that are skipped together in invalid input */
	char pending[PENDING_MAX];
	size_t pending_count;
	bool broken;
};

bool charset_known(struct strv name)
{
	return mime_charset_iconv_name(name) != NULL;
}

/* The size of a code unit: after an invalid surrogate the next character begins a whole unit later. */
static unsigned unit_of(const char *iconv_name)
{
	if (strncmp(iconv_name, "UTF-16", 6) == 0)
		return 2;
	return strncmp(iconv_name, "UTF-32", 6) == 0 ? 4 : 1;
}

enum rc charset_open(struct strv name, struct charset **ret_charset)
{
	const char *from = mime_charset_iconv_name(name);
	if (!from)
		return RC_NOT_FOUND;
	bool utf8 = strcmp(from, "UTF-8") == 0;
	bool utf7 = strcmp(from, "UTF-7") == 0;
	iconv_t cd = utf8 || utf7 ? NULL : iconv_open("UTF-8", from);
	/* The converter may be missing on this machine. */
	if (cd == (iconv_t)-1) /* NOLINT(performance-no-int-to-ptr) */
		return RC_NOT_FOUND;
	struct charset *charset = mem_zalloc(sizeof(*charset));
	charset->utf8 = utf8;
	charset->utf7 = utf7;
	charset->cd = cd;
	charset->unit = unit_of(from);
	*ret_charset = charset;
	return RC_OK;
}

void charset_close(struct charset **charset)
{
	if (!*charset)
		return;
	if (!(*charset)->utf8 && !(*charset)->utf7)
		iconv_close((*charset)->cd);
	free(*charset);
	*charset = NULL;
}

#define REPLACEMENT "\xef\xbf\xbd"

static void charset_add_replacement(struct charset *charset, struct buf *out)
{
	charset->broken = true;
	buf_adds(out, REPLACEMENT);
}

bool charset_broken(const struct charset *charset)
{
	return charset->broken;
}

/* The number of octets at the end of a run of non-ASCII ones that may begin a character. */
static size_t utf8_tail(const char *p, size_t n)
{
	static const char continuation[] = "\x80\x80\x80";
	static const char high[] = "\xbf\xbf\xbf";
	for (size_t tail = 1; tail <= n && tail <= 3; tail++) {
		const char *lead = p + n - tail;
		unsigned char c = (unsigned char)*lead;
		if ((c & 0xc0) == 0x80)
			continue;
		size_t length = c >= 0xf0 ? 4 : (c >= 0xe0 ? 3 : 2);
		if (tail >= length)
			return 0;
		/* They may, if the lowest or the highest continuation makes a valid character. */
		char text[2][4];
		memcpy(text[0], lead, tail);
		memcpy(text[0] + tail, continuation, length - tail);
		memcpy(text[1], lead, tail);
		memcpy(text[1] + tail, high, length - tail);
		bool valid = str_utf8_valid(strv_make(text[0], length)) ||
			     str_utf8_valid(strv_make(text[1], length));
		return valid ? tail : 0;
	}
	return 0;
}

static size_t convert_utf8(struct charset *charset, const char *p, size_t n, struct buf *out)
{
	size_t i = 0;
	while (i < n) {
		size_t start = i;
		while (i < n && (unsigned char)p[i] < 0x80)
			i++;
		buf_add(out, p + start, i - start);
		start = i;
		while (i < n && (unsigned char)p[i] >= 0x80)
			i++;
		size_t tail = i == n ? utf8_tail(p + start, i - start) : 0;
		struct strv high = strv_make(p + start, i - start - tail);
		if (!str_utf8_valid(high))
			charset->broken = true;
		str_utf8_repair(out, high);
		if (tail > 0)
			return n - tail;
	}
	return n;
}

/* Converts the input; returns the number of octets used: all except an incomplete sequence at the end. */
static size_t charset_convert(struct charset *charset, const char *p, size_t n, struct buf *out)
{
	if (charset->utf8)
		return convert_utf8(charset, p, n, out);
	char *in = mem_unconst(p);
	size_t left = n;
	while (left > 0) {
		char text[1024];
		char *to = text;
		size_t room = sizeof(text);
		size_t got = iconv(charset->cd, &in, &left, &to, &room);
		int error = got == (size_t)-1 ? errno : 0;
		buf_add(out, text, sizeof(text) - room);
		if (error == EINVAL)
			break;
		/* E2BIG without progress is impossible; if it happened the loop would not end. */
		if (error == EILSEQ || (error != 0 && error != E2BIG) ||
			(error == E2BIG && room == sizeof(text))) {
			size_t unit = left < charset->unit ? left : charset->unit;
			charset_add_replacement(charset, out);
			in += unit;
			left -= unit;
		}
	}
	return n - left;
}

/* Moves octets from `in` to the pending sequence until it is complete. */
static void feed_pending(struct charset *charset, struct strv *in, struct buf *out)
{
	while (charset->pending_count > 0 && in->n > 0) {
		charset->pending[charset->pending_count++] = *in->p;
		in->p++;
		in->n--;
		size_t used = charset_convert(charset, charset->pending, charset->pending_count, out);
		if (used == 0 && charset->pending_count == PENDING_MAX) {
			charset_add_replacement(charset, out);
			used = 1;
		}
		charset->pending_count -= used;
		memmove(charset->pending, charset->pending + used, charset->pending_count);
	}
}

/* Notes whether the UTF-7 reader has written U+FFFD since `from`. */
static void look_for_replacement(struct charset *charset, const struct buf *out, size_t from)
{
	if (out->len > from && memmem(out->p + from, out->len - from, REPLACEMENT, strlen(REPLACEMENT)))
		charset->broken = true;
}

void charset_feed(struct charset *charset, struct strv in, struct buf *out)
{
	if (charset->utf7) {
		size_t before = out->len;
		utf7_feed(&charset->utf7_state, in, out);
		look_for_replacement(charset, out, before);
		return;
	}
	while (in.n > 0) {
		feed_pending(charset, &in, out);
		if (in.n == 0)
			break;
		size_t used = charset_convert(charset, in.p, in.n, out);
		struct strv rest = strv_sub(in, used, in.n);
		in = rest;
		if (rest.n == 0)
			break;
		/*
		 * The beginning of the rest becomes pending; the rest is never more than an incomplete
		 * sequence.
		 */
		size_t take = rest.n < PENDING_MAX / 2 ? rest.n : PENDING_MAX / 2;
		memcpy(charset->pending, rest.p, take);
		charset->pending_count = take;
		in = strv_sub(rest, take, rest.n);
	}
}

void charset_finish(struct charset *charset, struct buf *out)
{
	if (charset->pending_count > 0)
		charset_add_replacement(charset, out);
	charset->pending_count = 0;
	if (charset->utf7) {
		size_t before = out->len;
		utf7_finish(&charset->utf7_state, out);
		look_for_replacement(charset, out, before);
	}
	if (charset->utf7 || charset->utf8)
		return;
	char text[64];
	char *to = text;
	size_t room = sizeof(text);
	/* Writes what a stateful converter has held back, and resets it. */
	(void)iconv(charset->cd, NULL, NULL, &to, &room);
	buf_add(out, text, sizeof(text) - room);
}
