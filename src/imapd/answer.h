/*
 * The session's writer: no other code puts response bytes into a session's connection. On the session's
 * reactor. Output is sent at the end of the turn by answer_flush. After BYE nothing is written.
 */
#ifndef COID_IMAPD_ANSWER_H
#define COID_IMAPD_ANSWER_H

#include "base/buf.h"
#include "base/strv.h"

#include <stdbool.h>

struct session;

/* Appends an untagged line; "* " and CRLF are added. */
void answer_untagged(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "+ text": a continuation request. It is flushed at once. */
void answer_continue(struct session *session, const char *text);
/* "tag word [code] text"; code may be NULL. */
void answer_tagged(
	struct session *session, struct strv tag, const char *word, const char *code, const char *text);
/* Writes complete response lines, with CRLF; the bytes are copied. */
void answer_raw(struct session *session, struct strv bytes);
/* Writes complete response lines without a copy: takes over the bytes. Afterwards the buf holds no memory
 * and has the same maximum. */
void answer_own(struct session *session, struct buf *out);
/* Hands the output to the socket. */
void answer_flush(struct session *session);
/* True: the output is above the high-water mark; produce no more until the session drains. */
bool answer_full(const struct session *session);

#endif
