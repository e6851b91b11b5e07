/*
 * Content decoding for SEARCH, PREVIEW, BINARY and Web Push: transfer encodings and charsets, incremental.
 */
#ifndef COID_MIME_DECODE_H
#define COID_MIME_DECODE_H

#include "base/buf.h"
#include "base/rc.h"
#include "base/strv.h"

#include <stdint.h>

enum mime_encoding {
	MIME_ENC_7BIT,
	MIME_ENC_8BIT,
	MIME_ENC_BINARY,
	MIME_ENC_QP,
	MIME_ENC_BASE64,
	MIME_ENC_UNKNOWN
};

enum mime_encoding mime_encoding_parse(struct strv name);

/*
 * White space at the end of a quoted-printable line is removed (RFC 2045 section 6.7, rule 3), up to this
 * number of characters; more is content.
 */
#define MIME_QP_SPACES_MAX 32768
#define MIME_QP_RUNS_MAX 998 /* the same limit, for runs of one character */

/* A decoder has no memory of its own: a copy of it goes on where the original stands. */
struct mime_decoder {
	enum mime_encoding encoding;
	uint32_t bits;
	unsigned count;
	unsigned char pending[4];
	unsigned pending_count;
	bool ended;
	bool broken; /* the input was invalid somewhere; decoding went on */
	/* quoted-printable: white space that may have to be removed, as runs of one character */
	unsigned space_count; /* of all runs */
	unsigned run_count;
	struct {
		uint16_t length;
		char c;
	} runs[MIME_QP_RUNS_MAX];
};

void mime_decoder_init(struct mime_decoder *decoder, enum mime_encoding encoding);
void mime_decoder_feed(struct mime_decoder *decoder, struct strv in, struct buf *out);
void mime_decoder_finish(struct mime_decoder *decoder, struct buf *out);
void mime_decoder_fini(struct mime_decoder *decoder);

/*
 * Converts a charset to UTF-8 through iconv, with our own list of allowed names and aliases. RC_NOT_FOUND:
 * the charset is not on the list. Invalid input becomes U+FFFD. An object belongs to one thread.
 */
struct charset;
enum rc charset_open(struct strv name, struct charset **ret_charset) MUST_CHECK;
void charset_feed(struct charset *charset, struct strv in, struct buf *out);
void charset_finish(struct charset *charset, struct buf *out);
/* True: some of the input was replaced. */
bool charset_broken(const struct charset *charset);
void charset_close(struct charset **charset);
/* Tells whether charset_open would accept the name. */
bool charset_known(struct strv name);

/*
 * The key of UTF-8 text by i;unicode-casemap (RFC 5051): equal keys mean equal strings, and substrings stay
 * substrings.
 */
void mime_casemap(struct buf *out, struct strv utf8);
/* Converts Unicode text to lower case, one code point for each. */
void casemap_lower(struct buf *out, struct strv utf8);

#endif
