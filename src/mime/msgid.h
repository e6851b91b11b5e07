/*
 * Message IDs as THREAD compares them (RFC 5256 section 3): they have one form, whatever the quoting. Pure.
 */
#ifndef COID_MIME_MSGID_H
#define COID_MIME_MSGID_H

#include "base/buf.h"
#include "base/strv.h"

#include <stdbool.h>

/*
 * Walks over the valid msg-ids of a field (Message-ID, In-Reply-To, References): "<", a local part, "@", a
 * domain, ">". Other text (phrases, addresses without brackets, "<x>") is skipped. Linear in the value.
 */
struct msgid_walk {
	struct strv rest;
	bool no_quote; /* a quote was never closed: quotes have no meaning from there on */
};

void msgid_walk_init(struct msgid_walk *walk, struct strv value);
/*
 * Writes the next id as local@domain without quotes, escapes and white space; replaces the contents of out.
 * False: there are no more.
 */
bool msgid_walk_next(struct msgid_walk *walk, struct buf *out);

/*
 * The local part of the first id of a field's value, by the grammar of RFC 5322 sections 3.6.4 and 4.5.4:
 * comments and white space are skipped, a quoted local part is unquoted, brackets may be missing. `phrase`:
 * words may stand before the bracket (References); otherwise the value must be only an id (Message-ID).
 * Appends to out. False: there is none. *ret_at: an "@" follows.
 */
bool msgid_first_local(struct strv value, bool phrase, struct buf *out, bool *ret_at);

#endif
