#include "work/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "work/pool_priv.h"

static void strand_free(struct strand *strand)
{
	pthread_mutex_destroy(&strand->lock);
	free(strand);
}

static void strand_take_over(struct strand *strand)
{
	atomic_store_explicit(&strand->owner, (uintptr_t)pthread_self(), memory_order_relaxed);
}

/* Tells whether the next turn is slow. Call it under the lock, when an item waits. */
static bool begins_slow(const struct strand *strand)
{
	return CONTAINER_OF(list_first(&strand->items), struct strand_item, node)->slow;
}

/*
 * Ends running or borrowing; no other function does. Queues the strand if items wait, frees it if it was
 * released and is empty. The work of this owner happens before that of the next one: the state is set under
 * the lock, which strand_add takes before it queues, and with release order, which strand_borrow acquires.
 */
static void strand_give_up(struct strand *strand)
{
	atomic_store_explicit(&strand->owner, 0, memory_order_relaxed);
	pthread_mutex_lock(&strand->lock);
	if (!list_empty(&strand->items)) {
		bool owed = strand->owed;
		strand->owed = false;
		strand->slow = begins_slow(strand);
		atomic_store_explicit(&strand->state, STRAND_QUEUED, memory_order_relaxed);
		/*
		 * This is under the lock: as soon as the strand is queued, another thread may run and free
		 * it.
		 */
		pool_enqueue(strand->pool, strand, owed);
		pthread_mutex_unlock(&strand->lock);
		return;
	}
	bool last = strand->released;
	if (!last)
		atomic_store_explicit(&strand->state, STRAND_IDLE, memory_order_release);
	pthread_mutex_unlock(&strand->lock);
	if (last)
		strand_free(strand);
}

void strand_run(struct strand *strand)
{
	pthread_mutex_lock(&strand->lock);
	atomic_store_explicit(&strand->state, STRAND_RUNNING, memory_order_relaxed);
	pthread_mutex_unlock(&strand->lock);
	strand_take_over(strand);
	strand->run(strand, strand->ctx);
	strand_give_up(strand);
}

struct strand *strand_new(
	struct pool *pool, size_t max, void (*run)(struct strand *strand, void *ctx), void *ctx)
{
	struct strand *strand = mem_zalloc(sizeof(*strand));
	strand->pool = pool;
	strand->run = run;
	strand->ctx = ctx;
	strand->max = max;
	atomic_init(&strand->state, STRAND_IDLE);
	atomic_init(&strand->owner, 0);
	atomic_init(&strand->length, 0);
	pthread_mutex_init(&strand->lock, NULL);
	list_init(&strand->items);
	return strand;
}

void strand_release(struct strand **strand)
{
	struct strand *s = *strand;
	if (!s)
		return;
	*strand = NULL;
	pthread_mutex_lock(&s->lock);
	s->released = true;
	bool idle = atomic_load_explicit(&s->state, memory_order_acquire) == STRAND_IDLE;
	pthread_mutex_unlock(&s->lock);
	if (idle)
		strand_free(s);
}

static enum rc strand_add_item(struct strand *strand, struct strand_item *item, size_t max)
{
	pthread_mutex_lock(&strand->lock);
	size_t length = atomic_load_explicit(&strand->length, memory_order_relaxed);
	if (length >= max) {
		pthread_mutex_unlock(&strand->lock);
		return RC_BUSY;
	}
	list_append(&strand->items, &item->node);
	atomic_store_explicit(&strand->length, length + 1, memory_order_relaxed);

	int state = STRAND_IDLE;
	if (atomic_compare_exchange_strong_explicit(
		    &strand->state, &state, STRAND_QUEUED, memory_order_acq_rel, memory_order_relaxed)) {
		strand->slow = begins_slow(strand);
		pool_enqueue(strand->pool, strand, false);
	} else if (state == STRAND_BORROWED && !strand->owed) {
		strand->owed = true;
		pool_owe(strand->pool);
	}
	pthread_mutex_unlock(&strand->lock);
	return RC_OK;
}

enum rc strand_add(struct strand *strand, struct strand_item *item)
{
	return strand_add_item(strand, item, strand->max);
}

void strand_add_always(struct strand *strand, struct strand_item *item)
{
	if (strand_add_item(strand, item, SIZE_MAX) != RC_OK)
		abort();
}

struct strand_item *strand_next(struct strand *strand)
{
	strand_assert(strand);
	pthread_mutex_lock(&strand->lock);
	struct list_node *node = NULL;
	if (!list_empty(&strand->items) && (strand->slow || !begins_slow(strand)))
		node = list_pop(&strand->items);
	if (node)
		atomic_fetch_sub_explicit(&strand->length, 1, memory_order_relaxed);
	pthread_mutex_unlock(&strand->lock);
	return node ? CONTAINER_OF(node, struct strand_item, node) : NULL;
}

void strand_unshift(struct strand *strand, struct strand_item *item)
{
	strand_assert(strand);
	pthread_mutex_lock(&strand->lock);
	list_prepend(&strand->items, &item->node);
	atomic_fetch_add_explicit(&strand->length, 1, memory_order_relaxed);
	pthread_mutex_unlock(&strand->lock);
}

size_t strand_length(struct strand *strand)
{
	return atomic_load_explicit(&strand->length, memory_order_relaxed);
}

bool strand_full(struct strand *strand)
{
	return strand_length(strand) >= strand->max;
}

bool strand_borrow(struct strand *strand)
{
	int idle = STRAND_IDLE;
	if (!atomic_compare_exchange_strong_explicit(
		    &strand->state, &idle, STRAND_BORROWED, memory_order_acquire, memory_order_relaxed))
		return false;
	strand_take_over(strand);
	return true;
}

void strand_return(struct strand *strand)
{
	strand_assert(strand);
	strand_give_up(strand);
}

void strand_assert(const struct strand *strand)
{
	uintptr_t owner = atomic_load_explicit(&strand->owner, memory_order_relaxed);
	if (owner != (uintptr_t)pthread_self()) {
		log_error(strand->pool->log, "called on a thread that does not own the strand");
		abort();
	}
}
