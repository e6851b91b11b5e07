/*
 * What is computed once, at delivery, from the scanned message and stored beside it: ready-to-send IMAP text
 * and a compact part table, so that FETCH never parses a message again. All views live in the arena that was
 * given.
 */
#ifndef COID_MIME_SUMMARY_H
#define COID_MIME_SUMMARY_H

#include "mime/mime.h"

struct mime_summary {
	struct strv envelope; /* "(...)" of FETCH ENVELOPE, RFC 3501 section 7.4.2 */
	struct strv body; /* "(...)" of FETCH BODY: without extension data */
	struct strv bodystructure; /* "(...)" of FETCH BODYSTRUCTURE */
	struct strv parts; /* part table for mime_parts_find */
	/* mime_header_cache: the top header block without its bulky fields; empty: not cached */
	struct strv headers;
	/* RFC 8970: at most 200 characters of UTF-8, one line; empty if there is no text */
	struct strv preview;
	int64_t sent_date; /* of the Date field, seconds since 1970 UTC; INT64_MIN: none or unreadable */
	int sent_zone; /* minutes east of UTC as written in the Date field */
	bool has_nul;
};

void mime_summary_build(const struct mime_msg *msg, struct arena *arena, struct mime_summary *ret_summary);

/* The structures in the form of RFC 9051: other ones than the summary's if there are message/global parts. */
void mime_summary_global(const struct mime_msg *msg, struct arena *arena, struct strv *ret_body,
	struct strv *ret_bodystructure);

/* The three printers, for tests and for whoever needs one alone. Strings are quoted, or literals where they
 * must be. */
void mime_envelope_print(struct buf *out, const struct mime_part *part);
void mime_body_print(struct buf *out, const struct mime_part *part, bool extended);
/* With message/global, which RFC 3501 does not know, in the form of message/rfc822 (RFC 9051). */
void mime_body_print_global(struct buf *out, const struct mime_part *part, bool extended);
/* An IMAP nstring: NIL for a NULL pointer, else quoted, or a literal for 8-bit, CR, LF; NUL becomes 0x80. */
void mime_nstring_print(struct buf *out, struct strv v);

/* The part table. Encoding is position-independent and versioned by its first octet. */
void mime_parts_encode(struct buf *out, const struct mime_msg *msg);

enum mime_section {
	MIME_SECTION_ALL, /* BODY[] or the body of BODY[1.2] */
	MIME_SECTION_HEADER, /* .HEADER, and the block that HEADER.FIELDS filters */
	MIME_SECTION_TEXT, /* .TEXT */
	MIME_SECTION_MIME /* .MIME */
};

struct mime_range {
	uint64_t offset;
	uint64_t size;
	uint8_t encoding; /* enum mime_encoding of the part (decode.h) */
};

/*
 * Where section `what` of part path[0..depth-1] (RFC 3501 section 6.4.5) lies. RC_NOT_FOUND: no such part, or
 * a HEADER or TEXT of a part that is no message. RC_CORRUPT: not a part table (the caller scans the message
 * again). depth 0 means the message itself.
 */
enum rc mime_parts_find(struct strv table, const uint32_t *path, size_t depth, enum mime_section what,
	struct mime_range *ret_range) MUST_CHECK;

/*
 * For a copy of the message that begins with `added` octets of header lines more (whole lines, CRLF-ended)
 * than were scanned: the part table of that copy. What is no table comes out as it is.
 */
void mime_parts_shift(struct buf *out, struct strv table, uint64_t added);
/* The same for `headers` of the summary: the lines that the cache keeps, then the cache; nothing if that is
 * empty. */
void mime_headers_prefix(struct buf *out, struct strv prefix, struct strv headers);

#endif
