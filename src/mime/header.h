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

/* RFC 3501 HEADER.FIELDS and HEADER.FIELDS.NOT: appends the raw fields whose names are (not) in names[],
 * in message order, and the empty line. */
void mime_header_filter(
	struct buf *out, struct strv block, const struct strv *names, size_t count, bool negate);

/* Filters a block that comes in pieces of any size. Only wanted fields are kept, so nothing in the block
 * is too long. `put` gets the raw octets of the wanted fields; `begins`: they are the first ones of a
 * field (and usually not all of it). */
struct mime_sift {
	const struct strv *names; /* borrowed */
	size_t count;
	bool negate;
	void (*put)(void *arg, struct strv octets, bool begins);
	void *arg;
	char line[MIME_LINE_MAX]; /* the beginning of a line that has not been classified yet */
	size_t line_len;
	bool any; /* see struct mime_block */
	bool in_field;
	bool semicolon;
	bool wanted; /* the present field is wanted */
	bool passing; /* the rest of the present line need not be examined */
	bool over; /* the empty line has come */
	bool open; /* the octets put last have no line end */
};

void mime_sift_init(struct mime_sift *sift, const struct strv *names, size_t count, bool negate,
	void (*put)(void *arg, struct strv octets, bool begins), void *arg);
void mime_sift_feed(struct mime_sift *sift, struct strv piece);
/* Ends the block. A last line without a line end gets one. */
void mime_sift_end(struct mime_sift *sift);
/* A `put` function that appends to the struct buf that is its arg. */
void mime_sift_to_buf(void *arg, struct strv octets, bool begins);

/* Tells whether the block stored by mime_summary_build can answer for this name (it lacks bulky fields). */
bool mime_header_cached(struct strv name);

/* Removes line ends, and white space at the beginning and the end; folding white space stays. */
void mime_unfold(struct buf *out, struct strv value);

/* Converts RFC 2047 encoded words and raw UTF-8 to UTF-8. Adjacent words are joined. Words that can't be
 * decoded stay as written; undecodable bytes become U+FFFD. The output is always valid UTF-8 without CR,
 * LF and NUL. */
void mime_words_decode(struct buf *out, struct strv value);
/* Does the same for collation (RFC 5255 section 4.6). False: a charset is unknown, or does not have some
 * octets; then the decoded octets are appended without conversion, without CR, LF and NUL. */
bool mime_words_convert(struct buf *out, struct strv value);
/* Finds the first field of that name in a header block. False: there is none. */
bool mime_header_find(struct strv block, struct strv name, struct mime_field *ret_field);

/* Parses the value of a Content-Type: fills type, subtype and params of the part. False (the part is
 * unchanged): it is no type/subtype. */
bool mime_content_type_parse(struct arena *arena, struct strv value, struct mime_part *part);

/* The first word of a structured field (Content-Transfer-Encoding, Content-Disposition). Empty: there is
 * none. */
struct strv mime_token_parse(struct arena *arena, struct strv value);

/* Prints the parameters of a structured field (Content-Type, Content-Disposition) as " name=value
 * name=value" in UTF-8, for searching: pieces of RFC 2231 are joined, percent encoding and charsets
 * decoded. Prints nothing if there are none. */
void mime_params_decode(struct buf *out, struct strv value);

/* Parses an RFC 5322 date-time, also with obsolete forms and comments. RC_INVALID: it is unreadable. */
enum rc mime_date_parse(struct strv value, int64_t *ret_seconds, int *ret_zone_minutes) MUST_CHECK;
/* Parses a Date field by RFC 5256 section 2.2: an invalid zone counts as UTC, an invalid time as midnight
 * UTC. RC_INVALID: there is no valid day. */
enum rc mime_date_sent(struct strv value, int64_t *ret_seconds, int *ret_zone_minutes) MUST_CHECK;

/* Takes the next msg-id of References, In-Reply-To or Message-ID off *value, without <> and white space.
 * False: there are no more. */
bool mime_msgid_next(struct strv *value, struct buf *out);

#endif
