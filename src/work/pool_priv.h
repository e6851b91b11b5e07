/* Declarations that pool.c and strand.c share. Order of locks: a strand's lock, then the pool's. */
#ifndef COID_WORK_POOL_PRIV_H
#define COID_WORK_POOL_PRIV_H

#include "work/pool.h"

#include "base/list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker {
	struct pool *pool; /* borrowed */
	pthread_t thread;
	_Atomic uint64_t turn_began; /* clock_mono_us; 0: waits for work */
};

struct pool {
	struct log *log; /* borrowed */
	struct worker *workers; /* own */
	unsigned threads;

	pthread_mutex_t lock;
	pthread_cond_t work;
	struct list ready; /* of struct strand.ready */
	struct list slow; /* likewise, of strands whose next turn is slow */
	uint64_t ticket; /* the last one given out: the order in which strands were queued */
	unsigned slow_running; /* threads in a slow turn, at most slow_max */
	unsigned slow_max;
	unsigned waiting; /* threads that wait on `work` */
	unsigned running; /* threads in a turn, which may still add items */
	unsigned owed; /* borrowed strands that got items and will be queued at their return */
	bool draining;
	bool joined; /* used by the draining thread only */
};

/*
 * STRAND_IDLE implies that no item is queued. Every change except idle -> borrowed is made under the strand's
 * lock.
 */
enum strand_state {
	STRAND_IDLE, /* waits for an item */
	STRAND_QUEUED, /* waits for a worker; in pool.ready */
	STRAND_RUNNING, /* a worker owns it */
	STRAND_BORROWED /* a reactor owns it */
};

struct strand {
	struct pool *pool; /* borrowed */
	void (*run)(struct strand *strand, void *ctx);
	void *ctx;
	size_t max;
	_Atomic int state; /* enum strand_state */
	_Atomic uintptr_t owner; /* pthread_self(); 0: nobody */
	atomic_size_t length;

	pthread_mutex_t lock;
	struct list items; /* under lock */
	bool released; /* under lock */
	bool owed; /* under lock: counted in pool.owed */
	bool slow; /* its waiting or running turn is slow; set when it is queued */
	uint64_t ticket; /* under the pool's lock */

	struct list_node ready; /* under the pool's lock: in pool.ready or pool.slow */
};

/* Puts a strand whose state has become STRAND_QUEUED at the end of the ready queue. */
void pool_enqueue(struct pool *pool, struct strand *strand, bool was_owed);
void pool_owe(struct pool *pool);
/* Runs one turn on a worker. */
void strand_run(struct strand *strand);

#endif
