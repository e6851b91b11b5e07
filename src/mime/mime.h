/*
 * The MIME scanner: one incremental pass over a message as it arrives gives the tree of its parts with exact
 * octet offsets (what IMAP's BODY[1.2]<0.100> needs), the header fields of the top and of every embedded
 * message, and the beginning of its first text part. RFC 5322, 2045, 2046, 2231, 2183, 3282, 2557.
 *
 * Bytes are taken as they are: CRLF and bare LF both end a line, NUL and 8-bit are kept. Whatever is broken
 * has a defined result, never an error: a missing final boundary ends at the end of the message, a multipart
 * without a usable boundary or beyond the depth or part limit has one text/plain part, which is its whole
 * body. Cost is linear in the message.
 *
 * Details that others depend on:
 * - A header block ends at its empty line (RFC 5322 section 2.1). A line in it that is no field is passed, or
 *   is a continuation if it looks like a parameter and the field before it ends with ";" (RFC 7103 section
 *   7). A block that has no empty line, because a boundary or the end of the message comes first, ends behind
 *   its last field: what follows is body. So does one in which a line that is no field comes before any
 *   field. "From " lines on top of a message are passed.
 * - A line that is a delimiter of the boundary which the block itself declares ends it, too.
 * - A boundary line is "--", the boundary, perhaps "--", white space, and at most MIME_LINE_MAX octets long.
 *   The innermost open multipart with that boundary takes it; all parts inside are ended. The line end before
 *   it is part of the boundary.
 * - body_lines is the number of line feeds in the body octets, as Dovecot counts: "a" is 0 lines, "a\r\n" is
 *   1.
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

#define MIME_LINE_MAX                                                                                        \
	1024 /* longest boundary line, longest field name, longest line that a parameter may follow */
#define MIME_BOUNDARY_MAX 256 /* longest usable boundary parameter */
#define MIME_FIELDS_MAX 20000 /* ordinary fields kept of one header block */
#define MIME_VALUE_MAX (64 * 1024) /* octets kept of a field that decides, like Content-Type or Subject */
#define MIME_LIST_MAX (1024 * 1024) /* the same for lists of addresses (some 20,000) or message ids */
#define MIME_VALUE_LEAST 1024 /* ... of which at least this is kept, whatever stands before it */
#define MIME_PARAMS_MAX 128 /* parameters kept of one field, RFC 2231 pieces counted singly */
#define MIME_DEPTH_MAX 200 /* limits.depth is cut to this */

struct mime_limits {
	unsigned depth; /* nesting of parts; default 50 */
	unsigned parts; /* parts in all; default 2000 */
	/*
	 * Octets of ordinary fields kept of one header block (default 256 KiB), and of all blocks (1 MiB);
	 * other fields are skipped. The first field of each deciding name is kept in addition, wherever it
	 * stands, up to its own maximum: for all blocks values_total (4 MiB), and after that MIME_VALUE_LEAST
	 * of each.
	 */
	size_t header_bytes;
	size_t headers_total;
	size_t values_total;
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
	bool extended; /* an RFC 2231 extended value, printed as name*=charset'language'... */
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

	struct strv header; /* raw lines of the block, up to the limits, without the empty line */
	struct mime_field *fields; /* its fields, in order; views into `header` */
	size_t field_count;
	/* the block has more fields than `header`: the others have to be read from the message */
	bool header_cut;

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
	/* first text/plain leaf not an attachment, else first text/html one, else NULL */
	struct mime_part *text_part;
	struct strv text_start; /* first raw bytes of it (preview_bytes) */
};

struct mime_scan;

/* Makes a scanner. limits NULL: the defaults. */
struct mime_scan *mime_scan_new(const struct mime_limits *limits);
/* Takes pieces of any size; the result does not depend on how the message is cut. */
void mime_scan_feed(struct mime_scan *scan, const void *p, size_t n);
/* Ends the pass. The caller owns *ret_msg; the scanner may only be freed afterwards. */
void mime_scan_finish(struct mime_scan *scan, struct mime_msg **ret_msg);
void mime_scan_free(struct mime_scan **scan);
void mime_msg_free(struct mime_msg **msg);

/* The part after this one in the order of the message, or NULL. */
const struct mime_part *mime_part_next(const struct mime_part *part);
/* The n-th (from 0) field of that name (in any case) in the part's header block; NULL if there is none. */
const struct mime_field *mime_part_field(const struct mime_part *part, struct strv name, size_t n);
/* The parameter's value or an empty view. */
struct strv mime_part_param(const struct mime_part *part, struct strv name);

#endif
