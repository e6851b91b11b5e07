/*
 * Pushes that wait, by origin. Origins take turns, so that none waits for another; an origin that does not answer is asked by
 * one request at a time, with growing pauses. Everything is bounded; what does not fit costs the oldest.
 */
#include "webpush/webpush_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "webpush/retry.h"

#include <stdlib.h>

void push_free(struct push **push)
{
	struct push *p = *push;

	if (!p)
		return;
	*push = NULL;
	free(p->subscription);
	free(p->endpoint);
	free(p->from);
	if (p->plain)
		mem_wipe(p->plain, p->plain_n);
	free(p->plain);
	mem_wipe(&p->receiver, sizeof(p->receiver));
	free(p);
}

static void show(struct webpush *webpush)
{
	atomic_store(&webpush->shown_waiting, webpush->count);
	atomic_store(&webpush->shown_active, webpush->active);
}

/* Origins. */

static struct origin *origin_get(struct webpush *webpush, const char *name)
{
	struct origin *origin = NULL;

	HASH_FIND(hh, webpush->origins, name, strlen(name), origin);
	if (!origin) {
		origin = mem_zalloc(sizeof(*origin));
		origin->name = mem_strdup(name);
		list_init(&origin->waiting);
		HASH_ADD_KEYPTR(hh, webpush->origins, origin->name, strlen(origin->name), origin);
		list_append(&webpush->origins_turn, &origin->in_turn);
	}
	return origin;
}

static void origin_free(struct webpush *webpush, struct origin *origin)
{
	HASH_DEL(webpush->origins, origin);
	list_remove(&origin->in_turn);
	free(origin->name);
	free(origin);
}

/* Forgotten when nothing has to be remembered of it. */
static bool origin_release(struct webpush *webpush, struct origin *origin, uint64_t now)
{
	if (origin->count > 0 || origin->active > 0 || (origin->failures > 0 && origin->not_before > now))
		return false;
	origin_free(webpush, origin);
	return true;
}

/* Pauses. */

static void pause_free(struct webpush *webpush, struct pause *pause)
{
	HASH_DEL(webpush->pauses, pause);
	free(pause->endpoint);
	free(pause);
}

static void pauses_sweep(struct webpush *webpush, uint64_t now)
{
	struct pause *pause;
	struct pause *next;

	HASH_ITER (hh, webpush->pauses, pause, next) {
		if (pause->until <= now)
			pause_free(webpush, pause);
	}
}

static void pause_set(struct webpush *webpush, const char *endpoint, uint64_t until)
{
	struct pause *pause = NULL;

	if (HASH_COUNT(webpush->pauses) >= webpush->settings.queue_max)
		pauses_sweep(webpush, clock_mono_ms());
	if (HASH_COUNT(webpush->pauses) >= webpush->settings.queue_max)
		return;
	HASH_FIND(hh, webpush->pauses, endpoint, strlen(endpoint), pause);
	if (!pause) {
		pause = mem_zalloc(sizeof(*pause));
		pause->endpoint = mem_strdup(endpoint);
		HASH_ADD_KEYPTR(hh, webpush->pauses, pause->endpoint, strlen(pause->endpoint), pause);
	}
	pause->until = until;
}

static uint64_t pause_until(struct webpush *webpush, const char *endpoint)
{
	struct pause *pause = NULL;

	HASH_FIND(hh, webpush->pauses, endpoint, strlen(endpoint), pause);
	if (pause && pause->until <= clock_mono_ms()) {
		pause_free(webpush, pause);
		pause = NULL;
	}
	return pause ? pause->until : 0;
}

/* Waiting. */

static void test_answer(struct push *push, const char *text, bool ok)
{
	struct webpush_test *test = push->test;

	buf_printf(&test->out, "%s: %s\n", push->subscription, text);
	test->failed += ok ? 0 : 1;
	if (--test->left == 0) {
		test->rc = RC_OK;
		reactor_post(test->home, &test->msg);
	}
}

/* Takes it out of the queue. */
static void unlink_push(struct webpush *webpush, struct push *push)
{
	list_remove(&push->in_origin);
	list_remove(&push->in_all);
	push->origin->count--;
	webpush->count--;
}

