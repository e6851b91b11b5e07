/*
 * Reads push.db at the start into lists; the push thread then queues pushes, watches subscriptions and opens
 * accounts.
 */
#include "webpush/recovery.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "store/pushq.h"
#include "webpush/core.h"
#include "webpush/device.h"
#include "webpush/expiry.h"
#include "webpush/owed.h"
#include "webpush/queue.h"
#include "webpush/subs.h"
#include "webpush/writeback.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define RECOVERY_OPENING_MAX 4 /* accounts at a time */

/* A message whose pushes were in push.db: no other pushes are owed for it. */
struct recovery_known_key {
	int64_t account;
	int64_t mailbox;
	int64_t uid;
};

struct recovery_known {
	UT_hash_handle hh;
	struct recovery_known_key key;
};

struct recovery_expiry {
	int64_t account;
	int64_t due;
	char *subscription; /* own */
	char *endpoint; /* own */
};

struct recovery {
	struct pushq_job job;
	struct recovery_parties with;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool loaded; /* under lock */

	struct push_list pushes; /* own */
	struct recovery_expiry *expiring; /* own */
	size_t expiring_count;
	size_t expiring_cap;
	int64_t *accounts; /* own: accounts that may owe */
	size_t account_count;
	size_t account_cap;
	struct recovery_known *known; /* own */

	size_t next; /* [push] account to be opened, as the next one */
	unsigned opening;
};

/* Grows an array if it has no room for one more element. */
static void *recovery_grow(void *v, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return v;
	*cap = *cap ? 2 * *cap : 64;
	return mem_realloc(v, *cap, size);
}

/* [pushq] */

static bool recovery_on_push(void *arg, const struct push_record *record)
{
	struct recovery *recovery = arg;
	int64_t wait = record->due - clock_wall();

	if (record->keys.n != sizeof(struct ece_receiver) || record->kind >= PUSH_TEST)
		return true;
	struct push *push = push_new((enum push_kind)record->kind, record->account, record->subscription,
		record->endpoint, record->plain);
	push->id = record->id;
	push->mailbox = record->mailbox;
	push->uid = record->uid;
	push->flags = record->flags;
	memcpy(&push->receiver, record->keys.p, sizeof(push->receiver));
	if (record->vapid.n == VAPID_ID)
		memcpy(push->vapid, record->vapid.p, VAPID_ID);
	push->created = record->created;
	push->expires = record->expires;
	push->tries = record->tries;
	push->due = clock_mono_ms() + (wait > 0 ? (uint64_t)wait * 1000 : 0);
	push_list_add(&recovery->pushes, push);
	return recovery->pushes.n < RECOVERY_LOAD_MAX;
}

static void recovery_on_expiry(
	void *arg, int64_t account, struct strv subscription, struct strv endpoint, int64_t due)
{
	struct recovery *recovery = arg;

	recovery->expiring = recovery_grow(recovery->expiring, recovery->expiring_count,
		&recovery->expiring_cap, sizeof(struct recovery_expiry));
	recovery->expiring[recovery->expiring_count++] = (struct recovery_expiry){
		.account = account,
		.due = due,
		.subscription = mem_strndup(subscription.p, subscription.n),
		.endpoint = mem_strndup(endpoint.p, endpoint.n),
	};
}

static void recovery_on_account(void *arg, int64_t account)
{
	struct recovery *recovery = arg;

	recovery->accounts = recovery_grow(recovery->accounts, recovery->account_count,
		&recovery->account_cap, sizeof(*recovery->accounts));
	recovery->accounts[recovery->account_count++] = account;
}

static void recovery_forget(struct recovery *recovery)
{
	push_list_drop(&recovery->pushes, NULL, NULL);
	for (size_t i = 0; i < recovery->expiring_count; i++) {
		free(recovery->expiring[i].subscription);
		free(recovery->expiring[i].endpoint);
	}
	recovery->expiring_count = 0;
	recovery->account_count = 0;
}

static void recovery_note_known(void *arg, int64_t account, int64_t mailbox, uint32_t uid)
{
	struct recovery *recovery = arg;
	struct recovery_known_key key = { account, mailbox, uid };
	struct recovery_known *known = NULL;

	if (uid == 0)
		return;
	HASH_FIND(hh, recovery->known, &key, sizeof(key), known);
	if (known)
		return;
	known = mem_zalloc(sizeof(*known));
	known->key = key;
	HASH_ADD(hh, recovery->known, key, sizeof(key), known);
}

static enum rc recovery_load_run(struct pushq *pushq, struct pushq_job *job)
{
	struct recovery *recovery = CONTAINER_OF(job, struct recovery, job);

	recovery_forget(recovery);
	enum rc rc = pushq_remove_expired(pushq, clock_wall());
	if (rc == RC_OK)
		rc = pushq_list(pushq, 0, recovery_on_push, recovery);
	if (rc == RC_OK)
		rc = pushq_sent_list(pushq, recovery_note_known, recovery);
	if (rc == RC_OK)
		rc = pushq_expiries(pushq, recovery_on_expiry, recovery);
	if (rc == RC_OK && !pushq_was_clean(pushq))
		rc = pushq_subscribers(pushq, recovery_on_account, recovery);
	return rc;
}

static void recovery_load_done(struct pushq_job *job)
{
	struct recovery *recovery = CONTAINER_OF(job, struct recovery, job);

	pthread_mutex_lock(&recovery->lock);
	recovery->loaded = true;
	pthread_cond_signal(&recovery->cond);
	pthread_mutex_unlock(&recovery->lock);
}

