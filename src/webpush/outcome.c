/* Handles an answer: carries out the verdict of retry.h on its push. */
#include "webpush/outcome.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "webpush/core.h"
#include "webpush/http.h"
#include "webpush/origin.h"
#include "webpush/payload.h"
#include "webpush/queue.h"
#include "webpush/retry.h"
#include "webpush/upkeep.h"
#include "webpush/writeback.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define OUTCOME_VALIDATION_PAUSE_MAX_MS                                                                      \
	60000 /* the longest pause between two tries of a validation push, whose window is short */
#define OUTCOME_TEXT_MAX 1024 /* octets of a line of the answer to a test */

/* The answer that is being handled. */
struct outcome_case {
	const struct outcome *outcome; /* borrowed */
	struct push *push; /* own until it waits again or ends */
	const struct push_answer *answer; /* borrowed */
	char origin[ENDPOINT_ORIGIN_MAX];
};

static const char *outcome_account(const struct outcome_case *c)
{
	return store_account_shown(c->outcome->core->store, c->push->account);
}

static void outcome_end(struct outcome_case *c, enum push_outcome outcome)
{
	push_end(c->outcome->queue->parties, c->push, outcome);
	c->push = NULL;
}

static void outcome_gone(struct outcome_case *c)
{
	log_info(c->outcome->core->log,
		"push subscription dropped: the push service does not know it account=%s id=%s",
		outcome_account(c), LOG_V(strv_cstr(c->push->subscription)));
	queue_forget_subscription(c->outcome->queue, c->push->account, c->push->subscription);
	outcome_end(c, PUSH_END_GONE);
}

static void outcome_refused(struct outcome_case *c)
{
	log_warn(c->outcome->core->log, "push refused account=%s id=%s origin=%s status=%u",
		outcome_account(c), LOG_V(strv_cstr(c->push->subscription)), c->origin, c->answer->status);
	outcome_end(c, PUSH_END_REFUSED);
}

/*
 * No request was sent: every address of the host is forbidden. All device tokens share one host, so they are
 * not dropped for that.
 */
static void outcome_not_public(struct outcome_case *c)
{
	log_warn(c->outcome->core->log,
		"push subscription dropped: its host has no public address account=%s id=%s origin=%s",
		outcome_account(c), LOG_V(strv_cstr(c->push->subscription)), c->origin);
	if (c->push->kind != PUSH_DEVICE)
		queue_forget_subscription(c->outcome->queue, c->push->account, c->push->subscription);
	outcome_end(c, PUSH_END_NOT_PUBLIC);
}

static bool outcome_too_late(const struct outcome_case *c, int64_t due)
{
	const struct push *push = c->push;

	return due >= push->expires ||
	       (push->kind != PUSH_DEVICE && push->tries >= c->outcome->core->settings->tries_max);
}

/*
 * Puts the push back into the queue for `ms`, unless that would be too late. `changed`: its content has
 * changed.
 */
static void outcome_again(struct outcome_case *c, uint64_t ms, bool changed)
{
	struct queue *queue = c->outcome->queue;
	struct push *push = c->push;
	int64_t due = clock_wall() + (int64_t)((ms + 999) / 1000);

	if (outcome_too_late(c, due)) {
		log_info(c->outcome->core->log, "push given up account=%s id=%s origin=%s tries=%u",
			outcome_account(c), LOG_V(strv_cstr(push->subscription)), c->origin, push->tries);
		outcome_end(c, PUSH_END_TRIED);
		return;
	}
	push->due = clock_mono_ms() + ms;
	writeback_delay(queue->parties->writeback, push, due, changed);
	queue_wait(queue, push);
	c->push = NULL;
}

/* Sends the push once more without the content of the message, which a client can fetch. */
static void outcome_too_large(struct outcome_case *c)
{
	struct push *push = c->push;
	struct buf smaller;

	buf_init(&smaller, PAYLOAD_MAX);
	bool once = !(push->flags & PUSH_SHRUNK) && push->kind == PUSH_MESSAGE &&
		    payload_shrink(strv_make(push->plain, push->plain_n), &smaller) == RC_OK;
	if (once) {
		free(push->plain);
		push->plain = mem_strndup(smaller.p, smaller.len);
		push->plain_n = smaller.len;
		push->flags |= PUSH_SHRUNK;
		outcome_again(c, 0, true);
	} else {
		outcome_refused(c);
	}
	buf_fini(&smaller);
}

static uint64_t outcome_backoff(const struct outcome_case *c)
{
	const struct webpush_settings *s = c->outcome->core->settings;
	uint64_t most = s->backoff_max_ms;

	if (c->push->kind == PUSH_VALIDATION && most > OUTCOME_VALIDATION_PAUSE_MAX_MS)
		most = OUTCOME_VALIDATION_PAUSE_MAX_MS;
	return retry_backoff(c->push->tries, s->backoff_min_ms, most, rand_u64());
}

/* Milliseconds that Retry-After asks for; 0: it is missing or unreadable. */
static uint64_t outcome_asked_ms(const struct push_answer *answer)
{
	uint64_t seconds = 0;

	if (!answer->retry_after[0] ||
		retry_after(strv_cstr(answer->retry_after), clock_wall(), &seconds) != RC_OK)
		return 0;
	return seconds * 1000;
}

