#include "mime/decode.h"

#include <endian.h>
#include <string.h>

enum mime_encoding mime_encoding_parse(struct strv name)
{
	static const struct {
		struct strv name;
		enum mime_encoding encoding;
	} table[] = {
		{ { "7bit", 4 }, MIME_ENC_7BIT },
		{ { "8bit", 4 }, MIME_ENC_8BIT },
		{ { "binary", 6 }, MIME_ENC_BINARY },
		{ { "quoted-printable", 16 }, MIME_ENC_QP },
		{ { "base64", 6 }, MIME_ENC_BASE64 },
	};
	name = strv_trim(name);
	if (name.n == 0)
		return MIME_ENC_7BIT;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strv_ieq(name, table[i].name))
			return table[i].encoding;
	return MIME_ENC_UNKNOWN;
}

void mime_decoder_init(struct mime_decoder *decoder, enum mime_encoding encoding)
{
	*decoder = (struct mime_decoder){ .encoding = encoding };
}

void mime_decoder_fini(struct mime_decoder *decoder)
{
	(void)decoder;
}

#define NO_DIGIT 64

/* The value of each octet as a digit of base64 (RFC 4648 section 4). */
static const unsigned char base64_digits[256] = { 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 62, 64, 64, 64, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64, 64, 0,
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64,
	64, 64, 64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
	48, 49, 50, 51, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64 };

static int base64_digit(char c)
{
	unsigned char digit = base64_digits[(unsigned char)c];
	return digit == NO_DIGIT ? -1 : digit;
}

/* Writes the bytes of `count` digits: three bytes for four digits, two for three, one for two. */
static void base64_flush(struct mime_decoder *decoder, struct buf *out)
{
	uint32_t bits = decoder->bits << (6 * (4 - decoder->count));
	for (unsigned i = 1; i < decoder->count; i++)
		buf_addc(out, (char)(unsigned char)(bits >> (24 - 8 * i) & 0xff));
	if (decoder->count == 1)
		decoder->broken = true;
	decoder->count = 0;
	decoder->bits = 0;
}

/* Decodes whole groups of four digits, up to the first octet that is no digit. Returns how many it took. */
static size_t base64_groups(struct strv in, struct buf *out)
{
	/* Each group is written as four octets, the last of which the next group overwrites. */
	size_t max = in.n / 4 * 3 + 1;
	/* Near the maximum of the buffer octets are added one at a time, as many as fit. */
	unsigned char *to = max <= out->max - out->len ? (unsigned char *)buf_reserve(out, max) : NULL;
	if (!to)
		return 0;
	const unsigned char *p = (const unsigned char *)in.p;
	size_t i = 0;
	for (; i + 4 <= in.n; i += 4, to += 3) {
		uint32_t a = base64_digits[p[i]], b = base64_digits[p[i + 1]];
		uint32_t c = base64_digits[p[i + 2]], d = base64_digits[p[i + 3]];
		if ((a | b | c | d) & NO_DIGIT)
			break;
		uint32_t octets = htobe32(a << 26 | b << 20 | c << 14 | d << 8);
		memcpy(to, &octets, sizeof(octets));
	}
	buf_commit(out, i / 4 * 3);
	return i;
}

static void base64_feed(struct mime_decoder *decoder, struct strv in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		if (decoder->count == 0 && !decoder->ended && base64_digit(c) >= 0) {
			size_t taken = base64_groups(strv_sub(in, i, in.n), out);
			i += taken;
			if (i == in.n)
				return;
			c = in.p[i];
		}
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		int digit = base64_digit(c);
		if (decoder->ended) {
			/* The only character allowed after "=" is a second one. */
			decoder->broken |= c != '=';
		} else if (digit >= 0) {
			decoder->bits = decoder->bits << 6 | (uint32_t)digit;
			if (++decoder->count == 4)
				base64_flush(decoder, out);
		} else if (c == '=' && decoder->count >= 2) {
			base64_flush(decoder, out);
			decoder->ended = true;
		} else {
			decoder->broken = true;
		}
	}
}

static int decode_hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void qp_drop_spaces(struct mime_decoder *decoder)
{
	decoder->space_count = 0;
	decoder->run_count = 0;
}

static void qp_flush_spaces(struct mime_decoder *decoder, struct buf *out)
{
	for (unsigned i = 0; i < decoder->run_count; i++) {
		char *room = buf_reserve(out, decoder->runs[i].length);
		if (!room)
			break;
		memset(room, decoder->runs[i].c, decoder->runs[i].length);
		buf_commit(out, decoder->runs[i].length);
	}
	qp_drop_spaces(decoder);
}

/* False: there is no room for another character. */
static bool qp_hold_space(struct mime_decoder *decoder, char c)
{
	unsigned last = decoder->run_count;
	bool same = last > 0 && decoder->runs[last - 1].c == c;
	if (decoder->space_count == MIME_QP_SPACES_MAX || (!same && last == MIME_QP_RUNS_MAX))
		return false;
	if (!same) {
		decoder->runs[last].c = c;
		decoder->runs[last].length = 0;
		decoder->run_count = ++last;
	}
	decoder->runs[last - 1].length++;
	decoder->space_count++;
	return true;
}