/* The end of a push that is not waiting. */
static void finish(struct webpush *webpush, struct push *push)
{
	books_remove(webpush->books, push->id);
	push_free(&push);
}

static void drop_waiting(struct webpush *webpush, struct push *push)
{
	unlink_push(webpush, push);
	if (push->kind == PUSH_TEST)
		test_answer(push, "dropped: the queue is full", false);
	finish(webpush, push);
}

/* Too many: the oldest goes, which may be the one that has just come back. */
static void trim(struct webpush *webpush, struct origin *origin)
{
	struct push *oldest = NULL;

	if (origin->count > webpush->settings.queue_per_origin) {
		LIST_EACH (node, &webpush->all) {
			oldest = CONTAINER_OF(node, struct push, in_all);
			if (oldest->origin == origin)
				break;
		}
	} else if (webpush->count > webpush->settings.queue_max) {
		oldest = CONTAINER_OF(list_first(&webpush->all), struct push, in_all);
	}
	if (!oldest)
		return;
	log_debug(webpush->log, "push dropped: the queue is full origin=%s", oldest->origin->name);
	atomic_fetch_add(&webpush->dropped, 1);
	drop_waiting(webpush, oldest);
}

/* Rows of push.db are numbered in their order; what has no row is new. */
static void by_age(struct webpush *webpush, struct push *push)
{
	struct list_node *node = webpush->all.head.prev;

	while (push->id && node != &webpush->all.head &&
		CONTAINER_OF(node, struct push, in_all)->id > push->id)
		node = node->prev;
	list_insert_before(node->next, &push->in_all);
}

static void by_due(struct origin *origin, struct push *push)
{
	struct list_node *node = origin->waiting.head.prev;

	while (node != &origin->waiting.head && CONTAINER_OF(node, struct push, in_origin)->due > push->due)
		node = node->prev;
	list_insert_before(node->next, &push->in_origin);
}

static void pump(void *arg);

static void pump_deferred(void *arg)
{
	struct webpush *webpush = arg;

	webpush->pump_deferred = false;
	pump(webpush);
}

static void pump_soon(struct webpush *webpush)
{
	if (webpush->pump_deferred)
		return;
	webpush->pump_deferred = true;
	reactor_defer(webpush->reactor, pump_deferred, webpush);
}

static const char *origin_name(struct webpush *webpush, const struct push *push, struct endpoint *endpoint)
{
	const char *why;

	if (push->kind == PUSH_DEVICE)
		return webpush->notifier_origin;
	if (endpoint_parse(strv_cstr(push->endpoint), webpush->settings.allow_private, endpoint, &why) ==
		RC_OK)
		return endpoint->origin;
	return NULL;
}

void queue_wait(struct webpush *webpush, struct push *push)
{
	struct endpoint endpoint;
	const char *name = origin_name(webpush, push, &endpoint);

	if (!name || !name[0]) {
		/* Allowed when it was registered, but no more. */
		log_warn(webpush->log, "push dropped: its endpoint is not allowed account=%lld id=%s",
			(long long)push->account, LOG_V(strv_cstr(push->subscription)));
		if (push->kind == PUSH_TEST)
			test_answer(push, "refused: the endpoint is not allowed", false);
		else
			upkeep_submit(
				webpush, UPKEEP_GONE, push->account, push->subscription, push->endpoint);
		finish(webpush, push);
		return;
	}
	struct origin *origin = origin_get(webpush, name);
	if (push->kind != PUSH_DEVICE && push->kind != PUSH_TEST) {
		uint64_t until = pause_until(webpush, push->endpoint);
		push->due = push->due > until ? push->due : until;
	}
	push->origin = origin;
	by_due(origin, push);
	by_age(webpush, push);
	origin->count++;
	webpush->count++;
	trim(webpush, origin);
	show(webpush);
	pump_soon(webpush);
}

static bool expired(struct webpush *webpush, struct push *push)
{
	if (push->expires > clock_wall())
		return false;
	log_debug(webpush->log, "push dropped: it waited too long origin=%s", push->origin->name);
	atomic_fetch_add(&webpush->expired, 1);
	drop_waiting(webpush, push);
	return true;
}

/* The next push of this origin that may go now; else *wake is when to look again, if that is sooner. */
static struct push *next_of(struct webpush *webpush, struct origin *origin, uint64_t now, uint64_t *wake)
{
	unsigned limit = origin->failures > 0 ? 1 : webpush->settings.parallel_per_origin;

