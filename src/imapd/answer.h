/*
 * The session's writer: the only place that puts response bytes into a session's connection. On the session's
 * reactor. Output is sent at the end of the turn, by whoever ends it (answer_flush). Nothing is written to a
 * session that has said BYE.
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
/* Whole response bytes, with CRLF; they are copied. */
void answer_raw(struct session *session, struct strv bytes);
/* The same without a copy: takes the bytes over. The buf holds no memory afterwards and has the same
 * maximum. */
void answer_own(struct session *session, struct buf *out);
/* Hands what was written to the socket. */
void answer_flush(struct session *session);
/* Output above the high-water mark: produce no more until the session drains. */
bool answer_full(const struct session *session);

#endif
