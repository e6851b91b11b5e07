/*
 * Password hashes of LDAP servers: "{SSHA}" and its like, base64 (or with ".HEX" hexadecimal) of digest and
 * salt. Read and checked only: they are too fast to be made anew. Pure; any thread.
 */
#ifndef COID_AUTH_DIGEST_H
#define COID_AUTH_DIGEST_H

#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>

#define DIGEST_SALT_MAX 64 /* octets */

/* "SSHA", "SSHA256", "SSHA512", also with ".B64" or ".HEX", in any case. */
bool digest_is_scheme(struct strv scheme);
/* `text` is what stands behind "{SCHEME}". */
bool digest_readable(struct strv scheme, struct strv text);
/* Constant time in the content. RC_AUTH; RC_INVALID: not readable. */
enum rc digest_verify(struct strv scheme, struct strv text, struct strv password) MUST_CHECK;

#endif
