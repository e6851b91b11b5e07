/*
 * RFC 5322 addresses, parsed as leniently as IMAP's ENVELOPE needs: every field gives a list, whatever it
 * has.
 */
#ifndef COID_MIME_ADDR_H
#define COID_MIME_ADDR_H

#include "base/arena.h"
#include "base/strv.h"

#define ADDR_MAX 10000 /* addresses of one field */

enum addr_kind {
	ADDR_MAILBOX,
	ADDR_GROUP_START, /* `mailbox` holds the group's name */
	ADDR_GROUP_END
};

struct addr {
	enum addr_kind kind;
	struct strv name; /* display name, unquoted, still RFC 2047-encoded; p NULL if none */
	struct strv route; /* obsolete source route; p NULL if none */
	struct strv mailbox; /* local part, unquoted */
	struct strv domain; /* p NULL if missing */
	struct addr *next;
};

/* Parses the field into the arena; NULL if it is empty. At most max addresses (0: ADDR_MAX); the beginning
 * and the end of a group count as one each. */
struct addr *addr_parse(struct arena *arena, struct strv value, size_t max);

#endif
