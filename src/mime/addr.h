/*
 * RFC 5322 addresses, as lenient as IMAP's ENVELOPE needs: whatever a field holds gives a list.
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

/* NULL for an empty field. At most max addresses (0: ADDR_MAX); the beginning and the end of a group are one
 * each. All memory is in the arena. */
struct addr *addr_parse(struct arena *arena, struct strv value, size_t max);

#endif
