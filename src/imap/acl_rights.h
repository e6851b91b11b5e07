/*
 * Rights of RFC 4314, as letters and as bits. Pure; any thread.
 */
#ifndef COID_IMAP_ACL_RIGHTS_H
#define COID_IMAP_ACL_RIGHTS_H

#include "base/strv.h"

#include <stdbool.h>

enum acl_right {
	ACL_LOOKUP = 1 << 0,
	ACL_READ = 1 << 1,
	ACL_SEEN = 1 << 2,
	ACL_WRITE = 1 << 3,
	ACL_INSERT = 1 << 4,
	ACL_POST = 1 << 5,
	ACL_CREATE = 1 << 6,
	ACL_DELETE_MAILBOX = 1 << 7,
	ACL_DELETE_MESSAGES = 1 << 8,
	ACL_EXPUNGE = 1 << 9,
	ACL_ADMINISTER = 1 << 10,
	ACL_ALL = (1 << 11) - 1
};

/* The letters of ACL_ALL, and the obsolete "c" and "d", which must be told beside the rights that they
 * stand for (RFC 4314 section 2.1.1). */
#define ACL_ALL_LETTERS "lrswipkxteacd"

/* Reads an optional "+" or "-" and letters. "c" stands for k and x, "d" for t and e. False: a letter is
 * not a right. */
struct acl_change {
	char mode; /* '+', '-', '=' */
	unsigned rights;
};
bool acl_change_parse(struct strv text, struct acl_change *ret_change);
unsigned acl_change_apply(struct acl_change change, unsigned rights);

#endif
