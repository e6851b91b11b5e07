/* Lists of origins and endpoints that take turns, and the pause of each of them after an answer. */
#include "webpush/origin.h"

#include "base/hash.h"
#include "base/mem.h"
#include "webpush/push.h"
#include "webpush/retry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct origin;

/* An endpoint that has waiting or running pushes, or is remembered for its last answer. */
struct target {
	UT_hash_handle hh; /* origin->targets */
	struct list_node in_turn; /* origin->turn, while pushes wait */
	struct list_node in_idle; /* origins->idle, while no push waits or is being sent */
	struct origin *origin; /* borrowed */
	char *endpoint; /* own */
	struct list waiting; /* of struct push.in_target, by due */
	unsigned count; /* waiting pushes */
	unsigned active; /* running requests */
	bool proven; /* it answered last time */
	unsigned failures; /* events in a row */
	uint64_t rests_until; /* after failures */
	uint64_t asked_until; /* by Retry-After */
	uint64_t stepped; /* when `failures` grew last */
	unsigned failed_round; /* origin->round in which it failed last */
	uint64_t idle_since;
};

struct origin {
	UT_hash_handle hh; /* origins->by_name */
	struct list_node in_turn; /* origins->turn, while pushes wait */
	char *name; /* own */
	struct target *targets; /* by endpoint */
	struct list turn; /* of struct target.in_turn */
	unsigned count; /* waiting pushes */
	unsigned active; /* running ordinary requests; so the next two */
	unsigned unproven; /* to endpoints that did not answer last time */
	unsigned suspect; /* to endpoints that failed last time */
	unsigned probes; /* running requests of validation pushes */
	unsigned failures; /* events in a row */
	uint64_t rests_until;
	uint64_t stepped;
	unsigned round; /* grows with each success */
	unsigned failed_targets; /* in this round */
};

/* Running requests of one account. */
struct share {
	UT_hash_handle hh;
	int64_t account;
	unsigned active;
};

struct origins {
	const struct webpush_settings *settings; /* borrowed */
	struct origin *by_name;
	struct list turn; /* of struct origin.in_turn */
	struct list idle; /* of struct target.in_idle, the longest idle first */
	unsigned idle_count;
	struct share *shares; /* by account */
	unsigned count; /* waiting pushes in all */
	unsigned active; /* running ordinary requests and validation pushes */
	unsigned unproven;
	unsigned tests; /* running test pushes */
};

static unsigned origin_at_least_one(unsigned n)
{
	return n > 0 ? n : 1;
}

/* Life of origins and targets. */

static void origin_release(struct origins *origins, struct origin *origin)
{
	if (origin->targets)
		return;
	HASH_DEL(origins->by_name, origin);
	list_remove(&origin->in_turn);
	free(origin->name);
	free(origin);
}

static void origin_target_free(struct origins *origins, struct target *target)
{
	struct origin *origin = target->origin;

	if (list_linked(&target->in_idle)) {
		list_remove(&target->in_idle);
		origins->idle_count--;
	}
	list_remove(&target->in_turn);
	HASH_DEL(origin->targets, target);
	free(target->endpoint);
	free(target);
	origin_release(origins, origin);
}

/* Forgets endpoints that have been idle for long, and the longest idle ones if there are too many. */
static void origins_idle_trim(struct origins *origins, uint64_t now)
{
	for (struct list_node *node = list_first(&origins->idle); node; node = list_first(&origins->idle)) {
		struct target *target = CONTAINER_OF(node, struct target, in_idle);
		if (origins->idle_count <= origins->settings->queue_max &&
			now < target->idle_since + ORIGIN_MEMORY_MS)
			return;
		origin_target_free(origins, target);
	}
}

/* An endpoint without pushes is remembered for a while, if its state matters. */
static void origin_target_rest(struct origins *origins, struct target *target, uint64_t now)
{
	if (target->count > 0 || target->active > 0)
		return;
	if (!target->proven && target->failures == 0 && target->asked_until <= now &&
		target->origin->failures == 0) {
		origin_target_free(origins, target);
		return;
	}
	target->idle_since = now;
	list_append(&origins->idle, &target->in_idle);
	origins->idle_count++;
	origins_idle_trim(origins, now);
}

static struct origin *origin_get(struct origins *origins, const char *name)
{
	struct origin *origin = NULL;

	HASH_FIND(hh, origins->by_name, name, strlen(name), origin);
	if (!origin) {
		origin = mem_zalloc(sizeof(*origin));
		origin->name = mem_strdup(name);
		origin->round = 1;
		list_init(&origin->turn);
		HASH_ADD_KEYPTR(hh, origins->by_name, origin->name, strlen(origin->name), origin);
	}
	return origin;
}

