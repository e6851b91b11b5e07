/*
 * What an earlier process has left: pushes that wait in push.db, subscriptions that wait to be validated,
 * and, if that process did not end in order, accounts that may owe pushes. Those are opened, a few at a time:
 * an account that does owe says so when it is opened (announce.h).
 *
 * recovery_load waits for push.db, before there are threads; recovery_take goes on with what it has found, on
 * the push thread. Owned by webpush.c.
 */
#ifndef COID_WEBPUSH_RECOVERY_H
#define COID_WEBPUSH_RECOVERY_H

#include <stdbool.h>

#define RECOVERY_LOAD_MAX 100000 /* rows of push.db that are taken up */

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

/* Nothing is found until recovery_load. */
struct recovery *recovery_new(const struct recovery_parties *parties);
void recovery_free(struct recovery **recovery);
/* If push.db can't be read that is logged, and nothing is found. */
void recovery_load(struct recovery *recovery);
/* [push] */
void recovery_take(struct recovery *recovery);
/* [push] Whether the pushes of the same message were in push.db when it was loaded: it owes no others. */
bool recovery_knows(const struct recovery *recovery, const struct push *push);

#endif
