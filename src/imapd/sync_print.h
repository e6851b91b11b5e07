/*
 * Prints lines of untagged data that SELECT and FETCH need as well as sync.c: FLAGS, PERMANENTFLAGS,
 * VANISHED. On the reactor.
 */
#ifndef COID_IMAPD_SYNC_PRINT_H
#define COID_IMAPD_SYNC_PRINT_H

#include "base/buf.h"
#include "base/seqset.h"

#include <stdbool.h>

struct session;
struct view;

/* "* VANISHED 1,3:5" in lines of bounded length; nothing for an empty set. `earlier`: the form that shifts no
 * numbers. */
void sync_print_vanished(struct buf *out, const struct seqset *uids, bool earlier);
/* The lines FLAGS and PERMANENTFLAGS of a mailbox: at SELECT, and whenever it got a new keyword. */
void sync_print_flags(struct buf *out, const struct view *view);
/* Prints the lines of FLAGS and PERMANENTFLAGS if the session does not know all keywords; then it knows
 * them. */
void sync_add_keywords(struct view *view, struct buf *out);
/* Does the same and sends the lines: call this before a FETCH response that may name the keyword (RFC 3501
 * section 7.2.6), not within a response. */
void sync_tell_keywords(struct session *session);

#endif
