/*
 * Decides who gets the next request: push services (origins), their endpoints, and the pushes that wait for
 * each of them. It decides by the answers so far; it makes no request and reads no clock. [push] Owned by the
 * queue.
 *
 *	origins -> origin (a host) -> target (an endpoint) -> pushes that wait, by the time of their next try
 *
 * Rules:
 * - Origins take turns, and within an origin its endpoints do, so that none waits for another.
 * - A request that fails after the connection was established counts against its endpoint only. The endpoint
 *   rests; then it gets one request at a time.
 * - An origin rests only if it can't be reached, or if several endpoints fail and none succeeds between them.
 *   It never rests for longer than origin_pause_max_ms. The first request after a rest is a probe: if it is
 *   answered, all requests go on at once.
 * - A burst of failures is one event: a request that had begun before a pause was set does not make the next
 *   one longer.
 * - Endpoints that have never answered get a share of the places, and those that failed last time a smaller
 *   one. The rest is for those that answered last time. No account has more than a share of all places.
 * - Validation pushes do not wait for an origin that rests, and test pushes wait for nothing: they are
 *   probes, too.
 */
#ifndef COID_WEBPUSH_ORIGIN_H
#define COID_WEBPUSH_ORIGIN_H

#include "base/buf.h"
#include "base/list.h"
#include "webpush/webpush.h"

struct push;
struct origins;

#define ORIGIN_PROBES_MAX 4 /* validation pushes to one origin at a time, beside the ordinary requests */
#define ORIGIN_SUSPECTS 3 /* endpoints that fail, with none that succeeds, make their origin rest */
#define ORIGIN_MEMORY_MS (3600 * 1000) /* how long an endpoint is remembered for which nothing waits */

/* The end of a request, for its endpoint and its origin. */
enum origin_event {
	ORIGIN_ANSWERED, /* there was an answer of any kind, so the endpoint is alive */
	ORIGIN_ASKED, /* it answered and asked for a pause of its own endpoint */
	ORIGIN_FAILED, /* no answer, or an error, after the connection stood */
	ORIGIN_UNREACHED, /* no connection */
	ORIGIN_DROPPED /* cancelled by this side, which tells nothing */
};

/* `settings` is borrowed. */
struct origins *origins_new(const struct webpush_settings *settings);
/* Call this when no push waits or is being sent any more. */
void origins_free(struct origins **origins);

/* Lets the push wait, for its endpoint, at the origin of this name, until push->due. Sets push->target. */
void origins_enter(struct origins *origins, const char *name, struct push *push);
/* Ends the waiting of the push. */
void origins_leave(struct origins *origins, struct push *push);
/*
 * Takes the next push that may be sent at `now` (clock_mono_ms); it does not wait any more and counts as
 * being sent. NULL: there is none; then *wake is lowered to the time of the next call, unless only an answer
 * can change that.
 */
struct push *origins_next(struct origins *origins, uint64_t now, uint64_t *wake);
/*
 * Ends a request. `pause_ms`: the pause that the endpoint asked for (Retry-After); 0: none. `random` spreads
 * pauses.
 */
void origins_end(struct origins *origins, struct push *push, enum origin_event event, uint64_t pause_ms,
	uint64_t now, uint64_t random);

unsigned origins_waiting(const struct origins *origins);
unsigned origins_active(const struct origins *origins);
/* The origin of a push that waits or is being sent: its name, and how many pushes wait there. */
const char *origin_name(const struct push *push);
unsigned origin_waiting(const struct push *push);
/*
 * The push to drop if too many wait, at the origin of this push or in all: the oldest push of the endpoint
 * with most waiting pushes.
 */
struct push *origin_victim(const struct push *push);
struct push *origins_victim(struct origins *origins);
/* Prints ", its push service rests for another 40 s after 3 failures" for coidctl, or nothing. */
void origin_describe(const struct push *push, uint64_t now, struct buf *out);

#endif
