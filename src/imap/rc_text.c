/* The table of the texts that clients get for errors. */
#include "imap/rc_text.h"

#include <stddef.h>

static const struct {
	const char *code;
	const char *text;
} table[RC_MAX] = {
	[RC_OK] = { NULL, "Completed" },
	[RC_AGAIN] = { "SERVERBUG", "Internal error" },
	[RC_NOT_FOUND] = { "NONEXISTENT", "No such mailbox" },
	[RC_EXISTS] = { "ALREADYEXISTS", "Mailbox already exists" },
	[RC_PERM] = { "NOPERM", "Permission denied" },
	[RC_READONLY] = { "UNAVAILABLE", "Storage is read-only for now, try again later" },
	[RC_QUOTA] = { "OVERQUOTA", "Quota exceeded" },
	[RC_LIMIT] = { "LIMIT", "A limit of this server is reached" },
	[RC_INVALID] = { "CANNOT", "Not possible with this name or value" },
	[RC_CANNOT] = { "CANNOT", "Not possible" },
	[RC_INUSE] = { "INUSE", "In use, try again later" },
	[RC_GONE] = { "NONEXISTENT", "It has been removed meanwhile" },
	[RC_BUSY] = { "UNAVAILABLE", "Server is busy, try again later" },
	[RC_NOSPACE] = { "UNAVAILABLE", "Server has no room left, try again later" },
	[RC_CORRUPT] = { "CORRUPTION", "Stored data are damaged" },
	[RC_IO] = { "UNAVAILABLE", "Storage failed, try again later" },
	[RC_UNAVAILABLE] = { "UNAVAILABLE", "Temporarily out of service, try again later" },
	[RC_AUTH] = { "AUTHENTICATIONFAILED", "Authentication failed." },
	[RC_EXPIRED] = { "EXPIRED", "Authentication failed: the account is disabled." },
	[RC_ENCODING] = { "UNKNOWN-CTE", "Content transfer encoding is not known or does not fit" },
	[RC_CANCELLED] = { "UNAVAILABLE", "Server is shutting down" },
};

static unsigned rc_text_place(enum rc rc)
{
	unsigned i = (unsigned)rc;
	return i < RC_MAX && table[i].text ? i : (unsigned)RC_AGAIN;
}

const char *rc_text_code(enum rc rc)
{
	return table[rc_text_place(rc)].code;
}

const char *rc_text(enum rc rc)
{
	return table[rc_text_place(rc)].text;
}
