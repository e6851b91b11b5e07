/*
 * Subscriptions that wait to be validated. When the time of one is over, a job of its account discards it
 * (upkeep.h); push.db keeps the time over a restart (writeback.h). At most settings->queue_max are watched:
 * beyond that the oldest is forgotten here, but is void by the rules of subs.h. [push] Owned by webpush.c.
 */
#ifndef COID_WEBPUSH_EXPIRY_H
#define COID_WEBPUSH_EXPIRY_H

#include "base/list.h"
#include "work/reactor.h"

#include <stdint.h>

struct core;
struct push;
struct upkeep;
struct writeback;

struct expiry {
	struct core *core; /* borrowed, as the next ones */
	struct upkeep *upkeep;
	struct writeback *writeback;
	struct list watched; /* of struct expiry_watched, oldest first */
	unsigned count;
	struct timer timer;
};

/* `core`, `upkeep` and `writeback` are borrowed. */
void expiry_init(
	struct expiry *expiry, struct core *core, struct upkeep *upkeep, struct writeback *writeback);
/* Stops the timer for good. */
void expiry_stop(struct expiry *expiry);
void expiry_fini(struct expiry *expiry);
/*
 * Discards the subscription of this validation push in this number of seconds, unless it is validated; writes
 * the time to push.db.
 */
void expiry_watch(struct expiry *expiry, const struct push *push, uint64_t seconds);
/* Does the same for one that push.db knows already; `due` is in seconds since 1970. Strings are copied. */
void expiry_restore(
	struct expiry *expiry, int64_t account, const char *subscription, const char *endpoint, int64_t due);

#endif
