/*
 * The data computed once, at delivery, from the scanned message and stored with it: IMAP text that is ready
 * to be sent and a compact part table, so that FETCH never parses a message again. All views are in the given
 * arena.
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

/*
 * The structures in the form of RFC 9051: they differ from the summary's if there are message/global parts.
 */
void mime_summary_global(const struct mime_msg *msg, struct arena *arena, struct strv *ret_body,
	struct strv *ret_bodystructure);

/* The three printers, for tests and for single use. Strings are quoted, or literals where they must be. */
void mime_envelope_print(struct buf *out, const struct mime_part *part);
void mime_body_print(struct buf *out, const struct mime_part *part, bool extended);
/* Prints message/global, which RFC 3501 does not know, in the form of message/rfc822 (RFC 9051). */
void mime_body_print_global(struct buf *out, const struct mime_part *part, bool extended);
/*
 * Prints an IMAP nstring: NIL for a NULL pointer, else quoted, or a literal for 8-bit, CR, LF; NUL becomes
 * 0x80.
 */
void mime_nstring_print(struct buf *out, struct strv v);

/* Makes the part table. Its form is independent of positions, and its first octet is the version. */
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
 * Finds the octets of section `what` of part path[0..depth-1] (RFC 3501 section 6.4.5). depth 0 means the
 * message itself. RC_NOT_FOUND: no such part, or HEADER or TEXT of a part that is no message. RC_CORRUPT: it
 * is no part table (the caller scans the message again).
 */
enum rc mime_parts_find(struct strv table, const uint32_t *path, size_t depth, enum mime_section what,
	struct mime_range *ret_range) MUST_CHECK;

/*
 * Makes the part table of a copy of the message that begins with `added` more octets of header lines (whole
 * lines, ended by CRLF) than were scanned. Text that is no table is copied.
 */
void mime_parts_shift(struct buf *out, struct strv table, uint64_t added);
/*
 * Makes `headers` of the summary for such a copy: the lines that the cache keeps, then the cache; nothing if
 * the cache is empty.
 */
void mime_headers_prefix(struct buf *out, struct strv prefix, struct strv headers);

#endif
