/*
 * What the answer to a request means: for the push (done, again later, given up), for its subscription (works, fails, is gone),
 * and for its endpoint and its push service (origin.h).
 */
#include "webpush/webpush_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "webpush/retry.h"

#include <stdio.h>
#include <stdlib.h>

#define VALIDATION_PAUSE_MAX_MS 60000 /* between two tries of a validation push: its window does not wait */

struct outcome {
	struct webpush *webpush; /* borrowed */
	struct push *push; /* own until it waits again or is finished */
	const struct push_answer *answer; /* borrowed */
	char origin[ENDPOINT_ORIGIN_MAX];
};

static void outcome_done(struct outcome *o)
{
	struct webpush *webpush = o->webpush;
	struct push *push = o->push;

	atomic_fetch_add(&webpush->sent, 1);
	if (push->kind != PUSH_DEVICE)
		books_worked(webpush->books, push);
	if (push->kind == PUSH_VALIDATION) {
		upkeep_submit(webpush, UPKEEP_ACCEPTED, push->account, push->subscription, push->endpoint);
		expiry_watch(webpush, push, webpush->settings.validation_window_s);
	}
	queue_finish(webpush, push);
}

static void outcome_gone(struct outcome *o)
{
	struct webpush *webpush = o->webpush;
	struct push *push = o->push;
	bool device = push->kind == PUSH_DEVICE;

	log_info(webpush->log,
		"push subscription dropped: the push service does not know it account=%s id=%s",
		store_account_shown(webpush->store, push->account), LOG_V(strv_cstr(push->subscription)));
	atomic_fetch_add(&webpush->unsubscribed, 1);
	upkeep_submit(webpush, device ? UPKEEP_DEVICE_GONE : UPKEEP_GONE, push->account, push->subscription,
		push->endpoint);
	queue_forget_subscription(webpush, push->account, push->subscription);
	queue_finish(webpush, push);
}

static void outcome_refused(struct outcome *o)
{
	struct push *push = o->push;

	log_warn(o->webpush->log, "push refused account=%s id=%s origin=%s status=%u",
		store_account_shown(o->webpush->store, push->account), LOG_V(strv_cstr(push->subscription)),
		o->origin, o->answer->status);
	atomic_fetch_add(&o->webpush->refused, 1);
	books_failed(o->webpush->books, push);
	queue_finish(o->webpush, push);
}

/* Back into the queue after `ms`, unless it would be too late. `changed`: its content is another one. */
static void outcome_again(struct outcome *o, uint64_t ms, bool changed)
{
	struct webpush *webpush = o->webpush;
	struct push *push = o->push;
	int64_t due = clock_wall() + (int64_t)((ms + 999) / 1000);

	if (due >= push->expires ||
		(push->kind != PUSH_DEVICE && push->tries >= webpush->settings.tries_max)) {
		log_info(webpush->log, "push given up account=%s id=%s origin=%s tries=%u",
			store_account_shown(webpush->store, push->account),
			LOG_V(strv_cstr(push->subscription)), o->origin, push->tries);
		atomic_fetch_add(&webpush->expired, 1);
		queue_finish(webpush, push);
		return;
	}
	push->due = clock_mono_ms() + ms;
	books_delay(webpush->books, push, due, changed);
	queue_wait(webpush, push);
}

static void outcome_too_large(struct outcome *o)
{
	struct push *push = o->push;
	struct buf smaller;

	buf_init(&smaller, PAYLOAD_MAX);
	bool once = !(push->flags & PUSH_SHRUNK) && push->kind == PUSH_MESSAGE &&
		    payload_shrink(strv_make(push->plain, push->plain_n), &smaller) == RC_OK;
	if (once) {
		free(push->plain);
		push->plain = mem_strndup(smaller.p, smaller.len);
		push->plain_n = smaller.len;
		push->flags |= PUSH_SHRUNK;
		outcome_again(o, 0, true);
	} else {
		outcome_refused(o);
	}
	buf_fini(&smaller);
}

static uint64_t outcome_backoff(const struct outcome *o)
{
	const struct webpush_settings *s = &o->webpush->settings;
	uint64_t most = s->backoff_max_ms;

	if (o->push->kind == PUSH_VALIDATION && most > VALIDATION_PAUSE_MAX_MS)
		most = VALIDATION_PAUSE_MAX_MS;
	return retry_backoff(o->push->tries, s->backoff_min_ms, most, rand_u64());
}

/* What Retry-After says; 0: it is not there. */
static uint64_t outcome_asked_ms(const struct push_answer *answer)
{
	uint64_t seconds = 0;

	if (!answer->retry_after[0] ||
		retry_after(strv_cstr(answer->retry_after), clock_wall(), &seconds) != RC_OK)
		return 0;
	return seconds * 1000;
}

