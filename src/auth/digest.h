/*
 * Password hashes of LDAP servers: "{SSHA}" and the like, base64 (or with ".HEX" hexadecimal) of digest and
 * salt. They are read and checked, never made: they can be computed too fast. Pure; any thread.
 */
#ifndef COID_AUTH_DIGEST_H
#define COID_AUTH_DIGEST_H

#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>

#define DIGEST_SALT_MAX 64 /* octets */

/* "SSHA", "SSHA256", "SSHA512", also with ".B64" or ".HEX", in any case. */
bool digest_is_scheme(struct strv scheme);
/* Tells whether `text`, which follows "{SCHEME}", is such a hash. */
bool digest_readable(struct strv scheme, struct strv text);
/* Constant time in the content. RC_AUTH: wrong password. RC_INVALID: the hash is not readable. */
enum rc digest_verify(struct strv scheme, struct strv text, struct strv password) MUST_CHECK;

#endif
