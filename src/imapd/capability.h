/*
 * What the server can do, as told in CAPABILITY and in response codes: the rows' capabilities and a short list of those that
 * belong to no row, each in the states where it holds.
 */
#ifndef COID_IMAPD_CAPABILITY_H
#define COID_IMAPD_CAPABILITY_H

#include "base/buf.h"

struct session;

/* "CAPABILITY IMAP4rev1 ..." */
void capability_print(struct buf *out, const struct session *session);
/* The same as a response code, in the session's command arena. */
const char *capability_code(struct session *session);

#endif
