#include "work/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "work/pool_priv.h"

/* pthread_setname_np takes 15 bytes. */
#define THREAD_NAME_MAX 16

/* The strand that has waited longest among those that may run now, or NULL. */
static struct strand *first_ready(const struct pool *pool)
{
	struct list_node *quick = list_first(&pool->ready);
	struct list_node *slow = pool->slow_running < pool->slow_max ? list_first(&pool->slow) : NULL;
	if (!quick || !slow)
		return quick || slow ? CONTAINER_OF(quick ? quick : slow, struct strand, ready) : NULL;
	struct strand *a = CONTAINER_OF(quick, struct strand, ready);
	struct strand *b = CONTAINER_OF(slow, struct strand, ready);
	return a->ticket < b->ticket ? a : b;
}

/* Ends the caller's turn, if it had one, and waits for the next strand; NULL: the pool is drained. */
static struct strand *next_ready(struct pool *pool, bool had_turn, bool had_slow)
{
	struct strand *strand = NULL;
	pthread_mutex_lock(&pool->lock);
	pool->running -= had_turn;
	pool->slow_running -= had_slow;
	for (;;) {
		strand = first_ready(pool);
		if (strand) {
			list_remove(&strand->ready);
			pool->running++;
			pool->slow_running += strand->slow;
			/* The end of a slow turn may have made two strands ready; the one that was queued
			 * meanwhile woke no thread. */
			if (pool->waiting > 0 && first_ready(pool))
				pthread_cond_signal(&pool->work);
			break;
		}
		if (pool->draining && pool->running == 0 && pool->owed == 0) {
			/* No more work can come, so the other threads end, too. */
			pthread_cond_broadcast(&pool->work);
			break;
		}
		pool->waiting++;
		pthread_cond_wait(&pool->work, &pool->lock);
		pool->waiting--;
	}
	pthread_mutex_unlock(&pool->lock);
	return strand;
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	struct strand *strand = next_ready(worker->pool, false, false);
	while (strand) {
		/* The strand may be freed when its turn has ended. */
		bool slow = strand->slow;
		atomic_store_explicit(&worker->turn_began, clock_mono_us(), memory_order_relaxed);
		strand_run(strand);
		atomic_store_explicit(&worker->turn_began, 0, memory_order_relaxed);
		strand = next_ready(worker->pool, true, slow);
	}
	return NULL;
}

static bool start_worker(struct worker *worker, unsigned index, const char *name)
{
	int error = pthread_create(&worker->thread, NULL, worker_main, worker);
	if (error != 0) {
		log_error(worker->pool->log, "cannot start a worker thread name=%s errno=%d", name, error);
		return false;
	}
	char text[THREAD_NAME_MAX];
	snprintf(text, sizeof(text), "%.11s-%u", name, index % 1000);
	pthread_setname_np(worker->thread, text);
	return true;
}

struct pool *pool_new(unsigned threads, const char *name, struct log *log)
{
	if (threads == 0)
		threads = 1;
	struct pool *pool = mem_zalloc(sizeof(*pool));
	pool->log = log;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	list_init(&pool->ready);
	list_init(&pool->slow);
	pool->slow_max = threads > 1 ? threads / 2 : 1;
	pool->workers = mem_zalloc(threads * sizeof(struct worker));

	/* Signals are handled by the main thread only. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (pool->threads < threads) {
		struct worker *worker = &pool->workers[pool->threads];
		worker->pool = pool;
		if (!start_worker(worker, pool->threads, name))
			break;
		pool->threads++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pool->threads == 0)
		pool_free(&pool);
	return pool;
}

void pool_drain(struct pool *pool)
{
	if (pool->joined)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->draining = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->threads; i++)
		pthread_join(pool->workers[i].thread, NULL);
	pool->joined = true;
}

bool pool_draining(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	bool draining = pool->draining;
	pthread_mutex_unlock(&pool->lock);
	return draining;
}

void pool_free(struct pool **pool)
{
	struct pool *p = *pool;
	if (!p)
		return;
	pool_drain(p);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	free(p);
	*pool = NULL;
}

unsigned pool_threads(const struct pool *pool)
{
	return pool->threads;
}

uint64_t pool_longest_turn(struct pool *pool)
{
	uint64_t now = clock_mono_us();
	uint64_t longest = 0;
	for (unsigned i = 0; i < pool->threads; i++) {
		uint64_t began = atomic_load_explicit(&pool->workers[i].turn_began, memory_order_relaxed);
		if (began != 0 && began < now && now - began > longest)
			longest = now - began;
	}
	return longest;
}

void pool_enqueue(struct pool *pool, struct strand *strand, bool was_owed)
{
	pthread_mutex_lock(&pool->lock);
	strand->ticket = ++pool->ticket;
	list_append(strand->slow ? &pool->slow : &pool->ready, &strand->ready);
	if (was_owed)
		pool->owed--;
	if (pool->waiting > 0)
		pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

void pool_owe(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->owed++;
	pthread_mutex_unlock(&pool->lock);
}
