/* Declarations that reactor.c and timer.c share. */
#ifndef COID_WORK_REACTOR_PRIV_H
#define COID_WORK_REACTOR_PRIV_H

#include "work/reactor.h"

#include "base/list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deferred {
	void (*fn)(void *arg);
	void *arg;
};

/* Calls gathered for the end of a turn. */
struct deferred_queue {
	struct deferred *v; /* own */
	size_t n;
	size_t cap;
};

struct reactor {
	unsigned index;
	struct log *log; /* borrowed */
	struct event_base *base; /* own */
	struct event *wake; /* own: the eventfd */
	struct event *alarm; /* own: the earliest timer */
	int wake_fd;

	_Atomic uintptr_t thread; /* pthread_self() of the loop; 0: not started */
	atomic_bool stop;

	pthread_mutex_t lock;
	struct list inbox; /* under lock */
	bool signalled; /* under lock: the eventfd has been or is about to be written */

	struct list batch; /* messages taken from the inbox and not run yet */
	struct deferred_queue deferred;
	uint64_t now; /* 0: not read yet in this turn */
	uint32_t turn;

	struct timer **heap; /* own; by due, earliest first */
	uint32_t timers;
	uint32_t timers_cap;
};

/* True if a timer is due by now. */
bool timers_due(const struct reactor *reactor);
/* Runs the timers that are due and were set before this turn. */
void timers_run(struct reactor *reactor);

#endif
