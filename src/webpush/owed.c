/*
 * From an owed push to a kept one. A delivery notes in its own transaction that its message is owed pushes (store/push_owed.h);
 * when they are in push.db, and that is synced, the note is taken away: gathered over a second, so that many deliveries
 * share a sync and an account's notes a commit. What is given up on the way stays noted and is found at the next start,
 * which knows by the mark in push.db whether there is anything to find.
 */
#include "webpush/webpush_priv.h"

#include "base/mem.h"

#include <stdlib.h>

#define SETTLE_MS 1000
#define OWED_MAX 100000 /* deliveries that wait for a sync of push.db; more are given up */

/* Notes of one account that are taken away. */
struct clearing {
	struct job job; /* first */
	UT_hash_handle hh;
	int64_t account;
	struct webpush *webpush; /* borrowed */
	struct list owed;
};

struct syncing {
	struct pushq_job job; /* first */
	struct webpush *webpush; /* borrowed */
	struct list owed;
};

struct owed *owed_new(struct webpush *webpush, int64_t account, struct push_owed_row *rows, size_t count)
{
	struct owed *owed = mem_zalloc(sizeof(*owed));

	atomic_fetch_add(&webpush->owing, 1);
	webpush_pending_add(webpush);
	owed->webpush = webpush;
	owed->account = account;
	owed->rows = rows;
	owed->count = count;
	return owed;
}

/* The mark: everything is told. */

static enum rc clean_run(struct pushq *pushq, struct pushq_job *job)
{
	(void)job;
	return pushq_set_clean(pushq);
}

static void clean_done(struct pushq_job *job)
{
	struct syncing *syncing = (struct syncing *)(void *)job;

	webpush_pending_sub(syncing->webpush);
	free(syncing);
}

static void syncing_submit(struct webpush *webpush, struct syncing *syncing,
	enum rc (*run)(struct pushq *pushq, struct pushq_job *job), void (*done)(struct pushq_job *job))
{
	webpush_pending_add(webpush);
	syncing->webpush = webpush;
	syncing->job = (struct pushq_job){
		.write = true, .sync = true, .run = run, .done = done, .home = webpush->reactor
	};
	pushq_submit(webpush->store, &syncing->job);
}

static void tell_clean(struct webpush *webpush)
{
	if (!atomic_load(&webpush->stopping) || webpush->closed || webpush->clean_told || !webpush->running ||
		atomic_load(&webpush->owing) > 0 || atomic_load(&webpush->owed_lost))
		return;
	webpush->clean_told = true;
	syncing_submit(webpush, mem_zalloc(sizeof(struct syncing)), clean_run, clean_done);
}

void owed_less(struct webpush *webpush)
{
	atomic_fetch_sub(&webpush->owing, 1);
	tell_clean(webpush);
}

static void owed_free(struct owed **owed)
{
	struct webpush *webpush = (*owed)->webpush;

	free((*owed)->rows);
	free(*owed);
	*owed = NULL;
	owed_less(webpush);
	webpush_pending_sub(webpush);
}

void owed_lose(struct owed **owed)
{
	if (!*owed)
		return;
	atomic_store(&(*owed)->webpush->owed_lost, true);
	owed_free(owed);
}

static struct owed *owed_pop(struct list *list)
{
	struct list_node *node = list_pop(list);
	return node ? CONTAINER_OF(node, struct owed, node) : NULL;
}

static void owed_lose_all(struct list *list)
{
	for (struct owed *owed = owed_pop(list); owed; owed = owed_pop(list))
		owed_lose(&owed);
}

/* The accounts. */

static enum rc clearing_run(struct account *account, struct job *job)
{
	struct clearing *clearing = (struct clearing *)(void *)job;
	enum rc rc = RC_OK;

	LIST_EACH (node, &clearing->owed) {
		const struct owed *owed = CONTAINER_OF(node, struct owed, node);
		if (rc == RC_OK)
			rc = push_owed_remove(account, owed->rows, owed->count);
	}
	return rc;
}

