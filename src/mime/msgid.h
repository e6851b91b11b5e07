/*
 * Message IDs as THREAD compares them, RFC 5256 section 3: one form whatever the quoting. Pure.
 */
#ifndef COID_MIME_MSGID_H
#define COID_MIME_MSGID_H

#include "base/buf.h"
#include "base/strv.h"

#include <stdbool.h>

/*
 * The valid msg-ids of a field's value (Message-ID, In-Reply-To, References) one after the other: "<", a
 * local part, "@", a domain, ">". What is not one (phrases, addresses without brackets, "<x>") is passed.
 * Linear in the value.
 */
struct msgid_walk {
	struct strv rest;
	bool no_quote; /* a quote was never closed: quotes mean nothing from there on */
};

void msgid_walk_init(struct msgid_walk *walk, struct strv value);
/* Writes local@domain without quotes, escapes and white space over what is in out. False: no more. */
bool msgid_walk_next(struct msgid_walk *walk, struct buf *out);

/*
 * The local part of the first id of a field's value, by the grammar of RFC 5322 section 3.6.4 and 4.5.4:
 * comments and white space are passed, a quoted one is unquoted, brackets may be missing. `phrase`: words may
 * stand before the bracket (References), else the value is nothing but an id (Message-ID). Appended to out;
 * false: there is none. *ret_at: an "@" follows.
 */
bool msgid_first_local(struct strv value, bool phrase, struct buf *out, bool *ret_at);

#endif
