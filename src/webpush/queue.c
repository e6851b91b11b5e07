/*
 * Moves pushes: into push.db, into the waiting lists, to the HTTP client, and out of all of them when they
 * are void.
 */
#include "webpush/queue.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/pushq.h"
#include "webpush/core.h"
#include "webpush/endpoint.h"
#include "webpush/expiry.h"
#include "webpush/http.h"
#include "webpush/key.h"
#include "webpush/origin.h"
#include "webpush/owed.h"
#include "webpush/writeback.h"

#include <stdlib.h>
#include <string.h>

void queue_show(struct queue *queue)
{
	atomic_store(&queue->shown_waiting, origins_waiting(queue->origins));
	atomic_store(&queue->shown_active, origins_active(queue->origins));
}

/* Waiting. */

static void queue_unlink(struct queue *queue, struct push *push)
{
	list_remove(&push->in_all);
	origins_leave(queue->origins, push);
}

/*
 * If too many pushes wait, drops the oldest one of the endpoint with most of them, which may be the new one.
 */
static void queue_trim(struct queue *queue, const struct push *push)
{
	const struct webpush_settings *settings = queue->core->settings;
	struct push *victim = NULL;

	if (origin_waiting(push) > settings->queue_per_origin)
		victim = origin_victim(push);
	else if (origins_waiting(queue->origins) > settings->queue_max)
		victim = origins_victim(queue->origins);
	if (!victim)
		return;
	log_debug(queue->core->log, "push dropped: the queue is full origin=%s", origin_name(victim));
	queue_unlink(queue, victim);
	push_end(queue->parties, victim, PUSH_END_FULL);
}

static void queue_pump(void *arg);

static void queue_pump_deferred(void *arg)
{
	struct queue *queue = arg;

	queue->pump_deferred = false;
	queue_pump(queue);
}

void queue_pump_soon(struct queue *queue)
{
	if (queue->pump_deferred)
		return;
	queue->pump_deferred = true;
	reactor_defer(queue->core->reactor, queue_pump_deferred, queue);
}

/* The name of the push's origin, which may be in `endpoint`; NULL: no request may go there. */
static const char *queue_origin_of(
	const struct core *core, const struct push *push, struct endpoint *endpoint)
{
	const char *why;

	if (push->kind == PUSH_DEVICE)
		return core->notifier_origin[0] ? core->notifier_origin : NULL;
	if (endpoint_parse(strv_cstr(push->endpoint), core->settings->allow_private, endpoint, &why) == RC_OK)
		return endpoint->origin;
	return NULL;
}

void queue_wait(struct queue *queue, struct push *push)
{
	const struct core *core = queue->core;
	struct endpoint endpoint;
	const char *name = queue_origin_of(core, push, &endpoint);

	if (!name) {
		log_warn(core->log, "push dropped: its endpoint is not allowed account=%s id=%s",
			store_account_shown(core->store, push->account),
			LOG_V(strv_cstr(push->subscription)));
		push_end(queue->parties, push, PUSH_END_NOT_ALLOWED);
		return;
	}
	list_append(&queue->all, &push->in_all);
	origins_enter(queue->origins, name, push);
	queue_trim(queue, push);
	queue_show(queue);
	queue_pump_soon(queue);
}

/* Sending. */

/* Tells whether a push whose turn has come needs no request any more. */
static bool queue_is_over(
	const struct queue *queue, const struct push *push, struct strv key, enum push_outcome *ret_outcome)
{
	if (push->vapid[0] && !strv_eq(strv_cstr(push->vapid), key)) {
		*ret_outcome = PUSH_END_REKEYED;
		return true;
	}
	if (push->expires > clock_wall())
		return false;
	log_debug(queue->core->log, "push dropped: it waited too long origin=%s", origin_name(push));
	*ret_outcome = PUSH_END_LATE;
	return true;
}

