/*
 * Prints response data as they look on the wire: strings, mailbox names, flags, dates. Everything is appended
 * to a buf, which may be a worker's. Pure: no session, no socket. answer.h writes whole lines to a session.
 */
#ifndef COID_IMAP_PRINT_H
#define COID_IMAP_PRINT_H

#include "base/buf.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

#define PRINT_QUOTED_MAX                                                                                     \
	1000 /* octets; longer strings are sent as literals: some clients have small line buffers */

void print_astring(struct buf *out, struct strv v); /* quoted, or literal where it must be */
void print_nstring(struct buf *out, struct strv v); /* p NULL: NIL */
void print_literal(struct buf *out, struct strv v);
/* Prints a mailbox name in modified UTF-7 (utf8_mode: in UTF-8), always as a quoted string or literal. */
void print_mailbox(struct buf *out, struct strv utf8, bool utf8_mode);
/* Prints the head of a message's data: "* <seq> FETCH (", or "* <uid> UIDFETCH (" for a session with
 * UIDONLY (RFC 9586). */
void print_fetch_head(struct buf *out, bool uidonly, uint32_t seq, uint32_t uid);
/* Prints "(\Seen \Recent $Chat)"; `more`: keywords from the 65th on (store/keyword_set.h), or NULL. */
void print_flags(struct buf *out, uint32_t flags, bool recent, uint64_t keywords, const uint64_t *more,
	const struct strv *names, size_t count);
/* Prints "\"17-Jul-1996 02:44:25 -0700\"". */
void print_date_time(struct buf *out, int64_t seconds, int16_t zone);

#endif
