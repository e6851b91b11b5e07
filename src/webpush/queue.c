/*
 * Pushes that wait: in memory, and in push.db so that they survive a restart. origin.c decides whose turn it is, http.c sends,
 * outcome.c reads the answer. Everything is bounded; what does not fit costs the oldest of whom has most.
 */
#include "webpush/webpush_priv.h"

#include "base/clock.h"
#include "base/mem.h"

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

void queue_show(struct webpush *webpush)
{
	atomic_store(&webpush->shown_waiting, origins_waiting(webpush->origins));
	atomic_store(&webpush->shown_active, origins_active(webpush->origins));
}

void queue_test_answer(struct push *push, const char *text, bool ok)
{
	struct webpush_test *test = push->test;

	buf_printf(&test->out, "%s: %s\n", push->subscription, text);
	test->failed += ok ? 0 : 1;
	if (--test->left == 0) {
		test->rc = RC_OK;
		reactor_post(test->home, &test->msg);
	}
}

/* Waiting. */

static void queue_unlink(struct webpush *webpush, struct push *push)
{
	list_remove(&push->in_all);
	origins_leave(webpush->origins, push);
}

void queue_finish(struct webpush *webpush, struct push *push)
{
	books_remove(webpush->books, push);
	push_free(&push);
}

/* It is not sent. `why` is for whoever waits for a test. */
static void queue_drop(struct webpush *webpush, struct push *push, const char *why)
{
	if (push->kind == PUSH_TEST)
		queue_test_answer(push, why, false);
	queue_finish(webpush, push);
}

/* Too many: the oldest of whom has most goes, which may be the one that has just come back. */
static void queue_trim(struct webpush *webpush, const struct push *push)
{
	struct push *victim = NULL;

	if (origin_waiting(push) > webpush->settings.queue_per_origin)
		victim = origin_victim(push);
	else if (origins_waiting(webpush->origins) > webpush->settings.queue_max)
		victim = origins_victim(webpush->origins);
	if (!victim)
		return;
	log_debug(webpush->log, "push dropped: the queue is full origin=%s", origin_name(victim));
	atomic_fetch_add(&webpush->dropped, 1);
	queue_unlink(webpush, victim);
	queue_drop(webpush, victim, "dropped: the queue is full");
}

static void queue_pump(void *arg);

static void queue_pump_deferred(void *arg)
{
	struct webpush *webpush = arg;

	webpush->pump_deferred = false;
	queue_pump(webpush);
}

void queue_pump_soon(struct webpush *webpush)
{
	if (webpush->pump_deferred)
		return;
	webpush->pump_deferred = true;
	reactor_defer(webpush->reactor, queue_pump_deferred, webpush);
}

static const char *queue_origin_of(
	struct webpush *webpush, const struct push *push, struct endpoint *endpoint)
{
	const char *why;

	if (push->kind == PUSH_DEVICE)
		return webpush->notifier_origin;
	if (endpoint_parse(strv_cstr(push->endpoint), webpush->settings.allow_private, endpoint, &why) ==
		RC_OK)
		return endpoint->origin;
	return NULL;
}

/* Allowed when it was registered, but no more. */
static void queue_forbid(struct webpush *webpush, struct push *push)
{
	log_warn(webpush->log, "push dropped: its endpoint is not allowed account=%s id=%s",
		store_account_shown(webpush->store, push->account), LOG_V(strv_cstr(push->subscription)));
	if (push->kind != PUSH_TEST)
		upkeep_submit(webpush, UPKEEP_GONE, push->account, push->subscription, push->endpoint);
	queue_drop(webpush, push, "refused: the endpoint is not allowed");
}

void queue_wait(struct webpush *webpush, struct push *push)
{
	struct endpoint endpoint;
	const char *name = queue_origin_of(webpush, push, &endpoint);

	if (!name || !name[0]) {
		queue_forbid(webpush, push);
		return;
	}
	list_append(&webpush->all, &push->in_all);
	origins_enter(webpush->origins, name, push);
	queue_trim(webpush, push);
	queue_show(webpush);
	queue_pump_soon(webpush);
}