	while (origin->active < limit && !list_empty(&origin->waiting)) {
		struct push *push = CONTAINER_OF(list_first(&origin->waiting), struct push, in_origin);
		uint64_t due = push->due;
		if (push->kind != PUSH_TEST && origin->not_before > due)
			due = origin->not_before;
		if (due > now) {
			*wake = due < *wake ? due : *wake;
			return NULL;
		}
		if (!expired(webpush, push))
			return push;
	}
	return NULL;
}

static bool serve(struct webpush *webpush, uint64_t now, uint64_t *wake)
{
	bool served = false;

	LIST_EACH_SAFE (node, &webpush->origins_turn) {
		struct origin *origin = CONTAINER_OF(node, struct origin, in_turn);
		if (webpush->active >= webpush->settings.parallel_max)
			return false;
		struct push *push = next_of(webpush, origin, now, wake);
		if (!push) {
			origin_release(webpush, origin, now);
			continue;
		}
		unlink_push(webpush, push);
		origin->active++;
		webpush->active++;
		served = true;
		http_start(webpush->http, push);
	}
	return served;
}

static void pump(void *arg)
{
	struct webpush *webpush = arg;
	uint64_t now = clock_mono_ms();
	uint64_t wake = UINT64_MAX;

	if (atomic_load(&webpush->stopping) || !webpush->http)
		return;
	while (serve(webpush, now, &wake))
		;
	/* Whose turn it was first is last next time. */
	struct list_node *first = list_pop(&webpush->origins_turn);
	if (first)
		list_append(&webpush->origins_turn, first);
	show(webpush);
	if (wake != UINT64_MAX)
		timer_set(&webpush->pump_timer, wake > now ? wake - now : 1);
}

/* Coming in. */

struct adding {
	struct pushq_job job; /* first */
	struct webpush *webpush;
	struct push **pushes; /* own */
	size_t count;
	struct owed *owed; /* own; may be NULL */
};

/* What is not a message has to be remembered beside its push. */
static enum rc add_beside(struct webpush *webpush, struct pushq *pushq, const struct push *push, int64_t wall)
{
	enum rc rc = pushq_subscriber(pushq, push->account, true);

	if (rc == RC_OK && push->kind == PUSH_VALIDATION)
		rc = pushq_expiry(pushq, push->account, strv_cstr(push->subscription),
			strv_cstr(push->endpoint), wall + (int64_t)webpush->settings.validation_max_s);
	return rc;
}

static enum rc add_run(struct pushq *pushq, struct pushq_job *job)
{
	struct adding *adding = (struct adding *)(void *)job;
	int64_t wall = clock_wall();
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < adding->count; i++) {
		struct push *push = adding->pushes[i];
		struct push_record record = {
			.account = push->account,
			.kind = push->kind,
			.flags = push->flags,
			.subscription = strv_cstr(push->subscription),
			.endpoint = strv_cstr(push->endpoint),
			.keys = strv_make(&push->receiver, sizeof(push->receiver)),
			.plain = strv_make(push->plain, push->plain_n),
			.created = push->created,
			.expires = push->expires,
			.due = wall,
			.mailbox = push->mailbox,
			.uid = push->uid,
		};
		rc = pushq_add(pushq, &record, &push->id);
		if (rc == RC_OK && (i == 0 || push->kind == PUSH_VALIDATION))
			rc = add_beside(adding->webpush, pushq, push, wall);
	}
	return rc;
}

static void add_done(struct pushq_job *job)
{
	struct adding *adding = (struct adding *)(void *)job;
	struct webpush *webpush = adding->webpush;

	if (job->rc != RC_OK)
		log_warn(webpush->log, "pushes not kept in push.db, sent from memory error=%s",
			rc_name(job->rc));
	for (size_t i = 0; i < adding->count; i++) {
		struct push *push = adding->pushes[i];
		if (job->rc != RC_OK)
			push->id = 0;
		if (push->kind == PUSH_VALIDATION && !webpush->closed)
			expiry_restore(webpush, push->account, push->subscription, push->endpoint,
				clock_wall() + (int64_t)webpush->settings.validation_max_s);
		if (webpush->closed)
			push_free(&push);
		else
			queue_wait(webpush, push);
	}
	if (job->rc == RC_OK && adding->owed)
		owed_settle(&adding->owed);
	owed_lose(&adding->owed);
	free(adding->pushes);
	free(adding);
	webpush_pending_sub(webpush);
}