static void clearing_done(struct job *job)
{
	struct clearing *clearing = (struct clearing *)(void *)job;

	if (job->rc != RC_OK && job->rc != RC_GONE) {
		log_warn(clearing->webpush->log, "notes of owed pushes stay account=%s error=%s",
			store_account_shown(clearing->webpush->store, clearing->account), rc_name(job->rc));
		owed_lose_all(&clearing->owed);
	}
	for (struct owed *owed = owed_pop(&clearing->owed); owed; owed = owed_pop(&clearing->owed))
		owed_free(&owed);
	free(clearing);
}

static void clearing_submit(struct webpush *webpush, struct clearing *clearing)
{
	struct account *account = account_get(webpush->store, clearing->account);

	clearing->webpush = webpush;
	clearing->job.kind = JOB_WRITE_RELAXED;
	clearing->job.run = clearing_run;
	clearing->job.done = clearing_done;
	clearing->job.home = webpush->reactor;
	job_submit_always(account, &clearing->job);
	account_unref(&account);
}

static void clear_accounts(struct webpush *webpush, struct list *list)
{
	struct clearing *all = NULL;
	struct clearing *clearing;
	struct clearing *next;

	for (struct owed *owed = owed_pop(list); owed; owed = owed_pop(list)) {
		HASH_FIND(hh, all, &owed->account, sizeof(owed->account), clearing);
		if (!clearing) {
			clearing = mem_zalloc(sizeof(*clearing));
			clearing->account = owed->account;
			list_init(&clearing->owed);
			HASH_ADD(hh, all, account, sizeof(clearing->account), clearing);
		}
		list_append(&clearing->owed, &owed->node);
	}
	HASH_ITER (hh, all, clearing, next) {
		HASH_DEL(all, clearing);
		clearing_submit(webpush, clearing);
	}
}

/* push.db. */

static enum rc nothing_run(struct pushq *pushq, struct pushq_job *job)
{
	(void)pushq;
	(void)job;
	return RC_OK;
}

static void settle(void *arg);

static void settle_soon(struct webpush *webpush)
{
	if (webpush->closed) {
		owed_lose_all(&webpush->owed_waiting);
		webpush->owed_count = 0;
	} else if (atomic_load(&webpush->stopping)) {
		settle(webpush);
	} else if (!timer_pending(&webpush->owed_timer)) {
		timer_set(&webpush->owed_timer, SETTLE_MS);
	}
}

static void synced(struct pushq_job *job)
{
	struct syncing *syncing = (struct syncing *)(void *)job;
	struct webpush *webpush = syncing->webpush;

	webpush->owed_syncing = false;
	if (job->rc == RC_OK && !webpush->closed) {
		clear_accounts(webpush, &syncing->owed);
	} else {
		log_warn(webpush->log, "pushes stay owed, push.db is not synced error=%s", rc_name(job->rc));
		owed_lose_all(&syncing->owed);
	}
	if (!list_empty(&webpush->owed_waiting))
		settle_soon(webpush);
	webpush_pending_sub(webpush);
	free(syncing);
}

static void settle(void *arg)
{
	struct webpush *webpush = arg;

	if (webpush->owed_syncing || list_empty(&webpush->owed_waiting))
		return;
	struct syncing *syncing = mem_zalloc(sizeof(*syncing));
	list_init(&syncing->owed);
	for (struct owed *owed = owed_pop(&webpush->owed_waiting); owed;
		owed = owed_pop(&webpush->owed_waiting))
		list_append(&syncing->owed, &owed->node);
	webpush->owed_count = 0;
	webpush->owed_syncing = true;
	syncing_submit(webpush, syncing, nothing_run, synced);
}

void owed_settle(struct owed **owed)
{
	struct webpush *webpush = (*owed)->webpush;

	if (webpush->owed_count >= OWED_MAX) {
		owed_lose(owed);
		return;
	}
	list_append(&webpush->owed_waiting, &(*owed)->node);
	webpush->owed_count++;
	*owed = NULL;
	settle_soon(webpush);
}

void owed_init(struct webpush *webpush)
{
	list_init(&webpush->owed_waiting);
	timer_init(&webpush->owed_timer, webpush->reactor, settle, webpush);
}

void owed_stop(struct webpush *webpush)
{
	timer_cancel(&webpush->owed_timer);
	settle_soon(webpush);
	tell_clean(webpush);
}

void owed_fini(struct webpush *webpush)
{
	owed_lose_all(&webpush->owed_waiting);
	timer_fini(&webpush->owed_timer);
}
