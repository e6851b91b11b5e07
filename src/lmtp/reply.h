/*
 * The reply to the relay about a delivery or a lookup that ended with `rc`: code, enhanced status code (RFC
 * 3463) and text. Codes are 4xx for errors that may go away, 5xx for permanent ones. Pure; the texts are
 * constants.
 */
#ifndef COID_LMTP_REPLY_H
#define COID_LMTP_REPLY_H

#include "base/rc.h"

#include <stdbool.h>

struct smtp_reply {
	int code;
	const char *status;
	const char *text;
};

struct smtp_reply reply_for(enum rc rc, bool quota_permanent);

#endif