/* All pushes are of one account. A validation is synced: whoever has a subscription is listed before anything is owed to it. */
void queue_add(struct webpush *webpush, struct push **pushes, size_t count, struct owed *owed)
{
	struct adding *adding = mem_zalloc(sizeof(*adding));

	webpush_pending_add(webpush);
	adding->webpush = webpush;
	adding->pushes = pushes;
	adding->count = count;
	adding->owed = owed;
	adding->job = (struct pushq_job){ .write = true,
		.sync = count > 0 && pushes[0]->kind == PUSH_VALIDATION,
		.run = add_run,
		.done = add_done,
		.home = webpush->reactor };
	pushq_submit(webpush->store, &adding->job);
}

/* Answers. */

/* In the air, but for nobody. */
static void drop_void(struct webpush *webpush, struct push *push)
{
	push->origin->active--;
	webpush->active--;
	if (push->kind == PUSH_TEST)
		test_answer(push, "dropped: the subscription is gone", false);
	push_free(&push);
	pump_soon(webpush);
}

/* Everything that waits for the subscription, or is in the air. */
static void drop_all_of(struct webpush *webpush, int64_t account, const char *subscription)
{
	LIST_EACH_SAFE (node, &webpush->all) {
		struct push *push = CONTAINER_OF(node, struct push, in_all);
		if (push->account == account &&
			(!subscription || strcmp(push->subscription, subscription) == 0)) {
			unlink_push(webpush, push);
			if (push->kind == PUSH_TEST)
				test_answer(push, "dropped: the subscription is gone", false);
			push_free(&push);
		}
	}
	if (webpush->http)
		http_drop_of(webpush->http, account, subscription, drop_void);
	books_remove_of(webpush->books, account, subscription ? subscription : "");
}

void queue_forget(struct webpush *webpush, int64_t account)
{
	if (!webpush->closed)
		drop_all_of(webpush, account, NULL);
}

void queue_forget_subscription(struct webpush *webpush, int64_t account, const char *subscription)
{
	if (webpush->closed)
		return;
	drop_all_of(webpush, account, subscription);
	/* Before whatever is added for it next. */
	books_flush(webpush->books);
}

static void on_done(struct webpush *webpush, struct push *push)
{
	atomic_fetch_add(&webpush->sent, 1);
	if (push->kind != PUSH_DEVICE)
		books_worked(webpush->books, push);
	if (push->kind == PUSH_VALIDATION) {
		upkeep_submit(webpush, UPKEEP_ACCEPTED, push->account, push->subscription, push->endpoint);
		expiry_watch(webpush, push, webpush->settings.validation_window_s);
	}
	finish(webpush, push);
}

static void on_gone(struct webpush *webpush, struct push *push)
{
	bool device = push->kind == PUSH_DEVICE;

	log_info(webpush->log,
		"push subscription dropped: the push service does not know it account=%lld id=%s",
		(long long)push->account, LOG_V(strv_cstr(push->subscription)));
	atomic_fetch_add(&webpush->unsubscribed, 1);
	upkeep_submit(webpush, device ? UPKEEP_DEVICE_GONE : UPKEEP_GONE, push->account, push->subscription,
		push->endpoint);
	drop_all_of(webpush, push->account, push->subscription);
	finish(webpush, push);
}

static void on_refused(struct webpush *webpush, struct push *push, unsigned status)
{
	log_warn(webpush->log, "push refused account=%lld id=%s origin=%s status=%u",
		(long long)push->account, LOG_V(strv_cstr(push->subscription)), push->origin->name, status);
	atomic_fetch_add(&webpush->refused, 1);
	books_failed(webpush->books, push);
	finish(webpush, push);
}

