/*
 * Message IDs as THREAD compares them, RFC 5256 section 3: one form whatever the quoting. Pure.
 */
#ifndef COID_MIME_MSGID_H
#define COID_MIME_MSGID_H

#include "base/buf.h"
#include "base/strv.h"

#include <stdbool.h>

/*
 * The valid msg-ids of a field's value (Message-ID, In-Reply-To, References) one after the other: "<", a local part, "@", a
 * domain, ">". What is not one (phrases, addresses without brackets, "<x>") is passed. Linear in the value.
 */
struct msgid_walk {
	struct strv rest;
	bool no_quote; /* a quote was never closed: quotes mean nothing from there on */
};

void msgid_walk_init(struct msgid_walk *walk, struct strv value);
/* Writes local@domain without quotes, escapes and white space over what is in out. False: no more. */
bool msgid_walk_next(struct msgid_walk *walk, struct buf *out);

#endif
