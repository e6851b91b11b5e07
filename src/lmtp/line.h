/*
 * Takes command lines (RFC 5321 section 2.3.8) off the input of a client. Pure and resumable at any octet:
 * the reader only keeps whether it is inside a line that was too long. It copies nothing; lines are views of
 * the input.
 */
#ifndef COID_LMTP_LINE_H
#define COID_LMTP_LINE_H

#include "base/strv.h"

#include <stddef.h>

/* Octets of a line without its LF. RFC 5321 demands 512; parameters and SMTPUTF8 need more. */
#define LMTP_LINE_MAX 4096

enum lmtp_line_state {
	LMTP_LINE_BEGIN, /* the next octet begins a line */
	LMTP_LINE_SKIP /* the rest of a line that was too long is thrown away */
};

enum lmtp_line_result {
	LMTP_LINE_NEED_MORE, /* there is no whole line yet */
	LMTP_LINE_TAKEN, /* a line was taken */
	LMTP_LINE_TOO_LONG, /* reported once for each such line */
	LMTP_LINE_CONTROL /* the line holds NUL or a bare CR */
};

struct lmtp_line_reader {
	enum lmtp_line_state state;
};

void lmtp_line_init(struct lmtp_line_reader *reader);
/*
 * Returns how many octets of `in` were used; with LMTP_LINE_NEED_MORE that may be 0. *ret_line is written
 * with LMTP_LINE_TAKEN only: the line without CRLF (or LF), a view of `in`.
 */
size_t lmtp_line_take(struct lmtp_line_reader *reader, struct strv in, enum lmtp_line_result *ret_result,
	struct strv *ret_line);

#endif
