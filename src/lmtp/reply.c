/* The table of LMTP replies for errors. */
#include "lmtp/reply.h"

static const struct smtp_reply replies[RC_MAX] = {
	[RC_OK] = { 250, "2.1.5", "delivered" },
	[RC_AGAIN] = { 451, "4.3.0", "try again later" },
	[RC_NOT_FOUND] = { 550, "5.1.1", "no such user here" },
	[RC_EXISTS] = { 451, "4.3.0", "try again later" },
	[RC_PERM] = { 550, "5.7.1", "not allowed" },
	[RC_READONLY] = { 451, "4.2.0", "mailbox is read-only for now" },
	[RC_QUOTA] = { 452, "4.2.2", "mailbox is full" },
	[RC_LIMIT] = { 552, "5.3.4", "message is too big" },
	[RC_INVALID] = { 550, "5.6.0", "message can't be stored" },
	[RC_CANNOT] = { 550, "5.6.0", "message can't be stored" },
	[RC_INUSE] = { 451, "4.2.0", "mailbox is in use" },
	[RC_GONE] = { 550, "5.1.1", "no such user here" },
	[RC_BUSY] = { 451, "4.3.2", "too busy, try again later" },
	[RC_NOSPACE] = { 452, "4.3.1", "no space left on the server" },
	[RC_CORRUPT] = { 451, "4.3.0", "mailbox is out of service" },
	[RC_IO] = { 451, "4.3.0", "storage failed" },
	[RC_UNAVAILABLE] = { 451, "4.3.0", "mailbox is out of service" },
	[RC_AUTH] = { 550, "5.7.1", "not allowed" },
	[RC_EXPIRED] = { 550, "5.2.1", "mailbox is disabled" },
	[RC_ENCODING] = { 550, "5.6.0", "message can't be stored" },
	[RC_CANCELLED] = { 451, "4.3.2", "server is shutting down" },
};

struct smtp_reply reply_for(enum rc rc, bool quota_permanent)
{
	if (rc == RC_QUOTA && quota_permanent)
		return (struct smtp_reply){ 552, "5.2.2", "mailbox is full" };
	return replies[rc];
}
