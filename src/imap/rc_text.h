/*
 * What a client is told of an error: the one table from enum rc to response code and English text. Internal detail is never
 * in it. Pure.
 */
#ifndef COID_IMAP_RC_TEXT_H
#define COID_IMAP_RC_TEXT_H

#include "base/rc.h"

/* The response code without brackets (RFC 5530 and others); NULL: none. Static. */
const char *rc_text_code(enum rc rc);
/* One English sentence. Static, never NULL. */
const char *rc_text(enum rc rc);

#endif