static void outcome_pause(struct outcome_case *c)
{
	uint64_t ms = outcome_asked_ms(c->answer);

	if (ms == 0)
		ms = outcome_backoff(c);
	core_count(c->outcome->core, CORE_FAILED);
	c->push->tries++;
	outcome_again(c, ms, false);
}

/*
 * The pause before the next try of a device token, which has its own times; after the last one it is given
 * up.
 */
static uint64_t outcome_device_backoff(struct push *push)
{
	uint64_t ms = retry_device(++push->tries) * 1000;

	if (ms == 0)
		push->expires = 0;
	return ms;
}

/*
 * If a push service can't be reached, an ordinary push does not lose a try: it waits until its service may be
 * asked again, as long as it is worth sending.
 */
static void outcome_failed(struct outcome_case *c)
{
	struct push *push = c->push;
	uint64_t ms = outcome_backoff(c);

	log_info(c->outcome->core->log, "push failed account=%s id=%s origin=%s status=%u error=%s",
		outcome_account(c), LOG_V(strv_cstr(push->subscription)), c->origin, c->answer->status,
		LOG_V(strv_cstr(c->answer->error)));
	core_count(c->outcome->core, CORE_FAILED);
	if (push->kind == PUSH_DEVICE) {
		ms = outcome_device_backoff(push);
	} else {
		writeback_failed(c->outcome->queue->parties->writeback, push);
		if (push->kind == PUSH_MESSAGE && c->answer->status == 0 && !c->answer->reached)
			ms = 0;
		else
			push->tries++;
	}
	outcome_again(c, ms, false);
}

/* Answers a test. `state`: the state of the push service when the test was sent. */
static void outcome_test(struct outcome_case *c, struct strv state)
{
	const struct push_answer *answer = c->answer;
	struct buf text;

	buf_init(&text, OUTCOME_TEXT_MAX);
	if (answer->status)
		buf_printf(&text, "%u in %" PRIu64 " ms", answer->status, answer->ms);
	else if (answer->refused)
		buf_adds(&text, "refused: the host has no public address");
	else
		buf_printf(&text, "no answer in %" PRIu64 " ms: %s", answer->ms, answer->error);
	buf_addv(&text, state);
	buf_addc(&text, '\0');
	c->push->tell(c->push, text.p, answer->status >= 200 && answer->status < 300);
	buf_fini(&text);
	push_free(&c->push);
}

static void outcome_act(struct outcome_case *c)
{
	enum retry_verdict verdict = c->push->kind == PUSH_DEVICE ? retry_verdict_device(c->answer->status)
								  : retry_verdict(c->answer->status);

	switch (verdict) {
	case RETRY_DONE:
		outcome_end(c, PUSH_END_SENT);
		break;
	case RETRY_DROP:
		outcome_refused(c);
		break;
	case RETRY_GONE:
		outcome_gone(c);
		break;
	case RETRY_SHRINK:
		outcome_too_large(c);
		break;
	case RETRY_WAIT:
		outcome_pause(c);
		break;
	case RETRY_LATER:
		outcome_failed(c);
		break;
	}
}

/*
 * The event for the endpoint and its push service. All device tokens share one endpoint, so any answer shows
 * that it is alive.
 */
static enum origin_event outcome_event(const struct push *push, const struct push_answer *answer)
{
	if (answer->refused)
		return ORIGIN_DROPPED;
	if (answer->status == 0)
		return answer->reached && push->kind != PUSH_DEVICE ? ORIGIN_FAILED : ORIGIN_UNREACHED;
	if (push->kind == PUSH_DEVICE)
		return ORIGIN_ANSWERED;
	if (answer->status == 429)
		return ORIGIN_ASKED;
	return answer->status >= 500 || answer->status == 408 ? ORIGIN_FAILED : ORIGIN_ANSWERED;
}

void outcome_answered(void *ctx, struct push *push, const struct push_answer *answer)
{
	const struct outcome *outcome = ctx;
	struct queue *queue = outcome->queue;
	struct outcome_case c = { .outcome = outcome, .push = push, .answer = answer };
	struct buf state;

	buf_init(&state, 256);
	snprintf(c.origin, sizeof(c.origin), "%s", origin_name(push));
	if (push->tell)
		origin_describe(push, clock_mono_ms(), &state);
	log_debug(outcome->core->log, "push answered origin=%s status=%u ms=%" PRIu64, c.origin,
		answer->status, answer->ms);
	uint64_t pause = outcome_asked_ms(answer);
	if (pause == 0 && answer->status == 429)
		pause = outcome_backoff(&c);
	origins_end(queue->origins, push, outcome_event(push, answer), pause, clock_mono_ms(), rand_u64());
	if (push->tell)
		outcome_test(&c, buf_strv(&state));
	else if (answer->refused)
		outcome_not_public(&c);
	else
		outcome_act(&c);
	buf_fini(&state);
	queue_show(queue);
	queue_pump_soon(queue);
}

void outcome_failing(
	void *ctx, int64_t account, const char *subscription, const char *endpoint, unsigned failures)
{
	const struct outcome *outcome = ctx;
	struct core *core = outcome->core;

	log_info(core->log, "push subscription dropped: it has failed for long account=%s id=%s failures=%u",
		store_account_shown(core->store, account), LOG_V(strv_cstr(subscription)), failures);
	core_count(core, CORE_UNSUBSCRIBED);
	upkeep_submit(outcome->queue->parties->upkeep, UPKEEP_GONE, account, subscription, endpoint);
	queue_forget_subscription(outcome->queue, account, subscription);
}
