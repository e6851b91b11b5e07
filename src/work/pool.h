/*
 * Worker threads and strands. A strand is a FIFO of items of one owner (an account, push.db, server.db): at
 * most one thread runs it at a time, so whatever belongs to the strand needs no lock. A pool runs ready
 * strands in the order in which they became ready; a strand that has more to do goes back to the end of the
 * queue.
 *
 * Slow items (searches of message bytes and their like) never occupy more than half of the threads, so that
 * there is always one for the quick ones of other strands. A turn is slow if the item in front is when it is
 * queued; a slow item never runs in another one.
 *
 * The pool knows nothing of what items are: `run` (the store's batch runner) takes them with strand_next.
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

/* `name` is what the threads are called (at most 11 bytes). NULL, with a log line, if no thread could be
 * started. */
struct pool *pool_new(unsigned threads, const char *name, struct log *log);
/*
 * Runs all queued strands dry (follow-up work and what waits for a borrower's strand_return included), then
 * joins the threads. No strand_add may come afterwards.
 */
void pool_drain(struct pool *pool);
/* pool_drain has been called: what is added now may never run. Any thread. */
bool pool_draining(struct pool *pool);
/* Drains first. All strands must have been released. */
void pool_free(struct pool **pool);
unsigned pool_threads(const struct pool *pool);
/* Microseconds since the longest-running current strand turn began; 0 if all workers are idle. For the
 * watchdog. */
uint64_t pool_longest_turn(struct pool *pool);

struct strand_item {
	struct list_node node;
	bool slow; /* set before it is added; zero otherwise */
};

/*
 * `run` is called on a worker that owns the strand, with at least one item waiting. It takes items with
 * strand_next and returns after a bounded turn (the caller's limits on time and bytes); what is left gets
 * another turn. `max`: items that strand_add accepts before it answers RC_BUSY.
 */
struct strand *strand_new(
	struct pool *pool, size_t max, void (*run)(struct strand *strand, void *ctx), void *ctx);
/*
 * Last use, from any thread; inside `run` the strand stays valid until the turn ends. It is freed at once if
 * idle and empty, else as soon as it is.
 */
void strand_release(struct strand **strand);

/* Any thread. RC_BUSY if the strand is full (the caller keeps the item). */
enum rc strand_add(struct strand *strand, struct strand_item *item) MUST_CHECK;
/* The same without the limit: for follow-up work of the owner itself, which is bounded otherwise. */
void strand_add_always(struct strand *strand, struct strand_item *item);
/* Owner only: the next item. NULL: there is none, or it is a slow one and the turn began with another: it has
 * the next. */
struct strand_item *strand_next(struct strand *strand);
/* Owner only: puts an item back in front. */
void strand_unshift(struct strand *strand, struct strand_item *item);
/* How many wait; any thread, a snapshot. */
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