/* The pending "=..." was not an escape: it is copied. */
static void qp_release(struct mime_decoder *decoder, struct buf *out)
{
	decoder->broken = true;
	buf_add(out, decoder->pending, decoder->pending_count);
	decoder->pending_count = 0;
	qp_flush_spaces(decoder, out);
}

/* Reads after "=": two hex digits, or white space and a line end (soft line break). False: c has not been
 * used. */
static bool qp_escape(struct mime_decoder *decoder, char c, struct buf *out)
{
	unsigned char u = (unsigned char)c;
	bool soft = decoder->space_count > 0;
	unsigned count = decoder->pending_count;
	if (count == 1 && c == '\n') {
		decoder->pending_count = 0;
		qp_drop_spaces(decoder);
	} else if (count == 1 && (c == ' ' || c == '\t' || c == '\r') && qp_hold_space(decoder, c)) {
		/* This may become a soft line break. */
	} else if (count == 1 && !soft && decode_hex_digit(u) >= 0) {
		decoder->pending[decoder->pending_count++] = u;
	} else if (count == 2 && decode_hex_digit(u) >= 0) {
		buf_addc(out, (char)(unsigned char)(decode_hex_digit(decoder->pending[1]) * 16 +
						    decode_hex_digit(u)));
		decoder->pending_count = 0;
	} else {
		qp_release(decoder, out);
		return false;
	}
	return true;
}

static void qp_plain(struct mime_decoder *decoder, char c, struct buf *out)
{
	if (c == '=') {
		qp_flush_spaces(decoder, out);
		decoder->pending[0] = '=';
		decoder->pending_count = 1;
	} else if (c == ' ' || c == '\t' || c == '\r') {
		if (!qp_hold_space(decoder, c)) {
			qp_flush_spaces(decoder, out);
			(void)qp_hold_space(decoder, c);
		}
	} else if (c == '\n') {
		bool crlf = decoder->run_count > 0 && decoder->runs[decoder->run_count - 1].c == '\r';
		qp_drop_spaces(decoder);
		buf_adds(out, crlf ? "\r\n" : "\n");
	} else {
		qp_flush_spaces(decoder, out);
		buf_addc(out, c);
	}
}

static void qp_byte(struct mime_decoder *decoder, char c, struct buf *out)
{
	if (decoder->pending_count > 0 && qp_escape(decoder, c, out))
		return;
	qp_plain(decoder, c, out);
}

#define QP_LOOK_MAX 1024

/* True if the octets of a line can be taken together: no earlier octet waits to be decoded. */
static bool qp_is_plain(const struct mime_decoder *decoder)
{
	return decoder->pending_count == 0 && decoder->run_count == 0;
}

/*
 * Takes at once what precedes the next "=" or line end, without the white space at its end, which may have to
 * vanish. Returns how many octets were taken.
 */
static size_t qp_line(struct strv in, struct buf *out)
{
	/* A line of escapes alone must not be searched to its end for each of them. */
	in = strv_sub(in, 0, in.n < QP_LOOK_MAX ? in.n : QP_LOOK_MAX);
	const char *end = memchr(in.p, '\n', in.n);
	size_t n = end ? (size_t)(end - in.p) : in.n;
	const char *escape = memchr(in.p, '=', n);
	if (escape)
		n = (size_t)(escape - in.p);
	while (n > 0 && (in.p[n - 1] == ' ' || in.p[n - 1] == '\t' || in.p[n - 1] == '\r'))
		n--;
	if (n > out->max - out->len)
		return 0;
	buf_add(out, in.p, n);
	return n;
}

static void qp_feed(struct mime_decoder *decoder, struct strv in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		if (qp_is_plain(decoder))
			i += qp_line(strv_sub(in, i, in.n), out);
		if (i == in.n)
			return;
		qp_byte(decoder, in.p[i], out);
	}
}

void mime_decoder_feed(struct mime_decoder *decoder, struct strv in, struct buf *out)
{
	switch (decoder->encoding) {
	case MIME_ENC_BASE64:
		base64_feed(decoder, in, out);
		break;
	case MIME_ENC_QP:
		qp_feed(decoder, in, out);
		break;
	case MIME_ENC_7BIT:
	case MIME_ENC_8BIT:
	case MIME_ENC_BINARY:
	case MIME_ENC_UNKNOWN:
		buf_addv(out, in);
		break;
	}
}

void mime_decoder_finish(struct mime_decoder *decoder, struct buf *out)
{
	if (decoder->encoding == MIME_ENC_BASE64 && decoder->count > 0) {
		decoder->broken = true;
		base64_flush(decoder, out);
	}
	/* A "=" at the very end is a soft line break of a truncated message. */
	if (decoder->pending_count == 2)
		qp_release(decoder, out);
	decoder->pending_count = 0;
	qp_drop_spaces(decoder);
}
