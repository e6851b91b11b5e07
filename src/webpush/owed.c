/*
 * Batches of delivered messages wait for a sync of push.db; then a job of each account deletes their notes.
 */
#include "webpush/owed.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/pushq.h"
#include "webpush/core.h"

#include <stdlib.h>

#define OWED_SETTLE_MS 1000

/* A job that deletes notes of one account. */
struct owed_clearing {
	struct job job;
	UT_hash_handle hh;
	int64_t account;
	struct owed *owed; /* borrowed */
	struct list batches;
};

/* A job that syncs push.db. */
struct owed_syncing {
	struct pushq_job job;
	struct owed *owed; /* borrowed */
	struct list batches; /* batches that it settles */
};

struct owed_batch *owed_batch_new(
	struct owed *owed, int64_t account, struct push_owed_row *rows, size_t count)
{
	struct owed_batch *batch = mem_zalloc(sizeof(*batch));

	owed_more(owed);
	core_pending_add(owed->core);
	batch->owed = owed;
	batch->account = account;
	batch->rows = rows;
	batch->count = count;
	return batch;
}

void owed_more(struct owed *owed)
{
	atomic_fetch_add(&owed->owing, 1);
}

void owed_note_lost(struct owed *owed)
{
	atomic_store(&owed->lost, true);
}

/* The mark: nothing is owed. */

static enum rc owed_clean_run(struct pushq *pushq, struct pushq_job *job)
{
	(void)job;
	return pushq_set_clean(pushq);
}

static void owed_clean_done(struct pushq_job *job)
{
	struct owed_syncing *syncing = CONTAINER_OF(job, struct owed_syncing, job);

	core_pending_sub(syncing->owed->core);
	free(syncing);
}

static void owed_sync_submit(struct owed *owed, struct owed_syncing *syncing,
	enum rc (*run)(struct pushq *pushq, struct pushq_job *job), void (*done)(struct pushq_job *job))
{
	core_pending_add(owed->core);
	syncing->owed = owed;
	syncing->job = (struct pushq_job){
		.write = true, .sync = true, .run = run, .done = done, .home = owed->core->reactor
	};
	pushq_submit(owed->core->store, &syncing->job);
}

static void owed_tell_clean(struct owed *owed)
{
	const struct core *core = owed->core;

	if (!core_stopping(core) || core->closed || owed->clean_told || !core->running ||
		atomic_load(&owed->owing) > 0 || atomic_load(&owed->lost))
		return;
	owed->clean_told = true;
	owed_sync_submit(owed, mem_zalloc(sizeof(struct owed_syncing)), owed_clean_run, owed_clean_done);
}

void owed_less(struct owed *owed)
{
	atomic_fetch_sub(&owed->owing, 1);
	owed_tell_clean(owed);
}

static void owed_batch_free(struct owed_batch **batch)
{
	struct owed *owed = (*batch)->owed;

	free((*batch)->rows);
	free(*batch);
	*batch = NULL;
	owed_less(owed);
	core_pending_sub(owed->core);
}

void owed_lose(struct owed_batch **batch)
{
	if (!*batch)
		return;
	owed_note_lost((*batch)->owed);
	owed_batch_free(batch);
}

static struct owed_batch *owed_pop(struct list *list)
{
	struct list_node *node = list_pop(list);
	return node ? CONTAINER_OF(node, struct owed_batch, node) : NULL;
}

static void owed_lose_all(struct list *list)
{
	for (struct owed_batch *batch = owed_pop(list); batch; batch = owed_pop(list))
		owed_lose(&batch);
}

/* The accounts. */

static enum rc owed_clearing_run(struct account *account, struct job *job)
{
	struct owed_clearing *clearing = CONTAINER_OF(job, struct owed_clearing, job);
	enum rc rc = RC_OK;

	LIST_EACH (node, &clearing->batches) {
		const struct owed_batch *batch = CONTAINER_OF(node, struct owed_batch, node);
		if (rc == RC_OK)
			rc = push_owed_remove(account, batch->rows, batch->count);
	}
	return rc;
}

