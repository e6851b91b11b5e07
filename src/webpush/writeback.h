/*
 * Changes of push.db, gathered over a turn of the push thread's loop and written by one job, so that a
 * thousand answers cost one commit. What is entered is on its way at the end of the turn; the order of
 * entries is kept. [push] Owned by webpush.c.
 *
 * An error is logged and the changes are lost: push.db is a queue, not mail. A push that is still there after
 * a restart is sent once more, with the same topic.
 */
#ifndef COID_WEBPUSH_WRITEBACK_H
#define COID_WEBPUSH_WRITEBACK_H

#include <stdbool.h>
#include <stdint.h>

struct core;
struct push;
struct writeback;

/*
 * A subscription that has failed for long: at least fail_count times in a row over at least fail_age_s.
 * [push]
 */
typedef void writeback_failing_fn(
	void *ctx, int64_t account, const char *subscription, const char *endpoint, unsigned failures);

/* `core` is borrowed. */
struct writeback *writeback_new(struct core *core, writeback_failing_fn *failing, void *ctx);
/* Entries that were not flushed are lost. */
void writeback_free(struct writeback **writeback);

/*
 * The push is over. If it was a message's, the message is remembered for some minutes. A push without a row
 * is no entry.
 */
void writeback_remove(struct writeback *writeback, const struct push *push);
/* The push is tried again at `due`, in seconds since 1970; `plain`: with the content that it has now. */
void writeback_delay(struct writeback *writeback, const struct push *push, int64_t due, bool plain);
/* All pushes of an account, or of one of its subscriptions ("": all). */
void writeback_remove_of(struct writeback *writeback, int64_t account, const char *subscription);
/* A try of its subscription has failed; `failing` may follow. */
void writeback_failed(struct writeback *writeback, const struct push *push);
/* A try has succeeded: failures are counted from 0 again. */
void writeback_worked(struct writeback *writeback, const struct push *push);
/*
 * The subscription is to be discarded at `due`, in seconds since 1970; 0: it has been, or need not be any
 * more.
 */
void writeback_expiry(struct writeback *writeback, int64_t account, const char *subscription,
	const char *endpoint, int64_t due);
/* The account has no subscriptions: it need not be opened after a crash. */
void writeback_unlist(struct writeback *writeback, int64_t account);
/* Now, not at the end of the turn. */
void writeback_flush(struct writeback *writeback);

#endif
