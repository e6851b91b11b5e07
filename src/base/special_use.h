/*
 * The special uses of mailboxes (RFC 6154): the table of their names. A use is a bit, the same in table
 * mailbox of the store (enum mbox_attr). Pure; any thread.
 */
#ifndef COID_BASE_SPECIAL_USE_H
#define COID_BASE_SPECIAL_USE_H

#include "base/strv.h"

#include <stdint.h>

enum special_use {
	SPECIAL_USE_SENT = 1 << 8,
	SPECIAL_USE_DRAFTS = 1 << 9,
	SPECIAL_USE_TRASH = 1 << 10,
	SPECIAL_USE_JUNK = 1 << 11,
	SPECIAL_USE_ARCHIVE = 1 << 12,
	SPECIAL_USE_ALL = 1 << 13,
	SPECIAL_USE_FLAGGED = 1 << 14,
	SPECIAL_USE_IMPORTANT = 1 << 15,
	SPECIAL_USE_MASK = 0xff00,
	/*
	 * The uses that a mailbox can have here. \All and \Flagged are for views of all mail, which this
	 * server does not have.
	 */
	SPECIAL_USE_SETTABLE = SPECIAL_USE_MASK & ~(SPECIAL_USE_ALL | SPECIAL_USE_FLAGGED)
};

/* SPECIAL_USE_SENT for "\\Sent", in any case; 0: the word is no special use. */
uint32_t special_use_parse(struct strv word);
/* "\\Sent" for SPECIAL_USE_SENT; NULL: `use` is not exactly one special use. */
const char *special_use_name(uint32_t use);

#endif