/* Sending. */

/* Why a push whose turn has come is not sent; NULL: it is. */
static const char *queue_void(struct webpush *webpush, const struct push *push, struct strv key)
{
	if (push->vapid[0] && !strv_eq(strv_cstr(push->vapid), key))
		return "dropped: the server has a new key";
	if (push->expires > clock_wall())
		return NULL;
	log_debug(webpush->log, "push dropped: it waited too long origin=%s", origin_name(push));
	atomic_fetch_add(&webpush->expired, 1);
	return "dropped: it waited too long";
}

static void queue_pump(void *arg)
{
	struct webpush *webpush = arg;
	uint64_t now = clock_mono_ms();
	uint64_t wake = UINT64_MAX;
	struct push *push;

	if (atomic_load(&webpush->stopping) || !webpush->http)
		return;
	struct vapid_key *key = webpush_vapid(webpush);
	while ((push = origins_next(webpush->origins, now, &wake))) {
		list_remove(&push->in_all);
		const char *why = queue_void(webpush, push, vapid_key_id(key));
		if (!why) {
			http_start(webpush->http, push);
			continue;
		}
		origins_end(webpush->origins, push, ORIGIN_DROPPED, 0, now, 0);
		queue_drop(webpush, push, why);
	}
	vapid_key_unref(&key);
	queue_show(webpush);
	if (wake != UINT64_MAX)
		timer_set(&webpush->pump_timer, wake > now ? wake - now : 1);
}

/* Coming in. */

