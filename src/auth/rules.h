/*
 * The settings of auth and the users file that are in force. Immutable and counted: requests hold a
 * reference, so a reload does not disturb them. Any thread.
 */
#ifndef COID_AUTH_RULES_H
#define COID_AUTH_RULES_H

#include "auth/auth.h"
#include "auth/guard.h"
#include "auth/users_file.h"
#include "base/peer_key.h"

#include <stdatomic.h>

struct rules {
	atomic_uint refs;
	char *scheme;
	struct users_file *file;
	uint64_t delay_max_ms;
	uint64_t grid_ms;
	struct guard_limits guard;
	unsigned scram_iterations;
	struct auto_create_rules auto_create;
	char **domains; /* own: the domains of auto_create */
	struct peer_range *trusted; /* own */
	size_t trusted_count;
	char *dummy; /* a hash of no password, so that the check of an unknown user takes as long */
};

/* NULL: `errors` has the reason. */
struct rules *rules_new(const struct auth_settings *settings, struct buf *errors);
void rules_unref(struct rules **rules);
bool rules_trust(const struct rules *rules, const char *peer);
/* The time of the answer to a failure: milliseconds after its arrival, on the grid, not before `elapsed`. */
uint64_t rules_failure_due(const struct rules *rules, unsigned failures, uint64_t elapsed);

#endif