static void queue_pump(void *arg)
{
	struct queue *queue = arg;
	uint64_t now = clock_mono_ms();
	uint64_t wake = UINT64_MAX;
	struct push *push;

	if (core_stopping(queue->core) || !queue->http)
		return;
	struct vapid_key *key = key_current(queue->key);
	while ((push = origins_next(queue->origins, now, &wake))) {
		enum push_outcome outcome;
		list_remove(&push->in_all);
		if (!queue_is_over(queue, push, vapid_key_id(key), &outcome)) {
			http_start(queue->http, push);
			continue;
		}
		origins_end(queue->origins, push, ORIGIN_DROPPED, 0, now, 0);
		push_end(queue->parties, push, outcome);
	}
	vapid_key_unref(&key);
	queue_show(queue);
	if (wake != UINT64_MAX)
		timer_set(&queue->timer, wake > now ? wake - now : 1);
}

/* Coming in. */

struct queue_adding {
	struct pushq_job job;
	struct list_node node; /* queue->adding */
	struct queue *queue; /* borrowed */
	struct push_list list; /* own, as the next one */
	struct owed_batch *batch; /* may be NULL */
};

/*
 * Writes further facts of a push into push.db: that the account must be opened after a crash, and when a
 * validation ends.
 */
static enum rc queue_add_beside(
	const struct core *core, struct pushq *pushq, const struct push *push, int64_t wall)
{
	enum rc rc = pushq_subscriber(pushq, push->account, true);

	if (rc == RC_OK && push->kind == PUSH_VALIDATION)
		rc = pushq_expiry(pushq, push->account, strv_cstr(push->subscription),
			strv_cstr(push->endpoint), wall + (int64_t)core->settings->validation_max_s);
	return rc;
}

static enum rc queue_add_run(struct pushq *pushq, struct pushq_job *job)
{
	struct queue_adding *adding = CONTAINER_OF(job, struct queue_adding, job);
	int64_t wall = clock_wall();
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < adding->list.n; i++) {
		struct push *push = adding->list.v[i];
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
			rc = queue_add_beside(adding->queue->core, pushq, push, wall);
	}
	return rc;
}

/* Lets the push wait, when it is in push.db or can't be written. */
static void queue_enter(struct queue *queue, struct push *push)
{
	const struct core *core = queue->core;

	if (core->closed) {
		push_free(&push);
		return;
	}
	if (push->forgotten) {
		push_end(queue->parties, push, PUSH_END_VOID);
		return;
	}
	if (push->kind == PUSH_VALIDATION)
		expiry_restore(queue->parties->expiry, push->account, push->subscription, push->endpoint,
			clock_wall() + (int64_t)core->settings->validation_max_s);
	queue_wait(queue, push);
}

static void queue_add_done(struct pushq_job *job)
{
	struct queue_adding *adding = CONTAINER_OF(job, struct queue_adding, job);
	struct queue *queue = adding->queue;
	struct core *core = queue->core;

	if (job->rc != RC_OK)
		log_warn(core->log, "pushes not kept in push.db, sent from memory rc=%s", rc_name(job->rc));
	list_remove(&adding->node);
	for (size_t i = 0; i < adding->list.n; i++) {
		struct push *push = adding->list.v[i];
		if (job->rc != RC_OK)
			push->id = 0;
		queue_enter(queue, push);
	}
	adding->list.n = 0;
	push_list_fini(&adding->list);
	if (job->rc == RC_OK && adding->batch)
		owed_settle(&adding->batch);
	owed_lose(&adding->batch);
	free(adding);
	core_pending_sub(core);
}

void queue_add(struct queue *queue, struct push_list *list, struct owed_batch *batch)
{
	struct queue_adding *adding = mem_zalloc(sizeof(*adding));

	core_pending_add(queue->core);
	adding->queue = queue;
	adding->list = *list;
	adding->batch = batch;
	adding->job = (struct pushq_job){ .write = true,
		.sync = list->v[0]->kind == PUSH_VALIDATION,
		.run = queue_add_run,
		.done = queue_add_done,
		.home = queue->core->reactor };
	*list = (struct push_list){ 0 };
	list_append(&queue->adding, &adding->node);
	pushq_submit(queue->core->store, &adding->job);
}

/* Forgetting. */

/* Selects the pushes that are void. */
struct queue_scope {
	int64_t account; /* 0: all accounts, as far as `keys` selects */
	const char *subscription; /* NULL: all subscriptions */
	/* The name of the present key: pushes for any other key are void. NULL: keys do not matter. */
	const char *keys;
};

