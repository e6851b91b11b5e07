/*
 * The capabilities of the server, for CAPABILITY and response codes: those of the rows of the command table,
 * and a short list of those that belong to no row, each in the states in which it holds.
 */
#ifndef COID_IMAPD_CAPABILITY_H
#define COID_IMAPD_CAPABILITY_H

#include "base/buf.h"

struct session;

/* "CAPABILITY IMAP4rev1 ..." */
void capability_print(struct buf *out, const struct session *session);
/* Prints the same list as a response code, in the session's command arena. */
const char *capability_code(struct session *session);

#endif
