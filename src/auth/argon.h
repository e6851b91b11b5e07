/*
 * "$argon2id$v=19$m=65536,t=3,p=4$salt$hash" by Debian's libargon2, if it was there at build time. Read and
 * checked only. Pure; any thread, but slow, and takes the memory that the hash asks for.
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

/* Whether this build can check them. */
bool argon_available(void);
/* By its form and its limits, also if it can't be checked. */
bool argon_readable(struct strv text);
/* RC_AUTH; RC_INVALID: not readable, or not in this build. */
enum rc argon_verify(struct strv text, struct strv password) MUST_CHECK;

#endif