/* Back into the queue after `ms`, unless it would be too late. */
static void again(struct webpush *webpush, struct push *push, uint64_t ms, bool changed)
{
	int64_t due = clock_wall() + (int64_t)((ms + 999) / 1000);

	if (due >= push->expires ||
		(push->kind != PUSH_DEVICE && push->tries >= webpush->settings.tries_max)) {
		log_info(webpush->log, "push given up account=%lld id=%s origin=%s tries=%u",
			(long long)push->account, LOG_V(strv_cstr(push->subscription)), push->origin->name,
			push->tries);
		atomic_fetch_add(&webpush->expired, 1);
		finish(webpush, push);
		return;
	}
	push->due = clock_mono_ms() + ms;
	books_delay(webpush->books, push, due, changed);
	queue_wait(webpush, push);
}

static void on_too_large(struct webpush *webpush, struct push *push)
{
	struct buf smaller;

	buf_init(&smaller, PAYLOAD_MAX);
	bool once = !(push->flags & PUSH_SHRUNK) && push->kind == PUSH_MESSAGE &&
		    payload_shrink(strv_make(push->plain, push->plain_n), &smaller) == RC_OK;
	if (once) {
		free(push->plain);
		push->plain = mem_strndup(smaller.p, smaller.len);
		push->plain_n = smaller.len;
		push->flags |= PUSH_SHRUNK;
		again(webpush, push, 0, true);
	} else {
		on_refused(webpush, push, 413);
	}
	buf_fini(&smaller);
}

/* 429 concerns the endpoint, 503 the whole push service. */
static void on_pause(struct webpush *webpush, struct push *push, const struct push_answer *answer)
{
	const struct webpush_settings *settings = &webpush->settings;
	uint64_t seconds = 0;
	uint64_t ms =
		retry_backoff(push->tries, settings->backoff_min_ms, settings->backoff_max_ms, rand_u64());

	if (answer->retry_after[0] &&
		retry_after(strv_cstr(answer->retry_after), clock_wall(), &seconds) == RC_OK)
		ms = seconds * 1000;
	atomic_fetch_add(&webpush->failed, 1);
	push->tries++;
	if (answer->status == 503) {
		push->origin->not_before = clock_mono_ms() + ms;
	} else {
		pause_set(webpush, push->endpoint, clock_mono_ms() + ms);
		LIST_EACH_SAFE (node, &push->origin->waiting) {
			struct push *other = CONTAINER_OF(node, struct push, in_origin);
			if (strcmp(other->endpoint, push->endpoint) == 0 &&
				other->due < clock_mono_ms() + ms) {
				list_remove(&other->in_origin);
				other->due = clock_mono_ms() + ms;
				by_due(other->origin, other);
			}
		}
	}
	again(webpush, push, ms, false);
}

static void on_failed(struct webpush *webpush, struct push *push, const struct push_answer *answer)
{
	const struct webpush_settings *settings = &webpush->settings;
	uint64_t ms =
		retry_backoff(push->tries, settings->backoff_min_ms, settings->backoff_max_ms, rand_u64());

	log_info(webpush->log, "push failed account=%lld id=%s origin=%s status=%u error=%s",
		(long long)push->account, LOG_V(strv_cstr(push->subscription)), push->origin->name,
		answer->status, LOG_V(strv_cstr(answer->error)));
	atomic_fetch_add(&webpush->failed, 1);
	push->tries++;
	if (push->kind == PUSH_DEVICE) {
		ms = retry_device(push->tries) * 1000;
		if (ms == 0)
			push->expires = 0;
	} else {
		books_failed(webpush->books, push);
	}
	again(webpush, push, ms, false);
}

/* Not asked at all: every address of the host is a forbidden one. */
static void on_forbidden(struct webpush *webpush, struct push *push)
{
	log_warn(webpush->log,
		"push subscription dropped: its host has no public address account=%lld id=%s origin=%s",
		(long long)push->account, LOG_V(strv_cstr(push->subscription)), push->origin->name);
	atomic_fetch_add(&webpush->refused, 1);
	if (push->kind != PUSH_DEVICE) {
		upkeep_submit(webpush, UPKEEP_GONE, push->account, push->subscription, push->endpoint);
		drop_all_of(webpush, push->account, push->subscription);
	}
	finish(webpush, push);
}

