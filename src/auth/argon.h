/*
 * Hashes "$argon2id$v=19$m=65536,t=3,p=4$salt$hash", by Debian's libargon2 if it was there at build time.
 * They are read and checked, never made. Pure; any thread; slow, and needs as much memory as the hash
 * demands.
 */
#ifndef COID_AUTH_ARGON_H
#define COID_AUTH_ARGON_H

#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>

#define ARGON_MEMORY_MAX (1u << 20) /* KiB that a hash may ask for */
#define ARGON_PASSES_MAX 64
#define ARGON_LANES_MAX 255
#define ARGON_TEXT_MAX 1024 /* octets */

/* Tells whether this build can check such hashes. */
bool argon_available(void);
/* Tells whether form and limits are valid, even if this build can't check the hash. */
bool argon_readable(struct strv text);
/* RC_AUTH: the password is wrong. RC_INVALID: the hash is not readable, or this build can't check it. */
enum rc argon_verify(struct strv text, struct strv password) MUST_CHECK;

#endif
