/*
 * Handles what an earlier process has left: pushes that wait in push.db, subscriptions that wait to be
 * validated, and, if that process did not end in order, accounts that may owe pushes. Those are opened, a few
 * at a time; announce.h is told by the opening whether the account owes any.
 *
 * recovery_load waits for push.db, before there are threads; recovery_take goes on with the results on the
 * push thread. Owned by webpush.c.
 */
#ifndef COID_WEBPUSH_RECOVERY_H
#define COID_WEBPUSH_RECOVERY_H

#include <stdbool.h>

#define RECOVERY_LOAD_MAX 100000 /* rows of push.db that are loaded */

struct core;
struct expiry;
struct owed;
struct push;
struct queue;
struct recovery;
struct writeback;

/* All borrowed. */
struct recovery_parties {
	struct core *core;
	struct queue *queue;
	struct expiry *expiry;
	struct owed *owed;
	struct writeback *writeback;
};

/* Makes an empty recovery, to be filled by recovery_load. */
struct recovery *recovery_new(const struct recovery_parties *parties);
void recovery_free(struct recovery **recovery);
/* Loads push.db. If it can't be read, that is logged, and nothing is loaded. */
void recovery_load(struct recovery *recovery);
/* [push] */
void recovery_take(struct recovery *recovery);
/* [push] True: pushes of the same message were in push.db when it was loaded, so no others are owed. */
bool recovery_knows(const struct recovery *recovery, const struct push *push);

#endif
