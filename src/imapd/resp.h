/*
 * The only writer of response bytes: quoting, literals, mailbox names, flags, dates. Works on a buf (for jobs that
 * build their output on a worker) or on a session's connection.
 */
#ifndef COID_IMAPD_RESP_H
#define COID_IMAPD_RESP_H

#include "base/buf.h"
#include "base/rc.h"
#include "base/strv.h"

#include <stdint.h>

struct session;

/* Appends an untagged line; "* " and CRLF are added. */
void resp_untagged(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "+ text": continuation request. Flushed at once. */
void resp_continue(struct session *session, const char *text);
void resp_tagged(
	struct session *session, struct strv tag, const char *word, const char *code, const char *text);
/* Nothing is written to a session that has said BYE. Output is sent at the end of the turn (conn_flush by whoever ends it). */
/* Whole response bytes (with CRLF). */
void resp_raw(struct session *session, struct strv bytes);

void resp_astring(struct buf *out, struct strv v); /* quoted, or literal where it must be */
void resp_nstring(struct buf *out, struct strv v); /* p NULL: NIL */
void resp_literal(struct buf *out, struct strv v);
/* Mailbox name in modified UTF-7 (utf8: as it is), as astring always quoted. */
void resp_mailbox(struct buf *out, struct strv utf8, bool utf8_mode);
/* How a message's data begin: "* <seq> FETCH (", or "* <uid> UIDFETCH (" for a session with UIDONLY (RFC 9586). */
void resp_fetch_head(struct buf *out, bool uidonly, uint32_t seq, uint32_t uid);
/* "(\Seen \Recent $Chat)"; `more`: keywords from the 65th on (store/keyword_set.h), or NULL. */
void resp_flags(struct buf *out, uint32_t flags, bool recent, uint64_t keywords, const uint64_t *more,
	const struct strv *names, size_t count);
/* "\"17-Jul-1996 02:44:25 -0700\"" */
void resp_date_time(struct buf *out, int64_t seconds, int16_t zone);
/* The response code (without brackets, may be NULL) and English text of an error; never internal detail. */
const char *resp_rc_code(enum rc rc);
const char *resp_rc_text(enum rc rc);

#endif
