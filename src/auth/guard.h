/*
 * How many wrong passwords a key may try: the address of a peer, its network, an account, and an account at
 * an address that it is known from (a pair). A key has so many guesses in a window; they come back one by one
 * as time passes, never by a success. A key that has used them up is banned for a while. Any thread. Bounded:
 * when full, the key that was used longest ago goes, a banned one last.
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

/* Whose guess it is: the keys that count it. NULL: that kind does not. */
struct guard_who {
	const char *key[GUARD_KINDS];
};

enum guard_verdict {
	GUARD_GO, /* look at the password; then guard_failed or guard_release */
	GUARD_WAIT, /* others of these keys are being checked: their outcome decides */
	GUARD_REFUSED /* no guess is left */
};

struct guard;

struct guard *guard_new(size_t entries_max);
void guard_free(struct guard **guard);

/* Asks for one guess of all keys at once. */
enum guard_verdict guard_take(
	struct guard *guard, const struct guard_limits *limits, const struct guard_who *who);
/* What guard_take gave was no guess: the password was right, or was not looked at. A pair forgets its
 * failures if `right`. */
void guard_release(struct guard *guard, const struct guard_who *who, bool right);
/* It was a wrong one. Returns the kinds whose ban begins with it, as bits (1 << kind). */
unsigned guard_failed(struct guard *guard, const struct guard_limits *limits, const struct guard_who *who);
/* One that was refused: it costs no guess, but it counts for guard_failures. */
void guard_refused(struct guard *guard, const struct guard_who *who);
/* The most failures that one of the keys has had without a pause of ten minutes. */
unsigned guard_failures(struct guard *guard, const struct guard_who *who);

#endif
