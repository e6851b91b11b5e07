#include "base/rc.h"

static const char *const names[RC_MAX] = {
	[RC_OK] = "ok",
	[RC_AGAIN] = "again",
	[RC_NOT_FOUND] = "not-found",
	[RC_EXISTS] = "exists",
	[RC_PERM] = "not-allowed",
	[RC_READONLY] = "read-only",
	[RC_QUOTA] = "over-quota",
	[RC_LIMIT] = "limit",
	[RC_INVALID] = "invalid",
	[RC_CANNOT] = "cannot",
	[RC_INUSE] = "in-use",
	[RC_GONE] = "gone",
	[RC_BUSY] = "busy",
	[RC_NOSPACE] = "no-space",
	[RC_CORRUPT] = "corrupt",
	[RC_IO] = "io-error",
	[RC_UNAVAILABLE] = "unavailable",
	[RC_AUTH] = "wrong-credentials",
	[RC_EXPIRED] = "expired",
	[RC_CANCELLED] = "cancelled",
	[RC_ENCODING] = "encoding",
};

const char *rc_name(enum rc rc)
{
	if ((unsigned)rc >= RC_MAX || !names[rc])
		return "unknown";
	return names[rc];
}
