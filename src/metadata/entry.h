/*
 * Names of METADATA entries (RFC 5464 section 3): "/private/vendor/acme/colour". Pure functions over bytes.
 */
#ifndef COID_METADATA_ENTRY_H
#define COID_METADATA_ENTRY_H

#include "base/arena.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

#define ENTRY_NAME_MAX 1000 /* octets */

enum entry_depth {
	ENTRY_DEPTH_0, /* the entry alone */
	ENTRY_DEPTH_1, /* ... and the entries immediately below it */
	ENTRY_DEPTH_INFINITY
};

/*
 * Checks the rules of COI-14: the name begins with '/', has no empty component, and is printable ASCII
 * without '*' and '%'. Otherwise the command is BAD.
 */
bool entry_name_valid(struct strv name);
/*
 * Tells whether such an entry can exist: below /private or /shared, and below the vendor's name if there is
 * one.
 */
bool entry_name_usable(struct strv name);
bool entry_is_shared(struct strv name);
/* Tells whether `name` is `top` or at most `depth` below it. */
bool entry_within(struct strv name, struct strv top, enum entry_depth depth);
/* Copies the name into the arena in ASCII lower case, except for the last component if keep_last. */
struct strv entry_lower(struct strv name, bool keep_last, struct arena *arena);

#endif
