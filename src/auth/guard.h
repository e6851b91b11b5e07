/*
 * Limits the number of wrong passwords of a key: the address of a peer, its network, an account, or a pair of
 * an account and an address from which it is known. A key has a number of guesses in a window; they come back
 * one by one as time passes, never by a success. A key that has used them up is banned for a while. Any
 * thread. Bounded: when it is full, the key that was used longest ago is dropped, banned ones last.
 */
#ifndef COID_AUTH_GUARD_H
#define COID_AUTH_GUARD_H

#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_FORGET_MS ((uint64_t)10 * 60 * 1000) /* a pause after which failures no longer count */
#define GUARD_EVICT_TRIES 16 /* banned keys looked at for one that may go */

enum guard_kind { GUARD_ADDRESS, GUARD_NETWORK, GUARD_ACCOUNT, GUARD_PAIR, GUARD_KINDS };

struct guard_limits {
	unsigned guesses[GUARD_KINDS]; /* in a window; 0: no limit */
	uint64_t window_ms;
	uint64_t ban_ms;
};

/* The keys that count a guess. NULL: no key of that kind. */
struct guard_who {
	const char *key[GUARD_KINDS];
};

enum guard_verdict {
	GUARD_GO, /* look at the password; then guard_failed or guard_release */
	GUARD_WAIT, /* other guesses of these keys are being checked, and their outcome decides */
	GUARD_REFUSED /* no guess is left */
};

struct guard;

struct guard *guard_new(size_t entries_max);
void guard_free(struct guard **guard);

/* Asks for one guess of all keys at once. */
enum guard_verdict guard_take(
	struct guard *guard, const struct guard_limits *limits, const struct guard_who *who);
/* Call this after GUARD_GO if the password was right or was not compared. A pair forgets its failures if
 * `right`. */
void guard_release(struct guard *guard, const struct guard_who *who, bool right);
/* Call this after GUARD_GO if the password was wrong. Returns the kinds that are banned from now on, as
 * bits (1 << kind). */
unsigned guard_failed(struct guard *guard, const struct guard_limits *limits, const struct guard_who *who);
/* Counts a refused guess: it takes no guess, but counts for guard_failures. */
void guard_refused(struct guard *guard, const struct guard_who *who);
/* The largest number of failures of one of the keys without a pause of ten minutes. */
unsigned guard_failures(struct guard *guard, const struct guard_who *who);

#endif
