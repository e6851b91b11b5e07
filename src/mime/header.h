/*
 * Header blocks as bytes: walking the fields, filtering for HEADER.FIELDS, unfolding, RFC 2047. Pure
 * functions.
 */
#ifndef COID_MIME_HEADER_H
#define COID_MIME_HEADER_H

#include "base/buf.h"
#include "base/rc.h"
#include "base/strv.h"
#include "mime/mime.h"

/* Takes the next field off *block (raw header bytes, up to and without the empty line). False at the end.
 * Lines without a colon that follow no field are skipped, and so is "a=b: c", which is a parameter that
 * stands at no field. `ret_raw` (may be NULL) is the whole field with its line end. */
bool mime_header_next(struct strv *block, struct mime_field *ret_field, struct strv *ret_raw);

/*
 * RFC 3501 HEADER.FIELDS / HEADER.FIELDS.NOT: appends the raw fields whose names are (not) in names[], in
 * message order, and the empty line.
 */
void mime_header_filter(
	struct buf *out, struct strv block, const struct strv *names, size_t count, bool negate);

/*
 * The same for a block that comes in pieces of any size, of which only what is wanted is kept: nothing in it
 * is too long. `put` gets the raw octets of the wanted fields; `begins`: they are the first of a field (and
 * mostly not all of it).
 */
struct mime_sift {
	const struct strv *names; /* borrowed */
	size_t count;
	bool negate;
	void (*put)(void *arg, struct strv octets, bool begins);
	void *arg;
	char line[MIME_LINE_MAX]; /* the beginning of a line of which is not known yet what it is */
	size_t line_len;
	bool any; /* see struct mime_block */
	bool in_field;
	bool semicolon;
	bool wanted; /* the field in hand is */
	bool passing; /* the rest of the line in hand needs no look */
	bool over; /* the empty line has come */
	bool open; /* what was put last has no line end */
};

void mime_sift_init(struct mime_sift *sift, const struct strv *names, size_t count, bool negate,
	void (*put)(void *arg, struct strv octets, bool begins), void *arg);
void mime_sift_feed(struct mime_sift *sift, struct strv piece);
/* The block has ended. A last line without an end gets one. */
void mime_sift_end(struct mime_sift *sift);
/* A `put` that appends to the struct buf that is its arg. */
void mime_sift_to_buf(void *arg, struct strv octets, bool begins);

/* Whether the block stored by mime_summary_build can answer for this name (bulky fields are left out of
 * it). */
bool mime_header_cached(struct strv name);

/* Line ends removed, leading and trailing white space removed; folding white space stays as it is. */
void mime_unfold(struct buf *out, struct strv value);

/* RFC 2047 encoded words and raw UTF-8 to UTF-8; adjacent words joined; what cannot be decoded stays as
 * written; undecodable bytes become U+FFFD. Output is always valid UTF-8 without CR, LF and NUL. */
void mime_words_decode(struct buf *out, struct strv value);
/*
 * The same for collating (RFC 5255 section 4.6). False: an unknown charset, or octets that its charset does
 * not have; what is appended then are the decoded octets, not converted, without CR, LF and NUL.
 */
bool mime_words_convert(struct buf *out, struct strv value);
/* The first field of that name in a header block; false: none. */
bool mime_header_find(struct strv block, struct strv name, struct mime_field *ret_field);

/* The value of a Content-Type: fills type, subtype and params of the part; false (part untouched) if it is no
 * type/subtype. */
bool mime_content_type_parse(struct arena *arena, struct strv value, struct mime_part *part);

/* The first word of a structured field (Content-Transfer-Encoding, Content-Disposition); empty: there is
 * none. */
struct strv mime_token_parse(struct arena *arena, struct strv value);

/* The parameters of a structured field (Content-Type, Content-Disposition) as " name=value name=value" in
 * UTF-8: pieces of RFC 2231 joined, percent encoding and charsets decoded. Nothing for a value without any.
 * For searching. */
void mime_params_decode(struct buf *out, struct strv value);

/* RFC 5322 date-time, obsolete forms and comments too. RC_INVALID if unreadable. */
enum rc mime_date_parse(struct strv value, int64_t *ret_seconds, int *ret_zone_minutes) MUST_CHECK;
/* Of a Date field, RFC 5256 section 2.2: with a zone that is none it is UTC, with a time that is none
 * midnight UTC. RC_INVALID: not even a day. */
enum rc mime_date_sent(struct strv value, int64_t *ret_seconds, int *ret_zone_minutes) MUST_CHECK;

/* msg-id's of References, In-Reply-To, Message-ID: takes the next one off *value, without <>, white space
 * removed. False when there is no more. */
bool mime_msgid_next(struct strv *value, struct buf *out);

#endif
