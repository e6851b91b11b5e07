/*
 * Maps enum rc to the response code and the English text that a client sees. This is the only such table of
 * IMAP, and internal detail is never in it. Pure.
 */
#ifndef COID_IMAP_RC_TEXT_H
#define COID_IMAP_RC_TEXT_H

#include "base/rc.h"

/* The response code without brackets (RFC 5530 and others); NULL: none. Static. */
const char *rc_text_code(enum rc rc);
/* One English sentence. Static, never NULL. */
const char *rc_text(enum rc rc);

#endif
