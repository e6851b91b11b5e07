#include "mime/decode.h"

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

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Writes what count digits make up: three bytes of four, two of three, one of two. */
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

static void base64_feed(struct mime_decoder *decoder, struct strv in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		int digit = base64_digit(c);
		if (decoder->ended) {
			/* After "=" only a second one may follow. */
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

/* False: there is no room for one more. */
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

/* The pending "=..." was no escape: it is taken as it stands. */
static void qp_release(struct mime_decoder *decoder, struct buf *out)
{
	decoder->broken = true;
	buf_add(out, decoder->pending, decoder->pending_count);
	decoder->pending_count = 0;
	qp_flush_spaces(decoder, out);
}

/* After "=": two hex digits, or white space and a line end (soft line break). False: c is still to be
 * taken. */
static bool qp_escape(struct mime_decoder *decoder, char c, struct buf *out)
{
	unsigned char u = (unsigned char)c;
	bool soft = decoder->space_count > 0;
	unsigned count = decoder->pending_count;
	if (count == 1 && c == '\n') {
		decoder->pending_count = 0;
		qp_drop_spaces(decoder);
	} else if (count == 1 && (c == ' ' || c == '\t' || c == '\r') && qp_hold_space(decoder, c)) {
		/* A soft line break, perhaps. */
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

void mime_decoder_feed(struct mime_decoder *decoder, struct strv in, struct buf *out)
{
	switch (decoder->encoding) {
	case MIME_ENC_BASE64:
		base64_feed(decoder, in, out);
		break;
	case MIME_ENC_QP:
		for (size_t i = 0; i < in.n; i++)
			qp_byte(decoder, in.p[i], out);
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
	/* A "=" at the very end is a soft line break of a cut message. */
	if (decoder->pending_count == 2)
		qp_release(decoder, out);
	decoder->pending_count = 0;
	qp_drop_spaces(decoder);
}
