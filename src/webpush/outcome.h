/*
 * Decides what the answer to a request means: for the push (done, again later, given up), for its
 * subscription (works, fails, is gone), and for its endpoint and its push service (origin.h). retry.h has the
 * rules as pure functions. [push] Owned by webpush.c.
 */
#ifndef COID_WEBPUSH_OUTCOME_H
#define COID_WEBPUSH_OUTCOME_H

#include <stdint.h>

struct core;
struct push;
struct push_answer;
struct queue;

struct outcome {
	struct core *core; /* borrowed, as the next one */
	struct queue *queue;
};

/* An http_answered_fn; `ctx` is a struct outcome. Takes over the push, whose request has ended. */
void outcome_answered(void *ctx, struct push *push, const struct push_answer *answer);
/*
 * A writeback_failing_fn; `ctx` is a struct outcome. Drops the subscription and the pushes that wait for it.
 */
void outcome_failing(
	void *ctx, int64_t account, const char *subscription, const char *endpoint, unsigned failures);

#endif