struct adding {
	struct pushq_job job; /* first */
	struct list_node node; /* webpush->adding */
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
			.vapid = strv_cstr(push->vapid),
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

static void add_one(struct webpush *webpush, struct push *push)
{
	if (webpush->closed) {
		push_free(&push);
		return;
	}
	if (push->forgotten) {
		queue_finish(webpush, push);
		return;
	}
	if (push->kind == PUSH_VALIDATION)
		expiry_restore(webpush, push->account, push->subscription, push->endpoint,
			clock_wall() + (int64_t)webpush->settings.validation_max_s);
	queue_wait(webpush, push);
}

static void add_done(struct pushq_job *job)
{
	struct adding *adding = (struct adding *)(void *)job;
	struct webpush *webpush = adding->webpush;

	if (job->rc != RC_OK)
		log_warn(webpush->log, "pushes not kept in push.db, sent from memory error=%s",
			rc_name(job->rc));
	list_remove(&adding->node);
	for (size_t i = 0; i < adding->count; i++) {
		if (job->rc != RC_OK)
			adding->pushes[i]->id = 0;
		add_one(webpush, adding->pushes[i]);
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
	list_append(&webpush->adding, &adding->node);
	pushq_submit(webpush->store, &adding->job);
}

/* Forgetting. */

/* Which pushes are void. */
struct queue_scope {
	int64_t account; /* 0: of every account, as far as `keys` says */
	const char *subscription; /* NULL: of every subscription */
	const char *
		keys; /* this key has been replaced by another: what was made for any other is void. NULL: no matter */
};

static bool queue_in_scope(const struct push *push, const struct queue_scope *scope)
{
	if (scope->keys)
		return push->vapid[0] && strcmp(push->vapid, scope->keys) != 0;
	return push->account == scope->account &&
	       (!scope->subscription || strcmp(push->subscription, scope->subscription) == 0);
}

static bool queue_is_void(void *arg, const struct push *push)
{
	return queue_in_scope(push, arg);
}

/* In the air, but for nobody. */
static void queue_drop_active(struct webpush *webpush, struct push *push)
{
	origins_end(webpush->origins, push, ORIGIN_DROPPED, 0, clock_mono_ms(), 0);
	queue_drop(webpush, push, "dropped: the subscription is gone");
	queue_pump_soon(webpush);
}

/* What waits, what is in the air, and what is on its way into push.db. */
static void queue_forget_scope(struct webpush *webpush, struct queue_scope *scope)
{
	LIST_EACH_SAFE (node, &webpush->all) {
		struct push *push = CONTAINER_OF(node, struct push, in_all);
		if (!queue_in_scope(push, scope))
			continue;
		queue_unlink(webpush, push);
		queue_drop(webpush, push, "dropped: the subscription is gone");
	}
	LIST_EACH (node, &webpush->adding) {
		struct adding *adding = CONTAINER_OF(node, struct adding, node);
		for (size_t i = 0; i < adding->count; i++)
			adding->pushes[i]->forgotten =
				adding->pushes[i]->forgotten || queue_in_scope(adding->pushes[i], scope);
	}
	if (webpush->http)
		http_drop_if(webpush->http, queue_is_void, scope, queue_drop_active);
	queue_show(webpush);
}

void queue_forget(struct webpush *webpush, int64_t account)
{
	struct queue_scope scope = { .account = account };

	if (webpush->closed)
		return;
	queue_forget_scope(webpush, &scope);
	books_remove_of(webpush->books, account, "");
}

void queue_forget_subscription(struct webpush *webpush, int64_t account, const char *subscription)
{
	struct queue_scope scope = { .account = account, .subscription = subscription };

	if (webpush->closed)
		return;
	queue_forget_scope(webpush, &scope);
	books_remove_of(webpush->books, account, subscription);
	/* Before whatever is added for it next. */
	books_flush(webpush->books);
}

void queue_forget_keys(struct webpush *webpush)
{
	struct vapid_key *key = webpush_vapid(webpush);
	struct queue_scope scope = { .keys = vapid_key_id(key).p };

	if (!webpush->closed)
		queue_forget_scope(webpush, &scope);
	vapid_key_unref(&key);
}

/* Start and end. */

void queue_init(struct webpush *webpush)
{
	list_init(&webpush->all);
	list_init(&webpush->adding);
	webpush->origins = origins_new(&webpush->settings);
	timer_init(&webpush->pump_timer, webpush->reactor, queue_pump, webpush);
	expiry_init(webpush);
	owed_init(webpush);
	webpush->books = books_new(webpush);
	webpush->tokens = vapid_cache_new();
}

/* What is in the air goes back: it will be sent once more. */
static void queue_ground(struct webpush *webpush, struct push *push)
{
	origins_end(webpush->origins, push, ORIGIN_DROPPED, 0, clock_mono_ms(), 0);
	if (push->kind == PUSH_TEST)
		queue_test_answer(push, "not sent: the server stops", false);
	push_free(&push);
}

static bool queue_any(void *arg, const struct push *push)
{
	(void)arg;
	(void)push;
	return true;
}

void queue_stop(struct webpush *webpush)
{
	timer_cancel(&webpush->pump_timer);
	timer_cancel(&webpush->expiry_timer);
	if (webpush->http)
		http_drop_if(webpush->http, queue_any, NULL, queue_ground);
	LIST_EACH_SAFE (node, &webpush->all) {
		struct push *push = CONTAINER_OF(node, struct push, in_all);
		if (push->kind != PUSH_TEST)
			continue;
		queue_unlink(webpush, push);
		queue_drop(webpush, push, "not sent: the server stops");
	}
	books_flush(webpush->books);
	owed_stop(webpush);
}

void queue_fini(struct webpush *webpush)
{
	LIST_EACH_SAFE (node, &webpush->all) {
		struct push *push = CONTAINER_OF(node, struct push, in_all);
		queue_unlink(webpush, push);
		push_free(&push);
	}
	origins_free(&webpush->origins);
	expiry_fini(webpush);
	owed_fini(webpush);
	start_free(webpush);
	books_free(&webpush->books);
	vapid_cache_free(&webpush->tokens);
	timer_fini(&webpush->pump_timer);
}