static struct target *origin_target_get(struct origins *origins, struct origin *origin, const char *endpoint)
{
	struct target *target = NULL;

	HASH_FIND(hh, origin->targets, endpoint, strlen(endpoint), target);
	if (!target) {
		target = mem_zalloc(sizeof(*target));
		target->origin = origin;
		target->endpoint = mem_strdup(endpoint);
		list_init(&target->waiting);
		HASH_ADD_KEYPTR(hh, origin->targets, target->endpoint, strlen(target->endpoint), target);
	}
	if (list_linked(&target->in_idle)) {
		list_remove(&target->in_idle);
		origins->idle_count--;
	}
	return target;
}

struct origins *origins_new(const struct webpush_settings *settings)
{
	struct origins *origins = mem_zalloc(sizeof(*origins));

	origins->settings = settings;
	list_init(&origins->turn);
	list_init(&origins->idle);
	return origins;
}

void origins_free(struct origins **origins)
{
	struct origins *all = *origins;

	if (!all)
		return;
	*origins = NULL;
	for (struct list_node *node = list_first(&all->idle); node; node = list_first(&all->idle))
		origin_target_free(all, CONTAINER_OF(node, struct target, in_idle));
	free(all);
}

/* Waiting. */

/*
 * Inserts a push by the time of its next try. Only the first push of a target is considered for sending,
 * except that a test push waits for none.
 */
static void origin_target_insert(struct target *target, struct push *push)
{
	struct list_node *node = target->waiting.head.prev;

	if (push->kind == PUSH_TEST) {
		list_prepend(&target->waiting, &push->in_target);
		return;
	}
	while (node != &target->waiting.head && CONTAINER_OF(node, struct push, in_target)->due > push->due)
		node = node->prev;
	list_insert_before(node->next, &push->in_target);
}

void origins_enter(struct origins *origins, const char *name, struct push *push)
{
	struct origin *origin = origin_get(origins, name);
	struct target *target = origin_target_get(origins, origin, push->endpoint);

	push->target = target;
	origin_target_insert(target, push);
	if (target->count++ == 0)
		list_append(&origin->turn, &target->in_turn);
	if (origin->count++ == 0)
		list_append(&origins->turn, &origin->in_turn);
	origins->count++;
}

static void origins_unlink(struct origins *origins, struct push *push)
{
	struct target *target = push->target;

	list_remove(&push->in_target);
	if (--target->count == 0)
		list_remove(&target->in_turn);
	if (--target->origin->count == 0)
		list_remove(&target->origin->in_turn);
	origins->count--;
}

void origins_leave(struct origins *origins, struct push *push)
{
	struct target *target = push->target;

	origins_unlink(origins, push);
	push->target = NULL;
	/* The state to remember dates from when it was idle last; its age begins anew, which does no harm. */
	origin_target_rest(origins, target, target->idle_since);
}

/* Choosing the next push. */

static unsigned origins_share(const struct origins *origins, int64_t account)
{
	struct share *share = NULL;

	HASH_FIND(hh, origins->shares, &account, sizeof(account), share);
	return share ? share->active : 0;
}

static void origins_share_add(struct origins *origins, int64_t account, bool more)
{
	struct share *share = NULL;

	HASH_FIND(hh, origins->shares, &account, sizeof(account), share);
	if (!share) {
		share = mem_zalloc(sizeof(*share));
		share->account = account;
		HASH_ADD(hh, origins->shares, account, sizeof(share->account), share);
	}
	share->active += more ? 1 : -1U;
	if (share->active == 0) {
		HASH_DEL(origins->shares, share);
		free(share);
	}
}

/*
 * The number of requests that may run for an endpoint. Pushes for device tokens share one endpoint, the
 * notifier's, so they are limited by account only.
 */
static unsigned origin_target_limit(
	const struct origins *origins, const struct target *target, enum push_kind kind)
{
	if (target->failures > 0)
		return 1;
	if (kind == PUSH_DEVICE)
		return origins->settings->parallel_per_origin;
	return target->proven ? origin_at_least_one(origins->settings->parallel_per_origin / 4) : 1;
}

static bool origin_has_room(const struct origins *origins, const struct target *target)
{
	const struct origin *origin = target->origin;
	unsigned most = origins->settings->parallel_per_origin;

	if (origin->active >= (origin->failures > 0 ? 1 : most))
		return false;
	if (!target->proven && origin->unproven >= origin_at_least_one(most - most / 4))
		return false;
	return target->failures == 0 || origin->suspect < origin_at_least_one(most / 2);
}

