/* SASLprep (RFC 4013): the form in which a name that a client typed is compared. Pure; any thread. */
#ifndef COID_AUTH_SASLPREP_H
#define COID_AUTH_SASLPREP_H

#include "base/buf.h"
#include "base/rc.h"
#include "base/strv.h"

/*
 * Appends the prepared form of `in` to out. RC_INVALID: it is not UTF-8, or has characters that are
 * prohibited, unassigned or of both directions. RC_LIMIT: `out` is full. After an error nothing has been
 * appended. An empty result is RC_OK.
 */
enum rc saslprep_string(struct buf *out, struct strv in) MUST_CHECK;

#endif
