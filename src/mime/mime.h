/*
 * The MIME scanner: one incremental pass over a message as it arrives gives the tree of its parts with exact
 * octet offsets (what IMAP's BODY[1.2]<0.100> needs), the header fields of the top and of every embedded
 * message, and the beginning of its first text part. RFC 5322, 2045, 2046, 2231, 2183, 3282, 2557.
 *
 * Bytes are taken as they are: CRLF and bare LF both end a line, NUL and 8-bit are kept. Whatever is broken has
 * a defined result, never an error: a missing final boundary ends at the end of the message, a multipart without
 * a usable boundary or beyond the depth or part limit becomes one opaque part (application/octet-stream leaf
 * printed with its own type, as text/plain when the type cannot be read). Cost is linear in the message.
 *
 * Details that others depend on:
 * - A header block ends at its empty line, at a boundary, or before the first line that is neither a field nor a
 *   continuation; that line is then the first one of the body. A "From " line on top is skipped.
 * - A boundary line is "--", the boundary, perhaps "--", white space, and at most MIME_LINE_MAX octets long. The
 *   innermost open multipart with that boundary takes it; all parts inside are ended. The line end before it is
 *   part of the boundary.
 * - body_lines is the number of line feeds in the body octets, as Dovecot counts: "a" is 0 lines, "a\r\n" is 1.
 * - When the part limit is reached, later parts of a multipart are skipped.
 *
 * A struct mime_msg lives in its arena and is immutable; any one thread at a time.
 */
#ifndef COID_MIME_MIME_H
#define COID_MIME_MIME_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

#define MIME_LINE_MAX 1024 /* longest boundary line, and longest field name */
#define MIME_BOUNDARY_MAX 256 /* longest usable boundary parameter */
#define MIME_FIELDS_MAX 20000 /* fields kept of one header block */
#define MIME_PARAMS_MAX 128 /* parameters kept of one field, RFC 2231 pieces counted singly */
#define MIME_DEPTH_MAX 200 /* limits.depth is cut to this */

struct mime_limits {
	unsigned depth; /* nesting of parts; default 50 */
	unsigned parts; /* parts in all; default 2000 */
	size_t header_bytes; /* of one header block kept for parsing; the rest is skipped; default 256 KiB */
	size_t headers_total; /* over all blocks of the message; default 1 MiB */
	size_t preview_bytes; /* raw bytes kept of the first text part; default 4 KiB */
};

extern const struct mime_limits mime_limits_default;

enum mime_kind {
	MIME_LEAF, /* text, image, ...: anything with bytes only */
	MIME_MULTIPART, /* has children */
	MIME_MESSAGE /* message/rfc822 or message/global: one child, the embedded message's own root part */
};

struct mime_field {
	struct strv name; /* as written, without the colon and without spaces before it */
	struct strv value; /* raw, still folded, without the final line end */
};

struct mime_param {
	struct strv name; /* as written; an RFC 2231 name keeps no *0* suffix */
	struct strv value; /* unquoted; RFC 2231 pieces joined and percent-decoded, bytes in `charset` */
	struct strv charset; /* of an RFC 2231 value, else empty */
	struct strv language; /* of an RFC 2231 value, else empty */
	bool extended; /* came as RFC 2231 extended value: printed as name*=charset'language'... */
};

struct mime_part {
	enum mime_kind kind;
	struct mime_part *parent;
	struct mime_part *child; /* first */
	struct mime_part *sibling; /* next */
	unsigned index; /* 1.. among its siblings */

	/* Octets from the start of the message. The header includes its final empty line. */
	uint64_t header_offset;
	uint64_t header_size;
	uint64_t body_offset;
	uint64_t body_size; /* without the line end that belongs to the boundary */
	uint64_t body_lines;
	uint64_t header_lines;

	struct strv header; /* raw bytes of the block, up to the limits, without the empty line */
	struct mime_field *fields; /* its fields, in order; views into `header` */
	size_t field_count;
	bool header_cut; /* the block was longer than the limit */

	/* Content-Type etc., defaults filled in (text/plain; message/rfc822 in a digest). As written. */
	struct strv type;
	struct strv subtype;
	struct mime_param *params;
	size_t param_count;
	struct strv encoding; /* Content-Transfer-Encoding; "7bit" if absent */
};

struct mime_msg {
	struct arena *arena; /* own */
	struct mime_part *root;
	uint64_t size; /* octets of the whole message */
	bool has_nul; /* some octet is NUL */
	bool has_8bit; /* some octet is >= 0x80 */
	bool has_bare_lf;
	struct mime_part
		*text_part; /* first text/plain leaf not an attachment, else first text/html one, else NULL */
	struct strv text_start; /* first raw bytes of it (preview_bytes) */
};

struct mime_scan;

/* limits NULL: the defaults. */
struct mime_scan *mime_scan_new(const struct mime_limits *limits);
/* Pieces of any size; the result does not depend on how the message is cut. */
void mime_scan_feed(struct mime_scan *scan, const void *p, size_t n);
/* Ends the pass. The caller owns *ret_msg; the scanner may only be freed afterwards. */
void mime_scan_finish(struct mime_scan *scan, struct mime_msg **ret_msg);
void mime_scan_free(struct mime_scan **scan);
void mime_msg_free(struct mime_msg **msg);

/* The part after this one in the order of the message, or NULL. */
const struct mime_part *mime_part_next(const struct mime_part *part);
/* The n-th (0..) field of that name (any case) in the part's header block; NULL if there is none. */
const struct mime_field *mime_part_field(const struct mime_part *part, struct strv name, size_t n);
/* The parameter's value or an empty view. */
struct strv mime_part_param(const struct mime_part *part, struct strv name);

#endif
