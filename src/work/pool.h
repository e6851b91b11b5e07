/*
 * Worker threads and strands. A strand is a FIFO of items of one owner (an account, push.db, server.db). At
 * most one thread runs it at a time, so data of the strand need no lock. A pool runs ready strands in the
 * order in which they became ready; a strand that has more to do goes back to the end of the queue.
 *
 * Slow items (such as searches of message bytes) never occupy more than half of the threads, so that there is
 * always a thread for the quick items of other strands. A turn is slow if the first item is slow when the
 * turn is queued; a slow item never runs in another turn.
 *
 * The pool does not know what items are: `run` (the store's batch runner) takes them with strand_next.
 */
#ifndef COID_WORK_POOL_H
#define COID_WORK_POOL_H

#include "base/list.h"
#include "base/log.h"
#include "base/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool;
struct strand;

/*
 * Makes a pool. The threads are called `name` (at most 11 bytes). NULL, with a log line: no thread could be
 * started.
 */
struct pool *pool_new(unsigned threads, const char *name, struct log *log);
/*
 * Runs all queued strands until they are empty (follow-up work and items that wait for a borrower's
 * strand_return included), then joins the threads. Do not call strand_add afterwards.
 */
void pool_drain(struct pool *pool);
/* True: pool_drain has been called, so items added now may never run. Any thread. */
bool pool_draining(struct pool *pool);
/* Drains first. All strands must have been released. */
void pool_free(struct pool **pool);
unsigned pool_threads(const struct pool *pool);
/* Microseconds since the longest current strand turn began; 0: all workers are idle. For the watchdog. */
uint64_t pool_longest_turn(struct pool *pool);

struct strand_item {
	struct list_node node;
	bool slow; /* set before it is added; zero otherwise */
};

/*
 * Makes a strand. `run` is called on a worker that owns the strand, when at least one item waits. It takes
 * items with strand_next and returns after a bounded turn (the caller limits time and bytes); the rest gets
 * another turn. `max`: the number of items from which on strand_add returns RC_BUSY.
 */
struct strand *strand_new(
	struct pool *pool, size_t max, void (*run)(struct strand *strand, void *ctx), void *ctx);
/*
 * Gives up the strand, from any thread; inside `run` it stays valid until the turn ends. It is freed as soon
 * as it is idle and empty.
 */
void strand_release(struct strand **strand);

/* Any thread. RC_BUSY if the strand is full (the caller keeps the item). */
enum rc strand_add(struct strand *strand, struct strand_item *item) MUST_CHECK;
/* Adds an item without the limit: for follow-up work of the owner itself, which has limits of its own. */
void strand_add_always(struct strand *strand, struct strand_item *item);
/*
 * Takes the next item; for the owner only. NULL: there is none, or it is slow and the turn is not: it gets
 * the next turn.
 */
struct strand_item *strand_next(struct strand *strand);
/* Puts an item back to the front; for the owner only. */
void strand_unshift(struct strand *strand, struct strand_item *item);
/* The number of waiting items, a snapshot. Any thread. */
size_t strand_length(struct strand *strand);
bool strand_full(struct strand *strand);

/*
 * Borrowing: a reactor may own an idle, empty strand for a moment (at most some 200 us) to do memory-only
 * work. strand_borrow is one compare-and-swap; false if the strand is busy or has items. Between borrow and
 * strand_return the caller owns the strand. Items added meanwhile are queued to the pool at strand_return.
 */
bool strand_borrow(struct strand *strand);
void strand_return(struct strand *strand);

/* Aborts unless the calling thread owns the strand (running it or borrowing it). */
void strand_assert(const struct strand *strand);

#endif