void recovery_load(struct recovery *recovery)
{
	struct core *core = recovery->with.core;

	recovery->job =
		(struct pushq_job){ .write = true, .run = recovery_load_run, .done = recovery_load_done };
	pushq_submit(core->store, &recovery->job);
	pthread_mutex_lock(&recovery->lock);
	while (!recovery->loaded)
		pthread_cond_wait(&recovery->cond, &recovery->lock);
	pthread_mutex_unlock(&recovery->lock);
	if (recovery->job.rc != RC_OK) {
		log_warn(core->log, "waiting pushes can't be read rc=%s", rc_name(recovery->job.rc));
		recovery_forget(recovery);
	}
	for (size_t i = 0; i < recovery->pushes.n; i++) {
		const struct push *push = recovery->pushes.v[i];
		recovery_note_known(recovery, push->account, push->mailbox, push->uid);
	}
}

bool recovery_knows(const struct recovery *recovery, const struct push *push)
{
	struct recovery_known_key key = { push->account, push->mailbox, push->uid };
	struct recovery_known *known = NULL;

	HASH_FIND(hh, recovery->known, &key, sizeof(key), known);
	return known != NULL;
}

/* [push] Accounts that may owe. */

struct recovery_opening {
	struct job job;
	struct recovery *recovery; /* borrowed */
	bool subscribed; /* result */
};

static enum rc recovery_opening_run(struct account *account, struct job *job)
{
	struct recovery_opening *opening = CONTAINER_OF(job, struct recovery_opening, job);
	struct subs_list subs = { 0 };
	struct device_list devices = { 0 };
	enum rc rc = subs_load(account, account_arena(account), &subs);

	if (rc == RC_OK)
		rc = device_load(account, 0, account_arena(account), &devices);
	opening->subscribed = rc != RC_OK || subs.n > 0 || devices.n > 0;
	return rc;
}

static void recovery_open_more(struct recovery *recovery);

static void recovery_opening_done(struct job *job)
{
	struct recovery_opening *opening = CONTAINER_OF(job, struct recovery_opening, job);
	struct recovery *recovery = opening->recovery;
	struct core *core = recovery->with.core;

	recovery->opening--;
	if (!core->closed && (job->rc == RC_GONE || (job->rc == RC_OK && !opening->subscribed)))
		writeback_unlist(recovery->with.writeback, account_id(job->account));
	else if (job->rc != RC_OK)
		owed_note_lost(recovery->with.owed);
	free(opening);
	recovery_open_more(recovery);
	core_pending_sub(core);
}

static void recovery_open_one(struct recovery *recovery, int64_t number)
{
	struct core *core = recovery->with.core;
	struct recovery_opening *opening = mem_zalloc(sizeof(*opening));
	struct account *account = account_get(core->store, number);

	core_pending_add(core);
	recovery->opening++;
	opening->recovery = recovery;
	opening->job.kind = JOB_READ;
	opening->job.run = recovery_opening_run;
	opening->job.done = recovery_opening_done;
	opening->job.home = core->reactor;
	job_submit_always(account, &opening->job);
	account_unref(&account);
}

static void recovery_open_more(struct recovery *recovery)
{
	bool stopping = core_stopping(recovery->with.core);

	while (!stopping && recovery->next < recovery->account_count &&
		recovery->opening < RECOVERY_OPENING_MAX)
		recovery_open_one(recovery, recovery->accounts[recovery->next++]);
	if (recovery->opening > 0 || !recovery->accounts)
		return;
	if (recovery->next < recovery->account_count)
		owed_note_lost(recovery->with.owed);
	free(recovery->accounts);
	recovery->accounts = NULL;
	owed_less(recovery->with.owed);
}

void recovery_take(struct recovery *recovery)
{
	const struct core *core = recovery->with.core;

	if (recovery->pushes.n > 0)
		log_info(core->log, "pushes that have waited count=%zu", recovery->pushes.n);
	for (size_t i = 0; i < recovery->pushes.n; i++)
		queue_wait(recovery->with.queue, recovery->pushes.v[i]);
	recovery->pushes.n = 0;
	for (size_t i = 0; i < recovery->expiring_count; i++) {
		const struct recovery_expiry *e = &recovery->expiring[i];
		expiry_restore(recovery->with.expiry, e->account, e->subscription, e->endpoint, e->due);
	}
	if (!recovery->accounts)
		return;
	log_info(core->log, "the last process was not closed in order: looking for owed pushes accounts=%zu",
		recovery->account_count);
	owed_more(recovery->with.owed);
	recovery_open_more(recovery);
}

struct recovery *recovery_new(const struct recovery_parties *parties)
{
	struct recovery *recovery = mem_zalloc(sizeof(*recovery));

	recovery->with = *parties;
	pthread_mutex_init(&recovery->lock, NULL);
	pthread_cond_init(&recovery->cond, NULL);
	return recovery;
}

void recovery_free(struct recovery **recovery)
{
	struct recovery *r = *recovery;
	struct recovery_known *known;
	struct recovery_known *next;

	if (!r)
		return;
	*recovery = NULL;
	recovery_forget(r);
	HASH_ITER (hh, r->known, known, next) {
		HASH_DEL(r->known, known);
		free(known);
	}
	push_list_fini(&r->pushes);
	free(r->expiring);
	free(r->accounts);
	pthread_cond_destroy(&r->cond);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