static bool queue_in_scope(void *arg, const struct push *push)
{
	const struct queue_scope *scope = arg;

	if (scope->keys)
		return push->vapid[0] && strcmp(push->vapid, scope->keys) != 0;
	return push->account == scope->account &&
	       (!scope->subscription || strcmp(push->subscription, scope->subscription) == 0);
}

static void queue_drop_active(void *ctx, struct push *push)
{
	struct queue *queue = ctx;

	origins_end(queue->origins, push, ORIGIN_DROPPED, 0, clock_mono_ms(), 0);
	push_end(queue->parties, push, PUSH_END_VOID);
	queue_pump_soon(queue);
}

static void queue_forget_scope(struct queue *queue, struct queue_scope *scope)
{
	LIST_EACH_SAFE (node, &queue->all) {
		struct push *push = CONTAINER_OF(node, struct push, in_all);
		if (!queue_in_scope(scope, push))
			continue;
		queue_unlink(queue, push);
		push_end(queue->parties, push, PUSH_END_VOID);
	}
	LIST_EACH (node, &queue->adding) {
		struct queue_adding *adding = CONTAINER_OF(node, struct queue_adding, node);
		for (size_t i = 0; i < adding->list.n; i++)
			if (queue_in_scope(scope, adding->list.v[i]))
				adding->list.v[i]->forgotten = true;
	}
	if (queue->http)
		http_drop_if(queue->http, queue_in_scope, scope, queue_drop_active, queue);
	queue_show(queue);
}

void queue_forget(struct queue *queue, int64_t account)
{
	struct queue_scope scope = { .account = account };

	if (queue->core->closed)
		return;
	queue_forget_scope(queue, &scope);
	writeback_remove_of(queue->parties->writeback, account, "");
}

void queue_forget_subscription(struct queue *queue, int64_t account, const char *subscription)
{
	struct queue_scope scope = { .account = account, .subscription = subscription };

	if (queue->core->closed)
		return;
	queue_forget_scope(queue, &scope);
	writeback_remove_of(queue->parties->writeback, account, subscription);
	/* This must be written before anything that is added for the subscription next. */
	writeback_flush(queue->parties->writeback);
}

void queue_forget_keys(struct queue *queue)
{
	struct vapid_key *key = key_current(queue->key);
	struct queue_scope scope = { .keys = vapid_key_id(key).p };

	if (!queue->core->closed)
		queue_forget_scope(queue, &scope);
	vapid_key_unref(&key);
}

/* Start and end. */

void queue_init(struct queue *queue, struct core *core, struct push_parties *parties, struct server_key *key)
{
	*queue = (struct queue){ .core = core, .parties = parties, .key = key };
	list_init(&queue->all);
	list_init(&queue->adding);
	queue->origins = origins_new(core->settings);
	timer_init(&queue->timer, core->reactor, queue_pump, queue);
}

static void queue_ground(void *ctx, struct push *push)
{
	struct queue *queue = ctx;

	origins_end(queue->origins, push, ORIGIN_DROPPED, 0, clock_mono_ms(), 0);
	push_end(queue->parties, push, PUSH_END_STOPPED);
}

static bool queue_any(void *arg, const struct push *push)
{
	(void)arg;
	(void)push;
	return true;
}

void queue_stop(struct queue *queue)
{
	timer_cancel(&queue->timer);
	if (queue->http)
		http_drop_if(queue->http, queue_any, NULL, queue_ground, queue);
	LIST_EACH_SAFE (node, &queue->all) {
		struct push *push = CONTAINER_OF(node, struct push, in_all);
		if (!push->tell)
			continue;
		queue_unlink(queue, push);
		push_end(queue->parties, push, PUSH_END_STOPPED);
	}
}

void queue_fini(struct queue *queue)
{
	LIST_EACH_SAFE (node, &queue->all) {
		struct push *push = CONTAINER_OF(node, struct push, in_all);
		queue_unlink(queue, push);
		push_free(&push);
	}
	origins_free(&queue->origins);
	timer_fini(&queue->timer);
}