static void outcome_pause(struct outcome *o)
{
	uint64_t ms = outcome_asked_ms(o->answer);

	if (ms == 0)
		ms = outcome_backoff(o);
	atomic_fetch_add(&o->webpush->failed, 1);
	o->push->tries++;
	outcome_again(o, ms, false);
}

/*
 * A push service that can't be reached costs an ordinary push no try: it waits until its service can be asked again, as long
 * as it is worth sending.
 */
static void outcome_failed(struct outcome *o)
{
	struct webpush *webpush = o->webpush;
	struct push *push = o->push;
	uint64_t ms = outcome_backoff(o);

	log_info(webpush->log, "push failed account=%s id=%s origin=%s status=%u error=%s",
		store_account_shown(webpush->store, push->account), LOG_V(strv_cstr(push->subscription)),
		o->origin, o->answer->status, LOG_V(strv_cstr(o->answer->error)));
	atomic_fetch_add(&webpush->failed, 1);
	if (push->kind == PUSH_DEVICE) {
		ms = retry_device(++push->tries) * 1000;
		if (ms == 0)
			push->expires = 0;
	} else {
		books_failed(webpush->books, push);
		if (push->kind == PUSH_MESSAGE && o->answer->status == 0 && !o->answer->reached)
			ms = 0;
		else
			push->tries++;
	}
	outcome_again(o, ms, false);
}

/* Not asked at all: every address of the host is a forbidden one. */
static void outcome_forbidden(struct outcome *o)
{
	struct webpush *webpush = o->webpush;
	struct push *push = o->push;

	log_warn(webpush->log,
		"push subscription dropped: its host has no public address account=%s id=%s origin=%s",
		store_account_shown(webpush->store, push->account), LOG_V(strv_cstr(push->subscription)),
		o->origin);
	atomic_fetch_add(&webpush->refused, 1);
	if (push->kind != PUSH_DEVICE) {
		upkeep_submit(webpush, UPKEEP_GONE, push->account, push->subscription, push->endpoint);
		queue_forget_subscription(webpush, push->account, push->subscription);
	}
	queue_finish(webpush, push);
}

/* What coidctl is told; the state of the push service as it was when the test was sent. */
static void outcome_test(struct outcome *o, struct strv state)
{
	const struct push_answer *answer = o->answer;
	struct buf text;

	buf_init(&text, 1024);
	if (answer->status)
		buf_printf(&text, "%u in %llu ms", answer->status, (unsigned long long)answer->ms);
	else if (answer->refused)
		buf_adds(&text, "refused: the host has no public address");
	else
		buf_printf(&text, "no answer in %llu ms: %s", (unsigned long long)answer->ms, answer->error);
	buf_addv(&text, state);
	buf_addc(&text, '\0');
	queue_test_answer(o->push, text.p, answer->status >= 200 && answer->status < 300);
	buf_fini(&text);
	push_free(&o->push);
}

static void outcome_act(struct outcome *o)
{
	enum retry_verdict verdict = o->push->kind == PUSH_DEVICE ? retry_verdict_device(o->answer->status)
								  : retry_verdict(o->answer->status);

	switch (verdict) {
	case RETRY_DONE:
		outcome_done(o);
		break;
	case RETRY_DROP:
		outcome_refused(o);
		break;
	case RETRY_GONE:
		outcome_gone(o);
		break;
	case RETRY_SHRINK:
		outcome_too_large(o);
		break;
	case RETRY_WAIT:
		outcome_pause(o);
		break;
	case RETRY_LATER:
		outcome_failed(o);
		break;
	}
}

/* What it says about the endpoint and its push service. All device tokens share one endpoint: an answer is an answer. */
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

void outcome_answered(struct webpush *webpush, struct push *push, const struct push_answer *answer)
{
	struct outcome o = { .webpush = webpush, .push = push, .answer = answer };
	struct buf state;

	buf_init(&state, 256);
	snprintf(o.origin, sizeof(o.origin), "%s", origin_name(push));
	if (push->kind == PUSH_TEST)
		origin_describe(push, clock_mono_ms(), &state);
	log_debug(webpush->log, "push answered origin=%s status=%u ms=%llu", o.origin, answer->status,
		(unsigned long long)answer->ms);
	uint64_t pause = outcome_asked_ms(answer);
	if (pause == 0 && answer->status == 429)
		pause = outcome_backoff(&o);
	origins_end(webpush->origins, push, outcome_event(push, answer), pause, clock_mono_ms(), rand_u64());
	if (push->kind == PUSH_TEST)
		outcome_test(&o, buf_strv(&state));
	else if (answer->refused)
		outcome_forbidden(&o);
	else
		outcome_act(&o);
	buf_fini(&state);
	queue_show(webpush);
	queue_pump_soon(webpush);
}
