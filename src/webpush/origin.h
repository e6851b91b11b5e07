/*
 * Decides who may be asked next: push services (origins), their endpoints, and the pushes that wait for each
 * of them. It decides by the answers so far; it makes no request and reads no clock. [push] Owned by the
 * queue.
 *
 *	origins -> origin (a host) -> target (an endpoint) -> pushes that wait, by the time of their next try
 *
 * Rules:
 * - Origins take turns, and within an origin its endpoints do, so that none waits for another.
 * - A request that fails after the connection stood counts against its endpoint alone: the endpoint rests,
 *   and
 *   then it is asked by one request at a time.
 * - An origin rests only if it can't be reached, or if several endpoints fail and none succeeds between them.
 *   It
 *   never rests for longer than origin_pause_max_ms. The first request after a rest is a probe: if it is
 *   answered, everything goes on at once.
 * - A burst of failures is one event: a request that had begun before a pause was set does not make the next
 *   one
 *   longer.
 * - Endpoints that were never answered get a share of the places, and those that failed last time a smaller
 *   one.
 *   The rest is left to those that answered last time. No account has more than a share of all places.
 * - Validation pushes do not wait for an origin that rests, and test pushes wait for nothing: they are
 *   probes,
 *   too.
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

/* The end of a request, as its endpoint and its origin see it. */
enum origin_event {
	ORIGIN_ANSWERED, /* whatever the answer says: the endpoint is alive */
	ORIGIN_ASKED, /* it answered and asked for a pause of its own endpoint */
	ORIGIN_FAILED, /* no answer, or an error, after the connection stood */
	ORIGIN_UNREACHED, /* no connection */
	ORIGIN_DROPPED /* given up by this side: says nothing */
};

/* `settings` is borrowed. */
struct origins *origins_new(const struct webpush_settings *settings);
/* To be called when no push waits or is in the air any more. */
void origins_free(struct origins **origins);

/*
 * The push waits from now on, for its endpoint, at the origin of this name, until push->due. Sets
 * push->target.
 */
void origins_enter(struct origins *origins, const char *name, struct push *push);
/* The push waits no more. */
void origins_leave(struct origins *origins, struct push *push);
/*
 * The next push that may be sent at `now` (clock_mono_ms); it does not wait any more, but is in the air.
 * NULL: there is none; then *wake is lowered to the time at which to ask again, unless only an answer can
 * change that.
 */
struct push *origins_next(struct origins *origins, uint64_t now, uint64_t *wake);
/*
 * The push is in the air no more. `pause_ms`: the pause that the endpoint asked for (Retry-After); 0: none.
 * `random` spreads pauses.
 */
void origins_end(struct origins *origins, struct push *push, enum origin_event event, uint64_t pause_ms,
	uint64_t now, uint64_t random);

unsigned origins_waiting(const struct origins *origins);
unsigned origins_active(const struct origins *origins);
/* The origin of a push that waits or is in the air: its name, and how many wait there. */
const char *origin_name(const struct push *push);
unsigned origin_waiting(const struct push *push);
/*
 * The push that goes first if too many wait, at the origin of this push or in all: the oldest push of the
 * endpoint for which most wait.
 */
struct push *origin_victim(const struct push *push);
struct push *origins_victim(struct origins *origins);
/* Prints ", its push service rests for another 40 s after 3 failures" for coidctl, or nothing. */
void origin_describe(const struct push *push, uint64_t now, struct buf *out);

#endif
