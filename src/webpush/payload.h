/*
 * The content of a push: JSON made from the header and body of a message (docs/webpush.md has the members).
 * Pure; any thread. The result is valid JSON in valid UTF-8 and fits into one record, whatever the message
 * contains.
 */
#ifndef COID_WEBPUSH_PAYLOAD_H
#define COID_WEBPUSH_PAYLOAD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/rc.h"
#include "base/strv.h"
#include "webpush/ece.h"

#include <stdbool.h>
#include <stdint.h>

#define PAYLOAD_MAX ECE_PLAIN_MAX
/*
 * The limits of strings, in octets between their quotes in the JSON. Longer strings are cut and end in
 * U+2026.
 */
#define PAYLOAD_EMAIL_MAX 200
#define PAYLOAD_NAME_MAX 160
#define PAYLOAD_SUBJECT_MAX 300
#define PAYLOAD_MSGID_MAX 200
#define PAYLOAD_TYPE_MAX 300
#define PAYLOAD_ENCODING_MAX 40
#define PAYLOAD_FOLDER_MAX 200 /* a longer one is left out */
#define PAYLOAD_GROUP_MIN 12
#define PAYLOAD_GROUP_MAX 128

enum payload_content {
	PAYLOAD_FULL, /* with the body, if it fits */
	PAYLOAD_HEADERS, /* without the body */
	PAYLOAD_MINIMAL /* only the place of the message */
};

struct payload_source {
	/* Raw block of fields, with or without the empty line after it; only payload_fields are read. */
	struct strv header;
	struct strv body; /* raw; p NULL: it was too long to be read */
	uint32_t uid;
	uint32_t uidvalidity;
	struct strv folder; /* UTF-8 */
};

/* The names of all header fields that functions of this file read. Static. */
const struct strv *payload_fields(size_t *ret_count);
enum rc payload_build(
	const struct payload_source *source, enum payload_content content, struct buf *out) MUST_CHECK;
/* Appends the same payload without its content. RC_NOT_FOUND: it has no content. */
enum rc payload_shrink(struct strv payload, struct buf *out) MUST_CHECK;
/* {"validation":"<token>"} */
enum rc payload_validation(struct strv token, struct buf *out) MUST_CHECK;
/* The payload that `coidctl push test` sends. */
enum rc payload_test(int64_t now, struct buf *out) MUST_CHECK;

/* True: the message is a disposition notification (RFC 8098), which must wake no device. */
bool payload_is_notification(struct strv header);
/* The first From address in lower case, in the arena; empty: there is none. */
struct strv payload_from(struct strv header, struct arena *arena);

#endif
