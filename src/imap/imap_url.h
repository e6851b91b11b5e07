/*
 * Relative IMAP URLs of messages and their parts (RFC 5092), for CATENATE. Pure.
 *
 *	/INBOX;UIDVALIDITY=785799047/;UID=20/;SECTION=1.2/;PARTIAL=0.1024
 *	;UID=20			in the selected mailbox; also /;UID=20
 */
#ifndef COID_IMAP_IMAP_URL_H
#define COID_IMAP_IMAP_URL_H

#include "base/arena.h"
#include "imap/fetch_plan.h"

#define IMAP_URL_MAX 8192

struct imap_url {
	struct strv mailbox; /* UTF-8, INBOX folded; n 0: the selected one */
	bool absolute; /* false: the name is relative to the selected mailbox */
	uint32_t uidvalidity; /* 0: any */
	uint32_t uid;
	struct fetch_plan section; /* one FETCH_SECTION item with the section and range */
};

/* Parses a URL into the arena. False: it is not such a URL, for example it has another scheme or server,
 * no UID, an unknown parameter, or a wrong encoding. */
bool imap_url_parse(struct strv text, struct arena *arena, struct imap_url *ret_url);

#endif
