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
	ENTRY_DEPTH_1, /* ... and what is immediately below it */
	ENTRY_DEPTH_INFINITY
};

/*
 * What COI-14 allows: begins with '/', no empty component, printable ASCII without '*' and '%'. Else the
 * command is BAD.
 */
bool entry_name_valid(struct strv name);
/*
 * Whether such an entry can exist: below /private or /shared, and below the vendor's name where there is one.
 */
bool entry_name_usable(struct strv name);
bool entry_is_shared(struct strv name);
/* Whether `name` is `top` or below it; and by no more than `depth`. */
bool entry_within(struct strv name, struct strv top, enum entry_depth depth);
/* ASCII lower case, but for the last component if keep_last. A copy in the arena. */
struct strv entry_lower(struct strv name, bool keep_last, struct arena *arena);

#endif