static bool origins_room_for(
	const struct origins *origins, const struct target *target, const struct push *push)
{
	unsigned most = origins->settings->parallel_max;

	if (push->kind == PUSH_TEST)
		return true;
	if (origins->active >= most || origins_share(origins, push->account) >= origin_at_least_one(most / 8))
		return false;
	if (push->kind == PUSH_VALIDATION)
		return target->origin->probes < ORIGIN_PROBES_MAX;
	if (!target->proven && origins->unproven >= origin_at_least_one(most - most / 4))
		return false;
	return target->active < origin_target_limit(origins, target, push->kind) &&
	       origin_has_room(origins, target);
}

static uint64_t origin_later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The time before which the push may not be sent. */
static uint64_t origin_target_due(const struct target *target, const struct push *push)
{
	uint64_t due = push->due;

	if (push->kind == PUSH_TEST)
		return due;
	due = origin_later(due, target->asked_until);
	if (push->kind == PUSH_VALIDATION)
		return push->tries == 0 ? due : origin_later(due, target->rests_until);
	return origin_later(origin_later(due, target->rests_until), target->origin->rests_until);
}

/*
 * The first push of the endpoint that may be sent now. Pushes after the first one are considered only at a
 * notifier of device tokens.
 */
static struct push *origin_target_next(
	const struct origins *origins, const struct target *target, uint64_t now, uint64_t *wake)
{
	LIST_EACH (node, &target->waiting) {
		struct push *push = CONTAINER_OF(node, struct push, in_target);
		uint64_t due = origin_target_due(target, push);
		if (due > now) {
			*wake = due < *wake ? due : *wake;
			return NULL;
		}
		if (origins_room_for(origins, target, push))
			return push;
		if (push->kind != PUSH_DEVICE)
			return NULL;
	}
	return NULL;
}

static struct push *origin_next(
	const struct origins *origins, struct origin *origin, uint64_t now, uint64_t *wake)
{
	LIST_EACH (node, &origin->turn) {
		struct target *target = CONTAINER_OF(node, struct target, in_turn);
		struct push *push = origin_target_next(origins, target, now, wake);
		if (!push)
			continue;
		list_remove(&target->in_turn);
		list_append(&origin->turn, &target->in_turn);
		return push;
	}
	return NULL;
}

/* Begins a request: increases the counters of its kind. The push remembers which they were. */
static void origins_take_off(struct origins *origins, struct push *push, uint64_t now)
{
	struct target *target = push->target;
	struct origin *origin = target->origin;

	push->began = now;
	target->active++;
	if (push->kind == PUSH_TEST) {
		origins->tests++;
		return;
	}
	origins->active++;
	origins_share_add(origins, push->account, true);
	if (push->kind == PUSH_VALIDATION) {
		origin->probes++;
		return;
	}
	origin->active++;
	push->unproven = !target->proven;
	push->suspect = target->failures > 0;
	origin->unproven += push->unproven;
	origins->unproven += push->unproven;
	origin->suspect += push->suspect;
}

static void origins_land(struct origins *origins, struct push *push)
{
	struct target *target = push->target;
	struct origin *origin = target->origin;

	target->active--;
	if (push->kind == PUSH_TEST) {
		origins->tests--;
		return;
	}
	origins->active--;
	origins_share_add(origins, push->account, false);
	if (push->kind == PUSH_VALIDATION) {
		origin->probes--;
		return;
	}
	origin->active--;
	origin->unproven -= push->unproven;
	origins->unproven -= push->unproven;
	origin->suspect -= push->suspect;
	push->unproven = push->suspect = false;
}

struct push *origins_next(struct origins *origins, uint64_t now, uint64_t *wake)
{
	LIST_EACH (node, &origins->turn) {
		struct origin *origin = CONTAINER_OF(node, struct origin, in_turn);
		struct push *push = origin_next(origins, origin, now, wake);
		if (!push)
			continue;
		list_remove(&origin->in_turn);
		list_append(&origins->turn, &origin->in_turn);
		origins_unlink(origins, push);
		origins_take_off(origins, push, now);
		return push;
	}
	return NULL;
}

/* Taking in an answer. */

static void origin_target_succeeded(struct target *target)
{
	struct origin *origin = target->origin;

	target->proven = true;
	target->failures = 0;
	target->rests_until = 0;
	origin->failures = 0;
	origin->rests_until = 0;
	origin->failed_targets = 0;
	origin->round++;
}

/*
 * True: the request began before the last pause was set, so its failure belongs to the event that set the
 * pause.
 */
static bool origin_same_event(unsigned failures, uint64_t stepped, uint64_t began)
{
	return failures > 0 && began <= stepped;
}