static void note_health(struct webpush *webpush, struct origin *origin, const struct push_answer *answer)
{
	const struct webpush_settings *settings = &webpush->settings;

	if (answer->status != 0 || answer->refused) {
		origin->failures = 0;
		return;
	}
	origin->not_before = clock_mono_ms() + retry_backoff(origin->failures, settings->backoff_min_ms,
						       settings->backoff_max_ms, rand_u64());
	if (origin->failures < UINT32_MAX)
		origin->failures++;
}

static void answer_test(struct push *push, const struct push_answer *answer)
{
	struct buf text;

	buf_init(&text, 512);
	if (answer->status)
		buf_printf(&text, "%u in %llu ms", answer->status, (unsigned long long)answer->ms);
	else if (answer->refused)
		buf_adds(&text, "refused: the host has no public address");
	else
		buf_printf(&text, "no answer: %s", answer->error);
	buf_addc(&text, '\0');
	test_answer(push, text.p, answer->status >= 200 && answer->status < 300);
	buf_fini(&text);
}

static void act(struct webpush *webpush, struct push *push, const struct push_answer *answer)
{
	enum retry_verdict verdict = push->kind == PUSH_DEVICE ? retry_verdict_device(answer->status)
							       : retry_verdict(answer->status);

	switch (verdict) {
	case RETRY_DONE:
		on_done(webpush, push);
		break;
	case RETRY_DROP:
		on_refused(webpush, push, answer->status);
		break;
	case RETRY_GONE:
		on_gone(webpush, push);
		break;
	case RETRY_SHRINK:
		on_too_large(webpush, push);
		break;
	case RETRY_WAIT:
		on_pause(webpush, push, answer);
		break;
	case RETRY_LATER:
		on_failed(webpush, push, answer);
		break;
	}
}

void queue_answered(struct webpush *webpush, struct push *push, const struct push_answer *answer)
{
	struct origin *origin = push->origin;

	origin->active--;
	webpush->active--;
	note_health(webpush, origin, answer);
	log_debug(webpush->log, "push answered origin=%s status=%u ms=%llu", origin->name, answer->status,
		(unsigned long long)answer->ms);
	if (push->kind == PUSH_TEST) {
		answer_test(push, answer);
		push_free(&push);
	} else if (answer->refused) {
		on_forbidden(webpush, push);
	} else {
		act(webpush, push, answer);
	}
	show(webpush);
	pump_soon(webpush);
}

/* Start and end. */

void queue_init(struct webpush *webpush)
{
	list_init(&webpush->origins_turn);
	list_init(&webpush->all);
	timer_init(&webpush->pump_timer, webpush->reactor, pump, webpush);
	expiry_init(webpush);
	owed_init(webpush);
	webpush->books = books_new(webpush);
	webpush->tokens = vapid_cache_new();
}

/* What is in the air goes back: it will be sent once more. */
static void drop_active(struct webpush *webpush, struct push *push)
{
	push->origin->active--;
	webpush->active--;
	if (push->kind == PUSH_TEST)
		test_answer(push, "not sent: the server stops", false);
	push_free(&push);
}

void queue_stop(struct webpush *webpush)
{
	timer_cancel(&webpush->pump_timer);
	timer_cancel(&webpush->expiry_timer);
	if (webpush->http)
		http_drop_all(webpush->http, drop_active);
	LIST_EACH_SAFE (node, &webpush->all) {
		struct push *push = CONTAINER_OF(node, struct push, in_all);
		if (push->kind != PUSH_TEST)
			continue;
		unlink_push(webpush, push);
		test_answer(push, "not sent: the server stops", false);
		push_free(&push);
	}
	books_flush(webpush->books);
	owed_stop(webpush);
}

void queue_fini(struct webpush *webpush)
{
	struct origin *origin;
	struct origin *next;
	struct pause *pause;
	struct pause *next_pause;

	LIST_EACH_SAFE (node, &webpush->all) {
		struct push *push = CONTAINER_OF(node, struct push, in_all);
		unlink_push(webpush, push);
		push_free(&push);
	}
	HASH_ITER (hh, webpush->origins, origin, next)
		origin_free(webpush, origin);
	HASH_ITER (hh, webpush->pauses, pause, next_pause)
		pause_free(webpush, pause);
	expiry_fini(webpush);
	owed_fini(webpush);
	start_free(webpush);
	books_free(&webpush->books);
	vapid_cache_free(&webpush->tokens);
	timer_fini(&webpush->pump_timer);
}
