/*
 * The parts of the server, the settings and the counters that every module of this folder uses, and the state
 * of its stop. A struct webpush has one struct core; webpush.c fills it before it makes the other modules,
 * which borrow it and end before it.
 *
 * Threads, in the headers of this folder: [push] is the push thread, whose reactor is core->reactor; [strand]
 * is a worker that owns the strand of the account; [pushq] is the worker that owns push.db.
 */
#ifndef COID_WEBPUSH_CORE_H
#define COID_WEBPUSH_CORE_H

#include "base/log.h"
#include "store/store.h"
#include "webpush/endpoint.h"
#include "webpush/webpush.h"
#include "work/reactor.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Events that are counted since the start; struct webpush_counters explains each. */
enum core_counter {
	CORE_SENT,
	CORE_REFUSED,
	CORE_FAILED,
	CORE_DROPPED,
	CORE_EXPIRED,
	CORE_UNSUBSCRIBED,
	CORE_CONNECTIONS,
	CORE_COUNTERS
};

struct core {
	const struct webpush_settings *settings; /* borrowed; fixed before there are threads */
	struct store *store; /* borrowed */
	struct log *log; /* borrowed */
	struct reactor *reactor; /* borrowed; the push thread's */
	char notifier_origin
		[ENDPOINT_ORIGIN_MAX]; /* fixed; the origin of settings->notifier_url; empty: there is none */

	atomic_bool stopping; /* no more requests are made; running ones are written to push.db */
	bool closed; /* [push] the workers are gone: no job may be submitted any more */
	bool running; /* fixed: the push thread was started */
	atomic_uint pending; /* jobs and messages on their way to the push thread or from it */
	_Atomic uint64_t counters[CORE_COUNTERS];
};

/* Call this when a job or a message is sent. Any thread; so the next one. */
static inline void core_pending_add(struct core *core)
{
	atomic_fetch_add(&core->pending, 1);
}

/* Call this when it has arrived; the caller may not use `core` afterwards. */
static inline void core_pending_sub(struct core *core)
{
	atomic_fetch_sub(&core->pending, 1);
}

static inline bool core_stopping(const struct core *core)
{
	return atomic_load(&core->stopping);
}

static inline void core_count(struct core *core, enum core_counter counter)
{
	atomic_fetch_add(&core->counters[counter], 1);
}

#endif
