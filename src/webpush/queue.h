/*
 * Pushes that wait: in memory, and in push.db so that they survive a restart. origin.h decides whose turn it
 * is, http.h sends, outcome.h reads the answer; the queue is what moves a push from one to the next.
 * Everything is bounded: what does not fit costs the oldest push of whoever has most of them
 * (settings->queue_per_origin, queue_max).
 *
 *	queue_add -> push.db -> waiting (origin.h) -> in the air (http.h) -> outcome.h -> push_end
 *	             queue_wait -^                                        \-> queue_wait: tried again later
 *
 * [push] Owned by webpush.c.
 */
#ifndef COID_WEBPUSH_QUEUE_H
#define COID_WEBPUSH_QUEUE_H

#include "base/list.h"
#include "webpush/push.h"
#include "work/reactor.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct origins;
struct owed_batch;
struct server_key;

struct queue {
	struct core *core; /* borrowed, as the next ones */
	struct push_parties *parties;
	struct server_key *key;
	struct http *http; /* NULL: nothing is sent at present */
	struct origins *origins; /* own */
	struct list all; /* of struct push.in_all: waiting pushes */
	struct list adding; /* jobs that write pushes to push.db */
	struct timer timer;
	bool pump_deferred; /* the next turn of the loop looks which pushes may be sent */
	atomic_uint shown_waiting, shown_active; /* for any thread */
};

/* Makes a queue. The parameters are borrowed. `http` is set later, when there is one. */
void queue_init(struct queue *queue, struct core *core, struct push_parties *parties, struct server_key *key);
/* Ends sending; running requests are dropped and will be made again after a restart. Tests are answered. */
void queue_stop(struct queue *queue);
/* Frees the pushes that still wait; they stay in push.db. */
void queue_fini(struct queue *queue);

/*
 * Takes the pushes of the list (at least one; all of one account), and `batch` (may be NULL): writes them to
 * push.db, then lets them wait. If push.db can't be written they are sent from memory, and the batch is lost
 * (owed.h). Validation pushes are synced: an account with a subscription is listed in push.db before any push
 * is owed to it.
 */
void queue_add(struct queue *queue, struct push_list *list, struct owed_batch *batch);
/*
 * Takes over the push, which waits from now on until push->due. If its endpoint is not allowed any more, it
 * ends at once.
 */
void queue_wait(struct queue *queue, struct push *push);

/* Ends pushes that wait, are being sent or are being written to push.db: those of an account that is gone, */
void queue_forget(struct queue *queue, int64_t account);
/* ... of a subscription that is gone or was replaced, */
void queue_forget_subscription(struct queue *queue, int64_t account, const char *subscription);
/* ... or made for another key than that of now. */
void queue_forget_keys(struct queue *queue);

/* Call this when a push may have become sendable. */
void queue_pump_soon(struct queue *queue);
/* Updates the numbers of waiting and running pushes that other threads can read. */
void queue_show(struct queue *queue);

#endif