static void owed_clearing_done(struct job *job)
{
	struct owed_clearing *clearing = CONTAINER_OF(job, struct owed_clearing, job);
	const struct core *core = clearing->owed->core;

	if (job->rc != RC_OK && job->rc != RC_GONE) {
		log_warn(core->log, "notes of owed pushes stay account=%s rc=%s",
			store_account_shown(core->store, clearing->account), rc_name(job->rc));
		owed_lose_all(&clearing->batches);
	}
	for (struct owed_batch *batch = owed_pop(&clearing->batches); batch;
		batch = owed_pop(&clearing->batches))
		owed_batch_free(&batch);
	free(clearing);
}

static void owed_clearing_submit(struct owed *owed, struct owed_clearing *clearing)
{
	struct account *account = account_get(owed->core->store, clearing->account);

	clearing->owed = owed;
	clearing->job.kind = JOB_WRITE_RELAXED;
	clearing->job.run = owed_clearing_run;
	clearing->job.done = owed_clearing_done;
	clearing->job.home = owed->core->reactor;
	job_submit_always(account, &clearing->job);
	account_unref(&account);
}

/* Submits one job for each account. */
static void owed_clear_accounts(struct owed *owed, struct list *list)
{
	struct owed_clearing *all = NULL;
	struct owed_clearing *clearing;
	struct owed_clearing *next;

	for (struct owed_batch *batch = owed_pop(list); batch; batch = owed_pop(list)) {
		HASH_FIND(hh, all, &batch->account, sizeof(batch->account), clearing);
		if (!clearing) {
			clearing = mem_zalloc(sizeof(*clearing));
			clearing->account = batch->account;
			list_init(&clearing->batches);
			HASH_ADD(hh, all, account, sizeof(clearing->account), clearing);
		}
		list_append(&clearing->batches, &batch->node);
	}
	HASH_ITER (hh, all, clearing, next) {
		HASH_DEL(all, clearing);
		owed_clearing_submit(owed, clearing);
	}
}

/* push.db. */

/* Changes nothing: only the sync of the job matters. */
static enum rc owed_sync_run(struct pushq *pushq, struct pushq_job *job)
{
	(void)pushq;
	(void)job;
	return RC_OK;
}

static void owed_sync(void *arg);

static void owed_sync_soon(struct owed *owed)
{
	if (owed->core->closed) {
		owed_lose_all(&owed->waiting);
		owed->count = 0;
	} else if (core_stopping(owed->core)) {
		owed_sync(owed);
	} else if (!timer_pending(&owed->timer)) {
		timer_set(&owed->timer, OWED_SETTLE_MS);
	}
}

static void owed_sync_done(struct pushq_job *job)
{
	struct owed_syncing *syncing = CONTAINER_OF(job, struct owed_syncing, job);
	struct owed *owed = syncing->owed;
	struct core *core = owed->core;

	owed->syncing = false;
	if (job->rc == RC_OK && !core->closed) {
		owed_clear_accounts(owed, &syncing->batches);
	} else {
		log_warn(core->log, "pushes stay owed, push.db is not synced rc=%s", rc_name(job->rc));
		owed_lose_all(&syncing->batches);
	}
	if (!list_empty(&owed->waiting))
		owed_sync_soon(owed);
	free(syncing);
	core_pending_sub(core);
}

static void owed_sync(void *arg)
{
	struct owed *owed = arg;

	if (owed->syncing || list_empty(&owed->waiting))
		return;
	struct owed_syncing *syncing = mem_zalloc(sizeof(*syncing));
	list_init(&syncing->batches);
	list_splice(&syncing->batches, &owed->waiting);
	owed->count = 0;
	owed->syncing = true;
	owed_sync_submit(owed, syncing, owed_sync_run, owed_sync_done);
}

void owed_settle(struct owed_batch **batch)
{
	struct owed *owed = (*batch)->owed;

	if (owed->count >= OWED_MAX) {
		owed_lose(batch);
		return;
	}
	list_append(&owed->waiting, &(*batch)->node);
	owed->count++;
	*batch = NULL;
	owed_sync_soon(owed);
}

void owed_init(struct owed *owed, struct core *core)
{
	*owed = (struct owed){ .core = core };
	list_init(&owed->waiting);
	timer_init(&owed->timer, core->reactor, owed_sync, owed);
}

void owed_stop(struct owed *owed)
{
	timer_cancel(&owed->timer);
	owed_sync_soon(owed);
	owed_tell_clean(owed);
}

void owed_fini(struct owed *owed)
{
	owed_lose_all(&owed->waiting);
	timer_fini(&owed->timer);
}