static void origin_step(
	const struct origins *origins, struct origin *origin, uint64_t began, uint64_t now, uint64_t random)
{
	const struct webpush_settings *s = origins->settings;
	uint64_t most =
		s->origin_pause_max_ms < s->backoff_max_ms ? s->origin_pause_max_ms : s->backoff_max_ms;

	if (origin_same_event(origin->failures, origin->stepped, began))
		return;
	origin->rests_until = now + retry_backoff(origin->failures, s->backoff_min_ms, most, random);
	origin->stepped = now;
	origin->failures++;
}

static void origin_target_step(
	const struct origins *origins, struct target *target, uint64_t began, uint64_t now, uint64_t random)
{
	const struct webpush_settings *s = origins->settings;

	target->proven = false;
	if (origin_same_event(target->failures, target->stepped, began))
		return;
	target->rests_until =
		now + retry_backoff(target->failures, s->backoff_min_ms, s->backoff_max_ms, random);
	target->stepped = now;
	target->failures++;
}

static void origin_target_failed(
	struct origins *origins, struct target *target, uint64_t began, uint64_t now, uint64_t random)
{
	struct origin *origin = target->origin;

	origin_target_step(origins, target, began, now, random);
	if (target->failed_round != origin->round) {
		target->failed_round = origin->round;
		origin->failed_targets++;
	}
	if (origin->failed_targets >= ORIGIN_SUSPECTS)
		origin_step(origins, origin, began, now, random);
}

void origins_end(struct origins *origins, struct push *push, enum origin_event event, uint64_t pause_ms,
	uint64_t now, uint64_t random)
{
	struct target *target = push->target;

	origins_land(origins, push);
	push->target = NULL;
	switch (event) {
	case ORIGIN_ASKED:
		target->asked_until = origin_later(target->asked_until, now + pause_ms);
		origin_target_succeeded(target);
		break;
	case ORIGIN_ANSWERED:
		origin_target_succeeded(target);
		break;
	case ORIGIN_FAILED:
		target->asked_until = origin_later(target->asked_until, now + pause_ms);
		origin_target_failed(origins, target, push->began, now, random);
		break;
	case ORIGIN_UNREACHED:
		origin_step(origins, target->origin, push->began, now, random);
		break;
	case ORIGIN_DROPPED:
		break;
	}
	origin_target_rest(origins, target, now);
}

/* Telling the state. */

unsigned origins_waiting(const struct origins *origins)
{
	return origins->count;
}

unsigned origins_active(const struct origins *origins)
{
	return origins->active + origins->tests;
}

const char *origin_name(const struct push *push)
{
	return push->target->origin->name;
}

unsigned origin_waiting(const struct push *push)
{
	return push->target->origin->count;
}

static struct push *origin_target_oldest(const struct target *target)
{
	struct push *oldest = NULL;

	LIST_EACH (node, &target->waiting) {
		struct push *push = CONTAINER_OF(node, struct push, in_target);
		/* Rows of push.db are numbered in their order; a push without a row is new. */
		if (!oldest || (push->id != 0 && (oldest->id == 0 || push->id < oldest->id)))
			oldest = push;
	}
	return oldest;
}

static struct push *origin_oldest(const struct origin *origin)
{
	struct target *most = NULL;

	LIST_EACH (node, &origin->turn) {
		struct target *target = CONTAINER_OF(node, struct target, in_turn);
		if (!most || target->count > most->count)
			most = target;
	}
	return most ? origin_target_oldest(most) : NULL;
}

struct push *origin_victim(const struct push *push)
{
	return origin_oldest(push->target->origin);
}

struct push *origins_victim(struct origins *origins)
{
	struct origin *most = NULL;

	LIST_EACH (node, &origins->turn) {
		struct origin *origin = CONTAINER_OF(node, struct origin, in_turn);
		if (!most || origin->count > most->count)
			most = origin;
	}
	return most ? origin_oldest(most) : NULL;
}

void origin_describe(const struct push *push, uint64_t now, struct buf *out)
{
	const struct target *target = push->target;
	const struct origin *origin = target->origin;

	if (origin->rests_until > now)
		buf_printf(out, ", its push service rests for another %" PRIu64 " s after %u failures",
			((origin->rests_until - now + 999) / 1000), origin->failures);
	else if (origin_later(target->rests_until, target->asked_until) > now)
		buf_printf(out, ", its endpoint rests for another %" PRIu64 " s after %u failures",
			((origin_later(target->rests_until, target->asked_until) - now + 999) / 1000),
			target->failures);
	else if (origin->failures > 0)
		buf_adds(out, ", its push service has not answered last time");
}
