/*
 * Subscriptions that wait to be validated. When the time of one is over, a job of its account discards it
 * (upkeep.h); push.db remembers the time over a restart (writeback.h). At most settings->queue_max are
 * watched: the oldest is forgotten here, and is void all the same by the rules of subs.h. [push] Owned by
 * webpush.c.
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
/* No timer any more. */
void expiry_stop(struct expiry *expiry);
void expiry_fini(struct expiry *expiry);
/*
 * The subscription of this validation push is discarded in so many seconds, unless it is validated; push.db
 * is told.
 */
void expiry_watch(struct expiry *expiry, const struct push *push, uint64_t seconds);
/* The same, already known to push.db; `due` is in seconds since 1970. Strings are copied. */
void expiry_restore(
	struct expiry *expiry, int64_t account, const char *subscription, const char *endpoint, int64_t due);

#endif
