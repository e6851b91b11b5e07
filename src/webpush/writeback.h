/*
 * Changes of push.db, gathered over a turn of the push thread's loop and written by one job, so that a
 * thousand answers cost one commit. Entries are submitted at the end of the turn, in their order. [push]
 * Owned by webpush.c.
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
 * Removes a push that has ended. If it was a message's, the message is remembered for some minutes. A push
 * without a row makes no entry.
 */
void writeback_remove(struct writeback *writeback, const struct push *push);
/* Notes that the push is tried again at `due`, in seconds since 1970; `plain`: with its present content. */
void writeback_delay(struct writeback *writeback, const struct push *push, int64_t due, bool plain);
/* Removes all pushes of an account, or of one of its subscriptions ("": all). */
void writeback_remove_of(struct writeback *writeback, int64_t account, const char *subscription);
/* Notes that a try for its subscription has failed; `failing` may follow. */
void writeback_failed(struct writeback *writeback, const struct push *push);
/* Notes that a try has succeeded: failures are counted from 0 again. */
void writeback_worked(struct writeback *writeback, const struct push *push);
/*
 * Sets when the subscription is to be discarded, in seconds since 1970; 0: it has been, or need not be any
 * more.
 */
void writeback_expiry(struct writeback *writeback, int64_t account, const char *subscription,
	const char *endpoint, int64_t due);
/* Notes that the account has no subscriptions, so that it need not be opened after a crash. */
void writeback_unlist(struct writeback *writeback, int64_t account);
/* Writes the page now, not at the end of the turn. */
void writeback_flush(struct writeback *writeback);

#endif
