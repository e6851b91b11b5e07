/* The first words of a message as one line of text (RFC 8970). */
#include "mime/summary.h"

#include "base/str.h"
#include "mime/decode.h"
#include "mime/mime_priv.h"
#include "mime/summary_priv.h"

#define UTF8_GROWTH 4

static void preview_decode_text(struct buf *out, const struct mime_msg *msg)
{
	const struct mime_part *part = msg->text_part;
	struct mime_decoder decoder;
	struct charset *charset = NULL;
	bool whole = msg->text_start.n == part->body_size;
	struct buf bytes;
	buf_init(&bytes, msg->text_start.n + 1);
	mime_decoder_init(&decoder, mime_encoding_parse(part->encoding));
	mime_decoder_feed(&decoder, msg->text_start, &bytes);
	if (whole)
		mime_decoder_finish(&decoder, &bytes);
	mime_decoder_fini(&decoder);
	struct strv name = mime_part_param(part, STRV("charset"));
	if (charset_open(name.n > 0 ? name : STRV("us-ascii"), &charset) == RC_OK) {
		/* An incomplete character at the end is dropped, not shown as damaged. */
		charset_feed(charset, buf_strv(&bytes), out);
		if (whole)
			charset_finish(charset, out);
		charset_close(&charset);
	} else {
		str_utf8_repair(out, buf_strv(&bytes));
	}
	buf_fini(&bytes);
}

/* The octets of white space, control or invisible characters at the beginning of v; 0: there are none. */
static size_t blank_length(struct strv v)
{
	static const struct strv blanks[] = {
		{ "\xc2\xa0", 2 }, /* no-break space */
		{ "\xc2\xad", 2 }, /* soft hyphen */
		{ "\xcd\x8f", 2 }, /* combining grapheme joiner */
		{ "\xe2\x80\x8b", 3 }, /* zero width space */
		{ "\xe2\x80\x8c", 3 }, /* zero width non-joiner, filler of newsletters */
		{ "\xe2\x80\x8e", 3 }, /* left-to-right mark */
		{ "\xe2\x80\xa8", 3 }, /* line separator */
		{ "\xe2\x80\xa9", 3 }, /* paragraph separator */
		{ "\xe3\x80\x80", 3 }, /* ideographic space */
		{ "\xef\xbb\xbf", 3 }, /* byte order mark */
	};
	unsigned char c = (unsigned char)*v.p;
	if (c <= ' ' || c == 0x7f)
		return 1;
	if (c < 0x80)
		return 0;
	if (c == 0xc2 && v.n > 1 && (unsigned char)v.p[1] < 0xa0)
		return 2;
	for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++)
		if (strv_starts(v, blanks[i]))
			return blanks[i].n;
	return 0;
}

static size_t char_length(struct strv v)
{
	size_t n = 1;
	while (n < v.n && ((unsigned char)v.p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static void preview_collapse(struct buf *out, struct strv v)
{
	size_t chars = 0;
	bool space = false;
	while (v.n > 0 && chars < MIME_PREVIEW_CHARS) {
		size_t n = blank_length(v);
		if (n > 0) {
			space = chars > 0;
			v = strv_sub(v, n, v.n);
			continue;
		}
		if (space && ++chars == MIME_PREVIEW_CHARS)
			break;
		if (space)
			buf_addc(out, ' ');
		space = false;
		n = char_length(v);
		buf_add(out, v.p, n);
		v = strv_sub(v, n, v.n);
		chars++;
	}
}

void mime_preview(struct buf *out, const struct mime_msg *msg)
{
	if (!msg->text_part || msg->text_start.n == 0)
		return;
	struct buf text;
	struct buf plain;
	buf_init(&text, UTF8_GROWTH * msg->text_start.n + 64);
	buf_init(&plain, UTF8_GROWTH * msg->text_start.n + 64);
	preview_decode_text(&text, msg);
	if (strv_ieq(msg->text_part->subtype, STRV("html"))) {
		mime_html_strip(&plain, buf_strv(&text));
		preview_collapse(out, buf_strv(&plain));
	} else {
		preview_collapse(out, buf_strv(&text));
	}
	buf_fini(&plain);
	buf_fini(&text);
}
