/*
 * Power cuts: a scenario of steps is run on a recording io. Then, for any point of it, the folder is rebuilt
 * as a cut could leave it, opened by a new store under another boot id, and compared with the promises: the
 * account must be exactly as it was after one of the steps that are allowed then, byte for byte, with UIDNEXT
 * and UIDVALIDITY; its modseq must not have gone back; the consistency check must find nothing.
 */
#ifndef COID_TESTS_POWER_H
#define COID_TESTS_POWER_H

#include "support/rec_io.h"
#include "support/store_rig.h"

#define POWER_ACCOUNT 5
#define POWER_STEPS_MAX 96

struct power_step {
	const char *label;
	bool durable; /* promise 1: once answered it is on disk */
	size_t begin; /* points of the log */
	size_t end; /* when it was answered */
	char *dump; /* own: the state afterwards */
	uint64_t modseq;
};

struct power {
	char root[512];
	char cut[600];
	struct rec *rec;
	struct rig rig;
	struct power_step steps[POWER_STEPS_MAX];
	size_t count;
	struct buf message;
	struct buf dump;
	uint64_t *seen; /* own: states that were checked and are good */
	size_t seen_count;
	size_t seen_cap;
	unsigned verified;
	char reason[512]; /* why the last power_verify was false */
};

/* Opens the store on a recording io and takes the state of a new account as step 0. */
void power_init(struct power *power, void (*tweak)(struct store_settings *settings));
void power_fini(struct power *power);
void power_close_store(struct power *power);
/* Closes the store in order and opens it again, which is a step that changes nothing. */
void power_reopen(struct power *power);

/* Call these around a step. power_end dumps the state. */
void power_begin(struct power *power, const char *label, bool durable);
void power_end(struct power *power);

/* A step: appends message `number` of `size` octets to the mailbox. */
void power_append(struct power *power, const char *label, const char *mailbox, unsigned number, size_t size,
	struct strv prefix);

/* Tells whether the state after a cut is good. `without`: a sync that was not made, or SIZE_MAX. */
bool power_verify(struct power *power, size_t point, enum rec_choice choice, uint64_t seed, size_t without);

/* The states that a cut may leave, instead of those of the steps. */
struct power_after {
	int64_t account;
	const char *good;
	const char *other; /* good as well; NULL: none */
	/* both texts lack UIDVALIDITYs, which are new if the account was made again */
	bool blank;
};
/* Replaces each digit of UIDVALIDITYs by 0. */
void power_blank_uidvalidity(char *text);
bool power_leaves(struct power *power, size_t point, enum rec_choice choice, uint64_t seed,
	const struct power_after *after);

#endif
